//! Tools that are killed, disks that are full, writers that meet, a server that dies: nothing is ever half there.

mod disk;
mod gateway;
mod kills;
mod writers;

use std::time::{SystemTime, UNIX_EPOCH};

/// Random numbers that a failed run can be repeated with: `S3PIPES_SEED`, or the time; it is printed.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new() -> Self {
        let given = std::env::var("S3PIPES_SEED").ok();
        let seed = given.and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.map_or(1, |now| now.as_secs())
        });
        println!("S3PIPES_SEED={seed}");
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // The low bits follow each other too closely.
        (self.0 >> 16) % end.max(1)
    }
}

//! A line of limited speed: whoever moves bytes over it sleeps until they would have arrived.

use std::time::{Duration, Instant};

/// A piece small enough to look smooth.
const PIECE: usize = 64 << 10;

/// The speed of one connection.
pub(crate) struct Pace {
    rate: u64,
    free: Instant,
}

impl Pace {
    /// `rate` bytes per second; 0 is no limit.
    pub(crate) fn new(rate: u64) -> Self {
        Self {
            rate,
            free: Instant::now(),
        }
    }

    /// The most that should be moved at once, of `want`.
    pub(crate) fn piece(&self, want: usize) -> usize {
        if self.rate == 0 {
            want
        } else {
            want.min(PIECE)
        }
    }

    /// Sleeps for as long as `bytes` take. Time in which nothing moved is not made good.
    pub(crate) fn moved(&mut self, bytes: usize) {
        if self.rate == 0 {
            return;
        }
        let now = Instant::now();
        self.free =
            self.free.max(now) + Duration::from_secs(1).mul_f64(bytes as f64 / self.rate as f64);
        std::thread::sleep(self.free - now);
    }
}

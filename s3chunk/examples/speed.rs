//! How fast streams are cut and hashed: `cargo run --release -p s3chunk --example speed [FILE]`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "it is for a person who measures"
)]

use common::chunks::Cut;
use s3chunk::cutter::{Cutter, WINDOW};
use s3chunk::key::Key;

const BLOCK: usize = 1 << 20;

fn main() {
    let key = Key([7; 32]);
    let mut bytes = vec![0; WINDOW];
    if let Some(path) = std::env::args().nth(1) {
        bytes.extend(std::fs::read(path).unwrap());
    } else {
        bytes.resize(256 << 20, 0);
        blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    }
    for _ in 0..3 {
        let began = now();
        let (mut cutter, mut count) = (Cutter::new(&key, Cut::Average(1 << 20)), 0u64);
        for base in (0..bytes.len() - WINDOW).step_by(BLOCK) {
            let block = &bytes[base..bytes.len().min(base + WINDOW + BLOCK)];
            let mut at = WINDOW;
            while let Some(end) = (at < block.len()).then(|| cutter.next(block, at)).flatten() {
                count += 1;
                at = end;
            }
        }
        say("cut", bytes.len(), began);
        println!(
            "{count} chunks of {} bytes",
            bytes.len() as u64 / count.max(1)
        );
        let began = now();
        let hashes: u8 = bytes
            .chunks(BLOCK)
            .map(|chunk| key.hash(chunk)[0])
            .fold(0, |a, b| a ^ b);
        say("hash", bytes.len() + usize::from(hashes & 1), began);
    }
}

fn say(what: &str, bytes: usize, began: f64) {
    println!("{what}: {:.2} GB/s", bytes as f64 / (now() - began) / 1e9);
}

/// Seconds of this thread's work, whatever else the machine does.
fn now() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

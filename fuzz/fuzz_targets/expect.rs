//! See `tests::fuzz::expect`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::expect::target(data));

//! See `tests::fuzz::words`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::words::argument(data));

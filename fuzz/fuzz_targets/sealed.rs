//! See `tests::fuzz::stored`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::stored::sealed(data));

//! See `tests::fuzz::names`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::names::catalogue(data));

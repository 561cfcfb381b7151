#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chirp_fuzz_targets::two_sessions(data));

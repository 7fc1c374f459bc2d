//! A body of one beacon: refused, or whole.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = vitalscope_fuzz::accept(bytes);
});

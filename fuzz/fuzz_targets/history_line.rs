//! A line of an imported history: refused with a reason, or a series-hour or page view that the detector can take.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vitalscope_fuzz::history::{Histories, Line, parse};

fuzz_target!(|bytes: &[u8]| {
    match parse(bytes) {
        Ok(Line::View(accepted)) => vitalscope_fuzz::check(&accepted),
        Ok(Line::Hour(hour)) => {
            let buckets = &hour.buckets;
            assert!(buckets.is_sorted_by(|a, b| a.0 < b.0));
            // Twice the same hour is one hour.
            let _ = Histories::of_lines(vec![hour.clone(), hour]);
        }
        Err(reason) => assert!(!reason.is_empty()),
    }
});

//! The one place that reads the wall clock; everything else is given the time.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// Shifts this clock by so many ms, read once: for tests of what a wrong or jumping clock does.
pub const OFFSET_VARIABLE: &str = "VITALSCOPE_CLOCK_OFFSET_MS";

/// Ms since the epoch; 0 on a machine that believes to be before it.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since
        .map_or(0, |since| since.as_millis() as u64)
        .saturating_add_signed(offset_ms())
}

fn offset_ms() -> i64 {
    static OFFSET_MS: OnceLock<i64> = OnceLock::new();
    *OFFSET_MS.get_or_init(|| {
        let text = std::env::var(OFFSET_VARIABLE).unwrap_or_default();
        text.parse().unwrap_or(0)
    })
}

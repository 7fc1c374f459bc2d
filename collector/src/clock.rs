//! The one place that reads the wall clock; everything else is given the time.

use std::time::{SystemTime, UNIX_EPOCH};

/// Ms since the epoch; 0 on a machine that believes to be before it.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

//! Numbers and texts from JavaScript -> what the engine takes. A record has a kind, its numbers, a text and a selector:
//!
//! | kind | numbers: start, then | text |
//! |---|---|---|
//! | 0 first-contentful-paint | | |
//! | 1 largest-contentful-paint | request and end of its image's loading, if known | address |
//! | 2 layout-shift | score, 1 after input | |
//! | 3 event, 4 first-input | duration, processing start, processing end, interaction id | name |

use vitals::{Entry, EventEntry, LcpEntry, Navigation, ResourceTiming, ShiftEntry};
use wire::NavigationType;

/// A number of a list; NaN where there is none.
#[inline(never)]
pub fn at(numbers: &[f64], place: usize) -> f64 {
    numbers.get(place).copied().unwrap_or(f64::NAN)
}

/// The document's own record as the engine wants it. A type that has no place among the beacon's is a plain navigation.
pub fn navigation(numbers: &[f64]) -> Navigation {
    Navigation {
        navigation_type: match at(numbers, 0) as i32 {
            1 => NavigationType::Reload,
            2 => NavigationType::BackForward,
            4 => NavigationType::Prerender,
            _ => NavigationType::Navigate,
        },
        activation_start_ms: at(numbers, 1),
        worker_start_ms: at(numbers, 2),
        fetch_start_ms: at(numbers, 3),
        domain_lookup_start_ms: at(numbers, 4),
        connect_start_ms: at(numbers, 5),
        connect_end_ms: at(numbers, 6),
        response_start_ms: at(numbers, 7),
    }
}

/// A record as the engine wants it.
pub fn entry(kind: u32, numbers: &[f64], text: String, selector: String) -> Entry {
    let start_ms = at(numbers, 0);
    match kind {
        0 => Entry::Fcp { start_ms },
        1 => Entry::Lcp(LcpEntry {
            start_ms,
            element: selector,
            url: text,
            resource: (numbers.len() > 2).then(|| ResourceTiming {
                request_ms: at(numbers, 1),
                response_end_ms: at(numbers, 2),
            }),
        }),
        2 => Entry::Shift(ShiftEntry {
            start_ms,
            value: at(numbers, 1),
            had_recent_input: at(numbers, 2) > 0.0,
            source: selector,
        }),
        _ => {
            let event = EventEntry {
                start_ms,
                duration_ms: at(numbers, 1),
                processing_start_ms: at(numbers, 2),
                processing_end_ms: at(numbers, 3),
                interaction_id: at(numbers, 4) as u64,
                name: text,
                target: selector,
            };
            if kind == 3 {
                Entry::Event(event)
            } else {
                Entry::FirstInput(event)
            }
        }
    }
}

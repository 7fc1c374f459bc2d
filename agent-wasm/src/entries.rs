//! Records -> `vitals::Entry`, and the hand-over from the shim. A record is an array `[kind, start, a, b, c, d, text, selector]`
//! with times in ms, copied by `records.js` for the shim and the agent alike:
//!
//! | kind | a | b | c | d | text |
//! |---|---|---|---|---|---|
//! | 0 first-contentful-paint | | | | | |
//! | 1 largest-contentful-paint | | | | | address |
//! | 2 layout-shift | score | 1 after input | | | |
//! | 3 event, 4 first-input | duration | processing start | processing end | interaction id | name |

use js_sys::{Array, Function, Object};
use vitals::{Entry, EventEntry, LcpEntry, ResourceTiming, ShiftEntry};
use wasm_bindgen::{JsCast, JsValue};

use crate::page::{self, number, text};

/// What was seen before the agent was there.
#[derive(Default)]
pub struct Early {
    pub entries: Vec<Entry>,
    /// Times at which the page became hidden.
    pub hidden_at_ms: Vec<f64>,
    /// Whether the shim observed, so that the past is known.
    pub observed: bool,
    /// Records that the shim had no room for.
    pub dropped: u32,
}

impl Early {
    /// Stops the shim's observers before the agent's own begin, so that no layout shift counts twice, and takes what it holds.
    pub fn take(shim: &Object) -> Early {
        if let Some(stop) = page::value(shim, "stop").dyn_ref::<Function>() {
            page::call(stop, &JsValue::UNDEFINED);
        }
        let records = page::value(shim, "records");
        let hidden = page::value(shim, "hidden");
        Early {
            entries: records.dyn_ref().map(entries).unwrap_or_default(),
            hidden_at_ms: hidden.dyn_ref().map(numbers).unwrap_or_default(),
            observed: records.is_object(),
            dropped: page::value(shim, "dropped").as_f64().unwrap_or(0.0) as u32,
        }
    }
}

pub fn numbers(array: &Array) -> Vec<f64> {
    (0..array.length())
        .map(|index| number(array, index))
        .collect()
}

pub fn entries(records: &Array) -> Vec<Entry> {
    (0..records.length())
        .filter_map(|index| entry(records.get(index).unchecked_ref()))
        .collect()
}

fn entry(record: &Array) -> Option<Entry> {
    let start_ms = number(record, 1);
    let selector = text(record, 7);
    // A kind that is no number becomes 0; the shim and the agent write none.
    let kind = number(record, 0) as u32;
    Some(match kind {
        0 => Entry::Fcp { start_ms },
        1 => {
            let url = text(record, 6);
            let resource = page::resource(&url, start_ms).map(|timing| ResourceTiming {
                request_ms: number(&timing, 0),
                response_end_ms: number(&timing, 1),
            });
            Entry::Lcp(LcpEntry {
                start_ms,
                element: selector,
                resource,
                url,
            })
        }
        2 => {
            let had_recent_input = number(record, 3) > 0.0;
            Entry::Shift(ShiftEntry {
                start_ms,
                value: number(record, 2),
                had_recent_input,
                source: selector,
            })
        }
        3 | 4 => {
            let event = EventEntry {
                start_ms,
                duration_ms: number(record, 2),
                processing_start_ms: number(record, 3),
                processing_end_ms: number(record, 4),
                interaction_id: number(record, 5) as u64,
                name: text(record, 6),
                target: selector,
            };
            if kind == 3 {
                Entry::Event(event)
            } else {
                Entry::FirstInput(event)
            }
        }
        _ => return None,
    })
}

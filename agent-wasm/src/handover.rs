//! Takes over from the shim: what it has seen becomes entries, and its observers stop before the agent's own begin, so that no
//! layout shift counts twice. The shim's records are arrays of eight fields:
//! `[kind, start, a, b, c, d, text, selector]`, times in ms.
//!
//! | kind | a | b | c | d | text |
//! |---|---|---|---|---|---|
//! | 0 first-contentful-paint | | | | | |
//! | 1 largest-contentful-paint | | | | | address |
//! | 2 layout-shift | score | 1 after input | | | |
//! | 3 event, 4 first-input | duration | processing start | processing end | interaction id | name |

use js_sys::{Array, Function, Object};
use vitals::{Entry, EventEntry, LcpEntry, ShiftEntry};
use wasm_bindgen::JsCast;

use crate::{observe, page};

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
    /// Stops the shim and takes what it holds, exactly once: its lists are empty afterwards.
    pub fn take(shim: &Object) -> Early {
        let stop = page::value(shim, "stop");
        if let Some(stop) = stop.dyn_ref::<Function>() {
            let _ = stop.call0(shim);
        }
        let records = page::value(shim, "records");
        let hidden = page::value(shim, "hidden");
        let records = records.dyn_ref::<Array>();
        Early {
            entries: records
                .map(|records| {
                    records
                        .iter()
                        .filter_map(|record| entry(record.dyn_ref()?))
                        .collect()
                })
                .unwrap_or_default(),
            hidden_at_ms: hidden
                .dyn_ref::<Array>()
                .map(|times| times.iter().filter_map(|time| time.as_f64()).collect())
                .unwrap_or_default(),
            observed: records.is_some(),
            dropped: page::size(shim, "dropped").map_or(0, |count| count as u32),
        }
    }
}

fn entry(record: &Array) -> Option<Entry> {
    let number = |index| record.get(index).as_f64().unwrap_or(0.0);
    let text = |index| record.get(index).as_string().unwrap_or_default();
    let start_ms = number(1);
    let event = || EventEntry {
        start_ms,
        duration_ms: number(2),
        processing_start_ms: number(3),
        processing_end_ms: number(4),
        interaction_id: number(5) as u64,
        name: text(6),
        target: text(7),
    };
    Some(match record.get(0).as_f64()? as u32 {
        0 => Entry::Fcp { start_ms },
        1 => {
            let url = text(6);
            Entry::Lcp(LcpEntry {
                start_ms,
                element: text(7),
                resource: observe::resource(&url, start_ms),
                url,
            })
        }
        2 => Entry::Shift(ShiftEntry {
            start_ms,
            value: number(2),
            had_recent_input: number(3) > 0.0,
            source: text(7),
        }),
        3 => Entry::Event(event()),
        4 => Entry::FirstInput(event()),
        _ => return None,
    })
}

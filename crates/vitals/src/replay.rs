//! A page view driven by plain numbers: one call has a kind and up to nine numbers, unknown ones NaN. In the page these calls go
//! into WebAssembly one by one; where WebAssembly may not run they are kept, sent as a raw-entry beacon, and made in the collector.
//!
//! | kind | numbers |
//! |---|---|
//! | 0 first paint | start |
//! | 1 largest paint | start, request, response end, address*, element* |
//! | 2 layout shift | start, score, 1 after input, source* |
//! | 3 event, 4 first input | start, duration, processing start, processing end, interaction id, name*, target* |
//! | 5 long frame | start, duration, longest script, its address* |
//! | 6 interaction count | count |
//! | 7 navigation | type (0 navigate, 1 reload, 2 back-forward), activation, worker, fetch, DNS, connect, connected, response, now |
//! | 8 milestones | DOM interactive, DOM content loaded, complete |
//! | 9 load | |
//! | 10 input | |
//! | 11 hidden | at |
//! | 12 restored input | name*, delay, listened |
//! | 13 memory | source (1 the JavaScript heap, 2 the whole page), bytes, at, total, limit |
//! | 14 native | at, interaction count |
//!
//! Times are ms of the document's clock, sizes bytes; * is a [`Label`]. Opening has numbers of its own, see [`open`].

use wire::NavigationType;

use crate::entry::{EventEntry, FrameEntry, Label, LcpEntry, Navigation, ShiftEntry};
use crate::memory::{MemorySource, Sample};
use crate::page_view::PageView;
use crate::start::Opening;

/// Numbers of one call.
pub const NUMBERS: usize = 9;

/// Opens a page view from plain numbers: opening (0 document, 1 restored, 2 route, 3 native), start, first hidden time (NaN: not so
/// far), interaction count, flags ([`crate::start::flag`]). The flags, from the lowest bit: paint, largest paint, layout shift and
/// interaction ids are supported; the document was discarded before; its TTFB was known; it had painted; no first input can come.
pub fn open(opening: u32, at_ms: f64, first_hidden_ms: f64, count: f64, flags: u32) -> PageView {
    let mut view = PageView::BLANK;
    begin(&mut view, opening, at_ms, first_hidden_ms, count, flags);
    view
}

/// Writes what [`open`] takes over a blank page view.
pub fn begin(
    view: &mut PageView,
    opening: u32,
    at_ms: f64,
    first_hidden_ms: f64,
    count: f64,
    flags: u32,
) {
    let opening = match opening {
        1 => Opening::Restored,
        2 => Opening::Route,
        3 => Opening::Native,
        _ => Opening::Document,
    };
    view.begin(opening, at_ms, first_hidden_ms, count, flags & 255);
}

/// Makes one call. A kind that this version does not know says nothing. Answers false for an entry that no value can blame: its label
/// was not kept and need not name anything.
pub fn hear(view: &mut PageView, kind: u32, numbers: [f64; NUMBERS]) -> bool {
    let [a, b, c, d, e, f, g, h, i] = numbers;
    match kind {
        0 => view.on_paint(a),
        1 => view.on_lcp(&LcpEntry {
            start_ms: a,
            request_ms: if c > 0.0 { b } else { 0.0 },
            response_end_ms: c,
            url: Label(d),
            element: Label(e),
        }),
        2 => {
            return view.on_shift(&ShiftEntry {
                start_ms: a,
                value: b,
                had_recent_input: c > 0.0,
                source: Label(d),
            });
        }
        3 | 4 => {
            let event = EventEntry {
                start_ms: a,
                duration_ms: b,
                processing_start_ms: c,
                processing_end_ms: d,
                interaction_id: e,
                name: Label(f),
                target: Label(g),
            };
            return if kind == 3 {
                view.on_event(&event)
            } else {
                view.on_first_input(&event)
            };
        }
        5 => view.on_frame(&FrameEntry {
            start_ms: a,
            duration_ms: b,
            script_ms: c,
            script: Label(d),
        }),
        6 => view.on_interaction_count(a),
        7 => {
            let navigation = Navigation {
                navigation_type: match a as u32 {
                    1 => NavigationType::Reload,
                    2 => NavigationType::BackForward,
                    _ => NavigationType::Navigate,
                },
                // Browsers without prerendering have none; an unknown start would make every time count as 0.
                activation_start_ms: b.max(0.0),
                worker_start_ms: c,
                fetch_start_ms: d,
                domain_lookup_start_ms: e,
                connect_start_ms: f,
                connect_end_ms: g,
                response_start_ms: h,
            };
            view.on_navigation(&navigation, i);
        }
        8 => view.on_milestones([a, b, c]),
        9 => view.on_load(),
        10 => view.on_input(),
        11 => view.on_hidden(a),
        12 => view.on_restored_input(Label(a), b, c),
        13 => view.on_memory(&Sample {
            source: if a > 1.0 {
                MemorySource::UserAgentSpecific
            } else {
                MemorySource::UsedJsHeap
            },
            bytes: b,
            at_ms: c,
            total_bytes: d,
            limit_bytes: e,
        }),
        14 => view.on_native(a, b),
        _ => {}
    }
    true
}

//! Largest Contentful Paint: the newest candidate that was seen before the page was hidden or used. No maximum is taken: the
//! browser itself emits growing candidates.

use crate::attribution::{Facts, write};
use crate::entry::LcpEntry;
use crate::visibility::FirstHidden;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lcp {
    newest: Option<LcpEntry>,
    finished: bool,
}

impl Lcp {
    /// No candidate so far.
    pub const EMPTY: Lcp = Lcp {
        newest: None,
        finished: false,
    };

    pub fn on_entry(&mut self, entry: &LcpEntry, first_hidden: FirstHidden) {
        if !self.finished && first_hidden.is_after(entry.start_ms) {
            self.newest = Some(*entry);
        }
    }

    /// The visitor used the page or its visibility changed: what paints from here on is no longer loading.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    pub fn is_finished(&self) -> bool {
        self.finished
    }

    pub fn value_ms(&self, since_ms: f64) -> Option<f64> {
        self.newest
            .map(|entry| (entry.start_ms - since_ms).max(0.0))
    }

    /// Element, image and, where TTFB is known, four parts that sum to the value.
    pub fn attribution(&self, since_ms: f64, ttfb_ms: Option<f64>, facts: &mut Facts) {
        let Some(entry) = &self.newest else {
            return;
        };
        write(facts, [entry.element.fact(), entry.url.fact()]);
        let Some(ttfb_ms) = ttfb_ms else {
            return;
        };
        let value = (entry.start_ms - since_ms).max(0.0);
        let ttfb = ttfb_ms.min(value);
        // Text has no request: its load takes no time and everything after the first byte is waiting to render.
        let (load_start, load_end) = match entry.resource {
            Some(resource) => {
                let start = (resource.request_ms - since_ms).max(ttfb).min(value);
                (
                    start,
                    (resource.response_end_ms - since_ms).max(start).min(value),
                )
            }
            None => (ttfb, ttfb),
        };
        facts[2] = ttfb;
        facts[3] = load_start - ttfb;
        facts[4] = load_end - load_start;
        facts[5] = value - load_end;
    }
}

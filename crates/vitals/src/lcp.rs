//! Largest Contentful Paint: the newest candidate that was seen before the page was hidden or used. No maximum is taken: the
//! browser itself emits growing candidates.

use crate::attribution::{Facts, write};
use crate::entry::LcpEntry;
use crate::visibility::FirstHidden;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lcp {
    finished: bool,
    is_known: bool,
    newest: LcpEntry,
}

impl Lcp {
    /// No candidate so far.
    pub const EMPTY: Lcp = Lcp {
        finished: false,
        is_known: false,
        newest: LcpEntry::EMPTY,
    };

    pub fn on_entry(&mut self, entry: &LcpEntry, first_hidden: FirstHidden) {
        if !self.finished && first_hidden.is_after(entry.start_ms) {
            self.is_known = true;
            self.newest = *entry;
        }
    }

    /// The visitor used the page or its visibility changed: what paints from here on is no longer loading.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// NaN without a value.
    pub fn value_ms(&self, since_ms: f64) -> f64 {
        if self.is_known {
            (self.newest.start_ms - since_ms).max(0.0)
        } else {
            f64::NAN
        }
    }

    /// Element, image and, where TTFB is known (not NaN), four parts that sum to the value.
    pub fn attribution(&self, since_ms: f64, ttfb_ms: f64, facts: &mut Facts) {
        let entry = &self.newest;
        if !self.is_known {
            return;
        }
        write(facts, [entry.element.fact(), entry.url.fact()]);
        if ttfb_ms.is_nan() {
            return;
        }
        let value = self.value_ms(since_ms);
        let ttfb = ttfb_ms.min(value);
        // Text has no request: its stamps are 0, so its load takes no time and everything after the first byte is waiting to render.
        let load_start = (entry.request_ms - since_ms).max(ttfb).min(value);
        let load_end = (entry.response_end_ms - since_ms)
            .max(load_start)
            .min(value);
        facts[2] = ttfb;
        facts[3] = load_start - ttfb;
        facts[4] = load_end - load_start;
        facts[5] = value - load_end;
    }
}

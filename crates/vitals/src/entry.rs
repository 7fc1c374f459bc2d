//! Copies of performance timeline records: numbers and short strings. Never a browser object, so nothing in the page is kept
//! alive. All times are ms since the document's time origin, as the browser gave them.

use alloc::string::String;

use wire::NavigationType;

/// One timeline record that a vital is computed from.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// `paint`, named `first-contentful-paint`.
    Fcp { start_ms: f64 },
    /// `largest-contentful-paint`.
    Lcp(LcpEntry),
    /// `layout-shift`.
    Shift(ShiftEntry),
    /// `event`.
    Event(EventEntry),
    /// `first-input`.
    FirstInput(EventEntry),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LcpEntry {
    /// Render time, or load time where the browser withholds it.
    pub start_ms: f64,
    /// Selector of the element; empty when it is gone and had no id.
    pub element: String,
    /// Address of the image, without anything private ([`crate::attribution::address`]); empty for text.
    pub url: String,
    /// How the image was loaded, if the browser still knows.
    pub resource: Option<ResourceTiming>,
}

/// Two stamps of one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ResourceTiming {
    /// `requestStart`, or `startTime` where that is withheld.
    pub request_ms: f64,
    pub response_end_ms: f64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShiftEntry {
    pub start_ms: f64,
    /// The shift's score, unitless.
    pub value: f64,
    pub had_recent_input: bool,
    /// Selector of the source with the largest area; may be empty.
    pub source: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventEntry {
    pub start_ms: f64,
    /// Until the next paint, rounded by the browser to 8 ms.
    pub duration_ms: f64,
    pub processing_start_ms: f64,
    pub processing_end_ms: f64,
    /// 0: not part of an interaction, or the browser has no such ids.
    pub interaction_id: u64,
    /// `pointerdown`, `keydown`, ...
    pub name: String,
    /// Selector of the target; may be empty.
    pub target: String,
}

/// The document's `navigation` record.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Navigation {
    pub navigation_type: NavigationType,
    pub activation_start_ms: f64,
    pub worker_start_ms: f64,
    pub fetch_start_ms: f64,
    pub domain_lookup_start_ms: f64,
    pub connect_start_ms: f64,
    pub connect_end_ms: f64,
    pub response_start_ms: f64,
}

impl Entry {
    pub fn start_ms(&self) -> f64 {
        match self {
            Entry::Fcp { start_ms } => *start_ms,
            Entry::Lcp(entry) => entry.start_ms,
            Entry::Shift(entry) => entry.start_ms,
            Entry::Event(entry) | Entry::FirstInput(entry) => entry.start_ms,
        }
    }
}

impl Navigation {
    /// Browsers report a `responseStart` of 0, negative or in the future on some redirects and in private modes; such a record
    /// says nothing (web-vitals issues 137, 162 and 275).
    pub fn usable(self, now_ms: f64) -> Option<Navigation> {
        (self.response_start_ms > 0.0 && self.response_start_ms < now_ms).then_some(self)
    }
}

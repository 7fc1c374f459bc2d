//! Copies of performance timeline records: numbers only. Never a browser object, so nothing in the page is kept alive. All times
//! are ms since the document's time origin, as the browser gave them.

use wire::NavigationType;

/// A text by its place in the caller's own table; 0 is none. A number as it crosses and as it is blamed, so that it is never converted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Label(pub f64);

impl Label {
    pub const NONE: Label = Label(0.0);
}

/// One timeline record that a vital is computed from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Entry {
    /// `paint`, named `first-contentful-paint`; in a restored or soft page view, when its first frame was presented.
    Fcp { start_ms: f64 },
    /// `largest-contentful-paint`; in a soft page view, `interaction-contentful-paint` of the interaction that opened it.
    Lcp(LcpEntry),
    /// `layout-shift`.
    Shift(ShiftEntry),
    /// `event`.
    Event(EventEntry),
    /// `first-input`.
    FirstInput(EventEntry),
    /// `long-animation-frame`.
    Frame(FrameEntry),
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LcpEntry {
    /// Render time, or load time where the browser withholds it.
    pub start_ms: f64,
    /// How the image was loaded, if the browser still knows: `requestStart`, or `startTime` where that is withheld; else 0.
    pub request_ms: f64,
    pub response_end_ms: f64,
    /// Address of the image, without anything private; none for text.
    pub url: Label,
    /// Selector of the element; none when it is gone and had no id.
    pub element: Label,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ShiftEntry {
    pub start_ms: f64,
    /// The shift's score, unitless.
    pub value: f64,
    pub had_recent_input: bool,
    /// Selector of the source with the largest area.
    pub source: Label,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EventEntry {
    pub start_ms: f64,
    /// Until the next paint, rounded by the browser to 8 ms.
    pub duration_ms: f64,
    pub processing_start_ms: f64,
    pub processing_end_ms: f64,
    /// 0: not part of an interaction, or the browser has no such ids. A whole number, kept as the browser gives it.
    pub interaction_id: f64,
    /// `pointerdown`, `keydown`, ...
    pub name: Label,
    pub target: Label,
}

/// A frame that took longer than 50 ms, and the script in it that ran longest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FrameEntry {
    pub start_ms: f64,
    pub duration_ms: f64,
    pub script_ms: f64,
    /// Address of the script, without anything private.
    pub script: Label,
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

impl LcpEntry {
    /// Nothing known.
    pub(crate) const EMPTY: LcpEntry = LcpEntry {
        start_ms: 0.0,
        request_ms: 0.0,
        response_end_ms: 0.0,
        url: Label::NONE,
        element: Label::NONE,
    };
}

impl EventEntry {
    /// Nothing known.
    pub(crate) const EMPTY: EventEntry = EventEntry {
        start_ms: 0.0,
        duration_ms: 0.0,
        processing_start_ms: 0.0,
        processing_end_ms: 0.0,
        interaction_id: 0.0,
        name: Label::NONE,
        target: Label::NONE,
    };
}

impl FrameEntry {
    /// Nothing known.
    pub(crate) const EMPTY: FrameEntry = FrameEntry {
        start_ms: 0.0,
        duration_ms: 0.0,
        script_ms: 0.0,
        script: Label::NONE,
    };
}

impl Navigation {
    /// Nothing known.
    pub(crate) const EMPTY: Navigation = Navigation {
        navigation_type: NavigationType::Navigate,
        activation_start_ms: 0.0,
        worker_start_ms: 0.0,
        fetch_start_ms: 0.0,
        domain_lookup_start_ms: 0.0,
        connect_start_ms: 0.0,
        connect_end_ms: 0.0,
        response_start_ms: 0.0,
    };

    /// Browsers report a `responseStart` of 0, negative or in the future on some redirects and in private modes; such a record
    /// says nothing (web-vitals issues 137, 162 and 275).
    pub fn is_usable(&self, now_ms: f64) -> bool {
        self.response_start_ms > 0.0 && self.response_start_ms < now_ms
    }
}

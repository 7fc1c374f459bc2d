//! What is known of a page view when measuring of it begins.

/// What began the page view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    #[default]
    Document,
    /// A `pageshow` from the back/forward cache.
    Restored,
    /// A route change that the page told or made. Its paints are unknown, so they are absent.
    Route,
    /// A soft navigation that the browser itself saw.
    Native,
}

/// What is known when measuring of a page view begins. A prerendering document is opened when it is activated, not before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Start {
    pub opening: Opening,
    /// Document time at which the page view began; 0 for a document.
    pub at_ms: f64,
    /// When the page was first hidden in it, so far.
    pub first_hidden_ms: Option<f64>,
    /// `performance.interactionCount` when it began; NaN where the browser counts none.
    pub interaction_count: f64,
    pub supported: Supported,
    /// `document.wasDiscarded`.
    pub was_discarded: bool,
    /// The document's TTFB was known before this page view.
    pub had_ttfb: bool,
    /// The document has painted before: only then CLS exists.
    pub has_painted: bool,
    /// No first input can come any more.
    pub fid_closed: bool,
}

/// What the browser can tell. Where it cannot, the vital is absent, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Supported {
    pub paint: bool,
    pub lcp: bool,
    pub layout_shift: bool,
    /// Event entries carry an `interactionId`.
    pub interactions: bool,
}

/// What is known of a page view by yes or no. The first eight bits are known when it begins, in the order of [`crate::replay::open`].
pub mod flag {
    pub const PAINT: u32 = 1;
    pub const LCP: u32 = 1 << 1;
    pub const LAYOUT_SHIFT: u32 = 1 << 2;
    /// Event entries carry an `interactionId`.
    pub const INTERACTIONS: u32 = 1 << 3;
    pub const WAS_DISCARDED: u32 = 1 << 4;
    pub const HAD_TTFB: u32 = 1 << 5;
    pub const HAS_PAINTED: u32 = 1 << 6;
    pub const FID_CLOSED: u32 = 1 << 7;
    pub(crate) const LOADED: u32 = 1 << 8;
    pub(crate) const NAVIGATION: u32 = 1 << 9;
}

impl Start {
    /// As the bits of [`flag`].
    pub fn flags(&self) -> u32 {
        let flags = [
            self.supported.paint,
            self.supported.lcp,
            self.supported.layout_shift,
            self.supported.interactions,
            self.was_discarded,
            self.had_ttfb,
            self.has_painted,
            self.fid_closed,
        ];
        (0..8).map(|bit| u32::from(flags[bit]) << bit).sum()
    }
}

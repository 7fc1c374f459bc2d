//! First Contentful Paint: one paint, decided once.

use crate::attribution::{Facts, write};
use crate::visibility::FirstHidden;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Fcp {
    #[default]
    Open,
    /// Painted, in document time.
    Painted(f64),
    /// The page was hidden first: this page view has no FCP, ever.
    Missed,
}

impl Fcp {
    pub fn on_paint(&mut self, at_ms: f64, first_hidden: FirstHidden) {
        if *self == Fcp::Open {
            *self = if first_hidden.is_after(at_ms) {
                Fcp::Painted(at_ms)
            } else {
                Fcp::Missed
            };
        }
    }

    pub fn is_painted(self) -> bool {
        matches!(self, Fcp::Painted(_))
    }

    /// `since_ms` is the document time that the value counts from. It is known only when the value is asked for: the navigation
    /// record may come after the paint, and a soft navigation turns out to have begun earlier.
    pub fn value_ms(self, since_ms: f64) -> Option<f64> {
        match self {
            Fcp::Painted(at_ms) => Some((at_ms - since_ms).max(0.0)),
            Fcp::Open | Fcp::Missed => None,
        }
    }
}

/// What of the value was waiting for the first byte.
pub fn attribution(value_ms: f64, ttfb_ms: f64, facts: &mut Facts) {
    let ttfb_ms = ttfb_ms.min(value_ms);
    write(facts, [ttfb_ms, value_ms - ttfb_ms]);
}

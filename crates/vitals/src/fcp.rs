//! First Contentful Paint: one paint, decided once.

use crate::attribution::{Facts, facts};
use crate::visibility::FirstHidden;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Fcp {
    #[default]
    Open,
    /// Painted, ms since the start of the page view.
    Painted(f64),
    /// The page was hidden first: this page view has no FCP, ever.
    Missed,
}

impl Fcp {
    /// `since_ms` is the document time that the value counts from.
    pub fn on_paint(&mut self, at_ms: f64, since_ms: f64, first_hidden: FirstHidden) {
        if *self == Fcp::Open {
            *self = if first_hidden.is_after(at_ms) {
                Fcp::Painted((at_ms - since_ms).max(0.0))
            } else {
                Fcp::Missed
            };
        }
    }

    pub fn value_ms(self) -> Option<f64> {
        match self {
            Fcp::Painted(value_ms) => Some(value_ms),
            Fcp::Open | Fcp::Missed => None,
        }
    }
}

/// What of the value was waiting for the first byte.
pub fn attribution(value_ms: f64, ttfb_ms: f64) -> Facts {
    let ttfb_ms = ttfb_ms.min(value_ms);
    facts([ttfb_ms, value_ms - ttfb_ms])
}

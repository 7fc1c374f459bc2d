//! First Contentful Paint: one paint, decided once.

use crate::attribution::{Facts, write};
use crate::visibility::FirstHidden;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fcp {
    state: State,
    /// In document time.
    painted_ms: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Open,
    Painted,
    /// The page was hidden first: this page view has no FCP, ever.
    Missed,
}

impl Fcp {
    /// No paint so far.
    pub const EMPTY: Fcp = Fcp {
        state: State::Open,
        painted_ms: 0.0,
    };

    pub fn on_paint(&mut self, at_ms: f64, first_hidden: FirstHidden) {
        if self.state == State::Open {
            self.painted_ms = at_ms;
            self.state = if first_hidden.is_after(at_ms) {
                State::Painted
            } else {
                State::Missed
            };
        }
    }

    pub fn is_painted(&self) -> bool {
        self.state == State::Painted
    }

    /// NaN without a value. `since_ms` is the document time that the value counts from. It is known only when the value is asked for:
    /// the navigation record may come after the paint, and a soft navigation turns out to have begun earlier.
    pub fn value_ms(&self, since_ms: f64) -> f64 {
        if self.is_painted() {
            (self.painted_ms - since_ms).max(0.0)
        } else {
            f64::NAN
        }
    }
}

/// What of the value was waiting for the first byte, if that is known (not NaN).
pub fn attribution(value_ms: f64, ttfb_ms: f64, facts: &mut Facts) {
    if ttfb_ms.is_nan() {
        return;
    }
    let ttfb_ms = ttfb_ms.min(value_ms);
    write(facts, [ttfb_ms, value_ms - ttfb_ms]);
}

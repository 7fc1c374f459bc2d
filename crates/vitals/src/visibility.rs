//! The first moment at which a page view was hidden. Paint times after it measure the visitor's absence, not the page, so they
//! are dropped, never clamped.

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FirstHidden {
    at_ms: f64,
}

impl FirstHidden {
    /// What is known when measuring begins: when the page was first hidden (`visibility-state` records, or the shim's own), 0 for
    /// a page that is hidden now and keeps no record. Times before the activation belong to the prerendered, unseen document.
    /// NaN: not hidden so far.
    pub fn known(at_ms: f64) -> FirstHidden {
        let mut first = FirstHidden {
            at_ms: f64::INFINITY,
        };
        first.on_hidden(at_ms);
        first
    }

    /// From before any page view begins.
    pub(crate) const EVER: FirstHidden = FirstHidden { at_ms: 0.0 };

    pub fn on_hidden(&mut self, at_ms: f64) {
        if at_ms < self.at_ms {
            self.at_ms = at_ms;
        }
    }

    /// Whether something that happened at `at_ms` was still seen: strictly before, in raw document time.
    pub fn is_after(self, at_ms: f64) -> bool {
        at_ms < self.at_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_time_counts_and_the_gate_is_strict() {
        let mut first = FirstHidden::known(f64::NAN);
        assert!(first.is_after(1e9));
        first.on_hidden(500.0);
        first.on_hidden(900.0);
        assert!(first.is_after(499.9));
        assert!(!first.is_after(500.0));
        assert!(!FirstHidden::known(0.0).is_after(0.0));
    }
}

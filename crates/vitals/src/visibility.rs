//! The first moment at which a page view was hidden. Paint times after it measure the visitor's absence, not the page, so they
//! are dropped, never clamped.

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FirstHidden {
    at_ms: f64,
}

impl FirstHidden {
    /// What is known when measuring begins: when the page was first hidden (`visibility-state` records, or the shim's own), 0 for
    /// a page that is hidden now and keeps no record. Times before the activation belong to the prerendered, unseen document.
    pub fn known(at_ms: Option<f64>) -> FirstHidden {
        FirstHidden {
            at_ms: at_ms.unwrap_or(FirstHidden::NEVER.at_ms),
        }
    }

    /// Not hidden so far.
    pub const NEVER: FirstHidden = FirstHidden {
        at_ms: f64::INFINITY,
    };

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
        let mut first = FirstHidden::known(None);
        assert!(first.is_after(1e9));
        first.on_hidden(500.0);
        first.on_hidden(900.0);
        assert!(first.is_after(499.9));
        assert!(!first.is_after(500.0));
        assert!(!FirstHidden::known(Some(0.0)).is_after(0.0));
    }
}

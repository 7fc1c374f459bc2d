//! The first moment at which a page view was hidden. Paint times after it measure the visitor's absence, not the page, so they
//! are dropped, never clamped.

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FirstHidden {
    at_ms: f64,
}

impl FirstHidden {
    /// Not hidden so far.
    pub const NEVER: FirstHidden = FirstHidden {
        at_ms: f64::INFINITY,
    };
    /// Hidden from the start: nothing painted counts.
    pub const FROM_START: FirstHidden = FirstHidden { at_ms: 0.0 };

    /// What is known when measuring begins: the times at which the page became hidden (`visibility-state` records, or the
    /// shim's own), and whether it is hidden now. Times before the activation belong to the prerendered, unseen document.
    pub fn known(hidden_at_ms: &[f64], activation_start_ms: f64, hidden_now: bool) -> FirstHidden {
        let first = hidden_at_ms
            .iter()
            .find(|&&at_ms| at_ms >= activation_start_ms);
        match first {
            Some(&at_ms) => FirstHidden { at_ms },
            None if hidden_now => FirstHidden::FROM_START,
            None => FirstHidden::NEVER,
        }
    }

    pub fn on_hidden(&mut self, at_ms: f64) {
        self.at_ms = self.at_ms.min(at_ms);
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
    fn the_first_hidden_time_after_activation_counts() {
        for (hidden_at_ms, activation_start_ms, hidden_now, expected) in [
            (&[][..], 0.0, false, f64::INFINITY),
            (&[], 0.0, true, 0.0),
            (&[120.0, 900.0], 0.0, false, 120.0),
            (&[120.0], 0.0, true, 120.0),
            // A prerendered page is hidden at 0 and shown when it is activated.
            (&[0.0], 2000.0, false, f64::INFINITY),
            (&[0.0, 3000.0], 2000.0, false, 3000.0),
            // Activated into a background tab.
            (&[0.0], 2000.0, true, 0.0),
        ] {
            let known = FirstHidden::known(hidden_at_ms, activation_start_ms, hidden_now);
            assert_eq!(known.at_ms, expected, "{hidden_at_ms:?}");
        }
    }

    #[test]
    fn only_the_first_time_counts_and_the_gate_is_strict() {
        let mut first = FirstHidden::NEVER;
        assert!(first.is_after(1e9));
        first.on_hidden(500.0);
        first.on_hidden(900.0);
        assert!(first.is_after(499.9));
        assert!(!first.is_after(500.0));
        assert!(!FirstHidden::FROM_START.is_after(0.0));
    }
}

//! Cumulative Layout Shift: the worst shift window. A window takes shifts less than 1 s apart and lasts less than 5 s.
//!
//! The maximum is taken after every entry. The reference library takes it once per batch of its observer and so loses every
//! window but the last when it is loaded late; we do not follow it there.

use alloc::string::String;

use wire::Facts;

use crate::entry::ShiftEntry;

/// A window ends when this much time passes without a shift.
const WINDOW_GAP_MS: f64 = 1000.0;
/// A window takes no shift this long after its first.
const WINDOW_LENGTH_MS: f64 = 5000.0;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cls {
    current: ShiftWindow,
    worst: Worst,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct ShiftWindow {
    first_ms: f64,
    last_ms: f64,
    value: f64,
    largest: Shift,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Worst {
    value: f64,
    largest: Shift,
}

/// One shift, kept for attribution.
#[derive(Clone, Debug, Default, PartialEq)]
struct Shift {
    at_ms: f64,
    value: f64,
    source: String,
}

impl Cls {
    pub fn on_entry(&mut self, entry: &ShiftEntry) {
        if entry.had_recent_input {
            return;
        }
        let window = &mut self.current;
        let belongs = window.value != 0.0
            && entry.start_ms - window.last_ms < WINDOW_GAP_MS
            && entry.start_ms - window.first_ms < WINDOW_LENGTH_MS;
        if belongs {
            window.value += entry.value;
            window.last_ms = entry.start_ms;
        } else {
            *window = ShiftWindow {
                first_ms: entry.start_ms,
                last_ms: entry.start_ms,
                value: entry.value,
                largest: Shift::default(),
            };
        }
        if entry.value > window.largest.value {
            window.largest = Shift {
                at_ms: entry.start_ms,
                value: entry.value,
                source: entry.source.clone(),
            };
        }
        if window.value > self.worst.value {
            self.worst = Worst {
                value: window.value,
                largest: window.largest.clone(),
            };
        }
    }

    pub fn value(&self) -> f64 {
        self.worst.value
    }

    /// The largest shift of the worst window.
    pub fn attribution(&self, since_ms: f64, facts: &mut dyn Facts) {
        let largest = &self.worst.largest;
        if largest.value <= 0.0 {
            return;
        }
        facts.number("shift", largest.value);
        facts.number("shift_at_ms", (largest.at_ms - since_ms).max(0.0));
        facts.text("element", &largest.source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::gather;

    fn check(shifts: &[(f64, f64)], expected: f64) {
        let mut cls = Cls::default();
        for &(start_ms, value) in shifts {
            cls.on_entry(&ShiftEntry {
                start_ms,
                value,
                ..ShiftEntry::default()
            });
        }
        assert!(
            (cls.value() - expected).abs() < 1e-12,
            "{shifts:?}: {} instead of {expected}",
            cls.value()
        );
    }

    #[test]
    fn windows_end_after_a_gap_or_five_seconds() {
        check(&[], 0.0);
        check(&[(100.0, 0.1), (300.0, 0.2)], 0.3);
        check(&[(100.0, 0.1), (1099.0, 0.2)], 0.3);
        check(&[(100.0, 0.1), (1100.0, 0.2)], 0.2);
        check(
            &[
                (0.0, 0.1),
                (900.0, 0.1),
                (1800.0, 0.1),
                (2700.0, 0.1),
                (3600.0, 0.1),
                (4500.0, 0.1),
            ],
            0.6,
        );
        check(
            &[
                (0.0, 0.1),
                (900.0, 0.1),
                (1800.0, 0.1),
                (2700.0, 0.1),
                (3600.0, 0.1),
                (4500.0, 0.1),
                (5000.0, 0.1),
            ],
            0.6,
        );
        check(&[(0.0, 0.01), (3000.0, 0.3), (6000.0, 0.02)], 0.3);
        // A window of value 0 takes nothing: the next shift opens its own.
        check(&[(0.0, 0.0), (4999.0, 0.1), (5500.0, 0.1)], 0.2);
    }

    #[test]
    fn shifts_after_input_do_not_count() {
        let mut cls = Cls::default();
        cls.on_entry(&ShiftEntry {
            value: 0.4,
            had_recent_input: true,
            ..ShiftEntry::default()
        });
        assert_eq!(cls.value(), 0.0);
        assert!(gather(|facts| cls.attribution(0.0, facts)).is_empty());
    }

    #[test]
    fn attribution_names_the_largest_shift_of_the_worst_window() {
        let mut cls = Cls::default();
        for (start_ms, value, source) in [
            (100.0, 0.1, "#ad"),
            (200.0, 0.15, "#hero"),
            (5000.0, 0.2, "#late"),
        ] {
            cls.on_entry(&ShiftEntry {
                start_ms,
                value,
                had_recent_input: false,
                source: source.into(),
            });
        }
        let details = gather(|facts| cls.attribution(50.0, facts));
        assert_eq!(
            wire::encode::details_json(&details),
            r##"{"shift":0.15,"shift_at_ms":150,"element":"#hero"}"##
        );
    }
}

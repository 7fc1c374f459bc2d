//! Cumulative Layout Shift: the worst shift window. A window takes shifts less than 1 s apart and lasts less than 5 s.
//!
//! The maximum is taken after every entry. The reference library takes it once per batch of its observer and so loses every
//! window but the last when it is loaded late; we do not follow it there.

use crate::attribution::{Facts, write};
use crate::entry::{Label, ShiftEntry};

/// A window ends when this much time passes without a shift.
const WINDOW_GAP_MS: f64 = 1000.0;
/// A window takes no shift this long after its first.
const WINDOW_LENGTH_MS: f64 = 5000.0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cls {
    first_ms: f64,
    last_ms: f64,
    current: Window,
    worst: Window,
}

/// A shift window's sum, and the largest of its shifts for attribution.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Window {
    value: f64,
    largest: ShiftEntry,
}

impl Window {
    const EMPTY: Window = Window {
        value: 0.0,
        largest: ShiftEntry {
            start_ms: 0.0,
            value: 0.0,
            had_recent_input: false,
            source: Label::NONE,
        },
    };
}

impl Cls {
    /// No shift so far.
    pub const EMPTY: Cls = Cls {
        first_ms: 0.0,
        last_ms: 0.0,
        current: Window::EMPTY,
        worst: Window::EMPTY,
    };

    /// Answers whether the entry is now the largest of its window, so that its source may be asked for.
    pub fn on_entry(&mut self, entry: &ShiftEntry) -> bool {
        if entry.had_recent_input {
            return false;
        }
        let belongs = self.current.value != 0.0
            && entry.start_ms - self.last_ms < WINDOW_GAP_MS
            && entry.start_ms - self.first_ms < WINDOW_LENGTH_MS;
        if !belongs {
            self.current = Window::EMPTY;
            self.first_ms = entry.start_ms;
        }
        self.last_ms = entry.start_ms;
        self.current.value += entry.value;
        let is_largest = entry.value > self.current.largest.value;
        if is_largest {
            self.current.largest = *entry;
        }
        if self.current.value > self.worst.value {
            self.worst = self.current;
        }
        is_largest
    }

    pub fn value(&self) -> f64 {
        self.worst.value
    }

    /// The largest shift of the worst window, and when it was in the life of the page view.
    pub fn attribution(&self, since_ms: f64, facts: &mut Facts) {
        let largest = &self.worst.largest;
        if largest.value > 0.0 {
            write(
                facts,
                [
                    largest.value,
                    (largest.start_ms - since_ms).max(0.0),
                    largest.source.fact(),
                ],
            );
        }
    }

    /// When the largest shift was, in document time; NaN if there was none.
    pub fn largest_at_ms(&self) -> f64 {
        let largest = &self.worst.largest;
        if largest.value > 0.0 {
            largest.start_ms
        } else {
            f64::NAN
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::written;

    fn check(shifts: &[(f64, f64)], expected: f64) {
        let mut cls = Cls::EMPTY;
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
        let mut cls = Cls::EMPTY;
        cls.on_entry(&ShiftEntry {
            value: 0.4,
            had_recent_input: true,
            ..ShiftEntry::default()
        });
        assert_eq!(cls.value(), 0.0);
        assert!(written(|facts| cls.attribution(0.0, facts))[0].is_nan());
    }

    #[test]
    fn attribution_names_the_largest_shift_of_the_worst_window() {
        let mut cls = Cls::EMPTY;
        for (start_ms, value, source) in [(100.0, 0.1, 1.0), (200.0, 0.15, 2.0), (5000.0, 0.2, 3.0)]
        {
            cls.on_entry(&ShiftEntry {
                start_ms,
                value,
                had_recent_input: false,
                source: Label(source),
            });
        }
        assert_eq!(
            written(|facts| cls.attribution(50.0, facts))[..3],
            [0.15, 150.0, 2.0]
        );
    }
}

//! First Input Delay: how long the first input waited for its handlers. Deprecated by its inventors, kept because users chart it.

use crate::attribution::{Facts, write};
use crate::entry::{EventEntry, Label};
use crate::visibility::FirstHidden;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fid {
    closed: bool,
    is_known: bool,
    delay_ms: f64,
    name: Label,
    target: Label,
}

impl Fid {
    /// A page view in which a first input can still come, or not.
    pub const fn new(closed: bool) -> Fid {
        Fid {
            closed,
            is_known: false,
            delay_ms: 0.0,
            name: Label::NONE,
            target: Label::NONE,
        }
    }

    /// Answers whether the entry counts, so that its target may be asked for.
    pub fn on_first_input(&mut self, entry: &EventEntry, first_hidden: FirstHidden) -> bool {
        let counts = !self.closed && first_hidden.is_after(entry.start_ms);
        if counts {
            self.target = entry.target;
            self.know(entry.name, entry.processing_start_ms - entry.start_ms);
        }
        self.close();
        counts
    }

    /// After a restore the browser emits no entry: the caller listened for itself. A negative delay, or one longer than it
    /// listened, comes from a broken clock.
    pub fn on_restored_input(&mut self, name: Label, delay_ms: f64, listened_ms: f64) {
        if !self.closed && delay_ms >= 0.0 && delay_ms <= listened_ms {
            self.know(name, delay_ms);
        }
        self.close();
    }

    fn know(&mut self, name: Label, delay_ms: f64) {
        self.is_known = true;
        self.delay_ms = delay_ms;
        self.name = name;
    }

    /// No first input can come any more: one has come, or the page view has hidden for the first time.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// NaN without a value.
    pub fn value_ms(&self) -> f64 {
        if self.is_known {
            self.delay_ms
        } else {
            f64::NAN
        }
    }

    pub fn attribution(&self, facts: &mut Facts) {
        write(facts, [self.name.fact(), self.target.fact()]);
    }
}

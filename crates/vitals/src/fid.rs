//! First Input Delay: how long the first input waited for its handlers. Deprecated by its inventors, kept because users chart it.

use crate::attribution::{Facts, write};
use crate::entry::{EventEntry, Label};
use crate::visibility::FirstHidden;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fid {
    closed: bool,
    delay_ms: Option<f64>,
    name: Label,
    target: Label,
}

impl Fid {
    /// A page view in which a first input can still come, or not.
    pub const fn new(closed: bool) -> Fid {
        Fid {
            closed,
            delay_ms: None,
            name: Label::NONE,
            target: Label::NONE,
        }
    }

    /// Answers whether the entry counts, so that its target may be asked for.
    pub fn on_first_input(&mut self, entry: &EventEntry, first_hidden: FirstHidden) -> bool {
        let counts = !self.closed && first_hidden.is_after(entry.start_ms);
        if counts {
            self.delay_ms = Some(entry.processing_start_ms - entry.start_ms);
            self.name = entry.name;
            self.target = entry.target;
        }
        self.closed = true;
        counts
    }

    /// After a restore the browser emits no entry: the caller listened for itself. A negative delay, or one longer than it
    /// listened, comes from a broken clock.
    pub fn on_restored_input(&mut self, name: Label, delay_ms: f64, listened_ms: f64) {
        if !self.closed && delay_ms >= 0.0 && delay_ms <= listened_ms {
            self.delay_ms = Some(delay_ms);
            self.name = name;
        }
        self.closed = true;
    }

    /// The first time a page view hides ends the wait for its first input.
    pub fn on_hidden(&mut self) {
        self.closed = true;
    }

    pub fn value_ms(&self) -> Option<f64> {
        self.delay_ms
    }

    pub fn attribution(&self, facts: &mut Facts) {
        write(facts, [self.name.fact(), self.target.fact()]);
    }
}

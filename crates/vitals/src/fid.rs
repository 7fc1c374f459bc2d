//! First Input Delay: how long the first input waited for its handlers. Deprecated by its inventors, kept because users chart it.

use alloc::string::String;

use wire::Facts;

use crate::entry::EventEntry;
use crate::visibility::FirstHidden;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fid {
    closed: bool,
    delay_ms: Option<f64>,
    name: String,
    target: String,
}

impl Fid {
    /// A page view in which no first input can come any more.
    pub fn closed() -> Fid {
        Fid {
            closed: true,
            ..Fid::default()
        }
    }

    pub fn on_first_input(&mut self, entry: &EventEntry, first_hidden: FirstHidden) {
        if !self.closed && first_hidden.is_after(entry.start_ms) {
            self.delay_ms = Some(entry.processing_start_ms - entry.start_ms);
            self.name.clone_from(&entry.name);
            self.target.clone_from(&entry.target);
        }
        self.closed = true;
    }

    /// After a restore the browser emits no entry: the caller listened for itself. A negative delay, or one longer than it
    /// listened, comes from a broken clock.
    pub fn on_restored_input(&mut self, name: &str, delay_ms: f64, listened_ms: f64) {
        if !self.closed && (0.0..=listened_ms).contains(&delay_ms) {
            self.delay_ms = Some(delay_ms);
            self.name = name.into();
        }
        self.closed = true;
    }

    /// The first time a page view hides ends the wait for its first input.
    pub fn on_hidden(&mut self) {
        self.closed = true;
    }

    pub fn is_closed(&self) -> bool {
        self.closed
    }

    pub fn value_ms(&self) -> Option<f64> {
        self.delay_ms
    }

    pub fn attribution(&self, facts: &mut dyn Facts) {
        facts.text("type", &self.name);
        facts.text("element", &self.target);
    }
}

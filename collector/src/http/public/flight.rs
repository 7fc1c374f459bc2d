//! The beacons of one request between its head and their fate. Whatever happens to the request, each of them is counted once.

use std::sync::Arc;

use crate::metrics::{Metrics, Reason};

/// Dropped without a decision (the client went away and the handler with it), what is left counts as aborted.
#[derive(Debug)]
pub struct Flight {
    metrics: Arc<Metrics>,
    carried: u64,
    in_flight: u64,
}

impl Flight {
    /// The head of a request was read: it carries one beacon until its body says otherwise.
    pub fn begin(metrics: Arc<Metrics>) -> Flight {
        metrics.received();
        Flight {
            metrics,
            carried: 1,
            in_flight: 1,
        }
    }

    /// The body holds `count` beacons. At least one: an empty body is one beacon that is none.
    pub fn carries(&mut self, count: u64) {
        assert!(self.in_flight == 1 && count > 0);
        self.metrics.received_more(count - 1);
        self.carried = count;
        self.in_flight = count;
    }

    /// How many beacons the body turned out to hold.
    pub fn carried(&self) -> u64 {
        self.carried
    }

    pub fn rejected(&mut self, reason: Reason) {
        self.leave(1);
        self.metrics.rejected(reason, 1);
    }

    /// None of what is left is kept.
    pub fn all_rejected(&mut self, reason: Reason) {
        self.metrics.rejected(reason, self.in_flight);
        self.in_flight = 0;
    }

    /// Handed to the spool; what becomes of them there is counted there.
    pub fn spooled(&mut self, count: u64) {
        self.leave(count);
        self.metrics.spooled(count);
    }

    /// The request is answered; anything left was forgotten.
    pub fn end(mut self) {
        if self.in_flight > 0 {
            self.all_rejected(Reason::Undecided);
        }
    }

    fn leave(&mut self, count: u64) {
        assert!(count <= self.in_flight, "a beacon has one fate");
        self.in_flight -= count;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if self.in_flight > 0 {
            let reason = match std::thread::panicking() {
                true => Reason::Undecided,
                false => Reason::Aborted,
            };
            self.all_rejected(reason);
        }
    }
}

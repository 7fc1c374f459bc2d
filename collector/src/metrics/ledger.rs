//! The books: every beacon that came in is in exactly one place.
//!
//! `received = rejected + stored + spooled + in flight` holds after every method, because each one moves a count from one place
//! to another, and `received` is counted on its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Why a beacon was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    Malformed,
    UnknownApp,
    OriginNotAllowed,
    TooLarge,
    UnsupportedMediaType,
    RateLimited,
    /// The body came too slowly, or the client went away before it was complete.
    Aborted,
    Bot,
    /// The spool's cap or the disk's floor is reached.
    SpoolFull,
    /// The disk failed, or the collector was ending.
    SpoolError,
    DeadLetter,
    Quarantined,
    /// Nobody decided: our own bug, kept visible.
    Undecided,
}

impl Reason {
    pub const ALL: [Reason; 13] = [
        Reason::Malformed,
        Reason::UnknownApp,
        Reason::OriginNotAllowed,
        Reason::TooLarge,
        Reason::UnsupportedMediaType,
        Reason::RateLimited,
        Reason::Aborted,
        Reason::Bot,
        Reason::SpoolFull,
        Reason::SpoolError,
        Reason::DeadLetter,
        Reason::Quarantined,
        Reason::Undecided,
    ];

    /// The label in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Malformed => "malformed",
            Reason::UnknownApp => "unknown-app",
            Reason::OriginNotAllowed => "origin-not-allowed",
            Reason::TooLarge => "too-large",
            Reason::UnsupportedMediaType => "unsupported-media-type",
            Reason::RateLimited => "rate-limited",
            Reason::Aborted => "aborted",
            Reason::Bot => "bot",
            Reason::SpoolFull => "spool-full",
            Reason::SpoolError => "spool-error",
            Reason::DeadLetter => "dead-letter",
            Reason::Quarantined => "quarantined",
            Reason::Undecided => "undecided",
        }
    }
}

/// The books at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub received: u64,
    pub stored: u64,
    pub spooled: u64,
    pub in_flight: u64,
    pub rejected: BTreeMap<Reason, u64>,
}

impl Counts {
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Whether every beacon is in exactly one place.
    pub fn reconcile(&self) -> bool {
        self.received == self.rejected_total() + self.stored + self.spooled + self.in_flight
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Ledger {
    counts: Counts,
}

impl Ledger {
    /// Goes on from an earlier process, of which nothing is in flight any more: what it had received and told nobody of is gone
    /// with it, unanswered.
    pub fn resumed(counts: Counts) -> Ledger {
        let mut counts = Counts {
            in_flight: 0,
            ..counts
        };
        counts.received = counts.rejected_total() + counts.stored + counts.spooled;
        Ledger { counts }
    }

    pub fn receive(&mut self, count: u64) {
        self.counts.received += count;
        self.counts.in_flight += count;
    }

    pub fn reject(&mut self, reason: Reason, count: u64) {
        self.counts.in_flight = less(self.counts.in_flight, count);
        *self.counts.rejected.entry(reason).or_default() += count;
    }

    pub fn spool(&mut self, count: u64) {
        self.counts.in_flight = less(self.counts.in_flight, count);
        self.counts.spooled += count;
    }

    pub fn store(&mut self, count: u64) {
        self.counts.spooled = less(self.counts.spooled, count);
        self.counts.stored += count;
    }

    pub fn leave_spool(&mut self, reason: Reason, count: u64) {
        self.counts.spooled = less(self.counts.spooled, count);
        *self.counts.rejected.entry(reason).or_default() += count;
    }

    pub fn counts(&self) -> Counts {
        self.counts.clone()
    }
}

/// Taking more out of a place than is in it is our own bug: loud in tests, a wrong number (not a crash) in production.
fn less(have: u64, count: u64) -> u64 {
    debug_assert!(have >= count, "the books do not balance: {have} - {count}");
    have.saturating_sub(count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_books_balance_after_every_step(steps in proptest::collection::vec((0..6u8, 1..5u64), 0..200)) {
            let mut ledger = Ledger::default();
            for (step, count) in steps {
                let Counts { in_flight, spooled, .. } = ledger.counts();
                match step {
                    0 => ledger.receive(count),
                    1 => ledger.reject(Reason::Malformed, count.min(in_flight)),
                    2 => ledger.spool(count.min(in_flight)),
                    3 => ledger.store(count.min(spooled)),
                    4 => ledger.leave_spool(Reason::DeadLetter, count.min(spooled)),
                    _ => ledger = Ledger::resumed(ledger.counts()),
                }
                prop_assert!(ledger.counts().reconcile());
            }
        }
    }

    #[test]
    fn what_was_in_flight_ends_with_its_process() {
        let mut ledger = Ledger::default();
        ledger.receive(3);
        ledger.spool(1);
        let counts = Ledger::resumed(ledger.counts()).counts();
        assert_eq!(
            (counts.received, counts.spooled, counts.in_flight),
            (1, 1, 0)
        );
    }

    #[test]
    fn names_are_those_of_the_file() {
        for reason in Reason::ALL {
            assert_eq!(
                serde_json::to_string(&reason).unwrap(),
                format!("\"{}\"", reason.name())
            );
        }
    }
}

//! How fast beacons come: counters only say how many there were, so each look is compared with an earlier one.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::health::Traffic;
use crate::metrics::Counts;

/// A rate over less is noise; one over more hides what is going on.
const WINDOW: Duration = Duration::from_secs(60);
/// Looks closer together than this share one sample, so that there are few of them however often somebody looks.
const APART: Duration = Duration::from_secs(2);

/// Samples of the counters.
pub struct Pace {
    samples: Mutex<VecDeque<Sample>>,
}

#[derive(Clone, Copy)]
struct Sample {
    at: Instant,
    received: u64,
    rejected: u64,
}

impl Pace {
    pub fn new(counts: &Counts, now: Instant) -> Pace {
        Pace {
            samples: Mutex::new(VecDeque::from([Sample::of(counts, now)])),
        }
    }

    /// The pace since the oldest sample that is not too old, and a sample for later looks.
    pub fn look(&self, counts: &Counts, now: Instant) -> Traffic {
        // A sample is whole or not there, whoever panicked.
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        while samples.len() > 1 && now.duration_since(samples[0].at) > WINDOW {
            samples.pop_front();
        }
        let (now, since) = (Sample::of(counts, now), samples[0]);
        if samples
            .back()
            .is_none_or(|last| now.at.duration_since(last.at) >= APART)
        {
            samples.push_back(now);
        }
        let over_s = now.at.duration_since(since.at).as_secs_f64();
        let rate = |count: u64, before: u64| {
            if over_s > 0.0 {
                count.saturating_sub(before) as f64 / over_s
            } else {
                0.0
            }
        };
        Traffic {
            received_per_s: rate(now.received, since.received),
            rejected_per_s: rate(now.rejected, since.rejected),
            over_s,
        }
    }
}

impl Sample {
    fn of(counts: &Counts, at: Instant) -> Sample {
        Sample {
            at,
            received: counts.received,
            rejected: counts.rejected_total(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(received: u64) -> Counts {
        Counts {
            received,
            ..Counts::default()
        }
    }

    #[test]
    fn a_rate_is_that_of_the_last_minute() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let pace = Pace::new(&counts(100), start);
        assert_eq!(pace.look(&counts(100), start).received_per_s, 0.0);
        assert_eq!(pace.look(&counts(200), after(10)).received_per_s, 10.0);
        // The first samples are over; what is left says one a second.
        assert_eq!(pace.look(&counts(500), after(310)).over_s, 300.0);
        let found = pace.look(&counts(540), after(350));
        assert_eq!((found.received_per_s, found.over_s), (1.0, 40.0));
        for step in 0..1_000 {
            pace.look(&counts(540), after(350) + Duration::from_millis(step));
        }
        assert!(pace.samples.lock().expect("no panic").len() <= 32);
    }
}

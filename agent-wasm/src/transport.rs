//! When beacons go: one retry rule, as a state machine. It knows nothing of the beacons themselves; `delivery.js` holds them, asks
//! before each attempt and tells how it ended.
//!
//! While the collector is down one beacon at a time probes it, so that a whole site's tabs come back gently.

/// Attempts under way at once.
const MAX_IN_FLIGHT: u32 = 4;
const FIRST_BACKOFF_MS: f64 = 1000.0;
const LONGEST_BACKOFF_MS: f64 = 60_000.0;
/// A collector may ask for more patience than our own, within reason.
const LONGEST_RETRY_AFTER_MS: f64 = 3_600_000.0;
/// Each wait is up to this share longer or shorter.
const JITTER_RATIO: f64 = 0.2;
/// Attempts that reach nothing, when nothing was ever reached: an ad blocker or a policy, not an outage.
const MAX_UNREACHABLE: u32 = 3;

/// Whether the next beacon may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Permit {
    /// Not before its time has come: ask again.
    Later = -1,
    /// Not before an answer, or a network.
    No = 0,
    Yes = 1,
}

/// What becomes of a beacon after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Verdict {
    /// It waits for another attempt.
    Wait = 0,
    Done = 1,
    Rejected = 2,
    TooLarge = 3,
    /// It waits for the exit: the last attempt has shown that nothing is reached from this page.
    Unreachable = 4,
    /// Rejected, and nothing that the page may ever send is wanted.
    Refused = 5,
}

pub struct Transport {
    /// Failed attempts since the last success.
    failures: u32,
    is_unreachable: bool,
    ever_reached: bool,
    retry_at_ms: f64,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// 0: no answer, for want of a network, by a blocked request or after a timeout.
    pub status: u32,
    /// What `Retry-After` asked for; 0: nothing.
    pub retry_after_ms: f64,
    /// Whether the browser believes in a network.
    pub is_online: bool,
}

impl Default for Transport {
    fn default() -> Self {
        Transport::EMPTY
    }
}

impl Transport {
    /// Nothing was tried.
    pub const EMPTY: Transport = Transport {
        failures: 0,
        is_unreachable: false,
        ever_reached: false,
        retry_at_ms: 0.0,
    };

    /// Whether one more attempt may be made at `now_ms` of any steady clock, while `flying` others are under way.
    pub fn permit(&self, flying: u32, now_ms: f64) -> Permit {
        let limit = if self.failures > 0 { 1 } else { MAX_IN_FLIGHT };
        if self.is_unreachable || flying >= limit {
            Permit::No
        } else if now_ms < self.retry_at_ms {
            Permit::Later
        } else {
            Permit::Yes
        }
    }

    /// An attempt has ended. `random` in 0..1 spreads retries.
    pub fn on_answer(&mut self, answer: Answer, now_ms: f64, random: f64) -> Verdict {
        let Answer {
            status,
            retry_after_ms,
            is_online,
        } = answer;
        self.ever_reached |= status > 0;
        if matches!(status, 0 | 408 | 425 | 429) || status >= 500 {
            let doubled = FIRST_BACKOFF_MS * f64::from(1_u32 << self.failures.min(6));
            let backoff_ms =
                doubled.min(LONGEST_BACKOFF_MS) * (1.0 + JITTER_RATIO * (2.0 * random - 1.0));
            let asked_ms = retry_after_ms.min(LONGEST_RETRY_AFTER_MS);
            self.failures += 1;
            self.retry_at_ms = now_ms + backoff_ms.max(asked_ms);
            if is_online && !self.ever_reached && self.failures >= MAX_UNREACHABLE {
                self.is_unreachable = true;
                return Verdict::Unreachable;
            }
            return Verdict::Wait;
        }
        self.be_up();
        match status {
            200..300 => Verdict::Done,
            413 => Verdict::TooLarge,
            401 | 403 => Verdict::Refused,
            _ => Verdict::Rejected,
        }
    }

    /// The network is back: what waits may go at once.
    pub fn on_online(&mut self) {
        self.is_unreachable = false;
        self.be_up();
    }

    fn be_up(&mut self) {
        self.failures = 0;
        self.retry_at_ms = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_JITTER: f64 = 0.5;

    fn status(status: u32) -> Answer {
        Answer {
            status,
            retry_after_ms: 0.0,
            is_online: true,
        }
    }

    /// How long an attempt that failed at `now_ms` makes the next one wait.
    fn fail(transport: &mut Transport, now_ms: f64, answer: Answer) -> f64 {
        assert_eq!(transport.permit(0, now_ms), Permit::Yes);
        transport.on_answer(answer, now_ms, NO_JITTER);
        let at_ms = transport.retry_at_ms;
        assert_eq!(transport.permit(0, at_ms - 0.001), Permit::Later);
        assert_eq!(transport.permit(0, at_ms), Permit::Yes);
        at_ms - now_ms
    }

    #[test]
    fn an_answer_of_2xx_is_the_end_of_it() {
        for code in [200, 204] {
            let mut transport = Transport::default();
            assert_eq!(
                transport.on_answer(status(code), 5.0, NO_JITTER),
                Verdict::Done
            );
            assert_eq!(transport.permit(0, 5.0), Permit::Yes);
        }
    }

    #[test]
    fn backoff_doubles_to_a_minute() {
        let mut transport = Transport::default();
        let mut now_ms = 0.0;
        let waits: Vec<f64> = (0..8)
            .map(|_| {
                let wait_ms = fail(&mut transport, now_ms, status(503));
                now_ms += wait_ms;
                wait_ms
            })
            .collect();
        assert_eq!(
            waits,
            [
                1000.0, 2000.0, 4000.0, 8000.0, 16_000.0, 32_000.0, 60_000.0, 60_000.0
            ]
        );
    }

    #[test]
    fn a_longer_retry_after_is_honoured_and_jitter_is_a_fifth() {
        for (retry_after_ms, random, expected) in [
            (0.0, 0.0, 800.0),
            (0.0, 1.0, 1200.0),
            (5000.0, 0.5, 5000.0),
            (500.0, 0.5, 1000.0),
            (-7.0, 0.5, 1000.0),
            (9e12, 0.5, 3_600_000.0),
        ] {
            let mut transport = Transport::default();
            let answer = Answer {
                retry_after_ms,
                ..status(429)
            };
            assert_eq!(transport.on_answer(answer, 0.0, random), Verdict::Wait);
            assert_eq!(transport.retry_at_ms, expected);
        }
    }

    #[test]
    fn while_down_one_probe_at_a_time() {
        let mut transport = Transport::default();
        for flying in 0..MAX_IN_FLIGHT {
            assert_eq!(transport.permit(flying, 0.0), Permit::Yes);
        }
        assert_eq!(transport.permit(MAX_IN_FLIGHT, 0.0), Permit::No);
        for _ in 0..MAX_IN_FLIGHT {
            transport.on_answer(status(503), 0.0, NO_JITTER);
        }
        let now_ms = transport.retry_at_ms;
        assert_eq!(transport.permit(0, now_ms), Permit::Yes);
        assert_eq!(transport.permit(1, now_ms), Permit::No, "the probe is out");
        transport.on_answer(status(204), now_ms, NO_JITTER);
        assert_eq!(transport.permit(1, now_ms), Permit::Yes, "up again");
    }

    #[test]
    fn final_refusals_are_told_apart() {
        for (code, verdict) in [
            (400, Verdict::Rejected),
            (413, Verdict::TooLarge),
            (415, Verdict::Rejected),
            (301, Verdict::Rejected),
            (401, Verdict::Refused),
            (403, Verdict::Refused),
        ] {
            let mut transport = Transport::default();
            transport.on_answer(status(503), 0.0, NO_JITTER);
            assert_eq!(
                transport.on_answer(status(code), 0.0, NO_JITTER),
                verdict,
                "{code}"
            );
            assert_eq!(transport.permit(0, 0.0), Permit::Yes, "it answers: {code}");
        }
    }

    #[test]
    fn what_was_never_reached_is_left_alone_until_there_is_a_network() {
        let mut transport = Transport::default();
        fail(&mut transport, 0.0, status(0));
        fail(&mut transport, 1e6, status(0));
        assert_eq!(
            transport.on_answer(status(0), 2e6, NO_JITTER),
            Verdict::Unreachable
        );
        assert_eq!(transport.permit(0, 9e9), Permit::No);
        transport.on_online();
        assert_eq!(transport.permit(0, 2e6), Permit::Yes);
    }

    #[test]
    fn an_outage_is_waited_out() {
        for known in [
            status(204),
            status(503),
            Answer {
                is_online: false,
                ..status(0)
            },
        ] {
            let mut transport = Transport::default();
            transport.on_answer(known, 0.0, NO_JITTER);
            for round in 1..20 {
                let answer = Answer {
                    is_online: known.is_online,
                    ..status(0)
                };
                fail(&mut transport, f64::from(round) * 1e6, answer);
            }
        }
    }
}

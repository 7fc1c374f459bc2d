//! What delivers beacons: a bounded queue and one retry rule, as a state machine. It decides what goes out when; the agent does
//! the sending. A beacon keeps its bytes through every retry, but for the time of the attempt.
//!
//! While the collector is down one beacon at a time probes it, so that a whole site's tabs come back gently. A beacon that a
//! browser has taken at exit is done: it is never sent again.

use std::borrow::Cow;

use wire::encode::Encoded;

/// Waiting beacons; an outage costs one slot per page view, so this is rarely reached.
const MAX_QUEUED: usize = 30;
const MAX_QUEUED_BYTES: usize = 256 * 1024;
/// Browsers refuse keepalive requests over 64 KiB in flight, the exit beacon included; this leaves it room.
const MAX_KEEPALIVE_BYTES: usize = 44_000;
const MAX_IN_FLIGHT: usize = 4;
const FIRST_BACKOFF_MS: f64 = 1000.0;
const LONGEST_BACKOFF_MS: f64 = 60_000.0;
/// A collector may ask for more patience than our own, within reason.
const LONGEST_RETRY_AFTER_MS: f64 = 3_600_000.0;
/// Each wait is up to this share longer or shorter.
const JITTER_RATIO: f64 = 0.2;
/// Attempts that reach nothing, when nothing was ever reached: an ad blocker or a policy, not an outage.
const MAX_UNREACHABLE: u32 = 3;
/// Longer than this is no answer.
pub const ANSWER_TIMEOUT_MS: u32 = 10_000;

/// Names of what was given up, as beacons report them.
pub const BUFFER_FULL: &str = "buffer-full";
pub const REJECTED: &str = "rejected-4xx";
pub const TOO_LARGE: &str = "too-large";
pub const GAVE_UP: &str = "gave-up";

#[derive(Default)]
pub struct Transport {
    /// Oldest first.
    queue: Vec<Parcel>,
    next_id: u32,
    /// Failed attempts since the last success.
    failures: u32,
    retry_at_ms: f64,
    ever_reached: bool,
    state: State,
    drops: Vec<(Cow<'static, str>, u64)>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// Nothing was ever reached: only a last beacon at exit is tried.
    Unreachable,
    /// The collector does not want this page's beacons.
    Refused,
}

struct Parcel {
    id: u32,
    view: u32,
    body: Encoded,
    /// Operations count by beacon and position, so their beacon is never replaced by a newer one.
    has_operations: bool,
    is_flying: bool,
}

/// One attempt to make.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    pub id: u32,
    pub bytes: Vec<u8>,
    /// Ask the browser to finish the request when the page goes.
    pub keepalive: bool,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    /// A status, with what `Retry-After` asked for; 0: nothing.
    Status { status: u16, retry_after_ms: f64 },
    /// No answer: no network, a blocked request, a timeout.
    Nothing { online: bool },
}

impl Transport {
    /// Queues a beacon of the page view `view`. Beacons carry everything known of their view, so an older one without operations
    /// that still waits is replaced.
    pub fn accept(&mut self, view: u32, body: Encoded, has_operations: bool) {
        if self.state == State::Refused {
            return self.count(GAVE_UP);
        }
        self.queue
            .retain(|parcel| parcel.is_flying || parcel.has_operations || parcel.view != view);
        while self.queue.len() >= MAX_QUEUED
            || self.queued_bytes() + body.bytes().len() > MAX_QUEUED_BYTES
        {
            let Some(oldest) = self.queue.iter().position(|parcel| !parcel.is_flying) else {
                break;
            };
            self.queue.remove(oldest);
            self.count(BUFFER_FULL);
        }
        self.next_id += 1;
        self.queue.push(Parcel {
            id: self.next_id,
            view,
            body,
            has_operations,
            is_flying: false,
        });
    }

    /// The next attempt to make at `now_ms` of any steady clock, stamped with the client's clock; none while waiting.
    pub fn next(&mut self, now_ms: f64, clock_ms: u64) -> Option<Attempt> {
        let flying = self.queue.iter().filter(|parcel| parcel.is_flying);
        let (count, bytes) = flying.fold((0, 0), |(count, bytes), parcel| {
            (count + 1, bytes + parcel.body.bytes().len())
        });
        let may_fly = if self.failures > 0 {
            count == 0 && now_ms >= self.retry_at_ms
        } else {
            count < MAX_IN_FLIGHT
        };
        if self.state != State::Open || !may_fly {
            return None;
        }
        let parcel = self.queue.iter_mut().find(|parcel| !parcel.is_flying)?;
        let mut attempt = parcel.begin(clock_ms);
        attempt.keepalive = bytes + attempt.bytes.len() <= MAX_KEEPALIVE_BYTES;
        Some(attempt)
    }

    /// The page goes: the newest beacon that waits, backoff or not. Call until there is none. Those in flight finish by
    /// themselves.
    pub fn next_at_exit(&mut self, clock_ms: u64) -> Option<Attempt> {
        let parcel = self.queue.iter_mut().rfind(|parcel| !parcel.is_flying)?;
        let attempt = parcel.begin(clock_ms);
        Some(attempt)
    }

    /// The browser has taken the beacon and will say no more of it.
    pub fn on_taken(&mut self, id: u32) {
        self.queue.retain(|parcel| parcel.id != id);
    }

    /// An attempt has ended. `random` in 0..1 spreads retries. Answers to attempts that were given up meanwhile mean nothing.
    pub fn on_answer(&mut self, id: u32, answer: Answer, now_ms: f64, random: f64) {
        let Some(place) = self
            .queue
            .iter()
            .position(|parcel| parcel.id == id && parcel.is_flying)
        else {
            return;
        };
        self.ever_reached |= matches!(answer, Answer::Status { .. });
        match answer {
            Answer::Status {
                status: 200..300, ..
            } => {
                self.failures = 0;
                self.queue.remove(place);
            }
            Answer::Status {
                status: 408 | 425 | 429 | 500..,
                retry_after_ms,
            } => {
                self.retry_later(place, retry_after_ms, now_ms, random);
            }
            Answer::Status { status, .. } => {
                self.failures = 0;
                self.queue.remove(place);
                self.count(if status == 413 { TOO_LARGE } else { REJECTED });
                if matches!(status, 401 | 403) {
                    self.refuse();
                }
            }
            Answer::Nothing { online } => {
                self.retry_later(place, 0.0, now_ms, random);
                if online && !self.ever_reached && self.failures >= MAX_UNREACHABLE {
                    self.state = State::Unreachable;
                    self.count(GAVE_UP);
                }
            }
        }
    }

    /// The network is back: what waits may go at once.
    pub fn on_online(&mut self) {
        if self.state == State::Unreachable {
            self.state = State::Open;
        }
        self.failures = 0;
    }

    /// When to ask [`Transport::next`] again, if anything waits for a time rather than for an answer.
    pub fn wake_at_ms(&self) -> Option<f64> {
        let waits = self.state == State::Open && self.failures > 0 && !self.queue.is_empty();
        (waits && !self.queue.iter().any(|parcel| parcel.is_flying)).then_some(self.retry_at_ms)
    }

    /// What was given up since this was last asked, by reason.
    pub fn take_drops(&mut self) -> Vec<(Cow<'static, str>, u64)> {
        core::mem::take(&mut self.drops)
    }

    /// Counts something given up elsewhere, to be reported with the rest.
    pub fn count(&mut self, reason: &'static str) {
        match self.drops.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => self.drops.push((reason.into(), 1)),
        }
    }

    /// Forgets everything that waits.
    pub fn discard(&mut self) {
        self.queue.clear();
    }

    fn retry_later(&mut self, place: usize, retry_after_ms: f64, now_ms: f64, random: f64) {
        self.queue[place].is_flying = false;
        // A newer beacon of the same view may have come meanwhile: it says all this one says.
        let Parcel {
            view,
            has_operations,
            ..
        } = self.queue[place];
        let superseded = self.queue[place + 1..]
            .iter()
            .any(|newer| newer.view == view);
        if superseded && !has_operations {
            self.queue.remove(place);
        }
        let doubled = FIRST_BACKOFF_MS * f64::from(1_u32 << self.failures.min(6));
        let backoff_ms =
            doubled.min(LONGEST_BACKOFF_MS) * (1.0 + JITTER_RATIO * (2.0 * random - 1.0));
        let asked_ms = retry_after_ms.clamp(0.0, LONGEST_RETRY_AFTER_MS);
        self.failures += 1;
        self.retry_at_ms = now_ms + backoff_ms.max(asked_ms);
    }

    fn refuse(&mut self) {
        self.state = State::Refused;
        for _ in 0..self.queue.len() {
            self.count(GAVE_UP);
        }
        self.queue.clear();
    }

    fn queued_bytes(&self) -> usize {
        self.queue
            .iter()
            .map(|parcel| parcel.body.bytes().len())
            .sum()
    }
}

impl Parcel {
    fn begin(&mut self, clock_ms: u64) -> Attempt {
        self.is_flying = true;
        self.body.stamp(clock_ms);
        Attempt {
            id: self.id,
            bytes: self.body.bytes().to_vec(),
            keepalive: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::Beacon;
    use wire::encode::encode;

    use super::*;

    const CLOCK_MS: u64 = 1_763_683_200_123;
    const NO_JITTER: f64 = 0.5;

    fn body(seq: u32) -> Encoded {
        encode(&Beacon {
            seq,
            sent_ms: CLOCK_MS,
            ..Beacon::default()
        })
    }

    /// The seq that an attempt carries.
    fn seq(attempt: &Attempt) -> u32 {
        let text = String::from_utf8(attempt.bytes.clone()).unwrap();
        let digits = text
            .split("\"seq\":")
            .nth(1)
            .unwrap()
            .split(',')
            .next()
            .unwrap();
        digits.parse().unwrap()
    }

    fn status(status: u16) -> Answer {
        Answer::Status {
            status,
            retry_after_ms: 0.0,
        }
    }

    fn fail(transport: &mut Transport, now_ms: f64, answer: Answer) -> f64 {
        let attempt = transport.next(now_ms, CLOCK_MS).expect("an attempt");
        transport.on_answer(attempt.id, answer, now_ms, NO_JITTER);
        transport.wake_at_ms().expect("a retry") - now_ms
    }

    #[test]
    fn an_answer_of_2xx_is_the_end_of_it() {
        for code in [200, 204] {
            let mut transport = Transport::default();
            transport.accept(0, body(0), true);
            let attempt = transport.next(0.0, CLOCK_MS).unwrap();
            assert!(attempt.keepalive);
            assert_eq!(transport.next(0.0, CLOCK_MS), None, "in flight");
            transport.on_answer(attempt.id, status(code), 5.0, NO_JITTER);
            assert_eq!(
                (transport.next(9e9, CLOCK_MS), transport.wake_at_ms()),
                (None, None)
            );
            assert_eq!(transport.take_drops(), []);
        }
    }

    #[test]
    fn backoff_doubles_to_a_minute() {
        let mut transport = Transport::default();
        transport.accept(0, body(0), true);
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
            (9e12, 0.5, 3_600_000.0),
        ] {
            let mut transport = Transport::default();
            transport.accept(0, body(0), true);
            let attempt = transport.next(0.0, CLOCK_MS).unwrap();
            transport.on_answer(
                attempt.id,
                Answer::Status {
                    status: 429,
                    retry_after_ms,
                },
                0.0,
                random,
            );
            assert_eq!(transport.wake_at_ms(), Some(expected));
        }
    }

    #[test]
    fn a_retry_differs_in_its_time_only() {
        let mut transport = Transport::default();
        transport.accept(0, body(7), true);
        let first = transport.next(0.0, CLOCK_MS).unwrap();
        transport.on_answer(first.id, status(500), 0.0, NO_JITTER);
        assert_eq!(transport.next(999.0, CLOCK_MS), None, "too early");
        let again = transport.next(1000.0, CLOCK_MS + 1000).unwrap();
        let stamp = |attempt: &Attempt| String::from_utf8(attempt.bytes.clone()).unwrap();
        assert_eq!(
            stamp(&again),
            stamp(&first).replace(&CLOCK_MS.to_string(), &(CLOCK_MS + 1000).to_string())
        );
        assert_ne!(stamp(&again), stamp(&first));
    }

    #[test]
    fn while_down_one_probe_at_a_time_oldest_first() {
        let mut transport = Transport::default();
        for view in 0..4 {
            transport.accept(view, body(view), true);
        }
        let flying: Vec<Attempt> = std::iter::from_fn(|| transport.next(0.0, CLOCK_MS)).collect();
        assert_eq!(flying.len(), 4);
        for attempt in &flying {
            transport.on_answer(attempt.id, status(503), 0.0, NO_JITTER);
        }
        let now_ms = transport.wake_at_ms().unwrap();
        let probe = transport.next(now_ms, CLOCK_MS).unwrap();
        assert_eq!((seq(&probe), transport.next(now_ms, CLOCK_MS)), (0, None));
        transport.on_answer(probe.id, status(204), now_ms, NO_JITTER);
        assert_eq!(
            std::iter::from_fn(|| transport.next(now_ms, CLOCK_MS)).count(),
            3,
            "up again: the rest drains"
        );
    }

    #[test]
    fn snapshots_of_a_view_replace_each_other_and_operations_never_do() {
        let mut transport = Transport::default();
        transport.accept(0, body(0), false);
        transport.accept(0, body(1), true);
        transport.accept(1, body(2), false);
        transport.accept(0, body(3), false);
        transport.accept(0, body(4), false);
        let seqs: Vec<u32> = std::iter::from_fn(|| transport.next(0.0, CLOCK_MS))
            .map(|attempt| seq(&attempt))
            .collect();
        assert_eq!(seqs, [1, 2, 4]);
        assert_eq!(transport.take_drops(), [], "a replaced snapshot is no loss");
    }

    #[test]
    fn a_failed_snapshot_gives_way_to_a_newer_one() {
        let mut transport = Transport::default();
        transport.accept(0, body(0), false);
        let first = transport.next(0.0, CLOCK_MS).unwrap();
        transport.accept(0, body(1), false);
        transport.on_answer(first.id, status(503), 0.0, NO_JITTER);
        assert_eq!(
            transport
                .next(1000.0, CLOCK_MS)
                .map(|attempt| seq(&attempt)),
            Some(1)
        );
    }

    #[test]
    fn final_refusals_are_counted_and_some_end_the_page() {
        for (code, reason, goes_on) in [
            (400, REJECTED, true),
            (413, TOO_LARGE, true),
            (415, REJECTED, true),
            (401, REJECTED, false),
            (403, REJECTED, false),
        ] {
            let mut transport = Transport::default();
            transport.accept(0, body(0), true);
            let attempt = transport.next(0.0, CLOCK_MS).unwrap();
            transport.on_answer(attempt.id, status(code), 0.0, NO_JITTER);
            assert_eq!(transport.take_drops(), [(reason.into(), 1)], "{code}");
            transport.accept(0, body(1), true);
            assert_eq!(transport.next(0.0, CLOCK_MS).is_some(), goes_on, "{code}");
        }
    }

    #[test]
    fn what_was_never_reached_is_left_alone_but_for_the_exit() {
        let mut transport = Transport::default();
        transport.accept(0, body(0), false);
        fail(&mut transport, 0.0, Answer::Nothing { online: true });
        fail(&mut transport, 1e6, Answer::Nothing { online: true });
        let attempt = transport.next(2e6, CLOCK_MS).unwrap();
        transport.on_answer(attempt.id, Answer::Nothing { online: true }, 2e6, NO_JITTER);
        assert_eq!(
            (transport.next(9e9, CLOCK_MS), transport.wake_at_ms()),
            (None, None)
        );
        assert_eq!(transport.take_drops(), [(GAVE_UP.into(), 1)]);
        assert!(transport.next_at_exit(CLOCK_MS).is_some());
        transport.accept(0, body(1), false);
        transport.on_online();
        assert!(transport.next(9e9, CLOCK_MS).is_some());
    }

    #[test]
    fn an_outage_is_waited_out() {
        let mut transport = Transport::default();
        transport.accept(0, body(0), false);
        let attempt = transport.next(0.0, CLOCK_MS).unwrap();
        transport.on_answer(attempt.id, status(204), 0.0, NO_JITTER);
        transport.accept(0, body(1), false);
        for round in 1..20 {
            fail(
                &mut transport,
                f64::from(round) * 1e6,
                Answer::Nothing { online: true },
            );
        }
        assert!(transport.next(9e9, CLOCK_MS).is_some());
    }

    #[test]
    fn an_exit_sends_what_waits_once_newest_first() {
        let mut transport = Transport::default();
        for view in 0..3 {
            transport.accept(view, body(view), true);
        }
        let flying = transport.next(0.0, CLOCK_MS).unwrap();
        let exits: Vec<Attempt> = std::iter::from_fn(|| transport.next_at_exit(CLOCK_MS)).collect();
        assert_eq!(exits.iter().map(seq).collect::<Vec<_>>(), [2, 1]);
        for attempt in &exits {
            transport.on_taken(attempt.id);
        }
        transport.on_answer(flying.id, status(503), 0.0, NO_JITTER);
        assert_eq!(
            transport
                .next(1000.0, CLOCK_MS)
                .map(|attempt| seq(&attempt)),
            Some(0),
            "only what failed is sent again"
        );
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut transport = Transport::default();
        for view in 0..100 {
            transport.accept(view, body(view), true);
        }
        assert_eq!(transport.queue.len(), MAX_QUEUED);
        assert_eq!(transport.take_drops(), [(BUFFER_FULL.into(), 70)]);
        // An answer to something given up long ago means nothing.
        transport.on_answer(1, status(204), 0.0, NO_JITTER);
        assert_eq!(transport.queue.len(), MAX_QUEUED);
    }
}

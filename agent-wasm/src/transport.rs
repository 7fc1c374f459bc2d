//! What delivers beacons: a bounded queue and one retry rule, as a state machine. It decides what goes out when; the agent does
//! the sending. A beacon keeps its bytes through every retry, but for the time of the attempt.
//!
//! While the collector is down one beacon at a time probes it, so that a whole site's tabs come back gently. A beacon that a
//! browser has taken at exit is done: it is never sent again.

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
    drops: Vec<(&'static str, u64)>,
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
    pub fn take_drops(&mut self) -> Vec<(&'static str, u64)> {
        core::mem::take(&mut self.drops)
    }

    /// Counts something given up elsewhere, to be reported with the rest.
    pub fn count(&mut self, reason: &'static str) {
        match self.drops.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => self.drops.push((reason, 1)),
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

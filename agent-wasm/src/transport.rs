//! What delivers beacons: a bounded queue and one retry rule, as a state machine. It decides what goes out when and knows beacons
//! by their ids and sizes; `delivery.js` holds their bytes, which stay the same through every retry but for the time of the
//! attempt, and does the sending.
//!
//! While the collector is down one beacon at a time probes it, so that a whole site's tabs come back gently. A beacon that a
//! browser has taken at exit is done: it is never sent again.

/// Waiting beacons; an outage costs one slot per page view, so this is rarely reached.
const MAX_QUEUED: usize = 30;
const MAX_QUEUED_BYTES: u32 = 256 * 1024;
/// Browsers refuse keepalive requests over 64 KiB in flight, the exit beacon included; this leaves it room.
const MAX_KEEPALIVE_BYTES: u32 = 44_000;
const MAX_IN_FLIGHT: usize = 4;
const FIRST_BACKOFF_MS: f64 = 1000.0;
const LONGEST_BACKOFF_MS: f64 = 60_000.0;
/// A collector may ask for more patience than our own, within reason.
const LONGEST_RETRY_AFTER_MS: f64 = 3_600_000.0;
/// Each wait is up to this share longer or shorter.
const JITTER_RATIO: f64 = 0.2;
/// Attempts that reach nothing, when nothing was ever reached: an ad blocker or a policy, not an outage.
const MAX_UNREACHABLE: u32 = 3;

/// Why something was given up, as beacons report it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    BufferFull,
    Rejected,
    TooLarge,
    GaveUp,
}

const REASONS: usize = 4;

pub struct Transport {
    /// Oldest first; a fixed place for each, for a list that grows costs the page more than all of this.
    queue: [Parcel; MAX_QUEUED],
    queued: usize,
    last_id: u32,
    /// Failed attempts since the last success.
    failures: u32,
    retry_at_ms: f64,
    ever_reached: bool,
    state: State,
    drops: [u32; REASONS],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Nothing was ever reached: only a last beacon at exit is tried.
    Unreachable,
    /// The collector does not want this page's beacons.
    Refused,
}

#[derive(Clone, Copy)]
struct Parcel {
    id: u32,
    view: u32,
    byte_count: u32,
    /// Operations count by beacon and position, so their beacon is never replaced by a newer one.
    has_operations: bool,
    is_flying: bool,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// 0: no answer, for want of a network, by a blocked request or after a timeout.
    pub status: u16,
    /// What `Retry-After` asked for; 0: nothing.
    pub retry_after_ms: f64,
    /// Whether the browser believes in a network.
    pub is_online: bool,
}

impl Parcel {
    const NONE: Parcel = Parcel {
        id: 0,
        view: 0,
        byte_count: 0,
        has_operations: false,
        is_flying: false,
    };
}

impl Default for Transport {
    fn default() -> Self {
        Transport::EMPTY
    }
}

impl Transport {
    /// Nothing waits, nothing was tried.
    pub const EMPTY: Transport = Transport {
        queue: [Parcel::NONE; MAX_QUEUED],
        queued: 0,
        last_id: 0,
        failures: 0,
        retry_at_ms: 0.0,
        ever_reached: false,
        state: State::Open,
        drops: [0; REASONS],
    };

    /// Queues a beacon of the page view `view` and answers its id. Beacons carry every value that was not acknowledged yet, so an
    /// older one without operations that still waits is replaced.
    pub fn accept(&mut self, view: u32, byte_count: u32, has_operations: bool) -> u32 {
        self.last_id += 1;
        if self.state == State::Refused {
            self.count(Reason::GaveUp);
            return self.last_id;
        }
        self.remove_where(|parcel| {
            parcel.view == view && !parcel.is_flying && !parcel.has_operations
        });
        while self.queued == MAX_QUEUED || self.bytes(|_| true) + byte_count > MAX_QUEUED_BYTES {
            let Some(oldest) = self.waiting().iter().position(|parcel| !parcel.is_flying) else {
                break;
            };
            self.remove(oldest);
            self.count(Reason::BufferFull);
        }
        if self.queued == MAX_QUEUED {
            // All of them are flying: nothing can be given up but this one.
            self.count(Reason::BufferFull);
            return self.last_id;
        }
        self.queue[self.queued] = Parcel {
            id: self.last_id,
            view,
            byte_count,
            has_operations,
            is_flying: false,
        };
        self.queued += 1;
        self.last_id
    }

    /// The id of the next attempt to make at `now_ms` of any steady clock, negative where the browser shall not finish the request
    /// when the page goes; 0 while there is none.
    pub fn next(&mut self, now_ms: f64) -> i32 {
        let flying = self
            .waiting()
            .iter()
            .filter(|parcel| parcel.is_flying)
            .count();
        let may_fly = if self.failures > 0 {
            flying == 0 && now_ms >= self.retry_at_ms
        } else {
            flying < MAX_IN_FLIGHT
        };
        if self.state != State::Open || !may_fly {
            return 0;
        }
        let id = self.fly(false);
        if self.bytes(|parcel| parcel.is_flying) > MAX_KEEPALIVE_BYTES {
            -id
        } else {
            id
        }
    }

    /// The oldest or the newest that waits takes off; 0 for none.
    fn fly(&mut self, newest: bool) -> i32 {
        let waits = |parcel: &Parcel| !parcel.is_flying;
        let place = if newest {
            self.waiting().iter().rposition(waits)
        } else {
            self.waiting().iter().position(waits)
        };
        match place {
            Some(place) => {
                self.queue[place].is_flying = true;
                self.queue[place].id as i32
            }
            None => 0,
        }
    }

    /// The page goes: the newest beacon that waits, backoff or not; 0 for none. Call until there is none. Those in flight finish
    /// by themselves.
    pub fn next_at_exit(&mut self) -> i32 {
        self.fly(true)
    }

    /// Whether a beacon still waits or flies.
    pub fn holds(&self, id: u32) -> bool {
        self.place(id).is_some()
    }

    /// The browser has taken the beacon and will say no more of it.
    pub fn on_taken(&mut self, id: u32) {
        self.remove_where(|parcel| parcel.id == id);
    }

    /// An attempt has ended. `random` in 0..1 spreads retries. Answers to attempts that were given up meanwhile mean nothing.
    pub fn on_answer(&mut self, id: u32, answer: Answer, now_ms: f64, random: f64) {
        let Some(place) = self.place(id) else {
            return;
        };
        if !self.queue[place].is_flying {
            return;
        }
        let status = answer.status;
        self.ever_reached |= status > 0;
        match status {
            200..300 => {
                self.failures = 0;
                self.remove(place);
            }
            0 | 408 | 425 | 429 | 500.. => {
                self.retry_later(place, answer.retry_after_ms, now_ms, random);
                if status == 0
                    && answer.is_online
                    && !self.ever_reached
                    && self.failures >= MAX_UNREACHABLE
                {
                    self.state = State::Unreachable;
                    self.count(Reason::GaveUp);
                }
            }
            _ => {
                self.failures = 0;
                self.remove(place);
                self.count(if status == 413 {
                    Reason::TooLarge
                } else {
                    Reason::Rejected
                });
                if matches!(status, 401 | 403) {
                    self.refuse();
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
        let is_flying = self.waiting().iter().any(|parcel| parcel.is_flying);
        let waits = self.state == State::Open && self.failures > 0 && self.queued > 0;
        (waits && !is_flying).then_some(self.retry_at_ms)
    }

    /// How many were given up for a reason since this was last asked.
    pub fn take_drops(&mut self, reason: usize) -> u32 {
        core::mem::take(&mut self.drops[reason % REASONS])
    }

    fn waiting(&self) -> &[Parcel] {
        &self.queue[..self.queued]
    }

    fn place(&self, id: u32) -> Option<usize> {
        self.waiting().iter().position(|parcel| parcel.id == id)
    }

    fn bytes(&self, which: impl Fn(&Parcel) -> bool) -> u32 {
        let mut bytes = 0;
        for parcel in self.waiting() {
            if which(parcel) {
                bytes += parcel.byte_count;
            }
        }
        bytes
    }

    fn remove(&mut self, place: usize) {
        let id = self.queue[place].id;
        self.remove_where(|parcel| parcel.id == id);
    }

    fn remove_where(&mut self, which: impl Fn(&Parcel) -> bool) {
        let mut kept = 0;
        for place in 0..self.queued {
            if !which(&self.queue[place]) {
                self.queue[kept] = self.queue[place];
                kept += 1;
            }
        }
        self.queued = kept;
    }

    fn count(&mut self, reason: Reason) {
        self.drops[reason as usize] += 1;
    }

    fn retry_later(&mut self, place: usize, retry_after_ms: f64, now_ms: f64, random: f64) {
        self.queue[place].is_flying = false;
        // A newer beacon of the same view may have come meanwhile: it says all this one says.
        let Parcel {
            view,
            has_operations,
            ..
        } = self.queue[place];
        let superseded = self.waiting()[place + 1..]
            .iter()
            .any(|newer| newer.view == view);
        if superseded && !has_operations {
            self.remove(place);
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
        self.drops[Reason::GaveUp as usize] += self.queued as u32;
        self.queued = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_JITTER: f64 = 0.5;
    const BYTES: u32 = 800;

    fn status(status: u16) -> Answer {
        Answer {
            status,
            retry_after_ms: 0.0,
            is_online: true,
        }
    }

    /// The id of the next attempt.
    fn next(transport: &mut Transport, now_ms: f64) -> Option<u32> {
        let id = transport.next(now_ms);
        (id != 0).then_some(id.unsigned_abs())
    }

    fn ids(transport: &mut Transport, now_ms: f64) -> Vec<u32> {
        core::iter::from_fn(|| next(transport, now_ms)).collect()
    }

    fn drops(transport: &mut Transport) -> [u32; REASONS] {
        core::array::from_fn(|reason| transport.take_drops(reason))
    }

    fn one(reason: Reason, count: u32) -> [u32; REASONS] {
        let mut drops = [0; REASONS];
        drops[reason as usize] = count;
        drops
    }

    fn fail(transport: &mut Transport, now_ms: f64, answer: Answer) -> f64 {
        let id = next(transport, now_ms).expect("an attempt");
        transport.on_answer(id, answer, now_ms, NO_JITTER);
        transport.wake_at_ms().expect("a retry") - now_ms
    }

    #[test]
    fn an_answer_of_2xx_is_the_end_of_it() {
        for code in [200, 204] {
            let mut transport = Transport::default();
            transport.accept(0, BYTES, true);
            let id = next(&mut transport, 0.0).unwrap();
            assert_eq!(
                id, 1,
                "positive: the browser finishes it when the page goes"
            );
            assert_eq!(next(&mut transport, 0.0), None, "in flight");
            transport.on_answer(id, status(code), 5.0, NO_JITTER);
            assert_eq!(
                (next(&mut transport, 9e9), transport.wake_at_ms()),
                (None, None)
            );
            assert_eq!(drops(&mut transport), [0; REASONS]);
        }
    }

    #[test]
    fn backoff_doubles_to_a_minute() {
        let mut transport = Transport::default();
        transport.accept(0, BYTES, true);
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
            transport.accept(0, BYTES, true);
            let id = next(&mut transport, 0.0).unwrap();
            transport.on_answer(
                id,
                Answer {
                    retry_after_ms,
                    ..status(429)
                },
                0.0,
                random,
            );
            assert_eq!(transport.wake_at_ms(), Some(expected));
        }
    }

    #[test]
    fn while_down_one_probe_at_a_time_oldest_first() {
        let mut transport = Transport::default();
        for view in 0..4 {
            transport.accept(view, BYTES, true);
        }
        assert_eq!(ids(&mut transport, 0.0), [1, 2, 3, 4]);
        for id in 1..=4 {
            transport.on_answer(id, status(503), 0.0, NO_JITTER);
        }
        let now_ms = transport.wake_at_ms().unwrap();
        let probe = next(&mut transport, now_ms).unwrap();
        assert_eq!((probe, next(&mut transport, now_ms)), (1, None));
        transport.on_answer(probe, status(204), now_ms, NO_JITTER);
        assert_eq!(
            ids(&mut transport, now_ms),
            [2, 3, 4],
            "up again: the rest drains"
        );
    }

    #[test]
    fn snapshots_of_a_view_replace_each_other_and_operations_never_do() {
        let mut transport = Transport::default();
        transport.accept(0, BYTES, false);
        transport.accept(0, BYTES, true);
        transport.accept(1, BYTES, false);
        transport.accept(0, BYTES, false);
        transport.accept(0, BYTES, false);
        assert_eq!(ids(&mut transport, 0.0), [2, 3, 5]);
        assert_eq!(
            drops(&mut transport),
            [0; REASONS],
            "a replaced snapshot is no loss"
        );
    }

    #[test]
    fn a_failed_snapshot_gives_way_to_a_newer_one() {
        let mut transport = Transport::default();
        transport.accept(0, BYTES, false);
        let first = next(&mut transport, 0.0).unwrap();
        transport.accept(0, BYTES, false);
        transport.on_answer(first, status(503), 0.0, NO_JITTER);
        assert_eq!(next(&mut transport, 1000.0), Some(2));
    }

    #[test]
    fn final_refusals_are_counted_and_some_end_the_page() {
        for (code, reason, goes_on) in [
            (400, Reason::Rejected, true),
            (413, Reason::TooLarge, true),
            (415, Reason::Rejected, true),
            (401, Reason::Rejected, false),
            (403, Reason::Rejected, false),
        ] {
            let mut transport = Transport::default();
            transport.accept(0, BYTES, true);
            let id = next(&mut transport, 0.0).unwrap();
            transport.on_answer(id, status(code), 0.0, NO_JITTER);
            assert_eq!(drops(&mut transport), one(reason, 1), "{code}");
            transport.accept(0, BYTES, true);
            assert_eq!(next(&mut transport, 0.0).is_some(), goes_on, "{code}");
        }
    }

    #[test]
    fn what_was_never_reached_is_left_alone_but_for_the_exit() {
        let mut transport = Transport::default();
        transport.accept(0, BYTES, false);
        fail(&mut transport, 0.0, status(0));
        fail(&mut transport, 1e6, status(0));
        let id = next(&mut transport, 2e6).unwrap();
        transport.on_answer(id, status(0), 2e6, NO_JITTER);
        assert_eq!(
            (next(&mut transport, 9e9), transport.wake_at_ms()),
            (None, None)
        );
        assert_eq!(drops(&mut transport), one(Reason::GaveUp, 1));
        assert_eq!(transport.next_at_exit(), 1);
        transport.accept(0, BYTES, false);
        transport.on_online();
        assert_ne!(transport.next(9e9), 0);
    }

    #[test]
    fn an_outage_is_waited_out() {
        let mut transport = Transport::default();
        transport.accept(0, BYTES, false);
        let id = next(&mut transport, 0.0).unwrap();
        transport.on_answer(id, status(204), 0.0, NO_JITTER);
        transport.accept(0, BYTES, false);
        for round in 1..20 {
            fail(&mut transport, f64::from(round) * 1e6, status(0));
        }
        assert_ne!(transport.next(9e9), 0);
    }

    #[test]
    fn an_exit_sends_what_waits_once_newest_first() {
        let mut transport = Transport::default();
        for view in 0..3 {
            transport.accept(view, BYTES, true);
        }
        let flying = next(&mut transport, 0.0).unwrap();
        for expected in [3, 2] {
            assert_eq!(transport.next_at_exit(), expected);
        }
        assert_eq!(transport.next_at_exit(), 0);
        for id in [3, 2] {
            transport.on_taken(id);
        }
        transport.on_answer(flying, status(503), 0.0, NO_JITTER);
        assert_eq!(
            next(&mut transport, 1000.0),
            Some(1),
            "only what failed is sent again"
        );
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut transport = Transport::default();
        for view in 0..100 {
            transport.accept(view, BYTES, true);
        }
        assert_eq!(transport.queued, MAX_QUEUED);
        assert_eq!(drops(&mut transport), one(Reason::BufferFull, 70));
        // An answer to something given up long ago means nothing.
        transport.on_answer(1, status(204), 0.0, NO_JITTER);
        assert_eq!(transport.queued, MAX_QUEUED);
    }
}

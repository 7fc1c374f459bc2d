//! Pages that do what the agent does under faults: they send, and send again what was not answered; some things come twice, some
//! in another order, some from machines with a wrong clock. A ledger says what was acknowledged.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use collector::clock::now_ms;
use collector::loadgen::drive::Ledger;
use collector::loadgen::http::{Connection, Target};
use collector::loadgen::traffic::{Traffic, USER_AGENTS, mix};
use tokio::sync::RwLock;
use tokio::time::{Instant, sleep_until, timeout};

use crate::dice::Dice;

pub const APP: &str = "chaos";
const WORKERS: u64 = 8;
/// Beacons a second of all workers together.
const RATE: u64 = 320;
/// Times the rate in a burst.
const BURST: u64 = 4;
/// What a worker has ready or waits to send again; beyond, the oldest are given up, as the agent does.
const MAX_PENDING: usize = 300;
/// Page views that a worker has open at once.
const OPEN_VIEWS: u64 = 12;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Before a beacon that was not answered is sent again.
const RETRY_AFTER_MS: u64 = 400;

/// Everything that was sent, and what was said to it.
pub struct Pages {
    traffic: Traffic,
    target: Target,
    state: Mutex<State>,
    /// Held for reading during an exchange: who holds it for writing knows that nothing is on its way.
    pub gate: RwLock<()>,
    burst: AtomicU64,
}

#[derive(Default)]
struct State {
    /// One byte a page view: acknowledged sequences in the low four bits, unanswered ones above.
    views: Vec<u8>,
    statuses: BTreeMap<u16, u64>,
    sent: u64,
    acked: u64,
    kept: u64,
    unanswered: u64,
    repeated: u64,
    given_up: u64,
}

/// Sums for the table.
#[derive(Clone, Debug)]
pub struct Sums {
    pub views: u64,
    /// Attempts, of one beacon each.
    pub sent: u64,
    /// Different beacons.
    pub acked: u64,
    /// Attempts that were acknowledged: each is a record in the spool.
    pub kept: u64,
    /// Attempts without an answer: each is a record or not.
    pub unanswered: u64,
    pub repeated: u64,
    pub given_up: u64,
    pub statuses: BTreeMap<u16, u64>,
}

#[derive(Clone, Copy)]
struct Beacon {
    view: u64,
    seq: u32,
    start_ms: u64,
    not_before_ms: u64,
    was_acked: bool,
}

impl Pages {
    pub fn new(traffic: Traffic, target: Target) -> Arc<Pages> {
        Arc::new(Pages {
            traffic,
            target,
            state: Mutex::new(State::default()),
            gate: RwLock::new(()),
            burst: AtomicU64::new(1),
        })
    }

    /// Starts the workers; they end with the runtime.
    pub fn start(self: &Arc<Self>, dice: &Dice) {
        for number in 0..WORKERS {
            let worker = Worker {
                pages: self.clone(),
                number,
                next: number,
                dice: dice.part(number),
                pending: Vec::new(),
                acked: Vec::new(),
                connection: Connection::new(self.target.address),
            };
            tokio::spawn(worker.run());
        }
    }

    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    pub fn burst(&self, on: bool) {
        self.burst
            .store(if on { BURST } else { 1 }, Ordering::Relaxed);
    }

    pub fn ledger(&self) -> Ledger {
        Ledger::of(self.state().views.clone())
    }

    /// An acknowledged beacon whose only copy the harness has destroyed: it may be there or not.
    pub fn forget(&self, view: u64, seq: u32) {
        let mut state = self.state();
        if let Some(byte) = state.views.get_mut(view as usize) {
            *byte = *byte & !(1 << seq) | 1 << (4 + seq);
        }
    }

    pub fn sums(&self) -> Sums {
        let state = self.state();
        Sums {
            views: state.views.iter().filter(|&&byte| byte != 0).count() as u64,
            sent: state.sent,
            acked: state.acked,
            kept: state.kept,
            unanswered: state.unanswered,
            repeated: state.repeated,
            given_up: state.given_up,
            statuses: state.statuses.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, beacons: &[Beacon], status: u16) {
        let mut state = self.state();
        for beacon in beacons {
            let at = beacon.view as usize;
            if state.views.len() <= at {
                state.views.resize(at + 1, 0);
            }
            state.sent += 1;
            state.repeated += u64::from(beacon.was_acked);
            match status {
                200 | 204 => {
                    state.kept += 1;
                    state.acked += u64::from(state.views[at] >> beacon.seq & 1 == 0);
                    state.views[at] |= 1 << beacon.seq;
                }
                // A connection that ended says nothing about the beacon; a refusal does.
                0 => {
                    state.unanswered += 1;
                    state.views[at] |= 1 << (4 + beacon.seq);
                }
                _ => {}
            }
        }
        *state.statuses.entry(status).or_default() += 1;
    }
}

struct Worker {
    pages: Arc<Pages>,
    number: u64,
    /// Number of the next page view that opens.
    next: u64,
    dice: Dice,
    pending: Vec<Beacon>,
    /// Some that were acknowledged, to be sent once more.
    acked: Vec<Beacon>,
    connection: Connection,
}

impl Worker {
    async fn run(mut self) {
        let mut due = Instant::now();
        loop {
            let burst = self.pages.burst.load(Ordering::Relaxed);
            due += Duration::from_micros(1_000_000 * WORKERS / RATE / burst);
            // After a stop nobody catches up: that would be a burst of its own.
            due = due.max(Instant::now());
            sleep_until(due).await;
            let pages = self.pages.clone();
            let _turn = pages.gate.read().await;
            if self.dice.percent(1) {
                self.send_nonsense().await;
                continue;
            }
            let beacons = self.choose();
            if !beacons.is_empty() {
                let status = self.send(&beacons).await;
                self.keep(beacons, status);
            }
        }
    }

    /// What is sent next: one, sometimes several in one request, sometimes one that was acknowledged before.
    fn choose(&mut self) -> Vec<Beacon> {
        if self.dice.percent(6) && !self.acked.is_empty() {
            let at = self.dice.between(0, self.acked.len() as u64) as usize;
            return vec![self.acked.swap_remove(at)];
        }
        while (self.pending.len() as u64) < OPEN_VIEWS {
            self.open_view();
        }
        let now_ms = now_ms();
        let count = if self.dice.percent(5) { 8 } else { 1 };
        let mut chosen = Vec::new();
        for _ in 0..count * 3 {
            if chosen.len() == count || self.pending.is_empty() {
                break;
            }
            // Any of them: so a later beacon of a page view often overtakes an earlier one.
            let at = self.dice.between(0, self.pending.len() as u64) as usize;
            if self.pending[at].not_before_ms <= now_ms {
                chosen.push(self.pending.swap_remove(at));
            }
        }
        chosen
    }

    fn open_view(&mut self) {
        let view = self.next;
        self.next += WORKERS;
        let now_ms = now_ms();
        let start_ms = now_ms
            .saturating_add_signed(skew_ms(view))
            .saturating_sub(2_000 + view % 3_000);
        for seq in 0..self.pages.traffic.beacon_count(view) {
            self.pending.push(Beacon {
                view,
                seq,
                start_ms,
                not_before_ms: now_ms,
                was_acked: false,
            });
        }
    }

    async fn send(&mut self, beacons: &[Beacon]) -> u16 {
        let mut body = Vec::new();
        for beacon in beacons {
            if !body.is_empty() {
                body.push(b'\n');
            }
            let sent_ms = now_ms().saturating_add_signed(skew_ms(beacon.view));
            let traffic = self.pages.traffic;
            let from = body.len();
            traffic.write(beacon.view, beacon.seq, sent_ms, beacon.start_ms, &mut body);
            fatten(&mut body, from);
        }
        let device = self.pages.traffic.device(beacons[0].view);
        let status = self
            .post(&body, USER_AGENTS[device], beacons.len() > 1)
            .await;
        self.pages.note(beacons, status);
        status
    }

    /// Neither this nor a bot's beacon is ever kept; both are counted by the collector.
    async fn send_nonsense(&mut self) {
        let (body, user_agent) = match self.dice.percent(50) {
            true => ("{\"v\":1,\"view\":", USER_AGENTS[0]),
            false => (
                "{}",
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            ),
        };
        let status = self.post(body.as_bytes(), user_agent, false).await;
        self.pages.note(&[], status);
    }

    async fn post(&mut self, body: &[u8], user_agent: &str, is_ndjson: bool) -> u16 {
        let media_type = match is_ndjson {
            true => "application/x-ndjson",
            false => "text/plain;charset=UTF-8",
        };
        let mut request = format!(
            "POST /v1/views/{APP} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {user_agent}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
            self.pages.target.host,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        let answer = timeout(ANSWER_TIMEOUT, self.connection.exchange(&request)).await;
        answer.ok().and_then(Result::ok).unwrap_or(0)
    }

    fn keep(&mut self, beacons: Vec<Beacon>, status: u16) {
        if matches!(status, 200 | 204) {
            let acked = beacons.into_iter().map(|beacon| Beacon {
                was_acked: true,
                ..beacon
            });
            self.acked.extend(acked);
            let most = 2 * OPEN_VIEWS as usize;
            if self.acked.len() > most {
                self.acked.drain(..self.acked.len() - most);
            }
            return;
        }
        let not_before_ms = now_ms() + self.dice.between(RETRY_AFTER_MS, 3 * RETRY_AFTER_MS);
        self.pending
            .extend(beacons.into_iter().map(|beacon| Beacon {
                not_before_ms,
                ..beacon
            }));
        let over = self.pending.len().saturating_sub(MAX_PENDING);
        self.pending.drain(..over);
        self.pages.state().given_up += over as u64;
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Worker({})", self.number)
    }
}

/// Gives the beacon at the end of `body` all the context that a page may set, so that segments of the spool fill in seconds.
fn fatten(body: &mut Vec<u8>, from: usize) {
    const BEFORE: &[u8] = b",\"delivery\"";
    let mut windows = body[from..].windows(BEFORE.len());
    let at = windows.position(|window| window == BEFORE);
    let keys = (0..10).map(|key| format!("\"key{key}\":\"{:0>240}\"", key));
    let custom = format!(",\"custom\":{{{}}}", keys.collect::<Vec<_>>().join(","));
    let at = from + at.expect("every beacon says how the page came");
    body.splice(at..at, custom.into_bytes());
}

/// One page view in twelve comes from a machine whose clock is wrong.
fn skew_ms(view: u64) -> i64 {
    const DAY_MS: i64 = 86_400_000;
    const SKEWS_MS: [i64; 6] = [
        1_800_000,
        -3 * DAY_MS,
        2 * DAY_MS,
        -40 * DAY_MS,
        12 * DAY_MS,
        -20_000 * DAY_MS,
    ];
    match mix(view) % 72 {
        at @ 0..6 => SKEWS_MS[at as usize],
        _ => 0,
    }
}

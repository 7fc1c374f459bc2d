//! Sends the traffic: a fixed number of connections, each taking the next request that is due, and a ledger of what was answered.
//!
//! Open loop: request `n` is due at `n / rate`, whatever became of those before, and its latency counts from then. A slow
//! collector therefore shows as latency, not as fewer requests (https://github.com/giltene/wrk2, "coordinated omission").
//! Without a rate every connection sends as soon as it has an answer, which finds the maximum throughput.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Plan;
use super::http::{Connection, Target};
use super::traffic::{MAX_BEACONS, Traffic, USER_AGENTS};
use crate::clock::now_ms;

/// Page views that a connection has open at once: their second beacons follow this many first ones.
const OPEN_VIEWS: u64 = 32;
/// What is not answered by then counts as unanswered; longer than the collector's own patience with a body.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(40);
/// After a failed connection; a collector that is away must not be hammered.
const RECONNECT_PAUSE: Duration = Duration::from_millis(50);
/// Longest latency that is told apart.
const MAX_LATENCY_US: u64 = 60_000_000;

/// What came of the sending.
#[derive(Debug)]
pub struct Sending {
    pub requests: u64,
    pub beacons: u64,
    pub acked_beacons: u64,
    pub refused_beacons: u64,
    pub unanswered_beacons: u64,
    /// Requests that were due in time and never sent, because every connection was waiting for an answer.
    pub overdue_requests: u64,
    /// Bytes of bodies.
    pub body_bytes: u64,
    pub elapsed: Duration,
    /// Answers by status; 0: none.
    pub statuses: BTreeMap<u16, u64>,
    /// From when a request was due to its acknowledgement, in us.
    pub latency: Histogram<u64>,
    /// How late the generator itself was with requests for which a connection was free: included in the latency.
    pub lateness: Histogram<u64>,
    pub ledger: Ledger,
}

/// What was answered for each beacon. One byte a page view, so that a long run fits into memory: acknowledged sequences in the
/// low four bits, unanswered ones above.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By connection, then by page view of that connection.
    by_connection: Vec<Vec<u8>>,
}

impl Ledger {
    /// A ledger of somebody who keeps the bytes himself: one for each page view, by number.
    pub fn of(views: Vec<u8>) -> Ledger {
        Ledger {
            by_connection: vec![views],
        }
    }

    /// Page views of which a beacon was sent.
    pub fn views(&self) -> impl Iterator<Item = u64> {
        let connections = self.by_connection.len() as u64;
        let all = self.by_connection.iter().enumerate();
        all.flat_map(move |(connection, views)| {
            (0..views.len() as u64).map(move |at| at * connections + connection as u64)
        })
    }

    /// Whether the beacon was acknowledged.
    pub fn acked(&self, view: u64, seq: u32) -> bool {
        self.byte(view) >> seq & 1 == 1
    }

    /// Whether it was sent and never answered: it may have been kept or not.
    pub fn unanswered(&self, view: u64, seq: u32) -> bool {
        self.byte(view) >> (4 + seq) & 1 == 1
    }

    fn byte(&self, view: u64) -> u8 {
        let connections = self.by_connection.len().max(1) as u64;
        let views = self.by_connection.get((view % connections) as usize);
        let byte = views.and_then(|views| views.get((view / connections) as usize));
        byte.copied().unwrap_or(0)
    }
}

/// When requests are due.
struct Schedule {
    began: Instant,
    ends: Instant,
    /// Between two requests; zero: as fast as answers come.
    interval: Duration,
    next: u64,
}

impl Schedule {
    /// None when the time is over.
    fn take(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let due = match self.interval.is_zero() {
            true => now,
            // In floating point: a rate need not divide a second into whole ns.
            false => self.began + self.interval.mul_f64(self.next as f64),
        };
        self.next += 1;
        (now < self.ends && due < self.ends).then_some(due)
    }

    /// Requests that should have been sent by the end and were not.
    fn overdue(&self, sent: u64) -> u64 {
        if self.interval.is_zero() {
            return 0;
        }
        let due = (self.ends - self.began).div_duration_f64(self.interval) as u64;
        due.saturating_sub(sent)
    }
}

/// Runs the plan against `target`, whose path is that of the app.
pub async fn drive(plan: &Plan, target: &Target, traffic: Traffic) -> Sending {
    let began = Instant::now();
    let interval = match plan.rate {
        None => Duration::ZERO,
        Some(rate) => Duration::from_secs_f64(f64::from(plan.ndjson_lines) / f64::from(rate)),
    };
    let schedule = Rc::new(RefCell::new(Schedule {
        began,
        ends: began + plan.duration,
        interval,
        next: 0,
    }));
    let local = LocalSet::new();
    let workers: Vec<_> = (0..plan.connections)
        .map(|connection| {
            let worker = Worker {
                requests: Requests::new(plan, target),
                connection: Connection::new(target.address),
                pages: Pages::new(traffic, connection.into(), plan.connections.into()),
                schedule: schedule.clone(),
                lines: plan.ndjson_lines,
                sending: Sending::empty(),
            };
            local.spawn_local(worker.run())
        })
        .collect();
    let mut sum = Sending::empty();
    local
        .run_until(async {
            for worker in workers {
                sum.add(worker.await.expect("a worker does not panic"));
            }
        })
        .await;
    sum.elapsed = began.elapsed();
    sum.overdue_requests = schedule.borrow().overdue(sum.requests);
    sum
}

struct Worker {
    requests: Requests,
    connection: Connection,
    pages: Pages,
    schedule: Rc<RefCell<Schedule>>,
    lines: u32,
    sending: Sending,
}

impl Worker {
    async fn run(mut self) -> Sending {
        let mut body = Vec::with_capacity(2048);
        let mut carried = Vec::new();
        loop {
            let Some(due) = self.schedule.borrow_mut().take() else {
                break;
            };
            if due > Instant::now() {
                sleep_until(due).await;
                record(&mut self.sending.lateness, due.elapsed());
            }
            body.clear();
            carried.clear();
            let mut device = 0;
            for line in 0..self.lines {
                if line > 0 {
                    body.push(b'\n');
                }
                let beacon = self.pages.next(&mut body);
                device = self.pages.traffic.device(beacon.0);
                carried.push(beacon);
            }
            let request = self.requests.fill(device, &body);
            let answer = timeout(ANSWER_TIMEOUT, self.connection.exchange(request)).await;
            let status = answer.ok().and_then(Result::ok).unwrap_or(0);
            self.note(due, status, body.len(), &carried);
            if status == 0 {
                sleep(RECONNECT_PAUSE).await;
            }
        }
        self.sending.ledger.by_connection.push(self.pages.ledger);
        self.sending
    }

    fn note(&mut self, due: Instant, status: u16, body_bytes: usize, carried: &[(u64, u32)]) {
        let sending = &mut self.sending;
        let beacons = carried.len() as u64;
        sending.requests += 1;
        sending.beacons += beacons;
        sending.body_bytes += body_bytes as u64;
        *sending.statuses.entry(status).or_default() += 1;
        match status {
            // 200 says that some were refused. Ours are sound, so that is a failure, and the check will name it.
            200 | 204 => {
                record(&mut sending.latency, due.elapsed());
                sending.acked_beacons += beacons;
            }
            0 => sending.unanswered_beacons += beacons,
            _ => sending.refused_beacons += beacons,
        }
        for &(view, seq) in carried {
            self.pages.note(view, seq, status);
        }
    }
}

fn record(histogram: &mut Histogram<u64>, duration: Duration) {
    histogram.saturating_record((duration.as_micros() as u64).max(1));
}

/// Requests, written into one buffer.
struct Requests {
    /// By device: everything before the length.
    heads: [Vec<u8>; USER_AGENTS.len()],
    buffer: Vec<u8>,
}

impl Requests {
    fn new(plan: &Plan, target: &Target) -> Requests {
        let media_type = match plan.ndjson_lines {
            1 => "text/plain;charset=UTF-8", // what sendBeacon sends
            _ => "application/x-ndjson",
        };
        let origin = plan
            .origin
            .as_ref()
            .map_or(String::new(), |origin| format!("Origin: {origin}\r\n"));
        let heads = USER_AGENTS.map(|user_agent| {
            format!(
                "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {user_agent}\r\nAccept: */*\r\n{origin}Content-Type: {media_type}\r\nContent-Length: ",
                target.path, target.host
            )
            .into_bytes()
        });
        Requests {
            heads,
            buffer: Vec::with_capacity(4096),
        }
    }

    fn fill(&mut self, device: usize, body: &[u8]) -> &[u8] {
        self.buffer.clear();
        self.buffer.extend_from_slice(&self.heads[device]);
        self.buffer
            .extend_from_slice(format!("{}\r\n\r\n", body.len()).as_bytes());
        self.buffer.extend_from_slice(body);
        &self.buffer
    }
}

/// The page views of one connection: a group is open at once, and sends its first beacons, then its second ones, then its third.
struct Pages {
    traffic: Traffic,
    connection: u64,
    connections: u64,
    group: u64,
    at: u64,
    seq: u32,
    starts_ms: [u64; OPEN_VIEWS as usize],
    ledger: Vec<u8>,
}

impl Pages {
    fn new(traffic: Traffic, connection: u64, connections: u64) -> Pages {
        Pages {
            traffic,
            connection,
            connections,
            group: 0,
            at: 0,
            seq: 0,
            starts_ms: [0; OPEN_VIEWS as usize],
            ledger: Vec::new(),
        }
    }

    /// Appends the next beacon to `out` and names it.
    fn next(&mut self, out: &mut Vec<u8>) -> (u64, u32) {
        loop {
            if self.at == OPEN_VIEWS {
                (self.at, self.seq) = (0, self.seq + 1);
            }
            if self.seq == MAX_BEACONS {
                (self.group, self.seq) = (self.group + 1, 0);
            }
            let at = self.at as usize;
            let view = (self.group * OPEN_VIEWS + self.at) * self.connections + self.connection;
            self.at += 1;
            if self.seq >= self.traffic.beacon_count(view) {
                continue;
            }
            let sent_ms = now_ms();
            if self.seq == 0 {
                self.starts_ms[at] = sent_ms.saturating_sub(2_000 + view % 3_000);
                self.ledger.push(0);
            }
            self.traffic
                .write(view, self.seq, sent_ms, self.starts_ms[at], out);
            return (view, self.seq);
        }
    }

    fn note(&mut self, view: u64, seq: u32, status: u16) {
        let byte = &mut self.ledger[(view / self.connections) as usize];
        match status {
            200 | 204 => *byte |= 1 << seq,
            0 => *byte |= 1 << (4 + seq),
            _ => {}
        }
    }
}

impl Sending {
    fn empty() -> Sending {
        let histogram =
            || Histogram::new_with_bounds(1, MAX_LATENCY_US, 3).expect("these bounds are in order");
        Sending {
            requests: 0,
            beacons: 0,
            acked_beacons: 0,
            refused_beacons: 0,
            unanswered_beacons: 0,
            overdue_requests: 0,
            body_bytes: 0,
            elapsed: Duration::ZERO,
            statuses: BTreeMap::new(),
            latency: histogram(),
            lateness: histogram(),
            ledger: Ledger::default(),
        }
    }

    fn add(&mut self, other: Sending) {
        self.requests += other.requests;
        self.beacons += other.beacons;
        self.acked_beacons += other.acked_beacons;
        self.refused_beacons += other.refused_beacons;
        self.unanswered_beacons += other.unanswered_beacons;
        self.body_bytes += other.body_bytes;
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.latency.add(other.latency).expect("same bounds");
        self.lateness.add(other.lateness).expect("same bounds");
        self.ledger.by_connection.extend(other.ledger.by_connection);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_beacon_of_every_page_view_is_sent_once_and_in_order() {
        let traffic = Traffic::new(1, 1);
        let mut next_seq = BTreeMap::new();
        for connection in 0..3 {
            let mut pages = Pages::new(traffic, connection, 3);
            for _ in 0..500 {
                let (view, seq) = pages.next(&mut Vec::new());
                assert_eq!(view % 3, connection);
                let next = next_seq.entry(view).or_insert(0);
                assert_eq!(seq, *next);
                *next += 1;
                pages.note(view, seq, if seq == 1 { 0 } else { 204 });
            }
            let (closed, open) = (pages.group * OPEN_VIEWS, (pages.group + 1) * OPEN_VIEWS);
            assert!((closed..=open).contains(&(pages.ledger.len() as u64)));
            for at in 0..closed {
                let view = at * 3 + connection;
                assert_eq!(next_seq[&view], traffic.beacon_count(view));
            }
        }
    }

    #[test]
    fn a_ledger_knows_what_was_answered() {
        let ledger = Ledger {
            by_connection: vec![vec![0b0010_0001], vec![0, 0b0100]],
        };
        assert!(ledger.acked(0, 0) && !ledger.acked(0, 1) && ledger.unanswered(0, 1));
        assert!(ledger.acked(3, 2) && !ledger.acked(1, 0) && !ledger.acked(99, 0));
        assert_eq!(ledger.views().collect::<Vec<_>>(), [0, 1, 3]);
    }

    #[test]
    fn requests_are_due_at_the_rate_whatever_happens() {
        let began = Instant::now();
        let mut schedule = Schedule {
            began,
            ends: began + Duration::from_secs(1),
            interval: Duration::from_millis(250),
            next: 0,
        };
        let due: Vec<_> = std::iter::from_fn(|| schedule.take()).collect();
        let due: Vec<_> = due.iter().map(|due| (*due - began).as_millis()).collect();
        assert_eq!(due, [0, 250, 500, 750]);
        assert_eq!((schedule.overdue(4), schedule.overdue(1)), (0, 3));
    }
}

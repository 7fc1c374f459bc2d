//! Own counters, each named once, and how Prometheus reads them.
//!
//! The fate of beacons is one [`Ledger`] under one lock, so that every scrape reconciles; everything else is independent.

mod histogram;
mod lag;
mod ledger;
mod process;
mod render;
pub mod saved;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use histogram::Histogram;
use lag::Lag;
pub use ledger::{Counts, Ledger, Reason};

/// Everything the collector counts about itself. Shared by reference count; all methods take `&self`.
#[derive(Debug, Default)]
pub struct Metrics {
    ledger: Mutex<Ledger>,
    lag: Mutex<Lag>,
    measurements_rejected: Mutex<BTreeMap<&'static str, u64>>,
    overflowed: Mutex<BTreeMap<&'static str, u64>>,
    limited: [AtomicU64; Limit::ALL.len()],
    /// Time from the head of a request to its durable answer.
    pub ack_seconds: Histogram,
    /// One fdatasync of the spool.
    pub fsync_seconds: Arc<Histogram>,
    /// One insert of a block, retries apart.
    pub insert_seconds: Histogram,
    pub inserts_failed: AtomicU64,
    /// Blocks whose token the server knew although it had none of their rows.
    pub blocks_sent_anew: AtomicU64,
    /// The store cannot write and a person must act (wrong password, missing rights, full disk).
    pub store_needs_operator: AtomicBool,
    /// ClickHouse took the last block, or none was due.
    pub store_ready: AtomicBool,
    pub public_traffic: Arc<Traffic>,
    pub private_traffic: Arc<Traffic>,
    findings_open: Mutex<BTreeMap<&'static str, u64>>,
    /// Alarms of the last evaluation, true ones included; none before the first. The false ones among them are not known here.
    alarm_episodes_per_1000_series_days: Mutex<Option<f64>>,
    false_alarms: Mutex<FalseAlarmGauges>,
    /// None while ClickHouse does not say.
    table_sizes: Mutex<Option<Vec<TableSize>>>,
    /// Of the last evaluation; 0 before the first.
    pub evaluation_ms: AtomicU64,
    spool: Mutex<Option<SpoolSource>>,
}

struct SpoolSource(Box<dyn Fn() -> SpoolGauges + Send + Sync>);

impl std::fmt::Debug for SpoolSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SpoolSource")
    }
}

impl Metrics {
    /// Counters that go on where the last process ended. Its beacons in the spool wait for `oldest_age` already.
    pub fn resumed(counts: Counts, oldest_age: Duration) -> Metrics {
        let now = Instant::now();
        let since = now.checked_sub(oldest_age).unwrap_or(now);
        Metrics {
            lag: Mutex::new(Lag::resumed(counts.spooled, since)),
            ledger: Mutex::new(Ledger::resumed(counts)),
            ..Metrics::default()
        }
    }

    /// The head of a request was read: one beacon is in flight until its fate is told.
    pub fn received(&self) {
        self.ledger().receive(1);
    }

    /// The body turned out to hold `count` beacons more than the one counted at its head.
    pub fn received_more(&self, count: u64) {
        self.ledger().receive(count);
    }

    pub fn rejected(&self, reason: Reason, count: u64) {
        self.ledger().reject(reason, count);
    }

    /// Handed to the spool; told before the append, so that an acknowledgement can never overtake it.
    pub fn spooled(&self, count: u64) {
        self.ledger().spool(count);
        lock(&self.lag).on_spooled(count, Instant::now());
    }

    /// The spool did not take them after all.
    pub fn spool_refused(&self, reason: Reason, count: u64) {
        self.ledger().leave_spool(reason, count);
        lock(&self.lag).on_refused(count);
    }

    /// In ClickHouse and acknowledged. Duplicates count.
    pub fn stored(&self, count: u64) {
        self.ledger().store(count);
        self.left_spool(count);
    }

    /// Set aside because ClickHouse will never take them; they stay on disk.
    pub fn dead_lettered(&self, count: u64) {
        self.ledger().leave_spool(Reason::DeadLetter, count);
        self.left_spool(count);
    }

    /// Lost to damage in the spool; what is left of them is in `quarantine/`.
    pub fn quarantined(&self, count: u64) {
        self.ledger().leave_spool(Reason::Quarantined, count);
        self.left_spool(count);
    }

    /// How long the oldest beacon of the spool waits for ClickHouse.
    pub fn oldest_age(&self) -> Duration {
        lock(&self.lag).oldest_age(Instant::now())
    }

    fn left_spool(&self, count: u64) {
        if count > 0 {
            lock(&self.lag).on_left(count, Instant::now());
        }
    }

    pub fn counts(&self) -> Counts {
        self.ledger().counts()
    }

    pub fn measurement_rejected(&self, code: &'static str) {
        *lock(&self.measurements_rejected).entry(code).or_default() += 1;
    }

    /// A name was one too many and is counted under `(other)`; `kind` says what it named.
    pub fn overflowed(&self, kind: &'static str) {
        *lock(&self.overflowed).entry(kind).or_default() += 1;
    }

    /// A request was refused for its sender's rate; that it was rejected is told with its fate.
    pub fn limited(&self, limit: Limit) {
        self.limited[limit as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Replaces the number of open findings by severity.
    pub fn set_findings_open(&self, by_severity: BTreeMap<&'static str, u64>) {
        *lock(&self.findings_open) = by_severity;
    }

    pub fn set_alarm_episodes(&self, per_1000_series_days: f64) {
        *lock(&self.alarm_episodes_per_1000_series_days) = Some(per_1000_series_days);
    }

    pub fn set_false_alarms(&self, measured: FalseAlarmGauges) {
        *lock(&self.false_alarms) = measured;
    }

    /// Replaces what is known of the database's tables.
    pub fn set_table_sizes(&self, sizes: Option<Vec<TableSize>>) {
        *lock(&self.table_sizes) = sizes;
    }

    pub fn acked(&self, waited: Duration) {
        self.ack_seconds.observe(waited);
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// Says where a scrape reads the state of the spool; called once, when the parts are put together.
    pub fn read_spool_from(&self, gauges: impl Fn() -> SpoolGauges + Send + Sync + 'static) {
        *lock(&self.spool) = Some(SpoolSource(Box::new(gauges)));
    }

    /// Prometheus text format, version 0.0.4.
    pub fn render(&self) -> String {
        let spool = lock(&self.spool).as_ref().map(|source| (source.0)());
        render::render(self, spool.unwrap_or_default())
    }

    fn inserts_failed_total(&self) -> u64 {
        self.inserts_failed.load(Ordering::Relaxed)
    }
}

/// Whose rate was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    App,
    Address,
}

impl Limit {
    pub const ALL: [Limit; 2] = [Limit::App, Limit::Address];

    /// The label in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Limit::App => "app",
            Limit::Address => "address",
        }
    }
}

/// One table of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSize {
    pub name: String,
    pub bytes: u64,
    pub row_count: u64,
}

/// What passes through one listener.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Connections at this moment.
    pub open: AtomicU64,
    /// Connections closed at once because their sender had too many.
    pub refused: AtomicU64,
    /// Connections that broke off, or whose head was too slow, too large or no HTTP.
    pub failed: AtomicU64,
    /// On the sockets: heads, and bodies as they were sent.
    pub received_bytes: AtomicU64,
    pub sent_bytes: AtomicU64,
}

/// What the last night measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FalseAlarmGauges {
    /// None before the first night on which a series had enough history to be judged.
    pub per_1000_series_days: Option<f64>,
    pub looks: f64,
}

impl Default for FalseAlarmGauges {
    fn default() -> FalseAlarmGauges {
        FalseAlarmGauges {
            per_1000_series_days: None,
            looks: detect::false_alarms::MIN_LOOKS,
        }
    }
}

/// What the spool says about itself at the moment of a scrape.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SpoolGauges {
    pub bytes: u64,
    pub max_bytes: u64,
    /// On the disk that the spool is on; None where the file system does not say.
    pub disk_free_bytes: Option<u64>,
    pub segments: u64,
    /// Bytes cut from a torn end when the spool was opened.
    pub torn_bytes: u64,
}

/// A panic while counting cannot leave a counter half changed, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! `vitalscope loadgen`: load from outside, and the proof that what was acknowledged is what is stored.
//!
//! [`traffic`] says what pages send, as a function of a seed; [`drive`] sends it over connections of [`http`], at a rate or as fast
//! as it goes, and remembers what was answered; [`books`] reads the collector's own counters; [`stored`] holds ClickHouse against
//! what was answered. Bounded in time, connections and memory, and kept to this machine unless told otherwise.

pub mod books;
pub mod drive;
pub mod http;
pub mod stored;
pub mod traffic;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval};

use self::books::Books;
use self::drive::Sending;
use self::http::Target;
use self::stored::Comparison;
use self::traffic::Traffic;
use crate::clock::now_ms;
use crate::store::{Access, Store};

/// While the load runs, the books are looked at this often.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What to send, where to, and how to check it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Address of the ingest route; `{app}` in it, or its end, is the app.
    pub url: String,
    pub app: String,
    /// `Origin` header, for apps that list theirs.
    pub origin: Option<String>,
    /// Beacons a second; None: as fast as answers come.
    pub rate: Option<u32>,
    pub duration: Duration,
    pub connections: u32,
    /// Beacons a request.
    pub ndjson_lines: u32,
    pub seed: u64,
    /// Load may leave this machine.
    pub elsewhere: bool,
    /// The collector's page of metrics, and its token.
    pub metrics: Option<String>,
    pub token: Option<String>,
    /// How long the spool may take to drain before the check gives up.
    pub drain_time: Duration,
}

/// What was seen.
#[derive(Debug, Serialize)]
pub struct Summary {
    pub wanted_beacons_per_s: Option<u32>,
    pub beacons_per_s: f64,
    pub acked_per_s: f64,
    pub seconds: f64,
    pub requests: u64,
    pub beacons: u64,
    pub acked_beacons: u64,
    pub refused_beacons: u64,
    pub unanswered_beacons: u64,
    /// Due within the time and never sent: the collector or the generator could not keep up.
    pub overdue_requests: u64,
    /// Answers by status; 0: none.
    pub statuses: BTreeMap<u16, u64>,
    pub body_bytes: u64,
    pub mean_beacon_bytes: f64,
    /// From when a request was due to its acknowledgement.
    pub latency_ms: Quantiles,
    /// How much of it was the generator's own timer.
    pub lateness_ms: Quantiles,
    pub books: Option<BooksCheck>,
    pub stored: Option<Comparison>,
    /// What is wrong, in words; empty: accepted == stored, as far as it was checked.
    pub failures: Vec<String>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Quantiles {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

/// The collector's counters before and after, and how often they were looked at meanwhile.
#[derive(Debug, Serialize)]
pub struct BooksCheck {
    pub looks: u64,
    pub unbalanced: u64,
    pub before: Books,
    pub after: Books,
    pub drain_seconds: f64,
}

/// Sends the load and checks what became of it.
///
/// # Errors
/// A target that cannot be used or read. What the checks find is no error: see [`Summary::failures`].
pub async fn run(plan: &Plan, clickhouse: Option<Access>) -> anyhow::Result<Summary> {
    let ingest = ingest(plan).await?;
    let metrics = match &plan.metrics {
        Some(url) => Some(Target::resolve(url, plan.elsewhere).await?),
        None => None,
    };
    let before = match &metrics {
        Some(metrics) => Some(Books::read(metrics, plan.token.as_deref()).await?),
        None => None,
    };
    let began_ms = now_ms();
    // The page views of this run are its own, however often the seed is used.
    let traffic = Traffic::new(plan.seed, began_ms);
    let sending = sending(plan, ingest, traffic);
    let (sending, looks) = match &metrics {
        Some(metrics) => looking(metrics, plan.token.as_deref(), sending).await?,
        None => (sending.await?, Looks::default()),
    };
    let mut summary = Summary::of(plan, &sending);
    if let (Some(metrics), Some(before)) = (&metrics, before) {
        check_books(plan, metrics, before, looks, &mut summary).await;
    }
    if let Some(access) = clickhouse {
        // A page view began some seconds before its first beacon.
        let since_ms = began_ms - 60_000;
        let store = Store::new(access);
        let stored = stored::compare(&store, &plan.app, since_ms, traffic, &sending.ledger).await?;
        if !stored.is_exact() {
            summary.failures.push(format!(
                "ClickHouse differs from what was acknowledged: {}",
                stored.told.join("; ")
            ));
        }
        summary.stored = Some(stored);
    }
    Ok(summary)
}

/// The ingest route of the app, from an address with or without a path.
async fn ingest(plan: &Plan) -> anyhow::Result<Target> {
    let mut target = Target::resolve(&plan.url, plan.elsewhere).await?;
    target.path = match target.path.trim_end_matches('/') {
        "" => format!("/v1/views/{}", plan.app),
        path if path.contains("{app}") => path.replace("{app}", &plan.app),
        path => format!("{path}/{}", plan.app),
    };
    Ok(target)
}

/// On a thread of its own with one reactor: the generator takes at most one core, and needs no locks.
async fn sending(plan: &Plan, target: Target, traffic: Traffic) -> anyhow::Result<Sending> {
    let (done, result) = oneshot::channel();
    let plan = plan.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name("loadgen".into())
        .spawn(move || {
            let sending = runtime.block_on(drive::drive(&plan, &target, traffic));
            let _ = done.send(sending); // nobody waits any more: the run was given up
        })?;
    result.await.context("the generator has panicked")
}

#[derive(Clone, Copy, Debug, Default)]
struct Looks {
    count: u64,
    unbalanced: u64,
}

/// Looks at the books while the load runs.
async fn looking(
    metrics: &Target,
    token: Option<&str>,
    sending: impl Future<Output = anyhow::Result<Sending>>,
) -> anyhow::Result<(Sending, Looks)> {
    let mut looks = Looks::default();
    let mut due = interval(LOOK_INTERVAL);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sending = std::pin::pin!(sending);
    loop {
        tokio::select! {
            sending = &mut sending => return Ok((sending?, looks)),
            _ = due.tick() => {}
        }
        // A page that cannot be read is no finding: the check at the end needs one that can.
        if let Ok(books) = Books::read(metrics, token).await {
            looks.count += 1;
            looks.unbalanced += u64::from(!books.balance());
        }
    }
}

async fn check_books(
    plan: &Plan,
    metrics: &Target,
    before: Books,
    looks: Looks,
    summary: &mut Summary,
) {
    let began = tokio::time::Instant::now();
    let after = match books::drained(metrics, plan.token.as_deref(), plan.drain_time).await {
        Ok(after) => after,
        Err(error) => {
            summary.failures.push(format!("{error:#}"));
            return;
        }
    };
    let failures = &mut summary.failures;
    if looks.unbalanced > 0 {
        let (unbalanced, count) = (looks.unbalanced, looks.count);
        failures.push(format!(
            "{unbalanced} of {count} looks at the books did not balance"
        ));
    }
    let dead = ["dead-letter", "quarantined", "undecided"]
        .map(|reason| added(&before, &after, reason))
        .iter()
        .sum::<u64>();
    if dead > 0 {
        failures.push(format!(
            "{dead} beacons became dead letters, were quarantined or undecided"
        ));
    }
    // What was in the spool before is stored by now as well; unanswered beacons may have been kept.
    let stored = after.stored - before.stored.min(after.stored);
    let fewest = summary.acked_beacons + before.spooled;
    let most = fewest + summary.unanswered_beacons;
    if !(fewest..=most).contains(&stored) {
        failures.push(format!(
            "{stored} beacons were stored and {fewest} to {most} acknowledged (nobody else may send during the run)"
        ));
    }
    let received = after.received - before.received.min(after.received);
    let (fewest, most) = (
        summary.beacons - summary.unanswered_beacons,
        summary.beacons,
    );
    if !(fewest..=most).contains(&received) {
        failures.push(format!(
            "{received} beacons were received and {fewest} to {most} sent"
        ));
    }
    summary.books = Some(BooksCheck {
        looks: looks.count,
        unbalanced: looks.unbalanced,
        before,
        after,
        drain_seconds: began.elapsed().as_secs_f64(),
    });
}

fn added(before: &Books, after: &Books, reason: &str) -> u64 {
    let count = |books: &Books| books.rejected.get(reason).copied().unwrap_or(0);
    count(after).saturating_sub(count(before))
}

impl Summary {
    fn of(plan: &Plan, sending: &Sending) -> Summary {
        let seconds = sending.elapsed.as_secs_f64();
        let mut failures = Vec::new();
        if sending.acked_beacons == 0 {
            failures.push("nothing was acknowledged".to_owned());
        }
        if let Some(count) = sending.statuses.get(&200) {
            failures.push(format!("{count} requests were only accepted in part (200)"));
        }
        Summary {
            wanted_beacons_per_s: plan.rate,
            beacons_per_s: sending.beacons as f64 / seconds,
            acked_per_s: sending.acked_beacons as f64 / seconds,
            seconds,
            requests: sending.requests,
            beacons: sending.beacons,
            acked_beacons: sending.acked_beacons,
            refused_beacons: sending.refused_beacons,
            unanswered_beacons: sending.unanswered_beacons,
            overdue_requests: sending.overdue_requests,
            statuses: sending.statuses.clone(),
            body_bytes: sending.body_bytes,
            mean_beacon_bytes: sending.body_bytes as f64 / sending.beacons.max(1) as f64,
            latency_ms: Quantiles::of(&sending.latency),
            lateness_ms: Quantiles::of(&sending.lateness),
            books: None,
            stored: None,
            failures,
        }
    }
}

impl Quantiles {
    fn of(us: &Histogram<u64>) -> Quantiles {
        let ms = |quantile| us.value_at_quantile(quantile) as f64 / 1_000.0;
        Quantiles {
            p50: ms(0.5),
            p90: ms(0.9),
            p99: ms(0.99),
            p999: ms(0.999),
            max: us.max() as f64 / 1_000.0,
        }
    }
}

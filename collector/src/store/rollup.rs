//! Recomputes histograms per hour and per minute from the rows, whenever rows of theirs have arrived. Nothing is ever added to a
//! rollup, so repeats, late beacons, changed routes and clocks that are set cannot make it drift from the rows.
//!
//! Three jobs, each at its own pace, so that none waits for another: minutes; hours, with scores and totals; and the details of hours
//! (splits by dimension and by what is to blame), which cost ten times as much. The running hour is treated like any other: it is recomputed while it
//! fills, at most once per pause of its job, and a closed hour is recomputed when something late arrives. Which hours were computed
//! up to which arrival is in `rollup_generations` and `rollup_detail_generations`, so a restart continues where the last process
//! was complete, and several collectors may do the same work: the newest generation of a key wins, in the tables as in the memory of them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use clickhouse::Row;
use clickhouse::sql::Identifier;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::Store;
use super::hourly::{DETAILS, HOURS, HOURS_AT_ONCE, Hourly, Statement};
use super::rows::OWN_START_MS;
use crate::shutdown::{Shutdown, requested};

/// Between two passes: the minutes promise rows in them within 10 s of the beacon, of which sealing takes one.
const INTERVAL: Duration = Duration::from_secs(3);
/// A large installation's pass takes longer; then the pause grows with it, so that a job takes at most this share of the time.
const MAX_BUSY_RATIO: u32 = 4;
/// A collector that starts has a spool to drain and people who wait for the newest minutes: details come after that.
const DETAILS_AFTER: Duration = Duration::from_secs(30);
/// By then a row that was given its arrival time is visible, whichever collector wrote it.
const SETTLE: Duration = Duration::from_secs(60);
/// How far the start of a page view moves between its beacons without a row that says so. Delays of the network are less.
const EDGE: Duration = Duration::from_millis(2 * OWN_START_MS);
/// No app has this name. Under it the generations say up to which arrival every hour of every app was complete: a process that dies
/// within a pass must not hide what it had not reached.
const COMPLETE: &str = "";
/// Minutes of one statement: its memory grows with them.
const MINUTES_PER_STATEMENT: usize = 120;
const DIRTY_HOURS: &str = concat!(
    include_str!("sql/rollup_arrivals.sql"),
    include_str!("sql/rollup_dirty_hours.sql")
);
const DIRTY_MINUTES: &str = concat!(
    include_str!("sql/rollup_arrivals.sql"),
    include_str!("sql/rollup_dirty_minutes.sql")
);

/// What was dirty and is not any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    pub hours: usize,
    /// Hours whose details were recomputed.
    pub details: usize,
    pub minutes: usize,
}

/// Where the next pass of a job looks from, and the newest generation that it has written.
struct Progress {
    since_ms: i64,
    generation: u64,
}

#[derive(Row, Deserialize)]
struct DirtyHour {
    app: String,
    hour: u32,
    seen_at_ms: i64,
    waits: bool,
    counted_ms: i64,
}

#[derive(Row, Deserialize)]
struct DirtyMinute {
    app: String,
    minute: u32,
}

/// What is recomputed at a pace of its own.
#[derive(Clone, Copy)]
enum Job {
    Minutes,
    Hours(&'static Hourly),
}

/// Runs until the end is asked for. Failures are logged and tried again: nothing is lost by waiting.
pub async fn run(store: Store, shutdown: Shutdown) {
    tokio::join!(
        keep(&store, Job::Minutes, shutdown.clone()),
        keep(&store, Job::Hours(&HOURS), shutdown.clone()),
        details(&store, shutdown),
    );
}

async fn details(store: &Store, mut shutdown: Shutdown) {
    tokio::select! {
        () = sleep(DETAILS_AFTER) => keep(store, Job::Hours(&DETAILS), shutdown).await,
        () = requested(&mut shutdown) => {}
    }
}

/// One pass over everything that is dirty, for commands that cannot wait for the next one.
///
/// # Errors
/// The server's.
pub async fn run_once(store: &Store) -> anyhow::Result<Pass> {
    Ok(Pass {
        minutes: advance_minutes(store, &mut None).await?,
        hours: advance_hours(store, &HOURS, &mut None, Duration::ZERO).await?,
        details: advance_hours(store, &DETAILS, &mut None, Duration::ZERO).await?,
    })
}

/// Repeats the pass of a job, with a pause between two that is longer where a pass takes long.
async fn keep(store: &Store, job: Job, mut shutdown: Shutdown) {
    let (mut progress, mut failing) = (None, false);
    loop {
        let started = Instant::now();
        tokio::select! {
            outcome = job.pass(store, &mut progress) => {
                tell(job, &outcome, failing, started.elapsed());
                // Where to look from only moves when a pass is complete: the next one finds the same hours dirty.
                failing = outcome.is_err();
            }
            () = requested(&mut shutdown) => return,
        }
        let pause = INTERVAL.max(started.elapsed() * MAX_BUSY_RATIO);
        tokio::select! {
            () = sleep(pause) => {}
            () = requested(&mut shutdown) => return,
        }
    }
}

/// An outage is one line when it begins and one when it ends.
fn tell(job: Job, outcome: &anyhow::Result<usize>, was_failing: bool, elapsed: Duration) {
    let (job, elapsed_ms) = (job.name(), elapsed.as_millis() as u64);
    match outcome {
        Ok(count) => {
            if was_failing {
                tracing::info!(job, "rollups are recomputed again");
            }
            if *count > 0 {
                tracing::debug!(job, count, elapsed_ms, "rollups recomputed");
            }
        }
        Err(error) if was_failing => {
            tracing::debug!(job, error = format!("{error:#}"), "rollups failed again");
        }
        Err(error) => {
            tracing::warn!(
                job,
                error = format!("{error:#}"),
                "rollups could not be recomputed; tried again until they can"
            );
        }
    }
}

impl Job {
    const fn name(self) -> &'static str {
        match self {
            Job::Minutes => "minutes",
            Job::Hours(tables) => tables.name,
        }
    }

    async fn pass(self, store: &Store, progress: &mut Option<Progress>) -> anyhow::Result<usize> {
        match self {
            Job::Minutes => advance_minutes(store, progress).await,
            Job::Hours(tables) => advance_hours(store, tables, progress, tables.pause).await,
        }
    }
}

async fn advance_minutes(store: &Store, progress: &mut Option<Progress>) -> anyhow::Result<usize> {
    let margin = SETTLE + SETTLE;
    let progress = match progress {
        Some(progress) => progress,
        None => {
            let newest = "select toInt64(max(generation)) from rollup_by_minute";
            let generation = number(store, newest).await?;
            progress.insert(Progress {
                since_ms: (generation - margin.as_millis() as i64).max(0),
                generation: generation.max(0) as u64,
            })
        }
    };
    let now_ms = progress.next_generation(store).await?;
    let count = minutes(store, progress).await.context("minutes")?;
    progress.since_ms = now_ms - EDGE.as_millis() as i64;
    Ok(count)
}

/// Recomputes the dirty hours of these tables that were not computed within `pause`; answers how many there were.
async fn advance_hours(
    store: &Store,
    tables: &Hourly,
    progress: &mut Option<Progress>,
    pause: Duration,
) -> anyhow::Result<usize> {
    // An hour stays in sight until it was computed after it settled.
    let in_sight_ms = (SETTLE + tables.pause + SETTLE).as_millis() as i64;
    let progress = match progress {
        Some(progress) => progress,
        None => {
            let complete = format!(
                "select toUnixTimestamp64Milli(max(seen_at)) from {} where app = '{COMPLETE}'",
                tables.generations
            );
            progress.insert(Progress {
                since_ms: number(store, &complete).await?.max(0),
                generation: number(store, tables.newest).await?.max(0) as u64,
            })
        }
    };
    let now_ms = progress.next_generation(store).await?;
    let mut dirty = dirty_hours(store, tables, progress, pause)
        .await
        .context(tables.name)?;
    let waiting = dirty.extract_if(.., |hour| hour.waits);
    let still_needed_ms = waiting.map(|hour| hour.counted_ms).min();
    compute(store, tables, &dirty, progress.generation)
        .await
        .context(tables.name)?;
    let since_ms = (now_ms - in_sight_ms).min(still_needed_ms.unwrap_or(i64::MAX));
    progress.since_ms = progress.since_ms.max(since_ms);
    if !dirty.is_empty() {
        let complete = [(0, progress.since_ms)];
        remember(store, tables, COMPLETE, &complete, progress.generation).await?;
    }
    Ok(dirty.len())
}

impl Progress {
    /// Begins a new generation and returns the time on the server's clock, because arrival times are the server's; the generation
    /// never goes back, whatever the clock does.
    async fn next_generation(&mut self, store: &Store) -> anyhow::Result<i64> {
        let now_ms = number(store, "select toUnixTimestamp64Milli(now64(3))").await?;
        self.generation = (now_ms.max(0) as u64).max(self.generation + 1);
        Ok(now_ms)
    }
}

async fn dirty_hours(
    store: &Store,
    tables: &Hourly,
    progress: &Progress,
    pause: Duration,
) -> anyhow::Result<Vec<DirtyHour>> {
    let query = store
        .client()
        .query(DIRTY_HOURS)
        .bind(progress.since_ms)
        .bind(pause.as_secs())
        .bind(EDGE.as_secs())
        .bind(EDGE.as_secs())
        .bind(Identifier(tables.generations))
        .bind(SETTLE.as_secs())
        .bind(SETTLE.as_secs());
    Ok(query.fetch_all().await?)
}

async fn compute(
    store: &Store,
    tables: &Hourly,
    dirty: &[DirtyHour],
    generation: u64,
) -> anyhow::Result<()> {
    for of_app in dirty.chunk_by(|a, b| a.app == b.app) {
        let app = &of_app[0].app;
        for hours in of_app.chunks(HOURS_AT_ONCE) {
            let seen = hours.iter().map(|dirty| (dirty.hour, dirty.seen_at_ms));
            let seen: Vec<(u32, i64)> = seen.collect();
            let starts: Vec<u32> = seen.iter().map(|(hour, _)| *hour).collect();
            for statement in tables.statements {
                for starts in starts.chunks(statement.hours) {
                    let Statement { sql, branches, .. } = statement;
                    recompute(store, sql, *branches, app, starts, generation).await?;
                }
            }
            remember(store, tables, app, &seen, generation).await?;
        }
    }
    Ok(())
}

async fn minutes(store: &Store, progress: &Progress) -> anyhow::Result<usize> {
    let dirty: Vec<DirtyMinute> = store
        .client()
        .query(DIRTY_MINUTES)
        .bind(progress.since_ms)
        .bind(EDGE.as_secs())
        .bind(EDGE.as_secs())
        .fetch_all()
        .await?;
    let mut by_app: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for dirty in &dirty {
        by_app.entry(&dirty.app).or_default().push(dirty.minute);
    }
    for (app, minutes) in by_app {
        for minutes in minutes.chunks(MINUTES_PER_STATEMENT) {
            let sql = include_str!("sql/rollup_minutes.sql");
            recompute(store, sql, 3, app, minutes, progress.generation).await?;
        }
    }
    Ok(dirty.len())
}

/// Runs a recomputing statement, with its number of branches, for `starts` (seconds since the epoch, in order, not empty).
async fn recompute(
    store: &Store,
    sql: &str,
    branches: usize,
    app: &str,
    starts: &[u32],
    generation: u64,
) -> anyhow::Result<()> {
    let (first, last) = (starts[0], starts[starts.len() - 1]);
    let mut query = store.client().query(sql).bind(generation);
    for _branch in 0..branches {
        query = query.bind(app).bind(first).bind(last).bind(starts);
    }
    Ok(query.execute().await?)
}

/// Writes down up to which arrival (ms) each of the hours of an app was counted.
async fn remember(
    store: &Store,
    tables: &Hourly,
    app: &str,
    hours: &[(u32, i64)],
    generation: u64,
) -> anyhow::Result<()> {
    let (starts, seen): (Vec<u32>, Vec<i64>) = hours.iter().copied().unzip();
    store
        .client()
        .query(
            "insert into ? select ?, fromUnixTimestamp(entry.1), ?, fromUnixTimestamp64Milli(entry.2), now64(3) \
             from (select arrayJoin(arrayZip(?, ?)) as entry)",
        )
        .bind(Identifier(tables.generations))
        .bind(app)
        .bind(generation)
        .bind(starts)
        .bind(seen)
        .execute()
        .await?;
    Ok(())
}

async fn number(store: &Store, sql: &str) -> anyhow::Result<i64> {
    Ok(store.client().query(sql).fetch_one().await?)
}

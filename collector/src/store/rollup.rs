//! Recomputes histograms per hour and per minute from the rows, whenever rows of theirs have arrived. Nothing is ever added to a
//! rollup, so repeats, late beacons and changed routes cannot make it drift from the rows.
//!
//! The running hour is treated like any other: it is recomputed while it fills, at most every [`PAUSE`], and a closed hour is
//! recomputed when something late arrives. Which hours were computed up to which arrival is in `rollup_generations`, so a
//! restart continues where the last process ended.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use clickhouse::Row;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::Store;
use crate::shutdown::{Shutdown, requested};

/// Between two passes: the minutes promise rows in them within 10 s of the beacon, of which sealing takes one.
const INTERVAL: Duration = Duration::from_secs(3);
/// A large installation's pass takes longer; then the pause grows with it, so that rollups take at most this share of the time.
const MAX_BUSY_RATIO: u32 = 4;
/// An hour that keeps receiving is not computed more often than this.
const PAUSE: Duration = Duration::from_secs(20);
/// By then a row that was given its arrival time is visible, whichever collector wrote it.
const SETTLE: Duration = Duration::from_secs(60);
/// How far the corrected start of a page view moves between its beacons: the spread of network delays.
const EDGE: Duration = Duration::from_secs(5);
/// Hours and minutes of one statement: its memory grows with them.
const HOURS_PER_STATEMENT: usize = 24;
const MINUTES_PER_STATEMENT: usize = 120;

/// What was dirty and is not any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    pub hours: usize,
    pub minutes: usize,
}

/// Where the next pass looks from, and the newest generation that was written.
struct Progress {
    hours_since_ms: i64,
    minutes_since_ms: i64,
    generation: u64,
}

#[derive(Row, Deserialize)]
struct DirtyHour {
    app: String,
    hour: u32,
    seen_at_ms: i64,
}

#[derive(Row, Deserialize)]
struct DirtyMinute {
    app: String,
    minute: u32,
}

/// Runs until the end is asked for. Failures are logged and tried again: nothing is lost by waiting.
pub async fn run(store: Store, mut shutdown: Shutdown) {
    let mut progress = None;
    loop {
        let started = Instant::now();
        tokio::select! {
            outcome = advance(&store, &mut progress, PAUSE) => match outcome {
                Ok(pass) if pass != Pass::default() => {
                    tracing::debug!(pass.hours, pass.minutes, elapsed_ms = started.elapsed().as_millis() as u64, "rollups recomputed");
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "rollups could not be recomputed");
                    // What the server holds may differ from what is remembered here.
                    progress = None;
                }
            },
            () = requested(&mut shutdown) => return,
        }
        let pause = INTERVAL.max(started.elapsed() * MAX_BUSY_RATIO);
        tokio::select! {
            () = sleep(pause) => {}
            () = requested(&mut shutdown) => return,
        }
    }
}

/// One pass over everything that is dirty, for commands that cannot wait for the next one.
///
/// # Errors
/// The server's.
pub async fn run_once(store: &Store) -> anyhow::Result<Pass> {
    advance(store, &mut None, Duration::ZERO).await
}

async fn advance(
    store: &Store,
    progress: &mut Option<Progress>,
    pause: Duration,
) -> anyhow::Result<Pass> {
    let progress = match progress {
        Some(progress) => progress,
        None => progress.insert(resume(store).await?),
    };
    // The server's clock, because arrival times are the server's; the generation never goes back.
    let now_ms = number(store, "select toUnixTimestamp64Milli(now64(3))").await?;
    progress.generation = (now_ms.max(0) as u64).max(progress.generation + 1);
    let minutes = minutes(store, progress).await.context("minutes")?;
    progress.minutes_since_ms = now_ms - EDGE.as_millis() as i64;
    let hours = hours(store, progress, pause).await.context("hours")?;
    // An hour stays in sight until it was computed after it settled.
    let in_sight = SETTLE + PAUSE + SETTLE;
    progress.hours_since_ms = progress
        .hours_since_ms
        .max(now_ms - in_sight.as_millis() as i64);
    Ok(Pass { hours, minutes })
}

/// Goes on where the tables say the last process ended.
async fn resume(store: &Store) -> anyhow::Result<Progress> {
    let computed_ms = number(
        store,
        "select toUnixTimestamp64Milli(max(computed_at)) from rollup_generations",
    )
    .await?;
    let hours = number(store, "select toInt64(max(generation)) from rollup_hours").await?;
    let minutes = number(store, "select toInt64(max(generation)) from rollup_minutes").await?;
    let margin_ms = (SETTLE + PAUSE + SETTLE).as_millis() as i64;
    Ok(Progress {
        hours_since_ms: (computed_ms - margin_ms).max(0),
        minutes_since_ms: (minutes - margin_ms).max(0),
        generation: hours.max(minutes).max(0) as u64,
    })
}

async fn hours(store: &Store, progress: &Progress, pause: Duration) -> anyhow::Result<usize> {
    let dirty: Vec<DirtyHour> = store
        .client()
        .query(include_str!("sql/rollup_dirty_hours.sql"))
        .bind(progress.hours_since_ms)
        .bind(progress.hours_since_ms)
        .bind(EDGE.as_secs())
        .bind(EDGE.as_secs())
        .bind(SETTLE.as_secs())
        .bind(SETTLE.as_secs())
        .bind(pause.as_secs())
        .fetch_all()
        .await?;
    for chunk in dirty.chunk_by(|a, b| a.app == b.app) {
        for hours in chunk.chunks(HOURS_PER_STATEMENT) {
            let numbers: Vec<u32> = hours.iter().map(|dirty| dirty.hour).collect();
            let sql = include_str!("sql/rollup_hours.sql");
            recompute(store, sql, &hours[0].app, &numbers, progress.generation).await?;
            remember(store, hours, progress.generation).await?;
        }
    }
    Ok(dirty.len())
}

async fn minutes(store: &Store, progress: &Progress) -> anyhow::Result<usize> {
    let dirty: Vec<DirtyMinute> = store
        .client()
        .query(include_str!("sql/rollup_dirty_minutes.sql"))
        .bind(progress.minutes_since_ms)
        .bind(progress.minutes_since_ms)
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
            recompute(store, sql, app, minutes, progress.generation).await?;
        }
    }
    Ok(dirty.len())
}

/// Runs one of the two recomputing statements for `starts` (seconds since the epoch, in order, not empty).
async fn recompute(
    store: &Store,
    sql: &str,
    app: &str,
    starts: &[u32],
    generation: u64,
) -> anyhow::Result<()> {
    let (first, last) = (starts[0], starts[starts.len() - 1]);
    let mut query = store.client().query(sql).bind(generation);
    for _branch in 0..3 {
        query = query.bind(app).bind(first).bind(last).bind(starts);
    }
    Ok(query.execute().await?)
}

async fn remember(store: &Store, hours: &[DirtyHour], generation: u64) -> anyhow::Result<()> {
    let starts: Vec<u32> = hours.iter().map(|dirty| dirty.hour).collect();
    let seen: Vec<i64> = hours.iter().map(|dirty| dirty.seen_at_ms).collect();
    store
        .client()
        .query(
            "insert into rollup_generations select ?, fromUnixTimestamp(entry.1), ?, fromUnixTimestamp64Milli(entry.2), now64(3) \
             from (select arrayJoin(arrayZip(?, ?)) as entry)",
        )
        .bind(&hours[0].app)
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

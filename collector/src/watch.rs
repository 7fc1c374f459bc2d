//! The timer that lets `detect` judge the rollups and keeps what it found. It connects; what a finding is, `detect` decides, and
//! how it is kept, [`crate::store::verdicts`].

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context;
use detect::series::Hour;
use detect::{Policy, Replay, Severity};
use tokio::time::sleep;

use crate::history::hour_of;
use crate::metrics::Metrics;
use crate::shutdown::{Shutdown, requested};
use crate::store::{Store, verdicts};

/// An hour is judged this long after it closed: its last beacons arrive and its rollup is recomputed meanwhile.
const AFTER_CLOSE: Duration = Duration::from_secs(120);
/// After a failure; the next closed hour would be a long wait.
const RETRY: Duration = Duration::from_secs(60);
/// Replayed days; findings that were opened earlier are continued, not judged again.
const REPLAY_HOURS: Hour = detect::EVALUATION_DAYS * 24;

/// What one evaluation saw.
#[derive(Debug)]
pub struct Evaluation {
    /// Hours that were judged; the last has closed.
    pub hours: Range<Hour>,
    pub series: usize,
    pub replay: Replay,
    pub duration: Duration,
}

/// Runs until the end is asked for: once at the start, then after each closed hour.
pub async fn run(store: Store, metrics: Arc<Metrics>, mut shutdown: Shutdown) {
    loop {
        let now = jiff::Timestamp::now();
        let pause = tokio::select! {
            outcome = evaluate(&store, None, now) => match outcome {
                Ok(evaluation) => {
                    tell(&metrics, &evaluation);
                    until_next(now)
                }
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "the history could not be judged");
                    RETRY
                }
            },
            () = requested(&mut shutdown) => return,
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = requested(&mut shutdown) => return,
        }
    }
}

/// Judges the closed hours before `at`, from `since` on or for the usual 14 days, and keeps what it finds.
///
/// # Errors
/// The server's.
pub async fn evaluate(
    store: &Store,
    since: Option<Hour>,
    at: jiff::Timestamp,
) -> anyhow::Result<Evaluation> {
    let started = Instant::now();
    let policy = Policy::default();
    let hours = judged(since, hour_of(at));
    verdicts::notice_releases(store).await.context("releases")?;
    let histories = verdicts::histories(store, hours.start - policy.lead_hours()..hours.end, "")
        .await
        .context("rollups")?;
    let known = verdicts::known(store, hours.start)
        .await
        .context("findings")?;
    let series = histories.len();
    let (from, to) = (hours.start, hours.end);
    // Seconds of pure computation: not on a thread that others wait for.
    let replay =
        tokio::task::spawn_blocking(move || detect::resume(&histories, &policy, &known, from, to))
            .await?;
    verdicts::keep(
        store,
        &replay,
        &hours,
        jiff::Timestamp::now().as_millisecond(),
    )
    .await?;
    let evaluation = Evaluation {
        hours,
        series,
        replay,
        duration: started.elapsed(),
    };
    remember(store, &evaluation).await.context("evaluation")?;
    Ok(evaluation)
}

/// From a UTC midnight, because two evaluations of one day then begin alike.
fn judged(since: Option<Hour>, now_hour: Hour) -> Range<Hour> {
    let from = since.unwrap_or(now_hour - REPLAY_HOURS);
    from.div_euclid(24) * 24..now_hour
}

fn until_next(now: jiff::Timestamp) -> Duration {
    let into_hour = now.as_second().rem_euclid(3600) as u64;
    let wait = 3600 + AFTER_CLOSE.as_secs() - into_hour;
    // Just after a close, the hour before is still to be judged.
    Duration::from_secs(if wait > 3600 { wait - 3600 } else { wait })
}

fn tell(metrics: &Metrics, evaluation: &Evaluation) {
    let mut open: BTreeMap<&'static str, u64> =
        [Severity::Minor, Severity::Warning, Severity::Critical]
            .map(|severity| (severity.name(), 0))
            .into();
    for finding in evaluation
        .replay
        .findings
        .iter()
        .filter(|finding| finding.state.is_open())
    {
        *open.entry(finding.severity.name()).or_default() += 1;
    }
    metrics.set_findings_open(open);
    let evaluation_ms = evaluation.duration.as_millis() as u64;
    metrics
        .evaluation_ms
        .store(evaluation_ms, Ordering::Relaxed);
    if evaluation.replay.series_days > 0.0 {
        metrics.set_alarm_episodes(evaluation.replay.episodes_per_1000_series_days());
    }
    tracing::info!(
        series = evaluation.series,
        findings = evaluation.replay.findings.len(),
        elapsed_ms = evaluation.duration.as_millis() as u64,
        "history judged"
    );
}

async fn remember(store: &Store, evaluation: &Evaluation) -> anyhow::Result<()> {
    let replay = &evaluation.replay;
    store
        .client()
        .query("insert into evaluation_rows select now64(3), fromUnixTimestamp(?), fromUnixTimestamp(?), ?, ?, ?, ?, ?")
        .bind(evaluation.hours.start * 3600)
        .bind(evaluation.hours.end * 3600)
        .bind(evaluation.series as u64)
        .bind(replay.series_days)
        .bind(replay.episodes)
        .bind(replay.findings.len() as u64)
        .bind(evaluation.duration.as_millis() as u64)
        .execute()
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_judged_two_minutes_after_it_closed() {
        let check = |at: &str, expected_s: u64| {
            let at: jiff::Timestamp = at.parse().expect("is a time");
            assert_eq!(until_next(at).as_secs(), expected_s, "{at}");
        };
        check("2026-11-21T13:00:00Z", 120);
        check("2026-11-21T13:01:59Z", 1);
        check("2026-11-21T13:02:00Z", 3600);
        check("2026-11-21T13:59:00Z", 180);
    }

    #[test]
    fn a_replay_begins_at_midnight() {
        assert_eq!(judged(None, 1000 * 24 + 5), 986 * 24..1000 * 24 + 5);
        assert_eq!(
            judged(Some(999 * 24 + 7), 1000 * 24 + 5),
            999 * 24..1000 * 24 + 5
        );
    }
}

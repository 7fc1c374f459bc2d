//! The timer that lets `detect` judge the rollups and keeps what it found. It connects; what a finding is, `detect` decides, and
//! how it is kept, [`crate::store::verdicts`].
//!
//! Of several collectors on one ClickHouse one evaluates: the one whose [`Lease`] leads. The others stand by, and show what it found.
//! Its first evaluation of a day judges the last fortnight again, with what came late; the others go on from that day's midnight, which is
//! what makes an hour cheap. Once a day the same one measures the false-alarm rate. The time is the server's, so that a collector with a wrong clock judges the same hours.

mod advice;
mod calibration;
mod evaluation;
mod known;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use detect::{Hour, Severity, Strategy};
use tokio::sync::watch as signal;
use tokio::time::{sleep, timeout};

pub use calibration::calibrate;
pub use evaluation::{Evaluation, evaluate, evaluate_again};

use crate::metrics::{FalseAlarmGauges, Metrics};
use crate::shutdown::{Shutdown, requested};
use crate::store::lease::{Beat, Lease};
use crate::store::packed::Recent;
use crate::store::{self, Store, verdicts};

/// How often a collector says that it lives: if the one that evaluates dies, another takes over within two of these.
pub const BEAT: Duration = Duration::from_secs(30);
/// An hour is judged this long after it closed: its last beacons arrive and its rollup is recomputed meanwhile.
const AFTER_CLOSE_MS: i64 = 120_000;
const HOUR_MS: i64 = 3_600_000;
/// The end does not wait longer for ClickHouse to hear that another may take over.
const GIVE_UP_WITHIN: Duration = Duration::from_secs(1);

/// Runs until the end is asked for. The one that leads judges when it begins to lead, then after each closed hour.
pub async fn run(
    store: Store,
    metrics: Arc<Metrics>,
    strategy: Strategy,
    beat: Duration,
    mut shutdown: Shutdown,
) {
    let lease = match Lease::new(store.clone(), "evaluation", beat) {
        Ok(lease) => lease,
        Err(error) => return tracing::error!(%error, "findings are not looked for"),
    };
    let (beats, seen) = signal::channel(None);
    tokio::select! {
        () = keep(&lease, beat, &beats) => {}
        () = judge(&store, &metrics, strategy, seen) => {}
        () = requested(&mut shutdown) => {}
    }
    let _ = timeout(GIVE_UP_WITHIN, lease.give_up()).await;
}

/// Renews the lease, also while an evaluation takes its time. Who cannot renew it does not lead.
async fn keep(lease: &Lease, beat: Duration, beats: &signal::Sender<Option<Beat>>) {
    let mut failing = false;
    loop {
        let seen = lease.beat().await;
        match &seen {
            Ok(_) if failing => tracing::info!("ClickHouse says again who evaluates"),
            Err(error) if !failing => {
                tracing::warn!(error = format!("{error:#}"), "nobody knows who evaluates");
            }
            _ => {}
        }
        failing = seen.is_err();
        let seen = seen.ok();
        beats.send_replace(seen);
        sleep(seen.map_or(beat, |seen| seen.next)).await;
    }
}

async fn judge(
    store: &Store,
    metrics: &Metrics,
    strategy: Strategy,
    mut beats: signal::Receiver<Option<Beat>>,
) {
    // The last hour that was judged while leading, and the day of which the whole past was.
    let (mut judged_hour, mut judged_day) = (None, None);
    let mut recent = Recent::default();
    while beats.changed().await.is_ok() {
        let Some(beat) = *beats.borrow_and_update() else {
            continue;
        };
        if !beat.leads {
            (judged_hour, judged_day) = (None, None);
            recent = Recent::default();
        } else if let Some(hour) = due(judged_hour, beat.now_ms) {
            let day = hour.div_euclid(24);
            let since = (judged_day == Some(day)).then_some(day * 24);
            match judge_now(store, &mut recent, strategy, since, beat.now_ms).await {
                Ok(evaluation) => {
                    tell(metrics, &evaluation, since.is_none());
                    (judged_hour, judged_day) = (Some(hour), Some(day));
                    calibrate_today(store, strategy, beat.now_ms).await;
                }
                // The next beat is the next attempt.
                Err(error) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "the history could not be judged"
                    );
                }
            }
        }
        show(store, metrics).await;
    }
}

/// What was found and measured, by whichever collector.
async fn show(store: &Store, metrics: &Metrics) {
    let open = verdicts::open_regressions(store).await;
    let measured = store::calibration::newest(store).await;
    match (open, measured) {
        (Ok(open), Ok(measured)) => {
            metrics.set_findings_open(by_severity(&open));
            if let Some(row) = measured {
                metrics.set_false_alarms(FalseAlarmGauges {
                    per_1000_series_days: row.counted().per_1000_series_days(),
                    looks: row.looks,
                });
            }
        }
        (open, measured) => {
            let error = open.err().or(measured.err().map(Into::into));
            tracing::debug!(?error, "what was found could not be shown");
        }
    }
}

async fn judge_now(
    store: &Store,
    recent: &mut Recent,
    strategy: Strategy,
    since: Option<Hour>,
    now_ms: i64,
) -> anyhow::Result<Evaluation> {
    evaluate_again(
        store,
        recent,
        strategy,
        since,
        jiff::Timestamp::from_millisecond(now_ms)?,
    )
    .await
}

/// The first evaluation of a day brings the measurement with it. One that fails comes again with the next hour.
async fn calibrate_today(store: &Store, strategy: Strategy, now_ms: i64) {
    let Ok(at) = jiff::Timestamp::from_millisecond(now_ms) else {
        return;
    };
    if let Err(error) = calibrate(store, strategy, at).await {
        tracing::warn!(
            error = format!("{error:#}"),
            "false alarms could not be measured"
        );
    }
}

/// The closed hour that is to be judged now, if any: after each that is old enough, and once at the start.
fn due(judged: Option<i64>, now_ms: i64) -> Option<i64> {
    let hour = (now_ms - AFTER_CLOSE_MS).div_euclid(HOUR_MS);
    (judged != Some(hour)).then_some(hour)
}

/// Every severity is there, so that a dashboard sees zeros and not gaps.
fn by_severity(open: &[(String, u64)]) -> BTreeMap<&'static str, u64> {
    [Severity::Minor, Severity::Warning, Severity::Critical]
        .map(Severity::name)
        .map(|name| {
            let count = open.iter().find(|(severity, _)| severity == name);
            (name, count.map_or(0, |(_, count)| *count))
        })
        .into()
}

/// `is_whole`: the usual fortnight was judged. A part of a day has too few series-days for a rate.
fn tell(metrics: &Metrics, evaluation: &Evaluation, is_whole: bool) {
    let evaluation_ms = evaluation.duration.as_millis() as u64;
    metrics
        .evaluation_ms
        .store(evaluation_ms, Ordering::Relaxed);
    if is_whole && evaluation.replay.series_days > 0.0 {
        metrics.set_alarm_episodes(evaluation.replay.episodes_per_1000_series_days());
    }
    tracing::info!(
        series = evaluation.series,
        findings = evaluation.replay.findings.len(),
        elapsed_ms = evaluation_ms,
        "history judged"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_judged_once_two_minutes_after_it_closed() {
        let at = |text: &str| {
            let at: jiff::Timestamp = text.parse().expect("is a time");
            at.as_millisecond()
        };
        let start = at("2026-11-21T13:00:00Z");
        let first = due(None, start).expect("is due at the start");
        assert_eq!(due(Some(first), at("2026-11-21T13:01:59Z")), None);
        let second = due(Some(first), at("2026-11-21T13:02:00Z")).expect("has closed");
        assert_eq!(second, first + 1);
        assert_eq!(due(Some(second), at("2026-11-21T14:01:59Z")), None);
    }

    #[test]
    fn no_open_regression_is_a_zero() {
        let open = by_severity(&[("critical".into(), 2)]);
        assert_eq!(open, [("critical", 2), ("minor", 0), ("warning", 0)].into());
    }
}

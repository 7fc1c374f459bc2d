//! One evaluation: the rollups read, judged, and what was found kept. It may be done twice, or by two collectors at once: the same
//! hours give the same findings under the same ids.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use detect::series::Hour;
use detect::{History, Policy, Replay, Strategy, drifting};

use super::advice;
use super::known::{self, Known};
use crate::history::hour_of;
use crate::store::packed::Recent;
use crate::store::{Store, calibration, drifts, verdicts};

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

/// Judges the closed hours before `at` by baselines of this strategy, from `since` on or for the usual 14 days, and keeps what it finds.
/// The first evaluation of a day without `since` lists the slow drifts, too.
///
/// # Errors
/// The server's.
pub async fn evaluate(
    store: &Store,
    strategy: Strategy,
    since: Option<Hour>,
    at: jiff::Timestamp,
) -> anyhow::Result<Evaluation> {
    evaluate_again(store, &mut Recent::nothing(), strategy, since, at).await
}

/// The same by a process that evaluates hour after hour, and faster: `recent` is what it keeps in between.
///
/// # Errors
/// The server's.
pub async fn evaluate_again(
    store: &Store,
    recent: &mut Recent,
    strategy: Strategy,
    since: Option<Hour>,
    at: jiff::Timestamp,
) -> anyhow::Result<Evaluation> {
    let started = Instant::now();
    let policy = Policy {
        strategy,
        looks: calibration::looks(store).await.context("calibration")?,
        ..Policy::default()
    };
    let hours = judged(since, hour_of(at));
    // Later evaluations of a day know what the first has seen.
    let releases_from = match since {
        Some(_) => hours.start,
        None => hours.start - policy.lead_hours(),
    };
    verdicts::notice_releases(store, releases_from)
        .await
        .context("releases")?;
    let known = Arc::new(known::read(store, &policy, &hours, at.as_millisecond()).await?);
    let (from, to) = (hours.start, hours.end);
    // Once a day, and only with the whole past at hand.
    let is_due = since.is_none() && !drifts::is_known(store, to).await.context("drifts")?;
    let judge = move |known: &Known, histories: &[History]| {
        let replay = detect::resume_decided(histories, &policy, known.past(), from, to);
        let drifting = is_due
            .then(|| drifting::drifts(histories, &policy, &known.decisions, &replay.findings, to));
        (histories.len(), replay, drifting)
    };
    let mut series = 0;
    let (mut replays, mut drifting) = (Vec::new(), is_due.then(Vec::new));
    for (count, replay, drifts) in known.each_app(store, recent, judge).await? {
        series += count;
        replays.push(replay);
        if let (Some(all), Some(drifts)) = (&mut drifting, drifts) {
            all.extend(drifts);
        }
    }
    let replay = Replay::of_apps(replays);
    if let Some(drifting) = drifting {
        drifts::keep(store, &drifting, to).await.context("drifts")?;
    }
    let texts = advice::texts(store, &replay.findings, hours.end)
        .await
        .context("recommendations")?;
    verdicts::keep(store, &replay, &texts, &known.decisions, &hours).await?;
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
    fn a_replay_begins_at_midnight() {
        assert_eq!(judged(None, 1000 * 24 + 5), 986 * 24..1000 * 24 + 5);
        assert_eq!(
            judged(Some(999 * 24 + 7), 1000 * 24 + 5),
            999 * 24..1000 * 24 + 5
        );
    }
}

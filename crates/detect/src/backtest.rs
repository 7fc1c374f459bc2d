//! The detector replayed hour by hour: every decision sees only what had happened before it. Live evaluation, a database's
//! history and an offline file all go through here, so they give the same findings.
//!
//! Baselines are learned anew at each UTC midnight. Two replays that share their days share their findings, whatever the
//! hour at which they end.

use std::collections::{BTreeMap, BTreeSet};

use crate::describe::Baseline;
use crate::finding::Finding;
use crate::policy::Policy;
use crate::reference::Decision;
use crate::replay::AppReplay;
use crate::series::{APP_LEVEL_ROUTE, History, Hour, SeriesKey};

/// What a replay saw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replay {
    /// In order of opening, then of series.
    pub findings: Vec<Finding>,
    /// One for each history, as of the last replayed day.
    pub baselines: Vec<Baseline>,
    /// Days that series were judged, summed over series.
    pub series_days: f64,
    /// Alarms that came after at least 24 h without one, of either direction; app-level alarms included.
    pub episodes: u64,
    /// Baselines that were approved by rule, for a later replay to know.
    pub approvals: Vec<Decision>,
}

/// What earlier evaluations and people left, for a replay to go on from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Past<'a> {
    /// Findings; see [`resume`].
    pub findings: &'a [Finding],
    /// Of each series in the order in which they were made: those of people, and the automatic ones up to the first replayed hour.
    pub decisions: &'a [Decision],
    /// How long visits are in the middle that tell their growth, minutes, by its series; [`crate::memory::USUAL_VISIT_MINUTES`] for
    /// those that are not here.
    pub visit_minutes: &'a [(SeriesKey, f64)],
}

impl Replay {
    /// What replays of different apps saw, together.
    pub fn of_apps(replays: impl IntoIterator<Item = Replay>) -> Replay {
        let mut out = Replay::default();
        for replay in replays {
            out.findings.extend(replay.findings);
            out.baselines.extend(replay.baselines);
            out.series_days += replay.series_days;
            out.episodes += replay.episodes;
            out.approvals.extend(replay.approvals);
        }
        out.findings.sort_by(|a, b| {
            (a.opened_hour, &a.key, a.direction).cmp(&(b.opened_hour, &b.key, b.direction))
        });
        out
    }

    /// On a history without regressions this is the false-alarm rate.
    pub fn episodes_per_1000_series_days(&self) -> f64 {
        if self.series_days > 0.0 {
            1000.0 * self.episodes as f64 / self.series_days
        } else {
            0.0
        }
    }
}

/// Judges the hours `from_hour..to_hour` (an hour is judged when it has closed, from its own and earlier data only).
/// There must be one history per series; those of route `*` are ignored, for the app level is computed from the routes.
pub fn replay(histories: &[History], policy: &Policy, from_hour: Hour, to_hour: Hour) -> Replay {
    resume(histories, policy, &[], from_hour, to_hour)
}

/// The same, continuing findings that were opened before `from_hour`, as they were then: open ones go on under their id (with their
/// baseline standing still), and the hours of resolved ones stay out of baselines. What was said about later hours is said again. Findings opened later are judged again and
/// need not be given. Known findings of series without a history come back unchanged.
pub fn resume(
    histories: &[History],
    policy: &Policy,
    known: &[Finding],
    from_hour: Hour,
    to_hour: Hour,
) -> Replay {
    let past = Past {
        findings: known,
        ..Past::default()
    };
    resume_decided(histories, policy, past, from_hour, to_hour)
}

/// The same, with what was decided about baselines.
pub fn resume_decided(
    histories: &[History],
    policy: &Policy,
    past: Past<'_>,
    from_hour: Hour,
    to_hour: Hour,
) -> Replay {
    let mut apps: BTreeMap<(&str, &str), Vec<&History>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for history in histories
        .iter()
        .filter(|history| history.key.route != APP_LEVEL_ROUTE)
    {
        if seen.insert(&history.key) {
            apps.entry((&history.key.app, &history.key.environment))
                .or_default()
                .push(history);
        }
    }
    let replays = apps.into_iter().map(|((app, environment), mut histories)| {
        histories.sort_by(|a, b| a.key.cmp(&b.key));
        let known = past.findings.iter().filter(|finding| {
            finding.key.app == app
                && finding.key.environment == environment
                && finding.opened_hour <= from_hour
        });
        AppReplay::new(histories, policy, known, past, from_hour).run(from_hour, to_hour)
    });
    Replay::of_apps(replays)
}

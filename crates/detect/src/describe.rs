//! What a baseline looks like to people: its numbers, its state, and which hours are in it and which are not, and why.

use std::ops::Range;

use crate::baseline::{BaselineHours, Learning};
use crate::histogram::Histogram;
use crate::policy::Policy;
use crate::reference::Strategy;
use crate::series::{History, Hour, SeriesKey};

/// What a baseline looks like to a person: the `baselines` view. Quantiles in the vital's unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    pub key: SeriesKey,
    /// It is not judged by: it waits to take the place of the one that is.
    pub is_candidate: bool,
    pub strategy: &'static str,
    pub state: BaselineState,
    pub p50: f64,
    pub p75: f64,
    pub p95: f64,
    pub mean: f64,
    pub stddev: f64,
    pub n: u64,
    pub hours_used: u64,
    pub hours_left_out: u64,
    /// One sentence each: why hours were left out, and why the baseline is not approved.
    pub reasons: Vec<String>,
    pub from_hour: Hour,
    pub to_hour: Hour,
    /// Smallest change found within 24 h nine times in ten: 0.10 is 10 %. `None` while learning.
    pub minimum_detectable_ratio: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BaselineState {
    /// Too little history.
    Learning,
    /// Enough history, but not calm or complete enough to be approved without a person.
    Proposed,
    Approved,
    /// A person said that it is not normal, and nothing else is known.
    Rejected,
    /// An incident is open; the baseline stands still.
    Frozen,
}

impl BaselineState {
    pub const fn name(self) -> &'static str {
        match self {
            BaselineState::Learning => "learning",
            BaselineState::Proposed => "proposed",
            BaselineState::Approved => "approved",
            BaselineState::Rejected => "rejected",
            BaselineState::Frozen => "frozen",
        }
    }
}

/// What the replay knows about a series beyond its history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Standing {
    Learning(Learning),
    Frozen {
        minimum_detectable_ratio: f64,
    },
    /// It was approved and stays until another is.
    Held {
        minimum_detectable_ratio: f64,
    },
    /// It is too thin for hours and judged run by run.
    Runs {
        count: usize,
        minimum_detectable_ratio: f64,
    },
    /// Nobody has approved it yet, so it is not judged by.
    Waiting,
    /// A person rejected it. It is shown with those hours, so that the word can be taken back.
    Refused,
    /// `t_72`: how far the last three days stand from normal.
    Calm {
        t_72: f64,
        minimum_detectable_ratio: f64,
    },
}

/// The page views of a baseline, of all strata.
pub fn all_views(history: &History, hours: &BaselineHours) -> Histogram {
    let mut all = Histogram::new(history.key.scheme());
    history
        .histograms(hours.window.clone(), |hour| hours.contains(hour))
        .values()
        .for_each(|one| all.merge(one));
    all
}

/// Describes the baseline of one series to people; `all` are its page views.
pub fn describe(
    history: &History,
    hours: &BaselineHours,
    all: &Histogram,
    standing: Standing,
    policy: &Policy,
) -> Baseline {
    let quantile = |p: f64| all.quantile(p).map_or(0.0, |quantile| quantile.value);
    let (mean, stddev) = all.mean_and_stddev().unwrap_or((0.0, 0.0));
    let coverage = Coverage::of(history, hours);
    let (state, reason) = judge(standing, &coverage, policy);
    let minimum_detectable_ratio = match standing {
        Standing::Learning(_) | Standing::Waiting | Standing::Refused => None,
        Standing::Frozen {
            minimum_detectable_ratio,
        }
        | Standing::Held {
            minimum_detectable_ratio,
        }
        | Standing::Runs {
            minimum_detectable_ratio,
            ..
        }
        | Standing::Calm {
            minimum_detectable_ratio,
            ..
        } => Some(minimum_detectable_ratio),
    };
    let mut reasons: Vec<String> = reason.into_iter().collect();
    let mut explain = |count: u64, why: &str| {
        if count > 0 {
            reasons.push(format!("{count} hours left out: {why}"));
        }
    };
    explain(coverage.incident_hours, "incident");
    explain(coverage.rejected_hours, "rejected");
    explain(coverage.empty_hours, "no page views");
    Baseline {
        key: history.key.clone(),
        is_candidate: false,
        strategy: policy.strategy.name(),
        state,
        p50: quantile(0.5),
        p75: quantile(0.75),
        p95: quantile(0.95),
        mean,
        stddev,
        n: all.n(),
        hours_used: coverage.used_hours,
        hours_left_out: coverage.incident_hours + coverage.rejected_hours + coverage.empty_hours,
        reasons,
        from_hour: hours.window.start,
        to_hour: hours.window.end,
        minimum_detectable_ratio,
    }
}

/// What became of a window's hours.
#[derive(Debug, PartialEq)]
pub struct Coverage {
    used_hours: u64,
    incident_hours: u64,
    rejected_hours: u64,
    empty_hours: u64,
}

impl Coverage {
    pub fn of(history: &History, hours: &BaselineHours) -> Coverage {
        let window_hours = (hours.window.end - hours.window.start).max(0) as u64;
        let mut seen = vec![false; window_hours as usize];
        for stratum in history.strata() {
            for (hour, _) in stratum.hours(hours.window.clone()) {
                seen[(hour - hours.window.start) as usize] = true;
            }
        }
        let is_used = |(hour, seen): &(Hour, bool)| *seen && hours.contains(*hour);
        let used_hours = hours.window.clone().zip(seen).filter(is_used).count() as u64;
        let left_out = |ranges: &[Range<Hour>]| {
            let is_in = |hour: &Hour| ranges.iter().any(|range| range.contains(hour));
            hours.window.clone().filter(is_in).count() as u64
        };
        let rejected_hours = left_out(&hours.rejected);
        // Hours that are both are rejected ones.
        let all = [&hours.incidents[..], &hours.rejected].concat();
        let incident_hours = left_out(&all) - rejected_hours;
        Coverage {
            used_hours,
            incident_hours,
            rejected_hours,
            empty_hours: window_hours - incident_hours - rejected_hours - used_hours,
        }
    }

    /// Of the hours that are not left out for a reason, those with page views.
    pub fn share(&self) -> f64 {
        let judged_hours = (self.used_hours + self.empty_hours).max(1);
        self.used_hours as f64 / judged_hours as f64
    }
}

fn judge(
    standing: Standing,
    coverage: &Coverage,
    policy: &Policy,
) -> (BaselineState, Option<String>) {
    let share = coverage.share();
    match standing {
        Standing::Learning(Learning { day_count, .. }) if coverage.rejected_hours > 0 => {
            let reason = format!(
                "rejected, and nothing else is approved: {day_count} of {} days without its hours",
                policy.min_baseline_days
            );
            (BaselineState::Rejected, Some(reason))
        }
        Standing::Learning(Learning { day_count, .. }) if day_count < policy.min_baseline_days => {
            let reason = format!("learning: {day_count} of {} days", policy.min_baseline_days);
            (BaselineState::Learning, Some(reason))
        }
        Standing::Learning(Learning { n, .. }) => (
            BaselineState::Learning,
            Some(format!(
                "learning: {n} of {} page views",
                policy.min_baseline_views
            )),
        ),
        Standing::Frozen { .. } => (
            BaselineState::Frozen,
            Some("frozen: a confirmed finding is open".to_owned()),
        ),
        Standing::Held { .. } => (BaselineState::Approved, None),
        Standing::Runs { count, .. } => (
            BaselineState::Approved,
            Some(format!(
                "too few for hours: compared run by run with {count} runs"
            )),
        ),
        Standing::Refused => (
            BaselineState::Rejected,
            Some("rejected: approve it to judge by its hours after all".to_owned()),
        ),
        Standing::Waiting => (
            BaselineState::Proposed,
            Some(
                match policy.strategy {
                    Strategy::ManualApproval => "proposed: waits for a person's word",
                    _ => "proposed: waits until the series is calm",
                }
                .to_owned(),
            ),
        ),
        Standing::Calm { .. } if share < policy.approve_min_coverage => (
            BaselineState::Proposed,
            Some(format!(
                "proposed: {:.0} % of its hours have page views",
                share * 100.0
            )),
        ),
        Standing::Calm { t_72, .. } if t_72.abs() >= 2.0 => (
            BaselineState::Proposed,
            Some(format!(
                "proposed: the last 72 h stand off it (T = {t_72:.1})"
            )),
        ),
        Standing::Calm { .. } => (BaselineState::Approved, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_names() {
        use BaselineState::{Approved, Frozen, Learning, Proposed, Rejected};
        let names = [Learning, Proposed, Approved, Rejected, Frozen].map(BaselineState::name);
        assert_eq!(
            names,
            ["learning", "proposed", "approved", "rejected", "frozen"]
        );
    }
}

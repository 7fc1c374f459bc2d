//! Which past hours are normal, what they look like, and whether they suffice.
//!
//! A day's baseline is the 28 days that end 3 days before it, without the hours of confirmed incidents. While an incident is
//! open the baseline stands still, or the incident would become normal.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::histogram::Histogram;
use crate::policy::Policy;
use crate::scan::PanelSeries;
use crate::score::{Ridits, ScoreSum};
use crate::series::{History, Hour, SeriesKey};

/// The hours that define one series' normal.
#[derive(Clone, Debug, PartialEq)]
pub struct BaselineHours {
    pub window: Range<Hour>,
    /// Hours of confirmed incidents.
    pub incidents: Vec<Range<Hour>>,
}

impl BaselineHours {
    /// The baseline of the day that begins at `day`.
    pub fn of_day(day: Hour, policy: &Policy) -> BaselineHours {
        BaselineHours {
            window: day - policy.lead_hours()..day - policy.gap_days * 24,
            incidents: Vec::new(),
        }
    }

    pub fn contains(&self, hour: Hour) -> bool {
        self.window.contains(&hour)
            && !self
                .incidents
                .iter()
                .any(|incident| incident.contains(&hour))
    }
}

/// Why a series is not judged yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learning {
    pub day_count: usize,
    pub n: u64,
}

/// A baseline ready to judge by.
#[derive(Clone, Debug)]
pub struct Learned {
    pub hours: BaselineHours,
    /// Index into `ridits` for each stratum of the history; `None` where the baseline says nothing about it.
    stratum: Vec<Option<usize>>,
    ridits: Vec<Ridits>,
}

/// What a baseline looks like to a person: the `baselines` view. Quantiles in the vital's unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    pub key: SeriesKey,
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
    /// An incident is open; the baseline stands still.
    Frozen,
}

impl BaselineState {
    pub const fn name(self) -> &'static str {
        match self {
            BaselineState::Learning => "learning",
            BaselineState::Proposed => "proposed",
            BaselineState::Approved => "approved",
            BaselineState::Frozen => "frozen",
        }
    }
}

/// Learns what is normal, or says how far it is from that.
pub fn learn(
    history: &History,
    hours: &BaselineHours,
    policy: &Policy,
) -> Result<Learned, Learning> {
    let scheme = history.key.scheme();
    let widths = scheme.inverse_widths();
    let mut days = BTreeSet::new();
    let mut total = 0;
    let mut ridits = Vec::new();
    let mut stratum = Vec::new();
    let mut rare = Histogram::new(scheme);
    let mut is_rare = Vec::new();
    for one in history.strata() {
        let mut histogram = Histogram::new(scheme);
        for (hour, cells) in one
            .hours(hours.window.clone())
            .filter(|(hour, _)| hours.contains(*hour))
        {
            days.insert(hour.div_euclid(24));
            cells.for_each(|(index, count)| histogram.add(index, u64::from(count)));
        }
        let n = histogram.n();
        total += n;
        is_rare.push(n < policy.min_stratum_views);
        if n < policy.min_stratum_views {
            rare.merge(&histogram);
            stratum.push(None);
        } else {
            stratum.push(Ridits::new(histogram.counts(), &widths).map(|learned| {
                ridits.push(learned);
                ridits.len() - 1
            }));
        }
    }
    if days.len() < policy.min_baseline_days || total < policy.min_baseline_views {
        return Err(Learning {
            day_count: days.len(),
            n: total,
        });
    }
    // Rare strata share one baseline; together they may still be too few to say anything.
    if rare.n() >= policy.min_stratum_views
        && let Some(pooled) = Ridits::new(rare.counts(), &widths)
    {
        ridits.push(pooled);
        let pooled = ridits.len() - 1;
        stratum
            .iter_mut()
            .zip(&is_rare)
            .filter(|(_, rare)| **rare)
            .for_each(|(slot, _)| *slot = Some(pooled));
    }
    Ok(Learned {
        hours: hours.clone(),
        stratum,
        ridits,
    })
}

impl Learned {
    /// Scores the hours of `range`; `history` must be the one it was learned from.
    pub fn score_hours(
        &self,
        history: &History,
        range: Range<Hour>,
        has_incident: bool,
    ) -> PanelSeries {
        let count = (range.end - range.start).max(0) as usize;
        let mut sums = vec![ScoreSum::default(); count];
        for (stratum, ridits) in history.strata().iter().zip(&self.stratum) {
            let Some(ridits) = ridits.map(|index| &self.ridits[index]) else {
                continue;
            };
            for (hour, cells) in stratum.hours(range.clone()) {
                sums[(hour - range.start) as usize].add(ridits, cells);
            }
        }
        // Before a series' first page view there was no series: those hours are not part of its normal.
        let first = history.first_hour().unwrap_or(range.end);
        let mut out = PanelSeries {
            has_incident,
            ..PanelSeries::default()
        };
        for (index, sum) in sums.iter().enumerate() {
            let (hour, score) = (range.start + index as Hour, sum.score());
            out.shift.push(score.shift);
            out.variance.push(score.variance);
            out.n.push(score.n);
            out.baseline
                .push(hour >= first && self.hours.contains(hour));
        }
        out
    }
}

/// What the replay knows about a series beyond its history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Standing {
    Learning(Learning),
    Frozen {
        minimum_detectable_ratio: f64,
    },
    /// `t_72`: how far the last three days stand from normal.
    Calm {
        t_72: f64,
        minimum_detectable_ratio: f64,
    },
}

/// Describes the baseline of one series to people.
pub fn describe(
    history: &History,
    hours: &BaselineHours,
    standing: Standing,
    policy: &Policy,
) -> Baseline {
    let mut all = Histogram::new(history.key.scheme());
    history
        .histograms(hours.window.clone(), |hour| hours.contains(hour))
        .values()
        .for_each(|one| all.merge(one));
    let quantile = |p: f64| all.quantile(p).map_or(0.0, |quantile| quantile.value);
    let (mean, stddev) = all.mean_and_stddev().unwrap_or((0.0, 0.0));
    let coverage = Coverage::of(history, hours);
    let (state, reason) = judge(standing, &coverage, policy);
    let minimum_detectable_ratio = match standing {
        Standing::Learning(_) => None,
        Standing::Frozen {
            minimum_detectable_ratio,
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
    explain(coverage.empty_hours, "no page views");
    Baseline {
        key: history.key.clone(),
        strategy: "rolling-28d",
        state,
        p50: quantile(0.5),
        p75: quantile(0.75),
        p95: quantile(0.95),
        mean,
        stddev,
        n: all.n(),
        hours_used: coverage.used_hours,
        hours_left_out: coverage.incident_hours + coverage.empty_hours,
        reasons,
        from_hour: hours.window.start,
        to_hour: hours.window.end,
        minimum_detectable_ratio,
    }
}

#[derive(Debug, PartialEq)]
struct Coverage {
    used_hours: u64,
    incident_hours: u64,
    empty_hours: u64,
}

impl Coverage {
    fn of(history: &History, hours: &BaselineHours) -> Coverage {
        let mut seen = BTreeSet::new();
        for stratum in history.strata() {
            seen.extend(stratum.hours(hours.window.clone()).map(|(hour, _)| hour));
        }
        let used_hours = seen.iter().filter(|hour| hours.contains(**hour)).count() as u64;
        let window_hours = (hours.window.end - hours.window.start).max(0) as u64;
        let incident_hours = hours
            .window
            .clone()
            .filter(|hour| !hours.contains(*hour))
            .count() as u64;
        Coverage {
            used_hours,
            incident_hours,
            empty_hours: window_hours - incident_hours - used_hours,
        }
    }
}

fn judge(
    standing: Standing,
    coverage: &Coverage,
    policy: &Policy,
) -> (BaselineState, Option<String>) {
    let judged_hours = (coverage.used_hours + coverage.empty_hours).max(1);
    let share = coverage.used_hours as f64 / judged_hours as f64;
    match standing {
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
    use crate::series::{Kind, SeriesHourRow};

    #[test]
    fn rare_strata_share_a_baseline() {
        let [app, environment, route, vital] =
            ["shop", "production", "/", "LCP"].map(str::to_owned);
        let mut history = History::new(SeriesKey {
            app,
            environment,
            route,
            kind: Kind::Vital,
            vital,
        });
        for hour in 0..45 * 24 {
            history.add(SeriesHourRow {
                stratum: "mobile/fast/network",
                release: "1",
                hour,
                buckets: &[(90, 5)],
            });
            if hour % 8 == 0 {
                for stratum in [
                    "desktop/slow/cache",
                    "desktop/slow/restored",
                    "unknown/unknown/network",
                ] {
                    history.add(SeriesHourRow {
                        stratum,
                        release: "1",
                        hour,
                        buckets: &[(95, 1), (99, 1)],
                    });
                }
            }
        }
        let policy = Policy::default();
        let hours = BaselineHours::of_day(40 * 24, &policy);
        let n_of = |policy: &Policy| {
            let learned = learn(&history, &hours, policy).expect("45 days suffice");
            learned.score_hours(&history, 40 * 24..40 * 24 + 1, false).n[0]
        };
        // Each rare stratum has 168 page views in 28 days, too few alone; together they have enough.
        assert_eq!(n_of(&policy), 11.0);
        assert_eq!(
            n_of(&Policy {
                min_stratum_views: 1_000,
                ..policy
            }),
            5.0
        );
    }

    #[test]
    fn states_have_names() {
        use BaselineState::{Approved, Frozen, Learning, Proposed};
        let names = [Learning, Proposed, Approved, Frozen].map(BaselineState::name);
        assert_eq!(names, ["learning", "proposed", "approved", "frozen"]);
    }
}

//! Which series of a history drift: [`crate::drift`] asked of every series, against the baseline that was approved last.
//!
//! Where nothing was approved, the reference is the oldest four weeks at hand: the rolling baseline would have moved along. Listed, not
//! alarmed: a drift is a reason to look before a threshold is crossed, no reason to wake anyone. A series whose step is already a
//! finding does not drift, it stepped. Thin series and growth have no days to speak of and are left out.

use std::collections::BTreeMap;
use std::ops::Range;

use wire::Vital;

use crate::baseline::{BaselineHours, learn};
use crate::compare::Bounded;
use crate::drift::{Approved, Day, DayMemory, DayShift, Drift, Forecast, HitRate, crossing, days};
use crate::finding::{Direction, Finding, State};
use crate::policy::Policy;
use crate::reference::{Decision, Ruled};
use crate::season::{columns_at, fit_weight, remove_seasonality};
use crate::series::{APP_LEVEL_ROUTE, History, Hour, Kind, SeriesKey};

const DAY_HOURS: Hour = 24;
/// Days that a reference must lie back at least: the fortnight that is judged against it.
const MIN_DAYS_AFTER: Hour = 14;

/// A series that left its reference slowly, or stays off it.
#[derive(Clone, Debug, PartialEq)]
pub struct SlowDrift {
    pub key: SeriesKey,
    pub direction: Direction,
    /// The last day that is judged, since the Unix epoch, and how many days are taken together.
    pub day: Day,
    pub window_days: Day,
    /// Level of those days over the reference's, with its 90 % interval: 1.06 is 6 % more.
    pub ratio: Bounded,
    /// Bound on the expected false drifts per series and day at this level.
    pub p_value: f64,
    /// What a day adds, as a ratio with its 90 % interval; `None` where the level no longer surely moves.
    pub ratio_per_day: Option<Bounded>,
    /// p75 of the reference, and what the level makes of it.
    pub baseline_p75: f64,
    pub current_p75: f64,
    /// Hours of the reference.
    pub reference: Range<Hour>,
    pub crossing: Option<Crossing>,
}

/// A threshold of the vital that the line through the last fortnight reaches within 14 days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crossing {
    /// In the vital's unit.
    pub threshold: f64,
    pub forecast: Forecast,
}

/// The drifts at `now_hour`, judged by the days that have closed: what will cross a threshold first, then the surest. `decisions` as for
/// a replay, `findings` those that are known.
pub fn drifts(
    histories: &[History],
    policy: &Policy,
    decisions: &[Decision],
    findings: &[Finding],
    now_hour: Hour,
) -> Vec<SlowDrift> {
    let today = now_hour.div_euclid(DAY_HOURS) * DAY_HOURS;
    let mut ruled: BTreeMap<&SeriesKey, Vec<Decision>> = BTreeMap::new();
    for decision in decisions {
        ruled
            .entry(&decision.key)
            .or_default()
            .push(decision.clone());
    }
    let reference = |history: &History| {
        let decided = ruled.get(&history.key).map(Vec::as_slice);
        let approved = decided.and_then(|all| Ruled::of(all, now_hour).approved);
        let window = approved.or_else(|| oldest(history, policy))?;
        (window.end <= today - MIN_DAYS_AFTER * DAY_HOURS).then_some(window)
    };
    let mut found = Vec::new();
    for group in groups(histories) {
        let traced = traced(&group, policy, reference, today);
        for one in &traced {
            let day = today / DAY_HOURS - 1;
            let Some(drift) = one.judge(day, policy) else {
                continue;
            };
            let is_step = |finding: &Finding| {
                let is_open = matches!(finding.state, State::Unconfirmed | State::Confirmed);
                is_open && finding.key == one.history.key && finding.direction == drift.direction
            };
            if !findings.iter().any(is_step) {
                found.push(one.describe(&drift));
            }
        }
    }
    let urgency = |one: &SlowDrift| {
        one.crossing
            .map_or(Day::MAX, |crossing| crossing.forecast.day)
    };
    found.sort_by(|a, b| {
        let order = urgency(a).cmp(&urgency(b));
        order
            .then(a.p_value.total_cmp(&b.p_value))
            .then(a.key.cmp(&b.key))
    });
    found
}

/// What became of the forecasts that would have been made on each day of `hours`, with the rolling baseline of the first day as the
/// reference throughout.
pub fn hit_rate(histories: &[History], policy: &Policy, hours: Range<Hour>) -> HitRate {
    let first = hours.start.div_euclid(DAY_HOURS) * DAY_HOURS;
    let end = hours.end.div_euclid(DAY_HOURS) * DAY_HOURS;
    let reference = |_: &History| Some(BaselineHours::of_day(first, policy).window);
    let mut rate = HitRate::default();
    let judged = first / DAY_HOURS..end / DAY_HOURS;
    for group in groups(histories) {
        for one in traced(&group, policy, reference, end) {
            for threshold in one.thresholds() {
                let shift = one.shift_of(threshold);
                let direction = if shift > 0.0 {
                    Direction::Regression
                } else {
                    Direction::Improvement
                };
                let forecasts: Vec<Forecast> = judged
                    .clone()
                    .filter_map(|day| {
                        let drift = one.judge(day, policy)?;
                        one.approved.forecast(&drift, &one.after, shift)
                    })
                    .collect();
                let later = one.after.partition_point(|day| day.day < judged.start);
                let crossed = crossing(&one.after[later..], shift, direction);
                rate.add(&forecasts, crossed, judged.end - 1);
            }
        }
    }
    rate
}

/// The series that have days, by app, environment and vital.
fn groups(histories: &[History]) -> Vec<Vec<&History>> {
    let mut groups: BTreeMap<(&str, &str, Kind, &str), Vec<&History>> = BTreeMap::new();
    for history in histories {
        let key = &history.key;
        if key.route == APP_LEVEL_ROUTE || key.is_growth() {
            continue;
        }
        let group = groups.entry((&key.app, &key.environment, key.kind, &key.vital));
        group.or_default().push(history);
    }
    groups.into_values().collect()
}

/// One series as days see it.
struct Traced<'h> {
    history: &'h History,
    reference: Range<Hour>,
    baseline_p75: f64,
    approved: Approved,
    /// The days after the reference.
    after: Vec<DayShift>,
}

/// Those of a group that have a reference and days; the memory of days is pooled over all of them.
fn traced<'h>(
    group: &[&'h History],
    policy: &Policy,
    reference: impl Fn(&History) -> Option<Range<Hour>>,
    end: Hour,
) -> Vec<Traced<'h>> {
    let mut seen = Vec::new();
    for history in group {
        let Some(window) = reference(history).filter(|window| window.end < end) else {
            continue;
        };
        let all = days_of(history, &window, policy, end);
        let Some((before, after)) = all.filter(|(_, after)| !after.is_empty()) else {
            continue;
        };
        seen.push((*history, window, before, after));
    }
    let baselines: Vec<&[DayShift]> = seen.iter().map(|(_, _, before, _)| &before[..]).collect();
    let memory = DayMemory::fit(&baselines);
    seen.iter()
        .filter_map(|(history, window, before, after)| {
            let p75 = history
                .histograms(window.clone(), |_| true)
                .into_values()
                .reduce(|mut all, one| {
                    all.merge(&one);
                    all
                })?
                .quantile(0.75)?;
            Some(Traced {
                history,
                reference: window.clone(),
                baseline_p75: p75.value,
                approved: Approved::new(before, memory)?,
                after: after.clone(),
            })
        })
        .collect()
}

/// The days of the reference, and those after it, without their season.
fn days_of(
    history: &History,
    window: &Range<Hour>,
    policy: &Policy,
    end: Hour,
) -> Option<(Vec<DayShift>, Vec<DayShift>)> {
    let hours = BaselineHours {
        window: window.clone(),
        incidents: Vec::new(),
        rejected: Vec::new(),
    };
    let learned = learn(history, &hours, policy).ok()?;
    let scored = learned.score_hours(history, window.start..end, false);
    let columns: Vec<_> = (window.start..end).map(columns_at).collect();
    let weight: Vec<f64> = scored
        .variance
        .iter()
        .zip(&scored.n)
        .map(|(variance, n)| fit_weight(*variance, *n))
        .collect();
    let residual = remove_seasonality(&columns, &scored.shift, &weight, &scored.baseline);
    let mut before = days(&residual, &weight, window.start);
    let split = before.partition_point(|one| one.day * DAY_HOURS < window.end);
    let after = before.split_off(split);
    Some((before, after))
}

/// The oldest four weeks at hand, from a midnight on.
fn oldest(history: &History, policy: &Policy) -> Option<Range<Hour>> {
    let start = (history.first_hour()? + DAY_HOURS - 1).div_euclid(DAY_HOURS) * DAY_HOURS;
    Some(start..start + policy.baseline_days * DAY_HOURS)
}

impl Traced<'_> {
    /// The drift of a day, if it is one that a series without drift shows hardly ever, and worth looking at.
    fn judge(&self, day: Day, policy: &Policy) -> Option<Drift> {
        let drift = self.approved.judge(&self.after, day)?;
        let nearest = match drift.direction {
            Direction::Regression => drift.level.low,
            Direction::Improvement => -drift.level.high,
        };
        (drift.p_day <= policy.rate_per_series && nearest > policy.min_shift).then_some(drift)
    }

    fn describe(&self, drift: &Drift) -> SlowDrift {
        let exp = |bounded: Bounded| Bounded {
            value: bounded.value.exp(),
            low: bounded.low.exp(),
            high: bounded.high.exp(),
        };
        let sign = drift.direction.sign();
        let line = drift.trend.map(|trend| trend.slope);
        let moves = |slope: &Bounded| sign * slope.low > 0.0 && sign * slope.high > 0.0;
        let ratio = exp(drift.level);
        SlowDrift {
            key: self.history.key.clone(),
            direction: drift.direction,
            day: drift.day,
            window_days: drift.window_days,
            ratio,
            p_value: drift.p_day,
            ratio_per_day: line.filter(moves).map(exp),
            baseline_p75: self.baseline_p75,
            current_p75: self.baseline_p75 * ratio.value,
            reference: self.reference.clone(),
            crossing: self.crossing(drift),
        }
    }

    /// The threshold that is crossed first.
    fn crossing(&self, drift: &Drift) -> Option<Crossing> {
        let of = |threshold: f64| {
            let shift = self.shift_of(threshold);
            let forecast = self.approved.forecast(drift, &self.after, shift)?;
            Some(Crossing {
                threshold,
                forecast,
            })
        };
        let crossings = self.thresholds().into_iter().filter_map(of);
        crossings.min_by_key(|crossing| crossing.forecast.day)
    }

    /// Of the vital, as far as the reference lies on one side of them.
    fn thresholds(&self) -> Vec<f64> {
        let known = self.history.key.known_vital().and_then(Vital::thresholds);
        let known = known.map_or(Vec::new(), |(good, poor)| vec![good, poor]);
        let is_apart = |threshold: &f64| self.baseline_p75 > 0.0 && *threshold != self.baseline_p75;
        known.into_iter().filter(is_apart).collect()
    }

    /// How far a value lies from the reference's p75, as a log shift.
    fn shift_of(&self, value: f64) -> f64 {
        (value / self.baseline_p75).ln()
    }
}

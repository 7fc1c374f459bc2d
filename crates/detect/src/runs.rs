//! A series too thin for hours, judged run by run: its newest runs against those of its baseline, by the exact rank test of [`crate::sparse`].
//!
//! A run is one value of what has no page (a build, a command, a server's operation: its stratum has no parts). Of page views, those of
//! one hour make one run, their median: a visitor's page views are no independent runs. Strata are levelled by their own medians, so
//! that a changed mix of devices is no change here either.
//!
//! At each new run the last 5, 10, 20 and 40 are asked; the price of looking is paid as in [`crate::scan`], with the series' own pace:
//! `p x 4 lengths x looks x (runs a day / length)` bounds the expected alarms per series and day. A finding lives by runs, not by hours: it
//! is confirmed five runs later by those five alone, and resolved when ten runs in a row look normal.

use std::collections::BTreeMap;

use crate::baseline::BaselineHours;
use crate::change_point::ChangePoint;
use crate::compare::Comparison;
use crate::distribution::normal_quantile;
use crate::finding::Direction;
use crate::histogram::Histogram;
use crate::lifecycle::Signal;
use crate::order::{median, weighted_median};
use crate::policy::Policy;
use crate::scan::Verdict;
use crate::sensitivity::{BASELINE_Z_ALPHA, BASELINE_Z_BETA, MAX_SHIFT, minimum_detectable};
use crate::series::{History, Hour, Kind};
use crate::sparse::{LOOKS, MIN_SAMPLES, rank_test, tails_of};

/// Below so many page views or runs a day a series is thin: an hour then has two, and no hour says anything.
pub const THIN_PER_DAY: f64 = 50.0;
/// A series of page views is not judged before its baseline reaches back so far: its week must have been seen.
const MIN_VITAL_DAYS: Hour = 20;
/// Runs of a baseline that are looked at, the newest: more hardly sharpen the test of at most 40 against them.
const MAX_BEFORE: usize = 100;
/// Runs that confirm a finding, and the last alarm before so many counts.
const CONFIRM_RUNS: usize = 5;
const CONFIRM_WITHIN_RUNS: i64 = 20;
/// Runs that show whether it is over.
const RECOVER_RUNS: usize = 10;
/// Runs among which the beginning of a change is looked for, and the least on each side.
const PLACE_RUNS: usize = 60;
const PLACE_MIN_SIDE: usize = 3;
/// Beginnings whose score (a squared deviate) is this close to the best cannot be told from it. Runs are nearly independent, so the
/// textbook's 7 would do; the search itself adds some.
const PLACE_DROP: f64 = 10.0;
/// A value of an hour is repeated at most so often: a thin series has no more.
const MAX_RUNS_PER_HOUR: u32 = 1_000;

/// A thin series and its baseline, as of one day.
#[derive(Clone, Debug)]
pub struct Runs {
    /// All runs in order, those of the baseline included.
    runs: Vec<Run>,
    /// Log values of the baseline's newest runs.
    before: Vec<f64>,
    before_median: f64,
    /// Robust standard deviation of a run, log.
    spread: f64,
    /// End of the baseline's window: what comes later may be judged.
    after_hour: Hour,
    pub baseline_runs: usize,
    runs_per_day: f64,
    /// Lifecycles count runs where those of other series count hours.
    pub policy: Policy,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    hour: Hour,
    /// `None` where the baseline says nothing about its stratum.
    ln: Option<f64>,
}

impl Runs {
    /// `None` when the series is not thin, or there is too little to compare with.
    pub fn learn(history: &History, hours: &BaselineHours, policy: &Policy) -> Option<Runs> {
        // Growth has a sign and is a visitor's: a few visits are no leak.
        if history.key.is_growth() {
            return None;
        }
        let first = history.first_hour()?.max(hours.window.start);
        let days = (hours.window.end - first) as f64 / 24.0;
        if days <= 0.0 || !is_thin(history, hours, days) {
            return None;
        }
        if history.key.kind == Kind::Vital && days < MIN_VITAL_DAYS as f64 {
            return None;
        }
        let runs = runs(history, hours);
        let in_baseline = |run: &&Run| hours.contains(run.hour);
        let mut before: Vec<f64> = runs
            .iter()
            .filter(in_baseline)
            .filter_map(|run| run.ln)
            .collect();
        if before.len() < MIN_SAMPLES {
            return None;
        }
        let baseline_runs = before.len();
        let runs_per_day = baseline_runs as f64 / days.max(1.0);
        before.drain(..baseline_runs.saturating_sub(MAX_BEFORE));
        let before_median = median(&mut before.clone());
        let mut apart: Vec<f64> = before.iter().map(|ln| (ln - before_median).abs()).collect();
        Some(Runs {
            runs,
            before_median,
            // Of normal noise the median of absolute deviations is 1 / 1.4826 of the standard deviation.
            spread: 1.4826 * median(&mut apart),
            before,
            after_hour: hours.window.end,
            baseline_runs,
            runs_per_day,
            policy: Policy {
                confirm_after_hours: CONFIRM_RUNS as i64,
                confirm_within_hours: CONFIRM_WITHIN_RUNS,
                resolve_after_hours: RECOVER_RUNS as i64,
                ..policy.clone()
            },
        })
    }

    pub fn has_run(&self, hour: Hour) -> bool {
        self.runs
            .binary_search_by_key(&hour, |run| run.hour)
            .is_ok()
    }

    /// Runs up to and with `hour`: what a lifecycle takes for the time.
    pub fn clock(&self, hour: Hour) -> i64 {
        self.runs.partition_point(|run| run.hour <= hour) as i64
    }

    /// The loudest of the last runs after the baseline.
    pub fn verdict(&self, hour: Hour, direction: Direction) -> Verdict {
        let after = self.after(hour);
        let mut best = Verdict::NONE;
        for length in LOOKS.into_iter().filter(|length| *length <= after.len()) {
            let newest = &after[after.len() - length..];
            let size = self.size(newest, direction);
            // As in the scan: a change that is over is none, and half of all windows point the other way.
            let lasts = self.size(&newest[length - length.div_ceil(3)..], direction) > 0.5 * size;
            if size <= 0.0 || !lasts {
                continue;
            }
            let p = self.p(newest, direction);
            let windows_a_day = self.runs_per_day / length as f64;
            let p_day = (p * LOOKS.len() as f64 * self.policy.looks * windows_a_day).min(1.0);
            if p_day < best.p_day {
                let t = deviate(p);
                best = Verdict {
                    p_day,
                    size,
                    stddev: size / t.max(1e-9),
                    t,
                    window_hours: (24.0 / windows_a_day).clamp(1.0, 1e6) as usize,
                };
            }
        }
        best
    }

    /// What the runs up to `hour` say to the lifecycle.
    pub fn signal(&self, hour: Hour, direction: Direction, alarm: Option<f64>) -> Signal {
        let after = self.after(hour);
        let newest = |count: usize| {
            let newest = &after[after.len().saturating_sub(count)..];
            if newest.len() < MIN_SAMPLES {
                return (0.0, 0.0);
            }
            (
                self.size(newest, direction),
                deviate(self.p(newest, direction)),
            )
        };
        let ((mean_6, t_6), (mean_24, t_24)) = (newest(CONFIRM_RUNS), newest(RECOVER_RUNS));
        Signal {
            alarm,
            mean_6,
            t_6,
            mean_24,
            t_24,
        }
    }

    /// When it began: the split of the last runs that tells most, and those that cannot be told from it.
    pub fn place(&self, hour: Hour, direction: Direction) -> ChangePoint {
        let seen: Vec<(Hour, f64)> = self
            .runs
            .iter()
            .filter(|run| run.hour <= hour)
            .filter_map(|run| Some((run.hour, run.ln?)))
            .collect();
        let seen = &seen[seen.len().saturating_sub(PLACE_RUNS)..];
        let values: Vec<f64> = seen.iter().map(|one| one.1).collect();
        let splits = PLACE_MIN_SIDE..(values.len() + 1).saturating_sub(PLACE_MIN_SIDE);
        let scores: Vec<(usize, f64)> = splits
            .map(|at| {
                let (slower, faster) = tails_of(&values[..at], &values[at..]);
                let p = match direction {
                    Direction::Regression => slower,
                    Direction::Improvement => faster,
                };
                (at, deviate(p).max(0.0).powi(2))
            })
            .collect();
        let top = scores.iter().fold(0.0, |top: f64, one| top.max(one.1));
        let near: Vec<&(usize, f64)> = scores
            .iter()
            .filter(|one| top - one.1 <= PLACE_DROP)
            .collect();
        let best = scores.iter().find(|one| one.1 == top);
        let (Some(best), Some(first), Some(last)) = (best, near.first(), near.last()) else {
            return one_hour(hour);
        };
        // It began after the run before, at the latest with this one.
        let (low, high) = (seen[first.0 - 1].0 + 1, seen[last.0].0);
        let at = seen[best.0].0;
        let mut set = vec![low.min(at), at, high.max(at)];
        set.dedup();
        ChangePoint {
            hour: at,
            strength: vec![0.0; set.len()],
            set,
        }
    }

    /// The runs since a change against the baseline's: ratio with its interval, p75 of the values and the number of runs.
    pub fn comparison(
        &self,
        history: &History,
        hours: &BaselineHours,
        since: Hour,
        hour: Hour,
    ) -> Option<Comparison> {
        let after = self.after(hour);
        let later = self.valued(hour).filter(|run| run.hour >= since).count();
        let newest = &after[after.len() - later.max(MIN_SAMPLES).min(after.len())..];
        let exp = |values: &[f64]| values.iter().map(|ln| ln.exp()).collect::<Vec<f64>>();
        let test = rank_test(&exp(&self.before), &exp(newest))?;
        let p75 = |all: BTreeMap<&str, Histogram>| {
            let mut merged = Histogram::new(history.key.scheme());
            all.values().for_each(|one| merged.merge(one));
            merged.quantile(0.75).map_or(0.0, |found| found.value)
        };
        let baseline_p75 =
            p75(history.histograms(hours.window.clone(), |hour| hours.contains(hour)));
        let ratio = test.ratio?;
        Some(Comparison {
            ratio,
            baseline_p75,
            current_p75: p75(history.histograms(since..hour + 1, |_| true)),
            baseline_n: test.before_n as u64,
            current_n: test.after_n as u64,
            shift: ratio.value.max(1e-9).ln(),
            p_value: test.p_two_sided,
        })
    }

    /// Smallest ratio of change that a day's runs (at least five) show nine times in ten.
    pub fn minimum_detectable_ratio(&self) -> f64 {
        let n = self.runs_per_day.max(MIN_SAMPLES as f64);
        let of_before = self.spread.powi(2) / self.before.len() as f64;
        let shift = minimum_detectable(
            of_before,
            1.0,
            self.spread.powi(2),
            n,
            BASELINE_Z_ALPHA,
            BASELINE_Z_BETA,
        );
        shift.min(MAX_SHIFT).exp_m1()
    }

    fn valued(&self, hour: Hour) -> impl Iterator<Item = &Run> {
        let until = self.runs.partition_point(|run| run.hour <= hour);
        let from = self.runs.partition_point(|run| run.hour < self.after_hour);
        self.runs[from.min(until)..until]
            .iter()
            .filter(|run| run.ln.is_some())
    }

    /// Log values of the newest runs after the baseline, up to as many as are ever looked at.
    fn after(&self, hour: Hour) -> Vec<f64> {
        let mut newest: Vec<f64> = self.valued(hour).filter_map(|run| run.ln).collect();
        let most = LOOKS[LOOKS.len() - 1];
        newest.drain(..newest.len().saturating_sub(most));
        newest
    }

    fn size(&self, newest: &[f64], direction: Direction) -> f64 {
        direction.sign() * (median(&mut newest.to_vec()) - self.before_median)
    }

    fn p(&self, newest: &[f64], direction: Direction) -> f64 {
        let (slower, faster) = tails_of(&self.before, newest);
        match direction {
            Direction::Regression => slower,
            Direction::Improvement => faster,
        }
    }
}

/// Runs of a series up to and with `hour`, whatever its baseline says about them.
pub fn clock(history: &History, hour: Hour) -> i64 {
    let no_baseline = BaselineHours {
        window: hour..hour,
        incidents: Vec::new(),
        rejected: Vec::new(),
    };
    let runs = runs(history, &no_baseline);
    runs.partition_point(|run| run.hour <= hour) as i64
}

fn deviate(p: f64) -> f64 {
    -normal_quantile(p)
}

fn one_hour(hour: Hour) -> ChangePoint {
    ChangePoint {
        hour,
        set: vec![hour],
        strength: vec![0.0],
    }
}

fn is_thin(history: &History, hours: &BaselineHours, days: f64) -> bool {
    let window = hours.window.clone();
    let n: u64 = history
        .releases()
        .iter()
        .map(|release| release.n(window.clone()))
        .fold(0, u64::saturating_add);
    (n as f64) < THIN_PER_DAY * days.max(1.0)
}

/// Whether each value of this stratum is a run of its own: what comes from pages names device, connection and delivery.
fn is_single(history: &History, stratum: &str) -> bool {
    history.key.kind == Kind::Operation && !stratum.contains('/')
}

fn runs(history: &History, hours: &BaselineHours) -> Vec<Run> {
    let scheme = history.key.scheme();
    let all = history.first_hour().unwrap_or(0)..history.last_hour().unwrap_or(0) + 1;
    // Exact zeros count as the smallest value there is.
    let ln = |index: u16| scheme.midpoint(index.max(1)).ln();
    let mut by_hour: BTreeMap<Hour, Vec<(f64, f64)>> = BTreeMap::new();
    let mut out = Vec::new();
    for stratum in history.strata() {
        let mut baseline: Vec<(f64, f64)> = stratum
            .hours(hours.window.clone())
            .filter(|(hour, _)| hours.contains(*hour))
            .flat_map(|(_, cells)| cells.map(|(index, count)| (ln(index), f64::from(count))))
            .collect();
        let n: f64 = baseline.iter().map(|(_, count)| count).sum();
        let level = (n >= MIN_SAMPLES as f64).then(|| weighted_median(&mut baseline));
        for (hour, cells) in stratum.hours(all.clone()) {
            if is_single(history, &stratum.name) {
                for (index, count) in cells {
                    let run = Run {
                        hour,
                        ln: level.map(|_| ln(index)),
                    };
                    out.extend(std::iter::repeat_n(
                        run,
                        count.min(MAX_RUNS_PER_HOUR) as usize,
                    ));
                }
            } else {
                let of_hour = by_hour.entry(hour).or_default();
                let levelled = |(index, count)| Some((ln(index) - level?, f64::from(count)));
                of_hour.extend(cells.filter_map(levelled));
            }
        }
    }
    // Back to where the series is, so that values read as they are.
    let middle = middle(history, hours, ln);
    out.extend(by_hour.into_iter().map(|(hour, mut values)| Run {
        hour,
        ln: (!values.is_empty()).then(|| weighted_median(&mut values) + middle),
    }));
    out.sort_by_key(|run| run.hour);
    out
}

/// Median log value of the baseline.
fn middle(history: &History, hours: &BaselineHours, ln: impl Fn(u16) -> f64) -> f64 {
    let mut all: Vec<(f64, f64)> = Vec::new();
    for stratum in history.strata() {
        let rows = stratum.hours(hours.window.clone());
        for (_, cells) in rows.filter(|(hour, _)| hours.contains(*hour)) {
            all.extend(cells.map(|(index, count)| (ln(index), f64::from(count))));
        }
    }
    weighted_median(&mut all)
}

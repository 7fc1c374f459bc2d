//! All routes of one vital, scanned: residuals, their noise, and at each hour the window length that speaks loudest.
//!
//! Looking hour after hour over four window lengths is one test with many looks; `p_day` pays for them, so that it bounds the
//! expected alarms per series and day.

mod window;

use std::ops::Range;

use crate::app_level::AppLevel;
use crate::distribution::student_t_upper;
use crate::finding::Direction;
use crate::noise::{FitLoss, Fitted, HourNoise, HourSums};
use crate::policy::Policy;
use crate::season::{
    COLUMNS, Cumulated, columns_at, common_mode, fit_weight, remove_common_mode,
    remove_seasonality, without,
};
use crate::seasons::learn_together;
use crate::series::Hour;

use window::{ScanWindow, Sums};

/// Window lengths, hours: a burst, half a day, a day, three days.
pub const WINDOWS: [usize; 4] = [3, 12, 24, 72];
/// The window that confirms; not scanned.
pub const CONFIRM_WINDOW: usize = 6;
const SHORT_WINDOW: usize = 12;
/// Weight of a route with an open finding where routes are taken together: only if all have one do they still speak.
const INCIDENT_WEIGHT: f64 = 1e-6;
/// Share of the routes that must show half of an app-level move.
const APP_WIDE_SHARE: f64 = 2.0 / 3.0;

/// Hour scores of one series; the slices of a panel are parallel, one element an hour.
#[derive(Clone, Debug, Default)]
pub struct PanelSeries {
    /// Estimated log shift against the baseline, its sampling variance, and the page views scored.
    pub shift: Vec<f64>,
    pub variance: Vec<f64>,
    pub n: Vec<f64>,
    /// Hours that define this series' normal.
    pub baseline: Vec<bool>,
    /// A finding is open: what others have in common must not be learned from it.
    pub has_incident: bool,
}

/// The series of one vital over the same hours.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    pub first_hour: Hour,
    pub series: Vec<PanelSeries>,
    pub app_baseline: Vec<bool>,
}

/// The loudest window of one series at one hour, in one direction. Sizes and T are positive towards the direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Bound on the expected alarms per series and day at this level; 1 when no window qualifies.
    pub p_day: f64,
    /// Log shift over the window and its standard deviation under the null.
    pub size: f64,
    pub stddev: f64,
    pub t: f64,
    pub window_hours: usize,
}

impl Verdict {
    /// Nothing to say: p of 1.
    pub const NONE: Verdict = Verdict {
        p_day: 1.0,
        size: 0.0,
        stddev: f64::INFINITY,
        t: 0.0,
        window_hours: 0,
    };
}

/// p of one window, times what looking often costs. `share` is the part of all false alarms that windows of this length may cause.
pub fn p_day(p: f64, window_hours: usize, looks: f64, share: f64) -> f64 {
    p / share * looks * 24.0 / window_hours as f64
}

/// A panel evaluated: every number that a decision about one of its hours needs.
pub struct Scan {
    pub first_hour: Hour,
    /// Log shift without season and common mode; `raw` keeps the common mode.
    pub residual: Vec<Vec<f64>>,
    pub raw: Vec<Vec<f64>>,
    pub weight: Vec<Vec<f64>>,
    pub noise: HourNoise,
    pub app: AppLevel,
    windows: Vec<ScanWindow>,
    confirm: ScanWindow,
    has_common_mode: bool,
}

impl Scan {
    /// `judge_from`: panel index of the first hour that will be asked about; rows of windows before it are
    /// not kept.
    pub fn new(panel: &Panel, judge_from: usize, policy: &Policy) -> Scan {
        let series = &panel.series;
        let hours = series.first().map_or(0, |one| one.shift.len());
        let columns: Vec<_> = (0..hours)
            .map(|h| columns_at(panel.first_hour + h as Hour))
            .collect();
        let baseline: Vec<Vec<bool>> = series.iter().map(|one| one.baseline.clone()).collect();
        let fit: Vec<Vec<f64>> = series
            .iter()
            .map(|one| {
                (0..hours)
                    .map(|h| fit_weight(one.variance[h], one.n[h]))
                    .collect()
            })
            .collect();
        let has_common_mode = series.len() >= policy.common_mode_min_routes;
        let (raw, kept) = if has_common_mode && policy.fit_loss == FitLoss::SeenColumns {
            without_seasons(&columns, series, &fit, &baseline)
        } else {
            let of = |(one, fit): (&PanelSeries, &Vec<f64>)| {
                remove_seasonality(&columns, &one.shift, fit, &one.baseline)
            };
            let raw = series.iter().zip(&fit).map(of).collect();
            (raw, vec![[1.0; COLUMNS]; series.len()])
        };
        let mut residual: Vec<Vec<f64>> = raw.clone();
        if has_common_mode {
            let common = common_mode(&raw, &app_weights(series, &fit), &baseline);
            for (i, residual) in residual.iter_mut().enumerate() {
                remove_common_mode(residual, &fit[i], &baseline[i], &common);
            }
        }
        let noise = HourNoise::fit(&baseline_hours(series, &residual));
        let weight: Vec<Vec<f64>> = series
            .iter()
            .map(|one| {
                (0..hours)
                    .map(|h| noise.weight(one.variance[h], one.n[h]))
                    .collect()
            })
            .collect();
        // Without a common mode the series of an app share their days.
        let independent = if has_common_mode {
            f64::INFINITY
        } else {
            policy.independent_series
        };
        let of = |(residual, weight): (&Vec<f64>, &Vec<f64>)| HourSums::new(residual, weight);
        let sums = Sums {
            hours: residual.iter().zip(&weight).map(of).collect(),
            views: series
                .iter()
                .map(|one| Cumulated::new(one.n.iter().copied()))
                .collect(),
        };
        let fitted = Fitted {
            loss: policy.fit_loss,
            kept: &kept,
            independent,
            tau2: noise.tau2,
        };
        let window = |length: usize| ScanWindow::new(length, &sums, judge_from, &baseline, fitted);
        let windows = WINDOWS.into_iter().map(window).collect();
        let confirm = window(CONFIRM_WINDOW);
        let app = AppLevel::new(
            &raw,
            &app_weights(series, &weight),
            &panel.app_baseline,
            policy.fit_loss,
        );
        Scan {
            first_hour: panel.first_hour,
            residual,
            raw,
            weight,
            noise,
            app,
            windows,
            confirm,
            has_common_mode,
        }
    }

    /// Index of an hour in the panel's slices.
    pub fn index(&self, hour: Hour) -> usize {
        (hour - self.first_hour).max(0) as usize
    }

    /// The loudest window of series `i` that ends with hour index `h`.
    pub fn verdict(&self, i: usize, h: usize, direction: Direction, policy: &Policy) -> Verdict {
        let sign = direction.sign();
        let mut best = Verdict::NONE;
        let factor = if self.has_common_mode {
            policy.looks_factor_with_common_mode
        } else {
            policy.looks_factor_without_common_mode
        };
        let looks = policy.looks * factor;
        for (window, share) in self.windows.iter().zip(policy.window_shares) {
            let (length, kept) = (window.null.window_hours, h - window.kept_from);
            let (mean, stddev) = window.mean_and_stddev(i, h);
            let size = sign * mean;
            let lasts = sign * window.tails[i].mean[kept] > 0.5 * size;
            let large_enough = length >= SHORT_WINDOW || size > policy.short_window_min_shift;
            // Half of all windows point the other way; their p is past every threshold and need not be computed.
            if size <= 0.0
                || window.views[i][kept] < policy.min_window_views
                || !lasts
                || !large_enough
            {
                continue;
            }
            let size = self.own_size(i, h, length, direction, size);
            let t = size / stddev;
            let p = student_t_upper(t, window.null.df(i, window.means[i].weight[kept]));
            let p = p_day(p, length, looks, share);
            if p < best.p_day && size > 0.0 {
                best = Verdict {
                    p_day: p,
                    size,
                    stddev,
                    t,
                    window_hours: length,
                };
            }
        }
        best
    }

    /// Mean shift and T of the last `window_hours` (3, 6, 12, 24 or 72), upwards.
    pub fn standing(&self, i: usize, h: usize, window_hours: usize) -> (f64, f64) {
        let known = self
            .windows
            .iter()
            .find(|window| window.null.window_hours == window_hours)
            .unwrap_or(&self.confirm);
        let (mean, stddev) = known.mean_and_stddev(i, h);
        (mean, mean / stddev)
    }

    /// How much wider than by independent page views the mean over the last `window_hours` really scatters, as a variance ratio.
    pub fn inflation(&self, i: usize, h: usize, window_hours: usize, variance: &[f64]) -> f64 {
        let window = self
            .windows
            .iter()
            .rev()
            .find(|w| w.null.window_hours <= window_hours)
            .unwrap_or(&self.windows[0]);
        let hours = last(window.null.window_hours, h);
        let independent: f64 = hours.map(|h| self.weight[i][h].powi(2) * variance[h]).sum();
        let total: f64 = self.weight[i][last(window.null.window_hours, h)]
            .iter()
            .sum();
        let independent = independent / total.max(1e-12).powi(2);
        if independent <= 0.0 {
            1.0
        } else {
            (window.null.stddev(i, total).powi(2) / independent).max(1.0)
        }
    }

    /// Variance of a mean over a few hours, relative to independent ones, with the traffic of the last days.
    pub fn dispersion(&self, i: usize, h: usize) -> f64 {
        let days = last(WINDOWS[3], h);
        let weight: f64 = self.weight[i][days.clone()].iter().sum();
        let weight = weight * CONFIRM_WINDOW as f64 / days.len().max(1) as f64;
        self.confirm.null.stddev(i, weight).powi(2) * weight
    }

    /// Variance of a 24 h window of series `i` that no traffic averages away, and the factor on its hours' own noise.
    pub fn day_noise(&self, i: usize) -> (f64, f64) {
        self.windows[2].null.variance_parts(i)
    }

    /// Degrees of freedom of a 24 h window of series `i` with this sum of weights.
    pub fn day_df(&self, i: usize, weight: f64) -> f64 {
        self.windows[2].null.df(i, weight)
    }

    /// The loudest window of the app-level series that is a move of the app, not of one route or of one quiet night.
    pub fn app_verdict(&self, h: usize, direction: Direction, policy: &Policy) -> Verdict {
        self.app.verdict(h, direction, policy, |verdict| {
            let large_enough = verdict.window_hours >= SHORT_WINDOW
                || verdict.size > policy.short_window_min_shift;
            large_enough
                && self.app.exceeds_sampling(h, verdict)
                && self.is_app_wide(h, verdict, direction)
        })
    }

    /// The mean alone follows one large route, whose own series says it better.
    fn is_app_wide(&self, h: usize, verdict: &Verdict, direction: Direction) -> bool {
        let (mut moving, mut all) = (0.0, 0.0);
        for (raw, weight) in self.raw.iter().zip(&self.weight) {
            // Every route counts the same, or the largest would be the app.
            let is_seen = weight[last(verdict.window_hours, h)]
                .iter()
                .any(|weight| *weight > 0.0);
            let shift = direction.sign() * mean_over(raw, weight, verdict.window_hours, h);
            all += f64::from(u8::from(is_seen));
            moving += f64::from(u8::from(is_seen && shift > 0.5 * verdict.size));
        }
        moving >= APP_WIDE_SHARE * all
    }

    /// When a deploy slows many routes the common mode follows, and the untouched ones look better than they were. An
    /// improvement therefore counts for no more than it shows without the common mode removed.
    fn own_size(
        &self,
        i: usize,
        h: usize,
        window_hours: usize,
        direction: Direction,
        size: f64,
    ) -> f64 {
        if !self.has_common_mode || direction == Direction::Regression {
            return size;
        }
        size.min(direction.sign() * mean_over(&self.raw[i], &self.weight[i], window_hours, h))
    }
}

/// Each series without its season, and how much of the error of a season learned alone is left in it.
fn without_seasons(
    columns: &[[f64; COLUMNS]],
    series: &[PanelSeries],
    fit: &[Vec<f64>],
    baseline: &[Vec<bool>],
) -> (Vec<Vec<f64>>, Vec<[f64; COLUMNS]>) {
    let shift: Vec<&[f64]> = series.iter().map(|one| &one.shift[..]).collect();
    let seasons = learn_together(columns, &shift, fit, baseline);
    let of = |(shift, fit): (&&[f64], &[f64; COLUMNS])| without(columns, shift, fit);
    (
        shift.iter().zip(&seasons.fit).map(of).collect(),
        seasons.kept,
    )
}

/// A route whose change is known must not be the app's change as well.
fn app_weights(series: &[PanelSeries], weight: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let of = |(one, weight): (&PanelSeries, &Vec<f64>)| {
        let factor = if one.has_incident {
            INCIDENT_WEIGHT
        } else {
            1.0
        };
        weight.iter().map(|weight| weight * factor).collect()
    };
    series.iter().zip(weight).map(of).collect()
}

fn baseline_hours(series: &[PanelSeries], residual: &[Vec<f64>]) -> Vec<(f64, f64)> {
    let mut hours = Vec::new();
    for (one, residual) in series.iter().zip(residual) {
        hours.extend(
            (0..residual.len())
                .filter(|h| one.baseline[*h] && one.n[*h] > 0.0)
                .map(|h| (residual[h], one.variance[h])),
        );
    }
    hours
}

/// Indices of the window that ends with `h`; shorter at the start.
pub(crate) fn last(window_hours: usize, h: usize) -> Range<usize> {
    (h + 1).saturating_sub(window_hours)..h + 1
}

fn mean_over(values: &[f64], weight: &[f64], window_hours: usize, h: usize) -> f64 {
    let total: f64 = weight[last(window_hours, h)].iter().sum();
    last(window_hours, h)
        .map(|h| weight[h] * values[h])
        .sum::<f64>()
        / total.max(1e-12)
}

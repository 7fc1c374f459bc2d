//! The smallest change that a series could show, and the other way round: the chance to see a given change, and the traffic that
//! it would take.
//!
//! A series that shows nothing may be calm or may be blind; only these numbers tell. They come from the same noise that decides
//! alarms: a part that no traffic averages away (days differ), the hours' own movement, and sampling. Hours are taken to be
//! equally busy, and the change to be a step that lasts at least the window. Not here: what is in a baseline (`baseline`).
//!
//! # Measured
//!
//! In simulated groups of 12 series (28 days; days differ by 1 %, hours by 2.5 % with memory 0.7, one alarm in 3,000 series-days), the
//! change called detectable nine times in ten, and the share of 1,000 such changes that the first full window found:
//!
//! | views/h | 3 h | 12 h | 24 h | 72 h |
//! |---|---|---|---|---|
//! | 15 | x2.94, 87 % | x1.67, 87 % | x1.59, 93 % | x1.32, 94 % |
//! | 150 | x1.44, 90 % | x1.20, 89 % | x1.19, 94 % | x1.11, 94 % |
//! | 1,500 | x1.19, 89 % | x1.11, 86 % | x1.11, 93 % | x1.07, 93 % |
//!
//! The scan also asks that a change lasts, is material, and exceeds 10 % in short windows; that costs a little more. Where all series
//! of a group are equally busy at all hours, the line behind `noise::WindowNull` is not determined, and both the scan's noise and
//! these ratios come out several times too large (in one such group x1.65 at 1,500 views/h and 24 h).

use crate::Baseline;
use crate::distribution::{normal_cdf, normal_quantile, student_t_upper_quantile};
use crate::noise::{HourNoise, WindowNull};
use crate::scan::{PanelSeries, p_day};

/// Deviates behind `Baseline::minimum_detectable_ratio`: the threshold of an alarm, and nine in ten.
pub(crate) const BASELINE_Z_ALPHA: f64 = 4.0;
pub(crate) const BASELINE_Z_BETA: f64 = 1.28;
/// A thousandfold change: a series that needs more (all its values in the zero or overflow bucket) sees nothing at all, and where a
/// baseline has no slope (one value only) no larger change is ever stated.
pub(crate) const MAX_SHIFT: f64 = 7.0;

/// Log shift found with the power of `z_beta` at the threshold of `z_alpha`, in a window of `n` page views: `a` is the day-level
/// variance that no traffic averages away, `phi` the design effect, `view_variance` one page view's.
pub fn minimum_detectable(
    a: f64,
    phi: f64,
    view_variance: f64,
    n: f64,
    z_alpha: f64,
    z_beta: f64,
) -> f64 {
    (z_alpha + z_beta) * (a + phi * view_variance / n.max(1e-9)).max(0.0).sqrt()
}

/// What a person can be told from a baseline alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visible {
    /// Smallest factor of a regression that is found within 24 h nine times in ten: 1.1 is 10 % slower.
    pub ratio: f64,
    /// What that makes of the p75, in the vital's unit.
    pub p75_from: f64,
    pub p75_to: f64,
    /// Page views a day that the baseline rests on.
    pub views_per_day: f64,
}

/// `None` while a baseline is learning.
pub fn visible(baseline: &Baseline) -> Option<Visible> {
    let ratio = 1.0 + baseline.minimum_detectable_ratio?;
    let days = (baseline.to_hour - baseline.from_hour) as f64 / 24.0;
    Some(Visible {
        ratio,
        p75_from: baseline.p75,
        p75_to: baseline.p75 * ratio,
        views_per_day: baseline.n as f64 / days.max(1.0),
    })
}

/// Chance that a change by this factor (1.1 or 0.9 is about 10 %) raises an alarm within 24 h; `None` while learning.
pub fn chance_within_a_day(baseline: &Baseline, ratio: f64) -> Option<f64> {
    let stddev = baseline.minimum_detectable_ratio?.ln_1p() / (BASELINE_Z_ALPHA + BASELINE_Z_BETA);
    Some(chance(ratio, stddev, BASELINE_Z_ALPHA))
}

fn chance(ratio: f64, stddev: f64, threshold: f64) -> f64 {
    let shift = ratio.max(f64::MIN_POSITIVE).ln().abs();
    if shift.is_nan() || stddev.is_nan() {
        return 0.0;
    }
    normal_cdf(shift / stddev.max(1e-9) - threshold)
}

/// What an alarm may cost and how surely a change is to be found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// False alarms per series and day that one direction may spend.
    pub rate: f64,
    /// Looks that count per window length, as in the policy.
    pub looks: f64,
    /// Part of the false alarms that windows of this length may cause, as in the policy.
    pub window_share: f64,
    /// Share of such changes to be found.
    pub power: f64,
}

/// How the hours of a series scatter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    pub hour: HourNoise,
    /// Variance of the log shift of one page view.
    pub view_variance: f64,
    pub views_per_hour: f64,
}

impl Traffic {
    /// From the baseline hours of a scanned series; `None` when they have no page views.
    pub fn of(series: &PanelSeries, hour: HourNoise) -> Option<Traffic> {
        let (mut hours, mut n, mut variance) = (0.0, 0.0, 0.0);
        let rows = series.n.iter().zip(&series.variance).zip(&series.baseline);
        for ((views, view_variance), _) in rows.filter(|(_, is_baseline)| **is_baseline) {
            hours += 1.0;
            n += views;
            // A busy hour's variance is one view's over its views; weighted so, empty hours say nothing.
            variance += views * views * view_variance;
        }
        (n > 0.0).then(|| Traffic {
            hour,
            view_variance: variance / n,
            views_per_hour: n / hours,
        })
    }

    fn hour_variance(&self, traffic: f64) -> f64 {
        let views = (self.views_per_hour * traffic).max(1e-9);
        self.hour.tau2 + self.hour.phi * self.view_variance / views
    }
}

/// What chance does to one window length of one series: `constant + factor * variance of the window's mean`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowNoise {
    pub window_hours: usize,
    pub constant: f64,
    pub factor: f64,
    /// Degrees of freedom of the threshold.
    pub df: f64,
}

impl WindowNoise {
    /// Of series `i` of a group; `None` when the group has no such series.
    pub fn of(null: &WindowNull, i: usize) -> Option<WindowNoise> {
        let df = *null.t_df.get(i)?;
        let (constant, factor) = null.variance_parts(i);
        Some(WindowNoise {
            window_hours: null.window_hours,
            constant,
            factor,
            df,
        })
    }

    /// Smallest factor of a change that is found, at `traffic` times the usual page views.
    pub fn detectable_ratio(&self, series: &Traffic, traffic: f64, demand: Demand) -> f64 {
        let shift = self.reach(demand) * self.stddev(series, traffic);
        shift.clamp(0.0, MAX_SHIFT).exp()
    }

    /// Chance that a change by this factor is found by this window once it is full.
    pub fn chance(&self, series: &Traffic, ratio: f64, demand: Demand) -> f64 {
        chance(ratio, self.stddev(series, 1.0), self.threshold(demand))
    }

    /// How many times the usual page views a change by this factor needs to be found; `None` when no traffic suffices, because
    /// days and hours differ by more.
    pub fn traffic_needed(&self, series: &Traffic, ratio: f64, demand: Demand) -> Option<f64> {
        let stddev = ratio.max(f64::MIN_POSITIVE).ln().abs() / self.reach(demand);
        let hours = self.window_hours as f64;
        let hour_variance = (stddev * stddev - self.constant).max(0.0) * hours / self.factor;
        let sampling = hour_variance.min(stddev * stddev * hours) - series.hour.tau2;
        let views = series.hour.phi * series.view_variance / sampling;
        (sampling > 0.0 && series.views_per_hour > 0.0).then(|| views / series.views_per_hour)
    }

    fn stddev(&self, series: &Traffic, traffic: f64) -> f64 {
        let mean = series.hour_variance(traffic) / self.window_hours.max(1) as f64;
        // As the scan does: never below what independent hours would give.
        (self.constant + self.factor * mean).max(mean).sqrt()
    }

    /// Standard deviations that an alarm takes.
    fn threshold(&self, demand: Demand) -> f64 {
        let cost = p_day(
            1.0,
            self.window_hours.max(1),
            demand.looks,
            demand.window_share,
        );
        student_t_upper_quantile((demand.rate / cost).clamp(1e-12, 0.5), self.df)
    }

    /// And those that a change must have to be found.
    fn reach(&self, demand: Demand) -> f64 {
        self.threshold(demand) + normal_quantile(demand.power).max(0.0)
    }
}

#[cfg(test)]
mod tests;

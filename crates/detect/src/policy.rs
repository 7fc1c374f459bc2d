//! Every threshold of a decision, with its reason. What shapes the mathematics itself (bucket widths, prior bounds, seasonal
//! columns) is a constant beside its formula; what decides is here.

use crate::false_alarms::MIN_LOOKS;
use crate::noise::FitLoss;
use crate::reference::Strategy;
use crate::scan::WINDOWS;

/// Defaults are the calibrated ones; `lib.rs` states the error rate that they gave in simulation.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How the past that counts as normal is chosen.
    pub strategy: Strategy,
    /// Length of the baseline. Four weeks hold each weekday four times.
    pub baseline_days: i64,
    /// Days between the baseline and the judged day, so that a slow change cannot become its own baseline.
    pub gap_days: i64,
    /// Days with page views that a baseline needs before a series is judged.
    pub min_baseline_days: usize,
    /// Page views that a baseline needs; fewer leave the ranks too coarse.
    pub min_baseline_views: u64,
    /// Page views that a stratum's baseline needs to stand alone; smaller strata are pooled into one.
    pub min_stratum_views: u64,
    /// Looks that count per window length. Raised when the measured false-alarm rate is over target, never lowered below this: with
    /// fewer, steps near the minimum detectable change are found a little sooner, and heavy-tailed apps break the promise.
    pub looks: f64,
    /// What windows of 3, 12, 24 and 72 h may cause of the false alarms of all. Any shares that add up to one keep the promise; these
    /// buy what people ask for, a change that is found within its first day. A quarter each finds gross changes an hour or two sooner,
    /// and of those near the minimum detectable one in twenty only later.
    pub window_shares: [f64; WINDOWS.len()],
    /// So many times as many where there is a common mode and the tails of days are paid for ([`crate::noise::WindowNull::df`]).
    pub looks_factor_with_common_mode: f64,
    /// And so many where there is none: what all routes do together is then in every one of them, in heavier tails.
    pub looks_factor_without_common_mode: f64,
    /// Share of zeros from which CLS is judged in two parts, the share above zero and the size of those: below, the rank score over all
    /// page views loses little to ties.
    pub parts_from_zeros: f64,
    /// Page views a window needs.
    pub min_window_views: f64,
    /// Windows shorter than 12 h must show at least this log shift: short noise is the least Gaussian.
    pub short_window_min_shift: f64,
    /// How much of the noise the seasonal fit has hidden.
    pub fit_loss: FitLoss,
    /// False alarms per app and day, at most, of both directions together.
    pub rate_per_app: f64,
    /// False alarms per series and day, at most, of both directions together.
    pub rate_per_series: f64,
    /// The step-up threshold never exceeds this many times `q / S`.
    pub threshold_cap: f64,
    /// Part of the budget that goes to regressions; improvements have the rest. A missed regression costs more.
    pub regression_share: f64,
    /// All app-level series of an app together may cause so many false alarms, relative to its other series.
    pub app_level_share: f64,
    /// And so many all comparisons of releases that are live in the same hours.
    pub beside_share: f64,
    /// An app-level series needs this many routes; below, it would repeat one route's verdict, and there are no common
    /// modes to hide a change of all.
    pub app_level_min_routes: usize,
    /// Fewer routes than this have no common mode: one of them could drag it along.
    pub common_mode_min_routes: usize,
    /// The series of such an app go up and down together: to know their noise they count as so many.
    pub independent_series: f64,
    /// Lower 90 % bound of the log shift that an alarm must exceed: less is real but not worth a person's time.
    pub min_shift: f64,
    /// An alarm is confirmed at the earliest after so many hours ...
    pub confirm_after_hours: i64,
    /// ... and is transient when it was not confirmed before so many.
    pub confirm_within_hours: i64,
    /// T of the last 6 h that a confirmation needs.
    pub confirm_min_t: f64,
    /// A finding is resolved after so many calm hours.
    pub resolve_after_hours: i64,
    /// Sizes from which a finding is a warning, and critical. Severity is size, never significance.
    pub warning_change: f64,
    pub critical_change: f64,
    /// Share of covered hours from which a baseline is approved automatically.
    pub approve_min_coverage: f64,
    /// Share of the page views of its first day that a release needs to be a change's cause.
    pub release_min_share: f64,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            strategy: Strategy::RollingWindow,
            baseline_days: 28,
            gap_days: 3,
            min_baseline_days: 20,
            min_baseline_views: 500,
            min_stratum_views: 200,
            looks: MIN_LOOKS,
            window_shares: [0.10, 0.15, 0.50, 0.25],
            looks_factor_with_common_mode: 0.65,
            looks_factor_without_common_mode: 1.5,
            parts_from_zeros: 0.2,
            min_window_views: 40.0,
            short_window_min_shift: 0.10,
            fit_loss: FitLoss::SeenColumns,
            rate_per_app: 0.03,
            rate_per_series: 1.0 / 1500.0,
            threshold_cap: 3.0,
            regression_share: 0.8,
            app_level_share: 1.0 / 6.0,
            beside_share: 0.1,
            app_level_min_routes: 6,
            common_mode_min_routes: 24,
            independent_series: 1.0,
            min_shift: 0.01,
            confirm_after_hours: 6,
            confirm_within_hours: 24,
            confirm_min_t: 2.0,
            resolve_after_hours: 24,
            warning_change: 0.15,
            critical_change: 0.25,
            approve_min_coverage: 0.8,
            release_min_share: 0.2,
        }
    }
}

impl Policy {
    /// Hours from the start of a day's baseline to the day.
    pub fn lead_hours(&self) -> i64 {
        (self.baseline_days + self.gap_days) * 24
    }
}

//! The app as one more series: the precision-weighted mean over its routes. Route tests with a common mode are blind to a change
//! that hits every route; this one sees nothing else. Its noise is measured on its own placebo windows.

use crate::distribution::student_t_upper;
use crate::finding::Direction;
use crate::noise::{FitLoss, placebo_hours};
use crate::policy::Policy;
use crate::scan::{CONFIRM_WINDOW, Verdict, WINDOWS, last, p_day};
use crate::season::{COLUMNS, rolling_sum};

/// An app-level move exceeds this many standard deviations of sampling noise in its own hours: at night few views make a
/// mean jump that the daytime's placebos know nothing of.
const APP_MIN_SIGMAS: f64 = 4.0;
/// Noise of an app-level window is never taken to be less: identical hours would divide by zero.
const MIN_APP_STDDEV: f64 = 1e-4;

/// The precision-weighted mean of an app's routes.
pub struct AppLevel {
    pub mean: Vec<f64>,
    /// Sum of the routes' weights: the precision of each hour's mean if nothing but sampling moved it.
    precision: Vec<f64>,
    /// Standard deviation of one hour's mean, for weights.
    pub hour_stddev: f64,
    /// (window, standard deviation of its mean, degrees of freedom), the confirming window last.
    windows: Vec<(usize, f64, f64)>,
}

impl AppLevel {
    /// `raw[route][hour]` and `weight` likewise; `baseline` marks the hours that are normal for the app.
    pub fn new(
        raw: &[Vec<f64>],
        weight: &[Vec<f64>],
        baseline: &[bool],
        loss: FitLoss,
    ) -> AppLevel {
        let hours = raw.first().map_or(0, Vec::len);
        let precision: Vec<f64> = (0..hours)
            .map(|h| weight.iter().map(|weight| weight[h]).sum())
            .collect();
        let sum = |h: usize| {
            let of = |(raw, weight): (&Vec<f64>, &Vec<f64>)| weight[h] * raw[h];
            raw.iter().zip(weight).map(of).sum::<f64>()
        };
        let mean: Vec<f64> = (0..hours)
            .map(|h| sum(h) / precision[h].max(1e-12))
            .collect();
        let baseline_hours = baseline.iter().filter(|inside| **inside).count() as f64;
        let stddev_of = |length: usize| {
            let sums = rolling_sum(mean.iter().copied(), length);
            let placebos = placebo_hours(baseline, length);
            let squares: Vec<f64> = (0..hours)
                .filter(|h| placebos[*h])
                .map(|h| (sums[h] / length as f64).powi(2))
                .collect();
            let mean_square = squares.iter().sum::<f64>() / (squares.len() as f64).max(1.0);
            // Without a single placebo nothing may be called unusual.
            let stddev = if squares.is_empty() {
                f64::INFINITY
            } else {
                // What seasons learned together still err, they err alike.
                let (inflation, fit_share) = loss.of(length, baseline_hours, &[1.0; COLUMNS]);
                (mean_square * inflation * (1.0 + fit_share)).sqrt()
            };
            stddev.max(MIN_APP_STDDEV)
        };
        let lengths = WINDOWS.into_iter().chain([CONFIRM_WINDOW]);
        let windows = lengths
            .map(|length| (length, stddev_of(length), loss.df(length, baseline_hours)))
            .collect();
        let hour_stddev = stddev_of(1);
        AppLevel {
            mean,
            precision,
            hour_stddev,
            windows,
        }
    }

    /// The loudest window that `qualifies`.
    pub fn verdict(
        &self,
        h: usize,
        direction: Direction,
        policy: &Policy,
        qualifies: impl Fn(&Verdict) -> bool,
    ) -> Verdict {
        let mut best = Verdict::NONE;
        // The window that confirms comes last and is not scanned.
        for (&(window_hours, stddev, df), share) in self.windows.iter().zip(policy.window_shares) {
            let size = direction.sign() * self.window_mean(h, window_hours);
            let t = size / stddev;
            let p = student_t_upper(t, df);
            let p_day = p_day(p, window_hours, policy.looks, share);
            let verdict = Verdict {
                p_day,
                size,
                stddev,
                t,
                window_hours,
            };
            if p_day < best.p_day && qualifies(&verdict) {
                best = verdict;
            }
        }
        best
    }

    /// Mean shift and T of the last `window_hours`, upwards.
    pub fn standing(&self, h: usize, window_hours: usize) -> (f64, f64) {
        let mean = self.window_mean(h, window_hours);
        let stddev = self
            .windows
            .iter()
            .find(|window| window.0 == window_hours)
            .map_or(f64::INFINITY, |window| window.1);
        (mean, mean / stddev)
    }

    /// Variance of a mean over a few hours, relative to independent ones.
    pub fn dispersion(&self) -> f64 {
        let few = self
            .windows
            .iter()
            .find(|window| window.0 == CONFIRM_WINDOW);
        few.map_or(1.0, |window| {
            window.0 as f64 * (window.1 / self.hour_stddev).powi(2)
        })
    }

    /// Whether the move is more than few page views of these very hours explain.
    pub fn exceeds_sampling(&self, h: usize, verdict: &Verdict) -> bool {
        let hours = last(verdict.window_hours, h);
        let variance: f64 = self.precision[hours]
            .iter()
            .map(|precision| 1.0 / precision.max(1e-12))
            .sum();
        verdict.size > APP_MIN_SIGMAS * variance.sqrt() / verdict.window_hours as f64
    }

    fn window_mean(&self, h: usize, window_hours: usize) -> f64 {
        self.mean[last(window_hours, h)].iter().sum::<f64>() / window_hours as f64
    }
}

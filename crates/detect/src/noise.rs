// tidy: long because hours, fit, windows and tails are one derivation, which is read from top to bottom.
//! What chance looks like for this series, measured on its own past.
//!
//! No model of autocorrelation, day effects or visits of several page views: every window inside the baseline is a placebo,
//! and the spread of the placebos is the noise. Two pooled fits say how it falls with the number of views; each series'
//! own excess is moderated towards its peers with an estimated prior (Smyth 2004), so that 28 days of one quiet route
//! do not decide alone.

use crate::distribution::trigamma;
use crate::order::quantile;
use crate::season::{COLUMNS, Cumulated};

/// Variance of an hour's log shift beyond sampling, before it is measured: 3 % standard deviation.
pub const PRIOR_HOUR_VARIANCE: f64 = 1e-3;
/// Bounds of the prior's degrees of freedom: 2 trusts each series alone, 200 pools them all.
const PRIOR_DF: (f64, f64) = (2.0, 200.0);
/// Hours this far apart say something of their own.
const INDEPENDENT_HOURS: usize = 12;
/// The t distribution is never sharper than this, whatever the pooling says.
const MAX_DF: f64 = 120.0;
/// Excess kurtosis of a series' days and hours themselves: unlike the sampling of page views they are not Gaussian, and 28 days are too
/// few to measure by how much. Without it three quarters of all false alarms came from the busiest third of the routes, whose noise is
/// all of that kind and whose changes are large beside it.
const STEADY_KURTOSIS: f64 = 1.5;
/// Below this the tails would be of a kind that the placebos would show.
const MIN_TAIL_DF: f64 = 24.0;

/// Hourly noise of a group of series: variance of an hour = `tau2 + phi * sampling variance`. `phi` is the measured design
/// effect of visits with several page views.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HourNoise {
    pub tau2: f64,
    pub phi: f64,
}

impl HourNoise {
    /// From (residual, sampling variance) of every baseline hour with page views, over all series of the group.
    pub fn fit(hours: &[(f64, f64)]) -> HourNoise {
        let limit = quantile(
            &mut hours
                .iter()
                .map(|(_, variance)| *variance)
                .collect::<Vec<_>>(),
            0.95,
        );
        let points =
            hours
                .iter()
                .filter(|(_, variance)| *variance < limit)
                .map(|(residual, variance)| {
                    // One wild hour must not set the noise of all.
                    let square =
                        (residual * residual).min(25.0 * (PRIOR_HOUR_VARIANCE + 2.0 * variance));
                    (
                        square,
                        *variance,
                        inverse_square(PRIOR_HOUR_VARIANCE + variance),
                    )
                });
        let (tau2, phi) = line(points).unwrap_or((PRIOR_HOUR_VARIANCE, 1.0));
        HourNoise {
            tau2: tau2.max(1e-5),
            phi: phi.max(1.0),
        }
    }

    /// Precision of one hour; 0 when it is empty.
    pub fn weight(&self, variance: f64, n: f64) -> f64 {
        if n > 0.0 {
            1.0 / (self.tau2 + self.phi * variance)
        } else {
            0.0
        }
    }
}

fn inverse_square(value: f64) -> f64 {
    1.0 / (value * value)
}

/// Intercept and slope of a weighted line through (y, z, weight); `None` when the points do not determine one.
fn line(points: impl Iterator<Item = (f64, f64, f64)>) -> Option<(f64, f64)> {
    let (mut w, mut wz, mut wzz, mut wy, mut wzy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (y, z, weight) in points {
        w += weight;
        wz += weight * z;
        wzz += weight * z * z;
        wy += weight * y;
        wzy += weight * z * y;
    }
    let determinant = w * wzz - wz * wz;
    if determinant.is_nan() || determinant <= 1e-14 * w * wzz {
        return None;
    }
    let (intercept, slope) = (
        (wzz * wy - wz * wzy) / determinant,
        (w * wzy - wz * wy) / determinant,
    );
    (intercept.is_finite() && slope.is_finite()).then_some((intercept, slope))
}

/// Weighted mean residual and sum of weights over the last hours up to each hour.
#[derive(Clone, Debug, Default)]
pub struct WindowMean {
    pub mean: Vec<f64>,
    pub weight: Vec<f64>,
}

impl WindowMean {
    pub fn new(residual: &[f64], weight: &[f64], window_hours: usize) -> WindowMean {
        HourSums::new(residual, weight).means(window_hours, 0)
    }
}

/// The sums behind the window means of one series, of every length.
pub struct HourSums {
    weighted: Cumulated,
    weight: Cumulated,
}

impl HourSums {
    pub fn new(residual: &[f64], weight: &[f64]) -> HourSums {
        let weighted = residual.iter().zip(weight);
        HourSums {
            weighted: Cumulated::new(weighted.map(|(residual, weight)| residual * weight)),
            weight: Cumulated::new(weight.iter().copied()),
        }
    }

    /// The means of the windows that end with each hour from `first` on.
    pub fn means(&self, window_hours: usize, first: usize) -> WindowMean {
        let weight: Vec<f64> = self.weight.windows(window_hours, first).collect();
        let mut mean: Vec<f64> = self.weighted.windows(window_hours, first).collect();
        for (sum, weight) in mean.iter_mut().zip(&weight) {
            *sum /= weight.max(1e-12);
        }
        WindowMean { mean, weight }
    }
}

/// What the fit of the seasonal columns takes out of the placebos, and adds to every window that is judged by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FitLoss {
    /// As if a window saw all columns from a day on, and below as little as one hour does: the reference's rule. Too strict from a
    /// day on, too lax at half a day, and blind to bursts.
    AllColumns,
    /// Only the columns that do not average out within the window; and the fit's own error, which does not shrink when a
    /// burst of page views makes a window precise.
    SeenColumns,
}

impl FitLoss {
    /// Factor on the placebos' variance, and the fit's own variance as a share of a usual window's.
    /// `kept`: of each column's error, how much is left ([`crate::seasons`]).
    pub fn of(self, window_hours: usize, baseline_hours: f64, kept: &[f64; COLUMNS]) -> (f64, f64) {
        match self {
            FitLoss::AllColumns => (fit_inflation(window_hours, baseline_hours), 0.0),
            FitLoss::SeenColumns => {
                let seen = columns_seen(window_hours as f64, kept);
                let share = (seen * window_hours as f64 / baseline_hours.max(1.0)).min(0.5);
                (1.0 / (1.0 - share), share)
            }
        }
    }

    /// Degrees of freedom of one series' placebos. Hours of one half-day follow each other, so shorter windows know no more.
    pub fn df(self, window_hours: usize, baseline_hours: f64) -> f64 {
        let apart = match self {
            FitLoss::AllColumns => window_hours,
            FitLoss::SeenColumns => window_hours.max(INDEPENDENT_HOURS),
        };
        0.7 * baseline_hours / apart as f64
    }
}

/// How many of the seasonal columns a window's mean still sees: of a wave of that period so much of the variance is left.
fn columns_seen(window_hours: f64, kept: &[f64; COLUMNS]) -> f64 {
    let left = |period_hours: f64| {
        let turn = std::f64::consts::PI * window_hours / period_hours;
        (turn.sin() / turn).powi(2)
    };
    // Constant; day; its half and third; weekend; day of the weekend; week.
    let [day, half, third, week] = [24.0, 12.0, 8.0, 168.0].map(left);
    let seen = [
        1.0, day, day, half, half, third, third, week, day, day, week, week,
    ];
    seen.iter().zip(kept).map(|(seen, kept)| seen * kept).sum()
}

/// Which windows are placebos: those that lie inside the baseline hours entirely.
pub fn placebo_hours(baseline: &[bool], window_hours: usize) -> Vec<bool> {
    let mut run = 0;
    let mut inside = |is_baseline: &bool| {
        run = if *is_baseline { run + 1 } else { 0 };
        run >= window_hours
    };
    baseline.iter().map(&mut inside).collect()
}

/// What is known of the residuals before their windows are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Fitted<'a> {
    pub loss: FitLoss,
    /// For each series, how much of each seasonal column's error is left.
    pub kept: &'a [[f64; COLUMNS]],
    /// As how many series of their own noise the group counts. All together know no more than that many.
    pub independent: f64,
    /// [`HourNoise::tau2`].
    pub tau2: f64,
}

/// The null distribution of one window length for a group of series.
#[derive(Clone, Debug)]
pub struct WindowNull {
    pub window_hours: usize,
    /// Expected square of a window mean is `a + c / weight`.
    pub a: f64,
    pub c: f64,
    /// Degrees of freedom of the prior and of the t distribution, one of the latter per series.
    pub prior_df: f64,
    pub t_df: Vec<f64>,
    /// Each series' moderated variance relative to the group's.
    pub dispersion: Vec<f64>,
    /// Variance of each series' seasonal fit over a window.
    fit_variance: Vec<f64>,
    /// Variance of an hour that no traffic averages away; none where all noise counts as equally Gaussian, the reference's rule.
    steady_hour: Option<f64>,
}

impl WindowNull {
    /// `windows` and `baseline` have one element per series. A series without placebos takes the group's noise.
    pub fn fit(
        windows: &[WindowMean],
        baseline: &[Vec<bool>],
        window_hours: usize,
        fitted: Fitted<'_>,
    ) -> WindowNull {
        let loss = fitted.loss;
        let placebos: Vec<Vec<bool>> = baseline
            .iter()
            .map(|hours| placebo_hours(hours, window_hours))
            .collect();
        let (a, c) = placebo_line(windows, &placebos, loss);
        let baseline_hours: Vec<f64> = baseline.iter().map(|hours| count(hours)).collect();
        let own_df: Vec<f64> = baseline_hours
            .iter()
            .map(|hours| (0.7 * hours / window_hours as f64).max(1e-3))
            .collect();
        let ratio: Vec<Option<f64>> = windows
            .iter()
            .zip(&placebos)
            .map(|(w, p)| mean_ratio(w, p, a, c))
            .collect();
        let seen: Vec<(f64, f64)> = ratio
            .iter()
            .zip(&own_df)
            .filter_map(|(u, df)| u.map(|u| (u, *df)))
            .collect();
        let prior_df = prior_df(&seen);
        let moderated = |i: usize| {
            let (inflation, fit_share) = loss.of(window_hours, baseline_hours[i], &fitted.kept[i]);
            let own = match ratio[i] {
                Some(u) => (prior_df + own_df[i] * u) / (prior_df + own_df[i]),
                None => 1.0,
            };
            let usual = a + c / mean_weight(&windows[i], &placebos[i]).max(1e-12);
            (own * inflation, own * inflation * fit_share * usual)
        };
        let (dispersion, fit_variance) = (0..windows.len()).map(moderated).unzip();
        let t_df = (own_df.iter().zip(&baseline_hours))
            .map(|(df, hours)| {
                let known = loss.df(window_hours, *hours).max(1e-3) * fitted.independent;
                (prior_df + df).min(known).min(MAX_DF)
            })
            .collect();
        WindowNull {
            window_hours,
            a,
            c,
            prior_df,
            t_df,
            dispersion,
            fit_variance,
            steady_hour: (loss == FitLoss::SeenColumns).then_some(fitted.tau2),
        }
    }

    /// Degrees of freedom of a window mean of series `i` with this sum of weights: the less of its noise is sampling, the heavier its tails.
    pub fn df(&self, i: usize, weight: f64) -> f64 {
        let Some(steady_hour) = self.steady_hour else {
            return self.t_df[i];
        };
        let sampling = 1.0 / weight.max(1e-12) - steady_hour / self.window_hours as f64;
        let steady_share = 1.0 - (sampling / self.stddev(i, weight).powi(2)).clamp(0.0, 1.0);
        // A t distribution with this excess kurtosis.
        let of_tail = 4.0 + 6.0 / (STEADY_KURTOSIS * steady_share * steady_share).max(1e-9);
        self.t_df[i].min(of_tail.max(MIN_TAIL_DF))
    }

    /// Variance of a window mean of series `i` that no traffic averages away, and the factor on 1 / weight.
    pub fn variance_parts(&self, i: usize) -> (f64, f64) {
        let of = self.dispersion[i];
        (of * self.a + self.fit_variance[i], of * self.c)
    }

    /// Standard deviation of a window mean of series `i` with this sum of weights.
    pub fn stddev(&self, i: usize, weight: f64) -> f64 {
        let weight = weight.max(1e-12);
        (self.dispersion[i] * (self.a + self.c / weight) + self.fit_variance[i])
            .max(1.0 / weight)
            .sqrt()
    }
}

fn count(hours: &[bool]) -> f64 {
    hours.iter().filter(|inside| **inside).count() as f64
}

/// `E[mean^2] = a + c / weight` over the placebos, with `a` >= 0 and `c` >= 1.
fn placebo_line(windows: &[WindowMean], placebos: &[Vec<bool>], loss: FitLoss) -> (f64, f64) {
    let mut points = Vec::new();
    for (window, placebo) in windows.iter().zip(placebos) {
        for h in (0..placebo.len()).filter(|h| placebo[*h]) {
            points.push((
                window.mean[h] * window.mean[h],
                1.0 / window.weight[h].max(1e-12),
            ));
        }
    }
    let limit = quantile(
        &mut points.iter().map(|(_, z)| *z).collect::<Vec<_>>(),
        0.98,
    );
    let kept = points
        .iter()
        .filter(|(_, z)| *z < limit || (*z == limit && loss == FitLoss::SeenColumns))
        .map(|(y, z)| (*y, *z, inverse_square(z + 1e-4)));
    let free = line(kept.clone());
    match (free, loss) {
        (Some((a, c)), _) if a >= 0.0 && c >= 1.0 => (a, c),
        (_, FitLoss::AllColumns) => {
            let (a, c) = free.unwrap_or((0.0, 1.0));
            (a.max(0.0), c.max(1.0))
        }
        (_, FitLoss::SeenColumns) => line_on_edge(kept),
    }
}

/// The best line with `a` = 0 or `c` = 1. Where all hours are equally busy no line is determined: the free one may lie far outside of
/// what can be, and with each number cut back by itself the noise came out up to sixty times too large.
fn line_on_edge(points: impl Iterator<Item = (f64, f64, f64)> + Clone) -> (f64, f64) {
    let sum = |term: &dyn Fn(f64, f64) -> f64| -> f64 {
        points
            .clone()
            .map(|(y, z, weight)| weight * term(y, z))
            .sum()
    };
    let ratio = |above: f64, below: f64| if below > 0.0 { above / below } else { 0.0 };
    let through_zero = (0.0, ratio(sum(&|y, z| y * z), sum(&|_, z| z * z)).max(1.0));
    let of_slope_one = (ratio(sum(&|y, z| y - z), sum(&|_, _| 1.0)).max(0.0), 1.0);
    let misfit = |(a, c): (f64, f64)| sum(&|y, z| (y - a - c * z).powi(2));
    if misfit(through_zero) <= misfit(of_slope_one) {
        through_zero
    } else {
        of_slope_one
    }
}

/// Mean square of the series' placebos relative to what the group expects; `None` without placebos.
fn mean_ratio(window: &WindowMean, placebo: &[bool], a: f64, c: f64) -> Option<f64> {
    let (mut sum, mut n) = (0.0, 0.0);
    for h in (0..placebo.len()).filter(|h| placebo[*h]) {
        sum += window.mean[h] * window.mean[h] / (a + c / window.weight[h].max(1e-12));
        n += 1.0;
    }
    (n > 0.0).then(|| sum / n)
}

/// Mean weight of the placebos; without any, of all windows.
fn mean_weight(window: &WindowMean, placebo: &[bool]) -> f64 {
    let mean = |wanted: &dyn Fn(usize) -> bool| {
        let hours = (0..window.weight.len()).filter(|h| wanted(*h));
        let (sum, n) = hours.fold((0.0, 0.0), |all, h| (all.0 + window.weight[h], all.1 + 1.0));
        (n > 0.0).then(|| sum / n)
    };
    mean(&|h| placebo[h])
        .or_else(|| mean(&|_| true))
        .unwrap_or(0.0)
}

/// Degrees of freedom `d0` of the prior from (variance ratio, own degrees of freedom) of each series:
/// trigamma(d0 / 2) = var(ln ratio) - trigamma(df / 2), by bisection.
pub fn prior_df(ratios: &[(f64, f64)]) -> f64 {
    let (mut low, mut high) = PRIOR_DF;
    let n = ratios.len() as f64;
    let excess = if ratios.len() > 1 {
        let logs: Vec<f64> = ratios
            .iter()
            .map(|(ratio, _)| ratio.max(1e-3).ln())
            .collect();
        let mean = logs.iter().sum::<f64>() / n;
        let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (n - 1.0);
        variance - ratios.iter().map(|(_, df)| trigamma(df / 2.0)).sum::<f64>() / n
    } else {
        0.0
    };
    if excess <= trigamma(high / 2.0) {
        return high;
    }
    if excess >= trigamma(low / 2.0) {
        return low;
    }
    // 200 halvings reach the last bit of f64; fewer would do, none is felt.
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        if trigamma(middle / 2.0) > excess {
            low = middle
        } else {
            high = middle
        }
    }
    (low + high) / 2.0
}

/// Variance that the fit of the seasonal columns took out of the placebos.
pub fn fit_inflation(window_hours: usize, baseline_hours: f64) -> f64 {
    let lost = if window_hours >= 24 {
        (COLUMNS * window_hours) as f64
    } else {
        COLUMNS as f64
    };
    let baseline_hours = baseline_hours.max(1.0);
    baseline_hours / (baseline_hours - lost.min(0.5 * baseline_hours))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(loss: FitLoss, kept: &[[f64; COLUMNS]]) -> Fitted<'_> {
        Fitted {
            loss,
            kept,
            independent: 1.0,
            tau2: 1e-4,
        }
    }

    #[test]
    fn placebos_lie_inside_the_baseline() {
        let baseline = [true, true, true, false, true, true];
        assert_eq!(
            placebo_hours(&baseline, 2),
            [false, true, true, false, false, true]
        );
    }

    #[test]
    fn fits_without_data_fall_back() {
        assert_eq!(
            HourNoise::fit(&[]),
            HourNoise {
                tau2: PRIOR_HOUR_VARIANCE,
                phi: 1.0
            }
        );
        assert_eq!(
            HourNoise::fit(&[(0.1, 0.01); 50]),
            HourNoise {
                tau2: PRIOR_HOUR_VARIANCE,
                phi: 1.0
            }
        );
        let null = WindowNull::fit(
            &[WindowMean::new(&[0.0; 5], &[0.0; 5], 3)],
            &[vec![false; 5]],
            3,
            fitted(FitLoss::SeenColumns, &[[1.0; COLUMNS]]),
        );
        assert!(null.stddev(0, 0.0).is_finite() && null.dispersion[0] >= 1.0);
    }

    #[test]
    fn the_prior_spans_its_bounds() {
        assert_eq!(prior_df(&[(1.0, 10.0)]), 200.0);
        assert_eq!(prior_df(&[(1.0, 50.0), (1.1, 50.0), (0.9, 50.0)]), 200.0);
        assert_eq!(prior_df(&[(1e-3, 50.0), (1e3, 50.0)]), 2.0);
        let between = prior_df(&[(0.4, 50.0), (1.0, 50.0), (2.5, 50.0)]);
        assert!(between > 2.0 && between < 200.0);
    }

    #[test]
    fn short_baselines_are_inflated_at_most_twice() {
        assert_eq!(fit_inflation(72, 100.0), 2.0);
        assert_eq!(fit_inflation(3, 0.0), 2.0);
        assert!((fit_inflation(3, 672.0) - 672.0 / 660.0).abs() < 1e-12);
    }

    #[test]
    fn a_window_sees_the_columns_that_do_not_average_out_in_it() {
        let share = |window_hours| {
            FitLoss::SeenColumns
                .of(window_hours, 672.0, &[1.0; COLUMNS])
                .1
                * 672.0
        };
        let seen: Vec<f64> = [1, 24, 72, 168]
            .into_iter()
            .map(|hours| (share(hours) / hours as f64 * 10.0).round() / 10.0)
            .collect();
        assert_eq!(seen, [11.8, 3.8, 2.6, 1.0]);
        assert_eq!(
            FitLoss::AllColumns.of(24, 672.0, &[1.0; COLUMNS]),
            (1.75, 0.0)
        );
    }

    #[test]
    fn equally_busy_hours_have_no_more_noise_than_they_show() {
        let hours = 28 * 24;
        let baseline = vec![vec![true; hours]; 3];
        // Without and with a little difference between the hours.
        for spread in [0.0, 0.01] {
            let weight: Vec<f64> = (0..hours)
                .map(|h| 400.0 * (1.0 + spread * (h % 5) as f64))
                .collect();
            let windows: Vec<WindowMean> = (0..3)
                .map(|i| {
                    let residual: Vec<f64> = (0..hours)
                        .map(|h| ((h * (37 + 2 * i) % 101) as f64 - 50.0) / 600.0)
                        .collect();
                    WindowMean::new(&residual, &weight, 24)
                })
                .collect();
            let null = WindowNull::fit(
                &windows,
                &baseline,
                24,
                Fitted {
                    independent: 3.0,
                    ..fitted(FitLoss::SeenColumns, &[[1.0; COLUMNS]; 3])
                },
            );
            let modelled = null.a + null.c / windows[0].weight[hours - 1];
            let of_noise = 1.0 / windows[0].weight[hours - 1];
            assert!(modelled <= 1.5 * of_noise, "{modelled} of {of_noise}");
        }
    }

    #[test]
    fn a_burst_of_page_views_does_not_make_the_fit_exact() {
        // The last day has 100 times the page views.
        let weight: Vec<f64> = (0..696)
            .map(|h| if h < 672 { 1.0 } else { 100.0 })
            .collect();
        let residual: Vec<f64> = (0..696)
            .map(|h| ((h * 37 % 17) as f64 - 8.0) / 5.0)
            .collect();
        let baseline: Vec<bool> = (0..696).map(|h| h < 672).collect();
        let means = [WindowMean::new(&residual, &weight, 24)];
        let stddev = |loss| {
            let null = WindowNull::fit(
                &means,
                std::slice::from_ref(&baseline),
                24,
                fitted(loss, &[[1.0; COLUMNS]]),
            );
            null.stddev(0, means[0].weight[695])
        };
        assert!(stddev(FitLoss::SeenColumns) > 1.5 * stddev(FitLoss::AllColumns));
    }
}

//! Movement that is not news: daily and weekly cycles of one series, and what all routes of an app do together.
//!
//! Twelve columns instead of 168 hour-of-week cells, because four weeks of history cannot fill those. The common mode is a
//! robust median over routes; it makes the null distribution honest when days of an app go up and down together, and it is
//! used only where enough routes exist that one of them cannot drag it along.

use crate::noise::PRIOR_HOUR_VARIANCE;
use crate::order::{median, weighted_median};
use crate::series::Hour;

pub const COLUMNS: usize = 12;
const WEEK_HOURS: usize = 168;
/// Keeps the normal equations solvable when a column never varies (a baseline without a weekend).
const RIDGE: f64 = 1e-6;
/// Routes this many robust standard deviations off the common mode over 24 h are moving on their own.
const OUTLIER_SIGMAS: f64 = 3.0;
/// Weight of such a route while the common mode is taken again.
const OUTLIER_WEIGHT: f64 = 1e-6;
/// 1970-01-01 was a Thursday; the columns count from a Monday.
const EPOCH_HOURS_AFTER_MONDAY: Hour = 72;

/// The seasonal columns of an hour: constant; daily harmonics 1 to 3; weekend; weekend x daily; weekly.
pub fn columns_at(hour: Hour) -> [f64; COLUMNS] {
    columns(hour + EPOCH_HOURS_AFTER_MONDAY)
}

/// The same with `t = 0` a Monday at 00:00 UTC.
pub fn columns(t: Hour) -> [f64; COLUMNS] {
    // Reduced to one week, so that the angles stay exact however far from the epoch the hour is.
    let t = t.rem_euclid(WEEK_HOURS as Hour);
    let turn = |period: f64, harmonic: f64| {
        (std::f64::consts::TAU * harmonic * t as f64 / period).sin_cos()
    };
    let weekend = if t / 24 >= 5 { 1.0 } else { 0.0 };
    let (daily_1, daily_2, daily_3, weekly) = (
        turn(24.0, 1.0),
        turn(24.0, 2.0),
        turn(24.0, 3.0),
        turn(168.0, 1.0),
    );
    [
        1.0,
        daily_1.0,
        daily_1.1,
        daily_2.0,
        daily_2.1,
        daily_3.0,
        daily_3.1,
        weekend,
        weekend * daily_1.0,
        weekend * daily_1.1,
        weekly.0,
        weekly.1,
    ]
}

/// Precision of an hour's shift before its real noise is known; 0 for an empty hour.
pub fn fit_weight(variance: f64, n: f64) -> f64 {
    if n > 0.0 {
        1.0 / (variance + PRIOR_HOUR_VARIANCE)
    } else {
        0.0
    }
}

/// `shift` minus its weighted least-squares fit on the baseline hours. Slices are parallel, one element an hour.
pub fn remove_seasonality(
    columns: &[[f64; COLUMNS]],
    shift: &[f64],
    weight: &[f64],
    baseline: &[bool],
) -> Vec<f64> {
    let fit = Normal::new(columns, shift, weight, baseline).solve();
    without(columns, shift, &fit)
}

/// `shift` minus a fit.
pub(crate) fn without(columns: &[[f64; COLUMNS]], shift: &[f64], fit: &[f64; COLUMNS]) -> Vec<f64> {
    let fitted = |row: &[f64; COLUMNS]| {
        row.iter()
            .zip(fit)
            .map(|(column, factor)| column * factor)
            .sum::<f64>()
    };
    shift
        .iter()
        .zip(columns)
        .map(|(shift, row)| shift - fitted(row))
        .collect()
}

/// The normal equations of one series' fit: the lower triangle, and the right side. `columns` are those of hours in a row.
#[derive(Clone)]
pub(crate) struct Normal {
    matrix: [[f64; COLUMNS]; COLUMNS],
    right: [f64; COLUMNS],
}

impl Normal {
    pub(crate) fn new(
        columns: &[[f64; COLUMNS]],
        shift: &[f64],
        weight: &[f64],
        baseline: &[bool],
    ) -> Normal {
        // The columns come again each week: hours of the same place in it are one equation.
        let mut week = [(0.0, 0.0); WEEK_HOURS];
        for h in (0..shift.len()).filter(|h| baseline[*h] && weight[*h] > 0.0) {
            let (total, weighted) = &mut week[h % WEEK_HOURS];
            *total += weight[h];
            *weighted += weight[h] * shift[h];
        }
        let mut matrix = [[0.0; COLUMNS]; COLUMNS];
        let mut right = [0.0; COLUMNS];
        for (row, (total, weighted)) in columns.iter().zip(week) {
            for j in 0..COLUMNS {
                right[j] += weighted * row[j];
                let of_column = total * row[j];
                for k in 0..=j {
                    matrix[j][k] += of_column * row[k];
                }
            }
        }
        for (j, row) in matrix.iter_mut().enumerate() {
            row[j] += RIDGE;
        }
        Normal { matrix, right }
    }

    pub(crate) fn solve(&self) -> [f64; COLUMNS] {
        substitute(&factor(self.matrix), self.right)
    }

    /// The same, with each factor drawn towards `middle` by so much precision.
    pub(crate) fn towards(mut self, middle: &[f64; COLUMNS], precision: &[f64; COLUMNS]) -> Normal {
        for j in 0..COLUMNS {
            self.matrix[j][j] += precision[j];
            self.right[j] += precision[j] * middle[j];
        }
        self
    }

    /// The same, and the variance of each factor where an hour of weight 1 has variance 1.
    pub(crate) fn solve_with_variance(&self) -> ([f64; COLUMNS], [f64; COLUMNS]) {
        let factored = factor(self.matrix);
        let variance = std::array::from_fn(|j| {
            let mut unit = [0.0; COLUMNS];
            unit[j] = 1.0;
            substitute(&factored, unit)[j]
        });
        (substitute(&factored, self.right), variance)
    }
}

/// Cholesky on the lower triangle. The ridge makes the matrix positive definite; a pivot lost to rounding is raised to it.
fn factor(mut matrix: [[f64; COLUMNS]; COLUMNS]) -> [[f64; COLUMNS]; COLUMNS] {
    for j in 0..COLUMNS {
        for k in 0..=j {
            let product: f64 = (0..k).map(|i| matrix[j][i] * matrix[k][i]).sum();
            let sum = matrix[j][k] - product;
            matrix[j][k] = if j == k {
                sum.max(RIDGE * RIDGE).sqrt()
            } else {
                sum / matrix[k][k]
            };
        }
    }
    matrix
}

/// Solves the equations of a factored matrix.
fn substitute(factored: &[[f64; COLUMNS]; COLUMNS], right: [f64; COLUMNS]) -> [f64; COLUMNS] {
    let mut x = right;
    for j in 0..COLUMNS {
        for k in 0..j {
            x[j] -= factored[j][k] * x[k];
        }
        x[j] /= factored[j][j];
    }
    for j in (0..COLUMNS).rev() {
        for k in j + 1..COLUMNS {
            x[j] -= factored[k][j] * x[k];
        }
        x[j] /= factored[j][j];
    }
    x
}

/// Sums from the first element up to each: windows of every length are differences of them.
pub struct Cumulated(Vec<f64>);

impl Cumulated {
    pub fn new(values: impl Iterator<Item = f64>) -> Cumulated {
        let sums = values.scan(0.0, |sum, value| {
            *sum += value;
            Some(*sum)
        });
        Cumulated(sums.collect())
    }

    /// Sum of the last `window` elements up to each from `first` on; shorter at the start.
    pub fn windows(&self, window: usize, first: usize) -> impl Iterator<Item = f64> + '_ {
        let Cumulated(sums) = self;
        let whole = window.clamp(first.min(sums.len()), sums.len());
        let short = sums[first.min(sums.len())..whole].iter().copied();
        let before = &sums[whole.saturating_sub(window)..];
        let long = sums[whole..].iter().zip(before);
        short.chain(long.map(|(sum, before)| sum - before))
    }
}

/// Sum of the last `window` elements up to each; shorter at the start.
pub fn rolling_sum(values: impl Iterator<Item = f64>, window: usize) -> Vec<f64> {
    Cumulated::new(values).windows(window, 0).collect()
}

/// The movement that routes share: `residual[route][hour]`, likewise `weight` and `baseline`. Precision-weighted median over
/// routes; routes that deviate from it over 24 h are then left out and the median is taken again, unless that would remove
/// more than half of the weight.
pub fn common_mode(residual: &[Vec<f64>], weight: &[Vec<f64>], baseline: &[Vec<bool>]) -> Vec<f64> {
    let hours = residual.first().map_or(0, Vec::len);
    let mut pairs: Vec<(f64, f64)> = Vec::with_capacity(residual.len());
    let mut median_of = |weight: &dyn Fn(usize, usize) -> f64, h: usize| {
        pairs.clear();
        let routes = (0..residual.len()).map(|i| (residual[i][h], weight(i, h)));
        // A route without page views in this hour has no say.
        pairs.extend(routes.filter(|(_, weight)| *weight > 0.0));
        weighted_median(&mut pairs)
    };
    let first: Vec<f64> = (0..hours)
        .map(|h| median_of(&|i, h| weight[i][h], h))
        .collect();
    let deviates: Vec<Vec<bool>> = (0..residual.len())
        .map(|i| deviating_hours(&residual[i], &weight[i], &baseline[i], &first))
        .collect();
    let masked = |i: usize, h: usize| {
        if deviates[i][h] {
            weight[i][h] * OUTLIER_WEIGHT
        } else {
            weight[i][h]
        }
    };
    (0..hours)
        .map(|h| {
            let kept: f64 = (0..residual.len()).map(|i| masked(i, h)).sum();
            let all: f64 = (0..residual.len()).map(|i| weight[i][h]).sum();
            if kept > 0.5 * all {
                median_of(&masked, h)
            } else {
                first[h]
            }
        })
        .collect()
}

fn deviating_hours(
    residual: &[f64],
    weight: &[f64],
    baseline: &[bool],
    common: &[f64],
) -> Vec<bool> {
    let weighted = (0..residual.len()).map(|h| weight[h] * (residual[h] - common[h]));
    let sums = rolling_sum(weighted, 24);
    let weights = rolling_sum(weight.iter().copied(), 24);
    let deviation: Vec<f64> = sums
        .iter()
        .zip(&weights)
        .map(|(sum, weight)| (sum / weight.max(1e-9)).abs())
        .collect();
    let mut normal: Vec<f64> = (24..residual.len())
        .filter(|h| baseline[*h])
        .map(|h| deviation[h])
        .collect();
    // 1.4826 makes the median absolute deviation a standard deviation for normal noise.
    let limit = OUTLIER_SIGMAS * 1.4826 * median(&mut normal);
    deviation.iter().map(|value| *value > limit).collect()
}

/// `residual` minus its share of the common mode. The slope is half the least-squares one and half 1, within 0 to 1.3, because
/// a quiet route's own estimate is mostly noise.
pub fn remove_common_mode(
    residual: &mut [f64],
    weight: &[f64],
    baseline: &[bool],
    common: &[f64],
) -> f64 {
    let (mut product, mut square) = (0.0, 0.0);
    for h in (0..residual.len()).filter(|h| baseline[*h]) {
        product += weight[h] * residual[h] * common[h];
        square += weight[h] * common[h] * common[h];
    }
    let slope = (0.5 * product / square.max(1e-12) + 0.5).clamp(0.0, 1.3);
    residual
        .iter_mut()
        .zip(common)
        .for_each(|(residual, common)| *residual -= slope * common);
    slope
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_was_a_thursday() {
        let weekend: Vec<Hour> = (0..7)
            .filter(|day| columns_at(day * 24)[7] == 1.0)
            .collect();
        assert_eq!(weekend, [2, 3]);
        assert_eq!(columns_at(-72), columns(0));
        assert_eq!(columns_at(96), columns_at(96 + 168 * 3_000));
    }

    #[test]
    fn a_pure_season_leaves_nothing() {
        let columns: Vec<_> = (0..672).map(columns).collect();
        let shift: Vec<f64> = columns
            .iter()
            .map(|c| 0.3 + 0.2 * c[1] - 0.1 * c[4] + 0.05 * c[7])
            .collect();
        let residual = remove_seasonality(&columns, &shift, &vec![500.0; 672], &vec![true; 672]);
        assert!(residual.iter().all(|value| value.abs() < 1e-6));
    }

    #[test]
    fn degenerate_fits_stay_finite() {
        let columns: Vec<_> = (0..48).map(columns).collect();
        for (weight, baseline) in [(0.0, true), (1e12, true), (1.0, false), (1e-12, true)] {
            let residual = remove_seasonality(&columns, &[1.0; 48], &[weight; 48], &[baseline; 48]);
            assert!(
                residual.iter().all(|value| value.is_finite()),
                "{weight} {baseline}"
            );
        }
    }

    #[test]
    fn a_lone_mover_does_not_drag_the_common_mode() {
        // Four quiet routes and a fifth that steps up by 0.5; its weight alone is more than a quarter.
        let noise = |i: usize, h: usize| 0.01 * (((i * 31 + h * 17) % 13) as f64 - 6.0) / 6.0;
        let residual: Vec<Vec<f64>> = (0..5)
            .map(|i| {
                (0..200)
                    .map(|h| noise(i, h) + if i == 4 && h >= 150 { 0.5 } else { 0.0 })
                    .collect()
            })
            .collect();
        let baseline = vec![vec![true; 140]; 5]
            .into_iter()
            .map(|mut b| {
                b.resize(200, false);
                b
            })
            .collect::<Vec<_>>();
        let common = common_mode(&residual, &vec![vec![100.0; 200]; 5], &baseline);
        assert!(common.iter().all(|value| value.abs() < 0.02));
        assert!(common_mode(&[], &[], &[]).is_empty());
    }

    #[test]
    fn rolling_sums_are_shorter_at_the_start() {
        assert_eq!(
            rolling_sum([1.0, 2.0, 3.0, 4.0].into_iter(), 2),
            [1.0, 3.0, 5.0, 7.0]
        );
        // From any hour on they are the same, also where the window is longer than what there is.
        let values = [0.1, 0.7, -0.3, 1.9, 0.2];
        let sums = Cumulated::new(values.into_iter());
        for window in 1..8 {
            let all = rolling_sum(values.into_iter(), window);
            for first in 0..7 {
                let some: Vec<f64> = sums.windows(window, first).collect();
                assert_eq!(some, all[first.min(5)..], "{window} from {first}");
            }
        }
    }
}

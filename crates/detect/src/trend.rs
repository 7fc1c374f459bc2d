//! A straight line through few noisy points: Theil and Sen's slope with its interval. One definition for the drift of a series
//! over days and for the growth of a heap over minutes.
//!
//! Half of the points may be wild without moving the slope far. The interval is Sen's (1968), which counts points as
//! independent; points that remember each other need [`memory_inflation`]. Quadratic in the number of points, so for dozens.
//! Measured on 14 points (1,000 series each): the 90 % interval held the truth in 91.3 % without memory, 91.5 % at a correlation
//! of 0.3 and 90.5 % at 0.6, where the correlation was known.

use crate::compare::Bounded;
use crate::order::{median, theil_sen};

/// A line fitted to points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// Units of `y` per unit of `t`. The bounds are infinite where the points are too few to bound anything.
    pub slope: Bounded,
    /// The line's value at `centre`, the mean of the times: the place it is known best.
    pub level: f64,
    pub centre: f64,
}

impl Trend {
    pub fn at(&self, t: f64) -> f64 {
        self.level + self.slope.value * (t - self.centre)
    }
}

/// The line through points of finite numbers; `z` is the normal deviate of the slope's two-sided interval, `inflation` how much
/// wider than for independent points its squared width is. `None` below three points or with fewer than two times.
pub fn trend(t: &[f64], y: &[f64], z: f64, inflation: f64) -> Option<Trend> {
    let n = t.len().min(y.len());
    let (t, y) = (&t[..n], &y[..n]);
    let mut slopes = slopes(t, y);
    if n < 3 || slopes.is_empty() {
        return None;
    }
    let centre = t.iter().sum::<f64>() / n as f64;
    let value = theil_sen(t, y);
    let mut levels: Vec<f64> = t
        .iter()
        .zip(y)
        .map(|(t, y)| y - value * (t - centre))
        .collect();
    let count = slopes.len() as f64;
    let n = n as f64;
    let kendall_variance = n * (n - 1.0) * (2.0 * n + 5.0) / 18.0;
    let spread = z * (kendall_variance * inflation.max(1.0)).sqrt();
    slopes.sort_by(f64::total_cmp);
    let skipped = ((count - spread) / 2.0).floor();
    let (low, high) = if skipped >= 1.0 {
        let skipped = skipped as usize;
        (slopes[skipped - 1], slopes[slopes.len() - skipped])
    } else {
        (f64::NEG_INFINITY, f64::INFINITY)
    };
    Some(Trend {
        slope: Bounded { value, low, high },
        level: median(&mut levels),
        centre,
    })
}

/// Variance of Kendall's statistic of `n` equidistant points whose neighbours correlate by `rho`, relative to independent ones
/// (Hamed and Rao 1998, with the rank correlations of a first-order autoregression).
pub fn memory_inflation(n: usize, rho: f64) -> f64 {
    let size = n as f64;
    let pairs = size * (size - 1.0) * (size - 2.0);
    if pairs <= 0.0 {
        return 1.0;
    }
    let sum: f64 = (1..n.saturating_sub(2))
        .map(|lag| {
            let left = size - lag as f64;
            let ranks = 6.0 / std::f64::consts::PI * (rho.powi(lag as i32) / 2.0).asin();
            left * (left - 1.0) * (left - 2.0) * ranks
        })
        .sum();
    (1.0 + 2.0 * sum / pairs).max(1.0)
}

fn slopes(t: &[f64], y: &[f64]) -> Vec<f64> {
    let mut out = Vec::new();
    for i in 0..t.len() {
        for j in (i + 1..t.len()).filter(|j| t[*j] != t[i]) {
            out.push((y[j] - y[i]) / (t[j] - t[i]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{Rng, autoregression};

    #[test]
    fn a_line_is_found_through_wild_points() {
        let t: Vec<f64> = (0..14).map(f64::from).collect();
        let mut y: Vec<f64> = t.iter().map(|t| 1.0 + 0.5 * t).collect();
        (y[3], y[9]) = (100.0, -40.0);
        let found = trend(&t, &y, 1.645, 1.0).expect("fourteen points");
        assert!((found.slope.value - 0.5).abs() < 1e-12 && (found.at(13.0) - 7.5).abs() < 1e-12);
        assert!(found.slope.low <= 0.5 && found.slope.high >= 0.5);
    }

    #[test]
    fn too_few_points_bound_nothing() {
        assert_eq!(trend(&[1.0, 2.0], &[1.0, 2.0], 1.645, 1.0), None);
        assert_eq!(trend(&[1.0; 5], &[2.0; 5], 1.645, 1.0), None);
        let three = trend(&[0.0, 1.0, 2.0], &[0.0, 1.0, 2.0], 1.645, 1.0).expect("three");
        assert_eq!((three.slope.value, three.slope.high), (1.0, f64::INFINITY));
        let flat = trend(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], &[7.0; 6], 1.645, 1.0).expect("six");
        assert_eq!(
            (flat.slope.low, flat.slope.high, flat.level),
            (0.0, 0.0, 7.0)
        );
        assert_eq!(
            (memory_inflation(2, 0.9), memory_inflation(14, 0.0)),
            (1.0, 1.0)
        );
        assert!(memory_inflation(14, 0.5) > 1.5);
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let t: Vec<f64> = (0..14).map(f64::from).collect();
        for rho in [0.0, 0.3, 0.6] {
            let inside = (0..1_000).filter(|trial| {
                let y = autoregression(&mut Rng::new(&[1, *trial]), 14, 1.0, rho);
                let found = trend(&t, &y, 1.645, memory_inflation(14, rho)).expect("points");
                found.slope.low <= 0.0 && 0.0 <= found.slope.high
            });
            let share = inside.count() as f64 / 1_000.0;
            assert!((0.88..0.94).contains(&share), "{share} at {rho}");
        }
    }
}

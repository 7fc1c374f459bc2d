//! When it began: the most likely hour of one step, and the hours that cannot be told from it.

use std::ops::Range;

use crate::series::Hour;

/// How far back a change is looked for.
const BACK_HOURS: usize = 96;
/// A side of the step has at least this many hours, or one odd hour would be a change.
const MIN_BEFORE: usize = 6;
/// Fewer hours than this hold no change worth locating.
const MIN_HOURS: usize = 12;
/// Hours whose score is this close to the best belong to the set. A textbook 7 assumes independent hours and covered the
/// truth in 81 % of simulated steps; 28 covered it in 93 %.
pub const SET_DROP: f64 = 28.0;

/// A located step. All are first hours *after* the change.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangePoint {
    pub hour: Hour,
    /// The hours that cannot be told from the best, in order; contains `hour`.
    pub set: Vec<Hour>,
    /// Squared score of each element of `set`: a log-likelihood ratio doubled.
    pub strength: Vec<f64>,
}

impl ChangePoint {
    pub fn low(&self) -> Hour {
        self.set.first().copied().unwrap_or(self.hour)
    }

    pub fn high(&self) -> Hour {
        self.set.last().copied().unwrap_or(self.hour)
    }
}

/// Locates the upward step in `residual[..=at]`; element 0 is `first_hour`. Negate the residuals to look for a drop.
/// Maximises (mean after - mean before) * sqrt(A_t (A - A_t) / A) over t, where A_t sums the weights up to t.
pub fn change_point(
    residual: &[f64],
    weight: &[f64],
    at: usize,
    first_hour: Hour,
    drop: f64,
) -> ChangePoint {
    let hour_of = |index: usize| first_hour + index as Hour;
    let start = (at + 1).saturating_sub(BACK_HOURS);
    let range: Range<usize> = start..(at + 1).min(residual.len());
    let none = ChangePoint {
        hour: hour_of(at),
        set: vec![hour_of(at)],
        strength: vec![0.0],
    };
    if range.len() < MIN_HOURS {
        return none;
    }
    let total: f64 = weight[range.clone()].iter().sum();
    let total_sum: f64 = range.clone().map(|h| weight[h] * residual[h]).sum();
    if total <= 0.0 {
        return none;
    }
    let (mut before, mut before_sum) = (0.0, 0.0);
    let mut scores = Vec::new();
    for h in range.start..range.end - 1 {
        before += weight[h];
        before_sum += weight[h] * residual[h];
        if h + 1 - range.start >= MIN_BEFORE {
            let step = (total_sum - before_sum) / (total - before).max(1e-9)
                - before_sum / before.max(1e-9);
            scores.push((
                h + 1,
                step * (before * (total - before).max(0.0) / total).sqrt(),
            ));
        }
    }
    // The first of equals, so that the answer does not depend on the order of a search.
    let (best, top) = scores
        .iter()
        .copied()
        .fold((at, f64::NEG_INFINITY), |best, next| {
            if next.1 > best.1 { next } else { best }
        });
    let near = |score: f64| score > 0.0 && top * top - score * score <= drop;
    let (set, strength): (Vec<Hour>, Vec<f64>) = scores
        .iter()
        .filter(|(_, score)| near(*score))
        .map(|(index, score)| (hour_of(*index), score * score))
        .unzip();
    if set.is_empty() {
        return none;
    }
    ChangePoint {
        hour: hour_of(best),
        set,
        strength,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_step_is_found_at_its_hour() {
        let residual: Vec<f64> = (0..96).map(|h| if h >= 70 { 0.3 } else { 0.0 }).collect();
        let found = change_point(&residual, &[400.0; 96], 95, 1_000, SET_DROP);
        assert_eq!(found.hour, 1_070);
        assert!(found.low() <= 1_070 && found.high() >= 1_070 && found.set.len() < 10);
    }

    #[test]
    fn too_short_empty_and_falling_series_have_no_step() {
        assert_eq!(change_point(&[0.1; 5], &[1.0; 5], 4, 0, SET_DROP).set, [4]);
        assert_eq!(
            change_point(&[0.1; 50], &[0.0; 50], 49, 0, SET_DROP).hour,
            49
        );
        let falling: Vec<f64> = (0..50).map(|h| -f64::from(h)).collect();
        assert_eq!(
            change_point(&falling, &[1.0; 50], 49, 0, SET_DROP).set,
            [49]
        );
    }
}

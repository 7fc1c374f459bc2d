//! Two groups of histograms, compared stratum by stratum: the ratio of a quantile with its interval, and a p-value.
//!
//! The strata of the current group are weighted as in the baseline, so that a changed mix of devices or connections is not
//! reported as a change of speed. The interval is Woodruff's (1952): the error of the distribution function, mapped back
//! through it. Its coverage was never tested on real traffic; the sampling error of the baseline is left out as negligible.

use crate::distribution::normal_cdf;
use crate::histogram::{Histogram, Scheme};
use crate::score::{Ridits, ScoreSum};
use crate::sensitivity::MAX_SHIFT;

/// Normal quantile of a two-sided 90 % interval.
pub const Z_90: f64 = 1.645;
/// The quantile people watch: a vital is judged at its 75th percentile.
const P: f64 = 0.75;

/// The two sides of one stratum.
#[derive(Clone, Debug)]
pub struct StratumPair {
    pub baseline: Histogram,
    pub current: Histogram,
}

/// A quantile with the bounds of its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounded {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// What changed, in the units of the values. `ratio` is current over baseline of the standardised p75.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    pub ratio: Bounded,
    pub baseline_p75: f64,
    pub current_p75: f64,
    pub baseline_n: u64,
    pub current_n: u64,
    /// Estimated log shift of the whole distribution, and the two-sided p-value of no shift.
    pub shift: f64,
    pub p_value: f64,
}

/// Quantile of strata mixed with the given weights; `None` when no stratum has both weight and counts.
/// `ln_edges` holds the edges of all buckets, one more than there are buckets. `inflation` is the variance ratio of real
/// to independent page views.
pub fn standardised_quantile(
    strata: &[(f64, &[u64])],
    ln_edges: &[f64],
    p: f64,
    inflation: f64,
    z: f64,
) -> Option<Bounded> {
    let total = |counts: &[u64]| counts.iter().map(|count| *count as f64).sum::<f64>();
    let used: Vec<(f64, f64, &[u64])> = strata
        .iter()
        .map(|(weight, counts)| (*weight, total(counts), *counts))
        .filter(|(weight, n, _)| *weight > 0.0 && *n > 0.0)
        .collect();
    let weights: f64 = used.iter().map(|(weight, ..)| weight).sum();
    if used.is_empty() || weights <= 0.0 {
        return None;
    }
    let variance: f64 = used
        .iter()
        .map(|(weight, n, _)| (weight / weights).powi(2) * p * (1.0 - p) / n)
        .sum();
    let spread = z * (inflation * variance).sqrt();
    // The distribution function at each edge where it rises: (level, log edge).
    let mut levels = vec![(0.0, ln_edges[0])];
    let mut level = 0.0;
    for (bucket, edge) in ln_edges[1..].iter().enumerate() {
        let step: f64 = used
            .iter()
            .map(|(weight, n, counts)| {
                weight / weights * counts.get(bucket).map_or(0.0, |c| *c as f64) / n
            })
            .sum();
        level += step;
        if step > 0.0 {
            levels.push((level, *edge));
        }
    }
    let at = |level: f64| interpolate(&levels, level.clamp(0.0, 1.0)).exp();
    Some(Bounded {
        value: at(p),
        low: at(p - spread),
        high: at(p + spread),
    })
}

/// Piecewise linear, constant outside. A step of the distribution is drawn from the end of the previous rise, as if the
/// empty buckets between were part of it.
fn interpolate(levels: &[(f64, f64)], level: f64) -> f64 {
    let above = levels.partition_point(|(value, _)| *value < level);
    match (
        above.checked_sub(1).map(|below| levels[below]),
        levels.get(above),
    ) {
        (None, Some(first)) => first.1,
        (Some(last), None) => last.1,
        (Some(low), Some(high)) => low.1 + (high.1 - low.1) * (level - low.0) / (high.0 - low.0),
        (None, None) => 0.0,
    }
}

/// Log edges of a scheme's buckets. The zero bucket gets a place just below the others, so that a distribution with
/// zeros stays monotone; callers report exact zero for it.
pub(crate) fn ln_edges(scheme: Scheme) -> Vec<f64> {
    let count = scheme.bucket_count() as u16;
    let second = scheme.upper_edge(1).ln();
    let width = (scheme.upper_edge(2).ln() - second).min(0.1);
    let first = if scheme.lower_edge(1) > 0.0 {
        scheme.lower_edge(1).ln()
    } else {
        second - 1.0
    };
    [first - width, first]
        .into_iter()
        .chain((1..count).map(|index| scheme.upper_edge(index).ln()))
        .collect()
}

/// Compares the two sides of all strata. `None` without page views on both sides of at least one stratum, and for growth, whose
/// values have a sign and no ratio (`memory` compares those).
pub fn compare(pairs: &[StratumPair], inflation: f64) -> Option<Comparison> {
    let scheme = pairs.first()?.baseline.scheme();
    if scheme == Scheme::Growth {
        return None;
    }
    let both: Vec<(&StratumPair, f64)> = pairs
        .iter()
        .filter(|pair| pair.baseline.n() > 0 && pair.current.n() > 0)
        .map(|pair| (pair, pair.baseline.n() as f64))
        .collect();
    let edges = ln_edges(scheme);
    let inflation = inflation.max(1.0);
    let current: Vec<(f64, &[u64])> = both
        .iter()
        .map(|(pair, weight)| (*weight, pair.current.counts()))
        .collect();
    let baseline: Vec<(f64, &[u64])> = both
        .iter()
        .map(|(pair, weight)| (*weight, pair.baseline.counts()))
        .collect();
    let current = with_zeros(
        standardised_quantile(&current, &edges, P, inflation, Z_90)?,
        edges[1],
    );
    let baseline = with_zeros(
        standardised_quantile(&baseline, &edges, P, inflation, Z_90)?,
        edges[1],
    );
    let (shift, variance) = shift(&both, scheme);
    let ratio = |value: f64| {
        if baseline.value > 0.0 {
            value / baseline.value
        } else {
            shift.exp()
        }
    };
    let deviate = shift / (variance * inflation).sqrt().max(1e-12);
    Some(Comparison {
        ratio: Bounded {
            value: ratio(current.value),
            low: ratio(current.low),
            high: ratio(current.high),
        },
        baseline_p75: baseline.value,
        current_p75: current.value,
        baseline_n: pairs.iter().map(|pair| pair.baseline.n()).sum(),
        current_n: pairs.iter().map(|pair| pair.current.n()).sum(),
        shift,
        p_value: (2.0 * normal_cdf(-deviate.abs())).clamp(0.0, 1.0),
    })
}

fn with_zeros(bounded: Bounded, ln_zero_edge: f64) -> Bounded {
    let or_zero = |value: f64| {
        if value.ln() <= ln_zero_edge + 1e-12 {
            0.0
        } else {
            value
        }
    };
    Bounded {
        value: or_zero(bounded.value),
        low: or_zero(bounded.low),
        high: or_zero(bounded.high),
    }
}

fn shift(both: &[(&StratumPair, f64)], scheme: Scheme) -> (f64, f64) {
    let widths = scheme.inverse_widths();
    let mut sum = ScoreSum::default();
    for (pair, _) in both {
        if let Some(ridits) = Ridits::new(pair.baseline.counts(), &widths) {
            let cells = pair
                .current
                .counts()
                .iter()
                .enumerate()
                .filter(|(_, count)| **count > 0);
            sum.add(
                &ridits,
                cells.map(|(index, count)| {
                    (index as u16, u32::try_from(*count).unwrap_or(u32::MAX))
                }),
            );
        }
    }
    let score = sum.score();
    (score.shift.clamp(-MAX_SHIFT, MAX_SHIFT), score.variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(scheme: Scheme, values: impl Iterator<Item = f64>) -> Histogram {
        let mut histogram = Histogram::new(scheme);
        values.for_each(|value| histogram.record(value, 1));
        histogram
    }

    fn spread(scheme: Scheme, middle: f64) -> Histogram {
        side(
            scheme,
            (0..4_000).map(|i| middle * (f64::from(i) / 2_000.0 - 1.0).exp()),
        )
    }

    #[test]
    fn a_fifth_slower_reads_as_a_fifth() {
        for scheme in [Scheme::Milliseconds, Scheme::Grid, Scheme::Bytes] {
            let middle = if scheme == Scheme::Bytes {
                4e7
            } else {
                1_500.0
            };
            let pair = StratumPair {
                baseline: spread(scheme, middle),
                current: spread(scheme, middle * 1.2),
            };
            let found = compare(&[pair], 1.0).expect("both sides have views");
            assert!(
                (found.ratio.value - 1.2).abs() < 0.02,
                "{scheme:?} {found:?}"
            );
            assert!(found.ratio.low < found.ratio.value && found.ratio.value < found.ratio.high);
            assert!(found.p_value < 1e-6 && (found.baseline_n, found.current_n) == (4_000, 4_000));
        }
    }

    #[test]
    fn a_changed_mix_is_no_change() {
        let fast = |n: u32| {
            side(
                Scheme::Milliseconds,
                (0..n).map(|i| 500.0 * (f64::from(i % 997) / 997.0).exp()),
            )
        };
        let slow = |n: u32| {
            side(
                Scheme::Milliseconds,
                (0..n).map(|i| 3_000.0 * (f64::from(i % 997) / 997.0).exp()),
            )
        };
        let pairs = [
            StratumPair {
                baseline: fast(9_970),
                current: fast(997),
            },
            StratumPair {
                baseline: slow(997),
                current: slow(9_970),
            },
        ];
        let found = compare(&pairs, 1.0).expect("both sides have views");
        assert!(
            (found.ratio.value - 1.0).abs() < 0.01 && found.shift.abs() < 0.01,
            "{found:?}"
        );
    }

    #[test]
    fn zeros_are_reported_as_zero() {
        let zeros = || side(Scheme::LayoutShift, std::iter::repeat_n(0.0, 100));
        let found = compare(
            &[StratumPair {
                baseline: zeros(),
                current: zeros(),
            }],
            1.0,
        )
        .expect("views");
        assert_eq!(
            (found.baseline_p75, found.current_p75, found.ratio.value),
            (0.0, 0.0, 1.0)
        );
        assert!(found.p_value <= 1.0 && found.ratio.low.is_finite());
    }

    #[test]
    fn nothing_compares_with_nothing() {
        let empty = Histogram::new(Scheme::Grid);
        assert_eq!(compare(&[], 1.0), None);
        assert_eq!(
            compare(
                &[StratumPair {
                    baseline: empty.clone(),
                    current: empty
                }],
                1.0
            ),
            None
        );
        assert_eq!(
            standardised_quantile(&[(0.0, &[1])], &[0.0, 1.0], 0.5, 1.0, Z_90),
            None
        );
        assert_eq!(
            (
                interpolate(&[], 0.5),
                interpolate(&[(0.5, 2.0)], 0.1),
                interpolate(&[(0.5, 2.0)], 0.9)
            ),
            (0.0, 2.0, 2.0)
        );
    }
}

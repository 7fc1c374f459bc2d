//! What a histogram says to a reader: p75 with its interval, shares by rating, the points of a trend. Pure.
//!
//! Shares at the published limits are interpolated inside the one bucket that holds the limit, so each is off by at most that
//! bucket's share of the page views. INP and FID lie on a grid of 8 ms whose limits are grid values, and are exact up to 192 ms.

use detect::histogram::{Histogram, Scheme};
use serde::Serialize;
use wire::Vital;

use crate::store::queries::StepVitalRow;

/// Below this the p75 rests on fewer than a dozen slow page views; the page says so instead of rating it.
const LOW_SAMPLE_N: u64 = 50;
/// Two-sided 95 %.
const INTERVAL_Z: f64 = 1.96;
/// INP and FID come on this grid (vitals are rounded to 8 ms by browsers).
const GRID_HALF_STEP_MS: f64 = 4.0;
/// A band needs this many steps before its ends mean anything.
const MIN_BAND_STEPS: usize = 10;
/// The band holds four fifths of the baseline's steps.
const BAND_SHARES: (f64, f64) = (0.1, 0.9);

/// One vital over a range.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VitalSummary {
    pub vital: &'static str,
    /// `ms`, `bytes` or empty (CLS).
    pub unit: &'static str,
    pub n: u64,
    pub p75: f64,
    /// 95 % interval of the p75 from order statistics; takes page views as independent, so it is a little narrow.
    pub p75_low: f64,
    pub p75_high: f64,
    pub rating: Option<&'static str>,
    pub low_sample: bool,
    /// Null for MEMORY, which has no published limits.
    pub shares: Option<Shares>,
}

/// Shares of page views by rating; they add up to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Shares {
    pub good: f64,
    pub needs_improvement: f64,
    pub poor: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    pub at_ms: i64,
    pub n: u64,
    pub p75: f64,
    pub good: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p75: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
}

/// Where the p75 of a step of the baseline usually lies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Band {
    pub low: f64,
    pub high: f64,
}

/// One bar of a distribution: the share of page views with a value from `low` to `high`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bar {
    pub low: f64,
    pub high: f64,
    pub share: f64,
}

pub fn histogram(vital: Vital, buckets: &[(u16, u64)]) -> Histogram {
    let mut histogram = Histogram::new(Scheme::of_vital(vital));
    for &(index, count) in buckets {
        histogram.add(index, count);
    }
    histogram
}

/// `None` when there is nothing to sum up.
pub fn summarise(vital: Vital, histogram: &Histogram) -> Option<VitalSummary> {
    let n = histogram.n();
    let p75 = histogram.quantile(0.75)?.value;
    let spread = INTERVAL_Z * (0.75 * 0.25 / n as f64).sqrt();
    let at = |p: f64| histogram.quantile(p).map_or(p75, |quantile| quantile.value);
    Some(VitalSummary {
        vital: vital.name(),
        unit: unit(vital),
        n,
        p75,
        p75_low: at(0.75 - spread),
        p75_high: at(0.75 + spread),
        rating: vital.rating(p75).map(|rating| rating.name()),
        low_sample: n < LOW_SAMPLE_N,
        shares: shares(vital, histogram),
    })
}

pub fn shares(vital: Vital, histogram: &Histogram) -> Option<Shares> {
    let (good_limit, poor_limit) = vital.thresholds()?;
    let good = share_at_most(histogram, good_limit)?;
    let not_poor = share_at_most(histogram, poor_limit)?;
    Some(Shares {
        good,
        needs_improvement: not_poor - good,
        poor: 1.0 - not_poor,
    })
}

pub fn percentiles(histogram: &Histogram) -> Option<Percentiles> {
    let at = |p: f64| histogram.quantile(p).map(|quantile| quantile.value);
    Some(Percentiles {
        p50: at(0.5)?,
        p75: at(0.75)?,
        p90: at(0.9)?,
        p95: at(0.95)?,
        p99: at(0.99)?,
    })
}

pub fn points(vital: Vital, steps: &[StepVitalRow]) -> Vec<Point> {
    let of_vital = steps.iter().filter(|step| step.vital == vital.name());
    of_vital
        .filter_map(|step| {
            let histogram = histogram(vital, &step.buckets);
            let p75 = histogram.quantile(0.75)?.value;
            Some(Point {
                at_ms: step.at_ms,
                n: histogram.n(),
                p75,
                good: shares(vital, &histogram).map(|shares| shares.good),
            })
        })
        .collect()
}

/// All steps of the vital as one histogram.
pub fn merged(vital: Vital, steps: &[StepVitalRow]) -> Histogram {
    let mut sum = Histogram::new(Scheme::of_vital(vital));
    for step in steps.iter().filter(|step| step.vital == vital.name()) {
        sum.merge(&histogram(vital, &step.buckets));
    }
    sum
}

/// The range in which four fifths of the baseline's steps lie, each step weighing the same.
pub fn band(points: &[Point]) -> Option<Band> {
    let mut values: Vec<f64> = points.iter().map(|point| point.p75).collect();
    if values.len() < MIN_BAND_STEPS {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
    Some(Band {
        low: at(BAND_SHARES.0),
        high: at(BAND_SHARES.1),
    })
}

pub fn bars(histogram: &Histogram) -> Vec<Bar> {
    let n = histogram.n() as f64;
    let scheme = histogram.scheme();
    let filled = histogram
        .counts()
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0);
    filled
        .map(|(index, &count)| {
            let index = index as u16;
            Bar {
                low: scheme.lower_edge(index),
                high: scheme.upper_edge(index),
                share: count as f64 / n,
            }
        })
        .collect()
}

/// The share of values up to and including `limit`, interpolated inside its bucket; `None` when empty.
fn share_at_most(histogram: &Histogram, limit: f64) -> Option<f64> {
    let n = histogram.n();
    let scheme = histogram.scheme();
    // A grid value stands for everything up to half a step above it.
    let limit = if scheme == Scheme::Grid {
        limit + GRID_HALF_STEP_MS
    } else {
        limit
    };
    let below: f64 = histogram
        .counts()
        .iter()
        .enumerate()
        .map(|(index, &count)| {
            let index = index as u16;
            // Bucket 1 also holds everything down to zero.
            let (low, high) = (
                if index == 1 {
                    0.0
                } else {
                    scheme.lower_edge(index)
                },
                scheme.upper_edge(index),
            );
            let inside = if high <= limit {
                1.0
            } else {
                ((limit - low) / (high - low)).clamp(0.0, 1.0)
            };
            inside * count as f64
        })
        .sum();
    (n > 0).then(|| (below / n as f64).min(1.0))
}

fn unit(vital: Vital) -> &'static str {
    match vital {
        Vital::Cls => "",
        Vital::Memory => "bytes",
        _ => "ms",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vital: Vital, values: impl IntoIterator<Item = f64>) -> Histogram {
        let mut histogram = Histogram::new(Scheme::of_vital(vital));
        for value in values {
            histogram.record(value, 1);
        }
        histogram
    }

    #[test]
    fn shares_are_close_to_a_count_of_the_values() {
        let values: Vec<f64> = (1..=10_000).map(f64::from).collect();
        let found = shares(Vital::Lcp, &of(Vital::Lcp, values)).expect("LCP has limits");
        assert!(
            (found.good - 0.25).abs() < 0.004 && (found.poor - 0.60).abs() < 0.004,
            "{found:?}"
        );
        assert!((found.good + found.needs_improvement + found.poor - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_value_on_the_limit_is_good() {
        assert_eq!(
            shares(Vital::Fid, &of(Vital::Fid, [96.0; 4])).map(|shares| shares.good),
            Some(1.0)
        );
        // 200 and 208 share a bucket; the limit lies between them.
        let found = shares(Vital::Inp, &of(Vital::Inp, [200.0, 208.0])).expect("INP has limits");
        assert!((found.good - 0.5).abs() < 1e-9, "{found:?}");
        assert_eq!(
            shares(Vital::Cls, &of(Vital::Cls, [0.0; 9])).map(|shares| shares.good),
            Some(1.0)
        );
        assert_eq!(shares(Vital::Memory, &of(Vital::Memory, [1e7])), None);
    }

    #[test]
    fn a_summary_says_how_sure_it_is() {
        let few = summarise(
            Vital::Lcp,
            &of(Vital::Lcp, (0..20).map(|i| 1000.0 + f64::from(i) * 100.0)),
        )
        .expect("not empty");
        let many = summarise(
            Vital::Lcp,
            &of(Vital::Lcp, (0..2000).map(|i| 1000.0 + f64::from(i))),
        )
        .expect("not empty");
        assert!(few.low_sample && !many.low_sample);
        assert!(few.p75_low < few.p75 && few.p75 < few.p75_high);
        assert!(many.p75_high - many.p75_low < few.p75_high - few.p75_low);
        assert_eq!(summarise(Vital::Lcp, &of(Vital::Lcp, [])), None);
    }

    #[test]
    fn a_band_needs_enough_steps() {
        let point = |i: i64| Point {
            at_ms: i,
            n: 9,
            p75: i as f64,
            good: None,
        };
        assert_eq!(band(&(0..9).map(point).collect::<Vec<_>>()), None);
        assert_eq!(
            band(&(0..=100).map(point).collect::<Vec<_>>()),
            Some(Band {
                low: 10.0,
                high: 90.0
            })
        );
    }
}

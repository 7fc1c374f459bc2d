//! The shape of a series: its trend, its percentiles, its distribution, and the band in which it usually lies. Pure.

use detect::histogram::{Histogram, Scheme};
use serde::Serialize;
use utoipa::ToSchema;
use wire::Vital;

use super::export::record;
use super::summary::{histogram, shares};
use crate::store::queries::StepVitalRow;

/// A band needs this many steps before its ends mean anything.
const MIN_BAND_STEPS: usize = 10;
/// The band holds four fifths of the baseline's steps.
const BAND_SHARES: (f64, f64) = (0.1, 0.9);

/// One step of a trend.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Point {
    pub at_ms: i64,
    pub n: u64,
    /// The asked percentile of the step's page views; the 75th where none is asked for.
    pub value: f64,
    /// Share of page views rated good; null for MEMORY.
    pub good: Option<f64>,
}

record!(Point: at_ms n value good);

/// A percentile as read from buckets. It is interpolated; the exact one lies from `low` to `high`, the edges of its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Percentile {
    pub percentile: u8,
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// Where the p75 of a step of the baseline usually lies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Band {
    pub low: f64,
    pub high: f64,
}

/// One bar of a distribution: the share of page views with a value from `low` to `high`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Bar {
    pub low: f64,
    pub high: f64,
    pub share: f64,
}

record!(Bar: low high share);

/// The given percentiles (1 to 99); none of an empty histogram.
pub fn percentiles(histogram: &Histogram, asked: &[u8]) -> Vec<Percentile> {
    let read = |&percentile: &u8| {
        let found = histogram.quantile(f64::from(percentile) / 100.0)?;
        Some(Percentile {
            percentile,
            value: found.value,
            low: found.low,
            high: found.high,
        })
    };
    asked.iter().filter_map(read).collect()
}

pub fn points(vital: Vital, percentile: u8, steps: &[StepVitalRow]) -> Vec<Point> {
    let of_vital = steps.iter().filter(|step| step.vital == vital.name());
    of_vital
        .filter_map(|step| {
            let histogram = histogram(vital, &step.buckets);
            let found = histogram.quantile(f64::from(percentile) / 100.0)?;
            Some(Point {
                at_ms: step.at_ms,
                n: histogram.n(),
                value: found.value,
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
    let mut values: Vec<f64> = points.iter().map(|point| point.value).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_lies_within_its_bounds() {
        let mut histogram = Histogram::new(Scheme::of_vital(Vital::Lcp));
        for value in 1..=1_000 {
            histogram.record(f64::from(value), 1);
        }
        let asked: Vec<u8> = (1..=99).collect();
        let found = percentiles(&histogram, &asked);
        assert_eq!(found.len(), 99);
        for one in &found {
            let exact = f64::from(one.percentile) * 10.0;
            assert!(one.low <= exact && exact <= one.high, "{one:?}");
            assert!(one.low <= one.value && one.value <= one.high, "{one:?}");
        }
        assert!(found.windows(2).all(|pair| pair[0].value < pair[1].value));
        assert_eq!(percentiles(&Histogram::new(Scheme::Grid), &asked), []);
    }

    #[test]
    fn a_band_needs_enough_steps() {
        let point = |i: i64| Point {
            at_ms: i,
            n: 9,
            value: i as f64,
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

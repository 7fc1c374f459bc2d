//! What a histogram says to a reader in one line: p75 with its interval, shares by rating, whether that is good. Pure.
//!
//! Shares at the published limits are interpolated inside the one bucket that holds the limit, so each is off by at most that
//! bucket's share of the page views. INP and FID lie on a grid of 8 ms whose limits are grid values, and are exact up to 192 ms.

use detect::histogram::{Histogram, Scheme};
use serde::Serialize;
use utoipa::ToSchema;
use wire::Vital;

/// Below this the p75 rests on fewer than a dozen slow page views; the page says so instead of rating it.
const LOW_SAMPLE_N: u64 = 50;
/// Two-sided 95 %.
const INTERVAL_Z: f64 = 1.96;
/// INP and FID come on this grid (vitals are rounded to 8 ms by browsers).
const GRID_HALF_STEP_MS: f64 = 4.0;

/// One vital over a range.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Shares {
    pub good: f64,
    pub needs_improvement: f64,
    pub poor: f64,
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

pub fn unit(vital: Vital) -> &'static str {
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
}

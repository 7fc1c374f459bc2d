//! From an alarm to what a person needs to know: how much it moved since it began, and how large it is in the vital's unit.

use std::ops::Range;

use crate::baseline::BaselineHours;
use crate::change_point::{ChangePoint, SET_DROP, change_point};
use crate::compare::{Bounded, Comparison, StratumPair, compare, ln_edges, standardised_quantile};
use crate::detail::AboveZero;
use crate::histogram::{Histogram, Scheme};
use crate::memory::{Leak, MINUTES_PER_HOUR, leak};
use crate::series::{History, Hour};

/// The size of a finding is read from at most this many hours after the change: one week holds each weekday once.
const MAX_SIZE_HOURS: Hour = 168;

/// Where the change lies, with residuals negated for drops by the caller; and the mean shift since then.
pub fn locate(residual: &[f64], weight: &[f64], at: usize, first_hour: Hour) -> (ChangePoint, f64) {
    let found = change_point(residual, weight, at, first_hour, SET_DROP);
    let since = (found.hour - first_hour).max(0) as usize;
    let total: f64 = weight[since..=at].iter().sum();
    let mean = (since..=at).map(|h| weight[h] * residual[h]).sum::<f64>() / total.max(1e-12);
    (found, mean)
}

/// The hours a change's size is read from, up to and with `last`. From a day on, whole days only: their daily cycle then
/// equals the baseline's.
pub fn size_hours(change_point: Hour, last: Hour) -> Range<Hour> {
    let length = (last + 1 - change_point).clamp(1, MAX_SIZE_HOURS);
    let length = if length >= 24 {
        length / 24 * 24
    } else {
        length
    };
    last + 1 - length..last + 1
}

/// How large a change is, in the vital's unit and in what the series' own comparison adds.
#[derive(Clone, Debug, PartialEq)]
pub struct Size {
    pub comparison: Comparison,
    pub above_zero: Option<AboveZero>,
    pub leak: Option<Leak>,
}

/// Both sides of `hours`, for one series or, for the app-level series, with all routes as strata.
pub fn sides(members: &[(&History, &BaselineHours)], hours: Range<Hour>) -> Vec<StratumPair> {
    let length = hours.end - hours.start;
    // A part of a day is compared with the same hours of the baseline's days, or the night would look like a change.
    let same_hours = |hour: Hour| length >= 24 || (hour - hours.start).rem_euclid(24) < length;
    let mut pairs = Vec::new();
    for (history, baseline) in members {
        let wanted = |hour: Hour| baseline.contains(hour) && same_hours(hour);
        let mut before = history.histograms(baseline.window.clone(), wanted);
        for (stratum, current) in history.histograms(hours.clone(), |_| true) {
            let baseline = before
                .remove(stratum)
                .unwrap_or_else(|| Histogram::new(history.key.scheme()));
            pairs.push(StratumPair { baseline, current });
        }
    }
    pairs
}

/// Current against baseline p75.
pub fn size(pairs: &[StratumPair], inflation: f64) -> Option<Size> {
    Some(Size {
        comparison: compare(pairs, inflation)?,
        above_zero: None,
        leak: None,
    })
}

/// The same, of a series in two parts.
pub fn size_in_parts(pairs: &[StratumPair], inflation: f64) -> Option<Size> {
    let edges = ln_edges(pairs.first()?.baseline.scheme());
    let share = |side: fn(&StratumPair) -> &Histogram| {
        let (mut share, mut weights) = (0.0, 0.0);
        for pair in pairs.iter().filter(|pair| is_on_both_sides(pair)) {
            let (weight, n) = (pair.baseline.n() as f64, side(pair).n() as f64);
            share += weight * (1.0 - side(pair).counts()[0] as f64 / n);
            weights += weight;
        }
        share / weights.max(1.0)
    };
    let p75 = |side: fn(&StratumPair) -> &Histogram| {
        let above: Vec<(f64, Vec<u64>)> = pairs
            .iter()
            .filter(|pair| is_on_both_sides(pair))
            .map(|pair| {
                let weight = above_zero(&pair.baseline).iter().sum::<u64>() as f64;
                (weight, above_zero(side(pair)))
            })
            .collect();
        let strata: Vec<(f64, &[u64])> = above
            .iter()
            .map(|(weight, counts)| (*weight, &counts[..]))
            .collect();
        standardised_quantile(&strata, &edges, 0.75, 1.0, 0.0).map_or(0.0, |found| found.value)
    };
    Some(Size {
        comparison: compare(pairs, inflation)?,
        above_zero: Some(AboveZero {
            share_before: share(|pair| &pair.baseline),
            share_after: share(|pair| &pair.current),
            p75_before: p75(|pair| &pair.baseline),
            p75_after: p75(|pair| &pair.current),
        }),
        leak: None,
    })
}

/// Growth now against growth then. `heap` is what the page usually takes, bytes: the ratio is that of its size at the end of a visit of
/// `visit_minutes`. Where it is not known there is no ratio, and the finding speaks in megabytes alone.
pub fn size_of_leak(
    pairs: &[StratumPair],
    inflation: f64,
    heap: Option<f64>,
    visit_minutes: f64,
) -> Option<Size> {
    let mut sides = [
        Histogram::new(Scheme::Growth),
        Histogram::new(Scheme::Growth),
    ];
    for pair in pairs.iter().filter(|pair| is_on_both_sides(pair)) {
        sides[0].merge(&pair.baseline);
        sides[1].merge(&pair.current);
    }
    let [before, after] = &sides;
    let found = leak(before, after, inflation, visit_minutes)?;
    let heap_mb = heap.filter(|heap| *heap > 0.0).map(|heap| heap / 1e6);
    let ratio = |mb: f64| heap_mb.map_or(1.0, |heap| ((heap + mb) / heap).max(0.0));
    let by_visit = found.increase_mb_per_visit;
    let p75 = |side: &Histogram| side.quantile(0.75).map_or(0.0, |found| found.value);
    Some(Size {
        comparison: Comparison {
            ratio: Bounded {
                value: ratio(by_visit.value),
                low: ratio(by_visit.low),
                high: ratio(by_visit.high),
            },
            baseline_p75: p75(before),
            current_p75: p75(after),
            baseline_n: before.n(),
            current_n: after.n(),
            shift: found.increase_mb_per_hour.value / MINUTES_PER_HOUR,
            p_value: (2.0 * found.p_value.min(1.0 - found.p_value)).clamp(0.0, 1.0),
        },
        above_zero: None,
        leak: Some(found),
    })
}

fn is_on_both_sides(pair: &StratumPair) -> bool {
    pair.baseline.n() > 0 && pair.current.n() > 0
}

fn above_zero(side: &Histogram) -> Vec<u64> {
    let mut counts = side.counts().to_vec();
    counts[0] = 0;
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_whole_days() {
        assert_eq!(size_hours(100, 105), 100..106);
        assert_eq!(size_hours(100, 150), 103..151);
        assert_eq!(size_hours(0, 1_000), 833..1_001);
        assert_eq!(size_hours(110, 105), 105..106);
    }
}

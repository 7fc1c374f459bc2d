//! From an alarm to what a person needs to know: how much it moved since it began, and how large it is in the vital's unit.

use std::ops::Range;

use crate::baseline::BaselineHours;
use crate::change_point::{ChangePoint, SET_DROP, change_point};
use crate::compare::{Comparison, StratumPair, compare};
use crate::histogram::Histogram;
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

/// Current against baseline p75 over `hours`, for one series or, for the app-level series, over all routes as strata.
pub fn size(
    members: &[(&History, &BaselineHours)],
    hours: Range<Hour>,
    inflation: f64,
) -> Option<Comparison> {
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
    compare(&pairs, inflation)
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

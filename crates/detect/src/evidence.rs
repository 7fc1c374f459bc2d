//! From an alarm to what a person needs to know: when it began, how large it is, which release fits.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::baseline::BaselineHours;
use crate::change_point::{ChangePoint, SET_DROP, change_point};
use crate::compare::{Comparison, StratumPair, compare};
use crate::histogram::Histogram;
use crate::policy::Policy;
use crate::series::{History, Hour};

/// The size of a finding is read from at most this many hours after the change: one week holds each weekday once.
const MAX_SIZE_HOURS: Hour = 168;
/// A release reaches its visitors over some hours: its first beacon may come so long before the step that it causes.
const RAMP_HOURS: Hour = 3;

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

/// When each release of an app was first seen on any of its series.
pub fn first_seen<'h>(histories: impl Iterator<Item = &'h History>) -> BTreeMap<&'h str, Hour> {
    let mut first = BTreeMap::new();
    for release in histories.flat_map(|history| history.releases()) {
        let Some(hour) = release.first_hour() else {
            continue;
        };
        let entry = first.entry(release.name.as_str()).or_insert(hour);
        *entry = hour.min(*entry);
    }
    first.retain(|name, _| !name.is_empty());
    first
}

/// The release whose first beacon lies in the change-point set, or just before it, and that a fair share of the page views since then came
/// from; of several the likeliest. `None` is an answer: the cause may be a CDN, a third party or the backend.
pub fn blame(
    members: &[&History],
    first_seen: &BTreeMap<&str, Hour>,
    change: &ChangePoint,
    last: Hour,
    policy: &Policy,
) -> Option<String> {
    let views_of = |name: Option<&str>, hours: &Range<Hour>| -> u64 {
        let releases = members.iter().flat_map(|history| history.releases());
        releases
            .filter(|release| name.is_none_or(|name| release.name == name))
            .map(|release| release.n(hours.clone()))
            .sum()
    };
    let mut best: Option<(f64, &str)> = None;
    for (name, first) in first_seen {
        if !(change.low() - RAMP_HOURS..=change.high()).contains(first) {
            continue;
        }
        let hours = *first..last + 1;
        let share = views_of(Some(name), &hours) as f64 / views_of(None, &hours).max(1) as f64;
        let ramp = *first..=*first + RAMP_HOURS;
        let strength = change
            .set
            .iter()
            .zip(&change.strength)
            .filter(|(hour, _)| ramp.contains(hour));
        let score = strength.fold(0.0, |best: f64, (_, strength)| best.max(*strength));
        if share >= policy.release_min_share && best.is_none_or(|(top, _)| score > top) {
            best = Some((score, name));
        }
    }
    best.map(|(_, name)| name.to_owned())
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

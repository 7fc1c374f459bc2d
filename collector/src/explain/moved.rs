//! Which other series of the route moved in the same hours. Days scatter, so a series moved when its mean left what its own days before
//! scatter by; no error rate is claimed.

use std::collections::BTreeMap;

use detect::{Histogram, Kind, Scheme, SeriesKey};
use serde::Serialize;
use utoipa::ToSchema;

use super::windows::Subject;
use crate::store::around::DayValue;

/// Days before the change that must have page views, to see how days scatter.
const MIN_DAYS: usize = 4;
const MIN_N: u64 = 100;
/// Smaller moves are not worth naming.
const MIN_SHIFT: f64 = 0.03;
/// Days that by chance are nearly alike scatter by at least this.
const MIN_DAY_SCATTER: f64 = 0.01;
/// How many of its own scatter a move must be. With six degrees of freedom one quiet series in 400 does by chance.
const MIN_T: f64 = 5.0;

/// A series that moved with the finding.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Moved {
    /// `vital` or `operation`.
    pub kind: &'static str,
    pub vital: String,
    pub p75_before: f64,
    pub p75_after: f64,
    /// After over before: 1.20 is 20 % more.
    pub change_ratio: f64,
}

/// The others that moved, the largest move first.
pub fn moved(subject: &Subject, days: &[DayValue]) -> Vec<Moved> {
    let mut by_series: BTreeMap<(&str, &str), Vec<&DayValue>> = BTreeMap::new();
    for day in days {
        let is_own = day.kind == subject.key.kind.name() && day.vital == subject.key.vital;
        if !is_own {
            let days = by_series.entry((&day.kind, &day.vital)).or_default();
            days.push(day);
        }
    }
    let mut found: Vec<(f64, Moved)> = by_series
        .into_iter()
        .filter_map(|((kind, vital), days)| {
            let key = SeriesKey {
                kind: Kind::from_name(kind)?,
                vital: vital.to_owned(),
                ..subject.key.clone()
            };
            // Growth has no ratio.
            (!key.is_growth()).then(|| of_series(&key, &days))?
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, moved)| moved).collect()
}

/// The size of the move and its description, when it is one.
fn of_series(key: &SeriesKey, days: &[&DayValue]) -> Option<(f64, Moved)> {
    let scheme = key.scheme();
    let mean_of = |day: &&DayValue| {
        let n: u64 = day.buckets.iter().map(|(_, count)| count).sum();
        let sum: f64 = day
            .buckets
            .iter()
            .map(|(index, count)| *count as f64 * log_of(scheme, *index))
            .sum();
        (n > 0).then(|| sum / n as f64)
    };
    let side = |is_after: bool| {
        let days: Vec<&DayValue> = days
            .iter()
            .copied()
            .filter(|day| (day.day >= 0) == is_after)
            .collect();
        let means: Vec<f64> = days.iter().filter_map(mean_of).collect();
        let mut all = Histogram::new(scheme);
        for (index, count) in days.iter().flat_map(|day| &day.buckets) {
            all.add(*index, *count);
        }
        (means, all)
    };
    let ((before, all_before), (after, all_after)) = (side(false), side(true));
    if before.len() < MIN_DAYS || after.is_empty() || all_before.n().min(all_after.n()) < MIN_N {
        return None;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_before, mean_after) = (mean(&before), mean(&after));
    let square = |value: &f64| (value - mean_before).powi(2);
    let variance = before.iter().map(square).sum::<f64>() / (before.len() - 1) as f64;
    let stddev = variance.sqrt().max(MIN_DAY_SCATTER)
        * (1.0 / before.len() as f64 + 1.0 / after.len() as f64).sqrt();
    let shift = mean_after - mean_before;
    if shift.abs() < MIN_SHIFT || shift.abs() / stddev < MIN_T {
        return None;
    }
    let p75 = |all: &Histogram| all.quantile(0.75).map(|quantile| quantile.value);
    let (p75_before, p75_after) = (p75(&all_before)?, p75(&all_after)?);
    let moved = Moved {
        kind: key.kind.name(),
        vital: key.vital.clone(),
        p75_before,
        p75_after,
        change_ratio: shift.exp(),
    };
    Some((shift.abs(), moved))
}

/// A zero counts as the smallest value there is.
fn log_of(scheme: Scheme, index: u16) -> f64 {
    scheme.midpoint(index.max(1)).ln()
}

#[cfg(test)]
mod tests {
    use super::super::windows::tests::subject;
    use super::*;

    fn day(vital: &str, day: i64, bucket: u16) -> DayValue {
        let kind = if wire::Vital::from_name(vital).is_some() {
            "vital"
        } else {
            "operation"
        };
        DayValue {
            kind: kind.into(),
            vital: vital.into(),
            day,
            buckets: vec![(bucket, 100)],
        }
    }

    #[test]
    fn what_left_its_own_scatter_has_moved() {
        let mut days = Vec::new();
        for number in -7..2 {
            let is_after = number >= 0;
            // The finding's own series, one that moved with it, one that scatters as much as it moved, one that did not move.
            days.push(day("LCP", number, if is_after { 99 } else { 90 }));
            days.push(day("GET /api/cart", number, if is_after { 85 } else { 80 }));
            days.push(day(
                "INP",
                number,
                (30 + number.rem_euclid(5)) as u16 + u16::from(is_after),
            ));
            days.push(day("TTFB", number, 70));
        }
        let found = moved(&subject("LCP", 1.0), &days);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].kind, found[0].vital.as_str()),
            ("operation", "GET /api/cart")
        );
        assert!((found[0].change_ratio - 1.08_f64.powi(5)).abs() < 1e-9);
    }

    #[test]
    fn too_few_days_say_nothing() {
        let days: Vec<DayValue> = (-2..1)
            .map(|number| day("FCP", number, 50 + 9 * u16::from(number == 0)))
            .collect();
        assert_eq!(moved(&subject("LCP", 1.0), &days), []);
    }
}

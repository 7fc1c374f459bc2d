//! Who carries a change: it is taken apart into the parts of a whole, exactly.
//!
//! The mean of the logarithms before and after differ by the sum, over the parts, of `share after x (part after - all before) - share
//! before x (part before - all before)`. A part that itself became slower contributes, and so does one that is slow and became more frequent.
//! Over everybody alike a part contributes what it has of the page views; only a part that contributes much more than that carries it.

use std::collections::BTreeMap;

use detect::{Histogram, Scheme};
use serde::Serialize;

use crate::store::around::Value;

/// A change of less is no change to take apart: the parts would be noise over noise.
const MIN_SHIFT: f64 = 0.01;
/// A part carries the change when this much of it is its own ...
const MIN_CHANGE_SHARE: f64 = 0.6;
/// ... and it is so many times its share of the page views: half as much again, or any larger part would carry what all have.
const MIN_CONCENTRATION: f64 = 1.5;
/// A part with fewer page views on both sides says nothing.
const MIN_N: u64 = 20;

/// One part of a whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    pub name: String,
    pub n_before: u64,
    pub n_after: u64,
    /// In the vital's unit; null without page views.
    pub p75_before: Option<f64>,
    pub p75_after: Option<f64>,
    /// Of the page views before, and after.
    pub share_before: f64,
    pub share_after: f64,
    /// Of the change; below 0 for a part that went the other way. All parts together are 1.
    pub change_share: f64,
}

/// A change by the values of one dimension.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dimension {
    pub dimension: String,
    /// The value that carries the change; empty when it is spread as the page views are.
    pub carried_by: String,
    /// The largest share of the change first.
    pub values: Vec<Share>,
}

impl Share {
    fn carries(&self) -> bool {
        let views = self.share_after.max(self.share_before);
        self.change_share >= MIN_CHANGE_SHARE
            && self.change_share >= MIN_CONCENTRATION * views
            && self.n_after >= MIN_N
    }
}

/// The change of a vital by each dimension; first those with a value that carries it.
pub fn dimensions(scheme: Scheme, sign: f64, values: &[Value]) -> Vec<Dimension> {
    let mut by_dimension: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for value in values {
        by_dimension.entry(&value.what).or_default().push(value);
    }
    let mut found: Vec<Dimension> = by_dimension
        .into_iter()
        .map(|(dimension, values)| {
            let values = shares(scheme, sign, &values);
            let carrier = values.first().filter(|first| first.carries());
            Dimension {
                dimension: dimension.to_owned(),
                carried_by: carrier.map(|one| one.name.clone()).unwrap_or_default(),
                values,
            }
        })
        // A single value carries everything and explains nothing.
        .filter(|dimension| dimension.values.len() > 1)
        .collect();
    found.sort_by_key(|dimension| dimension.carried_by.is_empty());
    found
}

/// The parts of one whole, by their share of the change; none when there is no change in the direction of `sign`.
pub fn shares(scheme: Scheme, sign: f64, values: &[&Value]) -> Vec<Share> {
    let mut parts: BTreeMap<&str, [Part; 2]> = BTreeMap::new();
    for value in values {
        let sides = parts
            .entry(&value.name)
            .or_insert_with(|| [Part::new(scheme), Part::new(scheme)]);
        sides[usize::from(value.after.min(1))].add(&value.buckets);
    }
    let total = |side: usize| parts.values().map(|sides| sides[side].n).sum::<f64>();
    let (n_before, n_after) = (total(0), total(1));
    if n_before == 0.0 || n_after == 0.0 {
        return Vec::new();
    }
    let mean =
        |side: usize, n: f64| parts.values().map(|sides| sides[side].log_sum).sum::<f64>() / n;
    let (before, after) = (mean(0, n_before), mean(1, n_after));
    let change = after - before;
    if sign * change < MIN_SHIFT {
        return Vec::new();
    }
    let mut shares: Vec<Share> = parts
        .iter()
        .filter(|(_, [one, other])| one.n.max(other.n) >= MIN_N as f64)
        .map(|(name, [part_before, part_after])| {
            // Of the sum over its page views: none of them contribute nothing.
            let off = |part: &Part, n: f64| (part.log_sum - part.n * before) / n;
            Share {
                name: (*name).to_owned(),
                n_before: part_before.n as u64,
                n_after: part_after.n as u64,
                p75_before: part_before.p75(),
                p75_after: part_after.p75(),
                share_before: part_before.n / n_before,
                share_after: part_after.n / n_after,
                change_share: (off(part_after, n_after) - off(part_before, n_before)) / change,
            }
        })
        .collect();
    shares.sort_by(|a, b| b.change_share.total_cmp(&a.change_share));
    shares
}

/// One part on one side of the change.
struct Part {
    histogram: Histogram,
    n: f64,
    log_sum: f64,
}

impl Part {
    fn new(scheme: Scheme) -> Part {
        Part {
            histogram: Histogram::new(scheme),
            n: 0.0,
            log_sum: 0.0,
        }
    }

    fn add(&mut self, buckets: &[(u16, u64)]) {
        for (index, count) in buckets {
            self.histogram.add(*index, *count);
            self.n += *count as f64;
            self.log_sum += *count as f64 * log_of(self.histogram.scheme(), *index);
        }
    }

    fn p75(&self) -> Option<f64> {
        self.histogram.quantile(0.75).map(|quantile| quantile.value)
    }
}

/// A zero counts as the smallest value there is.
pub fn log_of(scheme: Scheme, index: u16) -> f64 {
    scheme.midpoint(index.max(1)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEME: Scheme = Scheme::Milliseconds;

    fn value(after: u8, what: &str, name: &str, ms: f64, n: u64) -> Value {
        Value {
            after,
            what: what.into(),
            name: name.into(),
            n,
            buckets: vec![(SCHEME.bucket_index(ms), n)],
        }
    }

    #[test]
    fn the_value_that_became_slower_carries_the_change() {
        let values = [
            value(0, "browser", "Firefox", 1000.0, 300),
            value(0, "browser", "Chrome", 1000.0, 700),
            value(1, "browser", "Firefox", 2000.0, 300),
            value(1, "browser", "Chrome", 1000.0, 700),
            value(0, "device", "mobile", 1000.0, 1000),
            value(1, "device", "mobile", 1000.0, 700),
            value(1, "device", "mobile", 2000.0, 300),
        ];
        let found = dimensions(SCHEME, 1.0, &values);
        // There is one device only: it says nothing.
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].carried_by, "Firefox");
        let [firefox, chrome] = &found[0].values[..] else {
            panic!("two browsers")
        };
        assert_eq!(
            (firefox.name.as_str(), chrome.name.as_str()),
            ("Firefox", "Chrome")
        );
        assert!((firefox.change_share - 1.0).abs() < 1e-9 && chrome.change_share.abs() < 1e-9);
        assert!(
            dimensions(SCHEME, -1.0, &values)[..]
                .iter()
                .all(|one| one.values.is_empty())
        );
    }

    #[test]
    fn a_change_of_all_is_carried_by_none() {
        let mut values = Vec::new();
        for (name, n) in [("DE", 900), ("FR", 100)] {
            values.push(value(0, "country", name, 1000.0, n));
            values.push(value(1, "country", name, 1500.0, n));
        }
        let found = dimensions(SCHEME, 1.0, &values);
        assert_eq!(found[0].carried_by, "");
        let share_of_change: f64 = found[0].values.iter().map(|one| one.change_share).sum();
        assert!((share_of_change - 1.0).abs() < 1e-9);
        assert!((found[0].values[0].change_share - 0.9).abs() < 1e-9);
    }

    #[test]
    fn a_slow_part_that_became_more_frequent_carries_it() {
        let values = [
            value(0, "element", "#text", 800.0, 950),
            value(0, "element", "#banner", 2400.0, 50),
            value(1, "element", "#text", 800.0, 600),
            value(1, "element", "#banner", 2400.0, 400),
        ];
        let all: Vec<&Value> = values.iter().collect();
        let found = shares(SCHEME, 1.0, &all);
        assert_eq!(found[0].name, "#banner");
        assert!(found[0].change_share > 0.9, "{found:?}");
        assert_eq!((found[0].share_before, found[0].share_after), (0.05, 0.4));
    }

    #[test]
    fn nothing_is_said_about_nothing() {
        assert_eq!(shares(SCHEME, 1.0, &[]), []);
        let only_before = value(0, "os", "Linux", 5.0, 100);
        assert_eq!(shares(SCHEME, 1.0, &[&only_before]), []);
        let same = value(1, "os", "Linux", 5.0, 100);
        assert_eq!(shares(SCHEME, 1.0, &[&only_before, &same]), []);
    }
}

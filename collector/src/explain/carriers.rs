//! Who carries a change: the page views around it split by what is known of them, each part with what it moved *beyond the others*.
//!
//! The statistics are [`detect::drill`]'s: a part is named only when it surely carries much of the change, paid for over everything
//! that was looked at. A part that moved as all others did contributes nothing of its own, however large it is.

use std::collections::BTreeMap;

use detect::drill::{Carrier, Cause, Question, Slice, drill, effects, whole_shift};
use detect::score::Ridits;
use detect::{Direction, Histogram, Scheme};
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::around::{DayValue, Value};

/// A change of less is no change to take apart: the parts would be noise over noise.
const MIN_SHIFT: f64 = 0.01;
/// Chance that anything is named when all moved alike.
const ALPHA: f64 = 0.05;
/// A part is named when it surely has this much of the change; what it is estimated to have is then mostly a third and more.
const MIN_SURE_SHARE: f64 = 0.1;
/// A part with fewer page views on both sides is not shown.
const MIN_N: u64 = 20;
/// Days before the change that must have page views, to see how days scatter.
const MIN_DAYS: usize = 4;
/// Variance of page views relative to independent ones, at least: visits of several page views measure as 1.5 to 2.4.
const MIN_INFLATION: f64 = 2.0;

/// One part of a whole.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
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
    /// Of the change: what it moved beyond the others and what its changed share comes to. Near 0 for all parts when all moved alike;
    /// below 0 for one that went the other way.
    pub change_share: f64,
    /// How far its own page views moved, of the change; what blames a part that is nearly the whole.
    #[serde(skip)]
    pub own_share: f64,
}

/// A change by the values of one dimension.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Dimension {
    pub dimension: String,
    /// The value that carries the change; empty when it is spread as the page views are.
    pub carried_by: String,
    /// `shift`: its page views became slower; `mix`: there are more of them, or fewer. Empty when nothing carries the change.
    pub cause: &'static str,
    /// The largest share of the change first.
    pub values: Vec<Share>,
}

/// The change by each dimension of more than one value (a single one is everything and explains nothing); first those with a value that
/// carries it. `inflation` is that of [`inflation`].
pub fn dimensions(scheme: Scheme, sign: f64, values: &[Value], inflation: f64) -> Vec<Dimension> {
    let mut found = apart(scheme, sign, values, inflation);
    found.retain(|dimension| dimension.values.len() > 1);
    found
}

/// The same with dimensions of one value.
pub fn apart(scheme: Scheme, sign: f64, values: &[Value], inflation: f64) -> Vec<Dimension> {
    let direction = if sign > 0.0 {
        Direction::Regression
    } else {
        Direction::Improvement
    };
    let sides = sides(scheme, values);
    let slices: Vec<Slice<'_>> = sides.iter().map(Sides::slice).collect();
    let by_dimension = slices.chunk_by(|a, b| a.dimension == b.dimension);
    let wholes: BTreeMap<&str, f64> = by_dimension
        .filter_map(|of_one| Some((of_one[0].dimension, whole(scheme, of_one)?)))
        .filter(|(_, shift)| direction.sign() * shift >= MIN_SHIFT)
        .collect();
    let total = wholes
        .values()
        .fold(0.0, |most, shift| shift.abs().max(most));
    let question = Question {
        direction,
        inflation,
        alpha: ALPHA,
        margin: MIN_SURE_SHARE * total,
    };
    let named = drill(&slices, question);
    let all = effects(&slices, question);
    let mut found: Vec<Dimension> = wholes
        .iter()
        .map(|(dimension, whole)| {
            let carrier = named.iter().find(|one| one.dimension == *dimension);
            let mut values: Vec<Share> = sides
                .iter()
                .filter(|one| one.what == *dimension && one.before.n().max(one.after.n()) >= MIN_N)
                .map(|one| one.share(&all, *whole))
                .collect();
            values.sort_by(|a, b| b.change_share.total_cmp(&a.change_share));
            Dimension {
                dimension: (*dimension).to_owned(),
                carried_by: carrier.map_or(String::new(), |one| one.value.to_owned()),
                cause: carrier.map_or("", |one| name(one.cause)),
                values,
            }
        })
        .collect();
    let rank = |dimension: &Dimension| {
        let place = named
            .iter()
            .position(|one| one.dimension == dimension.dimension);
        place.unwrap_or(usize::MAX)
    };
    found.sort_by_key(rank);
    found
}

/// How much wider than by independent page views the days before a change scatter: of visits, and of days that differ.
pub fn inflation(scheme: Scheme, days: &[&DayValue]) -> f64 {
    let before: Vec<Histogram> = days
        .iter()
        .filter(|day| day.day < 0)
        .map(|day| filled(scheme, [&day.buckets[..]].into_iter()))
        .filter(|day| day.n() > 0)
        .collect();
    let mut all = Histogram::new(scheme);
    before.iter().for_each(|day| all.merge(day));
    let Some(ridits) = Ridits::new(all.counts(), &scheme.inverse_widths()) else {
        return MIN_INFLATION;
    };
    if before.len() < MIN_DAYS || ridits.variance <= 0.0 {
        return MIN_INFLATION;
    }
    let relative_square = |day: &Histogram| {
        let cells = day.counts().iter().zip(&ridits.centred);
        let sum: f64 = cells.map(|(count, score)| *count as f64 * score).sum();
        // (sum / n)^2 against variance / n.
        sum * sum / (day.n() as f64 * ridits.variance)
    };
    let sum: f64 = before.iter().map(relative_square).sum();
    (sum / (before.len() - 1) as f64).max(MIN_INFLATION)
}

const fn name(cause: Cause) -> &'static str {
    match cause {
        Cause::Shift => "shift",
        Cause::Mix => "mix",
    }
}

/// One value of a dimension before and after.
struct Sides<'a> {
    what: &'a str,
    name: &'a str,
    before: Histogram,
    after: Histogram,
}

impl Sides<'_> {
    fn slice(&self) -> Slice<'_> {
        Slice {
            dimension: self.what,
            value: self.name,
            before: &self.before,
            after: &self.after,
        }
    }

    fn share(&self, all: &[Carrier<'_>], whole: f64) -> Share {
        let own: Vec<&Carrier<'_>> = all
            .iter()
            .filter(|one| one.dimension == self.what && one.value == self.name)
            .collect();
        let first = own.first();
        let contribution: f64 = own.iter().map(|one| one.contribution).sum();
        let p75 = |side: &Histogram| side.quantile(0.75).map(|quantile| quantile.value);
        Share {
            name: self.name.to_owned(),
            n_before: self.before.n(),
            n_after: self.after.n(),
            p75_before: p75(&self.before),
            p75_after: p75(&self.after),
            share_before: first.map_or(0.0, |one| one.before_share),
            share_after: first.map_or(0.0, |one| one.after_share),
            change_share: contribution / whole,
            own_share: first.map_or(0.0, |one| one.after_share * one.shift / whole),
        }
    }
}

/// (bucket index, page views)
type Cells = [(u16, u64)];

/// In order of dimension and name.
fn sides<'a>(scheme: Scheme, values: &'a [Value]) -> Vec<Sides<'a>> {
    let mut parts: BTreeMap<(&str, &str), [Vec<&Cells>; 2]> = BTreeMap::new();
    for value in values {
        let of_value = parts.entry((&value.what, &value.name)).or_default();
        of_value[usize::from(value.after.min(1))].push(&value.buckets);
    }
    parts
        .into_iter()
        .map(|((what, name), [before, after])| Sides {
            what,
            name,
            before: filled(scheme, before.into_iter()),
            after: filled(scheme, after.into_iter()),
        })
        .collect()
}

fn filled<'a>(scheme: Scheme, rows: impl Iterator<Item = &'a Cells>) -> Histogram {
    let mut out = Histogram::new(scheme);
    for (index, count) in rows.flatten() {
        out.add(*index, *count);
    }
    out
}

/// Log shift of all values of a dimension together.
fn whole(scheme: Scheme, slices: &[Slice<'_>]) -> Option<f64> {
    let mut sides = [Histogram::new(scheme), Histogram::new(scheme)];
    for slice in slices {
        sides[0].merge(slice.before);
        sides[1].merge(slice.after);
    }
    whole_shift(&sides[0], &sides[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEME: Scheme = Scheme::Milliseconds;

    /// Page views spread over a factor of four around `ms`.
    fn value(after: u8, what: &str, name: &str, ms: f64, n: u64) -> Value {
        let buckets = (0..20_u16).map(|step| {
            let value = ms * (f64::from(step) / 14.0 - 0.7).exp();
            let count = n / 20 + u64::from(u64::from(step) < n % 20);
            (SCHEME.bucket_index(value), count)
        });
        Value {
            after,
            what: what.into(),
            name: name.into(),
            n,
            buckets: buckets.collect(),
        }
    }

    #[test]
    fn the_value_that_became_slower_carries_the_change() {
        let values = [
            value(0, "browser", "Firefox", 1000.0, 3_000),
            value(0, "browser", "Chrome", 1000.0, 7_000),
            value(1, "browser", "Firefox", 2000.0, 300),
            value(1, "browser", "Chrome", 1000.0, 700),
            value(0, "device", "mobile", 1000.0, 10_000),
            value(1, "device", "mobile", 1000.0, 700),
            value(1, "device", "mobile", 2000.0, 300),
        ];
        let found = dimensions(SCHEME, 1.0, &values, MIN_INFLATION);
        // There is one device only: it says nothing.
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!(
            (found[0].carried_by.as_str(), found[0].cause),
            ("Firefox", "shift")
        );
        let [firefox, chrome] = &found[0].values[..] else {
            panic!("two browsers")
        };
        assert_eq!(
            (firefox.name.as_str(), chrome.name.as_str()),
            ("Firefox", "Chrome")
        );
        assert!((firefox.change_share - 1.0).abs() < 0.2, "{firefox:?}");
        assert!(
            chrome.change_share < 0.1 && chrome.own_share.abs() < 0.05,
            "{chrome:?}"
        );
        // Nothing became faster.
        assert_eq!(dimensions(SCHEME, -1.0, &values, MIN_INFLATION), []);
    }

    #[test]
    fn a_change_of_all_is_carried_by_none() {
        let mut values = Vec::new();
        for (name, n) in [("DE", 9_000), ("FR", 1_000)] {
            values.push(value(0, "country", name, 1000.0, n));
            values.push(value(1, "country", name, 1500.0, n));
        }
        let found = dimensions(SCHEME, 1.0, &values, MIN_INFLATION);
        assert_eq!((found[0].carried_by.as_str(), found[0].cause), ("", ""));
        for share in &found[0].values {
            assert!(share.change_share.abs() < 0.01, "{share:?}");
        }
        let own: f64 = found[0].values.iter().map(|one| one.own_share).sum();
        assert!((own - 1.0).abs() < 0.01, "{found:#?}");
    }

    #[test]
    fn a_slow_part_that_became_more_frequent_carries_it() {
        let values = [
            value(0, "element", "#text", 800.0, 950),
            value(0, "element", "#banner", 2400.0, 50),
            value(1, "element", "#text", 800.0, 600),
            value(1, "element", "#banner", 2400.0, 400),
        ];
        let found = dimensions(SCHEME, 1.0, &values, MIN_INFLATION);
        assert_eq!(
            (found[0].carried_by.as_str(), found[0].cause),
            ("#banner", "mix")
        );
        let banner = &found[0].values[0];
        assert_eq!((banner.share_before, banner.share_after), (0.05, 0.4));
        assert!(banner.change_share > 0.6, "{banner:?}");
    }

    /// The ranking that this replaced named the largest part of any noise; it needs evidence now.
    #[test]
    fn few_page_views_carry_nothing() {
        let values = [
            value(0, "browser", "Firefox", 1000.0, 600),
            value(0, "browser", "Chrome", 1000.0, 1_400),
            value(1, "browser", "Firefox", 1150.0, 40),
            value(1, "browser", "Chrome", 1000.0, 80),
        ];
        let found = dimensions(SCHEME, 1.0, &values, MIN_INFLATION);
        assert_eq!(found[0].carried_by, "", "{found:#?}");
        assert_eq!(found[0].values[0].name, "Firefox");
    }

    #[test]
    fn nothing_is_said_about_nothing() {
        assert_eq!(dimensions(SCHEME, 1.0, &[], MIN_INFLATION), []);
        let only_before = value(0, "os", "Linux", 5.0, 100);
        let one = [only_before.clone()];
        assert_eq!(dimensions(SCHEME, 1.0, &one, MIN_INFLATION), []);
        let same = [only_before, value(1, "os", "Linux", 5.0, 100)];
        assert_eq!(dimensions(SCHEME, 1.0, &same, MIN_INFLATION), []);
    }

    #[test]
    fn days_that_differ_widen_what_chance_does() {
        let days = |scatter: u16| -> Vec<DayValue> {
            (-7..2)
                .map(|day: i64| DayValue {
                    kind: "vital".into(),
                    vital: "LCP".into(),
                    day,
                    buckets: (0..20_u16)
                        .map(|step| (70 + step + scatter * (day.rem_euclid(2) as u16), 500))
                        .collect(),
                })
                .collect()
        };
        let of = |days: &[DayValue]| inflation(SCHEME, &days.iter().collect::<Vec<_>>());
        assert_eq!(of(&days(0)), MIN_INFLATION);
        assert!(of(&days(1)) > 20.0, "{}", of(&days(1)));
        assert_eq!(of(&days(1)[..3]), MIN_INFLATION);
    }
}

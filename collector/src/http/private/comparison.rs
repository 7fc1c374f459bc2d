//! Two groups of page views side by side: what is more than chance between them. Pure; the statistics are `detect::compare`'s, the same
//! that findings are sized by.

use std::collections::BTreeMap;

use detect::compare::{self, StratumPair};
use detect::fdr::benjamini_hochberg;
use detect::histogram::{Histogram, Scheme};
use serde::Serialize;
use utoipa::ToSchema;
use wire::Vital;

use super::export::record;
use super::summary;
use crate::store::queries::StratumRow;

/// Of all lines that stand out, at most this share does so by chance (Benjamini and Hochberg 1995).
const FALSE_DISCOVERY_RATE: f64 = 0.05;
/// Below this on either side a p75 rests on a dozen slow page views.
const LOW_SAMPLE_N: u64 = 50;

/// One vital of one route in both groups.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ComparisonLine {
    pub route: String,
    pub vital: &'static str,
    /// `ms`, `bytes` or empty (CLS).
    pub unit: &'static str,
    /// p75 over the strata (device, connection, delivery) that both groups have, mixed as in the baseline: a changed mix of visitors is no change.
    pub baseline_p75: f64,
    pub current_p75: f64,
    pub baseline_n: u64,
    pub current_n: u64,
    /// Current over baseline; with its 90 % interval.
    pub change_ratio: f64,
    pub change_low: f64,
    pub change_high: f64,
    /// Two-sided, of no shift at all. Page views of one session count as one where they do not differ.
    pub p_value: f64,
    /// Beyond what chance explains among all lines together: one in twenty of those is expected to be wrong.
    pub stands_out: bool,
    pub low_sample: bool,
    pub rating: Option<&'static str>,
}

record!(ComparisonLine: route vital unit baseline_p75 current_p75 baseline_n current_n change_ratio change_low change_high p_value stands_out
    low_sample rating);

/// One group of one series: histograms by stratum.
#[derive(Default)]
struct Group {
    strata: BTreeMap<String, Histogram>,
    n: u64,
    sessions: u64,
}

/// The lines of what both groups have, the least likely to be chance first, and how many series only one of them has.
pub fn compare(
    baseline: Vec<StratumRow>,
    current: Vec<StratumRow>,
) -> (Vec<ComparisonLine>, usize) {
    let (mut before, after) = (gather(baseline), gather(current));
    let (before_count, after_count) = (before.len(), after.len());
    let mut lines = Vec::new();
    for (key, after) in after {
        let before = before.remove(&key);
        lines.extend(before.and_then(|before| line(key, before, after)));
    }
    let alone = before_count + after_count - 2 * lines.len();
    let chances: Vec<f64> = lines.iter().map(|line| line.p_value).collect();
    let rejected = benjamini_hochberg(&chances, FALSE_DISCOVERY_RATE, None);
    for (line, rejected) in lines.iter_mut().zip(rejected) {
        line.stands_out = rejected && !line.low_sample;
    }
    lines.sort_by(|a, b| {
        let order = a.p_value.total_cmp(&b.p_value);
        order.then_with(|| (&a.route, a.vital).cmp(&(&b.route, b.vital)))
    });
    (lines, alone)
}

fn gather(rows: Vec<StratumRow>) -> BTreeMap<(String, Vital), Group> {
    let mut groups: BTreeMap<(String, Vital), Group> = BTreeMap::new();
    for row in rows {
        let Some(vital) = Vital::from_name(&row.vital) else {
            continue;
        };
        let group = groups.entry((row.route, vital)).or_default();
        group.n += row.n;
        group.sessions += row.sessions;
        let empty = || Histogram::new(Scheme::of_vital(vital));
        let stratum = group.strata.entry(row.stratum).or_insert_with(empty);
        for (index, count) in row.buckets {
            stratum.add(index, count);
        }
    }
    groups
}

fn line(key: (String, Vital), before: Group, mut after: Group) -> Option<ComparisonLine> {
    let (route, vital) = key;
    let inflation = inflation(&before).max(inflation(&after));
    let pairs: Vec<StratumPair> = before
        .strata
        .into_iter()
        .filter_map(|(stratum, baseline)| {
            Some(StratumPair {
                baseline,
                current: after.strata.remove(&stratum)?,
            })
        })
        .collect();
    let found = compare::compare(&pairs, inflation)?;
    Some(ComparisonLine {
        route,
        vital: vital.name(),
        unit: summary::unit(vital),
        baseline_p75: found.baseline_p75,
        current_p75: found.current_p75,
        baseline_n: found.baseline_n,
        current_n: found.current_n,
        change_ratio: found.ratio.value,
        change_low: found.ratio.low,
        change_high: found.ratio.high,
        p_value: found.p_value,
        stands_out: false,
        low_sample: found.baseline_n.min(found.current_n) < LOW_SAMPLE_N,
        rating: vital.rating(found.current_p75).map(|rating| rating.name()),
    })
}

/// The variance of real to independent page views at its largest: all page views of a session say the same.
fn inflation(group: &Group) -> f64 {
    group.n as f64 / group.sessions.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(
        route: &str,
        stratum: &str,
        values: impl Iterator<Item = f64>,
        sessions: u64,
    ) -> StratumRow {
        let mut histogram = Histogram::new(Scheme::of_vital(Vital::Lcp));
        values.for_each(|value| histogram.record(value, 1));
        let cells = histogram.counts().iter().enumerate();
        StratumRow {
            route: route.into(),
            vital: "LCP".into(),
            stratum: stratum.into(),
            n: histogram.n(),
            sessions,
            buckets: cells
                .filter(|(_, count)| **count > 0)
                .map(|(index, count)| (index as u16, *count))
                .collect(),
        }
    }

    fn spread(n: u32, factor: f64) -> impl Iterator<Item = f64> {
        (0..n).map(move |i| factor * 1_000.0 * (f64::from(i) / f64::from(n)).exp())
    }

    #[test]
    fn what_is_slower_stands_out_and_what_is_not_does_not() {
        let before = [
            row("/slow", "mobile", spread(2_000, 1.0), 2_000),
            row("/same", "mobile", spread(2_000, 1.0), 2_000),
            row("/gone", "mobile", spread(2_000, 1.0), 2_000),
        ];
        let after = [
            row("/slow", "mobile", spread(2_000, 1.2), 2_000),
            row("/same", "mobile", spread(2_000, 1.0), 2_000),
            row("/new", "mobile", spread(2_000, 1.0), 2_000),
        ];
        let (lines, alone) = compare(before.into(), after.into());
        assert_eq!((lines.len(), alone), (2, 2));
        assert_eq!(lines[0].route, "/slow");
        assert!((lines[0].change_ratio - 1.2).abs() < 0.03, "{:?}", lines[0]);
        assert!(lines[0].change_low < 1.2 && lines[0].change_high > 1.17);
        assert!(lines[0].stands_out && !lines[1].stands_out);
        assert!(lines[1].p_value > 0.5);
    }

    #[test]
    fn a_changed_mix_is_no_change() {
        let before = [
            row("/", "mobile", spread(1_000, 3.0), 1_000),
            row("/", "desktop", spread(3_000, 1.0), 3_000),
        ];
        let after = [
            row("/", "mobile", spread(3_000, 3.0), 3_000),
            row("/", "desktop", spread(1_000, 1.0), 1_000),
        ];
        let (lines, _) = compare(before.into(), after.into());
        assert!((lines[0].change_ratio - 1.0).abs() < 0.03, "{:?}", lines[0]);
        assert!(!lines[0].stands_out);
    }

    #[test]
    fn sessions_of_many_page_views_say_less() {
        let chance = |sessions| {
            let before = [row("/", "mobile", spread(400, 1.0), sessions)];
            let after = [row("/", "mobile", spread(400, 1.05), sessions)];
            compare(before.into(), after.into()).0[0].p_value
        };
        assert!(
            chance(100) > chance(400) * 2.0,
            "{} {}",
            chance(100),
            chance(400)
        );
    }

    #[test]
    fn a_handful_never_stands_out() {
        let before = [row("/", "mobile", spread(40, 1.0), 40)];
        let after = [row("/", "mobile", spread(40, 4.0), 40)];
        let (lines, _) = compare(before.into(), after.into());
        assert!(lines[0].low_sample && !lines[0].stands_out && lines[0].p_value < 0.01);
    }
}

//! Which release a change came with, or none.
//!
//! Every release that began while the change may have is one explanation: the shift rises with the share of page views that come from
//! it. That the change has nothing to do with a release is another, spread evenly over all hours. Bayes' rule weighs them. A
//! change that is placed badly is therefore not blamed on whatever was deployed that day, and naming none is an answer: the cause
//! may be a CDN, a third party or the backend.
//!
//! What changes together has mostly one cause. So what else of the app changed in the same hours, and what that was blamed on, is
//! known before the hours of this change are looked at.

use std::collections::BTreeMap;

use crate::change_point::{ChangePoint, Trace};
use crate::policy::Policy;
use crate::series::{History, Hour};

/// How likely a change comes with some release, before its hours are looked at: two of three do.
const RELEASE_PRIOR: f64 = 2.0 / 3.0;
/// How much that counts beside what other changes of the same hours were blamed on: as much as so many of them.
const PRIOR_CHANGES: f64 = 2.0;
/// A release is named when this likely. At one half it is likelier than everything else together.
const MIN_POSTERIOR: f64 = 0.5;

/// A release's share of the page views is taken over its first day: later ones are bound to replace it.
const SHARE_HOURS: usize = 24;

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

/// The release that explains the change better than all else does, if a fair share of the page views came from it. `beside` has an
/// element for each other change of the same hours: the release that it was blamed on, or an empty text.
pub fn blame(
    members: &[&History],
    first_seen: &BTreeMap<&str, Hour>,
    trace: &Trace,
    change: &ChangePoint,
    beside: &[&str],
    policy: &Policy,
) -> Option<String> {
    let hours = trace.hour_of(trace.range().start)..trace.hour_of(trace.range().end);
    let candidates: Vec<(&str, Hour)> = first_seen
        .iter()
        .filter(|(_, first)| hours.contains(first) && **first > hours.start)
        .map(|(name, first)| (*name, *first))
        .collect();
    if candidates.is_empty() {
        return None;
    }
    let views = Views::new(members, first_seen, hours.start, trace.range().len());
    // Likelihoods relative to the best hour's, so that none overflows.
    let best = change.strength.iter().copied().fold(0.0, f64::max);
    let likelihood = |strength: f64| ((strength - best).min(40.0) / 2.0).exp();
    let hours_count = trace.range().len().max(1) as f64;
    // A mixture of the two, as of a Dirichlet distribution and what was drawn from it: only the proportions matter.
    let blamed_on = |name: &str| beside.iter().filter(|other| **other == name).count() as f64;
    let elsewhere = (PRIOR_CHANGES * (1.0 - RELEASE_PRIOR) + blamed_on("")) / hours_count
        * change
            .strength
            .iter()
            .map(|one| likelihood(*one))
            .sum::<f64>();
    let of_each = PRIOR_CHANGES * RELEASE_PRIOR / candidates.len() as f64;
    let (mut all, mut top) = (elsewhere, None);
    for &(name, first) in &candidates {
        let start = trace.range().start;
        let strength = trace.strength(|h| views.reached(h - start, first));
        let weight = (of_each + blamed_on(name)) * likelihood(strength);
        all += weight;
        let share = views.share_of(name, first);
        if share >= policy.release_min_share && top.is_none_or(|(most, _)| weight > most) {
            top = Some((weight, name));
        }
    }
    top.filter(|(weight, _)| *weight >= MIN_POSTERIOR * all)
        .map(|(_, name)| name.to_owned())
}

/// Page views by hour and release, over all members.
struct Views<'h> {
    start: Hour,
    total: Vec<f64>,
    /// (name, hour it was first seen, page views by hour), of releases that were seen in these hours.
    releases: Vec<(&'h str, Hour, Vec<f64>)>,
}

impl<'h> Views<'h> {
    fn new(
        members: &[&'h History],
        first_seen: &BTreeMap<&str, Hour>,
        start: Hour,
        hours: usize,
    ) -> Views<'h> {
        let mut total = vec![0.0; hours];
        let mut by_name: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for release in members.iter().flat_map(|history| history.releases()) {
            for (hour, n) in release.hours(start..start + hours as Hour) {
                let index = (hour - start) as usize;
                total[index] += n as f64;
                by_name
                    .entry(release.name.as_str())
                    .or_insert_with(|| vec![0.0; hours])[index] += n as f64;
            }
        }
        let known =
            |(name, views): (&'h str, Vec<f64>)| Some((name, *first_seen.get(name)?, views));
        Views {
            start,
            total,
            releases: by_name.into_iter().filter_map(known).collect(),
        }
    }

    /// Share of an hour's page views that come from releases first seen at `first` or later: what it brought, the next ones have.
    fn reached(&self, index: usize, first: Hour) -> f64 {
        let since: f64 = self
            .releases
            .iter()
            .filter(|(_, since, _)| *since >= first)
            .map(|(.., views)| views[index])
            .sum();
        since / self.total[index].max(1.0)
    }

    /// Share of a release in the page views of its first day.
    fn share_of(&self, name: &str, first: Hour) -> f64 {
        let from = (first - self.start).max(0) as usize;
        let day = from..(from + SHARE_HOURS).min(self.total.len());
        let all: f64 = self.total[day.clone()].iter().sum();
        let own: f64 = self
            .releases
            .iter()
            .filter(|release| release.0 == name)
            .map(|(.., views)| views[day.clone()].iter().sum::<f64>())
            .sum();
        own / all.max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::{Kind, SeriesHourRow, SeriesKey};

    /// Ten days of page views in which a new release begins at each of the given hours, at the given share.
    fn history(deploys: &[(Hour, u64)]) -> History {
        let [app, environment, route, vital] =
            ["shop", "production", "/", "LCP"].map(str::to_owned);
        let mut history = History::new(SeriesKey {
            app,
            environment,
            route,
            kind: Kind::Vital,
            vital,
        });
        for hour in 0..240 {
            let begun = deploys.iter().filter(|deploy| deploy.0 <= hour).count();
            let percent = begun.checked_sub(1).map_or(0, |index| deploys[index].1);
            for (index, percent) in [(begun.saturating_sub(1), 100 - percent), (begun, percent)] {
                history.add(SeriesHourRow {
                    stratum: "mobile/fast/network",
                    release: &format!("r{index}"),
                    hour,
                    buckets: &[(90, percent)],
                });
            }
        }
        history
    }

    fn check(deploys: &[(Hour, u64)], step: Hour, noise: f64, expected: Option<&str>) {
        check_beside(deploys, step, noise, &[], expected);
    }

    fn check_beside(
        deploys: &[(Hour, u64)],
        step: Hour,
        noise: f64,
        beside: &[&str],
        expected: Option<&str>,
    ) {
        let history = history(deploys);
        let residual = |hour: Hour| {
            let wave = ((hour * 7919 % 31) as f64 - 15.0) / 9.0;
            noise * wave + if hour >= step { 0.1 } else { 0.0 }
        };
        let trace = Trace {
            residual: (0..240).map(residual).collect(),
            weight: vec![1.0 / noise.powi(2); 240],
            at: 239,
            first_hour: 0,
            dispersion: 1.0,
        };
        let first_seen = first_seen(std::iter::once(&history));
        let change = trace.place();
        let named = blame(
            &[&history],
            &first_seen,
            &trace,
            &change,
            beside,
            &Policy::default(),
        );
        assert_eq!(named.as_deref(), expected, "{deploys:?} {step} {noise}");
    }

    #[test]
    fn a_release_is_named_when_it_explains_the_change_best() {
        check(&[(200, 100)], 200, 0.03, Some("r1"));
        check(&[(176, 100), (200, 100)], 200, 0.03, Some("r2"));
        // Ten hours from any deploy, of which there is one a day.
        check(&[(164, 100), (190, 100), (214, 100)], 200, 0.03, None);
        // A change that is placed badly is not blamed on one of many.
        let daily: Vec<(Hour, u64)> = (0..10).map(|day| (day * 24 + 8, 100)).collect();
        check(&daily, 200, 0.4, None);
        // Few page views came from it.
        check(&[(200, 5)], 200, 0.03, None);
        check(&[], 200, 0.03, None);
    }

    #[test]
    fn what_changes_together_has_mostly_one_cause() {
        let daily: Vec<(Hour, u64)> = (0..10).map(|day| (day * 24 + 8, 100)).collect();
        // Placed too badly by itself; the other routes know.
        check_beside(&daily, 200, 0.4, &["r9"; 4], Some("r9"));
        check_beside(&daily, 200, 0.4, &["", "r9", "", ""], None);
        // They do not outvote what is plain to see, nor name what cannot be.
        check_beside(&daily, 200, 0.03, &["r5"; 4], Some("r9"));
        check_beside(
            &[(164, 100), (190, 100), (214, 100)],
            200,
            0.03,
            &["r2"; 4],
            None,
        );
        check_beside(&[(200, 100)], 200, 0.03, &["gone"; 4], Some("r1"));
    }
}

//! Google's Core Web Vitals assessment: passed when the p75 of all three is good. Pure.

use serde::Serialize;
use utoipa::ToSchema;
use wire::Vital;

use super::summary::VitalSummary;

/// The three that it needs.
pub const CORE_WEB_VITALS: [Vital; 3] = [Vital::Lcp, Vital::Inp, Vital::Cls];

/// Core Web Vitals: `good` when the p75 of all three is good, `poor` when one is not, `undecided` without enough data.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Assessment {
    pub result: &'static str,
    pub failing: Vec<&'static str>,
    /// Measured on too few page views, or not at all.
    pub missing: Vec<&'static str>,
    /// Vitals whose 95 % interval has their limit inside: with as much more data the answer may turn.
    pub close: Vec<&'static str>,
    /// Of the three vitals the fewest page views that one was measured on.
    pub n: u64,
}

pub fn assess<'a>(vitals: impl Iterator<Item = &'a VitalSummary> + Clone) -> Assessment {
    let (mut failing, mut missing, mut close) = (Vec::new(), Vec::new(), Vec::new());
    let mut fewest = u64::MAX;
    for vital in CORE_WEB_VITALS {
        let found = vitals.clone().find(|found| found.vital == vital.name());
        fewest = fewest.min(found.map_or(0, |found| found.n));
        match found {
            Some(found) if !found.low_sample => {
                if found.rating != Some("good") {
                    failing.push(vital.name());
                }
                let limit = vital.thresholds().map(|(good, _)| good);
                if limit.is_some_and(|limit| found.p75_low <= limit && limit < found.p75_high) {
                    close.push(vital.name());
                }
            }
            _ => missing.push(vital.name()),
        }
    }
    let result = match (failing.is_empty(), missing.is_empty()) {
        (false, _) => "poor",
        (true, true) => "good",
        (true, false) => "undecided",
    };
    Assessment {
        result,
        failing,
        missing,
        close,
        n: fewest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::private::summary::{histogram, summarise};
    use detect::histogram::Scheme;

    /// One value, on so many page views.
    fn check(values: [(Vital, f64, u64); 3], result: &str, failing: &[&str], missing: &[&str]) {
        let vitals: Vec<VitalSummary> = values
            .into_iter()
            .filter_map(|(vital, value, n)| {
                let index = Scheme::of_vital(vital).bucket_index(value);
                summarise(vital, &histogram(vital, &[(index, n)]))
            })
            .collect();
        let found = assess(vitals.iter());
        assert_eq!(found.result, result, "{values:?}");
        assert_eq!(
            (&found.failing[..], &found.missing[..]),
            (failing, missing),
            "{values:?}"
        );
    }

    #[test]
    fn all_three_must_be_good() {
        use Vital::{Cls, Inp, Lcp};
        let (lcp, inp, cls) = ((Lcp, 1_000.0, 900), (Inp, 80.0, 900), (Cls, 0.01, 900));
        check([lcp, inp, cls], "good", &[], &[]);
        check([(Lcp, 3_000.0, 900), inp, cls], "poor", &["LCP"], &[]);
        check(
            [lcp, (Inp, 900.0, 900), (Cls, 0.01, 9)],
            "poor",
            &["INP"],
            &["CLS"],
        );
        check([lcp, inp, (Cls, 0.01, 9)], "undecided", &[], &["CLS"]);
        check([lcp, inp, (Cls, 0.01, 0)], "undecided", &[], &["CLS"]);
    }
}

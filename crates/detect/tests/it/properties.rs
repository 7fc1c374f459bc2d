//! What holds for every history: sums do not depend on their order, probabilities are probabilities, and nothing panics.

use detect::compare::{StratumPair, compare};
use detect::distribution::student_t_upper;
use detect::fdr::benjamini_hochberg;
use detect::score::{Ridits, ScoreSum};
use detect::{
    Finding, Histogram, History, Hour, Kind, Policy, Replay, Scheme, SeriesHourRow, SeriesKey,
    replay,
};
use proptest::collection::vec;
use proptest::prelude::*;

const SCHEMES: [Scheme; 4] = [
    Scheme::Milliseconds,
    Scheme::Grid,
    Scheme::LayoutShift,
    Scheme::Bytes,
];

fn scheme() -> impl Strategy<Value = Scheme> {
    (0..SCHEMES.len()).prop_map(|index| SCHEMES[index])
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), 1e-6..1.0, 1.0..1e4, 1e4..1e15]
}

fn histogram(scheme: Scheme, values: &[(f64, u64)]) -> Histogram {
    let mut out = Histogram::new(scheme);
    values
        .iter()
        .for_each(|(value, count)| out.record(*value, *count));
    out
}

fn merged(parts: &[&Histogram]) -> Histogram {
    let mut out = Histogram::new(parts[0].scheme());
    parts.iter().for_each(|part| out.merge(part));
    out
}

proptest! {
    #[test]
    fn merging_is_associative_and_commutative(scheme in scheme(), parts in vec(vec((value(), 0..u64::MAX / 8), 0..6), 3)) {
        let [a, b, c] = [0, 1, 2].map(|index| histogram(scheme, &parts[index]));
        let all = merged(&[&a, &b, &c]);
        prop_assert_eq!(&merged(&[&c, &a, &b]), &all);
        prop_assert_eq!(&merged(&[&merged(&[&a, &b]), &c]), &all);
        prop_assert_eq!(&merged(&[&a, &merged(&[&b, &c])]), &all);
    }

    #[test]
    fn quantiles_rise_and_bound_their_error(scheme in scheme(), values in vec(value(), 1..60), p in 0.0..1.0_f64) {
        let pairs: Vec<(f64, u64)> = values.iter().map(|value| (*value, 1)).collect();
        let histogram = histogram(scheme, &pairs);
        let quantile = |p: f64| histogram.quantile(p).expect("not empty");
        prop_assert!(quantile(p).value <= quantile((p + 0.1).min(1.0)).value);
        let found = quantile(p);
        prop_assert!(found.low <= found.value && found.value <= found.high);
        // The true order statistic lies within the stated bounds, unless it overflowed.
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = ((p * values.len() as f64).ceil() as usize).clamp(1, values.len());
        let overflow = scheme.lower_edge(scheme.bucket_count() as u16 - 1);
        let truth = sorted[rank - 1];
        prop_assert!(truth >= overflow || found.low <= truth && truth <= found.high, "{truth} {found:?}");
    }

    #[test]
    fn every_value_has_a_bucket(scheme in scheme(), value in any::<f64>()) {
        let index = scheme.bucket_index(value);
        prop_assert!(usize::from(index) < scheme.bucket_count());
        if value > 0.0 && index > 1 {
            prop_assert!(scheme.lower_edge(index) <= value * (1.0 + 1e-12));
        }
    }

    /// Each stratum as in its baseline, whatever their mix: no shift.
    #[test]
    fn the_score_does_not_see_the_mix(
        baselines in vec(vec(0..200_u64, 152), 2..5),
        factors in vec(0..40_u32, 5),
    ) {
        let widths = Scheme::Milliseconds.inverse_widths();
        let mut sum = ScoreSum::default();
        for (baseline, factor) in baselines.iter().zip(&factors) {
            if let Some(ridits) = Ridits::new(baseline, &widths) {
                let cells = baseline.iter().enumerate().map(|(index, count)| (index as u16, *count as u32 * factor));
                sum.add(&ridits, cells);
            }
        }
        let score = sum.score();
        prop_assert!((score.theta - 0.5).abs() < 1e-9 && score.shift.abs() < 1e-6, "{score:?}");
        prop_assert!(score.variance >= 0.0 && score.variance.is_finite());
    }

    #[test]
    fn probabilities_are_probabilities(t in any::<f64>(), df in -1.0..1e6_f64, p in vec(0.0..1.0_f64, 0..20), q in 0.0..0.2_f64) {
        prop_assert!((0.0..=1.0).contains(&student_t_upper(t, df)));
        let capped = benjamini_hochberg(&p, q, Some(3.0));
        let free = benjamini_hochberg(&p, q, None);
        prop_assert!(capped.iter().zip(&free).all(|(capped, free)| !capped || *free));
    }

    #[test]
    fn comparisons_stay_finite(
        scheme in scheme(),
        sides in vec((vec((value(), 0..1_000_000_u64), 0..8), vec((value(), 0..1_000_000_u64), 0..8)), 0..4),
        inflation in 0.0..1e6_f64,
    ) {
        let pairs: Vec<StratumPair> = sides
            .iter()
            .map(|(before, after)| StratumPair { baseline: histogram(scheme, before), current: histogram(scheme, after) })
            .collect();
        if let Some(found) = compare(&pairs, inflation) {
            let numbers = [found.ratio.value, found.ratio.low, found.ratio.high, found.baseline_p75, found.current_p75, found.shift];
            prop_assert!(numbers.iter().all(|number| number.is_finite()), "{found:?}");
            prop_assert!(found.ratio.low <= found.ratio.value && found.ratio.value <= found.ratio.high, "{found:?}");
            prop_assert!((0.0..=1.0).contains(&found.p_value));
        }
    }
}

/// A history of one stratum whose hour `h` holds the given cells.
fn history(
    route: &str,
    vital: &str,
    hours: impl Iterator<Item = (Hour, Vec<(u16, u64)>)>,
) -> History {
    let (app, environment) = ("shop".to_owned(), "production".to_owned());
    let key = SeriesKey {
        app,
        environment,
        route: route.to_owned(),
        kind: Kind::Vital,
        vital: vital.to_owned(),
    };
    let mut history = History::new(key);
    for (hour, buckets) in hours {
        history.add(SeriesHourRow {
            stratum: "mobile/fast/network",
            release: "1",
            hour,
            buckets: &buckets,
        });
    }
    history
}

fn check_finite(replayed: &Replay) {
    for finding in &replayed.findings {
        let Finding {
            change_ratio,
            change_low,
            change_high,
            p_value,
            z,
            confidence,
            baseline_p75,
            current_p75,
            ..
        } = finding;
        let numbers = [
            change_ratio,
            change_low,
            change_high,
            p_value,
            z,
            confidence,
            baseline_p75,
            current_p75,
        ];
        assert!(
            numbers.iter().all(|number| number.is_finite()),
            "{finding:?}"
        );
        assert!(
            (0.0..=1.0).contains(p_value) && (0.0..=1.0).contains(confidence),
            "{finding:?}"
        );
        assert!(finding.change_point_low_hour <= finding.change_point_high_hour);
    }
    for baseline in &replayed.baselines {
        let numbers = [
            baseline.p50,
            baseline.p75,
            baseline.p95,
            baseline.mean,
            baseline.stddev,
        ];
        assert!(
            numbers.iter().all(|number| number.is_finite()),
            "{baseline:?}"
        );
        assert!(
            baseline.minimum_detectable_ratio.is_none_or(f64::is_finite),
            "{baseline:?}"
        );
    }
    assert!(replayed.episodes_per_1000_series_days().is_finite());
}

fn fortnight(histories: &[History]) -> Replay {
    let replayed = replay(histories, &Policy::default(), 45 * 24 - 14 * 24, 45 * 24);
    check_finite(&replayed);
    replayed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Histories of any shape: gaps, bursts of huge counts, all in one bucket, several series or none.
    #[test]
    fn no_history_breaks_the_detector(
        shapes in vec((0..152_u16, 0..152_u16, 0..5_000_000_u64, 1..30_i64, 0..1_080_i64), 0..4),
        vital in 0..7_usize,
    ) {
        let vital = wire::Vital::ALL[vital].name();
        let histories: Vec<History> = shapes
            .iter()
            .enumerate()
            .map(|(index, &(low, high, count, every, first))| {
                let cell = |hour: Hour| vec![(low, count), (high, (hour * 37 % 11) as u64), (hour as u16 % 152, 1)];
                let hours = (first..45 * 24).filter(|hour| hour % every == 0).map(|hour| (hour, cell(hour)));
                history(&format!("/{index}"), vital, hours)
            })
            .collect();
        fortnight(&histories);
    }
}

#[test]
fn empty_constant_and_young_histories_are_described() {
    assert_eq!(fortnight(&[]), Replay::default());
    let constant = |route: &str, first: Hour| {
        history(
            route,
            "LCP",
            (first..45 * 24).map(|hour| (hour, vec![(90, 30)])),
        )
    };
    let replayed = fortnight(&[
        constant("/old", 0),
        constant("/young", 33 * 24),
        history("/never", "LCP", std::iter::empty()),
    ]);
    assert!(replayed.findings.is_empty(), "{:?}", replayed.findings);
    let reasons = |route: &str| {
        let baseline = replayed
            .baselines
            .iter()
            .find(|baseline| baseline.key.route == route)
            .expect("described");
        (baseline.state.name(), baseline.reasons.clone())
    };
    assert_eq!(reasons("/old"), ("approved", vec![]));
    let (state, young) = reasons("/young");
    assert_eq!(
        (state, young[0].as_str()),
        ("learning", "learning: 8 of 20 days")
    );
    assert_eq!(reasons("/never").1[0], "learning: 0 of 20 days");
    assert_eq!(replayed.series_days, 14.0);
}

#[test]
fn quiet_and_gappy_histories_say_why_they_are_not_approved() {
    let quiet = history(
        "/quiet",
        "LCP",
        (0..45 * 24).step_by(24).map(|hour| (hour, vec![(90, 1)])),
    );
    let gappy = history(
        "/gappy",
        "LCP",
        (0..45 * 24)
            .step_by(2)
            .map(|hour| (hour, vec![(90, 30), (95, 10)])),
    );
    let replayed = fortnight(&[gappy, quiet]);
    assert_eq!(replayed.baselines[0].state.name(), "proposed");
    assert_eq!(
        replayed.baselines[0].reasons[0],
        "proposed: 50 % of its hours have page views"
    );
    assert_eq!(
        replayed.baselines[0].reasons[1],
        "336 hours left out: no page views"
    );
    assert_eq!(
        replayed.baselines[1].reasons[0],
        "too few for hours: compared run by run with 28 runs"
    );
}

/// A row given for the app-level route, or a second history of a series, changes nothing.
#[test]
fn the_app_level_is_computed_and_duplicates_are_ignored() {
    let steady = |route: &str| {
        history(
            route,
            "LCP",
            (0..45 * 24).map(|hour| (hour, vec![(90, 30), (hour as u16 % 5 + 88, 9)])),
        )
    };
    let alone = fortnight(&[steady("/")]);
    assert_eq!(fortnight(&[steady("/"), steady("*"), steady("/")]), alone);
}

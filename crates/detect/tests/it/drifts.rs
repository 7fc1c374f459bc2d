//! Slow drifts of whole histories: which are listed, when they cross a threshold, and whether forecasts come true.

use detect::drifting::{SlowDrift, drifts, hit_rate};
use detect::world::Rng;
use detect::{
    Decision, Direction, Finding, History, Hour, Kind, Policy, Ruling, SeriesHourRow, SeriesKey,
    replay,
};

const DAY: Hour = 24;
const FIRST: Hour = 96 + 168 * 2_900;
const STRATA: [(&str, f64); 2] = [("desktop/fast/network", 0.0), ("mobile/fast/network", 0.5)];

/// LCP of one route, `shift` of each day on top of noise of days and hours.
fn route(seed: u64, route: u64, days: Hour, shift: impl Fn(Hour) -> f64) -> History {
    let mut rng = Rng::new(&[seed, route, 19]);
    let mut history = History::new(SeriesKey {
        app: "app".into(),
        environment: "production".into(),
        route: format!("/{route:02}"),
        kind: Kind::Vital,
        vital: "LCP".into(),
    });
    let scheme = history.key.scheme();
    let mut of_day = 0.0;
    for h in 0..days * DAY {
        if h % DAY == 0 {
            of_day = 0.3 * of_day + 0.012 * rng.normal();
        }
        let turn = std::f64::consts::TAU * (h % DAY - 9) as f64 / 24.0;
        for (stratum, offset) in STRATA {
            let middle = 1_200.0_f64.ln() + offset + of_day + shift(h / DAY) + 0.04 * turn.cos();
            let buckets: Vec<(u16, u64)> = (0..rng.poisson(60.0 * (1.0 + 0.7 * turn.sin())))
                .map(|_| (scheme.bucket_index((middle + 0.5 * rng.normal()).exp()), 1))
                .collect();
            history.add(SeriesHourRow {
                stratum,
                release: "1",
                hour: FIRST + h,
                buckets: &buckets,
            });
        }
    }
    history
}

/// Six routes, the first with a drift of `per_day` from day `from` on.
fn app(seed: u64, days: Hour, from: Hour, per_day: f64) -> Vec<History> {
    (0..6)
        .map(|number| {
            let slope = if number == 0 { per_day } else { 0.0 };
            route(seed, number, days, |day| {
                slope * (day - from + 1).max(0) as f64
            })
        })
        .collect()
}

fn found(histories: &[History], decisions: &[Decision], now: Hour) -> Vec<SlowDrift> {
    drifts(histories, &Policy::default(), decisions, &[], now)
}

#[test]
fn a_drift_towards_a_threshold_is_listed_with_its_date() {
    let (from, today) = (31, 44);
    let histories = app(1, today, from, 0.006);
    let listed = found(&histories, &[], FIRST + today * DAY);
    assert_eq!(listed.len(), 1, "{listed:#?}");
    let drift = &listed[0];
    assert_eq!(
        (drift.key.route.as_str(), drift.direction),
        ("/00", Direction::Regression)
    );
    assert_eq!(drift.day, FIRST / DAY + today - 1);
    // 13 days of 0.6 %, of which the window sees the middle.
    assert!((1.03..1.08).contains(&drift.ratio.value), "{drift:#?}");
    let slope = drift.ratio_per_day.expect("still moves");
    assert!(slope.low <= 1.006 && 1.006 <= slope.high, "{drift:#?}");
    let crossing = drift.crossing.expect("within a fortnight");
    assert_eq!(crossing.threshold, 2_500.0);
    let days = (2_500.0 / drift.baseline_p75).ln() / 0.006;
    let truth = FIRST / DAY + from + days.round() as i64 - 1;
    let forecast = crossing.forecast;
    assert!((forecast.day - truth).abs() <= 5, "{truth} {drift:#?}");
    assert!(
        forecast.earliest <= truth && forecast.latest.is_none_or(|latest| truth <= latest),
        "{truth} {drift:#?}"
    );
}

#[test]
fn a_rolling_baseline_would_not_have_seen_it_and_an_approved_one_decides() {
    let today = 45;
    let histories = app(2, today, 20, 0.003);
    let now = FIRST + today * DAY;
    let alarms = replay(&histories, &Policy::default(), now - 14 * DAY, now).findings;
    let confirmed = alarms.iter().filter(|one| one.confirmed_hour.is_some());
    assert_eq!(confirmed.count(), 0, "{alarms:#?}");
    assert_eq!(found(&histories, &[], now).len(), 1);
    // A person who approves the newest days says that they are normal.
    let approve = |window: std::ops::Range<Hour>| Decision {
        key: histories[0].key.clone(),
        ruling: Ruling::Approved,
        window,
        at_hour: now - DAY,
        is_automatic: false,
    };
    let newest = approve(now - 28 * DAY..now - 14 * DAY);
    // Fourteen days are too few to learn from, and nothing else is the reference then.
    assert_eq!(found(&histories, &[newest], now), []);
}

#[test]
fn calm_series_do_not_drift_and_a_step_that_is_a_finding_is_none() {
    let mut listed = 0;
    for seed in 0..20 {
        listed += found(&app(100 + seed, 45, 0, 0.0), &[], FIRST + 45 * DAY).len();
    }
    // 120 series, each at 1 in 1,500.
    assert!(listed <= 1, "{listed}");
    let stepped = route(3, 0, 45, |day| if day >= 38 { 0.25 } else { 0.0 });
    let now = FIRST + 45 * DAY;
    let histories = [stepped];
    let policy = Policy::default();
    let findings: Vec<Finding> = replay(&histories, &policy, now - 14 * DAY, now).findings;
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(found(&histories, &[], now).len(), 1);
    assert_eq!(drifts(&histories, &policy, &[], &findings, now), []);
}

#[test]
fn too_little_history_has_no_drift() {
    for days in [0, 1, 20, 40] {
        let histories = [route(4, 0, days, |day| 0.01 * day as f64)];
        assert_eq!(found(&histories, &[], FIRST + days * DAY), [], "{days}");
    }
    assert_eq!(found(&[], &[], FIRST), []);
}

#[test]
fn forecasts_are_held_against_what_came() {
    let policy = Policy::default();
    // Twelve apps whose first route crosses 2,500 ms some three weeks into the judged days.
    let mut judged = (0, 0, 0, 0);
    for seed in 0..12 {
        let histories = app(200 + seed, 62, 31, 0.008);
        let rate = hit_rate(&histories, &policy, FIRST + 31 * DAY..FIRST + 62 * DAY);
        judged.0 += rate.judged;
        judged.1 += rate.hits;
        judged.2 += rate.crossings;
        judged.3 += rate.foreseen;
    }
    let (judged, hits, crossings, foreseen) = judged;
    assert!(
        judged >= 40 && hits * 10 >= judged * 8,
        "{hits} of {judged}"
    );
    assert!(
        crossings >= 12 && foreseen * 10 >= crossings * 8,
        "{foreseen} of {crossings}"
    );
    let calm = hit_rate(
        &app(300, 62, 0, 0.0),
        &policy,
        FIRST + 31 * DAY..FIRST + 62 * DAY,
    );
    assert_eq!((calm.judged, calm.crossings), (0, 0));
}

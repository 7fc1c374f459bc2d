//! Releases that are live in the same hours, through the whole replay: a canary that is slower is found and named, and one that only has
//! cold caches is not.

use detect::world::Rng;
use detect::{
    Direction, Finding, History, Hour, Kind, Lane, Policy, Replay, SeriesHourRow, SeriesKey, State,
    replay,
};

const DAY: Hour = 24;
const FIRST: Hour = 96 + 168 * 2_900;
const LEAD: Hour = 31 * DAY;
/// A release every four days, beside the one before for two.
const EVERY: Hour = 4 * DAY;
const BOTH: Hour = 2 * DAY;
/// The release that differs: it comes when six before it are known.
const CHANGED: Hour = 8;
const STRATA: [(&str, f64); 2] = [("desktop/fast/network", 0.0), ("mobile/fast/network", 0.5)];

/// How much of a route's page views a new release has while both are live, and for how long.
#[derive(Clone, Copy)]
struct Rollout {
    views_per_hour: f64,
    share: f64,
    hours: Hour,
}

fn half_for_two_days(views_per_hour: f64) -> Rollout {
    Rollout {
        views_per_hour,
        share: 0.5,
        hours: BOTH,
    }
}

/// One route's LCP. Caches of a new release are cold: 10 % slower at first, gone within a day.
fn canaries(seed: u64, route: u64, rollout: Rollout, change: f64) -> History {
    let mut rng = Rng::new(&[seed, route, 17]);
    let mut history = History::new(SeriesKey {
        app: "app".into(),
        environment: "production".into(),
        route: format!("/{route:02}"),
        kind: Kind::Vital,
        vital: "LCP".into(),
    });
    let scheme = history.key.scheme();
    let (mut of_hour, mut of_day) = (0.0, 0.0);
    for h in 0..LEAD + 12 * DAY {
        if h % DAY == 0 {
            of_day = 0.015 * rng.normal();
        }
        of_hour = 0.7 * of_hour + 0.02 * 0.71 * rng.normal();
        let turn = std::f64::consts::TAU * (h % DAY - 9) as f64 / 24.0;
        let views = rollout.views_per_hour * (1.0 + 0.7 * turn.sin()) / STRATA.len() as f64;
        let (release, age) = (h / EVERY, h % EVERY);
        let newer = if age < rollout.hours {
            rollout.share
        } else {
            1.0
        };
        for (stratum, offset) in STRATA {
            for (number, views) in [
                (release, views * newer),
                (release - 1, views * (1.0 - newer)),
            ] {
                let cold = if number == release {
                    0.1 * (-(age as f64) / 8.0).exp()
                } else {
                    0.0
                };
                let changed = if number >= CHANGED { change.ln() } else { 0.0 };
                let middle = 1_600.0_f64.ln() + offset + of_hour + of_day + cold + changed;
                let buckets: Vec<(u16, u64)> = (0..rng.poisson(views))
                    .map(|_| (scheme.bucket_index((middle + 0.6 * rng.normal()).exp()), 1))
                    .collect();
                history.add(SeriesHourRow {
                    stratum,
                    release: &format!("r{:02}", number.max(0)),
                    hour: FIRST + h,
                    buckets: &buckets,
                });
            }
        }
    }
    history
}

/// Four routes, of which the first changes.
fn judged(seed: u64, rollout: Rollout, change: f64) -> Replay {
    let histories: Vec<History> = (0..4)
        .map(|route| {
            let change = if route == 0 { change } else { 1.0 };
            canaries(seed, route, rollout, change)
        })
        .collect();
    replay(
        &histories,
        &Policy::default(),
        FIRST + LEAD,
        FIRST + LEAD + 12 * DAY,
    )
}

fn since_change(finding: &Finding) -> Hour {
    finding.opened_hour - (FIRST + CHANGED * EVERY)
}

#[test]
fn a_canary_that_is_slower_is_found_beside_the_release_before() {
    let replayed = judged(1, half_for_two_days(600.0), 1.05);
    let found: Vec<&Finding> = replayed
        .findings
        .iter()
        .filter(|one| one.direction == Direction::Regression && one.confirmed_hour.is_some())
        .collect();
    assert_eq!(found.len(), 1, "{:#?}", replayed.findings);
    let finding = found[0];
    assert_eq!(
        (finding.key.route.as_str(), finding.release.as_str()),
        ("/00", "r08")
    );
    let beside = finding.detail.beside.as_ref().expect("was compared");
    assert_eq!(
        (beside.older.as_str(), beside.newer.as_str()),
        ("r07", "r08")
    );
    // What cold caches do was learned from the releases before, and is not the release's.
    assert!((beside.ratio.value - 1.05).abs() < 0.02, "{beside:?}");
    assert!(
        beside.ratio.low > 1.0 && beside.p_value < 1e-4,
        "{beside:?}"
    );
    assert!(
        finding
            .recommendation
            .contains("live in the same hours, r08 differs from r07 by +"),
        "{}",
        finding.recommendation
    );
    // The past alone finds 5 % at 600 views an hour after days, if at all.
    assert_eq!(finding.detail.lane, Lane::Releases, "{finding:#?}");
    assert!((1..=48).contains(&since_change(finding)), "{finding:#?}");
    // It stays open when the next release is no better.
    assert_eq!(finding.state, State::Confirmed);
}

/// The comparison is loud within hours and then over, because the older release is gone: the hours confirm what it began.
#[test]
fn a_quick_rollout_is_confirmed_by_the_hours() {
    let mut by_hours = 0;
    for seed in 0..5 {
        let quick = Rollout {
            hours: 4,
            ..half_for_two_days(1_500.0)
        };
        let replayed = judged(20 + seed, quick, 1.3);
        let found: Vec<&Finding> = replayed
            .findings
            .iter()
            .filter(|one| one.key.route == "/00" && since_change(one) > 0)
            .collect();
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!(
            (found[0].state, found[0].release.as_str()),
            (State::Confirmed, "r08"),
            "{found:#?}"
        );
        assert!((found[0].change_ratio - 1.3).abs() < 0.06, "{found:#?}");
        assert!((1..=12).contains(&since_change(found[0])), "{found:#?}");
        by_hours += usize::from(found[0].detail.lane == Lane::Hours);
    }
    assert_eq!(by_hours, 5);
}

#[test]
fn cold_caches_are_no_regression() {
    for seed in [2, 3] {
        let replayed = judged(seed, half_for_two_days(600.0), 1.0);
        let of_releases = |one: &&Finding| one.detail.lane == Lane::Releases;
        let found: Vec<&Finding> = replayed.findings.iter().filter(of_releases).collect();
        assert!(found.is_empty(), "{found:#?}");
        assert!(
            replayed
                .findings
                .iter()
                .all(|one| one.confirmed_hour.is_none()),
            "{:#?}",
            replayed.findings
        );
    }
}

#[test]
#[ignore = "minutes; prints the figures of releases side by side in the whole replay"]
fn side_by_side_in_numbers() {
    let counted = |alarms: u64, series_days: f64| {
        let found = detect::false_alarms::FalseAlarms {
            series_days,
            alarms,
        };
        let (low, high) = found.interval_per_1000().expect("was judged");
        format!(
            "{:.2} ({low:.2} to {high:.2}) per 1,000 series-days",
            1_000.0 * alarms as f64 / series_days
        )
    };
    for (views, share) in [(150.0, 0.1), (150.0, 0.5), (1_500.0, 0.1), (1_500.0, 0.5)] {
        let rollout = Rollout {
            views_per_hour: views,
            share,
            hours: BOTH,
        };
        let (mut beside, mut all, mut days) = (0, 0, 0.0);
        for seed in 0..60 {
            let replayed = judged(100 + seed, rollout, 1.0);
            let of_releases = replayed
                .findings
                .iter()
                .filter(|one| one.detail.lane == Lane::Releases);
            beside += of_releases.count() as u64;
            all += replayed.episodes;
            days += replayed.series_days;
        }
        println!(
            "{views}/h, {share} of the visits, calm: by releases {}, all {}",
            counted(beside, days),
            counted(all, days)
        );
        for change in [1.02, 1.03, 1.05, 1.1] {
            let (mut by_releases, mut in_two_days, mut named) = (0, 0, 0);
            for seed in 0..25 {
                let replayed = judged(1_000 + seed, rollout, change);
                let is_it = |one: &&Finding| {
                    one.direction == Direction::Regression
                        && one.key.route == "/00"
                        && since_change(one) > 0
                };
                if let Some(found) = replayed.findings.iter().find(is_it) {
                    by_releases += usize::from(found.detail.lane == Lane::Releases);
                    in_two_days += usize::from(since_change(found) <= 48);
                    named += usize::from(found.release == "r08");
                }
            }
            println!(
                "{views}/h, {share} of the visits, x{change}: found within 48 h {in_two_days} of 25, by releases {by_releases}, named {named}"
            );
        }
    }
}

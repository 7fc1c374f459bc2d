//! The rate that is measured on the past, where the number of false alarms is known.

use detect::false_alarms::{FalseAlarms, measure, placebo_hours};
use detect::{History, Hour, Kind, Past, Policy, SeriesHourRow, SeriesKey};

const DAY: Hour = 24;
const NOW: Hour = 70 * DAY + 5;

/// Seventy days of one route, forty page views an hour; `bucket` is where they lie.
fn history(route: &str, bucket: impl Fn(Hour) -> u16) -> History {
    let [app, environment, route, vital] = ["shop", "production", route, "LCP"].map(str::to_owned);
    let mut state = route.len() as u64;
    let mut history = History::new(SeriesKey {
        app,
        environment,
        route,
        kind: Kind::Vital,
        vital,
    });
    let mut below = |n: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % n
    };
    for hour in 0..NOW {
        let buckets: Vec<(u16, u64)> = (0..40)
            .map(|_| (bucket(hour) + below(6) as u16 + below(6) as u16, 1))
            .collect();
        history.add(SeriesHourRow {
            stratum: "",
            release: "1",
            hour,
            buckets: &buckets,
        });
    }
    history
}

fn measured(histories: &[History]) -> FalseAlarms {
    let policy = Policy::default();
    let hours = placebo_hours(NOW, &policy);
    assert_eq!(hours, 39 * DAY..67 * DAY);
    measure(histories, &policy, Past::default(), &hours)
}

#[test]
fn calm_days_have_no_false_alarm() {
    let found = measured(&[history("/a", |_| 90), history("/bb", |_| 80)]);
    assert_eq!(
        found,
        FalseAlarms {
            series_days: 56.0,
            alarms: 0
        }
    );
}

/// Three bursts of four hours, a week apart: what alarms does not last.
#[test]
fn what_does_not_last_is_counted() {
    let burst = |hour: Hour| {
        let mut days = [45, 52, 59].into_iter();
        days.any(|day| (day * DAY..day * DAY + 4).contains(&hour))
    };
    let bursts = history("/a", |hour| if burst(hour) { 100 } else { 90 });
    let found = measured(&[bursts, history("/bb", |_| 80)]);
    assert_eq!(found.series_days, 56.0);
    assert!((1..=3).contains(&found.alarms), "{found:?}");
}

/// A regression that is repaired after four days: its days are no normal ones.
#[test]
fn an_incident_is_left_out_with_its_days() {
    let incident = 50 * DAY..54 * DAY;
    let found = measured(&[
        history("/a", |hour| if incident.contains(&hour) { 94 } else { 90 }),
        history("/bb", |_| 80),
    ]);
    assert_eq!(found.alarms, 0);
    assert!((48.0..52.5).contains(&found.series_days), "{found:?}");
}

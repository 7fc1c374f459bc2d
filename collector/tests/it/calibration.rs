//! The false-alarm rate is measured once a day, kept, shown, and acted upon.

use std::sync::Arc;

use collector::history;
use collector::metrics::Metrics;
use collector::store::import::Import;
use collector::store::{Store, calibration};
use collector::watch;
use detect::Strategy;
use detect::false_alarms::MIN_LOOKS;

use crate::engine;
use crate::shop::{get, private};
use crate::writer::count;

const STRATEGY: Strategy = Strategy::RollingWindow;
const HOUR_S: i64 = 3600;

/// Seventy days of three routes, up to now; `factor` is how much slower than usual an hour was.
async fn store_with(now: jiff::Timestamp, factor: impl Fn(i64, i64) -> f64) -> Store {
    let store = engine::store().await;
    let end = now.as_second().div_euclid(HOUR_S);
    let mut import = Import::new(store.clone(), 1);
    for hour in end - 70 * 24..end {
        for route in 0..3 {
            let values: Vec<String> = (0..40)
                .map(|i| {
                    let spread = (hour * 7919 + route * 31 + i * 104_729).rem_euclid(200);
                    format!("[{}, 1]", (900 + spread) as f64 * factor(route, hour))
                })
                .collect();
            let line = format!(
                r#"{{"app":"shop","environment":"production","route":"/{route}","vital":"LCP","hour":"{}","values":[{}]}}"#,
                history::timestamp(hour),
                values.join(",")
            );
            let line = history::parse(line.as_bytes()).expect("is a line");
            import.push(&line).await.expect("is taken");
        }
    }
    import.flush().await.expect("is taken");
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calm_past_is_measured_once_a_day_and_outlives_a_restart() {
    let now = jiff::Timestamp::now();
    let store = store_with(now, |_, _| 1.0).await;
    let router = private(store.clone());
    let (_, health) = get(&router, "/api/v1/health").await;
    assert!(health["false_alarms"].is_null(), "not measured yet");

    let first = watch::calibrate(&store, STRATEGY, now)
        .await
        .expect("measures");
    assert_eq!((first.series_days, first.alarms), (84.0, 0));
    assert_eq!((first.looks_before, first.looks), (MIN_LOOKS, MIN_LOOKS));
    watch::calibrate(&store, STRATEGY, now)
        .await
        .expect("was done");
    let rows = "select count() from false_alarm_rows";
    assert_eq!(count(&store, rows).await, 1, "once a day");
    let tomorrow = now + jiff::SignedDuration::from_hours(24);
    watch::calibrate(&store, STRATEGY, tomorrow)
        .await
        .expect("measures");
    assert_eq!(count(&store, rows).await, 2);

    let (_, health) = get(&router, "/api/v1/health").await;
    let found = &health["false_alarms"];
    assert_eq!(
        (&found["alarms"], &found["per_1000_series_days"]),
        (&0.into(), &0.0.into())
    );
    assert_eq!(found["low_per_1000"], 0.0);
    // 3.689 in 84 series-days.
    let high = found["high_per_1000"].as_f64().expect("a number");
    assert!((high - 43.9).abs() < 0.1, "{high}");

    // A collector that starts shows what was measured before it.
    let metrics = Arc::new(Metrics::default());
    let name = "vitalscope_false_alarms_per_1000_series_days";
    assert!(!metrics.render().contains(name));
    let (_end, ended) = tokio::sync::watch::channel(false);
    tokio::spawn(watch::run(
        store,
        metrics.clone(),
        STRATEGY,
        watch::BEAT,
        ended,
    ));
    engine::eventually("shown", async || {
        metrics
            .render()
            .contains(&format!("{name} 0\n"))
            .then_some(())
    })
    .await;
}

/// Two short bursts on every route: the rate is far over the target, so a look costs more, now and after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn too_many_false_alarms_make_each_look_dearer() {
    // The same days in every run: whether a burst alarms depends on the hours before it.
    let now: jiff::Timestamp = "2026-11-21T10:30:00Z".parse().expect("is a time");
    let today = now.as_second().div_euclid(24 * HOUR_S);
    let store = store_with(now, |route, hour| {
        let days_ago = today - hour.div_euclid(24);
        let is_burst = [29, 17].contains(&(days_ago + 2 * route)) && hour.rem_euclid(24) < 4;
        if is_burst { 1.5 } else { 1.0 }
    })
    .await;
    let first = watch::calibrate(&store, STRATEGY, now)
        .await
        .expect("measures");
    assert!(first.alarms >= 2, "{first:?}");
    assert_eq!(
        (first.looks_before, first.looks),
        (MIN_LOOKS, 2.0 * MIN_LOOKS)
    );
    assert_eq!(
        calibration::looks(&store).await.expect("answers"),
        first.looks
    );
    let tomorrow = now + jiff::SignedDuration::from_hours(24);
    let second = watch::calibrate(&store, STRATEGY, tomorrow)
        .await
        .expect("measures");
    assert_eq!(second.looks_before, first.looks);
    let (_, health) = get(&private(store.clone()), "/api/v1/health").await;
    assert_eq!(health["false_alarms"]["looks"], second.looks);
    assert_eq!(health["false_alarms"]["usual_looks"], MIN_LOOKS);
    watch::evaluate(&store, STRATEGY, None, now)
        .await
        .expect("judges with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_history_nothing_is_claimed() {
    let store = engine::store().await;
    let row = watch::calibrate(&store, STRATEGY, jiff::Timestamp::now())
        .await
        .expect("measures");
    assert_eq!((row.series_days, row.looks), (0.0, MIN_LOOKS));
    let (_, health) = get(&private(store), "/api/v1/health").await;
    assert!(health["false_alarms"]["per_1000_series_days"].is_null());
}

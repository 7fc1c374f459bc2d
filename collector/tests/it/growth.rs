//! How fast a page view's heap grows is one more series, and its values have a sign.

use collector::history;
use collector::store::import::Import;
use collector::store::{Store, rollup};
use collector::watch;
use detect::Scheme;
use wire::{Measurement, Scalar, Vital};

use crate::engine;
use crate::rollup::insert;
use crate::shop::{get, private};
use crate::writer::{accepted, count, text};

fn memory(growth: Option<Scalar>) -> Measurement {
    Measurement {
        vital: Vital::Memory,
        value: 3e7,
        attribution: growth
            .into_iter()
            .map(|value| ("growth_bytes_per_min".into(), value))
            .collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn growth_of_either_sign_is_a_series() {
    let store = engine::store().await;
    let growth = [
        Some(Scalar::Number(250_000.0)),
        Some(Scalar::Number(-50_000.0)),
        Some(Scalar::Number(0.0)),
        // A short visit tells none; nonsense is none.
        None,
        Some(Scalar::Text("much".into())),
        Some(Scalar::Number(1e300)),
    ];
    let mut views = Vec::new();
    for (view, growth) in (0..).zip(growth) {
        let mut beacon = accepted(view, 0, 100.0);
        beacon.beacon.measurements = vec![memory(growth)];
        views.push(beacon);
    }
    // A later beacon of the first view knows better.
    let mut later = accepted(0, 1, 100.0);
    later.beacon.measurements = vec![memory(Some(Scalar::Number(300_000.0)))];
    views.push(later);
    insert(&store, 1, &views).await;
    rollup::run_once(&store).await.expect("recomputes");

    let values = "select toString(arraySort(groupArray(value))) from measurements where vital = 'MEMORY_GROWTH'";
    assert_eq!(text(&store, values).await, "[-50000,0,300000]");
    let indices = [-50_000.0, 0.0, 300_000.0].map(|value| Scheme::Growth.bucket_index(value));
    let buckets =
        "select toString(arraySort(mapKeys(buckets))) from rollups where vital = 'MEMORY_GROWTH'";
    let [falls, stays, grows] = indices;
    assert_eq!(
        text(&store, buckets).await,
        format!("[{falls},{stays},{grows}]")
    );
    assert_eq!(
        count(
            &store,
            "select count() from measurements where vital = 'MEMORY'"
        )
        .await,
        6
    );
    // It is read with all other series, and learned like them.
    let strategy = detect::Strategy::RollingWindow;
    let judged = watch::evaluate(&store, strategy, None, jiff::Timestamp::now())
        .await
        .expect("judges");
    let baselines = &judged.replay.baselines;
    let growth = baselines.iter().find(|one| one.key.is_growth());
    let state = growth.expect("is described").state;
    assert_eq!(state, detect::BaselineState::Learning);
}

const END: i64 = 20_750 * 24;

/// Growth of long page views, bytes a minute: it scatters around none, and around 0.25 MB more in the last four days.
async fn import_growth(store: &Store) {
    let mut import = Import::new(store.clone(), 1);
    for hour in END - 45 * 24..END {
        let leak = if hour >= END - 4 * 24 { 250_000.0 } else { 0.0 };
        let values: Vec<String> = (0..16)
            .map(|step| {
                let place = (f64::from(step) + (hour as f64 * 0.618).fract()) / 16.0;
                let noise = detect::distribution::normal_quantile(place.clamp(0.01, 0.99));
                format!("[{:.0},1]", leak + 150_000.0 * noise)
            })
            .collect();
        let heap = r#"[[40000000,9],[50000000,9],[60000000,9]]"#;
        for (vital, values) in [
            ("MEMORY_GROWTH", format!("[{}]", values.join(","))),
            ("MEMORY", heap.to_owned()),
        ] {
            let line = format!(
                r#"{{"app":"shop","environment":"production","route":"/product/:id","vital":"{vital}","stratum":"desktop/fast/network","release":"1","hour":"{}","values":{values}}}"#,
                history::timestamp(hour)
            );
            let parsed = history::parse(line.as_bytes()).expect("is a line");
            import.push(&parsed).await.expect("is taken");
        }
    }
    import.flush().await.expect("is taken");
}

/// Page views of the last day that told their growth at 30, 40 and 90 minutes, and one that was too short for it.
async fn insert_visits(store: &Store) {
    let minutes = [(30.0, true), (40.0, true), (90.0, true), (2.0, false)];
    let visits: Vec<_> = (0..)
        .zip(minutes)
        .map(|(view, (minutes, is_long))| {
            let mut beacon = accepted(100 + view, 0, 100.0);
            beacon.started_ms = ((END - 12) * 3_600_000) as u64;
            beacon.beacon.start_ms = beacon.started_ms;
            beacon.received_ms = beacon.started_ms + 5_000_000;
            let mut told = memory(is_long.then_some(Scalar::Number(0.0)));
            told.attribution
                .push(("age_ms".into(), Scalar::Number(minutes * 60_000.0)));
            beacon.beacon.measurements = vec![told];
            beacon
        })
        .collect();
    insert(store, 1, &visits).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_is_a_finding_in_megabytes() {
    let store = engine::store().await;
    import_growth(&store).await;
    insert_visits(&store).await;
    let at = jiff::Timestamp::from_second(END * 3600).expect("is a time");
    let strategy = detect::Strategy::RollingWindow;
    for _twice in 0..2 {
        watch::evaluate(&store, strategy, None, at)
            .await
            .expect("judges");
    }
    let found = "select concat(route, ' ', vital, ' ', direction, ' ', state) from findings";
    assert_eq!(
        text(&store, found).await,
        "/product/:id MEMORY_GROWTH regression confirmed"
    );
    let said = text(&store, "select recommendation from findings").await;
    assert!(
        said.contains("MB an hour more") && said.contains("visit of 40 min"),
        "{said}"
    );
    let detail: serde_json::Value =
        serde_json::from_str(&text(&store, "select detail from findings").await).expect("is JSON");
    let leak = &detail["leak"];
    // 0.25 MB a minute: 15 MB an hour, 10 MB in 40 minutes, on top of some 60 MB.
    let by_hour = leak["increase_mb_per_hour"]["value"]
        .as_f64()
        .expect("a number");
    let by_visit = leak["increase_mb_per_visit"]["value"]
        .as_f64()
        .expect("a number");
    assert!(
        (by_hour - 15.0).abs() < 2.0 && (by_visit - 10.0).abs() < 1.5,
        "{detail:#}"
    );
    assert_eq!(leak["visit_minutes"], 40.0);
    let ratio = "select toString(change_ratio > 1.12 and change_ratio < 1.22 and severity = 'warning') from findings";
    assert_eq!(text(&store, ratio).await, "1", "{detail:#}");
    // The API tells it as an object.
    let (_, listed) = get(
        &private(store),
        "/api/v1/findings?state=all&app=shop&environment=production&range=90d",
    )
    .await;
    let listed = listed["rows"].as_array().cloned().unwrap_or_default();
    assert_eq!(listed.len(), 1);
    assert!(
        listed.iter().all(|one| one["detail"]["lane"] == "hours"),
        "{listed:#?}"
    );
}

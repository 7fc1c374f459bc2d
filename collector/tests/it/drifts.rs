//! Slow drifts: listed once a day by the evaluation, kept, and told by the API.

use axum::http::StatusCode;
use collector::history;
use collector::store::import::Import;
use collector::store::{Store, drifts};
use collector::watch;
use detect::Hour;

use crate::engine;
use crate::shop::{get, private};
use crate::writer::count;

const STRATEGY: detect::Strategy = detect::Strategy::RollingWindow;
const DAYS: Hour = 45;
/// The midnight at which it is judged, in the past, so that the API's readers see it.
const END: Hour = 20_750 * 24;

/// LCP of two routes; `/slow` is 0.6 % slower each day of the last thirteen.
async fn import(store: &Store) {
    let mut import = Import::new(store.clone(), 1);
    for hour in END - DAYS * 24..END {
        for (route, per_day) in [("/calm", 0.0), ("/slow", 0.006)] {
            let day = (hour - (END - 13 * 24)).div_euclid(24) + 1;
            let drift = (per_day * day.max(0) as f64).exp();
            // Days and hours scatter by a per cent or so.
            let scatter = ((hour * 7_919 % 97) as f64 / 97.0 - 0.5) * 0.02
                + ((hour.div_euclid(24) * 31 % 13) as f64 / 13.0 - 0.5) * 0.02;
            let values: Vec<String> = (0..12)
                .map(|step| {
                    // At another place of its bucket each hour, or a drift within a bucket would not be seen.
                    let place = f64::from(step) + (hour as f64 * 0.618).fract();
                    let value = 1_245.0 * (place / 6.0 - 0.9).exp() * drift * scatter.exp();
                    format!("[{value:.1},{}]", 4 + (hour + i64::from(step)) % 3)
                })
                .collect();
            let line = format!(
                r#"{{"app":"shop","environment":"production","route":"{route}","vital":"LCP","stratum":"mobile/fast/network","release":"1","hour":"{}","values":[{}]}}"#,
                history::timestamp(hour),
                values.join(",")
            );
            let parsed = history::parse(line.as_bytes()).expect("is a line");
            import.push(&parsed).await.expect("is taken");
        }
    }
    import.flush().await.expect("is taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drift_is_listed_once_a_day_with_the_date_of_its_crossing() {
    let store = engine::store().await;
    import(&store).await;
    let at = jiff::Timestamp::from_second(END * 3600).expect("is a time");
    assert!(!drifts::is_known(&store, END).await.expect("answers"));
    for _twice in 0..2 {
        watch::evaluate(&store, STRATEGY, None, at)
            .await
            .expect("judges");
    }
    assert!(drifts::is_known(&store, END).await.expect("answers"));
    let (status, answer) = get(
        &private(store.clone()),
        "/api/v1/trends?app=shop&environment=production",
    )
    .await;
    assert_eq!(status, StatusCode::OK);
    let trends = answer["rows"].as_array().expect("a list");
    assert_eq!(trends.len(), 1, "{answer:#}");
    let drift = &trends[0];
    let text = |name: &str| drift[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| drift[name].as_f64().unwrap_or(f64::NAN);
    assert_eq!(
        (text("route"), text("vital")),
        ("/slow".into(), "LCP".into())
    );
    assert_eq!(text("direction"), "regression");
    assert_eq!(text("day"), history::timestamp(END - 24)[..10]);
    assert!((1.02..1.09).contains(&number("change_ratio")), "{drift:#}");
    assert!(
        (1.004..1.008).contains(&number("ratio_per_day")),
        "{drift:#}"
    );
    assert_eq!(number("threshold"), 2_500.0, "{drift:#}");
    let days = (2_500.0 / number("baseline_p75")).ln() / 0.006 - 13.0;
    assert!((1.0..9.0).contains(&days), "{drift:#}");
    let truth = history::timestamp(END + 24 * days as Hour)[..10].to_owned();
    let latest = Some(text("crosses_latest")).filter(|latest| !latest.is_empty());
    assert!(text("crosses_earliest") <= truth, "{truth} {drift:#}");
    assert!(
        latest.is_none_or(|latest| truth <= latest),
        "{truth} {drift:#}"
    );
    assert!(text("day") < text("crosses_on"), "{drift:#}");
    assert_eq!(count(&store, "select count() from drifts").await, 1);
    // The route's own, and nobody else's.
    let (_, of_route) = get(
        &private(store.clone()),
        "/api/v1/trends?app=shop&environment=production&route=/calm",
    )
    .await;
    assert_eq!(of_route["rows"], serde_json::json!([]));
    let listed = drifts::listed(&store, END).await.expect("answers");
    assert_eq!(listed.len(), 1);
    assert_eq!(drifts::listed(&store, END - 24).await.expect("answers"), []);
}

/// Nothing there, nothing known, nothing listed: and the day counts as looked at.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_history_has_no_drifts() {
    let store = engine::store().await;
    watch::evaluate(&store, STRATEGY, None, jiff::Timestamp::now())
        .await
        .expect("judges");
    let (status, answer) = get(&private(store.clone()), "/api/v1/trends").await;
    assert_eq!(
        (status, &answer["rows"]),
        (StatusCode::OK, &serde_json::json!([]))
    );
    let known = count(&store, "select count() from drift_rows where id = ''").await;
    assert_eq!(known, 1);
}

//! The API about single things: operations, page views behind a number, two releases side by side, what to do first. On data whose
//! numbers follow from `visits` and `shop`.

use axum::Router;
use axum::http::{Method, StatusCode, header};
use serde_json::Value;

use crate::shop::{self, HOSTILE, answer, get, private, request};
use crate::visits::{self, NEW_RELEASE, OLD_RELEASE, OPERATION, VIEWS, lcp_ms, view_id};

const DAY: &str = "app=shop&environment=production&range=24h";

async fn ok(router: &Router, path: &str) -> Value {
    let (status, answer) = get(router, &format!("/api/v1/{path}")).await;
    assert_eq!(status, StatusCode::OK, "{path}: {answer}");
    answer
}

/// Status and code of a refusal.
async fn check(router: &Router, path: &str, expected: (u16, &str)) {
    let (status, answer) = get(router, &format!("/api/v1/{path}")).await;
    let found = (status.as_u16(), answer["code"].as_str().unwrap_or(""));
    assert_eq!(found, expected, "{path}: {answer}");
}

fn rows<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer[name].as_array().expect("a list")
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

/// Within the width of a bucket.
fn near(value: &Value, expected: f64) {
    let value = number(value);
    assert!(
        (value / expected - 1.0).abs() < 0.08,
        "{value}, not {expected}"
    );
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_are_summed_up_and_single_calls_shown() {
    let store = shop::store().await;
    visits::add(&store).await;
    let router = private(store);

    let list = ok(&router, &format!("operations?{DAY}")).await;
    assert_eq!(list["total"], 1);
    let line = &list["rows"][0];
    assert_eq!(
        (&line["name"], &line["n"]),
        (&OPERATION.into(), &VIEWS.into())
    );
    // Durations are 50 to 169 ms; every tenth call failed.
    near(&line["p50"], 110.0);
    near(&line["p95"], 163.0);
    assert_eq!(
        (&line["failed_n"], &line["failed_share"]),
        (&12.into(), &0.1.into())
    );
    assert!(rows(line, "trend").len() >= 6, "one point an hour: {line}");
    assert_eq!(
        ok(&router, &format!("operations?{DAY}&search=CART")).await["total"],
        1
    );
    assert_eq!(
        ok(&router, &format!("operations?{DAY}&search=nothing")).await["total"],
        0
    );

    let path = format!("operations/{}?{DAY}", encoded(OPERATION));
    let one = ok(&router, &path).await;
    assert_eq!(one["summary"]["n"], VIEWS);
    let errors = rows(&one, "errors");
    assert_eq!(
        (errors.len(), &errors[0]["error_type"], &errors[0]["n"]),
        (1, &"TypeError".into(), &12.into())
    );
    let cache = &one["cache"];
    assert_eq!(
        (&cache["n"], &cache["hit_share"]),
        (&VIEWS.into(), &0.25.into())
    );
    assert_eq!(cache["words"][0]["word"], "miss");
    let by_route: Vec<_> = rows(&one, "routes")
        .iter()
        .map(|row| (row["name"].as_str(), row["n"].as_u64()))
        .collect();
    assert_eq!(
        by_route,
        [(Some("/product/:id"), Some(90)), (Some("/"), Some(30))]
    );
    let trend_n: u64 = rows(&one, "trend")
        .iter()
        .filter_map(|point| point["n"].as_u64())
        .sum();
    assert_eq!(trend_n, VIEWS as u64);
    let failed: f64 = rows(&one, "trend")
        .iter()
        .map(|point| number(&point["failed_share"]) * number(&point["n"]))
        .sum();
    assert!((failed - 12.0).abs() < 1e-6, "{failed}");
    let share: f64 = rows(&one, "distribution")
        .iter()
        .map(|bar| number(&bar["share"]))
        .sum();
    assert!((share - 1.0).abs() < 1e-9);

    let calls = &one["calls"];
    assert_eq!(calls["sample_n"], VIEWS);
    assert_eq!(
        calls["memory"]["p50"], 60_000.0,
        "the middle of 0 to 119,000"
    );
    assert_eq!(
        (&calls["input"]["n"], &calls["input"]["correlation"]),
        (&VIEWS.into(), &1.0.into())
    );
    let sizes = rows(&calls["input"], "sizes");
    assert!(sizes.len() > 4 && sizes.is_sorted_by_key(|row| row["input_low"].as_f64()));
    assert!(
        sizes.is_sorted_by_key(|row| row["p75"].as_f64()),
        "larger takes longer: {sizes:?}"
    );
    let slowest = &calls["slowest"][0];
    assert_eq!(
        (&slowest["duration_ms"], &slowest["view_id"]),
        (&169.0.into(), &view_id(119).into())
    );
    let fastest = &calls["fastest"][0];
    assert_eq!(
        (&fastest["duration_ms"], &fastest["error_type"]),
        (&50.0.into(), &"TypeError".into())
    );

    let on_home = ok(&router, &format!("{path}&route=/")).await;
    assert_eq!(
        (&on_home["summary"]["n"], &on_home["calls"]["sample_n"]),
        (&30.into(), &30.into())
    );
    check(
        &router,
        &format!("operations/nothing?{DAY}"),
        (404, "unknown-operation"),
    )
    .await;
    check(
        &router,
        &format!("operations/{}?{DAY}", encoded(HOSTILE)),
        (404, "unknown-operation"),
    )
    .await;
    check(
        &router,
        "operations?app=nobody&environment=production",
        (404, "unknown-app"),
    )
    .await;
    check(
        &router,
        &format!("operations?{DAY}&route={}", encoded("/nowhere")),
        (404, "unknown-route"),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn page_views_behind_a_number_are_found_and_told_whole() {
    let store = shop::store().await;
    visits::add(&store).await;
    let router = private(store);
    let route = encoded("/product/:id");

    let of_release = format!("page-views?{DAY}&route={route}&release={NEW_RELEASE}");
    let slowest = ok(&router, &of_release).await;
    // Views of the new release on this route: 0 to 59 but every fourth; the latest are the slowest.
    let first = &slowest["rows"][0];
    assert_eq!(
        (&first["view_id"], number(&first["value"])),
        (&view_id(58).into(), lcp_ms(58))
    );
    assert!(
        rows(&slowest, "rows")
            .iter()
            .all(|row| row["release"] == NEW_RELEASE && row["route"] == "/product/:id")
    );
    assert!(rows(&slowest, "rows").is_sorted_by(|a, b| number(&a["value"]) >= number(&b["value"])));
    assert!(
        first["attribution"]
            .as_str()
            .is_some_and(|text| text.contains("#hero"))
    );

    let mut values: Vec<f64> = (0..VIEWS / 2).filter(|i| i % 4 != 3).map(lcp_ms).collect();
    values.sort_by(f64::total_cmp);
    let near = ok(&router, &format!("{of_release}&order=near&limit=3")).await;
    assert_eq!(rows(&near, "rows").len(), 3);
    assert_eq!(
        number(&near["rows"][0]["value"]),
        values[values.len() * 3 / 4]
    );

    let newest = ok(&router, &format!("{of_release}&order=newest&vital=INP")).await;
    assert_eq!(newest["rows"][0]["view_id"], view_id(0));
    let from_germany = ok(&router, &format!("page-views?{DAY}&country=DE&limit=100")).await;
    assert_eq!(rows(&from_germany, "rows").len(), 90);
    let phones = ok(
        &router,
        &format!("page-views?{DAY}&device=desktop&limit=100"),
    )
    .await;
    assert_eq!(rows(&phones, "rows").len(), 40);

    for (parameters, expected) in [
        ("order=fastest", (400, "invalid-parameter")),
        ("limit=101", (400, "invalid-parameter")),
        ("limit=0", (400, "invalid-parameter")),
        ("vital=XYZ", (400, "invalid-parameter")),
        ("release=9.9.9", (404, "unknown-value")),
        ("format=xml", (400, "invalid-parameter")),
    ] {
        check(&router, &format!("page-views?{DAY}&{parameters}"), expected).await;
    }
    let quiet = "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z";
    let nothing = ok(
        &router,
        &format!("page-views?app=shop&environment=production&{quiet}"),
    )
    .await;
    assert!(rows(&nothing, "rows").is_empty());
    let table = answer(
        &router,
        request(Method::GET, &format!("/api/v1/{of_release}&format=csv"), ""),
    )
    .await;
    assert!(
        table.headers()[header::CONTENT_TYPE]
            .to_str()
            .is_ok_and(|kind| kind.starts_with("text/csv"))
    );

    one_page_view(&router).await;
}

async fn one_page_view(router: &Router) {
    let at = ok(
        router,
        &format!("page-views?{DAY}&release={OLD_RELEASE}&country=&order=newest&limit=100"),
    )
    .await;
    let found = rows(&at, "rows")
        .iter()
        .find(|row| row["view_id"] == view_id(70))
        .expect("is there");
    let at_ms = found["started_at_ms"].as_i64().expect("a number");
    for path in [
        format!("page-views/{}?app=shop", view_id(70)),
        format!("page-views/{}?app=shop&at={at_ms}", view_id(70)),
    ] {
        let view = ok(router, &path).await;
        assert_eq!(
            (&view["view_id"], &view["started_at_ms"]),
            (&view_id(70).into(), &at_ms.into())
        );
        assert_eq!(
            (&view["country"], &view["release"], &view["engine"]),
            (&"DE".into(), &OLD_RELEASE.into(), &"wasm".into())
        );
        assert_eq!(rows(&view, "vitals").len(), 7);
        let lcp = rows(&view, "vitals")
            .iter()
            .find(|row| row["vital"] == "LCP")
            .expect("was measured");
        assert_eq!(
            (number(&lcp["value"]), &lcp["unit"]),
            (lcp_ms(70), &"ms".into())
        );
        let load = rows(&view, "timing")
            .iter()
            .find(|one| one["name"] == "load_ms")
            .expect("was told");
        assert_eq!(load["value"], 1400.0);
        assert_eq!(
            (&view["resource_count"], &view["long_tasks"]),
            (&12.0.into(), &2.0.into())
        );
        assert_eq!(
            (&view["custom"][0]["name"], &view["custom"][0]["value"]),
            (&"tenant".into(), &"acme".into())
        );
        let operation = &view["operations"][0];
        assert_eq!(
            (
                &operation["name"],
                &operation["at_ms"],
                &operation["duration_ms"]
            ),
            (&OPERATION.into(), &900.into(), &120.0.into())
        );
    }
    for (path, expected) in [
        (
            format!("page-views/{}", view_id(70)),
            (400, "invalid-parameter"),
        ),
        (
            format!("page-views/{}?app=other", view_id(70)),
            (404, "unknown-page-view"),
        ),
        (
            format!(
                "page-views/{}?app=shop&at=2026-01-01T00:00:00Z",
                view_id(70)
            ),
            (404, "unknown-page-view"),
        ),
        (
            format!(
                "page-views/{}?app=shop",
                encoded("'; drop table rollups; --")
            ),
            (404, "unknown-page-view"),
        ),
        (
            format!("page-views/{}?app=shop&at=soon", view_id(70)),
            (400, "invalid-parameter"),
        ),
    ] {
        check(router, &path, expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_releases_and_two_periods_are_compared() {
    let router = private(shop::store().await);
    let app = "app=shop&environment=production&range=28d";
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let day = 86_400_000;
    let periods = format!(
        "baseline={}/{}&current={}/{}",
        now_ms - 12 * day,
        now_ms - 5 * day,
        now_ms - day,
        now_ms
    );
    for sides in ["baseline=1.0.0&current=2.0.0".to_owned(), periods] {
        let found = ok(&router, &format!("compare?{app}&{sides}")).await;
        // Three routes with seven vitals; only one painted later.
        assert_eq!(
            (&found["total"], &found["not_comparable_count"]),
            (&21.into(), &0.into()),
            "{sides}"
        );
        let first = &found["rows"][0];
        assert_eq!(
            (&first["route"], &first["vital"]),
            (&"/product/:id".into(), &"LCP".into())
        );
        assert!(
            (1.85..2.15).contains(&number(&first["change_ratio"])),
            "{first}"
        );
        assert!(
            number(&first["change_low"]) <= 2.0 && number(&first["change_high"]) >= 2.0,
            "{first}"
        );
        assert!(
            number(&first["p_value"]) < 1e-6 && first["stands_out"] == true,
            "{first}"
        );
        let others = &rows(&found, "rows")[1..];
        assert!(
            others.iter().all(|row| row["stands_out"] == false),
            "{others:?}"
        );
        assert!(
            others
                .iter()
                .all(|row| (number(&row["change_ratio"]) - 1.0).abs() < 1e-6),
            "{others:?}"
        );
    }
    let one = ok(
        &router,
        &format!(
            "compare?{app}&baseline=1.0.0&current=2.0.0&vital=LCP&route={}",
            encoded(HOSTILE)
        ),
    )
    .await;
    assert_eq!(
        (&one["total"], &one["rows"][0]["route"]),
        (&1.into(), &HOSTILE.into())
    );
    let nothing = ok(
        &router,
        &format!("compare?{app}&baseline=1.0.0&current=7.7.7"),
    )
    .await;
    assert_eq!(
        (&nothing["total"], &nothing["not_comparable_count"]),
        (&0.into(), &21.into())
    );
    check(
        &router,
        &format!("compare?{app}"),
        (400, "invalid-parameter"),
    )
    .await;
    check(
        &router,
        &format!("compare?{app}&baseline=1.0.0"),
        (400, "invalid-parameter"),
    )
    .await;
    check(
        &router,
        &format!("compare?{app}&baseline=2000/1000&current=1/2"),
        (400, "invalid-parameter"),
    )
    .await;
    check(
        &router,
        &format!("compare?{app}&baseline=1.0.0&current=2.0.0&vital=X"),
        (400, "invalid-parameter"),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_to_do_first_is_ranked_by_impact() {
    let router = private(shop::store().await);
    let found = ok(&router, &format!("recommendations?{DAY}")).await;
    let ids: Vec<_> = rows(&found, "rows")
        .iter()
        .map(|row| row["finding"]["id"].as_str())
        .collect();
    assert_eq!(
        ids,
        [Some("open"), Some("hostile")],
        "what is resolved is not to do"
    );
    let first = &found["rows"][0];
    // 80 of 124 page views an hour, twice as slow.
    assert!(
        (number(&first["share"]) - 80.0 / 124.0).abs() < 1e-9,
        "{first}"
    );
    assert!(
        (number(&first["impact"]) - 80.0 / 124.0).abs() < 1e-9,
        "{first}"
    );
    assert_eq!(
        (&first["rank"], &first["finding"]["recommendation"]),
        (&1.into(), &"Look at the hero image.".into())
    );
    assert_eq!(found["rows"][1]["impact"], 0.0);
    let table = answer(
        &router,
        request(
            Method::GET,
            &format!("/api/v1/recommendations?{DAY}&format=csv"),
            "",
        ),
    )
    .await;
    assert!(shop::text(table).await.starts_with("rank,impact,n,share,"));
    check(
        &router,
        "recommendations?app=nobody&environment=x",
        (404, "unknown-app"),
    )
    .await;
}

//! The private listener's API: its doors, and its answers on data whose numbers are known.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use collector::config::Config;
use collector::http::private::SpoolStatus;
use serde_json::Value;

use crate::engine;
use crate::shop::{self, HOSTILE, answer, get, private, private_with, request};

const TOKEN: &str = "a-long-random-token";

fn guarded() -> axum::Router {
    let mut config = Config::default();
    config.private.token = Some(TOKEN.into());
    config.private.hosts = vec!["rum.example.org".into()];
    private_with(shop::nowhere(), config)
}

/// The status of a call with these headers.
async fn check(
    router: &axum::Router,
    call: (Method, &str),
    headers: &[(&str, &str)],
    expected: u16,
) {
    let mut builder = Request::builder().method(call.0.clone()).uri(call.1);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    let response = answer(
        router,
        builder.body(Body::from("{}")).expect("a valid request"),
    )
    .await;
    assert_eq!(response.status().as_u16(), expected, "{call:?} {headers:?}");
    assert!(
        response
            .headers()
            .get(header::CONTENT_SECURITY_POLICY)
            .is_some(),
        "{call:?}"
    );
    assert!(
        response
            .headers()
            .get(header::ACCESS_CONTROL_ALLOW_ORIGIN)
            .is_none(),
        "{call:?}"
    );
}

#[tokio::test]
async fn a_foreign_host_name_is_misdirected_before_anything_else() {
    let bearer = format!("Bearer {TOKEN}");
    for path in [
        "/",
        "/api/v1/overview",
        "/metrics",
        "/healthz",
        "/assets/app.js",
        "/nothing",
    ] {
        check(
            &guarded(),
            (Method::GET, path),
            &[("host", "evil.example"), ("authorization", &bearer)],
            421,
        )
        .await;
        check(&guarded(), (Method::GET, path), &[], 421).await;
    }
    check(
        &guarded(),
        (Method::GET, "/healthz"),
        &[("host", "rum.example.org")],
        200,
    )
    .await;
    check(
        &guarded(),
        (Method::GET, "/healthz"),
        &[("host", "[::1]:8081")],
        200,
    )
    .await;
}

#[tokio::test]
async fn without_the_token_there_is_no_data() {
    let local = ("host", "localhost");
    for path in [
        "/api/v1/overview",
        "/api/v1/findings/x",
        "/metrics",
        "/assets/app.js",
        "/nothing",
    ] {
        check(&guarded(), (Method::GET, path), &[local], 401).await;
        check(
            &guarded(),
            (Method::GET, path),
            &[local, ("authorization", "Bearer wrong")],
            401,
        )
        .await;
        check(
            &guarded(),
            (Method::GET, path),
            &[local, ("cookie", "vitalscope_login=wrong")],
            401,
        )
        .await;
        // The token itself is no cookie.
        check(
            &guarded(),
            (Method::GET, path),
            &[local, ("cookie", &format!("vitalscope_login={TOKEN}"))],
            401,
        )
        .await;
    }
    let bearer = format!("Bearer {TOKEN}");
    check(
        &guarded(),
        (Method::GET, "/metrics"),
        &[local, ("authorization", &bearer)],
        200,
    )
    .await;
    check(&guarded(), (Method::GET, "/healthz"), &[local], 200).await;
    check(&guarded(), (Method::GET, "/readyz"), &[local], 200).await;

    let page = answer(&guarded(), request(Method::GET, "/", "")).await;
    assert_eq!(page.status(), StatusCode::UNAUTHORIZED);
    let page = shop::text(page).await;
    assert!(
        page.contains("<form method=\"post\" action=\"/login\">") && !page.contains("app.js"),
        "{page}"
    );
}

#[tokio::test]
async fn the_login_form_sets_a_cookie_that_opens_the_page() {
    let login_from = |origin: &str, token: &str| {
        Request::post("/login")
            .header(header::HOST, "localhost")
            .header(header::ORIGIN, origin)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(format!("token={token}")))
            .expect("a valid request")
    };
    let login = |token: &str| login_from("http://localhost", token);
    assert_eq!(
        answer(&guarded(), login("wrong")).await.status(),
        StatusCode::UNAUTHORIZED
    );
    let response = answer(&guarded(), login(TOKEN)).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let cookie = response.headers()[header::SET_COOKIE]
        .to_str()
        .expect("plain text")
        .to_owned();
    assert!(
        cookie.contains("HttpOnly")
            && cookie.contains("SameSite=Strict")
            && !cookie.contains(TOKEN),
        "{cookie}"
    );
    assert!(!cookie.contains("Secure"), "plain HTTP on loopback works");
    let behind_tls = answer(&guarded(), login_from("https://rum.example.org", TOKEN)).await;
    assert!(
        behind_tls.headers()[header::SET_COOKIE]
            .to_str()
            .is_ok_and(|cookie| cookie.ends_with("; Secure"))
    );
    let pair = cookie.split(';').next().expect("a pair");
    check(
        &guarded(),
        (Method::GET, "/"),
        &[("host", "localhost"), ("cookie", pair)],
        200,
    )
    .await;
    check(
        &guarded(),
        (Method::POST, "/login"),
        &[("host", "localhost"), ("sec-fetch-site", "cross-site")],
        403,
    )
    .await;
}

#[tokio::test]
async fn a_foreign_page_cannot_write() {
    let router = private(shop::nowhere());
    let (local, json) = (("host", "localhost"), ("content-type", "application/json"));
    for path in [
        "/api/v1/deploys",
        "/api/v1/findings/x/mute",
        "/api/v1/findings/x/unmute",
        "/api/v1/baselines/x/approve",
    ] {
        for site in ["cross-site", "same-site"] {
            check(
                &router,
                (Method::POST, path),
                &[local, json, ("sec-fetch-site", site)],
                403,
            )
            .await;
        }
        check(&router, (Method::POST, path), &[local], 415).await;
        check(
            &router,
            (Method::POST, path),
            &[local, ("content-type", "text/plain")],
            415,
        )
        .await;
    }
    for site in ["same-origin", "none"] {
        // Through the doors, and there the body is looked at.
        check(
            &router,
            (Method::POST, "/api/v1/deploys"),
            &[local, json, ("sec-fetch-site", site)],
            400,
        )
        .await;
    }
}

#[tokio::test]
async fn without_clickhouse_the_api_says_so_and_the_page_stands() {
    let router = private(shop::nowhere());
    let response = answer(&router, request(Method::GET, "/api/v1/overview", "")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    assert!(response.headers().contains_key(header::RETRY_AFTER));
    let (status, health) = get(&router, "/api/v1/health").await;
    assert_eq!((status, &health["stored"]), (StatusCode::OK, &Value::Null));
    check(&router, (Method::GET, "/"), &[("host", "localhost")], 200).await;
}

#[tokio::test]
async fn it_is_ready_while_the_spool_has_room_and_is_fresh() {
    let check = async |bytes, oldest_age_s, accepting, expected: &str| {
        let spool = SpoolStatus {
            bytes,
            oldest_age_s,
            accepting,
        };
        let mut config = Config::default();
        config.spool.max_bytes = 1000;
        let router = shop::private_beside(spool, shop::nowhere(), config);
        let response = answer(&router, request(Method::GET, "/readyz", "")).await;
        let is_ready = response.status() == StatusCode::OK;
        let word = shop::text(response).await;
        assert_eq!((is_ready, word.as_str()), (expected == "ready", expected));
    };
    check(0, 0.0, true, "ready").await;
    check(900, 900.0, true, "ready").await;
    check(901, 0.0, true, "unready").await;
    check(0, 901.0, true, "unready").await;
    check(0, 0.0, false, "unready").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_store_is_a_state_of_its_own() {
    let router = private(engine::store().await);
    let (status, overview) = get(&router, "/api/v1/overview").await;
    assert_eq!(
        (status, overview["state"].as_str()),
        (StatusCode::OK, Some("empty"))
    );
    let (status, routes) = get(&router, "/api/v1/routes").await;
    assert_eq!(
        (status, routes["rows"].as_array().map(Vec::len)),
        (StatusCode::OK, Some(0))
    );
    assert_eq!(
        get(&router, "/api/v1/findings").await.1["rows"],
        serde_json::json!([])
    );
    assert_eq!(
        get(&router, "/api/v1/overview?app=shop").await.0,
        StatusCode::NOT_FOUND
    );
    let response = answer(&router, request(Method::GET, "/readyz", "")).await;
    assert_eq!(
        (response.status(), shop::text(response).await.as_str()),
        (StatusCode::OK, "ready")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answers_are_what_was_measured() {
    let router = private(shop::store().await);
    overview(&router).await;
    routes(&router).await;
    one_route(&router).await;
    findings(&router).await;
    unknown_and_quiet(&router).await;
    hostile(&router).await;
    decisions(&router).await;
}

async fn overview(router: &axum::Router) {
    let (_, overview) = get(router, "/api/v1/overview?range=24h").await;
    assert_eq!(
        (overview["app"].as_str(), overview["state"].as_str()),
        (Some("shop"), Some("measured"))
    );
    // Each hour has 40 + 80 + 4 page views; a new one may have begun since they were made.
    let hours = vital(&overview, "LCP")["trend"]
        .as_array()
        .map_or(0, Vec::len);
    assert!((24..=25).contains(&hours), "{hours}");
    assert_eq!(overview["page_view_count"], hours * 124);
    let lcp = vital(&overview, "LCP");
    // Half and more of the page views are of the product page, whose slowest quarter takes 10.8 s; the p75 is its usual 3.6 s.
    near(&lcp["p75"], 3600.0);
    near(&lcp["previous_p75"], 3600.0);
    assert_eq!(lcp["rating"], "needs-improvement");
    assert_eq!(overview["assessment"]["result"], "poor");
    assert_eq!(overview["assessment"]["failing"][0], "LCP");
    let shares = &vital(&overview, "INP")["shares"];
    // A quarter lies at 360 ms: above 200, below 500.
    assert_eq!(
        (
            shares["good"].as_f64(),
            shares["needs_improvement"].as_f64()
        ),
        (Some(0.75), Some(0.25))
    );
    assert_eq!(vital(&overview, "MEMORY")["shares"], Value::Null);
    assert_eq!(
        overview["findings_open"],
        serde_json::json!({"critical": 2, "warning": 0, "minor": 0, "improvements": 0})
    );
}

async fn routes(router: &axum::Router) {
    let (_, list) = get(
        router,
        "/api/v1/routes?app=shop&environment=production&range=24h",
    )
    .await;
    let names: Vec<&str> = list["rows"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|line| line["route"].as_str())
        .collect();
    assert_eq!(names, ["/product/:id", "/", HOSTILE]);
    let product = &list["rows"][0];
    let count = product["page_view_count"].as_u64();
    assert!(
        count == Some(25 * 80) || count == Some(24 * 80),
        "{count:?}"
    );
    assert_eq!(product["vitals"].as_array().map(Vec::len), Some(7));
    assert_eq!(product["findings_open"][0]["id"], "open");
    assert_eq!(vital(product, "LCP")["baseline_state"], "approved");
    assert_eq!(vital(product, "INP")["baseline_state"], Value::Null);
    assert_eq!(vital(&list["rows"][1], "LCP")["baseline_state"], "learning");
}

async fn one_route(router: &axum::Router) {
    let (_, view) = get(
        router,
        "/api/v1/routes/%2Fproduct%2F%3Aid?app=shop&vital=LCP&range=7d",
    )
    .await;
    let trend = &view["trend"];
    let points = trend["points"].as_array().expect("points");
    assert!(points.len() >= 7 * 24, "{}", points.len());
    near(&points[0]["value"], 1800.0);
    near(&points[points.len() - 1]["value"], 3600.0);
    // Every baseline hour is alike, so the band is one bucket.
    near(&trend["band"]["low"], 1800.0);
    near(&trend["band"]["high"], 1800.0);
    assert_eq!(view["deploys"][0]["release"], "2.0.0");
    assert_eq!(view["findings"][0]["id"], "open");
    let total: f64 = trend["distribution"]
        .as_array()
        .expect("bars")
        .iter()
        .filter_map(|bar| bar["share"].as_f64())
        .sum();
    assert!((total - 1.0).abs() < 1e-9, "{total}");

    let (_, days) = get(router, "/api/v1/routes/%2F?app=shop&vital=LCP&range=14d").await;
    assert_eq!(
        (days["step_s"].as_i64(), &days["trend"]["band"]),
        (Some(86_400), &Value::Null),
        "a learning baseline has no band"
    );
    let (status, problem) = get(router, "/api/v1/routes/%2F?app=shop&vital=SPEED").await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (StatusCode::BAD_REQUEST, Some("invalid-parameter"))
    );
}

async fn findings(router: &axum::Router) {
    let ids = async |query: &str| -> Vec<String> {
        let (_, list) = get(router, &format!("/api/v1/findings{query}")).await;
        let list = list["rows"].as_array().expect("a list").clone();
        list.iter()
            .filter_map(|finding| finding["id"].as_str().map(String::from))
            .collect()
    };
    assert_eq!(ids("").await, ["open", "hostile"]);
    assert_eq!(
        ids("?state=all&app=shop").await,
        ["open", "hostile", "gone"]
    );
    assert_eq!(ids("?state=resolved").await, ["gone"]);
    assert_eq!(
        ids("?state=all&range=1h").await,
        ["open", "hostile"],
        "what was resolved before the range is not in it"
    );
    assert_eq!(ids("?state=all&vital=INP").await, Vec::<String>::new());
    assert_eq!(ids("?state=all&limit=1&offset=1").await, ["hostile"]);
    let (_, view) = get(router, "/api/v1/findings/open").await;
    assert_eq!(
        (
            &view["finding"]["release"],
            &view["finding"]["change_ratio"]
        ),
        (&Value::from("2.0.0"), &Value::from(2.0))
    );
    let evidence = &view["evidence"];
    let middle = |bars: &Value| bars[0]["high"].as_f64().expect("a bar");
    assert!(
        middle(&evidence["after"]) > 1.8 * middle(&evidence["before"]),
        "{evidence}"
    );
    near(&evidence["band"]["high"], 1800.0);
    let blamed = |after: u8, name: &str| {
        let rows = evidence["attribution"].as_array().expect("a list");
        let row = rows
            .iter()
            .find(|row| row["after"] == after && row["name"] == name);
        row.and_then(|row| row["mean"].as_f64()).unwrap_or(0.0)
    };
    assert_eq!((blamed(0, "load_ms"), blamed(1, "load_ms")), (900.0, 900.0));
    let element = "<img src=x onerror=alert(1)>";
    assert!(blamed(1, element) > 1.9 * blamed(0, element), "{evidence}");
    assert_eq!(
        get(router, "/api/v1/findings/nothing").await.0,
        StatusCode::NOT_FOUND
    );
}

async fn unknown_and_quiet(router: &axum::Router) {
    for (path, code) in [
        ("overview?app=nope", "unknown-app"),
        ("routes?app=nope", "unknown-app"),
        ("findings?app=nope", "unknown-app"),
        ("baselines?app=nope", "unknown-app"),
        ("routes/nope?app=shop", "unknown-route"),
    ] {
        let (status, problem) = get(router, &format!("/api/v1/{path}")).await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (StatusCode::NOT_FOUND, Some(code)),
            "{path}"
        );
    }
    let (status, quiet) = get(
        router,
        "/api/v1/overview?app=shop&from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z",
    )
    .await;
    assert_eq!(
        (status, quiet["state"].as_str()),
        (StatusCode::OK, Some("quiet"))
    );
    let (status, long) = get(router, "/api/v1/overview?app=shop&range=730d").await;
    assert_eq!(
        (
            status,
            vital(&long, "LCP")["trend"].as_array().map(Vec::len) <= Some(5)
        ),
        (StatusCode::OK, true)
    );
    let (_, health) = get(router, "/api/v1/health").await;
    assert!(
        health["stored"]["last_hour_at_ms"].as_i64() > Some(0),
        "{health}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_leave_what_was_asked_for() {
    let store = shop::store().await;
    // Besides the imported hours: 600 page views of five days, a quarter of them with Firefox.
    collector::store::rollup::run_once(&store)
        .await
        .expect("recomputes");
    let router = private(store);
    let count = async |filter: &str| {
        let path = format!("/api/v1/overview?app=shop&range=28d&{filter}");
        let (status, overview) = get(&router, &path).await;
        assert_eq!(status, StatusCode::OK, "{filter}: {overview}");
        let path = format!("/api/v1/routes?app=shop&range=28d&{filter}");
        let (_, routes) = get(&router, &path).await;
        let of_routes = routes["rows"].as_array().expect("a list").iter();
        let of_routes: u64 = of_routes
            .filter_map(|line| line["page_view_count"].as_u64())
            .sum();
        let all = overview["page_view_count"].as_u64().expect("a number");
        assert_eq!(all, of_routes, "{filter}");
        all
    };
    let all = count("").await;
    assert_eq!(all, shop::HOURS as u64 * 124 + 600);
    assert_eq!(
        count("device=mobile&connection=fast&delivery=network").await,
        all
    );
    assert_eq!(count("device=desktop").await, 0);
    let new = count("release=2.0.0").await;
    assert_eq!(new, shop::SLOW_HOURS as u64 * 124 + 240);
    assert_eq!(count("release=2.0.0&device=mobile").await, new);
    assert_eq!(count("browser=Firefox%20153").await, 150);
    assert_eq!(count("os=Android").await, 600);
    assert_eq!(count("navigation_type=navigate").await, 600);
    for (filter, status, code) in [
        ("device=fridge", 400, "invalid-parameter"),
        ("connection=4g", 400, "invalid-parameter"),
        ("devise=mobile", 400, "invalid-parameter"),
        (
            "browser=Firefox%20153&device=mobile",
            400,
            "invalid-parameter",
        ),
        ("range=7w", 400, "invalid-parameter"),
        ("browser=Lynx", 404, "unknown-value"),
        ("release=9.9.9", 404, "unknown-value"),
        ("release=%27%20or%201%3D1", 404, "unknown-value"),
    ] {
        for path in ["overview", "routes", "routes/%2F"] {
            let path = format!("/api/v1/{path}?app=shop&{filter}");
            let (found, problem) = get(&router, &path).await;
            assert_eq!(
                (found.as_u16(), problem["code"].as_str()),
                (status, Some(code)),
                "{path}"
            );
        }
    }
    let (_, values) = get(&router, "/api/v1/filters?app=shop&range=28d").await;
    let values: Vec<(&str, &str)> = values["rows"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|row| Some((row["dimension"].as_str()?, row["value"].as_str()?)))
        .collect();
    assert_eq!(
        values,
        [
            ("browser", "Chrome 156"),
            ("browser", "Firefox 153"),
            ("navigation_type", "navigate"),
            ("os", "Android"),
            ("release", "2.0.0"),
            ("release", "1.0.0"),
        ]
    );
}

async fn hostile(router: &axum::Router) {
    let encoded: String = HOSTILE.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let (status, view) = get(router, &format!("/api/v1/routes/{encoded}?app=shop")).await;
    assert_eq!(
        (status, view["route"].as_str()),
        (StatusCode::OK, Some(HOSTILE))
    );
    for text in [
        "%27%20or%201%3D1",
        "%7Bapp:String%7D",
        "%00",
        "%5C%27",
        "x%3Bdrop%20table%20rollups",
    ] {
        let (status, _) = get(router, &format!("/api/v1/overview?app={text}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{text}");
    }
}

async fn decisions(router: &axum::Router) {
    let post = async |path: &str, body: &str| {
        let response = answer(router, request(Method::POST, path, body)).await;
        (response.status(), shop::text(response).await)
    };
    let (status, deploy) = post(
        "/api/v1/deploys",
        r#"{"app":"shop","release":"2.1.0","environment":"production","source":"ci"}"#,
    )
    .await;
    assert_eq!(status, StatusCode::CREATED, "{deploy}");
    let (_, deploys) = get(router, "/api/v1/deploys?app=shop&range=1h").await;
    assert_eq!(
        (
            deploys["rows"][0]["release"].as_str(),
            deploys["rows"][0]["environment"].as_str()
        ),
        (Some("2.1.0"), Some("production"))
    );
    for body in [
        "",
        "{}",
        r#"{"app":"shop","release":""}"#,
        r#"{"app":"shop","release":"1","at":"2999-01-01T00:00:00Z"}"#,
        r#"{"app":"shop","release":"1","x":1}"#,
    ] {
        assert!(
            post("/api/v1/deploys", if body.is_empty() { "[" } else { body })
                .await
                .0
                .is_client_error(),
            "{body}"
        );
    }
    assert_eq!(
        post("/api/v1/findings/nothing/mute", "{}").await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        post("/api/v1/findings/open/mute", r#"{"note":"known"}"#)
            .await
            .0,
        StatusCode::OK
    );
    let (_, muted) = get(router, "/api/v1/findings/open").await;
    assert_eq!(
        (&muted["finding"]["state"], &muted["decision"]["note"]),
        (&"muted".into(), &"known".into())
    );
    let (status, back) = post("/api/v1/findings/open/unmute", r#"{"note":"it is back"}"#).await;
    assert_eq!(status, StatusCode::OK);
    assert!(back.contains(r#""state":"confirmed""#), "{back}");
    let (_, heard) = get(router, "/api/v1/findings/open").await;
    assert_eq!(
        (&heard["finding"]["state"], &heard["decision"]["note"]),
        (&"confirmed".into(), &"it is back".into())
    );
    assert_eq!(
        post("/api/v1/findings/open/unmute", "{}").await.0,
        StatusCode::CONFLICT,
        "what is heard cannot be unmuted"
    );
    assert_eq!(
        post("/api/v1/baselines/nothing/approve", "{}").await.0,
        StatusCode::NOT_FOUND
    );
    let path = "/api/v1/baselines?app=shop&route=%2Fproduct%2F%3Aid";
    let id = get(router, path).await.1["rows"][0]["id"].clone();
    let id = id.as_str().expect("an id").replace('/', "%2F");
    let (status, _) = post(&format!("/api/v1/baselines/{id}/reject"), "{}").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(get(router, path).await.1["rows"][0]["state"], "rejected");
}

fn vital<'a>(holder: &'a Value, name: &str) -> &'a Value {
    let found = holder["vitals"]
        .as_array()
        .and_then(|vitals| vitals.iter().find(|entry| entry["vital"] == name));
    found.unwrap_or_else(|| panic!("no {name} in {holder}"))
}

/// Equal up to a bucket's width.
fn near(found: &Value, expected: f64) {
    let found = found
        .as_f64()
        .unwrap_or_else(|| panic!("{found} is no number"));
    assert!(
        (found / expected).ln().abs() < 0.08,
        "{found} is not about {expected}"
    );
}

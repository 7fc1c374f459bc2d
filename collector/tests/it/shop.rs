//! A small shop with known numbers in a fresh database, and the private listener in front of it.
//!
//! Rollups: 21 days of hours, the same values each hour, so that every p75 and share can be worked out on paper. `/product/:id`
//! paints twice as late in the last two days, since release 2.0.0. One route, release and element are hostile.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use collector::config::Config;
use collector::http::private::{self, SpoolStatus};
use collector::metrics::Metrics;
use collector::store::{Access, Store};
use detect::histogram::Scheme;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;
use wire::Vital;

use crate::engine;

pub const HOSTILE: &str = "/<script>alert('x')</script>\"; drop table rollups; --{app:String}?";
/// Hours of history.
pub const HOURS: i64 = 21 * 24;
/// Hours since the product page became slow.
pub const SLOW_HOURS: i64 = 48;

/// The private listener over `store`, without a token.
pub fn private(store: Store) -> Router {
    private_with(store, Config::default())
}

pub fn private_with(store: Store, config: Config) -> Router {
    let empty = SpoolStatus {
        bytes: 0,
        oldest_age_s: 0.0,
        accepting: true,
    };
    private_beside(empty, store, config)
}

pub fn private_beside(spool: SpoolStatus, store: Store, config: Config) -> Router {
    private::router(private::State {
        store,
        metrics: Arc::new(Metrics::default()),
        config: Arc::new(config),
        spool: Arc::new(move || spool),
    })
}

/// A store whose server is not there.
pub fn nowhere() -> Store {
    let text = |text: &str| text.to_owned();
    Store::new(Access {
        url: text("http://127.0.0.1:1"),
        database: text("vitalscope"),
        user: text("x"),
        password: text("x"),
    })
}

pub fn request(method: Method, path: &str, body: &str) -> Request<Body> {
    let builder = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost:8081");
    let builder = if body.is_empty() {
        builder
    } else {
        builder.header(header::CONTENT_TYPE, "application/json")
    };
    builder
        .body(Body::from(body.to_owned()))
        .expect("a valid request")
}

pub async fn answer(router: &Router, request: Request<Body>) -> Response {
    router
        .clone()
        .oneshot(request)
        .await
        .expect("the router never fails")
}

pub async fn text(response: Response) -> String {
    let bytes = response
        .into_body()
        .collect()
        .await
        .expect("the body arrives")
        .to_bytes();
    String::from_utf8(bytes.to_vec()).expect("answers are UTF-8")
}

/// GET, and the JSON of the answer.
pub async fn get(router: &Router, path: &str) -> (StatusCode, Value) {
    let response = answer(router, request(Method::GET, path, "")).await;
    let status = response.status();
    let body = text(response).await;
    (
        status,
        serde_json::from_str(&body).unwrap_or_else(|_| panic!("not JSON: {path}: {body}")),
    )
}

/// A migrated database with the shop in it.
pub async fn store() -> Store {
    let store = engine::store().await;
    for (route, lcp_ms, views) in [
        ("/", 1000.0, 40),
        ("/product/:id", 1800.0, 80),
        (HOSTILE, 1500.0, 4),
    ] {
        for vital in Vital::ALL {
            let usual = usual(vital, lcp_ms);
            hours(
                &store,
                route,
                vital,
                usual,
                views,
                SLOW_HOURS..HOURS,
                "1.0.0",
            )
            .await;
            let slow = vital == Vital::Lcp && route == "/product/:id";
            hours(
                &store,
                route,
                vital,
                if slow { usual * 2.0 } else { usual },
                views,
                0..SLOW_HOURS,
                "2.0.0",
            )
            .await;
        }
    }
    page_views(&store).await;
    blamed(&store).await;
    verdicts(&store).await;
    store
}

fn usual(vital: Vital, lcp_ms: f64) -> f64 {
    match vital {
        Vital::Lcp => lcp_ms,
        Vital::Fcp => lcp_ms * 0.6,
        Vital::Ttfb => 300.0,
        Vital::Cls => 0.02,
        Vital::Inp => 120.0,
        Vital::Fid => 8.0,
        Vital::Memory => 2e7,
    }
}

/// Per hour `views` page views: three quarters at `value`, one quarter at three times that.
async fn hours(
    store: &Store,
    route: &str,
    vital: Vital,
    value: f64,
    views: u64,
    ago: std::ops::Range<i64>,
    release: &str,
) {
    let scheme = Scheme::of_vital(vital);
    let slow = views / 4;
    let buckets = format!(
        "map({}, {}, {}, {slow})",
        scheme.bucket_index(value),
        views - slow,
        scheme.bucket_index(value * 3.0)
    );
    let sql = format!(
        "insert into imported_hours (app, kind, vital, environment, route, hour, stratum, release, generation, n, sessions, buckets) \
         select 'shop', 'vital', {{vital:String}}, 'production', {{route:String}}, toStartOfHour(now('UTC')) - toIntervalHour(number), \
         'mobile/fast/network', {{release:String}}, 1, {views}, {views}, mapApply((k, v) -> (toUInt16(k), toUInt64(v)), {buckets}) \
         from numbers({}, {})",
        ago.start,
        ago.end - ago.start
    );
    let query = store
        .client()
        .query(&sql)
        .param("vital", vital.name())
        .param("route", route)
        .param("release", release);
    query.execute().await.expect("the hours are inserted");
}

/// 600 page views of the last five days as single rows, for the recipes.
async fn page_views(store: &Store) {
    let view = "toUUID(concat('00000000-0000-7000-8000-', leftPad(toString(number), 12, '0')))";
    let started = "now64(3, 'UTC') - toIntervalMinute(number * 12)";
    let shared = format!(
        "'shop' as app, {view} as view_id, toUInt64(toUnixTimestamp64Milli({started})) as start_ms, 1 as version, toDate({started}) as day, \
         'production' as environment, if(number < 240, '2.0.0', '1.0.0') as release, if(number % 3 = 0, '/', '/product/:id') as route, \
         concat('s', toString(number % 200)) as session_id, 'navigate' as navigation_type, {started} as started_at, {started} as received_at, \
         'mobile' as device, if(number % 4 = 0, 'Firefox 153', 'Chrome 156') as browser, 'Android' as os, '4g' as connection, 'wasm' as engine, \
         'mobile/fast/network' as stratum"
    );
    let into = |table: &str, expressions: &str| {
        let columns: Vec<&str> = expressions
            .split(" as ")
            .skip(1)
            .filter_map(|rest| rest.split([',', ' ']).next())
            .collect();
        format!(
            "insert into {table} ({}) select {expressions} from numbers(600)",
            columns.join(", ")
        )
    };
    let mut statements = vec![into("page_view_rows", &shared)];
    for (vital, value, rating, attribution) in [
        (
            "LCP",
            "if(number < 240, 4200, 2100) + number % 50",
            "if(number < 240, 'poor', 'good')",
            LCP_ATTRIBUTION,
        ),
        (
            "INP",
            "280 + number % 8 * 8",
            "'needs-improvement'",
            INP_ATTRIBUTION,
        ),
        ("MEMORY", "2e7", "''", MEMORY_ATTRIBUTION),
    ] {
        let own = format!(
            "'{vital}' as vital, toFloat64({value}) as value, 1 as bucket, {rating} as rating, '{attribution}' as attribution"
        );
        statements.push(into("measurement_rows", &format!("{shared}, {own}")));
    }
    for statement in statements {
        // A question mark would be taken for a placeholder.
        store
            .client()
            .query(&statement.replace('?', "??"))
            .execute()
            .await
            .expect("the page views are inserted");
    }
}

/// What those of the product page blame, hour by hour.
async fn blamed(store: &Store) {
    let scheme = Scheme::of_vital(Vital::Lcp);
    let facts = format!(
        "[('phase', 'load_ms', 900., 0, 0), ('phase', 'ttfb_ms', 300., 0, 0), ('element', '<img src=x onerror=alert(1)>', 0., {}, {})]",
        scheme.bucket_index(2_100.0),
        scheme.bucket_index(4_200.0)
    );
    let sql = format!(
        "insert into rollup_attribution_hours (app, environment, kind, vital, fact, route, hour, name, generation, n, sum_ms, buckets) \
         select 'shop', 'production', 'vital', 'LCP', one.1, '/product/:id', toStartOfHour(now('UTC')) - toIntervalHour(number), one.2, 1, 4, \
         4 * one.3, if(one.1 = 'phase', map(), map(toUInt16(if(number < {SLOW_HOURS}, one.5, one.4)), toUInt64(4))) \
         from numbers(120) array join {facts} as one"
    );
    let query = store.client().query(&sql);
    query.execute().await.expect("the facts are inserted");
}

const LCP_ATTRIBUTION: &str = r#"{"element":"<img src=x onerror=alert(1)>","ttfb_ms":300,"load_delay_ms":200,"load_ms":900,"render_delay_ms":100}"#;
const INP_ATTRIBUTION: &str = r##"{"type":"click","at_ms":1000,"input_delay_ms":10,"processing_ms":250,"presentation_ms":20,"element":"#buy"}"##;
const MEMORY_ATTRIBUTION: &str =
    r#"{"source":"performance.memory","age_ms":1800000,"growth_bytes_per_min":200000}"#;

/// Named, so that a new column does not disturb the shop.
const BASELINE_COLUMNS: &str = "id, version, app, environment, route, kind, vital, strategy, state, p50, p75, p95, mean, stddev, n, \
     hours_used, hours_left_out, left_out_reasons, from_at, to_at, updated_at";
const FINDING_COLUMNS: &str = "id, version, app, environment, route, kind, vital, stratum, direction, state, severity, change_ratio, \
     change_low, change_high, p_value, z, confidence, window_hours, baseline_p75, current_p75, baseline_n, current_n, change_point, \
     change_point_low, change_point_high, release, opened_at, confirmed_at, resolved_at, recommendation, withdrawn";

/// What the detector and people said.
async fn verdicts(store: &Store) {
    let mut baselines = String::new();
    for (route, vital, state, p75) in [
        ("/product/:id", "LCP", "approved", 2000.0),
        ("/", "LCP", "learning", 0.0),
    ] {
        let _ = write!(
            baselines,
            "('b{route}', 1, 'shop', 'production', '{route}', 'vital', '{vital}', 'rolling', '{state}', {p75}, {p75}, {p75}, {p75}, 1, \
             {n}, 300, 2, ['incident'], now() - interval 18 day, now() - interval 3 day, now()),",
            n = if state == "learning" { 0 } else { 20_000 }
        );
    }
    let finding = |id: &str, route: &str, state: &str, release: &str| {
        format!(
            "('{id}', 1, 'shop', 'production', '{route}', 'vital', 'LCP', '', 'regression', '{state}', 'critical', 2.0, 1.9, 2.1, 1e-9, 9, 0.999, \
             24, 2000, 4000, 20000, 3840, now() - interval 48 hour, now() - interval 50 hour, now() - interval 46 hour, '{release}', \
             now() - interval 44 hour, now() - interval 40 hour, {}, 'Look at the hero image.', false)",
            if state == "resolved" {
                "now() - interval 10 hour"
            } else {
                "null"
            }
        )
    };
    let findings = [
        finding("open", "/product/:id", "confirmed", "2.0.0"),
        finding("gone", "/", "resolved", ""),
        finding(
            "hostile",
            "/<script>alert(1)</script>",
            "unconfirmed",
            "<img src=x onerror=alert(2)>",
        ),
    ];
    let deploys = "('shop', 'production', '1.0.0', now64(3) - interval 21 day, 'ci', 1), ('shop', 'production', '2.0.0', now64(3) - interval 48 hour, 'ci', 1)";
    for statement in [
        format!(
            "insert into baseline_rows ({BASELINE_COLUMNS}) values {}",
            baselines.trim_end_matches(',')
        ),
        format!(
            "insert into finding_rows ({FINDING_COLUMNS}) values {}",
            findings.join(",")
        ),
        format!("insert into deploy_rows values {deploys}"),
    ] {
        store
            .client()
            .query(&statement)
            .execute()
            .await
            .expect("the verdicts are inserted");
    }
}

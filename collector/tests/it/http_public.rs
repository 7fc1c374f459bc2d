//! The public listener without a port: what it answers, what it counts, what reaches the spool.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use collector::config::{self, Config};
use collector::http::listen::Peer;
use collector::http::public::{Assets, Door, Script, State};
use collector::ingest::{Accepted, payload};
use collector::metrics::{Metrics, Reason};
use collector::spool::{Limits, Reader, Spool};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha384};
use tempfile::TempDir;
use tower::ServiceExt;
use wire::limits;

const NOW_MS: u64 = 1_763_683_200_500;
const ORIGIN: &str = "https://shop.example";

/// A public listener on a real spool.
pub struct Collector {
    pub door: Door,
    metrics: Arc<Metrics>,
    pub spool: Spool,
    reader: Reader,
    _dir: TempDir,
}

/// With one app, `shop`, for one origin.
pub fn collector() -> Collector {
    let shop = config::App {
        name: "shop".into(),
        origins: vec![ORIGIN.into()],
        ..config::App::default()
    };
    let limits = Limits {
        min_free_bytes: 0,
        ..limits(1 << 26)
    };
    with(vec![shop], limits)
}

/// For every app, with other scripts than the test's.
pub fn with_assets(assets: Assets) -> Collector {
    with_all(
        Vec::new(),
        limits(1 << 26),
        config::Ingest::default(),
        assets,
    )
}

fn with(apps: Vec<config::App>, limits: Limits) -> Collector {
    configured(apps, limits, config::Ingest::default())
}

/// With the doors' numbers of `ingest`.
fn configured(apps: Vec<config::App>, limits: Limits, ingest: config::Ingest) -> Collector {
    let assets = Assets {
        agent: Some(Script::new(b"export const agent = 1;".repeat(20))),
        snippet: Some(Script::new(b"snippet()".to_vec())),
        offline: Some(Script::new(b"offline()".to_vec())),
    };
    with_all(apps, limits, ingest, assets)
}

fn with_all(
    apps: Vec<config::App>,
    limits: Limits,
    ingest: config::Ingest,
    assets: Assets,
) -> Collector {
    let config = Config {
        apps,
        ingest: config::Ingest {
            country_header: Some("x-country".into()),
            trusted_proxies: vec!["10.0.0.0/8".into()],
            ..ingest
        },
        ..Config::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let (spool, reader) = Spool::open(dir.path(), limits).unwrap();
    let metrics = Arc::new(Metrics::default());
    let mut state = State::new(&config, spool.clone(), metrics.clone(), || NOW_MS).unwrap();
    state.assets = assets;
    Collector {
        door: Door::new(state),
        metrics,
        spool,
        reader,
        _dir: dir,
    }
}

/// As the collector opens its spool.
fn limits(max_bytes: u64) -> Limits {
    Limits {
        payload_version: payload::VERSION,
        ..Limits::with_max_bytes(max_bytes)
    }
}

fn post(body: impl Into<Body>) -> Request<Body> {
    request(Method::POST, "/v1/views/shop", body)
}

fn request(method: Method, uri: &str, body: impl Into<Body>) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(uri)
        .header(header::ORIGIN, ORIGIN)
        .body(body.into())
        .unwrap()
}

fn and(mut request: Request<Body>, name: &'static str, value: &str) -> Request<Body> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

fn beacon() -> Value {
    json!({"v": 1, "view": "0193c2f0-7c1e-7cc3-98c4-dc0c0c07398f", "seq": 0, "sent": NOW_MS, "start": NOW_MS - 1000,
        "path": "/order/17", "m": [{"n": "LCP", "v": 2412.5}]})
}

fn with_items(items: Value) -> String {
    let mut beacon = beacon();
    beacon["m"] = items;
    beacon.to_string()
}

impl Collector {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let response = self.door.clone().oneshot(request).await.unwrap();
        let headers = response.headers();
        assert_eq!(
            headers[header::ACCESS_CONTROL_EXPOSE_HEADERS],
            "Retry-After"
        );
        assert!(headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
        assert!(self.metrics.counts().reconcile());
        assert_eq!(self.metrics.counts().in_flight, 0);
        response
    }

    /// Status and JSON of the answer; null for an empty one.
    async fn json(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.answer(request).await;
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let json = match bytes.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&bytes).unwrap(),
        };
        (status, json)
    }

    /// Refused as a whole: status, counted reason, problem JSON, nothing kept.
    async fn check_refused(&self, request: Request<Body>, status: u16, reason: Reason) {
        let before = self.rejected(reason);
        let response = self.answer(request).await;
        assert_eq!(response.status(), status, "{reason:?}");
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let problem: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(
            (&problem["status"], &problem["code"]),
            (&json!(status), &json!(reason.name()))
        );
        assert_eq!(self.rejected(reason), before + 1, "{problem}");
        assert_eq!(self.spool.status().pending, 0);
    }

    fn rejected(&self, reason: Reason) -> u64 {
        let counts = self.metrics.counts();
        counts.rejected.get(&reason).copied().unwrap_or(0)
    }

    async fn stored(&mut self) -> Vec<Accepted> {
        let mut stored = Vec::new();
        while self.reader.unread() > 0 {
            for record in self.reader.read(10_000, usize::MAX).await.unwrap() {
                stored.push(payload::decode(record.version, &record.payload).unwrap());
            }
        }
        stored
    }
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn brotli(content: &[u8]) -> Vec<u8> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 1, 22);
    encoder.write_all(content).unwrap();
    encoder.into_inner()
}

/// A body whose length is not declared.
fn chunked(content: Vec<u8>) -> Body {
    let chunks: Vec<Result<Bytes, std::io::Error>> = content
        .chunks(50_000)
        .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
        .collect();
    Body::from_stream(futures_util::stream::iter(chunks))
}

#[tokio::test]
async fn an_accepted_beacon_is_durable_and_scrubbed() {
    let mut collector = collector();
    for content_type in ["text/plain;charset=UTF-8", "application/json", ""] {
        let mut request = post(beacon().to_string());
        if !content_type.is_empty() {
            request = and(request, "content-type", content_type);
        }
        let response = collector.answer(request).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        let headers = response.headers();
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], ORIGIN);
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(headers[header::VARY], "Origin");
    }
    let counts = collector.metrics.counts();
    assert_eq!((counts.received, counts.spooled), (3, 3));
    let stored = collector.stored().await;
    assert_eq!(stored.len(), 3);
    assert_eq!(
        (
            stored[0].app.as_str(),
            stored[0].beacon.path.as_str(),
            stored[0].started_ms
        ),
        ("shop", "/order/:id", NOW_MS - 1000)
    );
}

#[tokio::test]
async fn compressed_bodies_are_taken_by_header_or_query() {
    let mut collector = collector();
    let text = beacon().to_string();
    let by_header = |body, codec| and(post(body), "content-encoding", codec);
    for request in [
        by_header(gzip(text.as_bytes()), "gzip"),
        by_header(brotli(text.as_bytes()), "br"),
        by_header(text.clone().into_bytes(), "identity"),
        request(
            Method::POST,
            "/v1/views/shop?enc=gzip",
            gzip(text.as_bytes()),
        ),
        request(
            Method::POST,
            "/v1/views/shop?a=1&enc=br",
            brotli(text.as_bytes()),
        ),
    ] {
        assert_eq!(
            collector.json(request).await,
            (StatusCode::NO_CONTENT, Value::Null)
        );
    }
    assert_eq!(collector.stored().await.len(), 5);
}

#[tokio::test]
async fn bad_items_are_refused_one_by_one_and_never_stored() {
    let mut collector = collector();
    let items = json!([{"n": "LCP", "v": 100}, {"n": "XYZ", "v": 1}, {"n": "FCP", "v": -1}, {"n": "INP", "v": 600_001},
        {"n": "CLS", "v": 101}, {"n": "TTFB"}, 7]);
    let (status, answer) = collector.json(post(with_items(items))).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["accepted"], 1);
    let told: Vec<_> = answer["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refusal| {
            (
                refusal["index"].as_u64().unwrap(),
                refusal["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, "unknown-vital"),
            (2, "out-of-range"),
            (3, "out-of-range"),
            (4, "out-of-range"),
            (5, "malformed-item"),
            (6, "malformed-item")
        ]
    );
    let stored = collector.stored().await;
    assert_eq!(stored[0].beacon.measurements.len(), 1);
    assert_eq!(stored[0].beacon.measurements[0].value, 100.0);
    let scrape = collector.metrics.render();
    assert!(scrape.contains("vitalscope_measurements_rejected_total{code=\"out-of-range\"} 3"));
}

#[tokio::test]
async fn what_is_no_beacon_is_400() {
    let collector = collector();
    for body in [
        "".to_owned(),
        "{".into(),
        "[]".into(),
        "null".into(),
        "{}".into(),
        "\u{0}".into(),
        with_items(json!([])).replace("\"v\":1", "\"v\":9"),
        with_items(json!([{"n": "LCP", "v": 1}])).replace(":1}", ":NaN}"),
        with_items(json!([{"n": "LCP", "v": 1}])).replace(":1}", ":1e999}"),
        "[".repeat(60_000),
    ] {
        collector
            .check_refused(post(body), 400, Reason::Malformed)
            .await;
    }
    for codec in ["gzip", "br"] {
        let request = and(post(beacon().to_string()), "content-encoding", codec);
        collector
            .check_refused(request, 400, Reason::Malformed)
            .await;
    }
    let request = and(post("\n \n"), "content-type", "application/x-ndjson");
    collector
        .check_refused(request, 400, Reason::Malformed)
        .await;
    // Still well.
    let (status, _) = collector.json(post(beacon().to_string())).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn strangers_are_refused_before_their_body_is_read() {
    let collector = collector();
    let unread = || {
        Body::from_stream(futures_util::stream::once(async {
            Err::<Bytes, _>(std::io::Error::other("read"))
        }))
    };
    let unknown = request(Method::POST, "/v1/views/other", unread());
    collector
        .check_refused(unknown, 401, Reason::UnknownApp)
        .await;
    for origin in [
        "https://evil.example",
        "null",
        "http://shop.example",
        "https://shop.example.evil.example",
    ] {
        let request = and(post(unread()), "origin", origin);
        collector
            .check_refused(request, 403, Reason::OriginNotAllowed)
            .await;
    }
    let response = collector
        .answer(and(post(unread()), "origin", "https://evil.example"))
        .await;
    assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert!(
        !response
            .headers()
            .contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS)
    );
    let huge = and(post(unread()), "content-length", "10485760");
    collector.check_refused(huge, 413, Reason::TooLarge).await;
    for (name, value) in [
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-encoding", "zstd"),
    ] {
        let request = and(post(unread()), name, value);
        collector
            .check_refused(request, 415, Reason::UnsupportedMediaType)
            .await;
    }
    collector
        .check_refused(post(unread()), 400, Reason::Aborted)
        .await;
}

#[tokio::test]
async fn a_name_means_the_same_app_however_the_path_writes_it() {
    let collector = collector();
    for method in [Method::OPTIONS, Method::POST] {
        let encoded = request(method, "/v1/views/%73hop", beacon().to_string());
        let response = collector.answer(encoded).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        let headers = response.headers();
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], ORIGIN);
    }
}

#[tokio::test]
async fn a_page_of_one_app_cannot_write_to_another() {
    let app = |name: &str| config::App {
        name: name.into(),
        origins: vec![format!("https://{name}.example")],
        ..config::App::default()
    };
    let mut collector = with(vec![app("shop"), app("blog")], limits(1 << 26));
    let from_blog = || and(post(beacon().to_string()), "origin", "https://blog.example");
    collector
        .check_refused(from_blog(), 403, Reason::OriginNotAllowed)
        .await;
    // The path alone says whose beacon it is, whatever the body or the query claim.
    let mut claims = beacon();
    claims["app"] = json!("blog");
    let mut request = post(format!("{claims}\n{claims}"));
    *request.uri_mut() = "/v1/views/shop?app=blog".parse().unwrap();
    assert_eq!(
        collector.answer(request).await.status(),
        StatusCode::NO_CONTENT
    );
    for path in [
        "/v1/views/shop/../blog",
        "/v1/views/shop%2F..%2Fblog",
        "/v1/views//blog",
    ] {
        let request = request_to(path);
        assert!(
            collector.answer(request).await.status().is_client_error(),
            "{path}"
        );
    }
    let stored = collector.stored().await;
    assert_eq!(stored.len(), 2);
    assert!(stored.iter().all(|accepted| accepted.app == "shop"));
}

fn request_to(path: &str) -> Request<Body> {
    request(Method::POST, path, beacon().to_string())
}

#[tokio::test]
async fn a_missing_origin_is_taken_unless_the_app_wants_one() {
    let strict = config::App {
        name: "strict".into(),
        require_origin: true,
        ..config::App::default()
    };
    let lax = config::App {
        name: "lax".into(),
        origins: vec![ORIGIN.into()],
        ..config::App::default()
    };
    let collector = with(vec![strict, lax], limits(1 << 26));
    for (app, status) in [("lax", 204), ("strict", 403)] {
        let mut request = request(
            Method::POST,
            &format!("/v1/views/{app}"),
            beacon().to_string(),
        );
        request.headers_mut().remove(header::ORIGIN);
        assert_eq!(collector.answer(request).await.status(), status, "{app}");
    }
}

#[tokio::test]
async fn without_apps_everyone_may_send() {
    let mut collector = with(Vec::new(), limits(1 << 26));
    let any = and(
        request(Method::POST, "/v1/views/any%20thing", beacon().to_string()),
        "origin",
        "https://any.example",
    );
    let response = collector.answer(any).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert_eq!(collector.stored().await[0].app, "any thing");
    let nameless = request(Method::POST, &format!("/v1/views/{}", "x".repeat(201)), "");
    assert_eq!(
        collector.answer(nameless).await.status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn too_much_is_413_however_it_comes() {
    let collector = collector();
    let long = beacon().to_string() + &" ".repeat(65_536);
    collector
        .check_refused(post(long), 413, Reason::TooLarge)
        .await;
    let text = "x".repeat(10 * 1024 * 1024);
    collector
        .check_refused(post(chunked(text.into_bytes())), 413, Reason::TooLarge)
        .await;
    let zeros = vec![b' '; 100 * 1024 * 1024];
    for (codec, bomb) in [("gzip", gzip(&zeros)), ("br", brotli(&zeros))] {
        assert!(bomb.len() < 1 << 20);
        let request = and(post(bomb), "content-encoding", codec);
        collector
            .check_refused(request, 413, Reason::TooLarge)
            .await;
    }
    let lines = "{}\n".repeat(10_001);
    let response = collector
        .answer(and(post(lines), "content-type", "application/x-ndjson"))
        .await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        collector.rejected(Reason::TooLarge),
        4 + 10_001,
        "each line is a beacon"
    );
    let fits = chunked(beacon().to_string().into_bytes());
    assert_eq!(
        collector.answer(post(fits)).await.status(),
        StatusCode::NO_CONTENT
    );
}

#[tokio::test]
async fn lines_are_judged_one_by_one() {
    let mut collector = collector();
    let good = beacon().to_string();
    let partly = with_items(json!([{"n": "LCP", "v": 1}, {"n": "LCP", "v": -1}]));
    let long = beacon().to_string() + &" ".repeat(65_536);
    let body = format!("{good}\n{partly}\n\nnonsense\n{long}\n{good}\n");
    let declared = and(post(body.clone()), "content-type", "application/x-ndjson");
    for request in [declared, post(body)] {
        let (status, answer) = collector.json(request).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(answer["accepted"], 3);
        let told: Vec<_> = answer["rejected"]
            .as_array()
            .unwrap()
            .iter()
            .map(|told| {
                (
                    told["line"].as_u64(),
                    told["index"].as_u64(),
                    told["code"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (Some(1), Some(1), "out-of-range"),
                (Some(3), None, "malformed"),
                (Some(4), None, "too-large")
            ]
        );
    }
    let counts = collector.metrics.counts();
    assert_eq!(
        (counts.received, counts.spooled, counts.rejected_total()),
        (10, 6, 4)
    );
    assert_eq!(collector.stored().await.len(), 6);
    let all_good = format!("{good}\n{good}");
    assert_eq!(
        collector.json(post(all_good)).await.0,
        StatusCode::NO_CONTENT
    );
    // One beacon on several lines is one beacon.
    let pretty = serde_json::to_string_pretty(&beacon()).unwrap();
    assert_eq!(collector.json(post(pretty)).await.0, StatusCode::NO_CONTENT);
    assert_eq!(collector.stored().await.len(), 3);
}

#[tokio::test]
async fn bots_are_thanked_and_forgotten() {
    let mut collector = collector();
    let bot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    let request = and(post(beacon().to_string()), "user-agent", bot);
    assert_eq!(
        collector.json(request).await,
        (StatusCode::NO_CONTENT, Value::Null)
    );
    let lines = format!("{0}\n{0}", beacon());
    let request = and(post(lines), "user-agent", bot);
    assert_eq!(
        collector.json(request).await,
        (StatusCode::NO_CONTENT, Value::Null)
    );
    assert_eq!(collector.rejected(Reason::Bot), 3);
    assert_eq!(collector.stored().await, []);
}

#[tokio::test]
async fn a_country_is_believed_from_a_trusted_proxy_only() {
    let mut collector = collector();
    for (peer, country) in [
        ("10.1.2.3:80", "de"),
        ("192.0.2.1:80", "de"),
        ("10.1.2.3:80", "nowhere"),
    ] {
        let mut request = and(post(beacon().to_string()), "x-country", country);
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(Peer(peer));
        collector.answer(request).await;
    }
    let stored = collector.stored().await;
    let countries: Vec<_> = stored
        .iter()
        .map(|accepted| accepted.country.as_str())
        .collect();
    assert_eq!(countries, ["DE", "", ""]);
}

/// One address may send one beacon a second, ten at once.
fn limited() -> Collector {
    let ingest = config::Ingest {
        address_beacons_per_s: 1,
        ..config::Ingest::default()
    };
    configured(Vec::new(), limits(1 << 26), ingest)
}

fn from(peer: &str, mut request: Request<Body>) -> Request<Body> {
    let peer: SocketAddr = peer.parse().unwrap();
    request.extensions_mut().insert(Peer(peer));
    request
}

/// How many of `count` beacons were taken; the others were answered with 429 and a time to come back.
async fn taken(collector: &Collector, count: usize, request: impl Fn() -> Request<Body>) -> usize {
    let mut taken = 0;
    for _ in 0..count {
        let response = collector.answer(request()).await;
        if response.status() == StatusCode::NO_CONTENT {
            taken += 1;
        } else {
            assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
            let seconds = response.headers()[header::RETRY_AFTER].to_str().unwrap();
            assert!(
                (1..=2).contains(&seconds.parse::<u32>().unwrap()),
                "{seconds}"
            );
        }
    }
    taken
}

#[tokio::test]
async fn an_address_that_sends_too_much_waits_and_others_do_not() {
    let collector = limited();
    let beacon = || post(beacon().to_string());
    let greedy = taken(&collector, 30, || from("203.0.113.7:4711", beacon())).await;
    assert!(
        (10..30).contains(&greedy),
        "{greedy} taken of a burst of 10"
    );
    assert_eq!(collector.rejected(Reason::RateLimited), 30 - greedy as u64);
    let scrape = collector.metrics.render();
    let line = format!(
        "vitalscope_rate_limited_total{{limit=\"address\"}} {}",
        30 - greedy
    );
    assert!(scrape.contains(&line), "{scrape}");
    for other in ["203.0.113.8:4711", "[2001:db8::7]:4711"] {
        assert_eq!(taken(&collector, 1, || from(other, beacon())).await, 1);
    }
    for inside in ["127.0.0.1:4711", "192.168.0.9:4711", "[::1]:4711"] {
        assert_eq!(taken(&collector, 50, || from(inside, beacon())).await, 50);
    }
    let in_network = |host: usize| from(&format!("[2001:db8:0:9::{host:x}]:4711"), beacon());
    let mut of_one_network = 0;
    for host in 0..30 {
        of_one_network += taken(&collector, 1, || in_network(host)).await;
    }
    assert!(
        (10..30).contains(&of_one_network),
        "{of_one_network} of a /64"
    );
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_visitors_are_limited_and_cannot_name_another() {
    let collector = limited();
    let through = |visitor: &str| {
        let request = and(post(beacon().to_string()), "x-forwarded-for", visitor);
        from("10.1.2.3:80", request)
    };
    for visitor in 0..50 {
        let visitor = format!("198.51.100.{visitor}");
        assert_eq!(taken(&collector, 1, || through(&visitor)).await, 1);
    }
    // Whatever stands left of what the proxy wrote is the visitor's own invention.
    let mut count = 0;
    for invented in 0..30 {
        let forwarded = format!("198.51.100.{invented}, 203.0.113.7");
        count += taken(&collector, 1, || through(&forwarded)).await;
    }
    assert!((10..30).contains(&count), "{count}");
    let mut count = 0;
    for invented in 0..30 {
        let request = through(&format!("198.51.100.{invented}"));
        count += usize::from(
            collector
                .answer(from("203.0.113.9:80", request))
                .await
                .status()
                .is_success(),
        );
    }
    assert!(
        (10..30).contains(&count),
        "a stranger's header is not read: {count}"
    );
}

#[tokio::test]
async fn a_line_costs_as_much_as_a_beacon() {
    let collector = limited();
    let lines = format!("{}\n", beacon()).repeat(40);
    let many = || from("203.0.113.7:4711", post(lines.clone()));
    assert_eq!(
        collector.json(many()).await,
        (StatusCode::NO_CONTENT, Value::Null)
    );
    let response = collector.answer(many()).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds: u32 = response.headers()[header::RETRY_AFTER]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        (25..=32).contains(&seconds),
        "30 lines to pay for: {seconds}"
    );
    let counts = collector.metrics.counts();
    assert_eq!((counts.received, counts.spooled), (41, 40));
}

#[tokio::test]
async fn one_app_cannot_use_up_the_share_of_another() {
    let app = |name: &str, beacons_per_s| config::App {
        name: name.into(),
        beacons_per_s,
        ..config::App::default()
    };
    let apps = vec![app("loud", None), app("quiet", None), app("free", Some(0))];
    let ingest = config::Ingest {
        app_beacons_per_s: 1,
        ..config::Ingest::default()
    };
    let collector = configured(apps, limits(1 << 26), ingest);
    let send = |app: &str| {
        let uri = format!("/v1/views/{app}");
        request(Method::POST, &uri, beacon().to_string())
    };
    let loud = taken(&collector, 30, || send("loud")).await;
    assert!((10..30).contains(&loud), "{loud}");
    assert_eq!(taken(&collector, 5, || send("quiet")).await, 5);
    assert_eq!(taken(&collector, 50, || send("free")).await, 50);
    let scrape = collector.metrics.render();
    let line = format!(
        "vitalscope_rate_limited_total{{limit=\"app\"}} {}",
        30 - loud
    );
    assert!(scrape.contains(&line), "{scrape}");
}

#[tokio::test]
async fn a_full_spool_is_503_with_a_time_to_come_back() {
    let limits = Limits {
        max_bytes: 1500,
        segment_bytes: 1000,
        min_free_bytes: 0,
        payload_version: payload::VERSION,
    };
    let collector = with(Vec::new(), limits);
    let response = loop {
        let response = collector.answer(post(beacon().to_string())).await;
        if response.status() != StatusCode::NO_CONTENT {
            break response;
        }
    };
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[header::RETRY_AFTER], "30");
    let counts = collector.metrics.counts();
    assert_eq!(collector.rejected(Reason::SpoolFull), 1);
    assert_eq!(counts.spooled, collector.spool.status().pending);
}

#[tokio::test]
async fn a_client_that_leaves_is_counted() {
    let collector = collector();
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let never = async move {
        let _ = receiver.await;
        Ok::<Bytes, std::io::Error>(Bytes::new())
    };
    let body = Body::from_stream(futures_util::stream::once(never));
    let mut answer = Box::pin(collector.door.clone().oneshot(post(body)));
    let polled = futures_util::poll!(answer.as_mut());
    assert!(polled.is_pending());
    assert_eq!(collector.metrics.counts().in_flight, 1);
    drop((answer, sender));
    let counts = collector.metrics.counts();
    assert_eq!(
        (counts.in_flight, collector.rejected(Reason::Aborted)),
        (0, 1)
    );
    assert!(counts.reconcile());
}

#[tokio::test]
async fn a_preflight_is_answered_for_a_day() {
    let collector = collector();
    for app in ["shop", "unknown"] {
        let request = request(Method::OPTIONS, &format!("/v1/views/{app}"), "");
        let response = collector.answer(request).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        let headers = response.headers();
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_METHODS], "POST");
        assert_eq!(
            headers[header::ACCESS_CONTROL_ALLOW_HEADERS],
            "content-type, content-encoding"
        );
        assert_eq!(headers[header::ACCESS_CONTROL_MAX_AGE], "86400");
    }
    assert_eq!(collector.metrics.counts().received, 0);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let collector = collector();
    for (method, uri, status) in [
        (Method::GET, "/", 404),
        (Method::GET, "/v1/views/shop", 405),
        (Method::POST, "/v1/views/", 404),
        (Method::POST, "/agent.js", 405),
        (Method::GET, "/metrics", 404),
        (Method::GET, "/api/v1/overview", 404),
    ] {
        let response = collector.answer(request(method, uri, "")).await;
        assert_eq!(response.status(), status, "{uri}");
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
    }
}

#[tokio::test]
async fn the_script_is_served_with_its_hash_and_in_its_smallest_form() {
    let collector = collector();
    let get = |uri: &str| request(Method::GET, uri, "");
    let (_, manifest) = collector.json(get("/agent/manifest.json")).await;
    let path = manifest["agent"]["path"].as_str().unwrap().to_owned();
    assert!(
        manifest["agent"]["integrity"]
            .as_str()
            .unwrap()
            .starts_with("sha384-")
    );

    let plain = collector.answer(get("/agent.js")).await;
    assert_eq!(
        plain.headers()[header::CONTENT_TYPE],
        "text/javascript; charset=utf-8"
    );
    let etag = plain.headers()[header::ETAG].to_str().unwrap().to_owned();
    let plain = plain.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(
        plain.len(),
        manifest["agent"]["bytes"].as_u64().unwrap() as usize
    );

    let hashed = collector
        .answer(and(get(&path), "accept-encoding", "gzip, br;q=0.9"))
        .await;
    assert!(
        hashed.headers()[header::CACHE_CONTROL]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    assert_eq!(hashed.headers()[header::CONTENT_ENCODING], "br");
    let compressed = hashed.into_body().collect().await.unwrap().to_bytes();
    assert!(compressed.len() < plain.len());

    let gzipped = collector
        .answer(and(get("/agent.js"), "accept-encoding", "br;q=0, gzip"))
        .await;
    assert_eq!(gzipped.headers()[header::CONTENT_ENCODING], "gzip");
    let known = collector
        .answer(and(get("/agent.js"), "if-none-match", &etag))
        .await;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    let other = collector.answer(get("/agent/0123456789abcdef.js")).await;
    assert_eq!(other.status(), StatusCode::NOT_FOUND);
    for script in ["snippet", "offline"] {
        let said = &manifest[script];
        assert_eq!(said["path"], format!("/{script}.js"));
        let answer = collector.answer(get(said["path"].as_str().unwrap())).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let content = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(said["bytes"], content.len());
        let digest = BASE64_STANDARD.encode(Sha384::digest(&content));
        assert_eq!(said["integrity"], format!("sha384-{digest}"));
    }
    let (status, schema) = collector.json(get("/schema/beacon-v1.json")).await;
    assert_eq!(
        (status, &schema["properties"]["v"]["const"]),
        (StatusCode::OK, &json!(1))
    );
}

/// An app's name with an escape in it takes the way through the router.
#[tokio::test]
async fn the_short_cut_answers_as_the_router_does() {
    let collector = collector();
    let bodies = [
        beacon().to_string(),
        with_items(json!([{"n": "LCP", "v": -1.0}, {"n": "FCP", "v": 9.0}])),
        "{".into(),
        String::new(),
        "x".repeat(70_000),
        format!("{}\n{}", beacon(), beacon()),
    ];
    for app in ["shop", "nobody"] {
        for body in &bodies {
            let mut answers = Vec::new();
            for app in [app.to_owned(), app.replacen('o', "%6f", 1)] {
                let path = format!("/v1/views/{app}");
                let request = request(Method::POST, &path, body.clone());
                let response = collector.door.clone().oneshot(request).await.unwrap();
                let (head, body) = response.into_parts();
                let kind = head.headers.get(header::CONTENT_TYPE).cloned();
                let bytes = body.collect().await.unwrap().to_bytes();
                answers.push((head.status, kind, bytes));
            }
            assert_eq!(answers[0], answers[1], "{app}: {body:.80}");
        }
    }
}

#[tokio::test]
async fn a_collector_without_the_agent_says_how_to_get_it() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _reader) = Spool::open(dir.path(), limits(1 << 26)).unwrap();
    let mut state = State::new(&Config::default(), spool, Arc::default(), || NOW_MS).unwrap();
    state.assets = Assets::default();
    let door = Door::new(state);
    for uri in [
        "/agent.js",
        "/agent/0.js",
        "/agent/manifest.json",
        "/snippet.js",
        "/offline.js",
    ] {
        let response = door
            .clone()
            .oneshot(request(Method::GET, uri, ""))
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&bytes).contains("cargo xtask agent"));
    }
}

/// The published schema and the decoder name the same vitals, kinds of navigation and limits.
#[test]
fn the_schema_says_what_the_decoder_does() {
    let schema: Value =
        serde_json::from_str(include_str!("../../src/http/public/beacon-v1.schema.json")).unwrap();
    let vitals: Vec<_> = wire::Vital::ALL.iter().map(|vital| vital.name()).collect();
    assert_eq!(
        schema["$defs"]["measurement"]["properties"]["n"]["enum"],
        json!(vitals)
    );
    let kinds: Vec<_> = wire::NavigationType::ALL
        .iter()
        .map(|kind| kind.name())
        .collect();
    assert_eq!(schema["properties"]["nav"]["enum"], json!(kinds));
    assert_eq!(
        schema["properties"]["m"]["maxItems"],
        json!(limits::MAX_MEASUREMENTS)
    );
    assert_eq!(
        schema["properties"]["ops"]["maxItems"],
        json!(limits::MAX_OPERATIONS)
    );
    assert_eq!(
        schema["$defs"]["raw"]["properties"]["calls"]["maxItems"],
        json!(limits::MAX_RAW_CALLS)
    );
    let context = &schema["$defs"]["context"]["properties"];
    let resources = &context["resources"]["properties"];
    for (said, limit) in [
        (&context["timing"]["maxProperties"], limits::MAX_TIMING_KEYS),
        (&context["custom"]["maxProperties"], limits::MAX_CUSTOM_KEYS),
        (
            &resources["types"]["maxProperties"],
            limits::MAX_RESOURCE_TYPES,
        ),
        (
            &resources["hosts"]["maxProperties"],
            limits::MAX_RESOURCE_HOSTS,
        ),
        (
            &resources["slowest"]["maxItems"],
            limits::MAX_SLOWEST_RESOURCES,
        ),
    ] {
        assert_eq!(*said, json!(limit));
    }
    let golden: Value =
        serde_json::from_str(include_str!("../../../crates/wire/testdata/v1/full.json")).unwrap();
    let raw: Value =
        serde_json::from_str(include_str!("../../../crates/wire/testdata/v1/raw.json")).unwrap();
    let beacons = [&golden, &raw].into_iter().filter_map(Value::as_object);
    for key in beacons.flat_map(|beacon| beacon.keys()) {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
    for key in raw["raw"].as_object().unwrap().keys() {
        assert!(
            schema["$defs"]["raw"]["properties"][key].is_object(),
            "raw.{key}"
        );
    }
    for key in golden["context"].as_object().unwrap().keys() {
        assert!(
            schema["$defs"]["context"]["properties"][key].is_object(),
            "context.{key}"
        );
    }
}

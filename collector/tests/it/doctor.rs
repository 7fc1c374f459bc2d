//! `vitalscope doctor` against real listeners: a sound collector, and one for each thing that can be wrong. What stands between
//! doctor and collector is a proxy of the test's own that does one thing wrong.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use collector::config::{self, Config};
use collector::http::connections::Connections;
use collector::http::lanes::Lanes;
use collector::http::listen;
use collector::http::private::{self, SpoolStatus};
use collector::http::public::Assets;
use collector::metrics::{Metrics, Reason};
use collector::store::Store;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::authority::Authority;
use crate::serve::{command, nowhere, started};
use crate::{engine, http_public, shop};

const ORIGIN: &str = "https://shop.example";

/// What doctor said: its exit code, and by check verdict, words and advice.
struct Said {
    code: i32,
    checks: BTreeMap<String, (String, String)>,
}

impl Said {
    #[track_caller]
    fn check(&self, name: &str, verdict: &str, words: &str) {
        let found = self.checks.get(name);
        let (found, text) = found.unwrap_or_else(|| panic!("no {name} in {:#?}", self.checks));
        assert_eq!(found, verdict, "{name}: {text}");
        assert!(text.contains(words), "{name}: {words:?} in {text}");
    }
}

fn program(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitalscope"));
    command
        .arg("doctor")
        .args(words)
        .current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

async fn run(mut command: Command) -> Said {
    command.arg("--json");
    let output = tokio::task::spawn_blocking(move || command.output().expect("it starts"));
    let output = output.await.expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{errors}"));
    let checks = report["checks"].as_array().expect("a list").iter();
    let text = |check: &Value, name: &str| check[name].as_str().expect("text").to_owned();
    Said {
        code: output.status.code().expect("not killed"),
        checks: checks
            .map(|check| {
                let words = format!("{} -> {}", text(check, "said"), text(check, "advice"));
                (text(check, "name"), (text(check, "verdict"), words))
            })
            .collect(),
    }
}

/// Serves for the rest of the test.
async fn listen_to(answers: impl listen::Answers) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, ending) = watch::channel(false);
    tokio::spawn(async move {
        let _kept = sender;
        listen::serve(
            listener,
            Connections::private(Arc::default()),
            Lanes::here(),
            None,
            answers,
            ending,
        )
        .await;
    });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_collector_is_found_sound() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("[[apps]]\nname = \"shop\"\norigins = [\"{ORIGIN}\"]\n");
    fs::write(dir.path().join("vitalscope.toml"), text).unwrap();
    let access = engine::access();
    let store = Store::new(access.clone());
    let served = started(&mut command(dir.path(), &access));
    let base = |name: &str| {
        served.addresses[name]
            .rsplit_once('/')
            .unwrap()
            .0
            .to_owned()
    };
    engine::eventually("the schema is there", async || {
        let query = "select toUInt64(count()) from evaluations";
        store
            .client()
            .query(query)
            .fetch_one::<u64>()
            .await
            .ok()
            .filter(|count| *count > 0)
    })
    .await;
    let (public, private) = (base("agent"), base("dashboard"));
    let page = listen_to(Router::new().route(
        "/",
        get(move |State(agent): State<String>| async move {
            Html(format!("<!doctype html><script async src=\"{agent}/agent.js\" data-app=\"shop\"></script>"))
        })
        .with_state(public.clone()),
    ))
    .await;
    let said = run(program(&[
        &public,
        "--app",
        "shop",
        "--origin",
        ORIGIN,
        "--page",
        &page,
        "--private",
        &private,
        "--store",
    ]))
    .await;
    for (name, (verdict, text)) in &said.checks {
        // There were no real visitors yet, and so nothing to judge.
        let expected = if name == "data" { "warning" } else { "good" };
        assert_eq!(verdict, expected, "{name}: {text}");
    }
    for name in [
        "connect",
        "agent",
        "agent-hashed",
        "snippet",
        "offline",
        "preflight",
        "beacon",
        "origin",
        "size",
        "script-tag",
        "csp",
        "private",
        "ready",
        "spool",
        "clickhouse",
        "stored",
    ] {
        said.check(name, "good", "");
    }
    assert_eq!(said.code, 0);
    let query = "select app, environment, route from page_views";
    let rows: Vec<(String, String, String)> =
        store.client().query(query).fetch_all().await.unwrap();
    let row = ["shop", "vitalscope-doctor", "/vitalscope-doctor"].map(str::to_owned);
    assert_eq!(
        rows,
        [row.into()],
        "the one that was announced, and none of the bot's"
    );
    assert!(served.end().success());
}

/// One thing that a proxy does wrong.
#[derive(Clone, Copy, Debug)]
enum Fault {
    StripsOrigin,
    RedirectsPosts,
    LimitsBodies,
    RewritesScripts,
    MistypesScripts,
    DoublesCors,
    AnswersOptions,
    WrongClock,
    NoUpstream,
    OldScript,
}

async fn broken_proxy(State(fault): State<Fault>, mut request: Request, next: Next) -> Response {
    let is_post = request.method() == Method::POST;
    let is_script = request.uri().path().ends_with(".js");
    match fault {
        Fault::StripsOrigin => {
            request.headers_mut().remove(header::ORIGIN);
        }
        Fault::RedirectsPosts if is_post => {
            return (
                StatusCode::MOVED_PERMANENTLY,
                [(header::LOCATION, "https://elsewhere.example/")],
            )
                .into_response();
        }
        Fault::LimitsBodies if is_post => {
            let length = request.headers()[header::CONTENT_LENGTH].to_str().unwrap();
            if length.parse::<usize>().unwrap() > 8192 {
                return StatusCode::PAYLOAD_TOO_LARGE.into_response();
            }
        }
        Fault::AnswersOptions if request.method() == Method::OPTIONS => {
            return StatusCode::OK.into_response();
        }
        Fault::NoUpstream if is_post => return StatusCode::BAD_GATEWAY.into_response(),
        Fault::OldScript if is_script && request.uri().path().starts_with("/agent/") => {
            return StatusCode::NOT_FOUND.into_response();
        }
        _ => {}
    }
    let response = next.run(request).await;
    let (mut head, body) = response.into_parts();
    let mut bytes = body.collect().await.unwrap().to_bytes();
    match fault {
        Fault::RewritesScripts if is_script => bytes = [&bytes[..], b"//"].concat().into(),
        Fault::MistypesScripts if is_script => {
            head.headers
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        }
        Fault::DoublesCors => {
            head.headers.append(
                header::ACCESS_CONTROL_ALLOW_ORIGIN,
                HeaderValue::from_static("*"),
            );
        }
        Fault::WrongClock => {
            head.headers.insert(
                header::DATE,
                HeaderValue::from_static("Tue, 03 Jun 2025 10:00:00 GMT"),
            );
        }
        _ => {}
    }
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(bytes))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_proxy_does_wrong_is_named() {
    for (fault, name, verdict, words) in [
        (
            Fault::StripsOrigin,
            "origin",
            "warning",
            "removes the Origin header",
        ),
        (Fault::RedirectsPosts, "beacon", "bad", "elsewhere.example"),
        (Fault::LimitsBodies, "size", "bad", "client_max_body_size"),
        (
            Fault::RewritesScripts,
            "agent",
            "bad",
            "not what the manifest says",
        ),
        (Fault::MistypesScripts, "snippet", "bad", "text/html"),
        (Fault::DoublesCors, "preflight", "bad", "twice"),
        (Fault::DoublesCors, "origin", "bad", "twice"),
        (
            Fault::AnswersOptions,
            "preflight",
            "bad",
            "leave the collector's alone",
        ),
        (Fault::WrongClock, "clock", "warning", "NTP"),
        (
            Fault::NoUpstream,
            "beacon",
            "bad",
            "not the collector's answer",
        ),
        (Fault::OldScript, "agent-hashed", "bad", "404"),
    ] {
        let sound = http_public::collector();
        let router = Router::new()
            .fallback_service(sound.door.clone())
            .layer(middleware::from_fn_with_state(fault, broken_proxy));
        let address = listen_to(router).await;
        let said = run(program(&[&address, "--app", "shop", "--origin", ORIGIN])).await;
        said.check(name, verdict, words);
        said.check("connect", "good", "");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_collector_refuses_is_named_with_the_way_out() {
    let sound = http_public::collector();
    let address = listen_to(sound.door.clone()).await;
    let said = run(program(&[&address, "--app", "shop", "--origin", ORIGIN])).await;
    for name in [
        "agent",
        "agent-hashed",
        "snippet",
        "preflight",
        "beacon",
        "origin",
        "size",
        "clock",
        "names",
    ] {
        said.check(name, "good", "");
    }
    assert_eq!(sound.spool.status().pending, 0, "nothing is stored");
    let unknown = run(program(&[&address, "--app", "shp"])).await;
    unknown.check("beacon", "bad", "[[apps]] name = \"shp\"");
    assert_eq!(unknown.code, 1);
    let origin = run(program(&[
        &address,
        "--app",
        "shop",
        "--origin",
        "https://www.shop.example",
    ]))
    .await;
    origin.check("beacon", "bad", "list \"https://www.shop.example\"");
    let elsewhere = run(program(&[&address, "--app", "shop", "--path", "/collect"])).await;
    elsewhere.check("names", "warning", "collect");
    elsewhere.check("beacon", "bad", "[ingest] path");
    let unnamed = run(program(&[&address])).await;
    unnamed.check("beacon", "skipped", "--app");
    assert_eq!(unnamed.code, 0);

    let other = listen_to(Router::new().route("/", get(|| async { "something else" }))).await;
    run(program(&[&other]))
        .await
        .check("agent", "bad", "something else than a collector");
    let bare = http_public::with_assets(Assets::default());
    let bare = listen_to(bare.door.clone()).await;
    run(program(&[&bare]))
        .await
        .check("agent", "bad", "cargo xtask agent");
    let closed = run(program(&["http://127.0.0.1:1", "--app", "shop"])).await;
    closed.check(
        "connect",
        "bad",
        "is `vitalscope serve` or the proxy running",
    );
    assert_eq!(closed.code, 1);
    let nowhere = program(&["rum.example.com"]).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_judged_as_browsers_do() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let trusted = authority.write(dir.path());
    let look = async |names: &[&str], last_year: i32| {
        let data = tempfile::tempdir().unwrap();
        let pair = authority.issue(data.path(), names, last_year);
        let mut command = command(data.path(), &nowhere());
        command
            .env("VITALSCOPE_PUBLIC_TLS_CERTIFICATE", &pair.certificate)
            .env("VITALSCOPE_PUBLIC_TLS_KEY", &pair.key);
        let served = started(&mut command);
        let address = served.addresses["agent"]
            .replace("/agent.js", "")
            .replace("127.0.0.1", "localhost");
        let mut doctor = program(&[&address]);
        doctor.env("SSL_CERT_FILE", &trusted);
        (run(doctor).await, address, served)
    };
    let (said, address, _served) = look(&["localhost"], 2049).await;
    said.check("tls", "good", "more days");
    said.check("agent", "good", "");
    run(program(&[&address]))
        .await
        .check("tls", "bad", "fullchain.pem");
    let plain = address.replace("https://", "http://");
    run(program(&[&plain]))
        .await
        .check("connect", "bad", "say https://");
    look(&["localhost"], 2024)
        .await
        .0
        .check("tls", "bad", "renew");
    look(&["other.example"], 2049)
        .await
        .0
        .check("tls", "bad", "another name");
}

/// A page of this HTML, under this policy.
async fn page(html: String, policy: &'static str) -> String {
    let answer = move || async move {
        let policy = HeaderValue::from_static(policy);
        ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html))
    };
    listen_to(Router::new().route("/", get(answer))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_page_is_named() {
    let sound = http_public::collector();
    let agent = listen_to(sound.door.clone()).await;
    let client = run(program(&[&agent])).await;
    client.check("agent", "good", "");
    let manifest = crate::serve::exchange("GET", &format!("{agent}/agent/manifest.json"), "").1;
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let hashed = manifest["agent"]["path"].as_str().unwrap();
    let integrity = manifest["agent"]["integrity"].as_str().unwrap();
    let tag = |attributes: &str| {
        format!("<head><script async src=\"{agent}/agent.js\" {attributes}></script>")
    };
    let with_hash = |attributes: &str| {
        format!("<script src='{agent}{hashed}' data-app=shop {attributes}></script>")
    };
    let shop = "data-app=\"shop\"";
    for (html, policy, name, verdict, words) in [
        ("<p>nothing".to_owned(), "", "script-tag", "bad", "npm"),
        (
            format!("<!-- {} -->", tag(shop)),
            "",
            "script-tag",
            "bad",
            "",
        ),
        (tag(shop), "", "csp", "good", ""),
        (tag(""), "", "app-attribute", "warning", "data-app"),
        (tag("data-app=shp"), "", "app-attribute", "bad", "\"shp\""),
        (
            tag("data-app=shop data-consent=denied"),
            "",
            "consent",
            "bad",
            "setConsent",
        ),
        (
            tag("data-app=shop data-consent=pending"),
            "",
            "consent",
            "warning",
            "setConsent",
        ),
        (
            tag("data-app=shop data-sample-rate=0.001"),
            "",
            "sample-rate",
            "warning",
            "0.001",
        ),
        (
            tag(shop),
            "script-src 'self'",
            "csp-script",
            "bad",
            "script-src http://127.0.0.1",
        ),
        (
            tag(shop),
            "connect-src 'self'",
            "csp-connect",
            "bad",
            "connect-src http://127.0.0.1",
        ),
        (
            tag(shop),
            "script-src *",
            "csp-wasm",
            "warning",
            "raw entries",
        ),
        (
            tag(shop),
            "default-src * 'wasm-unsafe-eval'",
            "csp",
            "good",
            "",
        ),
        (
            format!(
                "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">{}",
                tag(shop)
            ),
            "",
            "csp-connect",
            "bad",
            "",
        ),
        (
            tag(&format!("{shop} integrity=sha384-AAAA crossorigin")),
            "",
            "page-integrity",
            "bad",
            "another build",
        ),
        (
            tag(&format!("{shop} integrity={integrity}")),
            "",
            "page-integrity",
            "bad",
            "crossorigin",
        ),
        (
            tag(&format!("{shop} integrity={integrity} crossorigin")),
            "",
            "page-integrity",
            "warning",
            "next upgrade",
        ),
        (
            with_hash(&format!("integrity={integrity} crossorigin")),
            "",
            "page-integrity",
            "good",
            "",
        ),
        (
            with_hash("").replace(hashed, "/agent/0123456789abcdef.js"),
            "",
            "page-integrity",
            "bad",
            hashed,
        ),
    ] {
        let address = page(html.clone(), policy).await;
        let said = run(program(&[&agent, "--app", "shop", "--page", &address])).await;
        println!("{html} {policy}");
        said.check(name, verdict, words);
    }
    let gone = run(program(&[&agent, "--page", "http://127.0.0.1:1/"])).await;
    gone.check("page", "bad", "address that visitors use");
    let missing = run(program(&[&agent, "--page", &format!("{agent}/missing")])).await;
    missing.check("page", "bad", "404");
    let turning = Router::new().route(
        "/",
        get(|| async { axum::response::Redirect::temporary("/") }),
    );
    let turning = listen_to(turning).await;
    run(program(&[&agent, "--page", &turning]))
        .await
        .check("page", "bad", "redirects");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_behind_the_spool_is_named() {
    let public = listen_to(http_public::collector().door.clone()).await;
    let look = async |store: Store,
                      token: Option<&str>,
                      spool: SpoolStatus,
                      metrics: Metrics,
                      words: &[&str]| {
        let config = Config {
            private: config::Private {
                token: token.map(str::to_owned),
                ..config::Private::default()
            },
            ..Config::default()
        };
        let router = private::router(private::State {
            store,
            metrics: Arc::new(metrics),
            config: Arc::new(config),
            spool: Arc::new(move || spool),
        });
        let address = listen_to(router).await;
        let mut all = vec![public.as_str(), "--private", &address];
        all.extend(words);
        run(program(&all)).await
    };
    let calm = SpoolStatus {
        bytes: 0,
        oldest_age_s: 0.0,
        accepting: true,
    };
    let engine = engine::store().await;
    let refusing = || {
        let metrics = Metrics::default();
        for _ in 0..10 {
            metrics.received();
        }
        metrics.rejected(Reason::OriginNotAllowed, 4);
        metrics
            .store_needs_operator
            .store(true, std::sync::atomic::Ordering::Relaxed);
        metrics
    };
    let fresh = look(engine.clone(), None, calm, Metrics::default(), &[]).await;
    for name in ["private", "ready", "spool", "clickhouse", "refused"] {
        fresh.check(name, "good", "");
    }
    fresh.check("data", "warning", "no page view");
    fresh.check("evaluation", "warning", "first full hour");
    fresh.check("stored", "skipped", "--store");
    let refused = look(engine.clone(), None, calm, refusing(), &[]).await;
    refused.check(
        "refused",
        "warning",
        "4 of 10 beacons were refused (origin-not-allowed 4)",
    );
    refused.check("store", "bad", "only a person");
    assert_eq!(refused.code, 1);

    let away = look(shop::nowhere(), None, calm, Metrics::default(), &[]).await;
    away.check("clickhouse", "bad", "[clickhouse] url");
    let waiting = SpoolStatus {
        oldest_age_s: 600.0,
        ..calm
    };
    look(engine.clone(), None, waiting, Metrics::default(), &[])
        .await
        .check("spool", "bad", "600 s");
    let full = SpoolStatus {
        accepting: false,
        ..waiting
    };
    let full = look(engine.clone(), None, full, Metrics::default(), &[]).await;
    full.check("spool", "bad", "max_bytes");
    full.check("ready", "bad", "");

    let locked = look(
        engine.clone(),
        Some("secret"),
        calm,
        Metrics::default(),
        &[],
    )
    .await;
    locked.check("private", "bad", "--token");
    let opened = look(
        engine,
        Some("secret"),
        calm,
        Metrics::default(),
        &["--token", "secret"],
    )
    .await;
    opened.check("private", "good", "");
    let mistaken = run(program(&[&public, "--private", &public])).await;
    mistaken.check("private", "bad", "public one shows no data");
    let closed = run(program(&[&public, "--private", "http://127.0.0.1:1"])).await;
    closed.check("private", "bad", "ssh -L");
    run(program(&[&public]))
        .await
        .check("private", "skipped", "--private");
}

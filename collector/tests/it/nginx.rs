//! The published `packaging/nginx.conf` in a real nginx in front of the real collector: what a browser gets through it, what the
//! collector sees through it, and what nginx says when there is no collector.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use collector::store::Store;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, header};

use crate::authority::{self, Authority, Pair};
use crate::engine;
use crate::serve::{Served, beacon, command, started};

const CONFIG: &str = include_str!("../../packaging/nginx.conf");
const ORIGIN: &str = "https://shop.example";
const TOKEN: &str = "a token of the test";

/// A running nginx on addresses of its own; ended when dropped.
struct Nginx {
    process: Child,
    plain: SocketAddr,
    tls: SocketAddr,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where the collector's listeners are, for nginx.
struct Upstream<'u> {
    public: &'u str,
    private: &'u str,
}

/// Debian keeps it where only root looks.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    let found = folders.iter().map(|folder| folder.join("nginx"));
    found.into_iter().find(|file| file.is_file()).expect(
        "nginx is not installed: apt-get update && apt-get install --no-install-recommends nginx-light",
    )
}

/// The published file with this test's addresses, names and certificates in the places of the examples.
fn site(upstream: &Upstream<'_>, pair: &Pair, plain: SocketAddr, tls: SocketAddr) -> String {
    let mut text = CONFIG.to_owned();
    for (published, ours) in [
        (
            "server 127.0.0.1:8080;",
            format!("server {};", upstream.public),
        ),
        (
            "server 127.0.0.1:8081;",
            format!("server {};", upstream.private),
        ),
        ("listen 443 ssl http2;", format!("listen {tls} ssl http2;")),
        ("listen 80;", format!("listen {plain};")),
        ("rum.example.com;", "localhost;".to_owned()),
        (
            "server_name rum.example.com",
            "server_name localhost".to_owned(),
        ),
        (
            "/etc/letsencrypt/live/rum.example.com/fullchain.pem",
            pair.certificate.display().to_string(),
        ),
        (
            "/etc/letsencrypt/live/rum.example.com/privkey.pem",
            pair.key.display().to_string(),
        ),
    ] {
        assert!(
            text.contains(published),
            "nginx.conf no longer has {published}"
        );
        text = text.replace(published, &ours);
    }
    text
}

fn nginx(dir: &Path, upstream: &Upstream<'_>, pair: &Pair) -> Nginx {
    // Addresses of the loopback network that nobody else uses, so that the ports need no search.
    let [high, low] = (std::process::id() as u16).to_be_bytes();
    static COUNT: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(8000);
    let port = COUNT.fetch_add(2, std::sync::atomic::Ordering::Relaxed);
    let (plain, tls) = (
        ([127, 77, high, low], port),
        ([127, 77, high, low], port + 1),
    );
    let (plain, tls) = (SocketAddr::from(plain), SocketAddr::from(tls));
    let site = site(upstream, pair, plain, tls);
    fs::write(dir.join("vitalscope.conf"), site).unwrap();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {name};\n"))
        .collect();
    let main = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr warn;\nevents {{}}\nhttp {{\n{temporary}access_log off;\n\
         include vitalscope.conf;\n}}\n"
    );
    fs::write(dir.join("nginx.conf"), main).unwrap();
    let mut process = Command::new(program())
        .arg("-p")
        .arg(dir)
        .args(["-e", "stderr", "-c", "nginx.conf"])
        .stdin(Stdio::null())
        .spawn()
        .expect("nginx starts");
    while TcpStream::connect(plain).is_err() {
        if let Some(status) = process.try_wait().unwrap() {
            panic!("nginx has ended: {status}");
        }
        std::thread::yield_now();
    }
    Nginx {
        process,
        plain,
        tls,
    }
}

fn collector(dir: &Path, access: &collector::store::Access) -> Served {
    let config = format!(
        "[[apps]]\nname = \"shop\"\norigins = [\"{ORIGIN}\"]\n[ingest]\ntrusted_proxies = [\"127.0.0.1\"]\ncountry_header = \"x-country\"\n\
         [private]\nhosts = [\"rum-dashboard.example.com\"]\ntoken = \"{TOKEN}\"\n"
    );
    fs::write(dir.join("vitalscope.toml"), config).unwrap();
    started(&mut command(dir, access))
}

fn host<'s>(served: &'s Served, name: &str) -> &'s str {
    let rest = served.addresses[name].strip_prefix("http://").unwrap();
    rest.split_once('/').unwrap().0
}

impl Nginx {
    async fn send(
        &self,
        authority: &Authority,
        request: Request<Full<hyper::body::Bytes>>,
    ) -> (Response<()>, String) {
        let stream = authority
            .connect(self.tls, &[b"h2", b"http/1.1"])
            .await
            .unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        authority::send(stream, request).await
    }
}

fn to(method: Method, path: &str, body: String) -> Request<Full<hyper::body::Bytes>> {
    Request::builder()
        .method(method)
        .uri(format!("https://localhost{path}"))
        .header(header::ORIGIN, ORIGIN)
        .header(
            header::USER_AGENT,
            "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
        )
        .body(Full::from(body))
        .unwrap()
}

fn and(
    mut request: Request<Full<hyper::body::Bytes>>,
    name: &'static str,
    value: &'static str,
) -> Request<Full<hyper::body::Bytes>> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_reaches_the_collector_through_the_published_nginx_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let pair = authority.issue(
        dir.path(),
        &["localhost", "rum-dashboard.example.com"],
        2049,
    );
    let access = engine::access();
    let served = collector(dir.path(), &access);
    let upstream = Upstream {
        public: host(&served, "agent"),
        private: host(&served, "dashboard"),
    };
    let nginx = nginx(dir.path(), &upstream, &pair);
    let views = "/v1/views/shop";

    let preflight = and(
        to(Method::OPTIONS, views, String::new()),
        "access-control-request-method",
        "POST",
    );
    let (answer, _) = nginx.send(&authority, preflight).await;
    assert_eq!(answer.status(), 204);
    assert_eq!(
        answer.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN],
        ORIGIN
    );
    assert_eq!(
        answer.headers()[header::ACCESS_CONTROL_ALLOW_METHODS],
        "POST"
    );

    // A country that a client claims is thrown away.
    let forged = and(to(Method::POST, views, beacon(1)), "x-country", "XX");
    assert_eq!(nginx.send(&authority, forged).await.0.status(), 204);
    let foreign = and(
        to(Method::POST, views, beacon(2)),
        "origin",
        "https://other.example",
    );
    let (answer, problem) = nginx.send(&authority, foreign).await;
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert!(problem.contains("origin-not-allowed"), "{problem}");

    // Too large for the collector, and too large even for nginx: both can be read by the page.
    for mebibytes in [8, 10] {
        let body = "x".repeat(mebibytes * 1024 * 1024 + 1);
        let (answer, problem) = nginx.send(&authority, to(Method::POST, views, body)).await;
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert!(
            answer
                .headers()
                .contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN)
        );
        assert!(problem.contains("too-large"), "{problem}");
    }

    // The script is compressed by the collector and passes as it is.
    let script = and(
        to(Method::GET, "/agent.js", String::new()),
        "accept-encoding",
        "br",
    );
    let stream = authority.connect(nginx.tls, &[b"h2"]).await.unwrap();
    let (head, _) = authority::send_for_bytes(stream, script).await;
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()[header::CONTENT_ENCODING], "br");

    // Without TLS: sent on, with method and body.
    let (status, _) =
        crate::serve::exchange("POST", &format!("http://{}{views}", nginx.plain), "{}");
    assert_eq!(status, 308);

    // The other listener, under its own name and with its token only.
    let dashboard = |token: &'static str| {
        let mut request = and(
            to(Method::GET, "/api/v1/health", String::new()),
            "authorization",
            token,
        );
        *request.uri_mut() = "https://rum-dashboard.example.com/api/v1/health"
            .parse()
            .unwrap();
        request
    };
    assert_eq!(
        nginx
            .send(&authority, dashboard("Bearer no"))
            .await
            .0
            .status(),
        401
    );
    assert_eq!(
        nginx
            .send(&authority, dashboard("Bearer a token of the test"))
            .await
            .0
            .status(),
        200
    );

    let store = Store::new(access);
    engine::eventually("the beacon is stored", async || {
        let query = "select country, browser from page_views";
        let rows: Result<Vec<(String, String)>, _> = store.client().query(query).fetch_all().await;
        let rows = rows.ok().filter(|rows| !rows.is_empty())?;
        assert_eq!(rows, [(String::new(), "Firefox 153".to_owned())]);
        Some(())
    })
    .await;

    drop(served);
    let (answer, _) = nginx
        .send(&authority, to(Method::POST, views, beacon(3)))
        .await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert_eq!(answer.headers()[header::RETRY_AFTER], "10");
}

/// What nginx says to the collector, seen on a plain socket in its place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_names_the_client_and_keeps_its_connections() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let pair = authority.issue(dir.path(), &["localhost"], 2049);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let upstream = Upstream {
        public: &address,
        private: "127.0.0.1:1",
    };
    let nginx = nginx(dir.path(), &upstream, &pair);
    let heads = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap(); // both requests come over this one connection
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = || {
            let lines = std::iter::repeat_with(|| {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                line.trim_end().to_ascii_lowercase()
            });
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            (&stream)
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .unwrap();
            head
        };
        [head(), head()]
    });
    for _ in 0..2 {
        let forged = and(
            to(Method::OPTIONS, "/v1/views/shop", String::new()),
            "x-forwarded-for",
            "6.6.6.6",
        );
        assert_eq!(
            nginx
                .send(&authority, and(forged, "x-country", "XX"))
                .await
                .0
                .status(),
            204
        );
    }
    for head in heads.join().unwrap() {
        for line in [
            "host: localhost",
            "x-forwarded-for: 127.0.0.1",
            &format!("origin: {ORIGIN}"),
        ] {
            assert!(head.iter().any(|have| have == line), "{line} in {head:#?}");
        }
        for name in ["x-country", "connection"] {
            assert!(
                !head.iter().any(|have| have.starts_with(name)),
                "{name} in {head:#?}"
            );
        }
    }
}

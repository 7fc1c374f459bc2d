//! What must never be in a log: tokens, passwords, addresses of visitors. Failures of every kind are driven with marked secrets
//! at the most talkative level, and the log is searched for the marks.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::Mutex;

use collector::store::Access;
use serde_json::Value;

use crate::engine;
use crate::serve::{self, Served};

const TOKEN: &str = "marked-token-7d1f";
const WRONG_TOKEN: &str = "marked-wrong-token-93ac";
const PASSWORD: &str = "marked-password-55e0";
/// Of a visitor, as a proxy and as the visitor himself say it.
const ADDRESS: &str = "203.0.113.77";
const REFERRER: &str = "marked-person@example.org";

/// Our own end of every connection, as the collector saw it.
static PEERS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn connect(host: &str) -> TcpStream {
    let stream = TcpStream::connect(host).expect("it listens");
    let peer = stream.local_addr().expect("it is connected");
    PEERS.lock().expect("not poisoned").push(peer.to_string());
    stream
}

/// Head and body as they are; the answer is read and thrown away.
fn send(url: &str, method: &str, headers: &str, body: &str) -> u16 {
    let rest = url.trim_start_matches("http://");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut stream = connect(host);
    let length = body.len();
    write!(
        stream,
        "{method} /{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
    .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let status = answer.split(' ').nth(1).expect("a status line");
    status.parse().expect("a status")
}

fn fail_in_every_way(served: &Served) {
    let ingest = served.addresses["ingest"].replace("{app}", "shop");
    let forwarded = format!("X-Forwarded-For: {ADDRESS}\r\nX-Real-IP: {ADDRESS}\r\n");
    for body in ["{", "[]", "{\"v\":1}", &"[".repeat(70_000)] {
        assert!(send(&ingest, "POST", &forwarded, body) >= 400);
    }
    let host = ingest.trim_start_matches("http://").split('/').next();
    for broken in ["POST ", "NONSENSE\r\n\r\n"] {
        let mut stream = connect(host.expect("an authority"));
        stream.write_all(broken.as_bytes()).expect("it reads");
    }
    let path = format!("/u/{REFERRER}?token={TOKEN}");
    let now_ms = collector::clock::now_ms();
    let beacon = format!(
        "{{\"v\":1,\"view\":\"00000000-0000-4000-8000-000000000001\",\"seq\":0,\"sent\":{now_ms},\"start\":{now_ms},\
         \"path\":\"{path}\",\"m\":[]}}"
    );
    assert_eq!(send(&ingest, "POST", &forwarded, &beacon), 204);
    let dashboard = &served.addresses["dashboard"];
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let api = format!("{dashboard}api/v1/overview");
    assert_eq!(send(&api, "GET", &bearer(WRONG_TOKEN), ""), 401);
    assert_eq!(send(&api, "GET", &bearer(TOKEN), ""), 503, "no ClickHouse");
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let login = format!("{dashboard}login");
    assert_eq!(
        send(&login, "POST", form, &format!("token={WRONG_TOKEN}")),
        401
    );
    assert_eq!(send(&login, "POST", form, &format!("token={TOKEN}")), 303);
    let cookie = format!("Cookie: vitalscope_login={WRONG_TOKEN}\r\n");
    assert_eq!(send(&api, "GET", &cookie, ""), 401);
    let rebinding = format!("{}X-Forwarded-For: {ADDRESS}\r\n", bearer(TOKEN));
    let health = format!("{dashboard}api/v1/health");
    assert_eq!(send(&health, "GET", &rebinding, ""), 200);
}

/// The log of a collector that was driven through failures, one JSON object a line.
fn log_of(access: &Access, told: &str) -> (String, Vec<Value>) {
    let data = tempfile::tempdir().expect("a temporary folder");
    let file = data.path().join("log");
    let mut command = serve::command(data.path(), access);
    command
        .env("VITALSCOPE_PRIVATE_TOKEN", TOKEN)
        .env("VITALSCOPE_LOG", "debug")
        .env("VITALSCOPE_LOG_FORMAT", "json")
        .stderr(Stdio::from(File::create(&file).expect("a file")));
    let served = serve::started(&mut command);
    fail_in_every_way(&served);
    let read = || std::fs::read_to_string(&file).expect("a log");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !read().contains(told) {
        assert!(std::time::Instant::now() < deadline, "{told}: {}", read());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(served.end().success());
    let log = read();
    let lines = log
        .lines()
        .map(|line| serde_json::from_str(line).expect(line));
    (log.clone(), lines.collect())
}

fn check(log: &str) {
    for mark in [TOKEN, WRONG_TOKEN, PASSWORD, ADDRESS, REFERRER] {
        let line = log.lines().find(|line| line.contains(mark));
        assert_eq!(line, None, "{mark}");
    }
    for peer in PEERS.lock().expect("not poisoned").iter() {
        assert!(!log.contains(peer), "{peer}");
    }
}

#[test]
fn a_log_holds_no_secret_and_one_line_for_a_failure() {
    let access = Access {
        password: PASSWORD.into(),
        user: "somebody".into(),
        ..serve::nowhere()
    };
    let (log, lines) = log_of(&access, "ClickHouse is not ready");
    check(&log);
    let of = |message: &str| {
        let said = |line: &&Value| line["message"].as_str() == Some(message);
        lines.iter().filter(said).count()
    };
    assert!(of("a connection ended early") >= 1, "{log}");
    assert_eq!(of("a query of the private listener failed"), 1, "{log}");
    assert_eq!(of("ClickHouse did not say how fresh its data is"), 1);
    let all_say = |key: &str| lines.iter().all(|line| line[key].is_string());
    assert!(all_say("timestamp") && all_say("level") && all_say("message"));
}

#[test]
fn a_wrong_password_is_named_and_not_shown() {
    let access = Access {
        password: PASSWORD.into(),
        ..engine::access()
    };
    let data = tempfile::tempdir().expect("a temporary folder");
    let output = serve::command(data.path(), &access)
        .env("VITALSCOPE_LOG", "debug")
        .stderr(Stdio::piped())
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("password"), "{said}");
    check(&said);
}

#[test]
fn an_unknown_format_is_said_at_once() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let output = serve::command(data.path(), &serve::nowhere())
        .env("VITALSCOPE_LOG_FORMAT", "xml")
        .stderr(Stdio::piped())
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("text or json"),
        "{said}"
    );
}

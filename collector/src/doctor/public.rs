//! What browsers reach: the connection, the agent's files, and whether a beacon of this app and origin would be taken.
//!
//! The beacons sent from here say that they come from a bot: they pass every check of a real one and are counted, never stored.

use axum::http::{HeaderName, Method, StatusCode, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha384};
use url::Url;
use wire::limits::MAX_BEACON_BYTES;

use super::visit::{Answer, Failure, Visitor};
use super::{Options, Report};
use crate::clock;

/// Known as a bot by its last word.
const USER_AGENT: &str = "Mozilla/5.0 (compatible; vitalscope-doctor-bot)";
const DAY_S: i64 = 24 * 3600;
const EXPIRES_SOON_DAYS: i64 = 14;
/// Answers and this machine's clock may differ by the time that the answer took and by the second that headers have.
const MAX_CLOCK_DIFFERENCE_S: i64 = 5;
/// Words that the public lists of ad blockers match in addresses.
const BLOCKED_WORDS: [&str; 9] = [
    "analytics",
    "tracking",
    "tracker",
    "telemetry",
    "beacon",
    "collect",
    "metrics",
    "stats",
    "pixel",
];
/// An origin that nobody has.
const FOREIGN_ORIGIN: &str = "https://doctor.invalid";
const ORIGIN_IS_EXAMPLE: &str = "https://shop.example";

/// A collector that answers.
pub struct Reached {
    /// `GET /agent/manifest.json`.
    pub manifest: Option<Value>,
}

/// Connection and files. None when there is no connection.
pub async fn look(visitor: &Visitor, options: &Options, report: &mut Report) -> Option<Reached> {
    let base = &options.public;
    let manifest = match visitor.get(&at(base, "/agent/manifest.json")).await {
        Ok(answer) => answer,
        Err(failure) => {
            unreachable(base, &failure, report);
            return None;
        }
    };
    report.good(
        "connect",
        format!("{} answers", base.as_str().trim_end_matches('/')),
    );
    certificate(options, &manifest, report);
    clock_difference(&manifest, report);
    let read = manifest
        .json()
        .filter(|json| json["agent"]["integrity"].is_string());
    match (&read, manifest.status) {
        (Some(_), _) => {}
        (None, StatusCode::SERVICE_UNAVAILABLE) if manifest.text().contains("agent-not-built") => report.bad(
            "agent",
            "this collector was built without the agent",
            "run `cargo xtask agent`, then build the collector again; or install a release",
        ),
        (None, status) => report.bad(
            "agent",
            format!("/agent/manifest.json is no manifest ({status}, {})", manifest.header(header::CONTENT_TYPE)),
            "something else than a collector answers here: is this the public listener, and does the proxy pass every path on?",
        ),
    }
    if let Some(manifest) = &read {
        scripts(visitor, base, manifest, report).await;
    }
    names(options, report);
    Some(Reached { manifest: read })
}

fn unreachable(base: &Url, failure: &Failure, report: &mut Report) {
    let (name, advice) = match failure {
        Failure::Resolve(_) => ("connect", "the name has no address: check its DNS records"),
        Failure::Connect { .. } => (
            "connect",
            "is `vitalscope serve` or the proxy running, and is this its port?",
        ),
        Failure::Timeout(_) => (
            "connect",
            "a firewall drops the connection, or the address is wrong",
        ),
        Failure::Broken(_) if base.scheme() == "http" => (
            "connect",
            "no HTTP is spoken here; if this port speaks TLS, say https://",
        ),
        Failure::Broken(_) => ("connect", "no HTTP is spoken here: is this the right port?"),
        Failure::Tls(said) if said.contains("xpired") => ("tls", "renew the certificate"),
        Failure::Tls(said) if said.contains("UnknownIssuer") => (
            "tls",
            "browsers do not trust its issuer: send the whole chain (fullchain.pem, not cert.pem), or trust your own authority",
        ),
        Failure::Tls(said)
            if said.contains("NotValidForName") || said.contains("not valid for name") =>
        {
            ("tls", "the certificate is for another name")
        }
        Failure::Tls(_) => ("tls", "no TLS is spoken here: is this the right port?"),
    };
    report.bad(name, failure.to_string(), advice);
}

fn certificate(options: &Options, answer: &Answer, report: &mut Report) {
    let Some(not_after_s) = answer.not_after_s else {
        let pages = [&options.origin, &options.page.as_ref().map(Url::to_string)];
        let is_mixed = pages
            .into_iter()
            .flatten()
            .any(|page| page.starts_with("https://"));
        let local = matches!(
            options.public.host_str(),
            Some("localhost" | "127.0.0.1" | "[::1]")
        );
        return match (is_mixed, local) {
            (true, false) => report.bad(
                "tls",
                "the pages are on https://, this is http://",
                "browsers send nothing from there to here: use [public] tls_certificate, or a proxy with TLS",
            ),
            (_, true) => report.good("tls", "none, on this machine"),
            _ => report.warn("tls", "none", "pages on https:// cannot send here: use [public] tls_certificate, or a proxy with TLS"),
        };
    };
    let days = (not_after_s - (clock::now_ms() / 1000) as i64) / DAY_S;
    let said = format!("the certificate is trusted for {days} more days");
    if days < EXPIRES_SOON_DAYS {
        report.warn("tls", said, "renew it: after that every beacon is lost");
    } else {
        report.good("tls", said);
    }
}

fn clock_difference(answer: &Answer, report: &mut Report) {
    let date = answer.header(header::DATE);
    let Ok(theirs) = jiff::fmt::rfc2822::parse(date) else {
        return; // a proxy may leave it out
    };
    let difference_s = theirs.timestamp().as_second() - (clock::now_ms() / 1000) as i64;
    if difference_s.abs() > MAX_CLOCK_DIFFERENCE_S {
        report.warn(
            "clock",
            format!("the server's clock is {difference_s} s from this machine's"),
            "data is stored under the collector's time: if its clock is wrong, new data seems missing; run NTP on both",
        );
    } else {
        report.good("clock", "as on this machine");
    }
}

async fn scripts(visitor: &Visitor, base: &Url, manifest: &Value, report: &mut Report) {
    let agent = &manifest["agent"];
    for (name, path, part) in [
        ("agent", "/agent.js", agent),
        (
            "agent-hashed",
            agent["path"].as_str().unwrap_or_default(),
            agent,
        ),
        ("snippet", "/snippet.js", &manifest["snippet"]),
    ] {
        script(
            visitor,
            &at(base, path),
            name,
            part["integrity"].as_str().unwrap_or_default(),
            report,
        )
        .await;
    }
}

async fn script(
    visitor: &Visitor,
    url: &Url,
    name: &'static str,
    integrity: &str,
    report: &mut Report,
) {
    let path = url.path();
    let answer = match visitor.get(url).await {
        Ok(answer) => answer,
        Err(failure) => {
            return report.bad(
                name,
                format!("{path}: {failure}"),
                "ask again; if it stays, look at the proxy's log",
            );
        }
    };
    if answer.status != 200 {
        let to = answer.header(header::LOCATION);
        let said = format!("{path} is answered with {} {to}", answer.status);
        return report.bad(
            name,
            said,
            "the proxy must pass this path on to the collector",
        );
    }
    let media = answer.header(header::CONTENT_TYPE);
    if !media.starts_with("text/javascript") {
        let advice = "browsers do not run it: something on the way changes or replaces it";
        return report.bad(name, format!("{path} comes as {media:?}"), advice);
    }
    let digest = BASE64_STANDARD.encode(Sha384::digest(&answer.body));
    if integrity != format!("sha384-{digest}") {
        return report.bad(
            name,
            format!("{path} is not what the manifest says"),
            "something on the way rewrites scripts (minification, a CDN's optimiser, an old cache): switch it off for this host",
        );
    }
    report.good(
        name,
        format!("{path}, {} bytes, as the manifest says", answer.body.len()),
    );
}

fn names(options: &Options, report: &mut Report) {
    let url = at(&options.public, &options.ingest_path);
    let (host, path) = (url.host_str().unwrap_or_default(), url.path());
    let text = format!("{host}{path}").to_ascii_lowercase();
    match BLOCKED_WORDS.iter().find(|word| text.contains(*word)) {
        Some(word) => report.warn(
            "names",
            format!("the address of beacons contains {word:?}, which ad blockers look for"),
            "another host name, or [ingest] path; best a host of the pages' own domain",
        ),
        None => report.good(
            "names",
            "nothing in the address that ad blockers are known to look for",
        ),
    }
}

/// Whether a beacon would be taken.
pub async fn send(visitor: &Visitor, options: &Options, report: &mut Report) {
    let Some(app) = &options.app else {
        let advice = "--app NAME, and --origin https://shop.example for what a browser adds";
        return report.skip("beacon", "no beacon was tried", advice);
    };
    let url = at(&options.public, &format!("{}/{app}", options.ingest_path));
    if options.origin.is_some() {
        preflight(visitor, options, &url, report).await;
    }
    let body = bot_beacon("");
    let Some(answer) = post(
        visitor,
        &url,
        options.origin.as_deref(),
        body,
        "beacon",
        report,
    )
    .await
    else {
        return;
    };
    if !taken(&answer, options, app, report) {
        return;
    }
    if let Some(origin) = &options.origin {
        origins(visitor, &url, origin, &answer, report).await;
    }
    largest(visitor, options, &url, report).await;
}

async fn preflight(visitor: &Visitor, options: &Options, url: &Url, report: &mut Report) {
    let origin = options.origin.as_deref().unwrap_or(ORIGIN_IS_EXAMPLE);
    let headers = [
        (header::ORIGIN, origin.to_owned()),
        (header::ACCESS_CONTROL_REQUEST_METHOD, "POST".to_owned()),
        (
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            "content-type".to_owned(),
        ),
    ];
    let answer = match visitor
        .send(Method::OPTIONS, url, &headers, Bytes::new())
        .await
    {
        Ok(answer) => answer,
        Err(failure) => {
            return report.bad("preflight", failure.to_string(), "look at the proxy's log");
        }
    };
    let allowed = answer.header(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    let headers = answer
        .header(header::ACCESS_CONTROL_ALLOW_HEADERS)
        .to_ascii_lowercase();
    if !answer.status.is_success() {
        let advice = "the proxy must pass OPTIONS on to the collector and not answer it itself";
        report.bad(
            "preflight",
            format!("OPTIONS is answered with {}", answer.status),
            advice,
        );
    } else if ![origin, "*"].contains(&allowed) || !headers.contains("content-type") {
        let said = format!("OPTIONS allows the origin {allowed:?} and the headers {headers:?}");
        report.bad(
            "preflight",
            said,
            "the proxy adds or removes Access-Control headers: it must leave the collector's alone",
        );
    } else if answer
        .headers
        .get_all(header::ACCESS_CONTROL_ALLOW_ORIGIN)
        .iter()
        .count()
        > 1
    {
        let advice = "browsers refuse that: remove the Access-Control headers that the proxy adds";
        report.bad(
            "preflight",
            "Access-Control-Allow-Origin is there twice",
            advice,
        );
    } else {
        report.good("preflight", "OPTIONS allows what browsers ask for");
    }
}

/// A page view that says it is a bot's, filled up with `padding`.
fn bot_beacon(padding: &str) -> Bytes {
    let now_ms = clock::now_ms();
    let beacon = json!({
        "v": 1, "view": "00000000-0000-4000-8000-000000000000", "seq": 0, "sent": now_ms, "start": now_ms,
        "path": "/vitalscope-doctor", "m": [], "padding": padding,
    });
    Bytes::from(beacon.to_string())
}

async fn post(
    visitor: &Visitor,
    url: &Url,
    origin: Option<&str>,
    body: Bytes,
    name: &'static str,
    report: &mut Report,
) -> Option<Answer> {
    let mut headers: Vec<(HeaderName, String)> = vec![
        (header::USER_AGENT, USER_AGENT.to_owned()),
        (header::CONTENT_TYPE, "text/plain;charset=UTF-8".to_owned()),
    ];
    headers.extend(origin.map(|origin| (header::ORIGIN, origin.to_owned())));
    match visitor.send(Method::POST, url, &headers, body).await {
        Ok(answer) => Some(answer),
        Err(failure) => {
            report.bad(name, failure.to_string(), "look at the proxy's log");
            None
        }
    }
}

/// Whether the answer is the 204 of a bot's beacon; if not, the report says why.
fn taken(answer: &Answer, options: &Options, app: &str, report: &mut Report) -> bool {
    let origin = options.origin.as_deref().unwrap_or("(none)");
    let detail = answer
        .json()
        .and_then(|json| json["detail"].as_str().map(str::to_owned));
    let is_ours = answer
        .headers
        .contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    let said = match &detail {
        Some(detail) => format!("{}: {detail}", answer.status),
        None => answer.status.to_string(),
    };
    let said = if is_ours {
        said
    } else {
        format!("{said} (not the collector's answer: it has no CORS headers)")
    };
    let advice = match answer.status.as_u16() {
        200 | 204 => {
            report.good("beacon", format!("a beacon of app {app:?} would be taken (this one said that it is a bot's: counted, not stored)"));
            return true;
        }
        301 | 302 | 303 | 307 | 308 => format!(
            "redirected to {}: a browser turns the POST into a GET or needs another preflight; name the final address in data-endpoint",
            answer.header(header::LOCATION)
        ),
        401 => format!("add it to vitalscope.toml and restart: [[apps]] name = {app:?}"),
        403 if is_ours => format!(
            "list {origin:?} in `origins` of app {app:?} and restart; if it is listed, the proxy changes or removes the Origin header"
        ),
        403 => "the proxy or a firewall in front refuses it: look at its rules for POST".to_owned(),
        404 | 405 => "is --path the [ingest] path of the configuration, and does the proxy pass it on?".to_owned(),
        411 | 413 => "the proxy's limit for bodies is too low: nginx client_max_body_size 9m".to_owned(),
        429 => "the limits of this app or address are reached: see Retry-After, and docs/troubleshooting.md".to_owned(),
        502 | 504 => "the proxy does not reach the collector: is it running, on the address that the proxy has?".to_owned(),
        503 => "the spool is full, the disk is low or the collector starts: see --private, and docs/troubleshooting.md".to_owned(),
        _ => "look at the collector's log, then at the proxy's".to_owned(),
    };
    report.bad("beacon", said, advice);
    false
}

/// Whether the origin arrives, and whether others may send.
async fn origins(visitor: &Visitor, url: &Url, origin: &str, answer: &Answer, report: &mut Report) {
    if answer
        .headers
        .get_all(header::ACCESS_CONTROL_ALLOW_ORIGIN)
        .iter()
        .count()
        > 1
    {
        let advice = "browsers refuse that: remove the Access-Control headers that the proxy adds";
        return report.bad(
            "origin",
            "Access-Control-Allow-Origin is there twice",
            advice,
        );
    }
    match answer.header(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        echoed if echoed == origin => {
            return report.good("origin", format!("{origin} is listed, and arrives"));
        }
        "*" => {}
        other => {
            let said = format!("the answer allows {other:?} to read it, not {origin:?}");
            return report.bad(
                "origin",
                said,
                "the proxy changes Access-Control headers: it must leave the collector's alone",
            );
        }
    }
    let Some(foreign) = post(
        visitor,
        url,
        Some(FOREIGN_ORIGIN),
        bot_beacon(""),
        "origin",
        report,
    )
    .await
    else {
        return;
    };
    if foreign.status.is_success() {
        report.warn(
            "origin",
            "any origin may send for this app, or the proxy removes the Origin header",
            format!("list what may send: [[apps]] origins = [{origin:?}]; if that is so already, look at the proxy"),
        );
    } else {
        report.good("origin", format!("{origin} may send, others may not"));
    }
}

/// A beacon of the largest size: proxies have limits of their own.
async fn largest(visitor: &Visitor, options: &Options, url: &Url, report: &mut Report) {
    let room = MAX_BEACON_BYTES - bot_beacon("").len();
    let body = bot_beacon(&"x".repeat(room));
    let Some(answer) = post(
        visitor,
        url,
        options.origin.as_deref(),
        body,
        "size",
        report,
    )
    .await
    else {
        return;
    };
    if answer.status.is_success() {
        report.good(
            "size",
            format!("the largest beacon ({MAX_BEACON_BYTES} bytes) comes through"),
        );
    } else {
        let said = format!(
            "the largest beacon ({MAX_BEACON_BYTES} bytes) is answered with {}",
            answer.status
        );
        report.bad(
            "size",
            said,
            "raise the proxy's limit for bodies: nginx client_max_body_size 9m",
        );
    }
}

/// A path below the base, which may have a path itself.
pub fn at(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url.set_query(None);
    url.set_fragment(None);
    url
}

//! Whether a beacon of this app and origin would be taken, and what a proxy on the way does to it.
//!
//! The beacons sent from here say that they come from a bot: they pass every check of a real one and are counted, never stored.

use axum::http::{HeaderName, Method, header};
use bytes::Bytes;
use serde_json::json;
use url::Url;
use wire::limits::MAX_BEACON_BYTES;

use super::public::at;
use super::visit::{Answer, Visitor};
use super::{Options, Report};
use crate::clock;

/// Known as a bot by its last word.
const USER_AGENT: &str = "Mozilla/5.0 (compatible; vitalscope-doctor-bot)";
const DOUBLED: &str = "Access-Control-Allow-Origin is there twice";
const DOUBLED_ADVICE: &str =
    "browsers refuse that: remove the Access-Control headers that the proxy adds";
/// An origin that nobody has.
const FOREIGN_ORIGIN: &str = "https://doctor.invalid";
const EXAMPLE_ORIGIN: &str = "https://shop.example";

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
    let origin = options.origin.as_deref().unwrap_or(EXAMPLE_ORIGIN);
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
    } else if is_doubled(&answer) {
        report.bad("preflight", DOUBLED, DOUBLED_ADVICE);
    } else {
        report.good("preflight", "OPTIONS allows what browsers ask for");
    }
}

/// Whether somebody on the way adds the header that the collector sends already.
fn is_doubled(answer: &Answer) -> bool {
    let allowed = answer.headers.get_all(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    allowed.iter().count() > 1
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
    if is_doubled(answer) {
        return report.bad("origin", DOUBLED, DOUBLED_ADVICE);
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

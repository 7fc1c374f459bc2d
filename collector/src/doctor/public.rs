//! What browsers reach: the connection, its certificate and clock, and the agent's files.

use axum::http::{StatusCode, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha384};
use url::Url;

use super::visit::{Answer, Failure, Visitor};
use super::{Options, Report};
use crate::clock;

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
    // A collector from before there was this part names none.
    let offline = manifest
        .get("offline")
        .map(|part| ("offline", "/offline.js", part));
    for (name, path, part) in [
        ("agent", "/agent.js", agent),
        (
            "agent-hashed",
            agent["path"].as_str().unwrap_or_default(),
            agent,
        ),
        ("snippet", "/snippet.js", &manifest["snippet"]),
    ]
    .into_iter()
    .chain(offline)
    {
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

/// A path below the base, which may have a path itself.
pub fn at(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url.set_query(None);
    url.set_fragment(None);
    url
}

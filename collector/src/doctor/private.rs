//! What operators reach: whether what was taken is stored, and what was refused and why.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode, header};
use bytes::Bytes;
use serde_json::Value;
use url::Url;

use super::public::at;
use super::visit::{Answer, Visitor};
use super::{Options, Report, store};
use crate::clock;

/// ClickHouse has a beacon within seconds; after a minute something is in the way.
const OLD_SPOOL_S: f64 = 60.0;
/// An evaluation runs every hour.
const OLD_EVALUATION_MS: i64 = 2 * 3600 * 1000 + 600 * 1000;
/// Below this, refusals are what any public address gets from strangers.
const NOTABLE_REFUSED_SHARE: f64 = 0.02;

/// The private listener, as one person sees it.
pub struct Operator<'o> {
    visitor: &'o Visitor,
    base: &'o Url,
    token: Option<&'o str>,
}

impl Operator<'_> {
    /// None when there is no answer at all.
    pub async fn get(&self, path: &str) -> Option<Answer> {
        let headers: Vec<_> = self
            .token
            .iter()
            .map(|token| (header::AUTHORIZATION, format!("Bearer {token}")))
            .collect();
        let url = at(self.base, path);
        self.visitor
            .send(Method::GET, &url, &headers, Bytes::new())
            .await
            .ok()
    }

    /// `/metrics`, by name and labels as they are written.
    pub async fn metrics(&self) -> Option<BTreeMap<String, f64>> {
        let answer = self
            .get("/metrics")
            .await
            .filter(|answer| answer.status == 200)?;
        let text = answer.text();
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let samples = samples.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Some(samples.collect())
    }
}

pub async fn look(visitor: &Visitor, options: &Options, base: &Url, report: &mut Report) {
    let operator = Operator {
        visitor,
        base,
        token: options.token.as_deref(),
    };
    let Some(health) = health(&operator, report).await else {
        return;
    };
    ready(&operator, report).await;
    spool(&health["spool"], report);
    clickhouse(&health["stored"], report);
    if let Some(metrics) = operator.metrics().await {
        refused(&metrics, report);
    }
    if options.store {
        store::send(&operator, visitor, options, report).await;
    } else {
        let advice = "--store sends a page view of the route /vitalscope-doctor and waits for it";
        report.skip(
            "stored",
            "whether a new beacon reaches ClickHouse was not tried",
            advice,
        );
    }
}

async fn health(operator: &Operator<'_>, report: &mut Report) -> Option<Value> {
    let base = operator.base;
    let Some(answer) = operator.get("/api/v1/health").await else {
        report.bad(
            "private",
            format!("{base} does not answer"),
            "it listens on 127.0.0.1:8081 of the collector's machine unless configured otherwise: ssh -L 8081:127.0.0.1:8081 HOST",
        );
        return None;
    };
    let advice = match answer.status {
        StatusCode::OK => match answer.json().filter(|json| json["version"].is_string()) {
            Some(json) => {
                report.good(
                    "private",
                    format!(
                        "{base} answers, version {}",
                        json["version"].as_str().unwrap_or_default()
                    ),
                );
                return Some(json);
            }
            None => "something else answers here: is this the private listener?",
        },
        StatusCode::UNAUTHORIZED => {
            "give the key [private] token with --token or VITALSCOPE_PRIVATE_TOKEN"
        }
        StatusCode::MISDIRECTED_REQUEST => {
            "list the host name under [private] hosts, or use the address 127.0.0.1"
        }
        StatusCode::NOT_FOUND => "is this the private listener? The public one shows no data",
        _ => "look at the log of the collector or of the proxy",
    };
    report.bad(
        "private",
        format!("{base} answers {}", answer.status),
        advice,
    );
    None
}

async fn ready(operator: &Operator<'_>, report: &mut Report) {
    let ready = operator
        .get("/readyz")
        .await
        .is_some_and(|answer| answer.status == 200);
    if ready {
        report.good("ready", "beacons are taken and go on, with room to spare");
    } else {
        report.bad(
            "ready",
            "/readyz says no",
            "the checks below say what is missing",
        );
    }
}

fn spool(spool: &Value, report: &mut Report) {
    let age_s = spool["oldest_age_s"].as_f64().unwrap_or(0.0);
    let megabytes = spool["bytes"].as_f64().unwrap_or(0.0) / 1e6;
    if spool["accepting"] == false {
        let said = format!(
            "the spool takes no beacons ({megabytes:.0} MB): full, or the disk is low or failing"
        );
        report.bad("spool", said, "free disk, raise [spool] max_bytes, or bring ClickHouse back: docs/troubleshooting.md, \"the spool grows\"");
    } else if age_s > OLD_SPOOL_S {
        let said = format!("the oldest beacon waits for {age_s:.0} s ({megabytes:.0} MB)");
        report.bad(
            "spool",
            said,
            "nothing is lost, but ClickHouse does not take it: see the next check, and the log",
        );
    } else {
        report.good(
            "spool",
            format!("the oldest beacon in it is {age_s:.0} s old"),
        );
    }
}

fn clickhouse(stored: &Value, report: &mut Report) {
    if stored.is_null() {
        let advice = "is it running, and are [clickhouse] url, user and password right? The log has its answer; beacons wait in the spool";
        return report.bad(
            "clickhouse",
            "ClickHouse does not answer, or refuses",
            advice,
        );
    }
    let version = stored["clickhouse_version"].as_str().unwrap_or_default();
    report.good("clickhouse", format!("version {version} answers"));
    let now_ms = clock::now_ms() as i64;
    let minutes = |name: &str| {
        let at_ms = stored[name].as_i64().filter(|at_ms| *at_ms > 0);
        at_ms.map(|at_ms| (now_ms - at_ms) / 60_000)
    };
    match minutes("last_minute_at_ms") {
        Some(ago) if ago <= 24 * 60 => report.good(
            "data",
            format!("the newest page view was {} minutes ago", ago.max(0)),
        ),
        _ => report.warn(
            "data",
            "no page view in the last day",
            "if pages are visited, begin at the first check above that is not good",
        ),
    }
    match minutes("last_evaluation_at_ms") {
        Some(ago) if ago * 60_000 <= OLD_EVALUATION_MS => report.good(
            "evaluation",
            format!("the last one was {} minutes ago", ago.max(0)),
        ),
        Some(ago) => report.bad(
            "evaluation",
            format!("the last one was {ago} minutes ago"),
            "one is due every hour: look at the log",
        ),
        None => report.warn(
            "evaluation",
            "there was none yet",
            "the first one comes with the first full hour",
        ),
    }
}

fn refused(metrics: &BTreeMap<String, f64>, report: &mut Report) {
    let count = |name: &str| metrics.get(name).copied().unwrap_or(0.0);
    if count("vitalscope_store_needs_operator") > 0.0 {
        let advice = "the log names the error and what to do: docs/troubleshooting.md, \"ClickHouse refuses\"";
        report.bad(
            "store",
            "ClickHouse refuses what is written, and only a person can change that",
            advice,
        );
    }
    let received = count("vitalscope_beacons_received_total");
    let prefix = "vitalscope_beacons_rejected_total{reason=\"";
    let mut reasons: Vec<(&str, f64)> = metrics
        .iter()
        .filter_map(|(name, count)| {
            Some((name.strip_prefix(prefix)?.trim_end_matches("\"}"), *count))
        })
        .filter(|(reason, count)| *count > 0.0 && *reason != "bot")
        .collect();
    reasons.sort_by(|a, b| b.1.total_cmp(&a.1));
    let total: f64 = reasons.iter().map(|(_, count)| count).sum();
    let listed: Vec<String> = reasons
        .iter()
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    let said = format!(
        "{total} of {received} beacons were refused ({})",
        listed.join(", ")
    );
    if total == 0.0 {
        report.good("refused", format!("none of {received} beacons"));
    } else if total < received * NOTABLE_REFUSED_SHARE {
        report.good("refused", said);
    } else {
        report.warn("refused", said, "docs/troubleshooting.md has each reason");
    }
}

//! The whole way: a page view that is really taken, and the wait until ClickHouse has it.
//!
//! It has the route `/vitalscope-doctor`, an environment of the same name and no measurement, so no series and no baseline sees it.
//! That it is stored follows from the books: records leave the spool in order, so once as many beacons are stored as were stored
//! and waiting right after the answer, ours is among them.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::{Method, header};
use bytes::Bytes;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::private::Operator;
use super::public::at;
use super::visit::Visitor;
use super::{Options, Report};
use crate::clock;

/// Route and environment of the page view.
pub const NAME: &str = "vitalscope-doctor";
/// A quiet collector needs about two seconds.
const WAIT: Duration = Duration::from_secs(30);
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

pub async fn send(
    operator: &Operator<'_>,
    visitor: &Visitor,
    options: &Options,
    report: &mut Report,
) {
    let Some(app) = &options.app else {
        return report.skip("stored", "no page view was sent", "--app NAME");
    };
    let url = at(&options.public, &format!("{}/{app}", options.ingest_path));
    let mut headers = vec![
        (
            header::USER_AGENT,
            "Mozilla/5.0 (compatible; vitalscope-doctor)".to_owned(),
        ),
        (header::CONTENT_TYPE, "text/plain;charset=UTF-8".to_owned()),
    ];
    headers.extend(
        options
            .origin
            .clone()
            .map(|origin| (header::ORIGIN, origin)),
    );
    match visitor
        .send(Method::POST, &url, &headers, page_view())
        .await
    {
        Ok(answer) if answer.status == 204 => {}
        Ok(answer) => {
            let said = format!(
                "the page view was answered with {}: {}",
                answer.status,
                answer.text()
            );
            return report.bad("stored", said, "see the check \"beacon\"");
        }
        Err(failure) => {
            return report.bad("stored", failure.to_string(), "see the check \"connect\"");
        }
    }
    let Some(target) = operator
        .metrics()
        .await
        .map(|metrics| done(&metrics) + get(&metrics, "vitalscope_beacons_spooled"))
    else {
        return report.bad(
            "stored",
            "/metrics does not answer",
            "see the check \"private\"",
        );
    };
    let began = Instant::now();
    while began.elapsed() < WAIT {
        if operator
            .metrics()
            .await
            .is_some_and(|metrics| done(&metrics) >= target)
        {
            let said = format!(
                "a page view was durable at once and in ClickHouse {:.1} s later (environment {NAME})",
                began.elapsed().as_secs_f64()
            );
            return report.good("stored", said);
        }
        sleep(LOOK_INTERVAL).await;
    }
    report.bad(
        "stored",
        format!("a page view was taken, but is not in ClickHouse after {} s", WAIT.as_secs()),
        "it is safe in the spool: see the checks \"spool\", \"clickhouse\" and \"store\", and the log",
    );
}

fn page_view() -> Bytes {
    let mut random = [0u8; 16];
    getrandom::fill(&mut random).expect("the system's random source answers");
    let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let view = format!(
        "{}-{}-4{}-8{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..]
    );
    let now_ms = clock::now_ms();
    let beacon = json!({
        "v": 1, "view": view, "seq": 0, "sent": now_ms, "start": now_ms, "path": format!("/{NAME}"), "route": format!("/{NAME}"),
        "env": NAME, "m": [],
    });
    Bytes::from(beacon.to_string())
}

/// Beacons that have left the spool, one way or the other.
fn done(metrics: &BTreeMap<String, f64>) -> f64 {
    let lost = ["dead-letter", "quarantined"].map(|reason| {
        get(
            metrics,
            &format!("vitalscope_beacons_rejected_total{{reason=\"{reason}\"}}"),
        )
    });
    get(metrics, "vitalscope_beacons_stored_total") + lost.iter().sum::<f64>()
}

fn get(metrics: &BTreeMap<String, f64>, name: &str) -> f64 {
    metrics.get(name).copied().unwrap_or(0.0)
}

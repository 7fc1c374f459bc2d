//! How the collector itself is: probes for machines, counters for Prometheus, one page of facts for people.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use detect::false_alarms::{MIN_LOOKS, TARGET_PER_1000};
use serde::Serialize;
use utoipa::ToSchema;

use super::pace::Pace;
use super::{SpoolStatus, State, query};
use crate::store::calibration::CalibrationRow;
use crate::store::queries::{self, FreshnessRow};

/// A fuller spool is about to refuse beacons: somebody should look now.
const READY_SPOOL_SHARE: f64 = 0.9;
/// Healthy is some seconds, and a restart of ClickHouse takes minutes; beyond, dashboards and alerts are blind.
const READY_OLDEST_AGE_S: f64 = 900.0;

#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    pub version: &'static str,
    pub now_ms: i64,
    /// Null while ClickHouse does not answer.
    pub stored: Option<FreshnessRow>,
    /// Null before the first night, and while ClickHouse does not answer.
    pub false_alarms: Option<FalseAlarms>,
    pub spool: SpoolStatus,
    pub traffic: Traffic,
}

/// Beacons of the last minute, or since this process began or somebody asked last, if that is shorter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Traffic {
    pub received_per_s: f64,
    pub rejected_per_s: f64,
    pub over_s: f64,
}

/// How often the detector cried wolf on days that are normal by definition.
#[derive(Debug, Serialize, ToSchema)]
pub struct FalseAlarms {
    /// The replayed days.
    pub from_ms: i64,
    pub to_ms: i64,
    pub measured_at_ms: i64,
    pub series_days: f64,
    pub alarms: u64,
    /// Null when no series had enough history; with its exact 95 % interval.
    pub per_1000_series_days: Option<f64>,
    pub low_per_1000: Option<f64>,
    pub high_per_1000: Option<f64>,
    pub target_per_1000: f64,
    /// What each look at the data costs: `usual_looks`, or more after too many false alarms.
    pub looks: f64,
    pub usual_looks: f64,
}

impl FalseAlarms {
    fn of(row: &CalibrationRow) -> FalseAlarms {
        let counted = row.counted();
        let interval = counted.interval_per_1000();
        FalseAlarms {
            from_ms: row.from_ms,
            to_ms: row.to_ms,
            measured_at_ms: row.measured_at_ms,
            series_days: row.series_days,
            alarms: row.alarms,
            per_1000_series_days: counted.per_1000_series_days(),
            low_per_1000: interval.map(|(low, _)| low),
            high_per_1000: interval.map(|(_, high)| high),
            target_per_1000: TARGET_PER_1000,
            looks: row.looks,
            usual_looks: MIN_LOOKS,
        }
    }
}

/// How the collector itself is.
#[utoipa::path(get, path = "/health", responses((status = 200, body = Health)))]
pub async fn health(
    Shared(state): Shared<State>,
    Extension(pace): Extension<Arc<Pace>>,
) -> Json<Health> {
    let (stored, measured) = tokio::join!(
        queries::freshness(&state.store),
        queries::false_alarms(&state.store)
    );
    let stored = stored
        .inspect_err(|error| tracing::warn!(%error, "ClickHouse did not say how fresh its data is"))
        .ok();
    Json(Health {
        version: env!("CARGO_PKG_VERSION"),
        now_ms: query::now_ms(),
        stored,
        // One line in the log is enough: the same server was just asked.
        false_alarms: measured.ok().flatten().as_ref().map(FalseAlarms::of),
        spool: (state.spool)(),
        traffic: pace.look(&state.metrics.counts(), Instant::now()),
    })
}

/// Prometheus text exposition.
pub async fn metrics(Shared(state): Shared<State>) -> impl IntoResponse {
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        state.metrics.render(),
    )
}

/// The process answers.
pub async fn alive() -> &'static str {
    "ok"
}

/// Beacons are taken and reach ClickHouse soon, with room to spare. Asks nobody, so it answers at once. A beacon that waits is
/// still safe: a load balancer of the public listener should look at its 503 instead.
pub async fn ready(Shared(state): Shared<State>) -> (StatusCode, &'static str) {
    let spool = (state.spool)();
    let has_room = spool.bytes as f64 <= READY_SPOOL_SHARE * state.config.spool.max_bytes as f64;
    let is_fresh = spool.oldest_age_s <= READY_OLDEST_AGE_S;
    if spool.accepting && has_room && is_fresh {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unready")
    }
}

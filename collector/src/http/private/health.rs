//! How the collector itself is: probes for machines, counters for Prometheus, one page of facts for people.

use axum::Json;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;

use super::{SpoolStatus, State, query};
use crate::store::queries::{self, FreshnessRow};

/// A fuller spool is about to refuse beacons: somebody should look now.
const READY_SPOOL_SHARE: f64 = 0.9;
/// Healthy is some seconds, and a restart of ClickHouse takes minutes; beyond, dashboards and alerts are blind.
const READY_OLDEST_AGE_S: f64 = 900.0;

#[derive(Debug, Serialize)]
pub struct Health {
    pub version: &'static str,
    pub now_ms: i64,
    /// Null while ClickHouse does not answer.
    pub stored: Option<FreshnessRow>,
    pub spool: SpoolStatus,
}

pub async fn health(Shared(state): Shared<State>) -> Json<Health> {
    let stored = queries::freshness(&state.store).await;
    let stored = stored
        .inspect_err(|error| tracing::warn!(%error, "ClickHouse did not say how fresh its data is"))
        .ok();
    Json(Health {
        version: env!("CARGO_PKG_VERSION"),
        now_ms: query::now_ms(),
        stored,
        spool: (state.spool)(),
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

//! How the collector itself is: probes for machines, counters for Prometheus, one page of facts for people.

use axum::Json;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;

use super::{SpoolStatus, State, query};
use crate::store::queries::{self, FreshnessRow};

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

/// Beacons are taken and ClickHouse answers. While it does not, beacons are still safe in the spool: that is degraded, and a
/// load balancer should look at the public listener's 503 instead.
pub async fn ready(Shared(state): Shared<State>) -> (StatusCode, &'static str) {
    let ready = (state.spool)().accepting && queries::answers(&state.store).await.is_ok();
    if ready {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unready")
    }
}

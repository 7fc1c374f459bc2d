//! What operators and people look at: dashboard, API, metrics, health. Every request passes the doors of [`auth`] first.
//!
//! Handlers parse, ask [`crate::store::queries`], shape and answer; what a histogram says to a reader is in [`summary`].

mod actions;
mod auth;
mod dashboard;
mod findings;
mod health;
mod overview;
mod query;
mod routes;
mod summary;
mod trends;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::Response;
use axum::routing::{get, post};

use crate::config::Config;
use crate::http::Problem;
use crate::metrics::Metrics;
use crate::store::Store;
use crate::store::queries::QueryError;

/// What every private handler may use.
#[derive(Clone)]
pub struct State {
    pub store: Store,
    pub metrics: Arc<Metrics>,
    pub config: Arc<Config>,
    /// How the spool is doing, asked at each health request.
    pub spool: Arc<dyn Fn() -> SpoolStatus + Send + Sync>,
}

/// The spool, seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct SpoolStatus {
    pub bytes: u64,
    /// Age of the oldest record that ClickHouse has not got yet.
    pub oldest_age_s: f64,
    /// False while beacons are refused: full, or the disk fails.
    pub accepting: bool,
}

/// Nothing may run or load but our own files; nobody may frame the page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Sent with every answer of this listener, refusals included.
const SECURITY_HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

pub fn router(state: State) -> Router {
    let doors = Arc::new(auth::Doors::new(&state.config.private));
    let api = Router::new()
        .route("/overview", get(overview::overview))
        .route("/routes", get(routes::list))
        .route("/routes/{route}", get(routes::one))
        .route("/findings", get(findings::list))
        .route("/findings/{id}", get(findings::one))
        .route("/findings/{id}/mute", post(actions::mute))
        .route("/deploys", get(actions::deploys).post(actions::deploy))
        .route("/baselines", get(findings::baselines))
        .route("/baselines/{id}/approve", post(actions::approve))
        .route("/baselines/{id}/reject", post(actions::reject))
        .route("/alerts", get(findings::alerts))
        .route("/trends", get(trends::list))
        .route("/health", get(health::health))
        .with_state(state.clone())
        .fallback(unknown);
    let probes = Router::new()
        .route("/metrics", get(health::metrics))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .with_state(state);
    Router::new()
        .nest("/api/v1", api)
        .merge(probes)
        .merge(auth::login_router(doors.clone()))
        .merge(dashboard::router())
        .fallback(unknown)
        .layer(middleware::from_fn_with_state(doors, auth::pass))
        .layer(middleware::map_response(secure))
}

async fn unknown() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not-found",
        "there is nothing at this address",
    )
}

async fn secure(mut response: Response) -> Response {
    for (name, value) in SECURITY_HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    // Data is never kept by a cache; assets say otherwise themselves.
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A reader's query that failed: logged here, told as one sentence. ClickHouse being away is expected, so it is 503 and not 500.
impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Problem {
        tracing::warn!(%error, "a query of the private listener failed");
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "clickhouse-unavailable",
            "ClickHouse did not answer this query; the log has the reason",
        )
        .retry_after(5)
    }
}

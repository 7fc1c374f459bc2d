//! What operators and people look at: dashboard, API, metrics, health. Every request passes the doors of [`auth`] first.
//!
//! Handlers parse ([`query`]), ask [`crate::store::queries`], shape ([`summary`], [`shape`]) and answer, as JSON or as a table
//! ([`export`]). A route is added to [`data`] or [`own`] with `routes!`, which also puts it into the document ([`openapi`]).

mod actions;
mod answers;
mod assessment;
mod auth;
mod baselines;
mod compare;
mod comparison;
mod dashboard;
mod examples;
mod export;
mod findings;
mod health;
mod live;
mod openapi;
mod operation;
mod operations;
mod order;
mod overview;
mod pace;
mod page_views;
mod query;
mod recommendations;
mod route;
mod routes;
mod score;
mod shape;
mod splits;
mod summary;
mod trends;

use std::sync::Arc;
use std::time::Instant;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router, middleware};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::answers::Answers;
use self::openapi::Document;
use self::pace::Pace;
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
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, utoipa::ToSchema)]
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

/// What rollups say: may be given again for a moment.
fn data() -> OpenApiRouter<State> {
    OpenApiRouter::with_openapi(openapi::Base::openapi())
        .routes(routes!(overview::overview))
        .routes(routes!(overview::apps))
        .routes(routes!(live::live))
        .routes(routes!(live::filters))
        .routes(routes!(routes::list))
        .routes(routes!(route::one))
        .routes(routes!(splits::dimensions))
        .routes(routes!(splits::attribution))
        .routes(routes!(splits::percentiles))
        .routes(routes!(compare::list))
        .routes(routes!(operations::list))
        .routes(routes!(operation::one))
        .routes(routes!(page_views::list))
        .routes(routes!(page_views::one))
}

/// What the detector and people said, and what people decide.
fn verdicts() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .routes(routes!(findings::list))
        .routes(routes!(findings::one))
        .routes(routes!(trends::list))
        .routes(routes!(actions::mute))
        .routes(routes!(actions::unmute))
        .routes(routes!(recommendations::list))
        .routes(routes!(baselines::baselines))
        .routes(routes!(actions::approve))
        .routes(routes!(actions::reject))
        .routes(routes!(baselines::deploys, actions::deploy))
        .routes(routes!(baselines::alerts))
}

/// What this process says about itself.
fn own() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .routes(routes!(health::health))
        .routes(routes!(openapi::document))
}

fn api(state: State) -> Router {
    let (data, mut document) = data().split_for_parts();
    let (verdicts, about_verdicts) = verdicts().split_for_parts();
    let (own, about_own) = own().split_for_parts();
    document.merge(about_verdicts);
    document.merge(about_own);
    let names = openapi::names(&document);
    let pace = Arc::new(Pace::new(&state.metrics.counts(), Instant::now()));
    let answers = Arc::new(Answers::default());
    let kept = middleware::from_fn_with_state(answers.clone(), answers::remembered);
    let ended = middleware::from_fn_with_state(answers, answers::ended);
    let known = middleware::from_fn_with_state(names, openapi::known_parameters);
    data.layer(kept)
        .merge(verdicts.layer(ended))
        .merge(own)
        .layer(Extension(Document::new(&document)))
        .layer(Extension(pace))
        .route_layer(known)
        .with_state(state)
        .fallback(unknown)
}

pub fn router(state: State) -> Router {
    let doors = Arc::new(auth::Doors::new(&state.config.private));
    let probes = Router::new()
        .route("/metrics", get(health::metrics))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .with_state(state.clone());
    Router::new()
        .nest(openapi::BASE, api(state))
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
    // Data is never kept on a disk of a visitor; assets say otherwise themselves.
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

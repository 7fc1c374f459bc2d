//! What strangers may call: ingest, the agent, the snippet, the demo shop. Nothing here reads data.

mod admit;
mod apps;
mod assets;
mod body;
mod client_address;
mod cors;
mod demo;
mod door;
mod flight;
mod limits;
mod rate;
mod refused;
mod views;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::config::{Config, Network};
use crate::http::Problem;
use crate::ingest::{Clients, Names};
use crate::metrics::Metrics;
use crate::spool::Spool;

pub use apps::Apps;
pub use assets::{Assets, Script};
pub use body::LargeBodies;
pub use door::Door;
pub use limits::Limits;

/// What every public handler may use.
pub struct State {
    pub metrics: Arc<Metrics>,
    pub spool: Spool,
    pub apps: Apps,
    pub clients: Clients,
    pub names: Arc<Names>,
    pub limits: Limits,
    pub assets: Assets,
    pub ingest_path: String,
    pub country_header: Option<HeaderName>,
    pub trusted_proxies: Vec<Network>,
    pub large_bodies: LargeBodies,
    pub demo_enabled: bool,
    /// Ms since the epoch.
    pub now_ms: fn() -> u64,
}

impl State {
    /// The state for a configuration that has been checked.
    ///
    /// # Errors
    /// The embedded user agent patterns are broken, or the configuration was not checked.
    pub fn new(
        config: &Config,
        spool: Spool,
        metrics: Arc<Metrics>,
        now_ms: fn() -> u64,
    ) -> anyhow::Result<State> {
        let ingest = &config.ingest;
        let country_header = ingest.country_header.as_deref().map(str::parse);
        let trusted_proxies = ingest.trusted_proxies.iter().map(|network| network.parse());
        Ok(State {
            metrics,
            spool,
            apps: Apps::new(&config.apps),
            clients: Clients::load()?,
            names: Arc::default(),
            limits: Limits::new(ingest),
            assets: Assets::embedded(&ingest.path),
            ingest_path: ingest.path.clone(),
            country_header: country_header.transpose()?,
            trusted_proxies: trusted_proxies.collect::<Result<_, _>>()?,
            large_bodies: LargeBodies::default(),
            demo_enabled: config.demo.enabled,
            now_ms,
        })
    }
}

/// All public routes, CORS on each of their answers.
fn routes(state: Arc<State>) -> Router {
    let views = post(views::post).options(views::preflight);
    let demo = match state.demo_enabled {
        true => demo::router(state.assets.snippet_text()),
        false => Router::new(),
    };
    Router::new()
        .route(&format!("{}/{{app}}", state.ingest_path), views)
        .route("/agent.js", get(assets::agent))
        .route("/agent/manifest.json", get(assets::manifest))
        .route("/agent/{file}", get(assets::hashed_agent))
        .route("/snippet.js", get(assets::snippet))
        .route("/offline.js", get(assets::offline))
        .route("/schema/beacon-v1.json", get(assets::beacon_schema))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(state.clone())
        .merge(demo)
        .layer(middleware::from_fn_with_state(state, cors::headers))
}

async fn not_found() -> Response {
    Problem::new(StatusCode::NOT_FOUND, "not-found", "there is nothing here").into_response()
}

async fn method_not_allowed() -> Response {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    Problem::new(status, "method-not-allowed", "see Allow").into_response()
}

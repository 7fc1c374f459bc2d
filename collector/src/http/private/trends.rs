//! Slow drifts: what moves too little in a day to be a finding, and when it will cross a threshold.

use axum::Json;
use axum::extract::{Query, State as Shared};
use serde::Serialize;

use super::State;
use super::query::{self, Parameters};
use crate::http::Problem;
use crate::store::drifts::{self, DriftRow};

/// Listed, not alarmed; what will cross a threshold within 14 days comes first.
#[derive(Serialize)]
pub struct Trends {
    pub app: String,
    pub environment: String,
    pub trends: Vec<DriftRow>,
}

/// `GET /api/v1/trends?app=&environment=&route=`. Without an app: the busiest.
pub async fn list(
    Shared(state): Shared<State>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Trends>, Problem> {
    let range = parameters.range(query::now_ms())?;
    let Some(scope) = parameters.scope(&state, range).await? else {
        return Ok(Json(Trends {
            app: String::new(),
            environment: String::new(),
            trends: Vec::new(),
        }));
    };
    let trends = drifts::newest(
        &state.store,
        &scope.app,
        &scope.environment,
        &parameters.route,
    )
    .await?;
    Ok(Json(Trends {
        app: scope.app,
        environment: scope.environment,
        trends,
    }))
}

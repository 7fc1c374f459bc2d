//! `GET /api/v1/trends`: slow drifts, too little in a day to be a finding, and when they will cross a threshold.

use axum::extract::State as Shared;
use serde::Deserialize;
use utoipa::IntoParams;

use super::State;
use super::export::{self, Answer};
use super::live::AppParameters;
use super::openapi::Refusals;
use super::query::{Asked, Page, PageParameters, ScopeParameters};
use crate::http::Problem;
use crate::store::drifts::{self, DriftRow};

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct TrendParameters {
    /// All when absent.
    pub route: String,
}

/// Series that drift slowly, as of the newest day that was judged; what will cross a threshold within 14 days comes first.
#[utoipa::path(
    get, path = "/trends", params(AppParameters, TrendParameters, PageParameters),
    responses((status = 200, body = Page<DriftRow>), Refusals)
)]
pub async fn list(
    Shared(state): Shared<State>,
    Asked(app): Asked<AppParameters>,
    Asked(asked): Asked<TrendParameters>,
    Asked(page): Asked<PageParameters>,
) -> Result<Answer<Page<DriftRow>>, Problem> {
    let cut = page.parse()?;
    let question = ScopeParameters::from(app).of_everybody(&state).await?;
    let Some(question) = question else {
        return Ok(export::list("trends", cut, Vec::new()));
    };
    let scope = &question.scope;
    let rows = drifts::newest(&state.store, &scope.app, &scope.environment, &asked.route).await?;
    if rows.is_empty() {
        question.must_know(&state, &asked.route).await?;
    }
    Ok(export::list("trends", cut, rows))
}

//! `GET /api/v1/baselines`, `/deploys`, `/alerts`: what findings are made with and what becomes of them.

use axum::extract::State as Shared;
use serde::Deserialize;
use utoipa::IntoParams;

use super::State;
use super::export::{self, Answer};
use super::live::AppParameters;
use super::openapi::Refusals;
use super::query::{self, Asked, Page, PageParameters, ScopeParameters, invalid};
use crate::http::Problem;
use crate::store::queries::{self, AlertRow, BaselineRow, DeployRow};

const STATES: [&str; 5] = ["learning", "proposed", "approved", "rejected", "frozen"];

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct BaselineParameters {
    pub route: String,
    pub vital: String,
    /// One of `learning proposed approved rejected frozen`; all when absent.
    pub state: String,
}

/// What is normal, series by series.
#[utoipa::path(
    get, path = "/baselines", params(AppParameters, BaselineParameters, PageParameters),
    responses((status = 200, body = Page<BaselineRow>), Refusals)
)]
pub async fn baselines(
    Shared(state): Shared<State>,
    Asked(app): Asked<AppParameters>,
    Asked(asked): Asked<BaselineParameters>,
    Asked(page): Asked<PageParameters>,
) -> Result<Answer<Page<BaselineRow>>, Problem> {
    let cut = page.parse()?;
    if !asked.state.is_empty() && !STATES.contains(&asked.state.as_str()) {
        return Err(invalid(&format!("state is one of {}", STATES.join(" "))));
    }
    let question = ScopeParameters::from(app).of_everybody(&state).await?;
    let Some(question) = question else {
        return Ok(export::list("baselines", cut, Vec::new()));
    };
    let scope = &question.scope;
    let mut rows =
        queries::baselines(&state.store, &scope.app, &scope.environment, &asked.route).await?;
    if rows.is_empty() {
        question.must_know(&state, &asked.route).await?;
    }
    let wanted = |given: &str, name: &str| given.is_empty() || given == name;
    rows.retain(|row| wanted(&asked.state, &row.state) && wanted(&asked.vital, &row.vital));
    Ok(export::list("baselines", cut, rows))
}

/// Releases that went live in a range, oldest first.
#[utoipa::path(
    get, path = "/deploys", params(ScopeParameters, PageParameters),
    responses((status = 200, body = Page<DeployRow>), Refusals)
)]
pub async fn deploys(
    Shared(state): Shared<State>,
    Asked(scope): Asked<ScopeParameters>,
    Asked(page): Asked<PageParameters>,
) -> Result<Answer<Page<DeployRow>>, Problem> {
    let cut = page.parse()?;
    let question = scope.of_everybody(&state).await?;
    let rows = match question {
        Some(question) => {
            let rows = queries::deploys(&state.store, &question.scope).await?;
            if rows.is_empty() {
                question.must_know(&state, "").await?;
            }
            rows
        }
        None => Vec::new(),
    };
    Ok(export::list("deploys", cut, rows))
}

/// What people were told, newest first; of all apps when none is named.
#[utoipa::path(
    get, path = "/alerts", params(AppParameters, PageParameters),
    responses((status = 200, body = Page<AlertRow>), Refusals)
)]
pub async fn alerts(
    Shared(state): Shared<State>,
    Asked(app): Asked<AppParameters>,
    Asked(page): Asked<PageParameters>,
) -> Result<Answer<Page<AlertRow>>, Problem> {
    let cut = page.parse()?;
    let rows = queries::alerts(&state.store, &app.app).await?;
    if rows.is_empty() && !app.app.is_empty() {
        query::must_know_app(&state, &app.app).await?;
    }
    Ok(export::list("alerts", cut, rows))
}

//! `GET /api/v1/live`: what arrives now, minute by minute. `/filters`: what page views can be filtered by.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Shared;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wire::Vital;

use super::State;
use super::assessment::CORE_WEB_VITALS;
use super::export::{self, Answer, record};
use super::openapi::Refusals;
use super::query::{self, Asked, Page, PageParameters, ScopeParameters};
use super::summary;
use crate::http::Problem;
use crate::store::queries::{self, Scope, StepVitalRow, ValueRow};

const MINUTE_MS: i64 = 60_000;
/// As long as one looks back when something was just deployed.
const LIVE_MINUTES: i64 = 30;

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct AppParameters {
    /// The busiest one when absent.
    pub app: String,
    /// The app's busiest one when absent.
    pub environment: String,
}

impl From<AppParameters> for ScopeParameters {
    /// In the usual range.
    fn from(asked: AppParameters) -> ScopeParameters {
        ScopeParameters {
            app: asked.app,
            environment: asked.environment,
            ..ScopeParameters::default()
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Live {
    pub now_ms: i64,
    pub time_zone: &'static str,
    pub app: String,
    pub environment: String,
    /// The last 30 minutes, the running one included; those without page views as well.
    pub minutes: Vec<Minute>,
}

/// What began within one minute. Values of a minute change for some seconds after it: vitals come when a page is left.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Minute {
    pub at_ms: i64,
    pub page_view_count: u64,
    /// p75; null without measurements.
    pub lcp: Option<f64>,
    pub inp: Option<f64>,
    pub cls: Option<f64>,
}

record!(Minute: at_ms page_view_count lcp inp cls);

/// The last 30 minutes.
#[utoipa::path(
    get, path = "/live", params(AppParameters), responses((status = 200, body = Live), Refusals)
)]
pub async fn live(
    Shared(state): Shared<State>,
    Asked(asked): Asked<AppParameters>,
) -> Result<Json<Live>, Problem> {
    let now_ms = query::now_ms();
    let to_ms = (now_ms / MINUTE_MS + 1) * MINUTE_MS;
    let from_ms = to_ms - LIVE_MINUTES * MINUTE_MS;
    let question = ScopeParameters::from(asked).of_everybody(&state).await?;
    let (scope, rows) = match question {
        Some(question) => {
            let scope = question.scope.during(from_ms, to_ms);
            let rows = queries::minutes(&state.store, &scope, &CORE_WEB_VITALS).await?;
            if rows.is_empty() {
                question.must_know(&state, "").await?;
            }
            (question.scope, rows)
        }
        None => (Scope::default(), Vec::new()),
    };
    Ok(Json(Live {
        now_ms,
        time_zone: "UTC",
        app: scope.app,
        environment: scope.environment,
        minutes: minutes(from_ms, to_ms, &rows),
    }))
}

/// Every minute of the range, from the rows of those that have any.
fn minutes(from_ms: i64, to_ms: i64, rows: &[StepVitalRow]) -> Vec<Minute> {
    let mut by_minute: BTreeMap<i64, Minute> = (from_ms..to_ms)
        .step_by(MINUTE_MS as usize)
        .map(|at_ms| {
            let none = Minute {
                at_ms,
                page_view_count: 0,
                lcp: None,
                inp: None,
                cls: None,
            };
            (at_ms, none)
        })
        .collect();
    for row in rows {
        let Some(minute) = by_minute.get_mut(&row.at_ms) else {
            continue;
        };
        minute.page_view_count = minute.page_view_count.max(row.n);
        let Some(vital) =
            Vital::from_name(&row.vital).filter(|vital| CORE_WEB_VITALS.contains(vital))
        else {
            continue;
        };
        let p75 = summary::histogram(vital, &row.buckets).quantile(0.75);
        let place = match vital {
            Vital::Lcp => &mut minute.lcp,
            Vital::Inp => &mut minute.inp,
            _ => &mut minute.cls,
        };
        *place = p75.map(|quantile| quantile.value);
    }
    by_minute.into_values().collect()
}

/// What page views of a range can be filtered by: countries, browsers, systems and navigation types by frequency, releases by age.
#[utoipa::path(
    get, path = "/filters", params(ScopeParameters, PageParameters),
    responses((status = 200, body = Page<ValueRow>), Refusals)
)]
pub async fn filters(
    Shared(state): Shared<State>,
    Asked(scope): Asked<ScopeParameters>,
    Asked(page): Asked<PageParameters>,
) -> Result<Answer<Page<ValueRow>>, Problem> {
    let cut = page.parse()?;
    let question = scope.of_everybody(&state).await?;
    let rows = match question {
        Some(question) => {
            let rows = queries::dimension_values(&state.store, &question.scope).await?;
            if rows.is_empty() {
                question.must_know(&state, "").await?;
            }
            rows
        }
        None => Vec::new(),
    };
    Ok(export::list("filters", cut, rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use detect::histogram::Scheme;

    #[test]
    fn a_minute_without_page_views_is_a_minute_too() {
        let row = |vital: Vital, at_ms, value, n| StepVitalRow {
            vital: vital.name().into(),
            at_ms,
            n,
            buckets: vec![(Scheme::of_vital(vital).bucket_index(value), n)],
        };
        let rows = [
            row(Vital::Lcp, 60_000, 1_000.0, 3),
            row(Vital::Ttfb, 60_000, 100.0, 5),
            // Of a minute that is not asked for.
            row(Vital::Lcp, 0, 1_000.0, 9),
        ];
        let found = minutes(60_000, 180_000, &rows);
        let counts: Vec<u64> = found.iter().map(|minute| minute.page_view_count).collect();
        assert_eq!(counts, [5, 0]);
        assert!(
            found[0]
                .lcp
                .is_some_and(|lcp| (900.0..1_100.0).contains(&lcp))
        );
        assert_eq!((found[0].inp, found[1].lcp), (None, None));
    }
}

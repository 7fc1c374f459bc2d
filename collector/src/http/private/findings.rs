//! `GET /api/v1/findings`, `/findings/{id}`, `/baselines`, `/alerts`: what the detector said, and its evidence.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use serde::Serialize;
use wire::Vital;

use super::State;
use super::query::{self, DAY_MS, Parameters, Range};
use super::routes;
use super::summary::{self, Band, Bar, Point};
use crate::explain::{Explanation, Subject, explain};
use crate::http::Problem;
use crate::store::queries::{
    self, AlertRow, AttributionRow, BaselineRow, DeployRow, FindingFilter, FindingRow, Scope,
};

/// The evidence shows this much before the change and at most this much after it.
const EVIDENCE_BEFORE_MS: i64 = 10 * DAY_MS;
const EVIDENCE_AFTER_MS: i64 = 10 * DAY_MS;
const HOUR_S: i64 = 3_600;

#[derive(Debug, Serialize)]
pub struct FindingList {
    pub findings: Vec<FindingRow>,
    pub offset: u32,
    /// Whether another page follows.
    pub more: bool,
}

#[derive(Debug, Serialize)]
pub struct FindingView {
    pub finding: FindingRow,
    pub evidence: Evidence,
    /// Hints at the cause; nothing of it is tested.
    pub explanation: Explanation,
}

/// The series around its change: to see with one's own eyes what the numbers say.
#[derive(Debug, Serialize)]
pub struct Evidence {
    #[serde(flatten)]
    pub range: Range,
    pub time_zone: &'static str,
    pub points: Vec<Point>,
    pub baseline: Option<BaselineRow>,
    pub band: Option<Band>,
    /// Page views before the change began and after, as shares per bucket.
    pub before: Vec<Bar>,
    pub after: Vec<Bar>,
    /// Phases and elements before the change and after it; empty when no single page views are kept that far back.
    pub attribution: Vec<AttributionRow>,
    pub deploys: Vec<DeployRow>,
    pub limits: Option<(f64, f64)>,
}

pub async fn list(
    Shared(state): Shared<State>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<FindingList>, Problem> {
    let now_ms = query::now_ms();
    // Without a range every finding is meant: an open one matters however old it is.
    let ranged =
        !(parameters.range.is_empty() && parameters.from.is_empty() && parameters.to.is_empty());
    let (from_ms, to_ms) = if ranged {
        parameters
            .range(now_ms)
            .map(|range| (range.from_ms, range.to_ms))?
    } else {
        (0, now_ms)
    };
    let limit = parameters.limit();
    let offset = parameters.offset.unwrap_or(0);
    let filter = FindingFilter {
        id: String::new(),
        app: parameters.app.clone(),
        environment: parameters.environment.clone(),
        route: parameters.route.clone(),
        vital: parameters.vital.clone(),
        states: parameters.states(),
        from_ms,
        to_ms,
        limit: limit + 1,
        offset,
    };
    let mut findings = queries::findings(&state.store, &filter).await?;
    if findings.is_empty() && !parameters.app.is_empty() {
        parameters.must_know(&state, &parameters.app, "").await?;
    }
    let more = findings.len() > limit as usize;
    findings.truncate(limit as usize);
    Ok(Json(FindingList {
        findings,
        offset,
        more,
    }))
}

pub async fn one(
    Shared(state): Shared<State>,
    Path(id): Path<String>,
) -> Result<Json<FindingView>, Problem> {
    let now_ms = query::now_ms();
    let finding = find(&state, &id, now_ms).await?;
    let (evidence, explanation) = tokio::try_join!(
        evidence(&state, &finding, now_ms),
        explanation(&state, &finding, now_ms)
    )?;
    Ok(Json(FindingView {
        finding,
        evidence,
        explanation,
    }))
}

async fn explanation(
    state: &State,
    finding: &FindingRow,
    now_ms: i64,
) -> Result<Explanation, Problem> {
    match Subject::of_row(finding) {
        Some(subject) => Ok(explain(&state.store, &subject, finding.until_ms(now_ms)).await?),
        None => Ok(Explanation::default()),
    }
}

/// The finding with this id, or 404.
pub async fn find(state: &State, id: &str, now_ms: i64) -> Result<FindingRow, Problem> {
    let filter = FindingFilter {
        id: id.to_owned(),
        to_ms: now_ms,
        limit: 1,
        ..FindingFilter::default()
    };
    let found = if id.is_empty() {
        None
    } else {
        queries::findings(&state.store, &filter).await?.pop()
    };
    found.ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "unknown-finding",
            "there is no finding with this id",
        )
    })
}

pub async fn baselines(
    Shared(state): Shared<State>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Vec<BaselineRow>>, Problem> {
    let range = parameters.range(query::now_ms())?;
    let Some(scope) = parameters.scope(&state, range).await? else {
        return Ok(Json(Vec::new()));
    };
    let rows = queries::baselines(
        &state.store,
        &scope.app,
        &scope.environment,
        &parameters.route,
    )
    .await?;
    if rows.is_empty() {
        parameters
            .must_know(&state, &scope.app, &parameters.route)
            .await?;
    }
    Ok(Json(rows))
}

pub async fn alerts(
    Shared(state): Shared<State>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Vec<AlertRow>>, Problem> {
    Ok(Json(queries::alerts(&state.store, &parameters.app).await?))
}

/// Hour by hour around the change point; the series only, since a finding of a stratum is a drill-down into it.
async fn evidence(state: &State, finding: &FindingRow, now_ms: i64) -> Result<Evidence, Problem> {
    let from_ms = finding.change_point_ms - EVIDENCE_BEFORE_MS;
    let range = Range {
        from_ms,
        to_ms: now_ms.min(finding.change_point_ms + EVIDENCE_AFTER_MS),
        step_s: HOUR_S,
    };
    let scope = Scope {
        app: finding.app.clone(),
        environment: finding.environment.clone(),
        from_ms,
        to_ms: range.to_ms,
    };
    // The app-level finding, and findings of operations, have no rollups of one route and vital to show.
    let vital = Vital::from_name(&finding.vital).filter(|_| finding.kind == "vital");
    let Some(vital) = vital else {
        return Ok(without_series(range));
    };
    let route = if finding.route == "*" {
        ""
    } else {
        &finding.route
    };
    let (steps, baselines, deploys, attribution) = tokio::try_join!(
        queries::vitals_by_step(&state.store, &scope, route, vital.name(), HOUR_S),
        queries::baselines(&state.store, &scope.app, &scope.environment, &finding.route),
        queries::deploys(&state.store, &scope),
        queries::attribution(
            &state.store,
            &scope,
            &finding.route,
            vital.name(),
            finding.change_point_ms
        ),
    )?;
    let baseline = routes::baseline_of(vital.name(), &finding.route, &baselines).cloned();
    let past =
        routes::baseline_steps(state, &scope, route, vital, baseline.as_ref(), HOUR_S).await?;
    let (before, after): (Vec<_>, Vec<_>) = steps
        .iter()
        .cloned()
        .partition(|step| step.at_ms < finding.change_point_ms);
    Ok(Evidence {
        range,
        time_zone: "UTC",
        points: summary::points(vital, &steps),
        baseline,
        band: summary::band(&summary::points(vital, &past)),
        before: summary::bars(&summary::merged(vital, &before)),
        after: summary::bars(&summary::merged(vital, &after)),
        attribution,
        deploys,
        limits: vital.thresholds(),
    })
}

fn without_series(range: Range) -> Evidence {
    Evidence {
        range,
        time_zone: "UTC",
        points: Vec::new(),
        baseline: None,
        band: None,
        before: Vec::new(),
        after: Vec::new(),
        attribution: Vec::new(),
        deploys: Vec::new(),
        limits: None,
    }
}

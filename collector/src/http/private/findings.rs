//! `GET /api/v1/findings`, `/findings/{id}`: what the detector said, and its evidence.

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wire::Vital;

use super::State;
use super::export::{self, Answer};
use super::openapi::Refusals;
use super::query::page::MAX_ROWS;
use super::query::{self, Asked, DAY_MS, Page, PageParameters, Range, ScopeParameters};
use super::route;
use super::shape::{self, Band, Bar, Point};
use super::summary;
use crate::explain::{Explanation, Subject, explain};
use crate::http::Problem;
use crate::store::queries::{
    self, BaselineRow, DecisionRow, DeployRow, FactRow, FindingFilter, FindingRow, Scope,
};

/// The evidence shows this much before the change and at most this much after it.
const EVIDENCE_BEFORE_MS: i64 = 10 * DAY_MS;
const EVIDENCE_AFTER_MS: i64 = 10 * DAY_MS;
const HOUR_S: i64 = 3_600;
const STATES: [&str; 5] = ["unconfirmed", "confirmed", "transient", "resolved", "muted"];

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct FindingParameters {
    pub route: String,
    pub vital: String,
    /// `open` (confirmed or unconfirmed), `all`, or one of `unconfirmed confirmed transient resolved muted`; `open` when absent.
    pub state: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FindingView {
    pub finding: FindingRow,
    /// What a person decided about it, and why; null when nobody did.
    pub decision: Option<DecisionRow>,
    pub evidence: Evidence,
    /// Hints at the cause; nothing of it is tested. What is to blame, who carries the change, what moved with it.
    pub explanation: Explanation,
}

/// The series around its change: to see with one's own eyes what the numbers say.
#[derive(Debug, Serialize, ToSchema)]
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
    /// Phases and elements before the change and after it, of each the most frequent.
    pub attribution: Vec<BlamedBeside>,
    pub deploys: Vec<DeployRow>,
    /// Largest good value, largest value that only needs improvement; null for MEMORY.
    pub limits: Option<(f64, f64)>,
}

/// What page views before (0) or after (1) the change were blamed on.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct BlamedBeside {
    pub after: u8,
    /// `phase` (mean is its duration) or `element` (mean is the vital's value, as exact as its buckets).
    pub kind: String,
    pub name: String,
    pub n: u64,
    pub mean: f64,
}

/// Findings, the open and grave ones first. Without an app those of all apps, without a range however old they are.
#[utoipa::path(
    get, path = "/findings", params(ScopeParameters, FindingParameters, PageParameters),
    responses((status = 200, body = Page<FindingRow>), Refusals)
)]
pub async fn list(
    Shared(state): Shared<State>,
    Asked(scope): Asked<ScopeParameters>,
    Asked(asked): Asked<FindingParameters>,
    Asked(page): Asked<PageParameters>,
) -> Result<Answer<Page<FindingRow>>, Problem> {
    let now_ms = query::now_ms();
    let cut = page.parse()?;
    // An open one matters however old it is.
    let (from_ms, to_ms) = if scope.names_a_time() {
        let range = scope.range(now_ms)?;
        (range.from_ms, range.to_ms)
    } else {
        (0, now_ms)
    };
    let filter = FindingFilter {
        id: String::new(),
        app: scope.app.clone(),
        environment: scope.environment,
        route: asked.route.clone(),
        vital: asked.vital.clone(),
        states: asked.states()?,
        from_ms,
        to_ms,
        limit: MAX_ROWS as u32,
        offset: 0,
    };
    let findings = queries::findings(&state.store, &filter).await?;
    if findings.is_empty() && !scope.app.is_empty() {
        query::must_know_app(&state, &scope.app).await?;
    }
    Ok(export::list("findings", cut, findings))
}

impl FindingParameters {
    /// States to show; an empty list is all of them.
    fn states(&self) -> Result<Vec<String>, Problem> {
        match self.state.as_str() {
            "" | "open" => Ok(FindingFilter::open()),
            "all" => Ok(Vec::new()),
            state if STATES.contains(&state) => Ok(vec![state.to_owned()]),
            _ => Err(query::invalid(&format!(
                "state is open, all or one of {}",
                STATES.join(" ")
            ))),
        }
    }
}

/// One finding with the evidence to believe or doubt it.
#[utoipa::path(
    get, path = "/findings/{id}", params(("id" = String, Path)),
    responses((status = 200, body = FindingView), Refusals)
)]
pub async fn one(
    Shared(state): Shared<State>,
    Path(id): Path<String>,
) -> Result<Json<FindingView>, Problem> {
    let now_ms = query::now_ms();
    let finding = find(&state, &id, now_ms).await?;
    let (decision, evidence, explanation) = tokio::try_join!(
        async { Ok(queries::decision(&state.store, &finding.id).await?) },
        evidence(&state, &finding, now_ms),
        explanation(&state, &finding, now_ms)
    )?;
    Ok(Json(FindingView {
        finding,
        decision,
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
        ..Scope::default()
    };
    // The app-level finding, and findings of operations, have no rollups of one route and vital to show.
    let vital = Vital::from_name(&finding.vital).filter(|_| finding.kind == "vital");
    let Some(vital) = vital else {
        return Ok(without_series(range));
    };
    let stored = route::stored(&finding.route);
    let (change_ms, route) = (finding.change_point_ms, &finding.route);
    let (before, after) = (
        scope.during(from_ms, change_ms),
        scope.during(change_ms, range.to_ms),
    );
    let (steps, baselines, deploys, blamed_before, blamed_after) = tokio::try_join!(
        queries::vitals_by_step(&state.store, &scope, stored, vital.name(), HOUR_S),
        queries::baselines(&state.store, &scope.app, &scope.environment, &finding.route),
        queries::deploys(&state.store, &scope),
        queries::facts(&state.store, &before, route, vital.name()),
        queries::facts(&state.store, &after, route, vital.name()),
    )?;
    let baseline = route::baseline_of(vital.name(), &finding.route, &baselines);
    let past = route::baseline_steps(state, &scope, stored, vital, baseline, HOUR_S).await?;
    let (before, after): (Vec<_>, Vec<_>) = steps
        .iter()
        .cloned()
        .partition(|step| step.at_ms < finding.change_point_ms);
    Ok(Evidence {
        range,
        time_zone: "UTC",
        points: shape::points(vital, 75, &steps),
        baseline: baseline.cloned(),
        band: shape::band(&shape::points(vital, 75, &past)),
        before: shape::bars(&shape::merged(vital, &before)),
        after: shape::bars(&shape::merged(vital, &after)),
        attribution: [(0, blamed_before), (1, blamed_after)]
            .iter()
            .flat_map(|(after, facts)| beside(vital, *after, facts))
            .collect(),
        deploys,
        limits: vital.thresholds(),
    })
}

/// Phases and elements of one side.
fn beside(vital: Vital, after: u8, facts: &[FactRow]) -> Vec<BlamedBeside> {
    let mean = |row: &FactRow| match row.fact.as_str() {
        "phase" => Some(row.sum_ms / row.n as f64),
        "element" => summary::histogram(vital, &row.buckets)
            .mean_and_stddev()
            .map(|(mean, _)| mean),
        _ => None,
    };
    let blamed = facts.iter().filter(|row| row.n > 0).filter_map(|row| {
        Some(BlamedBeside {
            after,
            kind: row.fact.clone(),
            name: row.name.clone(),
            n: row.n,
            mean: mean(row)?,
        })
    });
    blamed.collect()
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

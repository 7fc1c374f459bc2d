//! `GET /api/v1/routes` and `/routes/{route}`: all routes of an app side by side; one route's trend against what is normal.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use serde::Serialize;
use wire::Vital;

use super::State;
use super::query::{self, DAY_MS, Parameters, Range};
use super::summary::{self, Band, Bar, Percentiles, Point, VitalSummary};
use crate::http::Problem;
use crate::store::queries::{
    self, BaselineRow, DeployRow, FindingFilter, FindingRow, Scope, StepVitalRow,
};

/// A page with more rows than this is not read; the busiest routes are kept and the rest is counted.
const MAX_ROUTES: usize = 1_000;
const MAX_FINDINGS: u32 = 1_000;
/// A baseline's window is read at most this far back, whatever its row says.
const MAX_BASELINE_MS: i64 = 100 * DAY_MS;

#[derive(Debug, Serialize)]
pub struct RouteList {
    #[serde(flatten)]
    pub range: Range,
    pub app: String,
    pub environment: String,
    pub routes: Vec<RouteLine>,
    /// Routes beyond the list's bound.
    pub left_out_count: usize,
}

#[derive(Debug, Serialize)]
pub struct RouteLine {
    pub route: String,
    pub page_view_count: u64,
    pub vitals: Vec<RouteVital>,
    pub findings_open: Vec<FindingMark>,
}

#[derive(Debug, Serialize)]
pub struct RouteVital {
    #[serde(flatten)]
    pub summary: VitalSummary,
    /// `learning proposed approved rejected frozen`, or null when the detector has not seen the series yet.
    pub baseline_state: Option<String>,
    pub baseline_p75: Option<f64>,
}

/// Enough of a finding to mark a row.
#[derive(Debug, Serialize)]
pub struct FindingMark {
    pub id: String,
    pub vital: String,
    pub direction: String,
    pub severity: String,
    pub state: String,
    pub change_ratio: f64,
}

#[derive(Debug, Serialize)]
pub struct RouteView {
    #[serde(flatten)]
    pub range: Range,
    pub time_zone: &'static str,
    pub app: String,
    pub environment: String,
    pub route: String,
    pub vitals: Vec<RouteVital>,
    pub trend: Trend,
    pub deploys: Vec<DeployRow>,
    pub findings: Vec<FindingRow>,
}

/// One vital of one route over time, with everything a chart needs to show whether that is normal.
#[derive(Debug, Serialize)]
pub struct Trend {
    pub vital: &'static str,
    pub points: Vec<Point>,
    pub percentiles: Option<Percentiles>,
    pub distribution: Vec<Bar>,
    pub baseline: Option<BaselineRow>,
    /// Null while the baseline is learning: a band from a handful of hours would be read as a promise.
    pub band: Option<Band>,
    pub baseline_distribution: Vec<Bar>,
    /// Largest good value, largest value that only needs improvement; null for MEMORY.
    pub limits: Option<(f64, f64)>,
}

pub async fn list(
    Shared(state): Shared<State>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<RouteList>, Problem> {
    let now_ms = query::now_ms();
    let range = parameters.range(now_ms)?;
    let Some(scope) = parameters.scope(&state, range).await? else {
        return Ok(Json(RouteList {
            range,
            app: String::new(),
            environment: String::new(),
            routes: Vec::new(),
            left_out_count: 0,
        }));
    };
    let filter = open_findings(&scope, "", now_ms);
    let (rows, baselines, findings) = tokio::try_join!(
        queries::vitals_by_route(&state.store, &scope),
        queries::baselines(&state.store, &scope.app, &scope.environment, ""),
        queries::findings(&state.store, &filter),
    )?;
    if rows.is_empty() {
        parameters.must_know(&state, &scope.app, "").await?;
    }
    let mut lines: BTreeMap<String, RouteLine> = BTreeMap::new();
    for row in rows {
        let Some(vital) = Vital::from_name(&row.vital) else {
            continue;
        };
        let Some(summary) = summary::summarise(vital, &summary::histogram(vital, &row.buckets))
        else {
            continue;
        };
        let line = lines.entry(row.route.clone()).or_insert_with(|| RouteLine {
            route: row.route.clone(),
            page_view_count: 0,
            vitals: Vec::new(),
            findings_open: Vec::new(),
        });
        line.page_view_count = line.page_view_count.max(summary.n);
        line.vitals
            .push(with_baseline(summary, &row.route, &baselines));
    }
    for finding in findings {
        if let Some(line) = lines.get_mut(&finding.route) {
            line.findings_open.push(mark(finding));
        }
    }
    let mut routes: Vec<RouteLine> = lines.into_values().collect();
    routes.sort_by_key(|line| std::cmp::Reverse(line.page_view_count));
    for line in &mut routes {
        line.vitals
            .sort_by_key(|vital| Vital::from_name(vital.summary.vital));
    }
    let left_out_count = routes.len().saturating_sub(MAX_ROUTES);
    routes.truncate(MAX_ROUTES);
    Ok(Json(RouteList {
        range,
        app: scope.app,
        environment: scope.environment,
        routes,
        left_out_count,
    }))
}

pub async fn one(
    Shared(state): Shared<State>,
    Path(route): Path<String>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<RouteView>, Problem> {
    let now_ms = query::now_ms();
    let range = parameters.range(now_ms)?;
    let asked = if parameters.vital.is_empty() {
        Vital::Lcp.name()
    } else {
        &parameters.vital
    };
    let vital = Vital::from_name(asked)
        .ok_or_else(|| query::invalid("vital is one of FCP LCP CLS FID INP TTFB MEMORY"))?;
    let scope = parameters.scope(&state, range).await?;
    let Some(scope) = scope else {
        return Err(Problem::new(
            axum::http::StatusCode::NOT_FOUND,
            "unknown-app",
            "nothing was measured yet",
        ));
    };
    let filter = FindingFilter {
        from_ms: scope.from_ms,
        states: Vec::new(),
        ..open_findings(&scope, &route, now_ms)
    };
    let (steps, baselines, deploys, findings) = tokio::try_join!(
        queries::vitals_by_step(&state.store, &scope, &route, "", range.step_s),
        queries::baselines(&state.store, &scope.app, &scope.environment, &route),
        queries::deploys(&state.store, &scope),
        queries::findings(&state.store, &filter),
    )?;
    if steps.is_empty() {
        parameters.must_know(&state, &scope.app, &route).await?;
    }
    let summaries = Vital::ALL
        .into_iter()
        .filter_map(|vital| summary::summarise(vital, &summary::merged(vital, &steps)));
    let vitals = summaries
        .map(|summary| with_baseline(summary, &route, &baselines))
        .collect();
    let baseline = baseline_of(vital.name(), &route, &baselines).cloned();
    let past = baseline_steps(
        &state,
        &scope,
        &route,
        vital,
        baseline.as_ref(),
        range.step_s,
    )
    .await?;
    let current = summary::merged(vital, &steps);
    let trend = Trend {
        vital: vital.name(),
        points: summary::points(vital, &steps),
        percentiles: summary::percentiles(&current),
        distribution: summary::bars(&current),
        band: summary::band(&summary::points(vital, &past)),
        baseline_distribution: summary::bars(&summary::merged(vital, &past)),
        baseline,
        limits: vital.thresholds(),
    };
    let Scope {
        app, environment, ..
    } = scope;
    Ok(Json(RouteView {
        range,
        time_zone: "UTC",
        app,
        environment,
        route,
        vitals,
        trend,
        deploys,
        findings,
    }))
}

/// The series' rollups over its baseline's window, in the same steps as the trend, so that the band is comparable to it.
/// Nothing while the baseline is learning.
pub async fn baseline_steps(
    state: &State,
    scope: &Scope,
    route: &str,
    vital: Vital,
    baseline: Option<&BaselineRow>,
    step_s: i64,
) -> Result<Vec<StepVitalRow>, Problem> {
    let Some(baseline) = baseline
        .filter(|baseline| baseline.state != "learning" && baseline.from_ms < baseline.to_ms)
    else {
        return Ok(Vec::new());
    };
    let from_ms = baseline.from_ms.max(baseline.to_ms - MAX_BASELINE_MS);
    let window = Scope {
        from_ms,
        to_ms: baseline.to_ms,
        ..scope.clone()
    };
    Ok(queries::vitals_by_step(&state.store, &window, route, vital.name(), step_s).await?)
}

pub fn baseline_of<'a>(
    vital: &str,
    route: &str,
    baselines: &'a [BaselineRow],
) -> Option<&'a BaselineRow> {
    baselines.iter().find(|baseline| {
        let is_same = baseline.vital == vital && baseline.route == route;
        baseline.kind == "vital" && is_same && !baseline.candidate
    })
}

fn with_baseline(summary: VitalSummary, route: &str, baselines: &[BaselineRow]) -> RouteVital {
    let baseline = baseline_of(summary.vital, route, baselines);
    RouteVital {
        baseline_state: baseline.map(|baseline| baseline.state.clone()),
        baseline_p75: baseline
            .filter(|baseline| baseline.n > 0)
            .map(|baseline| baseline.p75),
        summary,
    }
}

fn mark(finding: FindingRow) -> FindingMark {
    FindingMark {
        id: finding.id,
        vital: finding.vital,
        direction: finding.direction,
        severity: finding.severity,
        state: finding.state,
        change_ratio: finding.change_ratio,
    }
}

fn open_findings(scope: &Scope, route: &str, now_ms: i64) -> FindingFilter {
    FindingFilter {
        app: scope.app.clone(),
        environment: scope.environment.clone(),
        route: route.to_owned(),
        states: Parameters::default().states(),
        to_ms: now_ms,
        limit: MAX_FINDINGS,
        ..FindingFilter::default()
    }
}

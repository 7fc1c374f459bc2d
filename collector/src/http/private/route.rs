//! `GET /api/v1/routes/{route}`: one route's trend against what is normal.

use axum::extract::{Path, State as Shared};
use detect::histogram::{Histogram, Scheme};
use detect::series::MEMORY_GROWTH;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wire::Vital;

use super::State;
use super::export::{self, Answer};
use super::openapi::Refusals;
use super::query::page;
use super::query::{
    self, Asked, DAY_MS, Format, Range, ScopeParameters, VisitorParameters, invalid,
};
use super::routes::open_findings;
use super::shape::{self, Band, Bar, Percentile, Point};
use super::summary::{self, VitalSummary};
use crate::http::Problem;
use crate::store::queries::{
    self, BaselineRow, DeployRow, FindingFilter, FindingRow, Scope, StepVitalRow,
};

/// The whole app.
pub const ALL_ROUTES: &str = "*";
/// A baseline's window is read at most this far back, whatever its row says.
const MAX_BASELINE_MS: i64 = 100 * DAY_MS;
/// Those that people read.
pub const USUAL_PERCENTILES: [u8; 5] = [50, 75, 90, 95, 99];

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct TrendParameters {
    /// `LCP` when absent.
    pub vital: String,
    /// Which percentile the trend is of, 1 to 99; 75 when absent.
    #[param(minimum = 1, maximum = 99)]
    pub percentile: Option<u8>,
    /// `json`, or `csv`: the points of the trend.
    pub format: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RouteView {
    #[serde(flatten)]
    pub range: Range,
    pub time_zone: &'static str,
    pub app: String,
    pub environment: String,
    pub route: String,
    pub vitals: Vec<RouteVital>,
    pub trend: Trend,
    /// How heaps of page views grew; null where no browser said so.
    pub memory_growth: Option<Growth>,
    pub deploys: Vec<DeployRow>,
    pub findings: Vec<FindingRow>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RouteVital {
    #[serde(flatten)]
    pub summary: VitalSummary,
    /// `learning proposed approved rejected frozen`, or null when the detector has not seen the series yet.
    pub baseline_state: Option<String>,
    pub baseline_p75: Option<f64>,
}

/// One vital of one route over time, with everything a chart needs to show whether that is normal.
#[derive(Debug, Serialize, ToSchema)]
pub struct Trend {
    pub vital: &'static str,
    pub percentile: u8,
    pub points: Vec<Point>,
    /// p50, p75, p90, p95 and p99 of the whole range.
    pub percentiles: Vec<Percentile>,
    pub distribution: Vec<Bar>,
    /// What the detector judges everybody's page views by.
    pub baseline: Option<BaselineRow>,
    /// Where the percentile of a step lay in the baseline's hours, for the same visitors. Null while the baseline is learning: a
    /// band from a handful of hours would be read as a promise.
    pub band: Option<Band>,
    pub baseline_distribution: Vec<Bar>,
    /// Largest good value, largest value that only needs improvement; null for MEMORY.
    pub limits: Option<(f64, f64)>,
}

/// The floor that collections leave, in bytes per minute; falling counts as negative.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Growth {
    pub n: u64,
    pub p50: f64,
    pub p75: f64,
    pub p95: f64,
    /// Share of page views whose floor rose by more than collections leave by chance (10 kB a minute).
    pub growing_share: f64,
}

/// One route, `*` for the whole app: its vitals, one of them over time, what the detector says about it.
#[utoipa::path(
    get, path = "/routes/{route}",
    params(("route" = String, Path, description = "URL-encoded; `*` is the whole app"), ScopeParameters, VisitorParameters, TrendParameters),
    responses((status = 200, body = RouteView), Refusals)
)]
pub async fn one(
    Shared(state): Shared<State>,
    Path(route): Path<String>,
    Asked(scope): Asked<ScopeParameters>,
    Asked(visitors): Asked<VisitorParameters>,
    Asked(asked): Asked<TrendParameters>,
) -> Result<Answer<RouteView>, Problem> {
    let now_ms = query::now_ms();
    let vital = query::vital(&asked.vital)?;
    let percentile = percentile(asked.percentile.unwrap_or(75))?;
    let format = page::format(&asked.format)?;
    let question = scope.question(&state, &visitors, now_ms).await?;
    let question = question.ok_or_else(nothing_yet)?;
    let (scope, range) = (&question.scope, question.range);
    let filter = FindingFilter {
        from_ms: scope.from_ms,
        states: Vec::new(),
        ..open_findings(scope, &route, now_ms)
    };
    let stored = stored(&route);
    let (steps, baselines, deploys, findings) = tokio::try_join!(
        queries::vitals_by_step(&state.store, scope, stored, "", range.step_s),
        queries::baselines(&state.store, &scope.app, &scope.environment, &route),
        queries::deploys(&state.store, scope),
        queries::findings(&state.store, &filter),
    )?;
    if steps.is_empty() {
        question.must_know(&state, &route).await?;
    }
    let points = shape::points(vital, percentile, &steps);
    if format == Format::Csv {
        return Ok(Answer::Csv(export::table("trend", &points)));
    }
    let baseline = baseline_of(vital.name(), &route, &baselines);
    let past = baseline_steps(&state, scope, stored, vital, baseline, range.step_s).await?;
    let current = shape::merged(vital, &steps);
    let trend = Trend {
        vital: vital.name(),
        percentile,
        points,
        percentiles: shape::percentiles(&current, &USUAL_PERCENTILES),
        distribution: shape::bars(&current),
        band: shape::band(&shape::points(vital, percentile, &past)),
        baseline_distribution: shape::bars(&shape::merged(vital, &past)),
        baseline: baseline.cloned(),
        limits: vital.thresholds(),
    };
    let summaries = Vital::ALL
        .into_iter()
        .filter_map(|vital| summary::summarise(vital, &shape::merged(vital, &steps)));
    let vitals = summaries
        .map(|summary| {
            let baseline = baseline_of(summary.vital, &route, &baselines);
            with_baseline(summary, baseline)
        })
        .collect();
    let memory_growth = growth(&steps);
    Ok(Answer::Json(RouteView {
        range,
        time_zone: "UTC",
        app: question.scope.app,
        environment: question.scope.environment,
        route,
        vitals,
        trend,
        memory_growth,
        deploys,
        findings,
    }))
}

/// As queries name it: they sum over routes instead of knowing `*`.
pub fn stored(route: &str) -> &str {
    if route == ALL_ROUTES { "" } else { route }
}

pub fn percentile(asked: u8) -> Result<u8, Problem> {
    if (1..=99).contains(&asked) {
        Ok(asked)
    } else {
        Err(invalid("a percentile is a whole number from 1 to 99"))
    }
}

pub fn nothing_yet() -> Problem {
    Problem::new(
        axum::http::StatusCode::NOT_FOUND,
        "unknown-app",
        "nothing was measured yet",
    )
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
    let Some(baseline) =
        baseline.filter(|baseline| !baseline.is_learning() && baseline.from_ms < baseline.to_ms)
    else {
        return Ok(Vec::new());
    };
    let from_ms = baseline.from_ms.max(baseline.to_ms - MAX_BASELINE_MS);
    let window = scope.during(from_ms, baseline.to_ms);
    Ok(queries::vitals_by_step(&state.store, &window, route, vital.name(), step_s).await?)
}

/// The one that the series is judged by.
pub fn baseline_of<'a>(
    vital: &str,
    route: &str,
    baselines: impl IntoIterator<Item = &'a BaselineRow>,
) -> Option<&'a BaselineRow> {
    baselines.into_iter().find(|baseline| {
        let is_same = baseline.vital == vital && baseline.route == route;
        baseline.kind == "vital" && is_same && !baseline.candidate
    })
}

pub fn with_baseline(summary: VitalSummary, baseline: Option<&BaselineRow>) -> RouteVital {
    RouteVital {
        baseline_state: baseline.map(|baseline| baseline.state.clone()),
        baseline_p75: baseline
            .filter(|baseline| baseline.n > 0)
            .map(|baseline| baseline.p75),
        summary,
    }
}

fn growth(steps: &[StepVitalRow]) -> Option<Growth> {
    let mut histogram = Histogram::new(Scheme::Growth);
    for step in steps.iter().filter(|step| step.vital == MEMORY_GROWTH) {
        for &(index, count) in &step.buckets {
            histogram.add(index, count);
        }
    }
    let at = |p: f64| histogram.quantile(p).map(|quantile| quantile.value);
    let above = usize::from(Scheme::Growth.zero_index()) + 1;
    let growing: u64 = histogram.counts()[above..].iter().sum();
    Some(Growth {
        n: histogram.n(),
        p50: at(0.5)?,
        p75: at(0.75)?,
        p95: at(0.95)?,
        growing_share: growing as f64 / histogram.n() as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_knows_falling_from_rising() {
        let index = |bytes_per_min| Scheme::Growth.bucket_index(bytes_per_min);
        let step = StepVitalRow {
            vital: MEMORY_GROWTH.into(),
            at_ms: 0,
            n: 10,
            buckets: vec![(index(-5e5), 2), (index(0.0), 4), (index(2e6), 4)],
        };
        let found = growth(&[step]).expect("is not empty");
        assert_eq!((found.n, found.growing_share), (10, 0.4));
        assert!(found.p50.abs() < 1e4 && found.p75 > 1.8e6, "{found:?}");
        assert_eq!(growth(&[]), None);
    }
}

//! `GET /api/v1/overview`: what exists, and how the chosen app does in one look.

use axum::Json;
use axum::extract::{Query, State as Shared};
use serde::Serialize;
use wire::Vital;

use super::State;
use super::query::{self, Parameters, Range};
use super::summary::{self, Point, VitalSummary};
use crate::http::Problem;
use crate::store::queries::{self, AppRow, FindingFilter, Scope};

/// The three that Google's assessment needs.
const CORE_WEB_VITALS: [Vital; 3] = [Vital::Lcp, Vital::Inp, Vital::Cls];
/// More open findings than this are a list's work, not an overview's.
const MAX_COUNTED_FINDINGS: u32 = 1_000;

#[derive(Debug, Serialize)]
pub struct Overview {
    pub now_ms: i64,
    #[serde(flatten)]
    pub range: Range,
    pub time_zone: &'static str,
    /// Every app and environment of the last 31 days, busiest first.
    pub apps: Vec<AppRow>,
    /// Empty when nothing was measured yet.
    pub app: String,
    pub environment: String,
    /// `empty` (nothing ever), `quiet` (nothing in this range) or `measured`.
    pub state: &'static str,
    pub page_view_count: u64,
    pub assessment: Assessment,
    pub vitals: Vec<OverviewVital>,
    pub findings_open: OpenFindings,
}

/// Core Web Vitals: `good` when the p75 of all three is good, `poor` when one is not, `undecided` without enough data.
#[derive(Debug, Serialize)]
pub struct Assessment {
    pub result: &'static str,
    pub failing: Vec<&'static str>,
    pub missing: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
pub struct OverviewVital {
    #[serde(flatten)]
    pub summary: VitalSummary,
    /// p75 of the equally long time before; null when nothing was measured then.
    pub previous_p75: Option<f64>,
    pub trend: Vec<Point>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
pub struct OpenFindings {
    pub critical: u32,
    pub warning: u32,
    pub minor: u32,
    pub improvements: u32,
}

pub async fn overview(
    Shared(state): Shared<State>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Overview>, Problem> {
    let now_ms = query::now_ms();
    let range = parameters.range(now_ms)?;
    let apps = query::apps(&state, now_ms).await?;
    let scope = parameters.scope_among(&state, &apps, range).await?;
    let mut overview = Overview {
        now_ms,
        range,
        time_zone: "UTC",
        apps,
        app: String::new(),
        environment: String::new(),
        state: "empty",
        page_view_count: 0,
        assessment: assess(&[]),
        vitals: Vec::new(),
        findings_open: OpenFindings::default(),
    };
    let Some(scope) = scope else {
        return Ok(Json(overview));
    };
    overview.vitals = vitals(&state, &scope, range).await?;
    overview.state = if overview.vitals.is_empty() {
        "quiet"
    } else {
        "measured"
    };
    overview.page_view_count = overview
        .vitals
        .iter()
        .map(|vital| vital.summary.n)
        .max()
        .unwrap_or(0);
    overview.assessment = assess(&overview.vitals);
    overview.findings_open = open_findings(&state, &scope, now_ms).await?;
    overview.app = scope.app;
    overview.environment = scope.environment;
    Ok(Json(overview))
}

async fn vitals(state: &State, scope: &Scope, range: Range) -> Result<Vec<OverviewVital>, Problem> {
    let previous = Scope {
        from_ms: 2 * scope.from_ms - scope.to_ms,
        to_ms: scope.from_ms,
        ..scope.clone()
    };
    let (current, previous) = tokio::try_join!(
        queries::vitals_by_step(&state.store, scope, "", "", range.step_s),
        // One step as long as everything: only the sums matter.
        queries::vitals_by_step(&state.store, &previous, "", "", i64::from(u32::MAX)),
    )?;
    let vitals = Vital::ALL.into_iter().filter_map(|vital| {
        let summary = summary::summarise(vital, &summary::merged(vital, &current))?;
        let previous_p75 = summary::merged(vital, &previous)
            .quantile(0.75)
            .map(|quantile| quantile.value);
        Some(OverviewVital {
            summary,
            previous_p75,
            trend: summary::points(vital, &current),
        })
    });
    Ok(vitals.collect())
}

fn assess(vitals: &[OverviewVital]) -> Assessment {
    let (mut failing, mut missing) = (Vec::new(), Vec::new());
    for vital in CORE_WEB_VITALS {
        match vitals
            .iter()
            .map(|found| &found.summary)
            .find(|found| found.vital == vital.name())
        {
            Some(found) if !found.low_sample => {
                if found.rating != Some("good") {
                    failing.push(vital.name());
                }
            }
            _ => missing.push(vital.name()),
        }
    }
    let result = match (failing.is_empty(), missing.is_empty()) {
        (false, _) => "poor",
        (true, true) => "good",
        (true, false) => "undecided",
    };
    Assessment {
        result,
        failing,
        missing,
    }
}

async fn open_findings(state: &State, scope: &Scope, now_ms: i64) -> Result<OpenFindings, Problem> {
    let filter = FindingFilter {
        app: scope.app.clone(),
        environment: scope.environment.clone(),
        states: Parameters::default().states(),
        to_ms: now_ms,
        limit: MAX_COUNTED_FINDINGS,
        ..FindingFilter::default()
    };
    let mut open = OpenFindings::default();
    for finding in queries::findings(&state.store, &filter).await? {
        let count = match (finding.direction.as_str(), finding.severity.as_str()) {
            ("improvement", _) => &mut open.improvements,
            (_, "critical") => &mut open.critical,
            (_, "warning") => &mut open.warning,
            _ => &mut open.minor,
        };
        *count += 1;
    }
    Ok(open)
}

//! `GET /api/v1/overview`: how the chosen app does in one look. `/apps`: all of them side by side.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Shared;
use serde::Serialize;
use utoipa::ToSchema;
use wire::Vital;

use super::State;
use super::assessment::{Assessment, assess};
use super::export::{self, Answer, Cell, Record};
use super::openapi::Refusals;
use super::query::{
    self, Asked, Page, PageParameters, Question, Range, ScopeParameters, VisitorParameters,
};
use super::shape::{self, Point};
use super::summary::{self, VitalSummary};
use crate::http::Problem;
use crate::store::queries::{self, AppRow, FindingFilter, StepVitalRow};

/// More open findings than this are a list's work, not an overview's.
const MAX_COUNTED_FINDINGS: u32 = 1_000;

#[derive(Debug, Serialize, ToSchema)]
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

#[derive(Debug, Serialize, ToSchema)]
pub struct OverviewVital {
    #[serde(flatten)]
    pub summary: VitalSummary,
    /// p75 of the equally long time before; null when nothing was measured then.
    pub previous_p75: Option<f64>,
    pub trend: Vec<Point>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct OpenFindings {
    pub critical: u32,
    pub warning: u32,
    pub minor: u32,
    pub improvements: u32,
}

/// One app and environment beside the others.
#[derive(Debug, Serialize, ToSchema)]
pub struct AppLine {
    pub app: String,
    pub environment: String,
    pub page_view_count: u64,
    pub assessment: Assessment,
    pub vitals: Vec<VitalSummary>,
    pub findings_open: OpenFindings,
}

impl Record for AppLine {
    const COLUMNS: &'static [&'static str] = &[
        "app",
        "environment",
        "page_view_count",
        "assessment",
        "LCP_p75",
        "INP_p75",
        "CLS_p75",
        "findings_critical",
        "findings_warning",
        "findings_minor",
        "improvements",
    ];

    fn cells(&self) -> Vec<Cell<'_>> {
        let p75 = |vital: Vital| {
            let found = self.vitals.iter().find(|one| one.vital == vital.name());
            found.map_or(Cell::Empty, |one| Cell::Number(one.p75))
        };
        let count = |count: u32| Cell::Count(i128::from(count));
        vec![
            (&self.app).into(),
            (&self.environment).into(),
            (&self.page_view_count).into(),
            (&self.assessment.result).into(),
            p75(Vital::Lcp),
            p75(Vital::Inp),
            p75(Vital::Cls),
            count(self.findings_open.critical),
            count(self.findings_open.warning),
            count(self.findings_open.minor),
            count(self.findings_open.improvements),
        ]
    }
}

/// How an app does in one look.
#[utoipa::path(
    get, path = "/overview", params(ScopeParameters, VisitorParameters),
    responses((status = 200, body = Overview), Refusals)
)]
pub async fn overview(
    Shared(state): Shared<State>,
    Asked(scope): Asked<ScopeParameters>,
    Asked(visitors): Asked<VisitorParameters>,
) -> Result<Json<Overview>, Problem> {
    let now_ms = query::now_ms();
    let range = scope.range(now_ms)?;
    let apps = query::apps(&state, now_ms).await?;
    let question = scope.question_among(&apps, &visitors, now_ms)?;
    let mut overview = Overview {
        now_ms,
        range,
        time_zone: "UTC",
        apps,
        app: String::new(),
        environment: String::new(),
        state: "empty",
        page_view_count: 0,
        assessment: assess([].iter()),
        vitals: Vec::new(),
        findings_open: OpenFindings::default(),
    };
    let Some(question) = question else {
        return Ok(Json(overview));
    };
    let (app, environment) = (&question.scope.app, &question.scope.environment);
    let (vitals, findings) = tokio::try_join!(
        vitals(&state, &question),
        open_findings(&state, app, environment, now_ms)
    )?;
    if vitals.is_empty() {
        question.must_know(&state, "").await?;
    }
    overview.state = if vitals.is_empty() {
        "quiet"
    } else {
        "measured"
    };
    let counts = vitals.iter().map(|vital| vital.summary.n);
    overview.page_view_count = counts.max().unwrap_or(0);
    overview.assessment = assess(vitals.iter().map(|vital| &vital.summary));
    overview.vitals = vitals;
    let key = (app.clone(), environment.clone());
    overview.findings_open = findings.get(&key).cloned().unwrap_or_default();
    (overview.app, overview.environment) = key;
    Ok(Json(overview))
}

/// All apps side by side.
#[utoipa::path(
    get, path = "/apps", params(ScopeParameters, PageParameters),
    responses((status = 200, body = Page<AppLine>), Refusals)
)]
pub async fn apps(
    Shared(state): Shared<State>,
    Asked(scope): Asked<ScopeParameters>,
    Asked(page): Asked<PageParameters>,
) -> Result<Answer<Page<AppLine>>, Problem> {
    let now_ms = query::now_ms();
    let (range, cut) = (scope.range(now_ms)?, page.parse()?);
    let (rows, mut findings) = tokio::try_join!(
        async { Ok(queries::vitals_by_app(&state.store, range.from_ms, range.to_ms).await?) },
        open_findings(&state, &scope.app, &scope.environment, now_ms)
    )?;
    let mut lines: BTreeMap<(String, String), Vec<VitalSummary>> = BTreeMap::new();
    for row in rows {
        let Some(vital) = Vital::from_name(&row.vital) else {
            continue;
        };
        let summary = summary::summarise(vital, &summary::histogram(vital, &row.buckets));
        let line = lines.entry((row.app, row.environment)).or_default();
        line.extend(summary);
    }
    let wanted = |given: &str, name: &str| given.is_empty() || given == name;
    let mut lines: Vec<AppLine> = lines
        .into_iter()
        .filter(|((app, environment), _)| {
            wanted(&scope.app, app) && wanted(&scope.environment, environment)
        })
        .map(|(key, vitals)| AppLine {
            page_view_count: vitals.iter().map(|vital| vital.n).max().unwrap_or(0),
            assessment: assess(vitals.iter()),
            vitals,
            findings_open: findings.remove(&key).unwrap_or_default(),
            app: key.0,
            environment: key.1,
        })
        .collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.page_view_count));
    Ok(export::list("apps", cut, lines))
}

async fn vitals(state: &State, question: &Question) -> Result<Vec<OverviewVital>, Problem> {
    let Question { scope, range } = question;
    let before = scope.during(2 * scope.from_ms - scope.to_ms, scope.from_ms);
    let (current, previous) = tokio::try_join!(
        queries::vitals_by_step(&state.store, scope, "", "", range.step_s),
        // One step as long as everything: only the sums matter.
        queries::vitals_by_step(&state.store, &before, "", "", i64::from(u32::MAX)),
    )?;
    let vitals = Vital::ALL.into_iter();
    let found = vitals.filter_map(|vital| of_vital(vital, &current, &previous));
    Ok(found.collect())
}

fn of_vital(
    vital: Vital,
    current: &[StepVitalRow],
    previous: &[StepVitalRow],
) -> Option<OverviewVital> {
    let summary = summary::summarise(vital, &shape::merged(vital, current))?;
    let before = shape::merged(vital, previous).quantile(0.75);
    Some(OverviewVital {
        summary,
        previous_p75: before.map(|quantile| quantile.value),
        trend: shape::points(vital, 75, current),
    })
}

/// Open findings by app and environment; empty names mean all of them.
async fn open_findings(
    state: &State,
    app: &str,
    environment: &str,
    now_ms: i64,
) -> Result<BTreeMap<(String, String), OpenFindings>, Problem> {
    let filter = FindingFilter {
        app: app.to_owned(),
        environment: environment.to_owned(),
        states: FindingFilter::open(),
        to_ms: now_ms,
        limit: MAX_COUNTED_FINDINGS,
        ..FindingFilter::default()
    };
    let mut open: BTreeMap<(String, String), OpenFindings> = BTreeMap::new();
    for finding in queries::findings(&state.store, &filter).await? {
        let counted = open.entry((finding.app, finding.environment)).or_default();
        let count = match (finding.direction.as_str(), finding.severity.as_str()) {
            ("improvement", _) => &mut counted.improvements,
            (_, "critical") => &mut counted.critical,
            (_, "warning") => &mut counted.warning,
            _ => &mut counted.minor,
        };
        *count += 1;
    }
    Ok(open)
}

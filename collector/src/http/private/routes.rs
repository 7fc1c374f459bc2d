//! `GET /api/v1/routes`: all routes of an app side by side.

use std::collections::BTreeMap;

use axum::extract::State as Shared;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wire::Vital;

use super::State;
use super::export::{self, Answer, Cell, Record};
use super::openapi::Refusals;
use super::query::{
    self, Asked, Cut, Format, PageParameters, Question, Range, ScopeParameters, VisitorParameters,
};
use super::route::{RouteVital, baseline_of, with_baseline};
use super::summary;
use crate::http::Problem;
use crate::store::queries::{self, FindingFilter, FindingRow, RouteVitalRow, Scope};

/// Findings and routes are read whole, to be put in order.
const MAX_FINDINGS: u32 = 1_000;
/// The vitals that a list draws a small line of.
const DRAWN: [&str; 3] = ["LCP", "INP", "CLS"];
/// A page of a list draws lines for so many routes at most; a longer one is for programs.
const MAX_DRAWN_ROUTES: usize = 100;

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ListParameters {
    /// Only routes with this in their name; capitals do not matter.
    pub search: String,
    /// `impact` (page views times the worst open regression, then page views), `page_views`, `route`, `score`, `good` (LCP), or a
    /// vital's name for its p75. The worst or most first; `impact` when absent.
    pub sort: String,
    /// `descending` or `ascending`; as said above when absent.
    pub order: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RouteList {
    #[serde(flatten)]
    pub range: Range,
    pub time_zone: &'static str,
    pub app: String,
    pub environment: String,
    pub rows: Vec<RouteLine>,
    pub total: usize,
    pub offset: usize,
    pub limit: usize,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RouteLine {
    pub route: String,
    pub page_view_count: u64,
    /// Page views times the relative change of the worst open regression: 0 without one.
    pub impact: f64,
    pub vitals: Vec<RouteVital>,
    pub findings_open: Vec<FindingMark>,
    /// p75 of LCP, INP and CLS over time, of everybody.
    pub trends: Vec<Spark>,
}

/// A small line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Spark {
    pub vital: String,
    pub points: Vec<SparkPoint>,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct SparkPoint {
    pub at_ms: i64,
    pub value: f64,
}

/// Enough of a finding to mark a row.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FindingMark {
    pub id: String,
    pub vital: String,
    pub direction: String,
    pub severity: String,
    pub state: String,
    pub change_ratio: f64,
}

impl Record for RouteLine {
    const COLUMNS: &'static [&'static str] = &[
        "route",
        "page_view_count",
        "impact",
        "LCP_p75",
        "INP_p75",
        "CLS_p75",
        "FCP_p75",
        "TTFB_p75",
        "LCP_good",
        "INP_good",
        "CLS_good",
        "findings_open",
    ];

    fn cells(&self) -> Vec<Cell<'_>> {
        let p75 = |vital| self.p75(vital).map_or(Cell::Empty, Cell::Number);
        let good = |vital| self.good(vital).map_or(Cell::Empty, Cell::Number);
        let mut cells = vec![
            (&self.route).into(),
            (&self.page_view_count).into(),
            (&self.impact).into(),
        ];
        cells.extend(["LCP", "INP", "CLS", "FCP", "TTFB"].map(p75));
        cells.extend(DRAWN.map(good));
        cells.push(Cell::Count(self.findings_open.len() as i128));
        cells
    }
}

impl RouteLine {
    fn vital(&self, vital: &str) -> Option<&RouteVital> {
        self.vitals.iter().find(|one| one.summary.vital == vital)
    }

    fn p75(&self, vital: &str) -> Option<f64> {
        Some(self.vital(vital)?.summary.p75)
    }

    fn good(&self, vital: &str) -> Option<f64> {
        Some(self.vital(vital)?.summary.shares?.good)
    }
}

/// All routes of an app.
#[utoipa::path(
    get, path = "/routes", params(ScopeParameters, VisitorParameters, ListParameters, PageParameters),
    responses((status = 200, body = RouteList), Refusals)
)]
pub async fn list(
    Shared(state): Shared<State>,
    Asked(scope): Asked<ScopeParameters>,
    Asked(visitors): Asked<VisitorParameters>,
    Asked(asked): Asked<ListParameters>,
    Asked(page): Asked<PageParameters>,
) -> Result<Answer<RouteList>, Problem> {
    let now_ms = query::now_ms();
    let (range, cut) = (scope.range(now_ms)?, page.parse()?);
    let sort = Sort::parse(&asked)?;
    let question = scope.question(&state, &visitors, now_ms).await?;
    let Some(question) = question else {
        return Ok(answer(range, Scope::default(), cut, Vec::new()));
    };
    let mut lines = lines(&state, &question, now_ms).await?;
    if lines.is_empty() {
        question.must_know(&state, "").await?;
    }
    let search = asked.search.to_lowercase();
    lines.retain(|line| line.route.to_lowercase().contains(&search));
    sort.apply(&mut lines);
    let Question { scope, .. } = question;
    let total = lines.len();
    let mut shown = cut.of(lines).rows;
    if cut.format == Format::Json && shown.len() <= MAX_DRAWN_ROUTES {
        draw(&state, &scope, range, &mut shown).await?;
    }
    let mut answer = answer(range, scope, cut, shown);
    if let Answer::Json(list) = &mut answer {
        list.total = total;
    }
    Ok(answer)
}

fn answer(range: Range, scope: Scope, cut: Cut, rows: Vec<RouteLine>) -> Answer<RouteList> {
    if cut.format == Format::Csv {
        return Answer::Csv(export::table("routes", &rows));
    }
    Answer::Json(RouteList {
        range,
        time_zone: "UTC",
        app: scope.app,
        environment: scope.environment,
        total: rows.len(),
        rows,
        offset: cut.offset,
        limit: cut.limit,
    })
}

async fn lines(state: &State, question: &Question, now_ms: i64) -> Result<Vec<RouteLine>, Problem> {
    let scope = &question.scope;
    let filter = open_findings(scope, "", now_ms);
    let (rows, baselines, findings) = tokio::try_join!(
        queries::vitals_by_route(&state.store, scope),
        queries::baselines(&state.store, &scope.app, &scope.environment, ""),
        queries::findings(&state.store, &filter),
    )?;
    let mut by_route: BTreeMap<&str, Vec<&queries::BaselineRow>> = BTreeMap::new();
    for baseline in &baselines {
        by_route.entry(&baseline.route).or_default().push(baseline);
    }
    let mut lines: BTreeMap<String, RouteLine> = BTreeMap::new();
    for row in rows {
        add(&mut lines, row, &by_route);
    }
    for finding in findings {
        if let Some(line) = lines.get_mut(&finding.route) {
            line.findings_open.push(mark(finding));
        }
    }
    let mut lines: Vec<RouteLine> = lines.into_values().collect();
    for line in &mut lines {
        line.vitals
            .sort_by_key(|vital| Vital::from_name(vital.summary.vital));
        line.impact = impact(line);
    }
    Ok(lines)
}

fn add(
    lines: &mut BTreeMap<String, RouteLine>,
    row: RouteVitalRow,
    baselines: &BTreeMap<&str, Vec<&queries::BaselineRow>>,
) {
    let Some(vital) = Vital::from_name(&row.vital) else {
        return;
    };
    let histogram = summary::histogram(vital, &row.buckets);
    let Some(summary) = summary::summarise(vital, &histogram) else {
        return;
    };
    let baseline = baselines
        .get(row.route.as_str())
        .and_then(|of_route| baseline_of(vital.name(), &row.route, of_route.iter().copied()));
    let line = lines.entry(row.route.clone()).or_insert_with(|| RouteLine {
        route: row.route,
        page_view_count: 0,
        impact: 0.0,
        vitals: Vec::new(),
        findings_open: Vec::new(),
        trends: Vec::new(),
    });
    line.page_view_count = line.page_view_count.max(summary.n);
    line.vitals.push(with_baseline(summary, baseline));
}

fn impact(line: &RouteLine) -> f64 {
    let regressions = line
        .findings_open
        .iter()
        .filter(|finding| finding.direction == "regression");
    let worst = regressions
        .map(|finding| finding.change_ratio - 1.0)
        .fold(0.0, f64::max);
    worst * line.page_view_count as f64
}

/// Small lines for the routes that are shown.
async fn draw(
    state: &State,
    scope: &Scope,
    range: Range,
    shown: &mut [RouteLine],
) -> Result<(), Problem> {
    if shown.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = shown.iter().map(|line| line.route.as_str()).collect();
    // About a dozen points are enough for a line of a finger's breadth.
    let step_s = if range.has_whole_days() {
        range.step_s.max(86_400)
    } else {
        range.step_s
    };
    let steps = queries::route_trends(&state.store, scope, &names, &DRAWN, step_s).await?;
    let mut by_route: BTreeMap<String, Vec<Spark>> = BTreeMap::new();
    for step in steps {
        let Some(vital) = Vital::from_name(&step.vital) else {
            continue;
        };
        let Some(p75) = summary::histogram(vital, &step.buckets).quantile(0.75) else {
            continue;
        };
        let point = SparkPoint {
            at_ms: step.at_ms,
            value: p75.value,
        };
        let sparks = by_route.entry(step.route).or_default();
        match sparks.last_mut().filter(|spark| spark.vital == step.vital) {
            Some(spark) => spark.points.push(point),
            None => sparks.push(Spark {
                vital: step.vital,
                points: vec![point],
            }),
        }
    }
    for line in shown {
        line.trends = by_route.remove(&line.route).unwrap_or_default();
    }
    Ok(())
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

pub fn open_findings(scope: &Scope, route: &str, now_ms: i64) -> FindingFilter {
    FindingFilter {
        app: scope.app.clone(),
        environment: scope.environment.clone(),
        route: route.to_owned(),
        states: FindingFilter::open(),
        to_ms: now_ms,
        limit: MAX_FINDINGS,
        ..FindingFilter::default()
    }
}

/// The order of the list.
struct Sort {
    key: Key,
    ascending: bool,
}

#[derive(Clone, Copy)]
enum Key {
    Impact,
    PageViews,
    Route,
    Good,
    P75(&'static str),
}

impl Sort {
    fn parse(asked: &ListParameters) -> Result<Sort, Problem> {
        let key = match asked.sort.as_str() {
            "" | "impact" => Key::Impact,
            "page_views" => Key::PageViews,
            "route" => Key::Route,
            "good" => Key::Good,
            name => Key::P75(
                Vital::from_name(name)
                    .ok_or_else(|| {
                        query::invalid("sort is impact, page_views, route, good or a vital's name")
                    })?
                    .name(),
            ),
        };
        let ascending = match asked.order.as_str() {
            "" => matches!(key, Key::Route | Key::Good),
            "ascending" => true,
            "descending" => false,
            _ => return Err(query::invalid("order is ascending or descending")),
        };
        Ok(Sort { key, ascending })
    }

    /// Equal ones, and those that have no such value at all (always last), by page views.
    fn apply(&self, lines: &mut [RouteLine]) {
        lines.sort_by(|a, b| {
            (b.page_view_count.cmp(&a.page_view_count)).then_with(|| a.route.cmp(&b.route))
        });
        if let Key::Route = self.key {
            lines.sort_by(|a, b| a.route.cmp(&b.route));
            if !self.ascending {
                lines.reverse();
            }
            return;
        }
        lines.sort_by(|a, b| match (self.value(a), self.value(b)) {
            (Some(a), Some(b)) if self.ascending => a.total_cmp(&b),
            (Some(a), Some(b)) => b.total_cmp(&a),
            (a, b) => b.is_some().cmp(&a.is_some()),
        });
    }

    fn value(&self, line: &RouteLine) -> Option<f64> {
        match self.key {
            Key::Impact => Some(line.impact),
            Key::PageViews | Key::Route => Some(line.page_view_count as f64),
            Key::Good => line.good("LCP"),
            Key::P75(vital) => line.p75(vital),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use detect::histogram::Scheme;

    fn line(route: &str, page_view_count: u64, change_ratio: f64, lcp: Option<f64>) -> RouteLine {
        let vital = |ms: f64| {
            let buckets = [(Scheme::Milliseconds.bucket_index(ms), page_view_count)];
            let summary = summary::summarise(Vital::Lcp, &summary::histogram(Vital::Lcp, &buckets));
            with_baseline(summary.expect("is not empty"), None)
        };
        let mut line = RouteLine {
            route: route.into(),
            page_view_count,
            impact: 0.0,
            vitals: lcp.map(vital).into_iter().collect(),
            findings_open: vec![FindingMark {
                id: String::new(),
                vital: "LCP".into(),
                direction: if change_ratio < 1.0 {
                    "improvement"
                } else {
                    "regression"
                }
                .into(),
                severity: String::new(),
                state: String::new(),
                change_ratio,
            }],
            trends: Vec::new(),
        };
        line.impact = impact(&line);
        line
    }

    fn check(sort: &str, order: &str, expected: [&str; 4]) {
        let asked = ListParameters {
            sort: sort.into(),
            order: order.into(),
            ..ListParameters::default()
        };
        let mut lines = [
            line("/a", 100, 1.5, Some(900.0)),
            line("/b", 1_000, 1.2, Some(3_000.0)),
            line("/c", 5_000, 0.5, None),
            line("/d", 10, 1.0, Some(5_000.0)),
        ];
        Sort::parse(&asked).expect("is an order").apply(&mut lines);
        let found: Vec<&str> = lines.iter().map(|line| line.route.as_str()).collect();
        assert_eq!(found, expected, "{sort} {order}");
    }

    #[test]
    fn what_hurts_most_comes_first() {
        check("", "", ["/b", "/a", "/c", "/d"]);
        check("page_views", "", ["/c", "/b", "/a", "/d"]);
        check("route", "", ["/a", "/b", "/c", "/d"]);
        check("route", "descending", ["/d", "/c", "/b", "/a"]);
        check("LCP", "", ["/d", "/b", "/a", "/c"]);
        check("LCP", "ascending", ["/a", "/b", "/d", "/c"]);
        check("good", "", ["/b", "/d", "/a", "/c"]);
    }

    #[test]
    fn an_unknown_order_is_refused() {
        let sort = |sort: &str, order: &str| {
            Sort::parse(&ListParameters {
                sort: sort.into(),
                order: order.into(),
                ..ListParameters::default()
            })
            .is_err()
        };
        assert!(sort("speed", "") && sort("", "up"));
    }
}

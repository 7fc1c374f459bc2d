//! `GET /api/v1/recommendations`: what to do first. Every open regression with its recommendation, ranked by impact: how much worse it made
//! how large a share of the traffic.

use std::collections::BTreeMap;

use axum::extract::State as Shared;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use super::export::{self, Answer, Cell, Record};
use super::openapi::Refusals;
use super::query::{
    self, Asked, Format, PageParameters, Range, ScopeParameters, VisitorParameters,
};
use crate::http::Problem;
use crate::store::queries::{self, FindingFilter, FindingRow, Scope};

/// Open findings are read whole, to be ranked.
const MAX_FINDINGS: u32 = 1_000;
const DAY_MS: f64 = 86_400_000.0;

#[derive(Debug, Serialize, ToSchema)]
pub struct RecommendationList {
    #[serde(flatten)]
    pub range: Range,
    pub time_zone: &'static str,
    pub app: String,
    pub environment: String,
    /// The largest impact first.
    pub rows: Vec<Recommendation>,
    pub total: usize,
    pub offset: usize,
    pub limit: usize,
}

/// An open regression, what to do about it, and what it costs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Recommendation {
    /// From 1.
    pub rank: usize,
    /// `share` times the change: as if every page view (or call) of the app had become worse by this ratio. 0.08 is 8 %.
    pub impact: f64,
    /// Measurements (or calls) of the series in the range, and their share of the app's with this vital or operation.
    pub n: u64,
    pub share: f64,
    pub n_per_day: f64,
    pub finding: FindingRow,
}

impl Record for Recommendation {
    const COLUMNS: &'static [&'static str] = &[
        "rank",
        "impact",
        "n",
        "share",
        "n_per_day",
        "id",
        "route",
        "vital",
        "severity",
        "change_ratio",
        "baseline_p75",
        "current_p75",
        "release",
        "recommendation",
    ];

    fn cells(&self) -> Vec<Cell<'_>> {
        let finding = &self.finding;
        vec![
            Cell::Count(self.rank as i128),
            (&self.impact).into(),
            (&self.n).into(),
            (&self.share).into(),
            (&self.n_per_day).into(),
            (&finding.id).into(),
            (&finding.route).into(),
            (&finding.vital).into(),
            (&finding.severity).into(),
            (&finding.change_ratio).into(),
            (&finding.baseline_p75).into(),
            (&finding.current_p75).into(),
            (&finding.release).into(),
            (&finding.recommendation).into(),
        ]
    }
}

/// What to do first: open regressions ranked by how much worse they made how large a share of the traffic in the range.
#[utoipa::path(
    get, path = "/recommendations", params(ScopeParameters, PageParameters),
    responses((status = 200, body = RecommendationList), Refusals)
)]
pub async fn list(
    Shared(state): Shared<State>,
    Asked(scope): Asked<ScopeParameters>,
    Asked(page): Asked<PageParameters>,
) -> Result<Answer<RecommendationList>, Problem> {
    let now_ms = query::now_ms();
    let (range, cut) = (scope.range(now_ms)?, page.parse()?);
    let everybody = VisitorParameters::default();
    let question = scope.question(&state, &everybody, now_ms).await?;
    let (scope, rows) = match question {
        Some(question) => {
            let found = ranked(&state, &question.scope, now_ms).await?;
            if found.is_empty() {
                question.must_know(&state, "").await?;
            }
            (question.scope, found)
        }
        None => (Scope::default(), Vec::new()),
    };
    let page = cut.of(rows);
    if cut.format == Format::Csv {
        return Ok(Answer::Csv(export::table("recommendations", &page.rows)));
    }
    Ok(Answer::Json(RecommendationList {
        range,
        time_zone: "UTC",
        app: scope.app,
        environment: scope.environment,
        rows: page.rows,
        total: page.total,
        offset: page.offset,
        limit: page.limit,
    }))
}

async fn ranked(state: &State, scope: &Scope, now_ms: i64) -> Result<Vec<Recommendation>, Problem> {
    let filter = FindingFilter {
        app: scope.app.clone(),
        environment: scope.environment.clone(),
        states: vec!["confirmed".into(), "unconfirmed".into()],
        to_ms: now_ms,
        limit: MAX_FINDINGS,
        ..FindingFilter::default()
    };
    let (findings, vitals, operations) = tokio::try_join!(
        queries::findings(&state.store, &filter),
        queries::vitals_by_route(&state.store, scope),
        queries::operations_by_route(&state.store, scope),
    )?;
    let mut traffic = Traffic::default();
    for row in vitals {
        traffic.add("vital", row.vital, row.route, row.n);
    }
    for row in operations {
        traffic.add("operation", row.name, row.route, row.n);
    }
    let days = (scope.to_ms - scope.from_ms) as f64 / DAY_MS;
    Ok(rank(findings, &traffic, days))
}

/// Measurements by series: by kind and vital.
#[derive(Default)]
struct Traffic {
    by_vital: BTreeMap<(&'static str, String), OfRoutes>,
}

/// Measurements of all routes together, and of each.
#[derive(Default)]
struct OfRoutes {
    all: u64,
    by_route: BTreeMap<String, u64>,
}

impl Traffic {
    fn add(&mut self, kind: &'static str, vital: String, route: String, n: u64) {
        let routes = self.by_vital.entry((kind, vital)).or_default();
        routes.all += n;
        *routes.by_route.entry(route).or_default() += n;
    }

    /// Of the finding's series, and its share.
    fn of(&self, finding: &FindingRow) -> (u64, f64) {
        let kind = if finding.kind == "operation" {
            "operation"
        } else {
            "vital"
        };
        let Some(routes) = self.by_vital.get(&(kind, finding.vital.clone())) else {
            return (0, 0.0);
        };
        let n = if finding.route == "*" {
            routes.all
        } else {
            routes.by_route.get(&finding.route).copied().unwrap_or(0)
        };
        (n, n as f64 / routes.all.max(1) as f64)
    }
}

fn rank(findings: Vec<FindingRow>, traffic: &Traffic, days: f64) -> Vec<Recommendation> {
    let mut rows: Vec<Recommendation> = findings
        .into_iter()
        // A finding of a stratum is part of its series' one.
        .filter(|finding| finding.direction == "regression" && finding.stratum.is_empty())
        .map(|finding| {
            let (n, share) = traffic.of(&finding);
            Recommendation {
                rank: 0,
                impact: share * (finding.change_ratio - 1.0).max(0.0),
                n,
                share,
                n_per_day: n as f64 / days.max(1.0 / 24.0),
                finding,
            }
        })
        .collect();
    rows.sort_by(|a, b| {
        let order = b.impact.total_cmp(&a.impact);
        order.then_with(|| a.finding.id.cmp(&b.finding.id))
    });
    for (place, row) in rows.iter_mut().enumerate() {
        row.rank = place + 1;
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(id: &str, route: &str, direction: &str, change_ratio: f64) -> FindingRow {
        FindingRow {
            id: id.into(),
            app: "shop".into(),
            environment: String::new(),
            route: route.into(),
            kind: "vital".into(),
            vital: "LCP".into(),
            stratum: String::new(),
            direction: direction.into(),
            state: "confirmed".into(),
            severity: "critical".into(),
            change_ratio,
            change_low: change_ratio,
            change_high: change_ratio,
            p_value: 0.0,
            z: 9.0,
            confidence: 1.0,
            baseline_p75: 1000.0,
            current_p75: 1000.0 * change_ratio,
            baseline_n: 100,
            current_n: 100,
            change_point_ms: 0,
            change_point_low_ms: 0,
            change_point_high_ms: 0,
            release: String::new(),
            opened_at_ms: 0,
            confirmed_at_ms: 0,
            resolved_at_ms: 0,
            recommendation: String::new(),
            detail: String::new(),
        }
    }

    #[test]
    fn a_small_change_of_much_traffic_comes_before_a_large_one_of_little() {
        let mut traffic = Traffic::default();
        traffic.add("vital", "LCP".into(), "/busy".into(), 9_000);
        traffic.add("vital", "LCP".into(), "/quiet".into(), 1_000);
        let findings = vec![
            finding("quiet", "/quiet", "regression", 1.5),
            finding("busy", "/busy", "regression", 1.2),
            finding("better", "/busy", "improvement", 0.5),
            finding("unseen", "/gone", "regression", 3.0),
        ];
        let rows = rank(findings, &traffic, 2.0);
        let ids: Vec<&str> = rows.iter().map(|row| row.finding.id.as_str()).collect();
        assert_eq!(ids, ["busy", "quiet", "unseen"]);
        assert!((rows[0].impact - 0.18).abs() < 1e-9 && (rows[1].impact - 0.05).abs() < 1e-9);
        assert_eq!(
            (rows[0].rank, rows[0].n, rows[0].n_per_day),
            (1, 9_000, 4_500.0)
        );
        assert_eq!(rows[2].impact, 0.0);
    }
}

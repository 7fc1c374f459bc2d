//! `GET /api/v1/operations`: custom timings side by side. What is known of one of them is in [`super::operation`].

use std::collections::BTreeMap;

use axum::extract::State as Shared;
use detect::histogram::{Histogram, Scheme};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::State;
use super::export::{self, Answer, record};
use super::openapi::Refusals;
use super::query::{
    self, Asked, Cut, Format, PageParameters, Range, ScopeParameters, VisitorParameters,
};
use super::routes::SparkPoint;
use crate::http::Problem;
use crate::store::queries::{self, Scope};

/// A page of the list draws lines for so many operations at most; a longer one is for programs.
const MAX_DRAWN: usize = 100;

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct OperationParameters {
    /// Only calls on this route.
    pub route: String,
    /// Only operations with this in their name; capitals do not matter.
    pub search: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct OperationList {
    #[serde(flatten)]
    pub range: Range,
    pub time_zone: &'static str,
    pub app: String,
    pub environment: String,
    /// Those that took the most time in all first.
    pub rows: Vec<OperationLine>,
    pub total: usize,
    pub offset: usize,
    pub limit: usize,
}

/// Durations in ms, read from buckets about 8 % wide.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OperationLine {
    pub name: String,
    /// Calls.
    pub n: u64,
    pub p50: f64,
    pub p75: f64,
    pub p95: f64,
    /// All calls together, about: every call at the middle of its bucket.
    pub total_ms: f64,
    pub failed_n: u64,
    pub failed_share: f64,
    /// p75 over time.
    pub trend: Vec<SparkPoint>,
}

record!(OperationLine: name n p50 p75 p95 total_ms failed_n failed_share);

/// All operations of an app.
#[utoipa::path(
    get, path = "/operations", params(ScopeParameters, OperationParameters, PageParameters),
    responses((status = 200, body = OperationList), Refusals)
)]
pub async fn list(
    Shared(state): Shared<State>,
    Asked(scope): Asked<ScopeParameters>,
    Asked(asked): Asked<OperationParameters>,
    Asked(page): Asked<PageParameters>,
) -> Result<Answer<OperationList>, Problem> {
    let now_ms = query::now_ms();
    let (range, cut) = (scope.range(now_ms)?, page.parse()?);
    let everybody = VisitorParameters::default();
    let Some(question) = scope.question(&state, &everybody, now_ms).await? else {
        return Ok(answer(range, Scope::default(), cut, Vec::new(), 0));
    };
    let scope = &question.scope;
    let mut lines = lines(&state, scope, &asked.route).await?;
    if lines.is_empty() {
        question.must_know(&state, &asked.route).await?;
    }
    let search = asked.search.to_lowercase();
    lines.retain(|line| line.name.to_lowercase().contains(&search));
    let total = lines.len();
    let mut shown = cut.of(lines).rows;
    if cut.format == Format::Json {
        draw(&state, scope, &asked.route, range, &mut shown).await?;
    }
    Ok(answer(range, question.scope, cut, shown, total))
}

fn answer(
    range: Range,
    scope: Scope,
    cut: Cut,
    rows: Vec<OperationLine>,
    total: usize,
) -> Answer<OperationList> {
    if cut.format == Format::Csv {
        return Answer::Csv(export::table("operations", &rows));
    }
    Answer::Json(OperationList {
        range,
        time_zone: "UTC",
        app: scope.app,
        environment: scope.environment,
        rows,
        total,
        offset: cut.offset,
        limit: cut.limit,
    })
}

async fn lines(state: &State, scope: &Scope, route: &str) -> Result<Vec<OperationLine>, Problem> {
    let (rows, outcomes) = tokio::try_join!(
        queries::operations(&state.store, scope, route),
        queries::operation_outcomes(&state.store, scope, "", route, None),
    )?;
    let mut failed: BTreeMap<String, u64> = BTreeMap::new();
    for outcome in outcomes
        .into_iter()
        .filter(|outcome| outcome.fact == "error_type")
    {
        *failed.entry(outcome.operation).or_default() += outcome.n;
    }
    let mut lines: Vec<OperationLine> = rows
        .into_iter()
        .filter_map(|row| {
            let failed_n = failed.get(&row.name).copied().unwrap_or(0);
            line(row.name, &histogram(&row.buckets), failed_n)
        })
        .collect();
    lines.sort_by(|a, b| {
        let order = b.total_ms.total_cmp(&a.total_ms);
        order.then_with(|| a.name.cmp(&b.name))
    });
    Ok(lines)
}

pub fn histogram(buckets: &[(u16, u64)]) -> Histogram {
    let mut histogram = Histogram::new(Scheme::OPERATION);
    for &(index, count) in buckets {
        histogram.add(index, count);
    }
    histogram
}

/// `None` of an operation that was never called.
pub fn line(name: String, histogram: &Histogram, failed_n: u64) -> Option<OperationLine> {
    let n = histogram.n();
    let at = |p: f64| histogram.quantile(p).map(|quantile| quantile.value);
    Some(OperationLine {
        name,
        n,
        p50: at(0.5)?,
        p75: at(0.75)?,
        p95: at(0.95)?,
        total_ms: histogram.mean_and_stddev()?.0 * n as f64,
        // Details of an hour are computed a little after its durations.
        failed_n: failed_n.min(n),
        failed_share: (failed_n as f64 / n as f64).min(1.0),
        trend: Vec::new(),
    })
}

async fn draw(
    state: &State,
    scope: &Scope,
    route: &str,
    range: Range,
    lines: &mut [OperationLine],
) -> Result<(), Problem> {
    let drawn = lines.len().min(MAX_DRAWN);
    let names: Vec<&str> = lines[..drawn]
        .iter()
        .map(|line| line.name.as_str())
        .collect();
    let steps = queries::operation_trends(&state.store, scope, &names, route, range.step_s).await?;
    let mut trends: BTreeMap<String, Vec<SparkPoint>> = BTreeMap::new();
    for step in steps {
        if let Some(p75) = histogram(&step.buckets).quantile(0.75) {
            trends.entry(step.name).or_default().push(SparkPoint {
                at_ms: step.at_ms,
                value: p75.value,
            });
        }
    }
    for line in lines {
        line.trend = trends.remove(&line.name).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_sums_its_histogram_up() {
        let mut durations = Histogram::new(Scheme::OPERATION);
        (1..=1_000).for_each(|ms| durations.record(f64::from(ms), 1));
        let line = line("fetch".into(), &durations, 50).expect("was called");
        assert!(
            (line.p50 - 500.0).abs() < 25.0 && (line.p95 - 950.0).abs() < 45.0,
            "{line:?}"
        );
        assert!((line.total_ms - 500_500.0).abs() < 20_000.0, "{line:?}");
        assert_eq!(
            (line.n, line.failed_n, line.failed_share),
            (1_000, 50, 0.05)
        );
        let never = Histogram::new(Scheme::OPERATION);
        assert!(super::line("never".into(), &never, 0).is_none());
    }
}

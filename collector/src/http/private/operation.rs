//! `GET /api/v1/operations/{name}`: one operation over time, how its calls end, what they cost, and the slowest and fastest of them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::State;
use super::openapi::Refusals;
use super::operations::{self, OperationLine, histogram};
use super::query::{self, Asked, DAY_MS, Range, ScopeParameters, VisitorParameters};
use super::shape::{self, Bar, Percentile};
use crate::http::Problem;
use crate::store::queries::{self, CallRow, InputRow, Order, OutcomeRow, SampleRow, Scope};

/// Single calls are looked for in the last week of the range: beyond, finding them costs more than they tell.
const CALLS_MS: i64 = 7 * DAY_MS;
/// What the page shows of the distribution in numbers.
const PERCENTILES: [u8; 5] = [50, 75, 90, 95, 99];
/// Words about a cache that mean the call was served by one.
const HITS: [&str; 3] = ["hit", "stale", "revalidated"];

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct OneOperationParameters {
    /// Only calls on this route.
    pub route: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct OperationView {
    #[serde(flatten)]
    pub range: Range,
    pub time_zone: &'static str,
    pub app: String,
    pub environment: String,
    pub route: String,
    pub summary: OperationLine,
    pub percentiles: Vec<Percentile>,
    pub trend: Vec<OperationPoint>,
    pub distribution: Vec<Bar>,
    /// By error type, the most frequent first.
    pub errors: Vec<ErrorLine>,
    /// Null when no call said anything of a cache.
    pub cache: Option<Cache>,
    /// The busiest first.
    pub routes: Vec<OperationLine>,
    pub calls: Calls,
}

/// One step of the trend. Durations in ms.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OperationPoint {
    pub at_ms: i64,
    pub n: u64,
    pub p50: f64,
    pub p75: f64,
    pub p95: f64,
    pub failed_share: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ErrorLine {
    pub error_type: String,
    pub n: u64,
    /// Of all calls.
    pub share: f64,
    /// How long the failing calls took, ms.
    pub p75: f64,
}

/// What calls said of a cache in their own facts: `cache` (a word such as `hit`, `miss` or `stale`), `cached` or `cache_hit` (yes or no).
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Cache {
    /// Calls that said anything.
    pub n: u64,
    /// Of these, those that a cache served: `hit`, `stale` or `revalidated`.
    pub hit_share: f64,
    /// Durations, ms; null when there were none.
    pub hit_p75: Option<f64>,
    pub miss_p75: Option<f64>,
    /// By word, the most frequent first.
    pub words: Vec<CacheWord>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CacheWord {
    pub word: String,
    pub n: u64,
    pub p75: f64,
}

/// From single calls: the newest week of the range, of the last 90 days at most.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Calls {
    pub from_ms: i64,
    pub to_ms: i64,
    /// Calls that memory and input are read from: the newest 20,000 at most.
    pub sample_n: u64,
    /// Null when no call told its memory.
    pub memory: Option<MemorySummary>,
    /// How durations depend on the size of the input; null when no call told one.
    pub input: Option<InputSummary>,
    pub slowest: Vec<CallRow>,
    pub fastest: Vec<CallRow>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MemorySummary {
    pub n: u64,
    /// Bytes.
    pub p50: f64,
    pub p75: f64,
    pub p95: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct InputSummary {
    pub n: u64,
    /// Spearman's, from -1 to 1: near 1 when larger inputs always take longer. Null when nothing varies.
    pub correlation: Option<f64>,
    /// In steps of a doubling, the smallest input first.
    pub sizes: Vec<InputRow>,
}

/// One operation.
#[utoipa::path(
    get, path = "/operations/{name}",
    params(("name" = String, Path, description = "Its name, percent-encoded"), ScopeParameters, OneOperationParameters),
    responses((status = 200, body = OperationView), Refusals)
)]
pub async fn one(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
    Asked(scope): Asked<ScopeParameters>,
    Asked(asked): Asked<OneOperationParameters>,
) -> Result<Json<OperationView>, Problem> {
    let now_ms = query::now_ms();
    let everybody = VisitorParameters::default();
    let question = scope.question(&state, &everybody, now_ms).await?;
    let Some(question) = question else {
        return Err(unknown());
    };
    let (scope, range, route) = (&question.scope, question.range, asked.route.as_str());
    let names = [name.as_str()];
    let (steps, outcomes, routes, calls) = tokio::try_join!(
        async {
            Ok(queries::operation_trends(&state.store, scope, &names, route, range.step_s).await?)
        },
        async {
            Ok(
                queries::operation_outcomes(&state.store, scope, &name, route, Some(range.step_s))
                    .await?,
            )
        },
        async { Ok(queries::operation_routes(&state.store, scope, &name).await?) },
        calls(&state, scope, &name, route),
    )?;
    let mut all = histogram(&[]);
    for step in &steps {
        all.merge(&histogram(&step.buckets));
    }
    let failed_n = failed(&outcomes).map(|outcome| outcome.n).sum();
    let Some(summary) = operations::line(name, &all, failed_n) else {
        question.must_know(&state, route).await?;
        return Err(unknown());
    };
    Ok(Json(OperationView {
        range,
        time_zone: "UTC",
        percentiles: shape::percentiles(&all, &PERCENTILES),
        trend: trend(&steps, &outcomes),
        distribution: shape::bars(&all),
        errors: errors(&outcomes, summary.n),
        cache: cache(&outcomes),
        routes: routes
            .into_iter()
            .filter_map(|row| operations::line(row.name, &histogram(&row.buckets), 0))
            .collect(),
        calls,
        summary,
        app: question.scope.app,
        environment: question.scope.environment,
        route: asked.route,
    }))
}

fn unknown() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "unknown-operation",
        "this operation was not called in this range",
    )
}

fn failed(outcomes: &[OutcomeRow]) -> impl Iterator<Item = &OutcomeRow> {
    outcomes
        .iter()
        .filter(|outcome| outcome.fact == "error_type")
}

fn trend(steps: &[queries::OperationStepRow], outcomes: &[OutcomeRow]) -> Vec<OperationPoint> {
    let mut failures: BTreeMap<i64, u64> = BTreeMap::new();
    for outcome in failed(outcomes) {
        *failures.entry(outcome.at_ms).or_default() += outcome.n;
    }
    let point = |step: &queries::OperationStepRow| {
        let failed_n = failures.get(&step.at_ms).copied().unwrap_or(0);
        let line = operations::line(String::new(), &histogram(&step.buckets), failed_n)?;
        Some(OperationPoint {
            at_ms: step.at_ms,
            n: line.n,
            p50: line.p50,
            p75: line.p75,
            p95: line.p95,
            failed_share: line.failed_share,
        })
    };
    steps.iter().filter_map(point).collect()
}

/// Rows of one fact by name, the most frequent first: calls and the p75 of their durations.
fn by_name(outcomes: &[OutcomeRow], fact: &str) -> Vec<(String, u64, f64)> {
    let mut found: BTreeMap<&str, detect::histogram::Histogram> = BTreeMap::new();
    for outcome in outcomes.iter().filter(|outcome| outcome.fact == fact) {
        let sum = found.entry(&outcome.name).or_insert_with(|| histogram(&[]));
        sum.merge(&histogram(&outcome.buckets));
    }
    let line = |(name, durations): (&str, detect::histogram::Histogram)| {
        let p75 = durations.quantile(0.75)?.value;
        Some((name.to_owned(), durations.n(), p75))
    };
    let mut lines: Vec<_> = found.into_iter().filter_map(line).collect();
    lines.sort_by_key(|(_, n, _)| std::cmp::Reverse(*n));
    lines
}

fn errors(outcomes: &[OutcomeRow], n: u64) -> Vec<ErrorLine> {
    let lines = by_name(outcomes, "error_type").into_iter();
    lines
        .map(|(error_type, failed_n, p75)| ErrorLine {
            error_type,
            n: failed_n,
            share: failed_n as f64 / n as f64,
            p75,
        })
        .collect()
}

fn cache(outcomes: &[OutcomeRow]) -> Option<Cache> {
    let words: Vec<CacheWord> = by_name(outcomes, "cache")
        .into_iter()
        .map(|(word, n, p75)| CacheWord { word, n, p75 })
        .collect();
    let n: u64 = words.iter().map(|word| word.n).sum();
    let is_hit = |word: &str| HITS.contains(&word);
    let p75 = |wanted: bool| {
        let mut sum = histogram(&[]);
        for outcome in outcomes.iter().filter(|outcome| outcome.fact == "cache") {
            if is_hit(&outcome.name) == wanted {
                sum.merge(&histogram(&outcome.buckets));
            }
        }
        Some(sum.quantile(0.75)?.value)
    };
    let hit_n: u64 = words
        .iter()
        .filter(|word| is_hit(&word.word))
        .map(|word| word.n)
        .sum();
    (n > 0).then(|| Cache {
        n,
        hit_share: hit_n as f64 / n as f64,
        hit_p75: p75(true),
        miss_p75: p75(false),
        words,
    })
}

async fn calls(state: &State, scope: &Scope, name: &str, route: &str) -> Result<Calls, Problem> {
    let scope = scope.during(scope.from_ms.max(scope.to_ms - CALLS_MS), scope.to_ms);
    let store = &state.store;
    let (sample, sizes, slowest, fastest) = tokio::try_join!(
        queries::operation_sample(store, &scope, name, route),
        queries::operation_inputs(store, &scope, name, route),
        queries::operation_calls(store, &scope, name, route, Order::Slowest),
        queries::operation_calls(store, &scope, name, route, Order::Fastest),
    )?;
    Ok(Calls {
        from_ms: scope.from_ms,
        to_ms: scope.to_ms,
        sample_n: sample.n,
        memory: memory(&sample),
        input: (sample.input_n > 0).then(|| InputSummary {
            n: sample.input_n,
            correlation: Some(sample.input_correlation).filter(|value| value.is_finite()),
            sizes,
        }),
        slowest,
        fastest,
    })
}

fn memory(sample: &SampleRow) -> Option<MemorySummary> {
    (sample.memory_n > 0).then_some(MemorySummary {
        n: sample.memory_n,
        p50: sample.memory_p50,
        p75: sample.memory_p75,
        p95: sample.memory_p95,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(fact: &str, name: &str, at_ms: i64, ms: f64, n: u64) -> OutcomeRow {
        OutcomeRow {
            operation: "fetch".into(),
            fact: fact.into(),
            name: name.into(),
            at_ms,
            n,
            buckets: vec![(detect::histogram::Scheme::OPERATION.bucket_index(ms), n)],
        }
    }

    #[test]
    fn words_about_a_cache_become_a_share_of_hits() {
        let outcomes = [
            outcome("cache", "hit", 0, 10.0, 20),
            outcome("cache", "hit", 1, 10.0, 10),
            outcome("cache", "stale", 0, 12.0, 10),
            outcome("cache", "miss", 0, 100.0, 60),
            outcome("error_type", "TypeError", 0, 5.0, 3),
        ];
        let found = cache(&outcomes).expect("something was said");
        assert_eq!((found.n, found.hit_share), (100, 0.4));
        assert_eq!(found.words[0].word, "miss");
        assert!(
            found.hit_p75 < Some(13.0) && found.miss_p75 > Some(90.0),
            "{found:?}"
        );
        assert_eq!(cache(&outcomes[4..]), None);
    }

    #[test]
    fn errors_are_shares_of_all_calls() {
        let outcomes = [
            outcome("error_type", "TypeError", 0, 5.0, 3),
            outcome("error_type", "HTTP 503", 0, 900.0, 5),
            outcome("error_type", "TypeError", 1, 5.0, 4),
        ];
        let found = errors(&outcomes, 100);
        let told: Vec<_> = found
            .iter()
            .map(|line| (line.error_type.as_str(), line.n))
            .collect();
        assert_eq!(told, [("TypeError", 7), ("HTTP 503", 5)]);
        assert!((found[0].share - 0.07).abs() < 1e-9);
    }
}

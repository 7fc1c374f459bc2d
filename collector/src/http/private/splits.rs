//! `GET /api/v1/routes/{route}/dimensions`, `/attribution`, `/percentiles`: what one vital of one route is made of.

use std::collections::BTreeMap;

use axum::extract::{Path, State as Shared};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wire::Vital;

use super::State;
use super::export::{self, Answer, record};
use super::openapi::Refusals;
use super::query::page;
use super::query::{
    self, Asked, Format, Question, Range, ScopeParameters, VisitorParameters, invalid,
};
use super::route::{self, USUAL_PERCENTILES, nothing_yet};
use super::shape::{self, Percentile};
use super::summary;
use crate::http::Problem;
use crate::store::queries;

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct VitalParameters {
    /// `LCP` when absent.
    pub vital: String,
    /// `json` or `csv`.
    pub format: String,
}

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct PercentileParameters {
    /// Whole numbers from 1 to 99, with commas between; `50,75,90,95,99` when absent.
    pub p: String,
}

/// One vital of one route, taken apart.
#[derive(Debug, Serialize, ToSchema)]
pub struct Split<T> {
    #[serde(flatten)]
    pub range: Range,
    pub app: String,
    pub environment: String,
    pub route: String,
    pub vital: &'static str,
    /// Page views with this vital. Imported histories know no browsers and blame nothing, so the parts may have fewer.
    pub n: u64,
    pub rows: Vec<T>,
}

/// Page views with one value of one dimension.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Part {
    /// `device connection browser os country navigation_type release`, or `delivery` (where the document came from).
    pub dimension: String,
    /// Empty: not known.
    pub value: String,
    pub n: u64,
    /// Of the page views whose value of this dimension is known to us.
    pub share: f64,
    pub p75: f64,
    pub p75_low: f64,
    pub p75_high: f64,
    pub rating: Option<&'static str>,
    pub low_sample: bool,
    /// Share of page views rated good; null for MEMORY.
    pub good: Option<f64>,
}

record!(Part: dimension value n share p75 p75_low p75_high rating low_sample good);

/// Something that page views blamed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Blamed {
    /// `phase`, `element`, `script`, `type` (of interaction) or `load_state`.
    pub fact: String,
    pub name: String,
    pub n: u64,
    /// Of the page views with the vital that blame anything of this kind.
    pub share: f64,
    /// Of a phase: its mean duration.
    pub mean_ms: Option<f64>,
    /// The vital's p75 where this was blamed; null for phases.
    pub p75: Option<f64>,
    pub rating: Option<&'static str>,
}

record!(Blamed: fact name n share mean_ms p75 rating);
record!(Percentile: percentile value low high);

/// By device, browser, country and so on; everybody's page views.
#[utoipa::path(
    get, path = "/routes/{route}/dimensions",
    params(("route" = String, Path, description = "URL-encoded; `*` is the whole app"), ScopeParameters, VitalParameters),
    responses((status = 200, body = Split<Part>), Refusals)
)]
pub async fn dimensions(
    Shared(state): Shared<State>,
    Path(route): Path<String>,
    Asked(scope): Asked<ScopeParameters>,
    Asked(asked): Asked<VitalParameters>,
) -> Result<Answer<Split<Part>>, Problem> {
    let (vital, format) = (query::vital(&asked.vital)?, page::format(&asked.format)?);
    let question = everybody(&state, &scope).await?;
    let store = &state.store;
    let (rows, n) = tokio::try_join!(
        async { Ok(queries::dimensions(store, &question.scope, &route, vital.name()).await?) },
        count(&state, &question, &route, vital)
    )?;
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for row in &rows {
        *totals.entry(&row.dimension).or_default() += row.n;
    }
    let parts = rows.iter().filter_map(|row| {
        let summary = summary::summarise(vital, &summary::histogram(vital, &row.buckets))?;
        Some(Part {
            dimension: row.dimension.clone(),
            value: row.value.clone(),
            n: summary.n,
            share: summary.n as f64 / totals[row.dimension.as_str()] as f64,
            p75: summary.p75,
            p75_low: summary.p75_low,
            p75_high: summary.p75_high,
            rating: summary.rating,
            low_sample: summary.low_sample,
            good: summary.shares.map(|shares| shares.good),
        })
    });
    let parts: Vec<Part> = parts.collect();
    split(
        &state,
        question,
        route,
        vital,
        (n, parts),
        ("dimensions", format),
    )
    .await
}

/// Parts of the vital, and what was to blame for it; everybody's page views.
#[utoipa::path(
    get, path = "/routes/{route}/attribution",
    params(("route" = String, Path, description = "URL-encoded; `*` is the whole app"), ScopeParameters, VitalParameters),
    responses((status = 200, body = Split<Blamed>), Refusals)
)]
pub async fn attribution(
    Shared(state): Shared<State>,
    Path(route): Path<String>,
    Asked(scope): Asked<ScopeParameters>,
    Asked(asked): Asked<VitalParameters>,
) -> Result<Answer<Split<Blamed>>, Problem> {
    let (vital, format) = (query::vital(&asked.vital)?, page::format(&asked.format)?);
    let question = everybody(&state, &scope).await?;
    let store = &state.store;
    let (rows, n) = tokio::try_join!(
        async { Ok(queries::facts(store, &question.scope, &route, vital.name()).await?) },
        count(&state, &question, &route, vital)
    )?;
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.fact != "phase") {
        *totals.entry(&row.fact).or_default() += row.n;
    }
    let blamed = rows.iter().filter(|row| row.n > 0).map(|row| {
        let is_phase = row.fact == "phase";
        let total = if is_phase {
            n.max(row.n)
        } else {
            totals[row.fact.as_str()]
        };
        let p75 = summary::histogram(vital, &row.buckets).quantile(0.75);
        let p75 = p75.map(|quantile| quantile.value).filter(|_| !is_phase);
        Blamed {
            fact: row.fact.clone(),
            name: row.name.clone(),
            n: row.n,
            share: row.n as f64 / total as f64,
            mean_ms: is_phase.then(|| row.sum_ms / row.n as f64),
            p75,
            rating: p75
                .and_then(|p75| vital.rating(p75))
                .map(|rating| rating.name()),
        }
    });
    let blamed: Vec<Blamed> = blamed.collect();
    split(
        &state,
        question,
        route,
        vital,
        (n, blamed),
        ("attribution", format),
    )
    .await
}

/// Any percentiles, each with the bounds of its bucket.
#[utoipa::path(
    get, path = "/routes/{route}/percentiles",
    params(("route" = String, Path, description = "URL-encoded; `*` is the whole app"), ScopeParameters, VisitorParameters, VitalParameters, PercentileParameters),
    responses((status = 200, body = Split<Percentile>), Refusals)
)]
pub async fn percentiles(
    Shared(state): Shared<State>,
    Path(route): Path<String>,
    Asked(scope): Asked<ScopeParameters>,
    Asked(visitors): Asked<VisitorParameters>,
    Asked(asked): Asked<VitalParameters>,
    Asked(wanted): Asked<PercentileParameters>,
) -> Result<Answer<Split<Percentile>>, Problem> {
    let (vital, format) = (query::vital(&asked.vital)?, page::format(&asked.format)?);
    let wanted = wanted.parse()?;
    let question = scope.question(&state, &visitors, query::now_ms()).await?;
    let question = question.ok_or_else(nothing_yet)?;
    let histogram = histogram(&state, &question, &route, vital).await?;
    let found = shape::percentiles(&histogram, &wanted);
    let answer = (histogram.n(), found);
    split(
        &state,
        question,
        route,
        vital,
        answer,
        ("percentiles", format),
    )
    .await
}

impl PercentileParameters {
    fn parse(&self) -> Result<Vec<u8>, Problem> {
        if self.p.is_empty() {
            return Ok(USUAL_PERCENTILES.to_vec());
        }
        let numbers = self.p.split(',').map(|text| {
            let number = text.trim().parse();
            route::percentile(number.map_err(|_| invalid("p is a list such as 50,75,99"))?)
        });
        let mut numbers: Vec<u8> = numbers.collect::<Result<_, _>>()?;
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }
}

async fn everybody(state: &State, scope: &ScopeParameters) -> Result<Question, Problem> {
    let question = scope
        .question(state, &VisitorParameters::default(), query::now_ms())
        .await?;
    question.ok_or_else(nothing_yet)
}

async fn count(
    state: &State,
    question: &Question,
    route: &str,
    vital: Vital,
) -> Result<u64, Problem> {
    Ok(histogram(state, question, route, vital).await?.n())
}

async fn histogram(
    state: &State,
    question: &Question,
    route: &str,
    vital: Vital,
) -> Result<detect::histogram::Histogram, Problem> {
    let stored = route::stored(route);
    // One step as long as everything.
    let step_s = i64::from(u32::MAX);
    let steps =
        queries::vitals_by_step(&state.store, &question.scope, stored, vital.name(), step_s)
            .await?;
    Ok(shape::merged(vital, &steps))
}

async fn split<T: export::Record>(
    state: &State,
    question: Question,
    route: String,
    vital: Vital,
    (n, rows): (u64, Vec<T>),
    (name, format): (&'static str, Format),
) -> Result<Answer<Split<T>>, Problem> {
    if n == 0 && rows.is_empty() {
        question.must_know(state, &route).await?;
    }
    if format == Format::Csv {
        return Ok(Answer::Csv(export::table(name, &rows)));
    }
    Ok(Answer::Json(Split {
        range: question.range,
        app: question.scope.app,
        environment: question.scope.environment,
        route,
        vital: vital.name(),
        n,
        rows,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(p: &str, expected: Option<&[u8]>) {
        let asked = PercentileParameters { p: p.into() };
        assert_eq!(asked.parse().ok().as_deref(), expected, "{p}");
    }

    #[test]
    fn percentiles_are_whole_numbers_from_1_to_99() {
        check("", Some(&USUAL_PERCENTILES));
        check("99, 1,50,50", Some(&[1, 50, 99]));
        for nonsense in ["0", "100", "-1", "75.5", "p75", ",", "256"] {
            check(nonsense, None);
        }
    }
}

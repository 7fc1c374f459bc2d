//! `GET /api/v1/compare`: two releases, or two stretches of time, per route and vital.

use axum::extract::State as Shared;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wire::Vital;

use super::State;
use super::comparison::{self, ComparisonLine};
use super::export::{self, Answer};
use super::openapi::Refusals;
use super::query::{
    self, Asked, Format, PageParameters, Range, ScopeParameters, VisitorParameters, range,
};
use crate::http::Problem;
use crate::store::queries::{self, Scope, Side};

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct CompareParameters {
    /// A release, or a stretch of time as `FROM/TO`, each RFC 3339 or ms since the epoch. A release is looked at within the range.
    pub baseline: String,
    /// As `baseline`: what is compared with it.
    pub current: String,
    /// Only this route.
    pub route: String,
    /// Only this vital.
    pub vital: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ComparisonList {
    pub time_zone: &'static str,
    pub app: String,
    pub environment: String,
    pub baseline: Compared,
    pub current: Compared,
    /// The least likely to be chance first.
    pub rows: Vec<ComparisonLine>,
    pub total: usize,
    pub offset: usize,
    pub limit: usize,
    /// Routes and vitals that only one side has, or none of the same strata.
    pub not_comparable_count: usize,
}

/// One side: the page views of a release, or of everybody (empty), from and to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Compared {
    pub release: String,
    pub from_ms: i64,
    pub to_ms: i64,
}

/// Two releases or two stretches of time per route and vital: both p75, the change with its 90 % interval, and how likely it is chance.
/// Of each side the 200 routes that were the busiest in its stretch of time, whatever the release. Between stretches of time whatever else
/// differed between them (a weekday, a campaign) counts as change as well.
#[utoipa::path(
    get, path = "/compare", params(ScopeParameters, CompareParameters, PageParameters),
    responses((status = 200, body = ComparisonList), Refusals)
)]
pub async fn list(
    Shared(state): Shared<State>,
    Asked(scope): Asked<ScopeParameters>,
    Asked(asked): Asked<CompareParameters>,
    Asked(page): Asked<PageParameters>,
) -> Result<Answer<ComparisonList>, Problem> {
    let now_ms = query::now_ms();
    let (within, cut) = (scope.range(now_ms)?, page.parse()?);
    let baseline = Compared::parse("baseline", &asked.baseline, within)?;
    let current = Compared::parse("current", &asked.current, within)?;
    if !asked.vital.is_empty() && Vital::from_name(&asked.vital).is_none() {
        return Err(query::invalid(
            "vital is one of FCP LCP CLS FID INP TTFB MEMORY",
        ));
    }
    let everybody = VisitorParameters::default();
    let question = scope.question(&state, &everybody, now_ms).await?;
    let found = question.as_ref().map(|question| question.scope.clone());
    let (lines, not_comparable_count) = match &found {
        Some(scope) => lines(&state, scope, &asked, &baseline, &current).await?,
        None => (Vec::new(), 0),
    };
    if let (Some(question), true) = (&question, lines.is_empty()) {
        question.must_know(&state, &asked.route).await?;
    }
    let page = cut.of(lines);
    if cut.format == Format::Csv {
        return Ok(Answer::Csv(export::table("comparison", &page.rows)));
    }
    let scope = found.unwrap_or_default();
    Ok(Answer::Json(ComparisonList {
        time_zone: "UTC",
        app: scope.app,
        environment: scope.environment,
        baseline,
        current,
        rows: page.rows,
        total: page.total,
        offset: page.offset,
        limit: page.limit,
        not_comparable_count,
    }))
}

async fn lines(
    state: &State,
    scope: &Scope,
    asked: &CompareParameters,
    baseline: &Compared,
    current: &Compared,
) -> Result<(Vec<ComparisonLine>, usize), Problem> {
    let (before, after) = (baseline.within(scope), current.within(scope));
    let side = |scope, release| Side {
        scope,
        release,
        route: &asked.route,
        vital: &asked.vital,
    };
    let (before, after) = tokio::try_join!(
        queries::vitals_by_stratum(&state.store, side(&before, &baseline.release)),
        queries::vitals_by_stratum(&state.store, side(&after, &current.release)),
    )?;
    Ok(comparison::compare(before, after))
}

impl Compared {
    fn parse(name: &str, text: &str, within: Range) -> Result<Compared, Problem> {
        if text.is_empty() {
            return Err(query::invalid(&format!("{name} is a release, or FROM/TO")));
        }
        // A release may have a slash in its name: only two times are a stretch of time.
        let times = text.split_once('/').and_then(|(from, to)| {
            let (from, to) = (range::instant(name, from), range::instant(name, to));
            Some((from.ok()?, to.ok()?))
        });
        let Some((from_ms, to_ms)) = times else {
            return Ok(Compared {
                release: text.to_owned(),
                from_ms: within.from_ms,
                to_ms: within.to_ms,
            });
        };
        if from_ms >= to_ms {
            return Err(query::invalid(&format!("{name} must end after it begins")));
        }
        Ok(Compared {
            release: String::new(),
            from_ms,
            to_ms,
        })
    }

    fn within(&self, scope: &Scope) -> Scope {
        // The range itself, which may know that its days are whole.
        if (self.from_ms, self.to_ms) == (scope.from_ms, scope.to_ms) {
            return scope.clone();
        }
        scope.during(self.from_ms, self.to_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, i64, i64)>) {
        let within = Range {
            from_ms: 5,
            to_ms: 9,
            step_s: 3600,
        };
        let found = Compared::parse("baseline", text, within).ok();
        let found = found
            .as_ref()
            .map(|side| (side.release.as_str(), side.from_ms, side.to_ms));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_side_is_a_release_or_two_times() {
        check("1.4.2", Some(("1.4.2", 5, 9)));
        check("feature/cart", Some(("feature/cart", 5, 9)));
        check("100/200", Some(("", 100, 200)));
        check("1970-01-01T00:00:01Z/2000", Some(("", 1000, 2000)));
        check("200/100", None);
        check("", None);
    }
}

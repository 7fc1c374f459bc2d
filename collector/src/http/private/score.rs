//! How good page views were: the mean of their points, and a grade. Points are given where rollups are made
//! (`store/sql/rollup_scores.sql`), one page view at a time: points of a p75 would mislead, for half of the visitors are never near it.

use serde::Serialize;
use utoipa::ToSchema;

use super::route::ALL_ROUTES;
use crate::store::Store;
use crate::store::queries::{self, QueryError, Scope, ScoreRow, Visitors};

/// From so many points on; the last grade has everything below.
const GRADES: [(f64, &str); 4] = [(90.0, "A"), (75.0, "B"), (50.0, "C"), (25.0, "D")];
const LAST_GRADE: &str = "F";

/// The mean of the points (0 to 100) of single page views.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Score {
    /// Off by less than half a point: a page view's points are kept as a whole number.
    pub points: f64,
    /// Page views with a vital that counts: LCP, INP, CLS or FCP.
    pub n: u64,
    /// `A` from 90, `B` from 75, `C` from 50, `D` from 25, else `F`.
    pub grade: &'static str,
    /// `good` from 90, `needs-improvement` from 50, else `poor`.
    pub rating: &'static str,
}

impl Score {
    /// None without page views.
    pub fn of(row: &ScoreRow) -> Option<Score> {
        if row.n == 0 {
            return None;
        }
        let points = row.points as f64 / row.n as f64;
        let grade = GRADES.iter().find(|(from, _)| points >= *from);
        Some(Score {
            points,
            n: row.n,
            grade: grade.map_or(LAST_GRADE, |(_, grade)| grade),
            rating: match points {
                90.0.. => "good",
                50.0.. => "needs-improvement",
                _ => "poor",
            },
        })
    }
}

/// Of one route, `*` for the app. None of some visitors only: scores are kept for everybody together.
pub async fn of_route(
    store: &Store,
    scope: &Scope,
    route: &str,
) -> Result<Option<Score>, QueryError> {
    Ok(rows(store, scope, route).await?.first().and_then(Score::of))
}

/// Of every route.
pub async fn of_routes(store: &Store, scope: &Scope) -> Result<Vec<ScoreRow>, QueryError> {
    let mut rows = rows(store, scope, "").await?;
    rows.retain(|row| row.route != ALL_ROUTES);
    Ok(rows)
}

async fn rows(store: &Store, scope: &Scope, route: &str) -> Result<Vec<ScoreRow>, QueryError> {
    if scope.visitors != Visitors::Everybody {
        return Ok(Vec::new());
    }
    let mut rows = queries::scores(store, scope, route).await?;
    // An environment without a name is one too.
    rows.retain(|row| row.environment == scope.environment);
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(n: u64, points: u64, expected: Option<(&str, &str)>) {
        let row = ScoreRow {
            app: String::new(),
            environment: String::new(),
            route: String::new(),
            n,
            points,
        };
        let found = Score::of(&row).map(|score| (score.grade, score.rating));
        assert_eq!(found, expected, "{points}/{n}");
    }

    #[test]
    fn a_grade_begins_at_its_limit() {
        check(0, 0, None);
        check(10, 1_000, Some(("A", "good")));
        check(10, 900, Some(("A", "good")));
        check(10, 899, Some(("B", "needs-improvement")));
        check(10, 750, Some(("B", "needs-improvement")));
        check(10, 500, Some(("C", "needs-improvement")));
        check(10, 499, Some(("D", "poor")));
        check(10, 249, Some(("F", "poor")));
        check(10, 0, Some(("F", "poor")));
    }
}

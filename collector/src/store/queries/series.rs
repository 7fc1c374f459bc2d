//! Apps, routes and their vitals over time, as histograms.

use clickhouse::Row;
use clickhouse::query::Query;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::Vital;

use super::{ALL_ROUTES, DAY_S, Of, QueryError, Scope, Strata, Value, Visitors, all, one, scoped};
use crate::store::Store;

#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize, ToSchema)]
pub struct AppRow {
    pub app: String,
    pub environment: String,
    pub page_view_count: u64,
    pub last_hour_at_ms: i64,
}

/// One vital's histogram on one route. `buckets` are (index, count) pairs of `detect::histogram`.
#[derive(Clone, Debug, Row, Deserialize)]
pub struct RouteVitalRow {
    pub route: String,
    pub vital: String,
    pub n: u64,
    pub buckets: Vec<(u16, u64)>,
}

/// One vital's histogram of one app and environment.
#[derive(Clone, Debug, Row, Deserialize)]
pub struct AppVitalRow {
    pub app: String,
    pub environment: String,
    pub vital: String,
    pub n: u64,
    pub buckets: Vec<(u16, u64)>,
}

/// One vital's histogram in the step of time that begins at `at_ms`.
#[derive(Clone, Debug, Row, Deserialize)]
pub struct StepVitalRow {
    pub vital: String,
    pub at_ms: i64,
    pub n: u64,
    pub buckets: Vec<(u16, u64)>,
}

/// The same, of one route among several.
#[derive(Clone, Debug, Row, Deserialize)]
pub struct RouteStepRow {
    pub route: String,
    pub vital: String,
    pub at_ms: i64,
    pub n: u64,
    pub buckets: Vec<(u16, u64)>,
}

/// Points of the page views of one route, or (`*`) of an app.
#[derive(Clone, Debug, Row, Deserialize)]
pub struct ScoreRow {
    pub app: String,
    pub environment: String,
    pub route: String,
    pub n: u64,
    pub points: u64,
}

pub async fn apps(store: &Store, from_ms: i64) -> Result<Vec<AppRow>, QueryError> {
    all(store
        .client()
        .query(include_str!("../sql/apps.sql"))
        .param("from_ms", from_ms))
    .await
}

/// `whole_days`: both ends are those of UTC days, or now.
pub async fn vitals_by_app(
    store: &Store,
    from_ms: i64,
    to_ms: i64,
    whole_days: bool,
) -> Result<Vec<AppVitalRow>, QueryError> {
    let scope = Scope {
        from_ms,
        to_ms,
        whole_days,
        ..Scope::default()
    };
    let query = scoped(store, include_str!("../sql/vitals_by_app.sql"), &scope);
    all(query.param("grain", scope.grain(Of::App, DAY_S))).await
}

/// Whether anything was ever measured for the app, on that route if one is given.
pub async fn known(store: &Store, app: &str, route: &str) -> Result<bool, QueryError> {
    let query = store
        .client()
        .query(include_str!("../sql/known.sql"))
        .param("app", app)
        .param("route", route);
    Ok(one::<u8>(query).await? == 1)
}

/// Whether the app ever had a page view of this release, or with this value of a dimension.
pub async fn known_value(
    store: &Store,
    scope: &Scope,
    dimension: &str,
    value: &str,
) -> Result<bool, QueryError> {
    let query = store
        .client()
        .query(include_str!("../sql/known_value.sql"))
        .param("app", &scope.app)
        .param("environment", &scope.environment)
        .param("dimension", dimension)
        .param("value", value);
    Ok(one::<u8>(query).await? == 1)
}

pub async fn vitals_by_route(
    store: &Store,
    scope: &Scope,
) -> Result<Vec<RouteVitalRow>, QueryError> {
    let totals = |dimension: &str, values: &[&str], strata: &Strata| {
        let query = scoped(store, include_str!("../sql/totals_by_route.sql"), scope)
            .param("dimension", dimension)
            .param("values", values);
        of_strata(scope.summands(Of::Routes).of(query), strata)
    };
    let query = match &scope.visitors {
        Visitors::Everybody => totals("", &[""], &Strata::default()),
        Visitors::Strata(strata) => {
            if scope.whole_days {
                let query = match strata.as_values() {
                    Some((dimension, values)) => totals(dimension, values, strata),
                    None => of_strata(
                        scoped(store, include_str!("../sql/strata_by_route.sql"), scope),
                        strata,
                    ),
                };
                let rows = all(query).await?;
                // Days by part of a stratum lag behind: a release that is new is in the hours already.
                if !rows.is_empty() {
                    return Ok(rows);
                }
            }
            let by_hours = include_str!("../sql/vitals_by_route.sql");
            of_strata(scoped(store, by_hours, scope), strata)
        }
        // Hours by value are kept in the order of routes: a list of some hours reads the months that they lie in.
        Visitors::Value(value) if !scope.whole_days => of_value(
            scoped(store, include_str!("../sql/value_by_route.sql"), scope),
            value,
        ),
        Visitors::Value(value) => totals(value.dimension, &[&value.value], &Strata::default()),
    };
    all(query).await
}

/// Steps are counted from the epoch, so a step of 86,400 s is a UTC day. An empty route or vital means all of them.
pub async fn vitals_by_step(
    store: &Store,
    scope: &Scope,
    route: &str,
    vital: &str,
    step_s: i64,
) -> Result<Vec<StepVitalRow>, QueryError> {
    let of = if route.is_empty() {
        Of::App
    } else {
        Of::Routes
    };
    let grain = scope.grain(of, step_s);
    let by_step = include_str!("../sql/vitals_by_step.sql");
    let (query, route) = match &scope.visitors {
        // One route's hours lie side by side in the rollups.
        Visitors::Everybody if grain == "route-hour" => {
            let query = of_strata(scoped(store, by_step, scope), &Strata::default());
            (query, route)
        }
        Visitors::Everybody => {
            let query = scoped(store, include_str!("../sql/totals_by_step.sql"), scope);
            let route = if route.is_empty() { ALL_ROUTES } else { route };
            (query.param("grain", grain), route)
        }
        Visitors::Strata(strata) if route.is_empty() => {
            let query = scoped(store, include_str!("../sql/strata_by_step.sql"), scope);
            (of_strata(query.param("grain", grain), strata), route)
        }
        Visitors::Strata(strata) => (of_strata(scoped(store, by_step, scope), strata), route),
        Visitors::Value(value) => {
            let query = scoped(store, include_str!("../sql/value_by_step.sql"), scope);
            (of_value(query, value), route)
        }
    };
    all(query
        .param("route", route)
        .param("vital", vital)
        .param("step_s", step_s))
    .await
}

/// Everybody's page views on some routes, in steps as above.
pub async fn route_trends(
    store: &Store,
    scope: &Scope,
    routes: &[&str],
    vitals: &[&str],
    step_s: i64,
) -> Result<Vec<RouteStepRow>, QueryError> {
    let query = scoped(store, include_str!("../sql/route_trends.sql"), scope);
    all(query
        .param("grain", scope.grain(Of::Routes, step_s))
        .param("routes", routes)
        .param("vitals", vitals)
        .param("step_s", step_s))
    .await
}

/// Scores of all routes of the scope, or of one; `*` is the whole app. They are kept for everybody together.
pub async fn scores(
    store: &Store,
    scope: &Scope,
    route: &str,
) -> Result<Vec<ScoreRow>, QueryError> {
    let of = if route == ALL_ROUTES {
        Of::App
    } else {
        Of::Routes
    };
    let query = scoped(store, include_str!("../sql/scores.sql"), scope);
    all(scope.summands(of).of(query).param("route", route)).await
}

/// Scores of all apps in a range.
pub async fn scores_of_apps(
    store: &Store,
    from_ms: i64,
    to_ms: i64,
    whole_days: bool,
) -> Result<Vec<ScoreRow>, QueryError> {
    let scope = Scope {
        from_ms,
        to_ms,
        whole_days,
        ..Scope::default()
    };
    scores(store, &scope, ALL_ROUTES).await
}

/// Everybody's page views by minute; `at_ms` is the minute's. Only the vitals of `shown` come with their histograms.
pub async fn minutes(
    store: &Store,
    scope: &Scope,
    shown: &[Vital],
) -> Result<Vec<StepVitalRow>, QueryError> {
    let shown: Vec<&str> = shown.iter().map(|vital| vital.name()).collect();
    let query = scoped(store, include_str!("../sql/minutes.sql"), scope);
    all(query.param("shown", shown)).await
}

pub(super) fn of_strata(query: Query, strata: &Strata) -> Query {
    query
        .param("device", &strata.device)
        .param("connection", &strata.connection)
        .param("delivery", &strata.delivery)
        .param("release", &strata.release)
}

pub(super) fn of_value(query: Query, value: &Value) -> Query {
    query
        .param("dimension", value.dimension)
        .param("value", &value.value)
}

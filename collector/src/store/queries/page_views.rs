//! Single page views: examples behind a number, and one of them with all that is known of it.

use clickhouse::Row;
use clickhouse::query::Query;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::series::{of_strata, of_value};
use super::{QueryError, Scope, Strata, Value, Visitors, all, scoped};
use crate::store::Store;

/// A page view behind a number: the vital that was asked for, and who had it.
#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize, ToSchema)]
pub struct ExampleRow {
    pub view_id: String,
    pub started_at_ms: i64,
    pub path: String,
    pub route: String,
    pub release: String,
    pub device: String,
    pub browser: String,
    pub os: String,
    pub country: String,
    pub connection: String,
    pub navigation_type: String,
    pub value: f64,
    pub rating: String,
    /// What to blame, JSON text.
    pub attribution: String,
}

/// A page view. Numbers that it does not tell are NaN.
#[derive(Clone, Debug, Row, Deserialize)]
pub struct PageViewRow {
    pub view_id: String,
    pub started_at_ms: i64,
    pub received_at_ms: i64,
    pub environment: String,
    pub route: String,
    pub path: String,
    pub release: String,
    pub session_id: String,
    pub navigation_type: String,
    pub device: String,
    pub browser: String,
    pub os: String,
    pub country: String,
    pub connection: String,
    pub engine: String,
    pub referrer: String,
    pub custom: Vec<(String, String)>,
    pub beacons: u32,
    pub interactions: u32,
    pub agent_main_ms: f64,
    pub agent_bytes: u32,
    /// Milestones as the page named them, ms from its start.
    pub timing: Vec<(String, f64)>,
    pub long_tasks: f64,
    pub blocking_ms: f64,
    pub resource_count: f64,
    pub resource_bytes: f64,
    /// JSON text; empty when the page told none.
    pub resources: String,
}

#[derive(Clone, Debug, Row, Deserialize)]
pub struct ViewVitalRow {
    pub vital: String,
    pub value: f64,
    pub rating: String,
    pub attribution: String,
}

#[derive(Clone, Debug, Row, Deserialize)]
pub struct ViewOperationRow {
    pub name: String,
    pub at_ms: i64,
    pub duration_ms: f64,
    pub success: bool,
    pub error_type: String,
    pub memory_bytes: Option<f64>,
    pub input_size: Option<f64>,
    pub attributes: String,
}

/// Which page view: its id, and the time in which it is looked for.
#[derive(Clone, Debug)]
pub struct ViewKey {
    pub app: String,
    /// A UUID.
    pub view_id: String,
    pub from_ms: i64,
    pub to_ms: i64,
    /// Of two with this id the one that began nearest to this.
    pub at_ms: i64,
}

/// An hour that has page views of a kind. `row_count`: measurements of the whole app in it.
#[derive(Clone, Debug, PartialEq, Row, Deserialize)]
pub struct ExampleHour {
    pub hour_s: i64,
    pub row_count: u64,
    pub buckets: Vec<(u16, u64)>,
}

/// Where single page views are looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Starts of hours, seconds since the epoch.
    pub hours_s: Vec<i64>,
    /// Buckets, both included.
    pub low: u16,
    pub high: u16,
    /// The value that `near` is near to.
    pub near: f64,
    /// Whether what is wanted cannot lie elsewhere.
    pub complete: bool,
}

/// Hours with page views of a vital, of one route or ('') of all, the newest first.
pub async fn example_hours(
    store: &Store,
    scope: &Scope,
    route: &str,
    vital: &str,
) -> Result<Vec<ExampleHour>, QueryError> {
    let query = scoped(store, include_str!("../sql/example_hours.sql"), scope)
        .param("route", route)
        .param("vital", vital);
    let (strata, value) = parts(&scope.visitors);
    let query = of_strata(query, &strata);
    all(of_value(query, &value)).await
}

/// At most `limit` of them, ordered by `slowest`, `near` or `newest`; an empty route means all.
pub async fn page_view_examples(
    store: &Store,
    scope: &Scope,
    (route, vital): (&str, &str),
    look: &Look,
    (order, limit): (&str, u32),
) -> Result<Vec<ExampleRow>, QueryError> {
    let (strata, value) = parts(&scope.visitors);
    let of = |dimension: &str| {
        if value.dimension == dimension {
            value.value.as_str()
        } else {
            ""
        }
    };
    let query = scoped(store, include_str!("../sql/page_view_examples.sql"), scope)
        .param("route", route)
        .param("vital", vital)
        .param("hours", &look.hours_s)
        .param("low", look.low)
        .param("high", look.high)
        .param("near", look.near)
        .param("order", order)
        .param("limit", limit)
        .param("country", of("country"))
        .param("browser", of("browser"))
        .param("os", of("os"))
        .param("navigation_type", of("navigation_type"));
    all(of_strata(query, &strata)).await
}

/// Strata and the value of a dimension; what is empty filters nothing.
fn parts(visitors: &Visitors) -> (Strata, Value) {
    let anybody = Value {
        dimension: "",
        value: String::new(),
    };
    match visitors {
        Visitors::Everybody => (Strata::default(), anybody),
        Visitors::Strata(strata) => (strata.clone(), anybody),
        Visitors::Value(value) => (Strata::default(), value.clone()),
    }
}

pub async fn page_view(store: &Store, key: &ViewKey) -> Result<Option<PageViewRow>, QueryError> {
    let query = of_view(store, include_str!("../sql/page_view.sql"), key);
    Ok(all(query.param("at_ms", key.at_ms)).await?.pop())
}

pub async fn page_view_vitals(
    store: &Store,
    key: &ViewKey,
) -> Result<Vec<ViewVitalRow>, QueryError> {
    all(of_view(
        store,
        include_str!("../sql/page_view_vitals.sql"),
        key,
    ))
    .await
}

pub async fn page_view_operations(
    store: &Store,
    key: &ViewKey,
) -> Result<Vec<ViewOperationRow>, QueryError> {
    all(of_view(
        store,
        include_str!("../sql/page_view_operations.sql"),
        key,
    ))
    .await
}

fn of_view(store: &Store, sql: &str, key: &ViewKey) -> Query {
    store
        .client()
        .query(sql)
        .param("app", &key.app)
        .param("view_id", &key.view_id)
        .param("from_ms", key.from_ms)
        .param("to_ms", key.to_ms)
}

//! Operations: their durations from rollups, single calls from the rows of the last 90 days. Everybody's: calls are not split by visitor.

use clickhouse::Row;
use clickhouse::query::Query;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{QueryError, Scope, all, one, scoped};
use crate::store::Store;

/// A histogram by name: an operation's, or one operation's on a route of that name.
#[derive(Clone, Debug, Row, Deserialize)]
pub struct NamedRow {
    pub name: String,
    pub n: u64,
    pub buckets: Vec<(u16, u64)>,
}

/// How often an operation was called on a route.
#[derive(Clone, Debug, Row, Deserialize)]
pub struct CallCountRow {
    pub name: String,
    pub route: String,
    pub n: u64,
}

#[derive(Clone, Debug, Row, Deserialize)]
pub struct OperationStepRow {
    pub name: String,
    pub at_ms: i64,
    pub n: u64,
    pub buckets: Vec<(u16, u64)>,
}

/// Calls of which something is known besides their duration: `fact` is `error_type` (they failed) or `cache` (what was said of one).
#[derive(Clone, Debug, Row, Deserialize)]
pub struct OutcomeRow {
    pub operation: String,
    pub fact: String,
    pub name: String,
    /// Begin of the step; 0 when the whole range was asked for.
    pub at_ms: i64,
    pub n: u64,
    pub buckets: Vec<(u16, u64)>,
}

/// A single call.
#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize, ToSchema)]
pub struct CallRow {
    pub at_ms: i64,
    /// The page view that it belongs to.
    pub view_id: String,
    pub route: String,
    pub release: String,
    pub duration_ms: f64,
    pub success: bool,
    pub error_type: String,
    pub memory_bytes: Option<f64>,
    /// In the unit of whoever measures: items, bytes.
    pub input_size: Option<f64>,
    /// The call's own facts, JSON text.
    pub attributes: String,
}

/// What the newest calls say of memory and input. Medians and the like are 0 where `…_n` is.
#[derive(Clone, Debug, PartialEq, Row, Deserialize)]
pub struct SampleRow {
    pub n: u64,
    pub from_ms: i64,
    pub memory_n: u64,
    pub memory_p50: f64,
    pub memory_p75: f64,
    pub memory_p95: f64,
    pub input_n: u64,
    /// NaN below three calls, or when nothing varies.
    pub input_correlation: f64,
}

/// Calls whose input has about one size.
#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize, ToSchema)]
pub struct InputRow {
    pub input_low: f64,
    pub input_high: f64,
    pub n: u64,
    /// Durations, ms.
    pub p50: f64,
    pub p75: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Fastest,
    Slowest,
}

/// An empty route means all of them, here and below.
pub async fn operations(
    store: &Store,
    scope: &Scope,
    route: &str,
) -> Result<Vec<NamedRow>, QueryError> {
    let query = scoped(store, include_str!("../sql/operations.sql"), scope);
    all(query.param("route", route)).await
}

pub async fn operations_by_route(
    store: &Store,
    scope: &Scope,
) -> Result<Vec<CallCountRow>, QueryError> {
    let sql = include_str!("../sql/operations_by_route.sql");
    all(scoped(store, sql, scope)).await
}

pub async fn operation_trends(
    store: &Store,
    scope: &Scope,
    names: &[&str],
    route: &str,
    step_s: i64,
) -> Result<Vec<OperationStepRow>, QueryError> {
    let query = scoped(store, include_str!("../sql/operation_trends.sql"), scope);
    all(query
        .param("names", names)
        .param("route", route)
        .param("step_s", step_s))
    .await
}

pub async fn operation_routes(
    store: &Store,
    scope: &Scope,
    name: &str,
) -> Result<Vec<NamedRow>, QueryError> {
    let query = scoped(store, include_str!("../sql/operation_routes.sql"), scope);
    all(query.param("name", name)).await
}

/// An empty name means every operation; without a step the whole range is one.
pub async fn operation_outcomes(
    store: &Store,
    scope: &Scope,
    name: &str,
    route: &str,
    step_s: Option<i64>,
) -> Result<Vec<OutcomeRow>, QueryError> {
    let query = scoped(store, include_str!("../sql/operation_outcomes.sql"), scope);
    all(query
        .param("name", name)
        .param("route", route)
        .param("step_s", step_s.unwrap_or(0)))
    .await
}

/// The twenty fastest or slowest calls.
pub async fn operation_calls(
    store: &Store,
    scope: &Scope,
    name: &str,
    route: &str,
    order: Order,
) -> Result<Vec<CallRow>, QueryError> {
    let sql = include_str!("../sql/operation_calls.sql");
    let sign: i8 = if order == Order::Fastest { 1 } else { -1 };
    all(of_name(store, sql, scope, name, route).param("sign", sign)).await
}

pub async fn operation_sample(
    store: &Store,
    scope: &Scope,
    name: &str,
    route: &str,
) -> Result<SampleRow, QueryError> {
    let sql = include_str!("../sql/operation_sample.sql");
    one(of_name(store, sql, scope, name, route)).await
}

pub async fn operation_inputs(
    store: &Store,
    scope: &Scope,
    name: &str,
    route: &str,
) -> Result<Vec<InputRow>, QueryError> {
    let sql = include_str!("../sql/operation_inputs.sql");
    all(of_name(store, sql, scope, name, route)).await
}

fn of_name(store: &Store, sql: &str, scope: &Scope, name: &str, route: &str) -> Query {
    scoped(store, sql, scope)
        .param("name", name)
        .param("route", route)
}

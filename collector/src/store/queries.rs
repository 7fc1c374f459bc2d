//! What the dashboard and the API read: one typed function per file of `sql/`. Every value from outside is a bound parameter.
//!
//! Vitals come from `rollups`, so an answer costs series-hours, never page views; quantiles are made from the buckets by the
//! caller. Nothing here decides what a number means. All times are ms since the epoch, UTC; 0 stands for "not yet".

use std::time::Duration;

use clickhouse::Row;
use clickhouse::query::Query;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Store;
use super::calibration::{self, CalibrationRow};
use super::size::TableSizeRow;

/// A reader waits no longer; also sent along, so that the server stops working on an answer nobody waits for.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Error)]
pub enum QueryError {
    #[error("ClickHouse did not answer within {} s", QUERY_TIMEOUT.as_secs())]
    Timeout,
    #[error(transparent)]
    ClickHouse(#[from] clickhouse::error::Error),
}

/// Whose data, and when: from (included) to (excluded), ms since the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub app: String,
    pub environment: String,
    pub from_ms: i64,
    pub to_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize)]
pub struct AppRow {
    pub app: String,
    pub environment: String,
    pub page_view_count: u64,
    pub last_hour_at_ms: i64,
}

/// A name that an app brought; `what` is that of `ingest::names::Kind`. `app` is empty for the name of an app.
#[derive(Clone, Debug, PartialEq, Row, Deserialize)]
pub struct NameRow {
    pub app: String,
    pub what: String,
    pub name: String,
}

/// One vital's histogram on one route. `buckets` are (index, count) pairs of `detect::histogram`.
#[derive(Clone, Debug, Row, Deserialize)]
pub struct RouteVitalRow {
    pub route: String,
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

/// A row of the view `baselines`, values in the vital's unit.
#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize)]
pub struct BaselineRow {
    pub id: String,
    pub app: String,
    pub environment: String,
    pub route: String,
    pub kind: String,
    pub vital: String,
    pub strategy: String,
    pub state: String,
    pub p50: f64,
    pub p75: f64,
    pub p95: f64,
    pub mean: f64,
    pub stddev: f64,
    pub n: u64,
    pub hours_used: u64,
    pub hours_left_out: u64,
    /// Sentences: why hours were left out, and why it is not approved.
    pub left_out_reasons: String,
    /// Smallest change that would be found within a day: 0.10 is 10 %; null while learning.
    pub minimum_detectable_ratio: Option<f64>,
    pub from_ms: i64,
    pub to_ms: i64,
    pub updated_at_ms: i64,
    /// Not judged by: it waits to take the place of the one that is.
    pub candidate: bool,
}

impl BaselineRow {
    /// There is nothing in it yet that could be approved or rejected.
    pub fn is_learning(&self) -> bool {
        self.state == "learning"
    }
}

/// A row of the view `findings`.
#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize)]
pub struct FindingRow {
    pub id: String,
    pub app: String,
    pub environment: String,
    pub route: String,
    pub kind: String,
    pub vital: String,
    pub stratum: String,
    pub direction: String,
    pub state: String,
    pub severity: String,
    pub change_ratio: f64,
    pub change_low: f64,
    pub change_high: f64,
    pub p_value: f64,
    pub z: f64,
    pub confidence: f64,
    pub baseline_p75: f64,
    pub current_p75: f64,
    pub baseline_n: u64,
    pub current_n: u64,
    pub change_point_ms: i64,
    pub change_point_low_ms: i64,
    pub change_point_high_ms: i64,
    pub release: String,
    pub opened_at_ms: i64,
    pub confirmed_at_ms: i64,
    pub resolved_at_ms: i64,
    pub recommendation: String,
    /// JSON: which comparison decided, and its own numbers; empty for findings of earlier versions.
    #[serde(serialize_with = "as_json")]
    pub detail: String,
}

/// A column of JSON is JSON to readers as well; a text that is none is null.
fn as_json<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let value = serde_json::from_str::<serde_json::Value>(text).ok();
    value.serialize(serializer)
}

impl FindingRow {
    /// Up to when it lasted, or now.
    pub fn until_ms(&self, now_ms: i64) -> i64 {
        if self.resolved_at_ms > 0 {
            self.resolved_at_ms
        } else {
            now_ms
        }
    }
}

/// What page views before (0) or after (1) a moment were blamed on.
#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize)]
pub struct AttributionRow {
    pub after: u8,
    /// `phase` (mean is its duration) or `element` (mean is the vital's value).
    pub kind: String,
    pub name: String,
    pub n: u64,
    pub mean: f64,
}

#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize)]
pub struct DeployRow {
    pub app: String,
    pub environment: String,
    pub release: String,
    pub at_ms: i64,
    pub source: String,
}

#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize)]
pub struct AlertRow {
    pub id: String,
    pub rule: String,
    pub app: String,
    pub route: String,
    pub vital: String,
    pub severity: String,
    pub state: String,
    pub finding_id: String,
    pub opened_at_ms: i64,
    pub resolved_at_ms: i64,
    pub last_sent_at_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize)]
pub struct FreshnessRow {
    pub last_hour_at_ms: i64,
    pub last_minute_at_ms: i64,
    pub last_evaluation_at_ms: i64,
    pub clickhouse_version: String,
}

/// Which findings: an empty string or list filters nothing.
#[derive(Clone, Debug, Default)]
pub struct FindingFilter {
    pub id: String,
    pub app: String,
    pub environment: String,
    pub route: String,
    pub vital: String,
    pub states: Vec<String>,
    pub from_ms: i64,
    pub to_ms: i64,
    pub limit: u32,
    pub offset: u32,
}

pub async fn apps(store: &Store, from_ms: i64) -> Result<Vec<AppRow>, QueryError> {
    all(store
        .client()
        .query(include_str!("sql/apps.sql"))
        .param("from_ms", from_ms))
    .await
}

/// Whether anything was ever measured for the app, on that route if one is given.
pub async fn known(store: &Store, app: &str, route: &str) -> Result<bool, QueryError> {
    let query = store
        .client()
        .query(include_str!("sql/known.sql"))
        .param("app", app)
        .param("route", route);
    Ok(one::<u8>(query).await? == 1)
}

pub async fn vitals_by_route(
    store: &Store,
    scope: &Scope,
) -> Result<Vec<RouteVitalRow>, QueryError> {
    all(scoped(
        store,
        include_str!("sql/vitals_by_route.sql"),
        scope,
    ))
    .await
}

/// Steps are counted from the epoch, so a step of 86,400 s is a UTC day. An empty route or vital means all of them.
pub async fn vitals_by_step(
    store: &Store,
    scope: &Scope,
    route: &str,
    vital: &str,
    step_s: i64,
) -> Result<Vec<StepVitalRow>, QueryError> {
    let query = scoped(store, include_str!("sql/vitals_by_step.sql"), scope);
    all(query
        .param("route", route)
        .param("vital", vital)
        .param("step_s", step_s))
    .await
}

/// An empty route means all of them.
pub async fn baselines(
    store: &Store,
    app: &str,
    environment: &str,
    route: &str,
) -> Result<Vec<BaselineRow>, QueryError> {
    let query = store.client().query(include_str!("sql/baselines.sql"));
    all(query
        .param("id", "")
        .param("app", app)
        .param("environment", environment)
        .param("route", route))
    .await
}

pub async fn baseline(store: &Store, id: &str) -> Result<Option<BaselineRow>, QueryError> {
    let query = store.client().query(include_str!("sql/baselines.sql"));
    let found = all(query
        .param("id", id)
        .param("app", "")
        .param("environment", "")
        .param("route", ""))
    .await?;
    Ok(found.into_iter().next())
}

pub async fn findings(
    store: &Store,
    filter: &FindingFilter,
) -> Result<Vec<FindingRow>, QueryError> {
    let query = store
        .client()
        .query(include_str!("sql/findings.sql"))
        .param("id", &filter.id)
        .param("app", &filter.app)
        .param("environment", &filter.environment)
        .param("route", &filter.route)
        .param("vital", &filter.vital)
        .param("states", &filter.states)
        .param("from_ms", filter.from_ms)
        .param("to_ms", filter.to_ms)
        .param("limit", filter.limit)
        .param("offset", filter.offset);
    all(query).await
}

/// The route's page views of the scope, split at `change_ms`.
pub async fn attribution(
    store: &Store,
    scope: &Scope,
    route: &str,
    vital: &str,
    change_ms: i64,
) -> Result<Vec<AttributionRow>, QueryError> {
    let query = scoped(store, include_str!("sql/attribution.sql"), scope);
    all(query
        .param("route", route)
        .param("vital", vital)
        .param("change_ms", change_ms))
    .await
}

pub async fn deploys(store: &Store, scope: &Scope) -> Result<Vec<DeployRow>, QueryError> {
    all(scoped(store, include_str!("sql/deploys.sql"), scope)).await
}

pub async fn alerts(store: &Store, app: &str) -> Result<Vec<AlertRow>, QueryError> {
    all(store
        .client()
        .query(include_str!("sql/alerts.sql"))
        .param("app", app))
    .await
}

pub async fn freshness(store: &Store) -> Result<FreshnessRow, QueryError> {
    one(store.client().query(include_str!("sql/freshness.sql"))).await
}

/// The newest measurement of the false-alarm rate.
pub async fn false_alarms(store: &Store) -> Result<Option<CalibrationRow>, QueryError> {
    within_time(calibration::newest(store)).await
}

/// What apps brought within the last `days`, the most used first.
pub async fn names(store: &Store, days: u16) -> Result<Vec<NameRow>, QueryError> {
    all(store
        .client()
        .query(include_str!("sql/names.sql"))
        .param("days", days))
    .await
}

pub async fn table_sizes(store: &Store) -> Result<Vec<TableSizeRow>, QueryError> {
    all(store.client().query(include_str!("sql/table_sizes.sql"))).await
}

fn scoped(store: &Store, sql: &str, scope: &Scope) -> Query {
    store
        .client()
        .query(sql)
        .param("app", &scope.app)
        .param("environment", &scope.environment)
        .param("from_ms", scope.from_ms)
        .param("to_ms", scope.to_ms)
}

pub(super) async fn all<T>(query: Query) -> Result<Vec<T>, QueryError>
where
    T: clickhouse::RowOwned + clickhouse::RowRead,
{
    within_time(bounded(query).fetch_all::<T>()).await
}

async fn one<T>(query: Query) -> Result<T, QueryError>
where
    T: clickhouse::RowOwned + clickhouse::RowRead,
{
    within_time(bounded(query).fetch_one::<T>()).await
}

fn bounded(query: Query) -> Query {
    query.with_setting("max_execution_time", QUERY_TIMEOUT.as_secs().to_string())
}

async fn within_time<T>(
    answer: impl Future<Output = Result<T, clickhouse::error::Error>>,
) -> Result<T, QueryError> {
    Ok(tokio::time::timeout(QUERY_TIMEOUT, answer)
        .await
        .map_err(|_| QueryError::Timeout)??)
}

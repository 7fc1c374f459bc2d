//! What the dashboard and the API read: one typed function per file of `sql/`. Every value from outside is a bound parameter.
//!
//! Vitals come from rollups, so an answer costs series-hours (of many routes: series-days), never page views; quantiles are made
//! from the buckets by the caller. Nothing here decides what a number means. All times are ms since the epoch, UTC; 0 stands for
//! "not yet".

mod operations;
mod page_views;
mod series;
mod sides;
mod splits;
mod state;
mod verdicts;

use std::time::Duration;

use clickhouse::query::Query;
use thiserror::Error;

use super::Store;
use crate::ingest::stratum;

pub use operations::{
    CallCountRow, CallRow, InputRow, NamedRow, OperationStepRow, Order, OutcomeRow, SampleRow,
    operation_calls, operation_inputs, operation_outcomes, operation_routes, operation_sample,
    operation_trends, operations, operations_by_route,
};
pub use page_views::{
    ExampleHour, ExampleRow, Look, PageViewRow, ViewKey, ViewOperationRow, ViewVitalRow,
    example_hours, page_view, page_view_examples, page_view_operations, page_view_vitals,
};
pub use series::{
    AppRow, AppVitalRow, RouteStepRow, RouteVitalRow, ScoreRow, StepVitalRow, apps, known,
    known_value, minutes, route_trends, scores, scores_of_apps, vitals_by_app, vitals_by_route,
    vitals_by_step,
};
pub use sides::{Side, StratumRow, vitals_by_stratum};
pub use splits::{DimensionRow, FactRow, ValueRow, dimension_values, dimensions, facts};
pub use state::{FreshnessRow, NameRow, false_alarms, freshness, names, table_sizes};
pub use verdicts::{
    AlertRow, BaselineRow, DecisionRow, DeployRow, FindingFilter, FindingRow, alerts, baseline,
    baselines, decision, deploys, findings,
};

/// A reader waits no longer; also sent along, so that the server stops working on an answer nobody waits for.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// Steps of a day and more can be made of days.
const DAY_S: i64 = 86_400;
/// The whole app, where a route is asked for.
const ALL_ROUTES: &str = "*";

#[derive(Debug, Error)]
pub enum QueryError {
    #[error("ClickHouse did not answer within {} s", QUERY_TIMEOUT.as_secs())]
    Timeout,
    #[error(transparent)]
    ClickHouse(#[from] clickhouse::error::Error),
}

/// Whose data, and when: from (included) to (excluded), ms since the epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    pub app: String,
    pub environment: String,
    pub from_ms: i64,
    pub to_ms: i64,
    /// Both ends are those of UTC days, or now: totals of days answer it.
    pub whole_days: bool,
    pub visitors: Visitors,
}

/// Whose page views, of all in a scope. Rollups keep a histogram per stratum and release, and one per value of each dimension:
/// the first can be combined, the second cannot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Visitors {
    #[default]
    Everybody,
    Strata(Strata),
    Value(Value),
}

/// Parts of a stratum's name and a release; an empty one means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strata {
    pub device: String,
    pub connection: String,
    pub delivery: String,
    pub release: String,
}

impl Strata {
    /// The dimension and its values that say the same, where only the device or only the connection is asked for.
    fn as_values(&self) -> Option<(&'static str, &'static [&'static str])> {
        let Strata {
            device,
            connection,
            delivery,
            release,
        } = self;
        if !delivery.is_empty() || !release.is_empty() {
            return None;
        }
        match (device.as_str(), connection.as_str()) {
            (device, "") if !device.is_empty() => Some(("device", stratum::devices(device))),
            ("", connection) => Some(("connection", stratum::connections(connection)?)),
            _ => None,
        }
    }
}

/// One value of one dimension of `rollups_by_dimension`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    pub dimension: &'static str,
    pub value: String,
}

impl Scope {
    /// Another stretch of time of the same page views.
    pub fn during(&self, from_ms: i64, to_ms: i64) -> Scope {
        Scope {
            from_ms,
            to_ms,
            whole_days: false,
            ..self.clone()
        }
    }

    /// The coarsest totals that answer a question with such steps.
    fn grain(&self, of: Of, step_s: i64) -> &'static str {
        match (of, self.whole_days && step_s >= DAY_S) {
            (Of::App, false) => "app-hour",
            (Of::App, true) => "app-day",
            (Of::Routes, false) => "route-hour",
            (Of::Routes, true) => "route-day",
        }
    }
}

/// What totals are of.
#[derive(Clone, Copy)]
enum Of {
    App,
    Routes,
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

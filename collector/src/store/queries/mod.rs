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
/// A quarter of a UTC day.
const QUARTER_MS: i64 = 6 * 3_600_000;
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
    /// The end is now: there is nothing after it yet.
    pub until_now: bool,
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
            until_now: false,
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

    /// The fewest totals that add up to the whole scope.
    fn summands(&self, of: Of) -> Summands {
        let (from_ms, to_ms) = (self.from_ms, self.to_ms);
        if self.whole_days || matches!(of, Of::App) {
            return Summands {
                grain: self.grain(of, DAY_S),
                from_ms,
                to_ms,
            };
        }
        Summands {
            grain: "route-quarter",
            from_ms: (from_ms + QUARTER_MS - 1).div_euclid(QUARTER_MS) * QUARTER_MS,
            to_ms: if self.until_now {
                to_ms
            } else {
                to_ms.div_euclid(QUARTER_MS) * QUARTER_MS
            },
        }
    }
}

/// Totals of a grain that begin from (included) to (excluded), in ms since the epoch. What a scope has beyond them is in hours.
struct Summands {
    grain: &'static str,
    from_ms: i64,
    to_ms: i64,
}

impl Summands {
    fn of(&self, query: Query) -> Query {
        query
            .param("grain", self.grain)
            .param("grain_from_ms", self.from_ms)
            .param("grain_to_ms", self.to_ms)
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

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    /// The hours from which and to which totals are of the coarser grain.
    fn check(from: i64, to: i64, until_now: bool, expected: (i64, i64)) {
        let scope = Scope {
            from_ms: from * HOUR_MS,
            to_ms: to * HOUR_MS,
            until_now,
            ..Scope::default()
        };
        let found = scope.summands(Of::Routes);
        let hours = (found.from_ms / HOUR_MS, found.to_ms / HOUR_MS);
        assert_eq!((found.grain, hours), ("route-quarter", expected));
    }

    #[test]
    fn quarters_of_days_add_up_to_most_of_a_scope() {
        check(24, 48, false, (24, 48));
        check(25, 50, false, (30, 48));
        check(25, 50, true, (30, 50));
        // Within one quarter, or around its end, there is none.
        check(1, 3, false, (6, 0));
        check(1, 3, true, (6, 3));
        check(5, 9, false, (6, 6));
    }

    #[test]
    fn whole_days_and_apps_have_one_grain() {
        let scope = Scope {
            from_ms: 1,
            to_ms: 2,
            ..Scope::default()
        };
        let days = Scope {
            whole_days: true,
            ..scope.clone()
        };
        for (scope, of, expected) in [
            (&scope, Of::App, "app-hour"),
            (&days, Of::App, "app-day"),
            (&days, Of::Routes, "route-day"),
        ] {
            let Summands {
                grain,
                from_ms,
                to_ms,
            } = scope.summands(of);
            assert_eq!((grain, from_ms, to_ms), (expected, 1, 2));
        }
    }
}

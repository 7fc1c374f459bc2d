//! The rollups around a change: by what was blamed, by dimension, and of the other series of the route. What they say is not known here.

use clickhouse::Row;
use clickhouse::query::Query;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Store;
use super::queries::{QueryError, all};

/// Which hours are compared. Seconds since the epoch; ends are excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Windows {
    pub before_from_s: i64,
    pub before_to_s: i64,
    pub after_from_s: i64,
    pub after_to_s: i64,
    /// Of each day before, only so much from the time of day of the change on: a part of a day is compared with the same hours.
    pub of_day_s: i64,
}

/// One finding's series and hours.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    pub app: &'a str,
    pub environment: &'a str,
    pub route: &'a str,
    pub kind: &'a str,
    pub vital: &'a str,
    pub windows: &'a Windows,
}

/// What page views before (0) or after (1) the change blamed.
#[derive(Clone, Debug, Row, Deserialize)]
pub struct Fact {
    pub after: u8,
    /// `phase`, `element`, `script`, `type` or `load_state`.
    pub fact: String,
    pub name: String,
    pub n: u64,
    /// Of phases.
    pub sum_ms: f64,
    pub buckets: Vec<(u16, u64)>,
}

/// Page views before or after the change, by one value of a dimension.
#[derive(Clone, Debug, Row, Deserialize)]
pub struct Value {
    pub after: u8,
    /// The dimension.
    pub what: String,
    pub name: String,
    pub n: u64,
    pub buckets: Vec<(u16, u64)>,
}

/// One day of a series, counted from the change: days before it are negative.
#[derive(Clone, Debug, Row, Deserialize)]
pub struct DayValue {
    pub kind: String,
    pub vital: String,
    pub day: i64,
    pub buckets: Vec<(u16, u64)>,
}

impl Fact {
    pub fn value(&self) -> Value {
        Value {
            after: self.after,
            what: self.fact.clone(),
            name: self.name.clone(),
            n: self.n,
            buckets: self.buckets.clone(),
        }
    }
}

/// # Errors
/// The server's.
pub async fn facts(store: &Store, around: &Around<'_>) -> Result<Vec<Fact>, QueryError> {
    all(around.query(store, include_str!("sql/around_facts.sql"))).await
}

/// # Errors
/// The server's.
pub async fn dimensions(store: &Store, around: &Around<'_>) -> Result<Vec<Value>, QueryError> {
    all(around.query(store, include_str!("sql/around_dimensions.sql"))).await
}

/// # Errors
/// The server's.
pub async fn series(store: &Store, around: &Around<'_>) -> Result<Vec<DayValue>, QueryError> {
    all(around.query(store, include_str!("sql/around_series.sql"))).await
}

impl Around<'_> {
    fn query(&self, store: &Store, sql: &str) -> Query {
        let windows = self.windows;
        store
            .client()
            .query(sql)
            .param("app", self.app)
            .param("environment", self.environment)
            .param("route", self.route)
            .param("kind", self.kind)
            .param("vital", self.vital)
            .param("before_from_s", windows.before_from_s)
            .param("before_to_s", windows.before_to_s)
            .param("after_from_s", windows.after_from_s)
            .param("after_to_s", windows.after_to_s)
            .param("of_day_s", windows.of_day_s)
    }
}

//! What the database itself is like: how fresh, how large, which names it knows.

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{QueryError, all, one, within_time};
use crate::store::Store;
use crate::store::calibration::{self, CalibrationRow};
use crate::store::size::TableSizeRow;

/// A name that an app brought; `what` is that of `ingest::names::Kind`. `app` is empty for the name of an app.
#[derive(Clone, Debug, PartialEq, Row, Deserialize)]
pub struct NameRow {
    pub app: String,
    pub what: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize, ToSchema)]
pub struct FreshnessRow {
    pub last_hour_at_ms: i64,
    pub last_minute_at_ms: i64,
    pub last_evaluation_at_ms: i64,
    pub clickhouse_version: String,
}

pub async fn freshness(store: &Store) -> Result<FreshnessRow, QueryError> {
    one(store.client().query(include_str!("../sql/freshness.sql"))).await
}

/// The newest measurement of the false-alarm rate.
pub async fn false_alarms(store: &Store) -> Result<Option<CalibrationRow>, QueryError> {
    within_time(calibration::newest(store)).await
}

/// What apps brought within the last `days`, the most used first.
pub async fn names(store: &Store, days: u16) -> Result<Vec<NameRow>, QueryError> {
    all(store
        .client()
        .query(include_str!("../sql/names.sql"))
        .param("days", days))
    .await
}

pub async fn table_sizes(store: &Store) -> Result<Vec<TableSizeRow>, QueryError> {
    all(store.client().query(include_str!("../sql/table_sizes.sql"))).await
}

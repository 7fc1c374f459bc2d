//! The measured false-alarm rate, as rows. How it is measured and what follows from it, `detect::false_alarms` knows.

use clickhouse::Row;
use detect::false_alarms::{FalseAlarms, MIN_LOOKS};
use serde::{Deserialize, Serialize};

use super::Store;

/// One night's measurement.
#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize)]
pub struct CalibrationRow {
    /// Days since 1970.
    pub day_number: i64,
    /// The replayed days.
    pub from_ms: i64,
    pub to_ms: i64,
    pub series: u64,
    /// 0: no series had enough history.
    pub series_days: f64,
    pub alarms: u64,
    /// What a look cost in the measurement, and what it costs since.
    pub looks_before: f64,
    pub looks: f64,
    pub duration_ms: u64,
    pub measured_at_ms: i64,
}

impl CalibrationRow {
    pub fn counted(&self) -> FalseAlarms {
        FalseAlarms {
            series_days: self.series_days,
            alarms: self.alarms,
        }
    }
}

/// The newest measurement.
///
/// # Errors
/// The server's.
pub async fn newest(store: &Store) -> clickhouse::error::Result<Option<CalibrationRow>> {
    store
        .client()
        .query(include_str!("sql/false_alarms.sql"))
        .fetch_optional()
        .await
}

/// What a look costs now.
///
/// # Errors
/// The server's.
pub async fn looks(store: &Store) -> clickhouse::error::Result<f64> {
    Ok(looks_after(newest(store).await?.as_ref()))
}

/// What a look costs after the newest measurement; one of an earlier version may have cost less than it does at least.
pub fn looks_after(newest: Option<&CalibrationRow>) -> f64 {
    newest.map_or(MIN_LOOKS, |row| row.looks.max(MIN_LOOKS))
}

/// Keeps a measurement; `measured_at_ms` is the server's to say.
///
/// # Errors
/// The server's.
pub async fn keep(store: &Store, row: &CalibrationRow) -> clickhouse::error::Result<()> {
    store
        .client()
        .query(
            "insert into false_alarm_rows select toDate(fromUnixTimestamp(?)), toUInt64(toUnixTimestamp64Milli(now64(3))), \
             fromUnixTimestamp(?), fromUnixTimestamp(?), ?, ?, ?, ?, ?, ?, now64(3)",
        )
        .bind(row.day_number * 86_400)
        .bind(row.from_ms / 1000)
        .bind(row.to_ms / 1000)
        .bind(row.series)
        .bind(row.series_days)
        .bind(row.alarms)
        .bind(row.looks_before)
        .bind(row.looks)
        .bind(row.duration_ms)
        .execute()
        .await
}

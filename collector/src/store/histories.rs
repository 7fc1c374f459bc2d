//! Rollups as the detector wants them: one history per series.

use std::collections::BTreeMap;
use std::ops::Range;

use clickhouse::Row;
use clickhouse::query::RowCursor;
use detect::series::{Hour, MEMORY_GROWTH};
use detect::{Kind, SeriesHourRow, SeriesKey};
use serde::Deserialize;

use super::Store;
use crate::history::Histories;

const HOUR_S: i64 = 3600;
const VISIT_HOURS: Hour = 48;

/// One row of the rollups.
#[derive(Row, Deserialize)]
pub struct RollupRow {
    app: String,
    environment: String,
    route: String,
    kind: String,
    vital: String,
    pub stratum: String,
    pub release: String,
    pub hour_number: i64,
    bucket_indices: Vec<u16>,
    bucket_counts: Vec<u64>,
}

/// The rollups of `hours`, one history per series; `app` empty means every app.
///
/// # Errors
/// The server's.
pub async fn read(store: &Store, hours: Range<Hour>, app: &str) -> anyhow::Result<Histories> {
    let mut histories = Histories::default();
    read_into(store, &mut histories, hours, app).await?;
    Ok(histories)
}

/// Adds the rollups of `hours`, which come after those that are there.
///
/// # Errors
/// The server's.
pub async fn read_into(
    store: &Store,
    histories: &mut Histories,
    hours: Range<Hour>,
    app: &str,
) -> anyhow::Result<()> {
    if hours.is_empty() {
        return Ok(());
    }
    let mut rows = rows(store, hours, app)?;
    while let Some(row) = rows.next().await? {
        row.add_to(histories, |_, _| true);
    }
    Ok(())
}

/// The rollups of `hours` row by row, in the order of their hours.
///
/// # Errors
/// The server's.
pub fn rows(
    store: &Store,
    hours: Range<Hour>,
    app: &str,
) -> clickhouse::error::Result<RowCursor<RollupRow>> {
    store
        .client()
        .query(include_str!("sql/rollup_history.sql"))
        .bind(hours.start)
        .bind(hours.end)
        .bind(app)
        .bind(app)
        .fetch()
}

/// Adds those of `hours` that the series want of them.
///
/// # Errors
/// The server's.
pub async fn add_older(
    store: &Store,
    histories: &mut Histories,
    hours: Range<Hour>,
    wanted: &BTreeMap<&SeriesKey, &[Range<Hour>]>,
) -> anyhow::Result<()> {
    let names: Vec<_> = wanted
        .keys()
        .map(|key| {
            (
                &key.app,
                &key.environment,
                &key.route,
                key.kind.name(),
                &key.vital,
            )
        })
        .collect();
    let mut rows = store
        .client()
        .query(include_str!("sql/rollup_older.sql"))
        .bind(hours.start)
        .bind(hours.end)
        .bind(names)
        .fetch::<RollupRow>()?;
    let is_wanted = |key: &SeriesKey, hour: Hour| {
        let windows = wanted
            .get(key)
            .into_iter()
            .flat_map(|windows| windows.iter());
        windows.into_iter().any(|window| window.contains(&hour))
    };
    while let Some(row) = rows.next().await? {
        row.add_to(histories, is_wanted);
    }
    Ok(())
}

#[derive(Row, Deserialize)]
struct VisitRow {
    app: String,
    environment: String,
    route: String,
    minutes: f64,
}

/// How long visits are in the middle that tell their growth, minutes, by its series; of the last two days before `hour`, for length does
/// not change from day to day and raw rows are many.
///
/// # Errors
/// The server's.
pub async fn visit_minutes(store: &Store, hour: Hour) -> anyhow::Result<Vec<(SeriesKey, f64)>> {
    let rows: Vec<VisitRow> = store
        .client()
        .query(include_str!("sql/visit_minutes.sql"))
        .bind((hour - VISIT_HOURS) * HOUR_S)
        .bind(hour * HOUR_S)
        .fetch_all()
        .await?;
    let of_row = |row: VisitRow| {
        let key = SeriesKey {
            app: row.app,
            environment: row.environment,
            route: row.route,
            kind: Kind::Vital,
            vital: MEMORY_GROWTH.to_owned(),
        };
        (key, row.minutes)
    };
    Ok(rows.into_iter().map(of_row).collect())
}

impl RollupRow {
    /// None for a kind that a later version of this program wrote.
    pub fn key(&self) -> Option<SeriesKey> {
        Some(SeriesKey {
            app: self.app.clone(),
            environment: self.environment.clone(),
            route: self.route.clone(),
            kind: Kind::from_name(&self.kind)?,
            vital: self.vital.clone(),
        })
    }

    /// Bucket index and count.
    pub fn cells(&self) -> impl ExactSizeIterator<Item = (u16, u64)> {
        let cells = self.bucket_indices.iter().zip(&self.bucket_counts);
        cells.map(|(bucket, count)| (*bucket, *count))
    }

    fn add_to(self, histories: &mut Histories, is_wanted: impl Fn(&SeriesKey, Hour) -> bool) {
        let Some(key) = self.key() else { return };
        if !is_wanted(&key, self.hour_number) {
            return;
        }
        let buckets: Vec<(u16, u64)> = self.cells().collect();
        let row = SeriesHourRow {
            stratum: &self.stratum,
            release: &self.release,
            hour: self.hour_number,
            buckets: &buckets,
        };
        histories.add(key, row);
    }
}

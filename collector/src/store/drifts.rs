//! Slow drifts, as rows: what a day's first evaluation listed. What drifts, `detect::drifting` says.

use clickhouse::Row;
use detect::drifting::SlowDrift;
use detect::series::Hour;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Store;
use super::queries::{QueryError, all};
use super::verdicts::{baseline_id, seconds};

#[derive(Row, Serialize)]
struct NewRow {
    day: u16,
    id: String,
    version: u64,
    app: String,
    environment: String,
    route: String,
    kind: String,
    vital: String,
    direction: String,
    window_days: u8,
    change_ratio: f64,
    change_low: f64,
    change_high: f64,
    p_value: f64,
    ratio_per_day: Option<f64>,
    ratio_per_day_low: Option<f64>,
    ratio_per_day_high: Option<f64>,
    baseline_p75: f64,
    current_p75: f64,
    reference_from: u32,
    reference_to: u32,
    threshold: Option<f64>,
    crosses_on: Option<u16>,
    crosses_earliest: Option<u16>,
    crosses_latest: Option<u16>,
}

/// A series that drifts. Ratios are over the reference: 1.06 is 6 % more. Dates are UTC.
#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize, ToSchema)]
pub struct DriftRow {
    /// The last day that was judged.
    pub day: String,
    pub id: String,
    pub app: String,
    pub environment: String,
    pub route: String,
    pub kind: String,
    pub vital: String,
    pub direction: String,
    /// Days taken together, and their level with its 90 % interval.
    pub window_days: u8,
    pub change_ratio: f64,
    pub change_low: f64,
    pub change_high: f64,
    /// How many such drifts a day one series would show if it had none.
    pub p_value: f64,
    /// What a day adds, with its 90 % interval; null where the level no longer surely moves.
    pub ratio_per_day: Option<f64>,
    pub ratio_per_day_low: Option<f64>,
    pub ratio_per_day_high: Option<f64>,
    /// In the vital's unit.
    pub baseline_p75: f64,
    pub current_p75: f64,
    pub reference_from_ms: i64,
    pub reference_to_ms: i64,
    /// Of the vital, that the line reaches within 14 days; null without one.
    pub threshold: Option<f64>,
    pub crosses_on: Option<String>,
    pub crosses_earliest: Option<String>,
    /// Null also where the line may flatten before.
    pub crosses_latest: Option<String>,
}

/// Whether the day that ended before `now_hour` was looked at.
///
/// # Errors
/// The server's.
pub async fn is_known(store: &Store, now_hour: Hour) -> anyhow::Result<bool> {
    let marks: u64 = store
        .client()
        .query(
            "select count() from drift_rows where day = toDate(fromUnixTimestamp(?)) and id = ''",
        )
        .bind(day_before(now_hour) * 86_400)
        .fetch_one()
        .await?;
    Ok(marks > 0)
}

/// Keeps what was listed at `now_hour`.
///
/// # Errors
/// The server's.
pub async fn keep(store: &Store, drifts: &[SlowDrift], now_hour: Hour) -> anyhow::Result<()> {
    let version: u64 = store
        .client()
        .query("select toUInt64(toUnixTimestamp64Milli(now64(3)))")
        .fetch_one()
        .await?;
    let day = date(day_before(now_hour));
    let mut rows = store.client().insert::<NewRow>("drift_rows").await?;
    // The mark comes with the last block: a day that was cut short is looked at again.
    for drift in drifts {
        rows.write(&NewRow::of(drift, day, version)).await?;
    }
    rows.write(&NewRow::mark(day, version)).await?;
    rows.end().await?;
    Ok(())
}

/// What the newest day listed, what will cross a threshold first; '' as app, environment or route means all.
///
/// # Errors
/// The server's.
pub async fn newest(
    store: &Store,
    app: &str,
    environment: &str,
    route: &str,
) -> Result<Vec<DriftRow>, QueryError> {
    read(store, 0, app, environment, route).await
}

/// What was listed at `now_hour`, of everything.
///
/// # Errors
/// The server's.
pub async fn listed(store: &Store, now_hour: Hour) -> Result<Vec<DriftRow>, QueryError> {
    read(store, date(day_before(now_hour)), "", "", "").await
}

/// `day`: 0 for the newest.
async fn read(
    store: &Store,
    day: u16,
    app: &str,
    environment: &str,
    route: &str,
) -> Result<Vec<DriftRow>, QueryError> {
    let query = store.client().query(include_str!("sql/drifts.sql"));
    all(query
        .param("day", day)
        .param("app", app)
        .param("environment", environment)
        .param("route", route))
    .await
}

impl NewRow {
    fn of(drift: &SlowDrift, day: u16, version: u64) -> NewRow {
        let (key, line) = (&drift.key, drift.ratio_per_day);
        let forecast = drift.crossing.map(|crossing| crossing.forecast);
        NewRow {
            day,
            id: baseline_id(key, false),
            version,
            app: key.app.clone(),
            environment: key.environment.clone(),
            route: key.route.clone(),
            kind: key.kind.name().to_owned(),
            vital: key.vital.clone(),
            direction: drift.direction.name().to_owned(),
            window_days: drift.window_days as u8,
            change_ratio: drift.ratio.value,
            change_low: drift.ratio.low,
            change_high: drift.ratio.high,
            p_value: drift.p_value,
            ratio_per_day: line.map(|line| line.value),
            ratio_per_day_low: line.map(|line| line.low),
            ratio_per_day_high: line.map(|line| line.high),
            baseline_p75: drift.baseline_p75,
            current_p75: drift.current_p75,
            reference_from: seconds(drift.reference.start),
            reference_to: seconds(drift.reference.end),
            threshold: drift.crossing.map(|crossing| crossing.threshold),
            crosses_on: forecast.map(|one| date(one.day)),
            crosses_earliest: forecast.map(|one| date(one.earliest)),
            crosses_latest: forecast.and_then(|one| one.latest).map(date),
        }
    }

    fn mark(day: u16, version: u64) -> NewRow {
        NewRow {
            day,
            id: String::new(),
            version,
            app: String::new(),
            environment: String::new(),
            route: String::new(),
            kind: String::new(),
            vital: String::new(),
            direction: String::new(),
            window_days: 0,
            change_ratio: 1.0,
            change_low: 1.0,
            change_high: 1.0,
            p_value: 1.0,
            ratio_per_day: None,
            ratio_per_day_low: None,
            ratio_per_day_high: None,
            baseline_p75: 0.0,
            current_p75: 0.0,
            reference_from: 0,
            reference_to: 0,
            threshold: None,
            crosses_on: None,
            crosses_earliest: None,
            crosses_latest: None,
        }
    }
}

/// The last day that has closed, since the epoch.
fn day_before(now_hour: Hour) -> i64 {
    now_hour.div_euclid(24) - 1
}

/// What the server calls a date: at most the year 2149.
fn date(day: i64) -> u16 {
    day.clamp(0, i64::from(u16::MAX)) as u16
}

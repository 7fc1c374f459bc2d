//! Once a day: how often the detector cried wolf on the days that are normal by definition, kept and acted upon.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use detect::false_alarms::{FalseAlarms, measure, placebo_hours};
use detect::{History, Policy, Strategy};

use super::known::{self, Known};
use crate::history::hour_of;
use crate::store::Store;
use crate::store::calibration::{self, CalibrationRow};
use crate::store::packed::Recent;

/// Measures on the days before `at`, unless that was done on this day or a later one. Returns the newest measurement.
///
/// # Errors
/// The server's.
pub async fn calibrate(
    store: &Store,
    strategy: Strategy,
    at: jiff::Timestamp,
) -> anyhow::Result<CalibrationRow> {
    let started = Instant::now();
    let newest = calibration::newest(store).await.context("calibration")?;
    let now_hour = hour_of(at);
    let day_number = now_hour.div_euclid(24);
    if let Some(newest) = &newest
        && newest.day_number >= day_number
    {
        return Ok(newest.clone());
    }
    let looks = calibration::looks_after(newest.as_ref());
    let policy = Policy {
        strategy,
        looks,
        ..Policy::default()
    };
    let hours = placebo_hours(now_hour, &policy);
    let known = Arc::new(known::read(store, &policy, &hours, hours.end * 3_600_000).await?);
    let (from_ms, to_ms) = (hours.start * 3_600_000, hours.end * 3_600_000);
    let judge = move |known: &Known, histories: &[History]| {
        let counted = measure(histories, &policy, known.past(), &hours);
        (histories.len() as u64, counted)
    };
    let (mut series, mut counted) = (0, FalseAlarms::default());
    for (count, of_app) in known.each_app(store, &mut Recent::nothing(), judge).await? {
        series += count;
        counted.series_days += of_app.series_days;
        counted.alarms += of_app.alarms;
    }
    let row = CalibrationRow {
        day_number,
        from_ms,
        to_ms,
        series,
        series_days: counted.series_days,
        alarms: counted.alarms,
        looks_before: looks,
        looks: counted.looks_after(looks),
        duration_ms: started.elapsed().as_millis() as u64,
        measured_at_ms: at.as_millisecond(),
    };
    calibration::keep(store, &row)
        .await
        .context("calibration")?;
    tell(&row);
    Ok(row)
}

fn tell(row: &CalibrationRow) {
    let counted = row.counted();
    let rate = counted.per_1000_series_days();
    let (alarms, series_days) = (row.alarms, row.series_days);
    if row.looks > row.looks_before {
        tracing::warn!(
            alarms,
            series_days,
            rate,
            looks = row.looks,
            "too many false alarms on normal days: a look costs more from now on, so smaller changes are found later"
        );
    } else {
        tracing::info!(
            alarms,
            series_days,
            rate,
            looks = row.looks,
            "false alarms measured"
        );
    }
}

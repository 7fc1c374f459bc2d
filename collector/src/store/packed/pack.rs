//! Making packed days: from the hours that this process has kept, or from the rollups.

use std::collections::BTreeMap;

use clickhouse::Row;
use detect::SeriesKey;
use detect::series::Hour;
use serde::{Serialize, Serializer};

use super::recent::{Mark, Recent};
use super::{DAY_HOURS, Day, Generation, format};
use crate::store::Store;
use crate::store::histories::{self, RollupRow};

#[derive(Row, Serialize)]
struct NewMark<'a> {
    app: &'a str,
    day: u16,
    version: u64,
    generation: Generation,
}

#[derive(Row, Serialize)]
struct NewDay<'a> {
    app: &'a str,
    day: u16,
    environment: &'a str,
    kind: &'a str,
    vital: &'a str,
    route: &'a str,
    version: u64,
    #[serde(serialize_with = "bytes")]
    hours: &'a [u8],
}

fn bytes<S: Serializer>(bytes: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

type Packers = BTreeMap<(Day, SeriesKey), format::Packer>;

/// Packs these days of an app; answers the version that they have now.
pub async fn pack(
    store: &Store,
    recent: &Recent,
    marks: &BTreeMap<Hour, Mark>,
    app: &str,
    days: &[(Day, Generation)],
) -> anyhow::Result<u64> {
    let version: u64 = store
        .client()
        .query("select toUInt64(toUnixTimestamp64Milli(now64(3)))")
        .fetch_one()
        .await?;
    let packed = match rows_kept(recent, marks, app, days)? {
        Some(packed) => packed,
        None => rows_read(store, app, days).await?,
    };
    let mut out = store.client().insert::<NewDay<'_>>("packed_days").await?;
    for ((day, key), packer) in packed {
        out.write(&NewDay {
            app,
            day: day as u16,
            environment: &key.environment,
            kind: key.kind.name(),
            vital: &key.vital,
            route: &key.route,
            version,
            hours: &packer.finish(),
        })
        .await?;
    }
    out.end().await?;
    // Only now: rows without a mark are packed again.
    let mut marks = store
        .client()
        .insert::<NewMark<'_>>("packed_day_marks")
        .await?;
    for (day, generation) in days {
        marks
            .write(&NewMark {
                app,
                day: *day as u16,
                version,
                generation: *generation,
            })
            .await?;
    }
    marks.end().await?;
    Ok(version)
}

/// These days of an app, from the hours that this process has kept; none unless all of them are.
fn rows_kept(
    recent: &Recent,
    marks: &BTreeMap<Hour, Mark>,
    app: &str,
    days: &[(Day, Generation)],
) -> anyhow::Result<Option<Packers>> {
    let mut packed = Packers::new();
    for (day, _) in days {
        let hours = day * DAY_HOURS..(day + 1) * DAY_HOURS;
        let is_kept = recent.each_row(app, hours, marks, |key, row| {
            let packer = packed.entry((*day, key.clone())).or_default();
            let hour = row.hour.rem_euclid(DAY_HOURS) as u64;
            packer.add(hour, row.stratum, row.release, row.buckets.iter().copied());
        })?;
        if !is_kept {
            return Ok(None);
        }
    }
    Ok(Some(packed))
}

/// The same from the rollups.
async fn rows_read(
    store: &Store,
    app: &str,
    days: &[(Day, Generation)],
) -> anyhow::Result<Packers> {
    let first = days.first().map_or(0, |(day, _)| *day);
    let end = days.last().map_or(0, |(day, _)| *day + 1);
    let mut packed = Packers::new();
    let mut rows = histories::rows(store, first * DAY_HOURS..end * DAY_HOURS, app)?;
    while let Some(row) = rows.next().await? {
        let day = row.hour_number.div_euclid(DAY_HOURS);
        let Some(key) = row.key() else { continue };
        if days.iter().any(|(one, _)| *one == day) {
            add(packed.entry((day, key)).or_default(), &row);
        }
    }
    Ok(packed)
}

fn add(packer: &mut format::Packer, row: &RollupRow) {
    packer.add(
        row.hour_number.rem_euclid(DAY_HOURS) as u64,
        &row.stratum,
        &row.release,
        row.cells(),
    );
}

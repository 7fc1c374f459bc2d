//! Closed days of rollups, packed: one row for each series and day. They only save time; what counts are the rollups.
//!
//! A day is packed when an evaluation first wants it, and again when its rollups have a newer generation. The mark of a day, written last,
//! says from which version on its rows count: older ones are of series that the day no longer has. Newer ones are another
//! collector's, whose mark comes later. Not here: the format ([`format`]).

mod format;

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::Context;
use clickhouse::Row;
use detect::series::Hour;
use detect::{Kind, SeriesKey};
use serde::{Deserialize, Serialize, Serializer};

use super::Store;
use super::histories::{self, RollupRow};
use crate::history::Histories;

/// Days since 1970.
type Day = i64;
type Generation = u64;

const DAY_HOURS: Hour = 24;
/// A day is packed so long after its end: until then much comes late, and would have it packed again each hour.
const SETTLE_HOURS: Hour = 6;
/// Older days are read as rows. The tables forget days after 100, at a moment that is the server's, and rows apart from marks.
const MAX_AGE: Day = 90;
/// Days that are packed at once: as many of one app are in memory, and each time the server reads through all that the app has.
const DAYS_AT_ONCE: Day = 14;

/// Which apps have rollups in a range of hours, on which days.
pub struct Apps {
    hours: Range<Hour>,
    /// Days that may be packed.
    days: Range<Day>,
    by_name: BTreeMap<String, BTreeMap<Day, State>>,
}

#[derive(Clone, Copy, Default)]
struct State {
    /// The newest of its rollups.
    generation: Generation,
    /// Of the packed rows that hold them; 0 when there are none or they are older.
    version: u64,
}

#[derive(Row, Deserialize)]
struct SourceRow {
    app_name: String,
    day_number: u16,
    newest: Generation,
}

#[derive(Row, Deserialize)]
struct MarkRow {
    app_name: String,
    day_number: u16,
    version: u64,
    generation: Generation,
}

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

#[derive(Row, Deserialize)]
struct PackedRow<'a> {
    day_number: u16,
    environment: &'a str,
    kind: &'a str,
    vital: &'a str,
    route: &'a str,
    version: u64,
    hours: &'a [u8],
}

fn bytes<S: Serializer>(bytes: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// Which apps there are, and which of their days are packed.
///
/// # Errors
/// The server's.
pub async fn apps(store: &Store, hours: Range<Hour>) -> anyhow::Result<Apps> {
    let sources: Vec<SourceRow> = store
        .client()
        .query(include_str!("../sql/packed_sources.sql"))
        .bind(hours.start)
        .bind(hours.end)
        .bind(hours.start)
        .bind(hours.end)
        .fetch_all()
        .await?;
    let marks: Vec<MarkRow> = store
        .client()
        .query(
            "select toString(app) as app_name, toUInt16(day) as day_number, version, generation from packed_day_marks final",
        )
        .fetch_all()
        .await?;
    let today: u16 = store
        .client()
        .query("select toUInt16(toDate(now('UTC')))")
        .fetch_one()
        .await?;
    let first = (hours.start + DAY_HOURS - 1).div_euclid(DAY_HOURS);
    let first = first.max(Day::from(today) - MAX_AGE);
    let end = (hours.end - SETTLE_HOURS).div_euclid(DAY_HOURS);
    let mut by_name: BTreeMap<String, BTreeMap<Day, State>> = BTreeMap::new();
    for row in sources {
        let state = State {
            generation: row.newest,
            version: 0,
        };
        let days = by_name.entry(row.app_name).or_default();
        days.insert(Day::from(row.day_number), state);
    }
    for row in marks {
        let days = by_name.get_mut(&row.app_name);
        let state = days.and_then(|days| days.get_mut(&Day::from(row.day_number)));
        if let Some(state) = state.filter(|state| state.generation == row.generation) {
            state.version = row.version;
        }
    }
    Ok(Apps {
        hours,
        days: first..end,
        by_name,
    })
}

impl Apps {
    pub fn names(&self) -> Vec<String> {
        self.by_name.keys().cloned().collect()
    }

    /// The histories of one app in the hours: whole days packed, what is left of the first and the last as rows.
    ///
    /// # Errors
    /// The server's, and packed days that this program cannot read.
    pub async fn read(&self, store: &Store, app: &str) -> anyhow::Result<Histories> {
        let (Range { start, end }, days) = (self.hours.clone(), &self.days);
        if days.is_empty() {
            return histories::read(store, start..end, app).await;
        }
        let mut histories = Histories::default();
        let first = start..days.start * DAY_HOURS;
        histories::read_into(store, &mut histories, first, app).await?;
        let versions = self.packed(store, app).await?;
        read_days(store, &mut histories, app, days, &versions)
            .await
            .context("packed days")?;
        let last = days.end * DAY_HOURS..end;
        histories::read_into(store, &mut histories, last, app).await?;
        Ok(histories)
    }

    /// The versions of the app's packed days, after what was missing has been packed.
    async fn packed(&self, store: &Store, app: &str) -> anyhow::Result<BTreeMap<Day, u64>> {
        let Some(states) = self.by_name.get(app) else {
            return Ok(BTreeMap::new());
        };
        let states = states.range(self.days.clone());
        let mut versions: BTreeMap<Day, u64> = states
            .clone()
            .map(|(day, state)| (*day, state.version))
            .collect();
        let stale: Vec<(Day, Generation)> = states
            .filter(|(_, state)| state.version == 0)
            .map(|(day, state)| (*day, state.generation))
            .collect();
        let together = |one: &(Day, Generation), other: &(Day, Generation)| {
            one.0.div_euclid(DAYS_AT_ONCE) == other.0.div_euclid(DAYS_AT_ONCE)
        };
        for some in stale.chunk_by(together) {
            let version = pack(store, app, some).await.context("packing days")?;
            versions.extend(some.iter().map(|(day, _)| (*day, version)));
        }
        Ok(versions)
    }
}

async fn read_days(
    store: &Store,
    histories: &mut Histories,
    app: &str,
    days: &Range<Day>,
    versions: &BTreeMap<Day, u64>,
) -> anyhow::Result<()> {
    let mut rows = store
        .client()
        .query(include_str!("../sql/packed_days.sql"))
        .bind(app)
        .bind(days.start)
        .bind(days.end)
        .fetch::<PackedRow<'_>>()?;
    while let Some(row) = rows.next().await? {
        let day = Day::from(row.day_number);
        // A kind that a later version of this program wrote is left out.
        let Some(kind) = Kind::from_name(row.kind) else {
            continue;
        };
        if versions
            .get(&day)
            .is_none_or(|version| row.version < *version)
        {
            continue;
        }
        let key = SeriesKey {
            app: app.to_owned(),
            environment: row.environment.to_owned(),
            route: row.route.to_owned(),
            kind,
            vital: row.vital.to_owned(),
        };
        let history = histories.of(key);
        format::unpack(row.hours, day * DAY_HOURS, |hour| history.add(hour))?;
    }
    Ok(())
}

/// Packs these days of an app; answers the version that they have now.
async fn pack(store: &Store, app: &str, days: &[(Day, Generation)]) -> anyhow::Result<u64> {
    let version: u64 = store
        .client()
        .query("select toUInt64(toUnixTimestamp64Milli(now64(3)))")
        .fetch_one()
        .await?;
    let first = days.first().map_or(0, |(day, _)| *day);
    let end = days.last().map_or(0, |(day, _)| *day + 1);
    let mut packed: BTreeMap<(Day, SeriesKey), format::Packer> = BTreeMap::new();
    let mut rows = histories::rows(store, first * DAY_HOURS..end * DAY_HOURS, app)?;
    while let Some(row) = rows.next().await? {
        let day = row.hour_number.div_euclid(DAY_HOURS);
        let Some(key) = row.key() else { continue };
        if days.iter().any(|(one, _)| *one == day) {
            add(packed.entry((day, key)).or_default(), &row);
        }
    }
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

fn add(packer: &mut format::Packer, row: &RollupRow) {
    let cells = row.bucket_indices.iter().zip(&row.bucket_counts);
    packer.add(
        row.hour_number.rem_euclid(DAY_HOURS) as u8,
        &row.stratum,
        &row.release,
        cells.map(|(bucket, count)| (*bucket, *count)),
    );
}

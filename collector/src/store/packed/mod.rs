//! Closed days of rollups, packed: one row for each series and day. They only save time; what counts are the rollups.
//!
//! A day is packed when an evaluation first wants it, and again when its rollups have a newer generation. The mark of a day, written last,
//! says from which version on its rows count: older ones are of series that the day no longer has. Newer ones are another
//! collector's, whose mark comes later. Not here: the format ([`format`]), how days are packed ([`pack`]), and the hours that are too
//! young for it ([`recent`]).

mod format;
mod pack;
mod recent;

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::Context;
use clickhouse::{Compression, Row};
use detect::series::Hour;
use detect::{Kind, SeriesKey};
use serde::Deserialize;

pub use recent::Recent;

use super::Store;
use super::histories;
use crate::history::Histories;
use recent::Mark;

/// Days since 1970.
type Day = i64;
type Generation = u64;

const DAY_HOURS: Hour = 24;
/// A day is packed so long after its end: until then much comes late, and would have it packed again each hour.
const SETTLE_HOURS: Hour = 6;
/// Older days are read as rows. The tables forget days after 100, at a moment that is the server's, and rows apart from marks.
const MAX_AGE: Day = 90;
/// Days that are packed at once: as many of one app are in memory, and each time the server reads through all that the app has.
const DAYS_AT_ONCE: Day = 7;

/// Which apps have rollups in a range of hours, on which days.
pub struct Apps {
    hours: Range<Hour>,
    /// Days that may be packed.
    days: Range<Day>,
    by_name: BTreeMap<String, BTreeMap<Day, State>>,
    /// What is written down about the hours of the youngest packed day and of what comes after it.
    marks: BTreeMap<String, BTreeMap<Hour, Mark>>,
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

#[derive(Row, Deserialize)]
struct HourRow {
    app_name: String,
    hour_number: Hour,
    mark: Mark,
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
    let marks = hour_marks(store, (end - 1) * DAY_HOURS..hours.end).await?;
    Ok(Apps {
        hours,
        days: first..end,
        by_name,
        marks,
    })
}

async fn hour_marks(
    store: &Store,
    hours: Range<Hour>,
) -> anyhow::Result<BTreeMap<String, BTreeMap<Hour, Mark>>> {
    let rows: Vec<HourRow> = store
        .client()
        .query(include_str!("../sql/recent_hours.sql"))
        .bind(hours.start)
        .bind(hours.end)
        .bind(hours.start)
        .bind(hours.end)
        .fetch_all()
        .await?;
    let mut marks: BTreeMap<String, BTreeMap<Hour, Mark>> = BTreeMap::new();
    for row in rows {
        let of_app = marks.entry(row.app_name).or_default();
        of_app.insert(row.hour_number, row.mark);
    }
    Ok(marks)
}

impl Apps {
    pub fn names(&self) -> Vec<String> {
        self.by_name.keys().cloned().collect()
    }

    pub fn has(&self, app: &str) -> bool {
        self.by_name.contains_key(app)
    }

    /// The histories of one app in the hours: whole days packed, what is left of the first as rows, and of the last what `recent` has
    /// and the rest as rows.
    ///
    /// # Errors
    /// The server's, and packed days that this program cannot read.
    pub async fn read(
        &self,
        store: &Store,
        recent: &mut Recent,
        app: &str,
    ) -> anyhow::Result<Histories> {
        let (Range { start, end }, days) = (self.hours.clone(), &self.days);
        if days.is_empty() {
            return histories::read(store, start..end, app).await;
        }
        let mut histories = Histories::default();
        let first = start..days.start * DAY_HOURS;
        histories::read_into(store, &mut histories, first, app).await?;
        let marks = self.marks.get(app).unwrap_or(const { &BTreeMap::new() });
        let versions = self.packed(store, recent, marks, app).await?;
        read_days(store, &mut histories, app, days, &versions)
            .await
            .context("packed days")?;
        let last = days.end * DAY_HOURS..end;
        recent
            .read_into(store, &mut histories, app, last, marks)
            .await
            .context("hours")?;
        Ok(histories)
    }

    /// The versions of the app's packed days, after what was missing has been packed.
    async fn packed(
        &self,
        store: &Store,
        recent: &Recent,
        marks: &BTreeMap<Hour, Mark>,
        app: &str,
    ) -> anyhow::Result<BTreeMap<Day, u64>> {
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
            let version = pack::pack(store, recent, marks, app, some)
                .await
                .context("packing days")?;
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
    // Measured: to compress them once more takes the server longer than to read them, and they are small already.
    let client = store.client().clone().with_compression(Compression::None);
    let mut rows = client
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

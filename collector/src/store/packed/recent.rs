//! Hours that are too young to be packed, kept by the process that evaluates: an evaluation wants up to 30 of them of every series, and since
//! the one before only the newest are new.
//!
//! An hour is read again when what is written down about its rollups has changed, so what is kept is what the rollups say; a process that
//! begins or takes over reads all. Rows are in the order in which they were read, for the reason that `rollup_history.sql` has.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use detect::series::Hour;
use detect::{SeriesHourRow, SeriesKey};

use super::format::{Packer, unpack_rows};
use crate::history::Histories;
use crate::store::Store;
use crate::store::histories::{self, RollupRow};

/// Whatever is beyond is read each time. An hour of 10,000 series has some 40,000 rows of a dozen bytes: 30 of them take about 15 MB.
const MAX_KEPT_BYTES: usize = 64 * 1024 * 1024;

/// What is written down about an hour's rollups, as one number: another one means other rollups.
pub type Mark = u64;

/// The hours of all apps.
pub struct Recent {
    apps: BTreeMap<String, BTreeMap<Hour, Kept>>,
    /// Of all that is kept, and how many that may be.
    bytes: usize,
    max_bytes: usize,
}

impl Default for Recent {
    fn default() -> Recent {
        Recent {
            max_bytes: MAX_KEPT_BYTES,
            ..Recent::nothing()
        }
    }
}

struct Kept {
    mark: Option<Mark>,
    /// Those of the hour; rows are told apart by their places here.
    series: Vec<Arc<SeriesKey>>,
    rows: Vec<u8>,
}

impl Recent {
    /// Keeps nothing: for an evaluation that comes alone.
    pub fn nothing() -> Recent {
        Recent {
            apps: BTreeMap::new(),
            bytes: 0,
            max_bytes: 0,
        }
    }

    /// Adds hours of an app to histories; those that are not kept as `marks` has them are read.
    ///
    /// # Errors
    /// The server's.
    pub async fn read_into(
        &mut self,
        store: &Store,
        histories: &mut Histories,
        app: &str,
        hours: Range<Hour>,
        marks: &BTreeMap<Hour, Mark>,
    ) -> anyhow::Result<()> {
        let mut kept = self.apps.remove(app).unwrap_or_default();
        kept.values().for_each(|hour| self.bytes -= hour.bytes());
        kept.retain(|hour, kept| {
            hours.contains(hour) && kept.mark.is_some() && kept.mark == marks.get(hour).copied()
        });
        let mut names: HashSet<Arc<SeriesKey>> = HashSet::new();
        for hour in kept.values() {
            names.extend(hour.series.iter().cloned());
        }
        let missing: Vec<Hour> = hours.filter(|hour| !kept.contains_key(hour)).collect();
        for run in missing.chunk_by(|hour, next| hour + 1 == *next) {
            let run = run[0]..run[0] + run.len() as Hour;
            kept.extend(read(store, app, run, marks, &mut names).await?);
        }
        for (hour, kept) in &kept {
            let places: Vec<usize> = kept.series.iter().map(|key| histories.place(key)).collect();
            kept.each_row(*hour, |place, row| histories.at(places[place]).add(row))?;
        }
        for (hour, one) in kept {
            if one.mark.is_some() && self.bytes + one.bytes() <= self.max_bytes {
                self.bytes += one.bytes();
                let of_app = self.apps.entry(app.to_owned()).or_default();
                of_app.insert(hour, one);
            }
        }
        Ok(())
    }

    /// Gives out the rows of a range, if all of it that `marks` knows is kept as it says. An hour without a mark is being computed for the first
    /// time: it will have one, and what was made without it will be made again.
    ///
    /// # Errors
    /// None: what is kept was packed here.
    pub fn each_row(
        &self,
        app: &str,
        hours: Range<Hour>,
        marks: &BTreeMap<Hour, Mark>,
        mut each: impl FnMut(&SeriesKey, SeriesHourRow<'_>),
    ) -> anyhow::Result<bool> {
        let kept_as = |(hour, mark): (&Hour, &Mark)| {
            let kept = self.apps.get(app)?.get(hour)?;
            (kept.mark == Some(*mark)).then_some((*hour, kept))
        };
        let kept: Option<Vec<(Hour, &Kept)>> = marks.range(hours).map(kept_as).collect();
        let Some(kept) = kept.filter(|kept| !kept.is_empty()) else {
            return Ok(false);
        };
        for (hour, kept) in kept {
            kept.each_row(hour, |place, row| each(&kept.series[place], row))?;
        }
        Ok(true)
    }

    /// Forgets apps that no evaluation asks about any more.
    pub fn keep_only(&mut self, is_asked_about: impl Fn(&str) -> bool) {
        self.apps.retain(|app, _| is_asked_about(app));
        let kept = self.apps.values().flat_map(BTreeMap::values);
        self.bytes = kept.map(Kept::bytes).sum();
    }
}

/// Reads hours that follow each other; those without rows are there, too.
async fn read(
    store: &Store,
    app: &str,
    hours: Range<Hour>,
    marks: &BTreeMap<Hour, Mark>,
    names: &mut HashSet<Arc<SeriesKey>>,
) -> anyhow::Result<BTreeMap<Hour, Kept>> {
    let mut packers: BTreeMap<Hour, HourPacker> = BTreeMap::new();
    let mut rows = histories::rows(store, hours.clone(), app)?;
    while let Some(row) = rows.next().await? {
        let Some(key) = row.key() else { continue };
        let key = match names.get(&key) {
            Some(known) => known.clone(),
            None => {
                let key = Arc::new(key);
                names.insert(key.clone());
                key
            }
        };
        packers.entry(row.hour_number).or_default().add(key, &row);
    }
    let finished = |hour: Hour| {
        let packer = packers.remove(&hour).unwrap_or_default();
        (hour, packer.finish(marks.get(&hour).copied()))
    };
    Ok(hours.map(finished).collect())
}

/// Gathers an hour's rows.
#[derive(Default)]
struct HourPacker {
    places: BTreeMap<Arc<SeriesKey>, usize>,
    series: Vec<Arc<SeriesKey>>,
    rows: Packer,
}

impl HourPacker {
    fn add(&mut self, key: Arc<SeriesKey>, row: &RollupRow) {
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None => {
                self.series.push(key.clone());
                self.places.insert(key, self.series.len() - 1);
                self.series.len() - 1
            }
        };
        self.rows
            .add(place as u64, &row.stratum, &row.release, row.cells());
    }

    fn finish(self, mark: Option<Mark>) -> Kept {
        let mut rows = self.rows.finish();
        rows.shrink_to_fit();
        let mut series = self.series;
        series.shrink_to_fit();
        Kept { mark, series, rows }
    }
}

impl Kept {
    fn bytes(&self) -> usize {
        size_of::<Kept>() + self.rows.len() + self.series.len() * size_of::<Arc<SeriesKey>>()
    }

    fn each_row(
        &self,
        hour: Hour,
        mut each: impl FnMut(usize, SeriesHourRow<'_>),
    ) -> anyhow::Result<()> {
        unpack_rows(&self.rows, |row| {
            let place = row.number as usize;
            anyhow::ensure!(place < self.series.len(), "no such series");
            each(place, row.at(hour));
            Ok(())
        })
    }
}

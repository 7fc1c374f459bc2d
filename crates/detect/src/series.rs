//! What a series is and how its past is kept: per hour and stratum the counts of each bucket, per release its hours.
//!
//! Compact on purpose: a cell (one bucket of one hour and stratum) takes four bytes, so 10,000 series of 672 hours with
//! 50 page views an hour fit into about 1.5 GB, and a quiet series costs next to nothing.
//! Not here: SQL, NDJSON and clocks. Hours are whole hours since 1970-01-01T00:00Z.

use std::collections::BTreeMap;
use std::ops::Range;

use wire::Vital;

use crate::histogram::{Histogram, Scheme};

/// Hours since the Unix epoch. Hour `h` covers the instants `h * 3600` up to, not including, `(h + 1) * 3600` seconds.
pub type Hour = i64;

/// The route of the app-level series.
pub const APP_LEVEL_ROUTE: &str = "*";

/// A cell's count has 24 bits; a larger one is split over several cells.
const MAX_CELL_COUNT: u64 = (1 << 24) - 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Vital,
    Operation,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Vital => "vital",
            Kind::Operation => "operation",
        }
    }

    pub fn from_name(name: &str) -> Option<Kind> {
        [Kind::Vital, Kind::Operation]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// The name of a series. `vital` is the vital's or operation's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    pub app: String,
    pub environment: String,
    pub route: String,
    pub kind: Kind,
    pub vital: String,
}

impl SeriesKey {
    /// The vital, when the series is one of the seven.
    pub fn known_vital(&self) -> Option<Vital> {
        match self.kind {
            Kind::Vital => Vital::from_name(&self.vital),
            Kind::Operation => None,
        }
    }

    pub fn scheme(&self) -> Scheme {
        self.known_vital()
            .map_or(Scheme::OPERATION, Scheme::of_vital)
    }
}

/// One rollup row: what one stratum and release of a series saw in one hour. `buckets` are (index, count) pairs.
#[derive(Clone, Copy, Debug)]
pub struct SeriesHourRow<'a> {
    pub stratum: &'a str,
    pub release: &'a str,
    pub hour: Hour,
    pub buckets: &'a [(u16, u64)],
}

/// The past of one series.
#[derive(Clone, Debug)]
pub struct History {
    pub key: SeriesKey,
    strata: Vec<StratumHours>,
    releases: Vec<ReleaseHours>,
}

/// One stratum's hours, sorted; an hour may occur more than once (one row per release).
#[derive(Clone, Debug)]
pub struct StratumHours {
    pub name: String,
    spans: Vec<Span>,
    cells: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    hour: i32,
    start: u32,
    end: u32,
}

/// When a release was seen on this series, and how much of it.
#[derive(Clone, Debug)]
pub struct ReleaseHours {
    pub name: String,
    counts: BTreeMap<i32, u64>,
}

impl History {
    pub fn new(key: SeriesKey) -> History {
        History {
            key,
            strata: Vec::new(),
            releases: Vec::new(),
        }
    }

    /// Adds one row. Rows may come in any order (hour order is fastest); the same row twice counts twice. Empty rows and
    /// hours outside +/- 200,000 years are ignored.
    pub fn add(&mut self, row: SeriesHourRow<'_>) {
        let Ok(hour) = i32::try_from(row.hour) else {
            return;
        };
        let n: u64 = row
            .buckets
            .iter()
            .fold(0, |sum, (_, count)| sum.saturating_add(*count));
        if n == 0 {
            return;
        }
        let last_bucket = self.key.scheme().bucket_count() as u16 - 1;
        self.stratum_mut(row.stratum)
            .push(hour, row.buckets, last_bucket);
        let position = self
            .releases
            .iter()
            .position(|release| release.name == row.release);
        let position = position.unwrap_or_else(|| {
            self.releases.push(ReleaseHours {
                name: row.release.to_owned(),
                counts: BTreeMap::new(),
            });
            self.releases.len() - 1
        });
        *self.releases[position].counts.entry(hour).or_insert(0) += n;
    }

    pub fn strata(&self) -> &[StratumHours] {
        &self.strata
    }

    pub fn releases(&self) -> &[ReleaseHours] {
        &self.releases
    }

    pub fn first_hour(&self) -> Option<Hour> {
        self.strata
            .iter()
            .filter_map(|stratum| stratum.spans.first())
            .map(|span| Hour::from(span.hour))
            .min()
    }

    pub fn last_hour(&self) -> Option<Hour> {
        self.strata
            .iter()
            .filter_map(|stratum| stratum.spans.last())
            .map(|span| Hour::from(span.hour))
            .max()
    }

    /// One histogram per stratum over the hours of `range` that `wanted` accepts; strata without page views are absent.
    pub fn histograms(
        &self,
        range: Range<Hour>,
        wanted: impl Fn(Hour) -> bool,
    ) -> BTreeMap<&str, Histogram> {
        let scheme = self.key.scheme();
        let mut out = BTreeMap::new();
        for stratum in &self.strata {
            let mut histogram = None;
            for (_, cells) in stratum
                .hours(range.clone())
                .filter(|(hour, _)| wanted(*hour))
            {
                let histogram = histogram.get_or_insert_with(|| Histogram::new(scheme));
                cells.for_each(|(index, count)| histogram.add(index, u64::from(count)));
            }
            if let Some(histogram) = histogram {
                out.insert(stratum.name.as_str(), histogram);
            }
        }
        out
    }

    fn stratum_mut(&mut self, name: &str) -> &mut StratumHours {
        let position = self.strata.iter().position(|stratum| stratum.name == name);
        let position = position.unwrap_or_else(|| {
            self.strata.push(StratumHours {
                name: name.to_owned(),
                spans: Vec::new(),
                cells: Vec::new(),
            });
            self.strata.len() - 1
        });
        &mut self.strata[position]
    }
}

impl StratumHours {
    /// The rows of `range` in hour order: each with its hour and (bucket index, count) cells.
    pub fn hours(
        &self,
        range: Range<Hour>,
    ) -> impl Iterator<Item = (Hour, impl Iterator<Item = (u16, u32)> + '_)> + '_ {
        let first = self
            .spans
            .partition_point(|span| Hour::from(span.hour) < range.start);
        let end = self
            .spans
            .partition_point(|span| Hour::from(span.hour) < range.end)
            .max(first);
        self.spans[first..end].iter().map(|span| {
            let cells = &self.cells[span.start as usize..span.end as usize];
            (
                Hour::from(span.hour),
                cells
                    .iter()
                    .map(|cell| ((cell >> 24) as u16, cell & 0x00ff_ffff)),
            )
        })
    }

    fn push(&mut self, hour: i32, buckets: &[(u16, u64)], last_bucket: u16) {
        let start = self.cells.len() as u32;
        for &(index, count) in buckets {
            let mut left = count;
            while left > 0 {
                let part = left.min(MAX_CELL_COUNT);
                self.cells
                    .push(u32::from(index.min(last_bucket)) << 24 | part as u32);
                left -= part;
            }
        }
        let span = Span {
            hour,
            start,
            end: self.cells.len() as u32,
        };
        let position = self.spans.partition_point(|other| other.hour <= hour);
        self.spans.insert(position, span);
    }
}

impl ReleaseHours {
    pub fn first_hour(&self) -> Option<Hour> {
        self.counts.keys().next().map(|hour| Hour::from(*hour))
    }

    pub fn last_hour(&self) -> Option<Hour> {
        self.counts.keys().next_back().map(|hour| Hour::from(*hour))
    }

    /// The hours of `range` with page views of this release, and how many.
    pub fn hours(&self, range: Range<Hour>) -> impl Iterator<Item = (Hour, u64)> + '_ {
        let bound = |hour: Hour| hour.clamp(Hour::from(i32::MIN), Hour::from(i32::MAX)) as i32;
        // An inverted range is empty, not a bug.
        let end = range.end.max(range.start);
        self.counts
            .range(bound(range.start)..bound(end))
            .map(|(hour, n)| (Hour::from(*hour), *n))
    }

    /// Page views of this release in `range`.
    pub fn n(&self, range: Range<Hour>) -> u64 {
        self.hours(range).map(|(_, n)| n).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: Kind, vital: &str) -> SeriesKey {
        SeriesKey {
            app: "shop".into(),
            environment: "production".into(),
            route: "/".into(),
            kind,
            vital: vital.into(),
        }
    }

    fn row(
        hour: Hour,
        release: &'static str,
        buckets: &'static [(u16, u64)],
    ) -> SeriesHourRow<'static> {
        SeriesHourRow {
            stratum: "mobile/fast/network",
            release,
            hour,
            buckets,
        }
    }

    #[test]
    fn a_key_knows_its_scheme() {
        assert_eq!(key(Kind::Vital, "CLS").scheme(), Scheme::LayoutShift);
        assert_eq!(key(Kind::Operation, "CLS").scheme(), Scheme::OPERATION);
        assert_eq!(key(Kind::Vital, "NEWER").known_vital(), None);
        assert_eq!(Kind::from_name("operation"), Some(Kind::Operation));
        assert_eq!(Kind::from_name("span"), None);
    }

    #[test]
    fn rows_in_any_order_give_sorted_hours() {
        let mut history = History::new(key(Kind::Vital, "LCP"));
        history.add(row(12, "2", &[(90, 5)]));
        history.add(row(10, "1", &[(91, 2), (92, 1)]));
        history.add(row(12, "1", &[(90, 1)]));
        history.add(row(11, "1", &[]));
        assert_eq!(
            (history.first_hour(), history.last_hour()),
            (Some(10), Some(12))
        );
        let hours: Vec<Hour> = history.strata()[0]
            .hours(0..100)
            .map(|(hour, _)| hour)
            .collect();
        assert_eq!(hours, [10, 12, 12]);
        let all = history.histograms(0..100, |_| true);
        assert_eq!(all["mobile/fast/network"].counts()[90], 6);
        assert!(history.histograms(0..100, |hour| hour == 11).is_empty());
        let first = &history.releases()[1];
        assert_eq!(
            (first.name.as_str(), first.first_hour(), first.last_hour()),
            ("1", Some(10), Some(12))
        );
        assert_eq!((first.n(10..12), first.n(20..20)), (3, 0));
    }

    #[test]
    fn hostile_rows_are_bounded() {
        let mut history = History::new(key(Kind::Vital, "INP"));
        history.add(row(i64::MAX, "1", &[(1, 1)]));
        assert_eq!(history.first_hour(), None);
        history.add(row(1, "1", &[(65_000, 40_000_000)]));
        let last = Scheme::Grid.bucket_count() - 1;
        assert_eq!(
            history.histograms(1..2, |_| true)["mobile/fast/network"].counts()[last],
            40_000_000
        );
    }
}

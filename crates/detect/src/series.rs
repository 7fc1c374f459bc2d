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

/// The leak series: bytes per minute by which a page view's heap grows after collections. No vital of a beacon, but a series like any other.
pub const MEMORY_GROWTH: &str = "MEMORY_GROWTH";

/// A cell's count has 24 bits; a larger one is split over several cells.
const MAX_CELL_COUNT: u64 = (1 << 24) - 1;
/// A cell's bucket has the other 8.
const MAX_BUCKETS: usize = 256;
/// Page views by bucket.
pub(crate) type Counts = [u64; MAX_BUCKETS];
/// Releases of a series whose page views can be told apart: what a span's 16 bits name. No series lives to see so many.
const MAX_RELEASES: u16 = u16::MAX;

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

    /// Whether its values have a sign, and no ratio: they are compared by [`crate::memory`].
    pub fn is_growth(&self) -> bool {
        self.kind == Kind::Vital && self.vital == MEMORY_GROWTH
    }

    pub fn scheme(&self) -> Scheme {
        if self.is_growth() {
            return Scheme::Growth;
        }
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
    /// Places of the stratum and the release that were added last: the next row is likely of the one after, and of the same.
    last: (usize, usize),
}

/// One stratum's hours, sorted; an hour may occur more than once (one row per release).
#[derive(Clone, Debug)]
pub struct StratumHours {
    pub name: String,
    spans: Vec<Span>,
    cells: Vec<u32>,
}

/// One row's cells. Twelve bytes: a history has millions of them.
#[derive(Clone, Copy, Debug)]
struct Span {
    hour: i32,
    start: u32,
    /// A row of more cells is kept as several spans.
    len: u16,
    /// Index into the history's releases; [`MAX_RELEASES`] for those that came too late to be told apart.
    release: u16,
}

/// When a release was seen on this series, and how much of it.
#[derive(Clone, Debug)]
pub struct ReleaseHours {
    pub name: String,
    /// By hour, sorted.
    counts: Vec<(i32, u64)>,
}

impl History {
    pub fn new(key: SeriesKey) -> History {
        History {
            key,
            strata: Vec::new(),
            releases: Vec::new(),
            last: (0, 0),
        }
    }

    /// Adds one row. Rows may come in any order (hour order is fastest); the same row twice counts twice. Empty rows and
    /// hours outside +/- 200,000 years are ignored.
    pub fn add(&mut self, row: SeriesHourRow<'_>) {
        let Ok(hour) = i32::try_from(row.hour) else {
            return;
        };
        let counts = row.buckets.iter().map(|(_, count)| *count);
        let n = counts.fold(0, u64::saturating_add);
        if n == 0 {
            return;
        }
        let last_bucket = self.key.scheme().bucket_count() as u16 - 1;
        let release = self.release_index(row.release);
        self.stratum_mut(row.stratum).push(
            hour,
            u16::try_from(release).unwrap_or(MAX_RELEASES),
            row.buckets,
            last_bucket,
        );
        self.releases[release].add(hour, n);
    }

    /// Gives back the room that was taken ahead for more rows: up to half of what a history takes.
    pub fn shrink_to_fit(&mut self) {
        for stratum in &mut self.strata {
            stratum.spans.shrink_to_fit();
            stratum.cells.shrink_to_fit();
        }
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

    /// What one release saw in the hours of `range`: a histogram for each hour and stratum with page views.
    pub fn release_histograms(
        &self,
        release: &str,
        range: Range<Hour>,
    ) -> BTreeMap<(Hour, &str), Histogram> {
        let mut out = BTreeMap::new();
        let position = self.releases.iter().position(|one| one.name == release);
        let index = position.and_then(|position| u16::try_from(position).ok());
        let Some(index) = index.filter(|index| *index < MAX_RELEASES) else {
            return out;
        };
        for stratum in &self.strata {
            let spans = stratum.spans(range.clone()).iter();
            for span in spans.filter(|span| span.release == index) {
                let histogram = out
                    .entry((Hour::from(span.hour), stratum.name.as_str()))
                    .or_insert_with(|| Histogram::new(self.key.scheme()));
                let cells = stratum.cells(span);
                cells.for_each(|(index, count)| histogram.add(index, u64::from(count)));
            }
        }
        out
    }

    fn release_index(&mut self, name: &str) -> usize {
        let is_named = |one: &ReleaseHours| one.name == name;
        let near = self.last.1;
        let position = match self.releases.get(near) {
            Some(one) if is_named(one) => Some(near),
            _ => self.releases.iter().position(is_named),
        };
        self.last.1 = position.unwrap_or_else(|| {
            self.releases.push(ReleaseHours {
                name: name.to_owned(),
                counts: Vec::new(),
            });
            self.releases.len() - 1
        });
        self.last.1
    }

    fn stratum_mut(&mut self, name: &str) -> &mut StratumHours {
        let is_named = |one: &StratumHours| one.name == name;
        let near = (self.last.0 + 1) % self.strata.len().max(1);
        let position = match self.strata.get(near) {
            Some(one) if is_named(one) => Some(near),
            _ => self.strata.iter().position(is_named),
        };
        self.last.0 = position.unwrap_or_else(|| {
            self.strata.push(StratumHours {
                name: name.to_owned(),
                spans: Vec::new(),
                cells: Vec::new(),
            });
            self.strata.len() - 1
        });
        &mut self.strata[self.last.0]
    }
}

impl StratumHours {
    /// The rows of `range` in hour order: each with its hour and (bucket index, count) cells.
    pub fn hours(
        &self,
        range: Range<Hour>,
    ) -> impl Iterator<Item = (Hour, impl Iterator<Item = (u16, u32)> + '_)> + '_ {
        self.spans(range)
            .iter()
            .map(|span| (Hour::from(span.hour), self.cells(span)))
    }

    /// Counts by bucket over the hours of `range` that `wanted` accepts: the cells of a month are millions, so nothing is asked of each.
    pub(crate) fn counts(
        &self,
        range: Range<Hour>,
        mut wanted: impl FnMut(Hour) -> bool,
    ) -> Counts {
        let mut counts = [0; MAX_BUCKETS];
        for span in self.spans(range) {
            if wanted(Hour::from(span.hour)) {
                for (index, count) in self.cells(span) {
                    counts[usize::from(index) % MAX_BUCKETS] += u64::from(count);
                }
            }
        }
        counts
    }

    fn spans(&self, range: Range<Hour>) -> &[Span] {
        let before = |hour: Hour| {
            self.spans
                .partition_point(|span| Hour::from(span.hour) < hour)
        };
        let first = before(range.start);
        &self.spans[first..before(range.end).max(first)]
    }

    fn cells(&self, span: &Span) -> impl Iterator<Item = (u16, u32)> + '_ {
        let start = span.start as usize;
        self.cells[start..start + usize::from(span.len)]
            .iter()
            .map(|cell| ((cell >> 24) as u16, cell & 0x00ff_ffff))
    }

    fn push(&mut self, hour: i32, release: u16, buckets: &[(u16, u64)], last_bucket: u16) {
        let mut start = self.cells.len();
        for &(index, count) in buckets {
            let mut left = count;
            while left > 0 {
                if self.cells.len() - start == usize::from(u16::MAX) {
                    start = self.close_span(hour, release, start);
                }
                let part = left.min(MAX_CELL_COUNT);
                self.cells
                    .push(u32::from(index.min(last_bucket)) << 24 | part as u32);
                left -= part;
            }
        }
        self.close_span(hour, release, start);
    }

    /// Files the cells from `start` on; returns where the next span begins.
    fn close_span(&mut self, hour: i32, release: u16, start: usize) -> usize {
        let span = Span {
            hour,
            start: start as u32,
            len: (self.cells.len() - start) as u16,
            release,
        };
        // Mostly in order.
        if self.spans.last().is_none_or(|last| last.hour <= hour) {
            self.spans.push(span);
        } else {
            let position = self.spans.partition_point(|other| other.hour <= hour);
            self.spans.insert(position, span);
        }
        self.cells.len()
    }
}

impl ReleaseHours {
    fn add(&mut self, hour: i32, n: u64) {
        match self.counts.last_mut() {
            Some((last, count)) if *last == hour => *count += n,
            Some((last, _)) if *last > hour => {
                match self.counts.binary_search_by_key(&hour, |(hour, _)| *hour) {
                    Ok(place) => self.counts[place].1 += n,
                    Err(place) => self.counts.insert(place, (hour, n)),
                }
            }
            _ => self.counts.push((hour, n)),
        }
    }

    pub fn first_hour(&self) -> Option<Hour> {
        self.counts.first().map(|(hour, _)| Hour::from(*hour))
    }

    pub fn last_hour(&self) -> Option<Hour> {
        self.counts.last().map(|(hour, _)| Hour::from(*hour))
    }

    /// The hours of `range` with page views of this release, and how many.
    pub fn hours(&self, range: Range<Hour>) -> impl Iterator<Item = (Hour, u64)> + '_ {
        let before = |end: Hour| {
            self.counts
                .partition_point(|(hour, _)| Hour::from(*hour) < end)
        };
        let first = before(range.start);
        // An inverted range is empty, not a bug.
        let inside = &self.counts[first..before(range.end).max(first)];
        inside.iter().map(|(hour, n)| (Hour::from(*hour), *n))
    }

    /// Page views of this release in `range`.
    pub fn n(&self, range: Range<Hour>) -> u64 {
        self.hours(range).map(|(_, n)| n).sum()
    }
}

#[cfg(test)]
mod tests;

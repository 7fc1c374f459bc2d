//! Histories from elsewhere, one JSON object per line, and histories as the detector wants them.
//!
//! Two kinds of lines:
//! - a *series-hour* has `"hour"`: `{"app":"shop","environment":"production","route":"/product/:id","vital":"LCP",
//!   "stratum":"mobile/fast/network","release":"1.4.2","hour":"2026-10-01T13:00:00Z","sessions":80,"values":[[1234.5,3],[1300,1]]}`;
//!   `values` are (value, count) pairs in the vital's unit. `environment`, `stratum`, `release` and `sessions` may be absent.
//!   `kind` is `vital` or `operation`; absent, it follows from the name.
//! - a *page view* has `"v"`: a beacon with historical `start` and `sent`, and beside it what otherwise comes from the request:
//!   `app` (required), `browser`, `os` and `country`. It is taken as received when it was sent.
//!
//! Not here: files, ClickHouse.

use std::collections::{BTreeMap, HashMap};

use detect::series::{Hour, MEMORY_GROWTH};
use detect::{History, Kind, SeriesHourRow, SeriesKey};
use serde::Deserialize;
use wire::Vital;

use crate::ingest::{self, Accepted, Client, Device, Meta};

/// Longer lines are refused: a beacon has at most 64 KiB, a series-hour one pair per distinct value.
pub const MAX_LINE_BYTES: usize = 1024 * 1024;
const HOUR_S: i64 = 3600;

/// One accepted line.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    Hour(SeriesHour),
    View(Box<Accepted>),
}

/// What one stratum and release of a series saw in one hour.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesHour {
    pub key: SeriesKey,
    pub stratum: String,
    pub release: String,
    pub hour: Hour,
    pub sessions: u64,
    /// Bucket index and count, in order of the index.
    pub buckets: Vec<(u16, u64)>,
}

impl SeriesHour {
    fn name(&self) -> (&SeriesKey, Hour, &str, &str) {
        (&self.key, self.hour, &self.stratum, &self.release)
    }
}

#[derive(Deserialize)]
struct HourLine {
    app: String,
    #[serde(default)]
    environment: String,
    route: String,
    kind: Option<String>,
    vital: String,
    #[serde(default)]
    stratum: String,
    #[serde(default)]
    release: String,
    hour: jiff::Timestamp,
    sessions: Option<u64>,
    values: Vec<(f64, u64)>,
}

#[derive(Deserialize)]
struct ViewLine {
    app: String,
    #[serde(default)]
    browser: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    country: String,
    sent: f64,
    start: f64,
}

/// Reads one line.
///
/// # Errors
/// Why the line is refused, in words for its author.
pub fn parse(line: &[u8]) -> Result<Line, String> {
    if line.len() > MAX_LINE_BYTES {
        return Err(format!("a line has at most {MAX_LINE_BYTES} bytes"));
    }
    #[derive(Deserialize)]
    struct Either {
        v: Option<serde::de::IgnoredAny>,
        hour: Option<serde::de::IgnoredAny>,
    }
    let either: Either = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    match either {
        Either { v: Some(_), .. } => view(line).map(|accepted| Line::View(Box::new(accepted))),
        Either { hour: Some(_), .. } => series_hour(line).map(Line::Hour),
        _ => Err("a line has `hour` (a series-hour) or `v` (a page view)".into()),
    }
}

fn series_hour(line: &[u8]) -> Result<SeriesHour, String> {
    let line: HourLine = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if !ingest::is_app_name(&line.app) {
        return Err("`app` is no app's name".into());
    }
    let seconds = line.hour.as_second();
    if seconds.rem_euclid(HOUR_S) != 0 || line.hour.subsec_nanosecond() != 0 {
        return Err("`hour` is not the start of an hour".into());
    }
    let kind = match line.kind.as_deref() {
        Some(name) => Kind::from_name(name).ok_or("`kind` is `vital` or `operation`")?,
        None if Vital::from_name(&line.vital).is_some() || line.vital == MEMORY_GROWTH => {
            Kind::Vital
        }
        None => Kind::Operation,
    };
    let key = SeriesKey {
        app: line.app,
        environment: line.environment,
        route: line.route,
        kind,
        vital: line.vital,
    };
    let max = match key.known_vital() {
        None if key.is_growth() => Vital::Memory.max_value(),
        Some(vital) => vital.max_value(),
        None => wire::limits::MAX_DURATION_MS,
    };
    let scheme = key.scheme();
    let mut buckets: BTreeMap<u16, u64> = BTreeMap::new();
    for (value, count) in line.values {
        // Only growth has a sign.
        let min = if key.is_growth() { -max } else { 0.0 };
        if !(min..=max).contains(&value) {
            return Err(format!("`values`: {value} is outside {min} to {max}"));
        }
        let total = buckets.entry(scheme.bucket_index(value)).or_default();
        *total = total.saturating_add(count);
    }
    let n = buckets
        .values()
        .fold(0u64, |sum, count| sum.saturating_add(*count));
    Ok(SeriesHour {
        key,
        stratum: line.stratum,
        release: line.release,
        hour: seconds.div_euclid(HOUR_S),
        sessions: line.sessions.unwrap_or(n),
        buckets: buckets.into_iter().collect(),
    })
}

fn view(line: &[u8]) -> Result<Accepted, String> {
    let facts: ViewLine = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if !ingest::is_app_name(&facts.app) {
        return Err("`app` is no app's name".into());
    }
    let client = Client {
        browser: facts.browser,
        os: facts.os,
        device: Device::Unknown,
        bot: false,
    };
    let meta = Meta {
        app: &facts.app,
        routes: &[],
        raw_path: false,
        client: &client,
        country: &facts.country,
    };
    // The moment of arrival is not known; that of sending is the nearest, and without it that of the start.
    let received_ms = if facts.sent > 0.0 {
        facts.sent
    } else {
        facts.start
    };
    let taken =
        ingest::accept(line, &meta, received_ms as u64).map_err(|error| error.to_string())?;
    match taken.refused.first() {
        // A history is prepared with care: a line that is only partly right is a mistake to correct.
        Some(refusal) => {
            let place = refusal.index.map(|index| format!("item {index}: "));
            let (place, code) = (place.unwrap_or_default(), refusal.code.name());
            Err(format!("{place}{code} ({})", refusal.detail))
        }
        None => Ok(taken.accepted),
    }
}

/// Series-hours and rollup rows gathered by series.
#[derive(Debug, Default)]
pub struct Histories {
    places: HashMap<SeriesKey, usize>,
    histories: Vec<History>,
}

impl Histories {
    /// Adds one row; rows in order of hours are fastest.
    pub fn add(&mut self, key: SeriesKey, row: SeriesHourRow<'_>) {
        self.of(key).add(row);
    }

    /// The history of a series, empty when it is new.
    pub fn of(&mut self, key: SeriesKey) -> &mut History {
        let place = self.place(&key);
        &mut self.histories[place]
    }

    /// Where the history of a series is, for [`Histories::at`]: who has many rows of it looks only once.
    pub fn place(&mut self, key: &SeriesKey) -> usize {
        if let Some(place) = self.places.get(key) {
            return *place;
        }
        self.histories.push(History::new(key.clone()));
        let place = self.histories.len() - 1;
        self.places.insert(key.clone(), place);
        place
    }

    /// `place` is one that [`Histories::place`] has answered.
    pub fn at(&mut self, place: usize) -> &mut History {
        &mut self.histories[place]
    }

    /// Of series-hours as a file has them. Their order does not matter, and of two with one name the later counts, as when they
    /// are imported: the same history gives the same findings to the last digit, from a file and from ClickHouse.
    pub fn of_lines(mut lines: Vec<SeriesHour>) -> Histories {
        lines.sort_by(|a, b| a.name().cmp(&b.name()));
        let mut histories = Histories::default();
        for same in lines.chunk_by(|a, b| a.name() == b.name()) {
            let line = &same[same.len() - 1];
            let row = SeriesHourRow {
                stratum: &line.stratum,
                release: &line.release,
                hour: line.hour,
                buckets: &line.buckets,
            };
            histories.add(line.key.clone(), row);
        }
        histories
    }

    /// In the order of their keys, so that the same rows always give the same list; as small as they can be, for they wait to be judged
    /// while the next app's are read.
    pub fn into_sorted(self) -> Vec<History> {
        let mut histories = self.histories;
        histories.iter_mut().for_each(History::shrink_to_fit);
        histories.sort_by(|a, b| a.key.cmp(&b.key));
        histories
    }
}

/// RFC 3339 of an hour since the epoch.
pub fn timestamp(hour: Hour) -> String {
    jiff::Timestamp::from_second(hour.saturating_mul(HOUR_S))
        .map_or_else(|_| hour.to_string(), |at| at.to_string())
}

/// The hour that an instant lies in.
pub fn hour_of(at: jiff::Timestamp) -> Hour {
    at.as_second().div_euclid(HOUR_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: &str = r#"{"app":"shop","route":"/p","vital":"LCP","stratum":"mobile","release":"1","hour":"2026-10-01T13:00:00Z","sessions":80,"values":[[1234.5,3],[1234.6,1],[9,1]]}"#;

    #[test]
    fn a_series_hour_becomes_buckets() {
        let Ok(Line::Hour(hour)) = parse(HOUR.as_bytes()) else {
            panic!("is a series-hour");
        };
        assert_eq!(timestamp(hour.hour), "2026-10-01T13:00:00Z");
        assert_eq!((hour.sessions, hour.key.kind), (80, Kind::Vital));
        let counts: Vec<u64> = hour.buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [1, 4]);
    }

    #[test]
    fn growth_may_be_negative() {
        let line = HOUR
            .replace("LCP", "MEMORY_GROWTH")
            .replace("[9,1]", "[-50000,2]");
        let Ok(Line::Hour(hour)) = parse(line.as_bytes()) else {
            panic!("is a series-hour");
        };
        let scheme = detect::Scheme::Growth;
        assert_eq!(hour.key.kind, Kind::Vital);
        assert_eq!(hour.buckets[0], (scheme.bucket_index(-50_000.0), 2));
    }

    #[test]
    fn a_page_view_is_a_beacon_with_an_app() {
        let line = br#"{"app":"shop","browser":"Chrome 156","v":1,"view":"0193c2f0-7c1e-7cc3-98c4-dc0c0c07398f","seq":0,
            "sent":1763683200123,"start":1763683190000,"path":"/p","m":[{"n":"LCP","v":1}]}"#;
        let Ok(Line::View(view)) = parse(line) else {
            panic!("is a page view");
        };
        assert_eq!(
            (view.started_ms, view.received_ms),
            (1_763_683_190_000, 1_763_683_200_123)
        );
        assert_eq!(view.browser, "Chrome 156");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let check = |line: &str, expected: &str| {
            let error = parse(line.as_bytes()).expect_err(line);
            assert!(error.contains(expected), "{error}");
        };
        check("{", "EOF");
        check("{}", "`hour`");
        check(&HOUR.replace("13:00:00Z", "13:30:00Z"), "start of an hour");
        check(&HOUR.replace("[9,1]", "[-9,1]"), "outside 0");
        check(&HOUR.replace("\"shop\"", "\"a/b\""), "app");
        check(&HOUR.replace("\"route\":\"/p\",", ""), "route");
        check(&HOUR.replace("\"LCP\"", "\"LCP\",\"kind\":\"x\""), "kind");
    }
}

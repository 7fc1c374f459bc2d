//! The lines of an offline history, and how a world's page views are summed into them.

use std::collections::BTreeMap;
use std::fmt::Write;

use wire::Vital;

use super::shop::{INTERACTIONS, ROUTES, STRATA};
use crate::histogram::Scheme;
use crate::series::Hour;

const APP: &str = "shop";
const ENVIRONMENT: &str = "production";
/// One line of an offline history: a series, stratum and release in one hour, values with their counts.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesHour {
    pub app: &'static str,
    pub environment: &'static str,
    pub route: &'static str,
    pub vital: Vital,
    pub stratum: String,
    pub release: &'static str,
    pub hour: Hour,
    pub sessions: u32,
    /// (value in the vital's unit, count), ascending. Values are rounded, but stay in the bucket they were drawn in.
    pub values: Vec<(f64, u32)>,
}

/// Vital, stratum, interaction class and release of a line.
type LineKey = (Vital, usize, usize, &'static str);

/// Sums of one route and hour: of each line its visits and the counts of each bucket.
#[derive(Default)]
pub struct HourSums(BTreeMap<LineKey, (u32, BTreeMap<u16, u32>)>);

impl HourSums {
    /// Adds `views` page views of one visit with the same value.
    pub fn add(
        &mut self,
        vital: Vital,
        stratum: usize,
        class: usize,
        release: &'static str,
        value: f64,
        views: u32,
    ) {
        let (sessions, buckets) = self.0.entry((vital, stratum, class, release)).or_default();
        *sessions += 1;
        *buckets
            .entry(Scheme::of_vital(vital).bucket_index(value))
            .or_insert(0) += views;
    }

    pub fn lines(self, route: usize, hour: Hour) -> Vec<SeriesHour> {
        let line = |(key, (sessions, buckets)): (LineKey, (u32, BTreeMap<u16, u32>))| {
            let (vital, stratum, class, release) = key;
            let scheme = Scheme::of_vital(vital);
            let values = buckets
                .into_iter()
                .map(|(index, count)| (representative(scheme, index), count))
                .collect();
            let stratum = stratum_name(vital, stratum, class);
            SeriesHour {
                app: APP,
                environment: ENVIRONMENT,
                route: ROUTES[route].template,
                vital,
                stratum,
                release,
                hour,
                sessions,
                values,
            }
        };
        self.0.into_iter().map(line).collect()
    }
}

fn stratum_name(vital: Vital, stratum: usize, class: usize) -> String {
    let one = &STRATA[stratum];
    let base = format!("{}/{}/{}", one.device, one.connection, one.delivery);
    if matches!(vital, Vital::Inp | Vital::Fid) {
        format!("{base}/{}", INTERACTIONS[class].class)
    } else {
        base
    }
}

/// A short number inside the bucket: three significant digits, or for the grid the grid value nearest its middle.
fn representative(scheme: Scheme, index: u16) -> f64 {
    if index == 0 {
        return 0.0;
    }
    if scheme == Scheme::Grid {
        let (lower, upper) = (scheme.lower_edge(index), scheme.upper_edge(index));
        let steps = ((upper - lower) / 8.0 - 1.0) / 2.0;
        return if index == 1 {
            2.0
        } else {
            lower + 4.0 + 8.0 * steps.floor()
        };
    }
    let middle = scheme.midpoint(index);
    let digits = 2 - middle.log10().floor() as i32;
    let unit = 10_f64.powi(digits.abs());
    if digits >= 0 {
        (middle * unit).round() / unit
    } else {
        (middle / unit).round() * unit
    }
}

impl SeriesHour {
    /// The line of an offline history, without a line end. Names are ours and need no escaping.
    pub fn to_json(&self) -> String {
        let SeriesHour {
            app,
            environment,
            route,
            vital,
            stratum,
            release,
            sessions,
            ..
        } = self;
        let (vital, hour) = (vital.name(), timestamp(self.hour));
        let mut line = format!(
            r#"{{"app":"{app}","environment":"{environment}","route":"{route}","vital":"{vital}","stratum":"{stratum}","release":"{release}","hour":"{hour}","sessions":{sessions},"values":["#
        );
        for (index, (value, count)) in self.values.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            // Writing to a String cannot fail.
            let _ = write!(line, "{comma}[{value},{count}]");
        }
        line.push_str("]}");
        line
    }
}

/// `2026-11-21T13:00:00Z` of an hour since the epoch, in the proleptic Gregorian calendar.
pub fn timestamp(hour: Hour) -> String {
    // Count days from 0000-03-01, so that the leap day is the last of its year; 400 years have 146,097 days.
    let days = hour.div_euclid(24) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:00:00Z",
        hour.rem_euclid(24)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;

    #[test]
    fn representatives_stay_in_their_bucket() {
        for scheme in [
            Scheme::Milliseconds,
            Scheme::Grid,
            Scheme::LayoutShift,
            Scheme::Bytes,
        ] {
            for index in 0..scheme.bucket_count() as u16 - 1 {
                assert_eq!(
                    scheme.bucket_index(representative(scheme, index)),
                    index,
                    "{scheme:?}"
                );
            }
        }
    }

    #[test]
    fn timestamps_follow_the_calendar() {
        for (hour, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:00:00Z"),
            (264_384, "2000-02-29T00:00:00Z"),
            (494_509, "2026-05-31T13:00:00Z"),
        ] {
            assert_eq!(timestamp(hour), expected);
        }
    }

    #[test]
    fn a_line_reads_as_the_format_says() {
        let world = World::shop(1, 494_000);
        let line = world.series_hours().next().expect("a world has hours");
        let json: serde_json::Value = serde_json::from_str(&line.to_json()).expect("JSON");
        assert_eq!(json["app"], "shop");
        assert_eq!(json["hour"], timestamp(world.first_hour));
        assert_eq!(
            json["values"].as_array().map(Vec::len),
            Some(line.values.len())
        );
    }
}

//! When: a stretch of time with whole steps. Pure.
//!
//! The longer a range, the coarser its steps, so that an answer has about two hundred points at most. A range of more than two
//! days has whole UTC days at both ends (but does not reach beyond now), because of many routes at once days are all that is kept.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::invalid;
use crate::http::Problem;

const HOUR_MS: i64 = 3_600_000;
pub const DAY_MS: i64 = 24 * HOUR_MS;
/// Rollups are kept 13 months; asking for more costs nothing and shows nothing.
const MAX_RANGE_MS: i64 = 800 * DAY_MS;
/// Up to here ranges have whole hours, beyond whole days.
const MAX_PARTIAL_DAYS_MS: i64 = 2 * DAY_MS;
/// Up to here a trend is drawn by hour: 192 points at most, which a chart of 1,000 pixels can show ...
const MAX_HOURLY_MS: i64 = 8 * DAY_MS;
/// ... and up to here by day, beyond by seven days.
const MAX_DAILY_MS: i64 = 190 * DAY_MS;
const DEFAULT_RANGE: &str = "7d";

/// A stretch of time with whole steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Range {
    /// Ms since the epoch, included.
    pub from_ms: i64,
    /// Excluded.
    pub to_ms: i64,
    /// Length of a step of the trends. Steps are counted from the epoch.
    pub step_s: i64,
}

impl Range {
    /// Whether both ends are those of UTC days, or now.
    pub fn has_whole_days(self) -> bool {
        self.to_ms - self.from_ms > MAX_PARTIAL_DAYS_MS && self.from_ms % DAY_MS == 0
    }
}

/// The range that `range` or, in its place, `from` and `to` name; empty ones have their defaults.
pub fn parse(range: &str, from: &str, to: &str, now_ms: i64) -> Result<Range, Problem> {
    let end_ms = if to.is_empty() {
        now_ms
    } else {
        instant("to", to)?
    };
    let begin_ms = if from.is_empty() {
        let name = if range.is_empty() {
            DEFAULT_RANGE
        } else {
            range
        };
        let length_ms = duration_ms(name)
            .ok_or_else(|| invalid("range is a number and h or d, such as 24h or 28d"))?;
        end_ms - length_ms
    } else {
        instant("from", from)?
    };
    if !(1..=MAX_RANGE_MS).contains(&(end_ms.saturating_sub(begin_ms))) || begin_ms < 0 {
        return Err(invalid(
            "the range must end after it begins and be at most 800 days long",
        ));
    }
    let (mut from_ms, mut to_ms) = (floor(begin_ms, HOUR_MS), end_ms);
    if end_ms - begin_ms > MAX_PARTIAL_DAYS_MS {
        from_ms = floor(begin_ms, DAY_MS);
        let end_of_day_ms = floor(end_ms + DAY_MS - 1, DAY_MS);
        to_ms = if end_ms <= now_ms {
            end_of_day_ms.min(now_ms)
        } else {
            end_of_day_ms
        };
    }
    let step_ms = match to_ms - from_ms {
        ..=MAX_HOURLY_MS => HOUR_MS,
        ..=MAX_DAILY_MS => DAY_MS,
        _ => 7 * DAY_MS,
    };
    Ok(Range {
        // The first point of a trend is not a fragment.
        from_ms: floor(from_ms, step_ms),
        to_ms,
        step_s: step_ms / 1000,
    })
}

fn floor(at_ms: i64, step_ms: i64) -> i64 {
    at_ms.div_euclid(step_ms) * step_ms
}

/// RFC 3339, or ms since the epoch.
pub fn instant(name: &str, text: &str) -> Result<i64, Problem> {
    if let Ok(ms) = text.parse::<i64>() {
        // Until the year 9999: sums of times stay far from overflow.
        if (0..=253_402_300_799_999).contains(&ms) {
            return Ok(ms);
        }
    }
    let parsed: Result<Timestamp, _> = text.parse();
    parsed.map(Timestamp::as_millisecond).map_err(|_| {
        invalid(&format!(
            "{name} is an RFC 3339 time such as 2026-10-01T13:00:00Z, or ms since the epoch"
        ))
    })
}

fn duration_ms(name: &str) -> Option<i64> {
    let (digits, unit_ms) = match name.strip_suffix('h') {
        Some(digits) => (digits, HOUR_MS),
        None => (name.strip_suffix('d')?, DAY_MS),
    };
    let count: i64 = digits
        .parse()
        .ok()
        .filter(|count| (1..=100_000).contains(count))?;
    Some(count * unit_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21T10:30:00Z.
    const NOW_MS: i64 = 1_795_257_000_000;
    const HALF_HOUR_MS: i64 = HOUR_MS / 2;

    /// The length and the step.
    fn check(range: &str, from: &str, to: &str, expected: Option<(i64, i64)>) {
        let found = parse(range, from, to, NOW_MS)
            .ok()
            .map(|range| ((range.to_ms - range.from_ms), range.step_s));
        assert_eq!(found, expected, "{range} {from} {to}");
    }

    #[test]
    fn short_ranges_begin_on_a_whole_hour() {
        check("1h", "", "", Some((HOUR_MS + HALF_HOUR_MS, 3600)));
        check("24h", "", "", Some((DAY_MS + HALF_HOUR_MS, 3600)));
        let day = ("2026-10-01T00:10:00Z", "2026-10-02T12:10:00Z");
        check("", day.0, day.1, Some((36 * HOUR_MS + HOUR_MS / 6, 3600)));
    }

    #[test]
    fn long_ranges_have_whole_days_up_to_now() {
        let today = 10 * HOUR_MS + HALF_HOUR_MS;
        check("", "", "", Some((7 * DAY_MS + today, 3600)));
        check("28d", "", "", Some((28 * DAY_MS + today, 86_400)));
        let days = ("2026-10-01T13:00:00Z", "2026-10-04T13:00:00Z");
        check("", days.0, days.1, Some((4 * DAY_MS, 3600)));
        let range = parse("", days.0, days.1, NOW_MS).expect("is a range");
        assert!(
            range.has_whole_days()
                && !parse("24h", "", "", NOW_MS)
                    .expect("is one")
                    .has_whole_days()
        );
    }

    #[test]
    fn two_years_have_steps_of_a_week() {
        let range = parse("730d", "", "", NOW_MS).expect("is a range");
        assert_eq!(range.step_s, 7 * 86_400);
        assert!((range.to_ms - range.from_ms) / (range.step_s * 1000) <= 106);
    }

    #[test]
    fn times_may_be_numbers() {
        let (from, to) = ("1795255200000", "1795257000000");
        check("", from, to, Some((HALF_HOUR_MS, 3600)));
    }

    #[test]
    fn nonsense_is_refused() {
        for range in ["d", "-1d", "7", "7w", "0d", "99999999999999999999d", "900d"] {
            check(range, "", "", None);
        }
        check("", "yesterday", "", None);
        check("", "-5", "", None);
        check("", "2026-10-03T00:00:00Z", "2026-10-01T00:00:00Z", None);
    }
}

//! Where single page views are looked for: of all hours those that the rollups name, so that it costs the same on a busy app. Pure.

use detect::histogram::Histogram;
use wire::Vital;

use super::summary;
use crate::store::queries::{ExampleHour, Look};

/// Measurements that are read for one answer, of the whole app: rows of an hour lie side by side whatever their route.
const MAX_ROWS: u64 = 500_000;
/// Rollups lag behind by so much; what is newer is looked at in any case.
const LAG_S: i64 = 180;
const HOUR_S: i64 = 3_600;

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Slowest,
    /// To the p75 of the same page views.
    Near,
    Newest,
}

impl Order {
    pub const ALL: [Order; 3] = [Order::Slowest, Order::Near, Order::Newest];

    pub const fn name(self) -> &'static str {
        match self {
            Order::Slowest => "slowest",
            Order::Near => "near",
            Order::Newest => "newest",
        }
    }
}

/// The hours and buckets that hold the first `limit` page views, as far as [`MAX_ROWS`] allow: the hours with the slowest of them first,
/// or with those nearest to the p75, or the newest. `hours` are the newest first.
pub fn look(order: Order, limit: u64, vital: Vital, hours: &[ExampleHour], now_s: i64) -> Look {
    let mut all = summary::histogram(vital, &[]);
    for hour in hours {
        all.merge(&summary::histogram(vital, &hour.buckets));
    }
    let near = all.quantile(0.75).map_or(0.0, |quantile| quantile.value);
    let (low, high) = match order {
        Order::Slowest => (top(&all, limit), u16::MAX),
        Order::Near => around(&all, near, 2 * limit),
        Order::Newest => (0, u16::MAX),
    };
    let held = |hour: &ExampleHour| -> u64 {
        let inside = hour
            .buckets
            .iter()
            .filter(|(bucket, _)| (low..=high).contains(bucket));
        inside.map(|(_, n)| n).sum()
    };
    let mut candidates: Vec<&ExampleHour> = hours.iter().filter(|hour| held(hour) > 0).collect();
    // A stable sort: of equally good ones the newest.
    let middle = all.scheme().bucket_index(near);
    let place = |bucket: u16| match order {
        Order::Slowest => u16::MAX - bucket,
        Order::Near => bucket.abs_diff(middle),
        Order::Newest => 0,
    };
    candidates.sort_by_key(|hour| hour.buckets.iter().map(|(bucket, _)| place(*bucket)).min());
    let recent = [now_s - LAG_S, now_s].map(|at| at - at.rem_euclid(HOUR_S));
    let is_recent = |hour: &&ExampleHour| recent.contains(&hour.hour_s);
    let (mut rows, mut found) = hours
        .iter()
        .filter(is_recent)
        .fold((0, 0), |(rows, found), hour| {
            (rows + hour.row_count, found + held(hour))
        });
    let mut look = Look {
        hours_s: recent.to_vec(),
        low,
        high,
        near,
        complete: true,
    };
    for hour in candidates.iter().filter(|hour| !is_recent(hour)) {
        if order == Order::Newest && found >= limit {
            break;
        }
        rows += hour.row_count;
        if rows > MAX_ROWS && found > 0 {
            look.complete = false;
            break;
        }
        found += held(hour);
        look.hours_s.push(hour.hour_s);
    }
    look.hours_s.sort_unstable();
    look.hours_s.dedup();
    look
}

/// The highest bucket with which and above which there are so many.
fn top(all: &Histogram, wanted: u64) -> u16 {
    let mut above = 0;
    for (bucket, n) in all.counts().iter().enumerate().rev() {
        above += n;
        if above >= wanted {
            return bucket as u16;
        }
    }
    0
}

/// Buckets around a value that hold so many, if there are.
fn around(all: &Histogram, value: f64, wanted: u64) -> (u16, u16) {
    let middle = usize::from(all.scheme().bucket_index(value));
    let counts = all.counts();
    for width in 1..counts.len() {
        let (low, high) = (
            middle.saturating_sub(width),
            (middle + width).min(counts.len() - 1),
        );
        if counts[low..=high].iter().sum::<u64>() >= wanted {
            return (low as u16, high as u16);
        }
    }
    (0, u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: i64 = 1_000 * HOUR_S + 1_800;

    /// `ago` hours, with so many at each value (ms of LCP).
    fn hour(ago: i64, row_count: u64, values: &[(f64, u64)]) -> ExampleHour {
        let bucket = |value| detect::histogram::Scheme::of_vital(Vital::Lcp).bucket_index(value);
        ExampleHour {
            hour_s: (1_000 - ago) * HOUR_S,
            row_count,
            buckets: values
                .iter()
                .map(|&(value, n)| (bucket(value), n))
                .collect(),
        }
    }

    /// Hours ago that are looked at, and whether that is all.
    fn check(order: Order, limit: u64, hours: &[ExampleHour], expected: (&[i64], bool)) -> Look {
        let look = look(order, limit, Vital::Lcp, hours, NOW_S);
        let mut ago: Vec<i64> = look
            .hours_s
            .iter()
            .map(|hour| 1_000 - hour / HOUR_S)
            .collect();
        ago.reverse();
        assert_eq!(
            (ago.as_slice(), look.complete),
            expected,
            "{order:?}, {limit}"
        );
        look
    }

    #[test]
    fn hours_are_those_that_hold_what_is_wanted() {
        let hours = [
            hour(1, 1_000, &[(1_000.0, 90), (2_000.0, 10)]),
            hour(2, 1_000, &[(1_000.0, 90), (9_000.0, 5)]),
            hour(3, 1_000, &[(1_000.0, 90)]),
            hour(4, 1_000, &[(1_000.0, 90), (4_000.0, 5)]),
        ];
        let slowest = check(Order::Slowest, 10, &hours, (&[0, 2, 4], true));
        let bucket = |value| detect::histogram::Scheme::of_vital(Vital::Lcp).bucket_index(value);
        assert_eq!((slowest.low, slowest.high), (bucket(4_000.0), u16::MAX));
        check(Order::Slowest, 11, &hours, (&[0, 1, 2, 4], true));
        check(Order::Slowest, 1_000, &hours, (&[0, 1, 2, 3, 4], true));
        check(Order::Newest, 50, &hours, (&[0, 1], true));
        check(Order::Newest, 101, &hours, (&[0, 1, 2], true));
        let near = check(Order::Near, 3, &hours, (&[0, 1, 2, 3, 4], true));
        assert!(near.low < bucket(1_000.0) && bucket(1_000.0) <= near.high);
        // Nothing summed up yet: what is newer than the rollups may still be there.
        check(Order::Slowest, 10, &[], (&[0], true));
    }

    #[test]
    fn a_busy_app_is_read_in_part_the_slowest_first() {
        let busy: Vec<ExampleHour> = (0..100)
            .map(|ago| {
                hour(
                    ago,
                    200_000,
                    &[(1_000.0 + 100.0 * f64::from(ago as u32), 40)],
                )
            })
            .collect();
        // Of the hours in the highest bucket the newest.
        check(Order::Slowest, 100, &busy, (&[0, 93], false));
        check(Order::Near, 100, &busy, (&[0, 72], false));
        check(Order::Newest, 100, &busy, (&[0, 1], false));
        // One hour is looked at, whatever it costs.
        let huge = [hour(5, 90_000_000, &[(1_000.0, 1)])];
        check(Order::Slowest, 10, &huge, (&[0, 5], true));
    }

    #[test]
    fn just_after_the_hour_the_one_before_is_recent_too() {
        let look = look(Order::Slowest, 1, Vital::Lcp, &[], 1_000 * HOUR_S + 60);
        assert_eq!(look.hours_s, [999 * HOUR_S, 1_000 * HOUR_S]);
    }
}

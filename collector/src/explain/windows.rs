//! Which hours are compared: those since the change with those before it.

use detect::SeriesKey;

use crate::store::around::Windows;
use crate::store::queries::FindingRow;

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR_S;
/// A week holds each weekday once; of a longer change the first week says what it was.
const MAX_AFTER_S: i64 = 7 * DAY_S;
const BEFORE_S: i64 = 7 * DAY_S;

/// The finding, as far as it must be known here.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    pub key: SeriesKey,
    /// 1 when larger values are the finding, -1 when smaller ones are.
    pub sign: f64,
    pub change_ms: i64,
    /// The earliest moment at which the change may have begun.
    pub change_low_ms: i64,
}

/// The hours of a change; none while no hour has closed since the change.
pub fn around(subject: &Subject, until_ms: i64) -> Option<Windows> {
    let whole_hours = |ms: i64| ms.div_euclid(1000 * HOUR_S) * HOUR_S;
    let after_from_s = whole_hours(subject.change_ms);
    let length_s = (whole_hours(until_ms) - after_from_s).min(MAX_AFTER_S);
    let length_s = if length_s >= DAY_S {
        length_s / DAY_S * DAY_S
    } else {
        length_s
    };
    let before_to_s = whole_hours(subject.change_low_ms).min(after_from_s);
    (length_s > 0).then(|| Windows {
        before_from_s: before_to_s - BEFORE_S,
        before_to_s,
        after_from_s,
        after_to_s: after_from_s + length_s,
        of_day_s: length_s.min(DAY_S),
    })
}

impl Subject {
    /// None when a later version of this program wrote a word that this one does not know.
    pub fn of_row(row: &FindingRow) -> Option<Subject> {
        Some(Subject {
            key: SeriesKey {
                app: row.app.clone(),
                environment: row.environment.clone(),
                route: row.route.clone(),
                kind: detect::Kind::from_name(&row.kind)?,
                vital: row.vital.clone(),
            },
            sign: if row.direction == detect::Direction::Improvement.name() {
                -1.0
            } else {
                1.0
            },
            change_ms: row.change_point_ms,
            change_low_ms: row.change_point_low_ms,
        })
    }

    pub fn of_finding(finding: &detect::Finding) -> Subject {
        Subject {
            key: finding.key.clone(),
            sign: finding.direction.sign(),
            change_ms: finding.change_point_hour * HOUR_S * 1000,
            change_low_ms: finding.change_point_low_hour * HOUR_S * 1000,
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn subject(vital: &str, sign: f64) -> Subject {
        let [app, environment, route, vital] =
            ["shop", "production", "/p", vital].map(str::to_owned);
        let kind = if wire::Vital::from_name(&vital).is_some() {
            detect::Kind::Vital
        } else {
            detect::Kind::Operation
        };
        Subject {
            key: SeriesKey {
                app,
                environment,
                route,
                kind,
                vital,
            },
            sign,
            change_ms: 1000 * DAY_S * 1000,
            change_low_ms: (1000 * DAY_S - 2 * HOUR_S) * 1000,
        }
    }

    #[test]
    fn whole_days_or_the_same_hours_of_the_day() {
        let subject = subject("LCP", 1.0);
        let check = |after_s: i64, expected: Option<(i64, i64)>| {
            let windows = around(&subject, subject.change_ms + after_s * 1000);
            let lengths = windows.map(|one| (one.after_to_s - one.after_from_s, one.of_day_s));
            assert_eq!(lengths, expected, "{after_s}");
            if let Some(windows) = windows {
                assert_eq!(windows.before_to_s, 1000 * DAY_S - 2 * HOUR_S);
                assert_eq!(windows.before_to_s - windows.before_from_s, BEFORE_S);
            }
        };
        check(HOUR_S - 1, None);
        check(-DAY_S, None);
        check(5 * HOUR_S + 7, Some((5 * HOUR_S, 5 * HOUR_S)));
        check(30 * HOUR_S, Some((DAY_S, DAY_S)));
        check(30 * DAY_S, Some((MAX_AFTER_S, DAY_S)));
    }
}

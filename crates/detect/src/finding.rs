//! A finding: the detector's verdict on one series, as the `findings` view shows it. Times are hours since the Unix epoch;
//! who stores a finding turns them into its own type.

use wire::Vital;

use crate::advice::recommendation;
use crate::change_point::ChangePoint;
use crate::compare::Comparison;
use crate::detail::{Beside, Detail, Lane};
use crate::evidence::Size;
use crate::policy::Policy;
use crate::scan::Verdict;
use crate::series::{Hour, SeriesKey};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    Regression,
    Improvement,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Alarmed, too young to be sure.
    Unconfirmed,
    Confirmed,
    /// Gone before it was confirmed.
    Transient,
    /// Was confirmed, is back to normal.
    Resolved,
}

/// From size alone, never from significance: on a busy route the smallest change is significant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Minor,
    Warning,
    Critical,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Hash of series, direction and opening hour: the same evaluation gives the same id.
    pub id: String,
    /// Route `*` is the app-level series.
    pub key: SeriesKey,
    pub direction: Direction,
    pub state: State,
    pub severity: Severity,
    /// Current over baseline of the standardised p75 (1.20 = 20 % worse), with its 90 % interval.
    pub change_ratio: f64,
    pub change_low: f64,
    pub change_high: f64,
    /// Expected alarms per series and day at this level, the T statistic of the deciding window, and `1 - p_value`.
    pub p_value: f64,
    pub z: f64,
    pub confidence: f64,
    /// Length of the deciding window.
    pub window_hours: usize,
    pub baseline_p75: f64,
    pub current_p75: f64,
    pub baseline_n: u64,
    pub current_n: u64,
    /// First hour after the change, and the set of hours that cannot be told from it.
    pub change_point_hour: Hour,
    pub change_point_low_hour: Hour,
    pub change_point_high_hour: Hour,
    /// Empty: no release began where the change did.
    pub release: String,
    /// The instants at which the deciding hour had closed.
    pub opened_hour: Hour,
    pub confirmed_hour: Option<Hour>,
    /// When it was resolved, or found to be transient.
    pub resolved_hour: Option<Hour>,
    pub recommendation: String,
    /// Which comparison decided, and its own numbers.
    pub detail: Detail,
}

/// All that is known about a change at one hour.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub verdict: Verdict,
    pub size: Size,
    pub change_point: ChangePoint,
    pub release: Option<String>,
    pub lane: Lane,
    /// The release beside an older one, where both were live.
    pub beside: Option<Beside>,
}

impl Direction {
    pub const ALL: [Direction; 2] = [Direction::Regression, Direction::Improvement];

    /// Every vital and timing is better when smaller, so a regression is an upward shift.
    pub const fn sign(self) -> f64 {
        match self {
            Direction::Regression => 1.0,
            Direction::Improvement => -1.0,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Direction::Regression => "regression",
            Direction::Improvement => "improvement",
        }
    }
}

impl State {
    pub const fn name(self) -> &'static str {
        match self {
            State::Unconfirmed => "unconfirmed",
            State::Confirmed => "confirmed",
            State::Transient => "transient",
            State::Resolved => "resolved",
        }
    }

    pub const fn is_open(self) -> bool {
        matches!(self, State::Unconfirmed | State::Confirmed)
    }
}

impl Severity {
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Minor => "minor",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }

    /// `vital` is the series' vital if it has published thresholds: crossing one makes a small change a warning.
    pub fn of(
        comparison: &Comparison,
        direction: Direction,
        vital: Option<Vital>,
        policy: &Policy,
    ) -> Severity {
        // An improvement to 1/1.25 weighs like a regression to 1.25.
        let size = comparison.ratio.value.powf(direction.sign()) - 1.0;
        let rating = |value: f64| vital.and_then(|vital| vital.rating(value));
        let crosses = match direction {
            Direction::Regression => {
                rating(comparison.current_p75) > rating(comparison.baseline_p75)
            }
            Direction::Improvement => {
                rating(comparison.current_p75) < rating(comparison.baseline_p75)
            }
        };
        if size >= policy.critical_change {
            Severity::Critical
        } else if size >= policy.warning_change || crosses {
            Severity::Warning
        } else {
            Severity::Minor
        }
    }
}

impl Finding {
    pub fn open(
        key: SeriesKey,
        direction: Direction,
        opened_hour: Hour,
        evidence: Evidence,
        policy: &Policy,
    ) -> Finding {
        let mut finding = Finding {
            id: id(&key, direction, opened_hour),
            key,
            direction,
            state: State::Unconfirmed,
            severity: Severity::Minor,
            change_ratio: 1.0,
            change_low: 1.0,
            change_high: 1.0,
            p_value: 1.0,
            z: 0.0,
            confidence: 0.0,
            window_hours: 0,
            baseline_p75: 0.0,
            current_p75: 0.0,
            baseline_n: 0,
            current_n: 0,
            change_point_hour: opened_hour,
            change_point_low_hour: opened_hour,
            change_point_high_hour: opened_hour,
            release: String::new(),
            opened_hour,
            confirmed_hour: None,
            resolved_hour: None,
            recommendation: String::new(),
            detail: Detail::default(),
        };
        finding.on_evidence(evidence, policy);
        finding
    }

    /// Takes newer evidence. The strongest verdict is kept: later windows are diluted by the recovery, not less true.
    pub fn on_evidence(&mut self, evidence: Evidence, policy: &Policy) {
        if evidence.verdict.p_day < self.p_value {
            self.p_value = evidence.verdict.p_day;
            self.z = evidence.verdict.t;
            self.confidence = 1.0 - evidence.verdict.p_day;
            self.window_hours = evidence.verdict.window_hours;
        }
        self.change_point_hour = evidence.change_point.hour;
        self.change_point_low_hour = evidence.change_point.low();
        self.change_point_high_hour = evidence.change_point.high();
        self.release = evidence.release.unwrap_or_default();
        self.detail.lane = evidence.lane;
        self.detail.beside = evidence.beside;
        self.on_size(&evidence.size, policy);
    }

    /// Takes a newer size.
    pub fn on_size(&mut self, size: &Size, policy: &Policy) {
        let comparison = &size.comparison;
        self.change_ratio = comparison.ratio.value;
        self.change_low = comparison.ratio.low;
        self.change_high = comparison.ratio.high;
        self.baseline_p75 = comparison.baseline_p75;
        self.current_p75 = comparison.current_p75;
        self.baseline_n = comparison.baseline_n;
        self.current_n = comparison.current_n;
        self.detail.above_zero = size.above_zero;
        self.detail.leak = size.leak;
        self.severity = Severity::of(comparison, self.direction, self.key.known_vital(), policy);
        self.recommendation = recommendation(self);
    }
}

/// FNV-1a, 128 bits: a name, not a secret. Fields are separated by a byte that no field contains.
fn id(key: &SeriesKey, direction: Direction, opened_hour: Hour) -> String {
    let opened = opened_hour.to_string();
    let fields = [
        &key.app,
        &key.environment,
        &key.route,
        key.kind.name(),
        &key.vital,
        direction.name(),
        &opened,
    ];
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for byte in fields.iter().flat_map(|field| field.bytes().chain([0xff])) {
        hash = (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
    format!("{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Bounded;
    use crate::series::Kind;

    fn comparison(ratio: f64, baseline_p75: f64) -> Comparison {
        Comparison {
            ratio: Bounded {
                value: ratio,
                low: ratio,
                high: ratio,
            },
            baseline_p75,
            current_p75: baseline_p75 * ratio,
            baseline_n: 1,
            current_n: 1,
            shift: ratio.ln(),
            p_value: 0.0,
        }
    }

    #[test]
    fn severity_is_size_or_a_crossed_threshold() {
        use Direction::{Improvement, Regression};
        for (ratio, p75, direction, expected) in [
            (1.30, 1_000.0, Regression, Severity::Critical),
            (1.16, 1_000.0, Regression, Severity::Warning),
            (1.05, 1_000.0, Regression, Severity::Minor),
            (1.05, 2_450.0, Regression, Severity::Warning),
            (0.95, 2_600.0, Improvement, Severity::Warning),
            (0.79, 1_000.0, Improvement, Severity::Critical),
            (0.95, 1_000.0, Improvement, Severity::Minor),
        ] {
            let found = Severity::of(
                &comparison(ratio, p75),
                direction,
                Some(Vital::Lcp),
                &Policy::default(),
            );
            assert_eq!(found, expected, "{ratio} {p75}");
        }
    }

    #[test]
    fn every_finding_says_where_to_look() {
        let names = Vital::ALL
            .iter()
            .map(|vital| (Kind::Vital, vital.name()))
            .chain([(Kind::Operation, "GET /api/cart")]);
        for (kind, vital) in names {
            let [app, environment, route] = ["shop", "production", "*"].map(str::to_owned);
            let key = SeriesKey {
                app,
                environment,
                route,
                kind,
                vital: vital.to_owned(),
            };
            for (direction, release) in [
                (Direction::Regression, None),
                (Direction::Improvement, Some("2.0".to_owned())),
            ] {
                let evidence = Evidence {
                    verdict: Verdict {
                        p_day: 1e-6,
                        size: 0.2,
                        stddev: 0.02,
                        t: 10.0,
                        window_hours: 12,
                    },
                    size: Size {
                        comparison: comparison(1.2, 100.0),
                        above_zero: None,
                        leak: None,
                    },
                    change_point: ChangePoint {
                        hour: 7,
                        set: vec![],
                        strength: vec![],
                    },
                    release,
                    lane: Lane::Hours,
                    beside: None,
                };
                let finding =
                    Finding::open(key.clone(), direction, 9, evidence, &Policy::default());
                let text = &finding.recommendation;
                assert!(
                    text.starts_with(&format!("{vital} on most routes is 20 % ")),
                    "{text}"
                );
                assert_eq!(
                    text.contains("no release began"),
                    finding.release.is_empty(),
                    "{text}"
                );
                assert_eq!(finding.id.len(), 32);
                assert!(
                    finding.state.is_open()
                        && (finding.change_point_low_hour, finding.z) == (7, 10.0)
                );
            }
        }
        let names = [
            State::Unconfirmed,
            State::Confirmed,
            State::Transient,
            State::Resolved,
        ]
        .map(State::name);
        assert_eq!(names, ["unconfirmed", "confirmed", "transient", "resolved"]);
        assert_eq!(
            [Severity::Minor, Severity::Warning, Severity::Critical].map(Severity::name),
            ["minor", "warning", "critical"]
        );
    }
}

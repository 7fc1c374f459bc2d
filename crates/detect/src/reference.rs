//! By which past a series is judged, when people or a rule decide about it: what was approved and rejected, and what is left of it
//! at a moment. Pure bookkeeping; which hours a baseline has, [`crate::baseline`] knows.

use std::ops::Range;

use crate::series::{Hour, SeriesKey};

/// How the past that counts as normal is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// The 28 days that ended 3 days ago, each day anew.
    #[default]
    RollingWindow,
    /// The newest rolling window at which the series was calm: a slow drift is measured against the past that it left.
    AutomatedStable,
    /// The window that a person approved, until another is. Without one nothing is judged.
    ManualApproval,
}

impl Strategy {
    pub const ALL: [Strategy; 3] = [
        Strategy::RollingWindow,
        Strategy::AutomatedStable,
        Strategy::ManualApproval,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Strategy::RollingWindow => "rolling_window",
            Strategy::AutomatedStable => "automated_stable",
            Strategy::ManualApproval => "manual_approval",
        }
    }

    pub fn from_name(name: &str) -> Option<Strategy> {
        Strategy::ALL
            .into_iter()
            .find(|strategy| strategy.name() == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ruling {
    /// These hours are normal.
    Approved,
    /// They are not.
    Rejected,
}

impl Ruling {
    pub const fn name(self) -> &'static str {
        match self {
            Ruling::Approved => "approved",
            Ruling::Rejected => "rejected",
        }
    }

    pub fn from_name(name: &str) -> Option<Ruling> {
        [Ruling::Approved, Ruling::Rejected]
            .into_iter()
            .find(|ruling| ruling.name() == name)
    }
}

/// What was decided about the hours of one baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub key: SeriesKey,
    pub ruling: Ruling,
    pub window: Range<Hour>,
    /// The hour in which it was made. It holds from the beginning of that day (UTC): baselines are learned by the day.
    pub at_hour: Hour,
    /// Approved by [`Strategy::AutomatedStable`], not by a person.
    pub is_automatic: bool,
}

/// What decisions leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruled {
    /// The window that was approved last and not rejected since.
    pub approved: Option<Range<Hour>>,
    /// Windows that were rejected, and of whose hours none was approved since.
    pub rejected: Vec<Range<Hour>>,
}

impl Ruled {
    /// Of the decisions before `until_hour`; those of one series, in the order in which they were made.
    pub fn of(decisions: &[Decision], until_hour: Hour) -> Ruled {
        let mut approved: Vec<&Decision> = Vec::new();
        let mut rejected: Vec<Range<Hour>> = Vec::new();
        let made = decisions
            .iter()
            .filter(|decision| decision.at_hour < until_hour);
        for decision in made {
            let window = &decision.window;
            match decision.ruling {
                Ruling::Approved => {
                    rejected.retain(|rejected| !overlap(rejected, window));
                    approved.push(decision);
                }
                Ruling::Rejected => {
                    // Yesterday's automatic approval is nearly the same window: a person has now spoken about its hours.
                    approved.retain(|approved| {
                        approved.window != *window
                            && !(approved.is_automatic && overlap(&approved.window, window))
                    });
                    rejected.push(window.clone());
                }
            }
        }
        Ruled {
            approved: approved.last().map(|decision| decision.window.clone()),
            rejected,
        }
    }
}

/// The approved windows that are in force at some time of `hours`: their past must be at hand, however old it is.
pub fn approved_windows(decisions: &[Decision], hours: Range<Hour>) -> Vec<Range<Hour>> {
    let mut windows: Vec<Range<Hour>> = Vec::new();
    let first_day = hours.start.div_euclid(24) * 24;
    for day in (first_day..hours.end).step_by(24) {
        if let Some(window) = Ruled::of(decisions, day + 24).approved
            && windows.last() != Some(&window)
        {
            windows.push(window);
        }
    }
    windows
}

/// Whether two windows have an hour in common.
pub fn overlap(a: &Range<Hour>, b: &Range<Hour>) -> bool {
    a.start < b.end && b.start < a.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::Kind;

    fn decision(ruling: Ruling, window: Range<Hour>, at_hour: Hour) -> Decision {
        let [app, environment, route, vital] =
            ["shop", "production", "/", "LCP"].map(str::to_owned);
        Decision {
            key: SeriesKey {
                app,
                environment,
                route,
                kind: Kind::Vital,
                vital,
            },
            ruling,
            window,
            at_hour,
            is_automatic: false,
        }
    }

    /// `rejected`: first and last hour of each window.
    fn check(decisions: &[Decision], approved: Option<Range<Hour>>, rejected: &[(Hour, Hour)]) {
        let found = Ruled::of(decisions, 1_000);
        let of_found = found.rejected.iter().map(|one| (one.start, one.end));
        let of_found: Vec<(Hour, Hour)> = of_found.collect();
        assert_eq!((found.approved, &of_found[..]), (approved, rejected));
    }

    #[test]
    fn a_rejected_baseline_falls_back_to_the_last_approved() {
        use Ruling::{Approved, Rejected};
        let first = decision(Approved, 0..10, 20);
        let second = decision(Approved, 10..30, 40);
        let rejected = decision(Rejected, 10..30, 50);
        check(&[], None, &[]);
        check(&[first.clone(), second.clone()], Some(10..30), &[]);
        check(
            &[first.clone(), second.clone(), rejected.clone()],
            Some(0..10),
            &[(10, 30)],
        );
        // Approved after all.
        check(&[first, rejected.clone(), second], Some(10..30), &[]);
        check(std::slice::from_ref(&rejected), None, &[(10, 30)]);
        // What has not been decided yet does not count.
        assert_eq!(Ruled::of(&[rejected], 50), Ruled::default());
    }

    #[test]
    fn windows_are_those_of_the_days() {
        let all = [
            decision(Ruling::Approved, 0..10, 20),
            decision(Ruling::Approved, 10..30, 60),
            decision(Ruling::Approved, 30..50, 200),
        ];
        assert_eq!(approved_windows(&all, 40..100), [0..10, 10..30]);
        assert_eq!(approved_windows(&all, 0..24).len(), 1);
        assert_eq!(approved_windows(&all[1..], 0..24), []);
    }

    #[test]
    fn a_person_outweighs_the_rule() {
        let automatic = |window, at_hour| Decision {
            is_automatic: true,
            ..decision(Ruling::Approved, window, at_hour)
        };
        let all = [
            decision(Ruling::Approved, 0..10, 20),
            automatic(20..40, 50),
            automatic(21..41, 51),
            decision(Ruling::Rejected, 21..41, 52),
        ];
        check(&all, Some(0..10), &[(21, 41)]);
    }

    #[test]
    fn names_are_read_back() {
        for strategy in Strategy::ALL {
            assert_eq!(Strategy::from_name(strategy.name()), Some(strategy));
        }
        for ruling in [Ruling::Approved, Ruling::Rejected] {
            assert_eq!(Ruling::from_name(ruling.name()), Some(ruling));
        }
        assert_eq!(Strategy::from_name("rolling"), None);
    }
}

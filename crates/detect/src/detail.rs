//! What a finding says beyond one ratio: which comparison decided it, and that comparison's own numbers.

use crate::compare::Bounded;
use crate::memory::Leak;
use crate::series::Hour;
use crate::two_part::Part;

/// Which comparison decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Hours against the baseline's.
    #[default]
    Hours,
    /// The same, of the share of page views above zero.
    Share,
    /// The same, of the size of those above zero.
    Size,
    /// Single runs against earlier ones: the series is too thin for hours.
    Runs,
    /// A release against an older one, in the hours in which both were live.
    Releases,
}

impl Lane {
    pub const ALL: [Lane; 5] = [
        Lane::Hours,
        Lane::Share,
        Lane::Size,
        Lane::Runs,
        Lane::Releases,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Lane::Hours => "hours",
            Lane::Share => "share",
            Lane::Size => "size",
            Lane::Runs => "runs",
            Lane::Releases => "releases",
        }
    }

    pub fn from_name(name: &str) -> Option<Lane> {
        Lane::ALL.into_iter().find(|lane| lane.name() == name)
    }

    /// Which part of a series in two parts it is about.
    pub const fn part(self) -> Option<Part> {
        match self {
            Lane::Share => Some(Part::Share),
            Lane::Size => Some(Part::Size),
            Lane::Hours | Lane::Runs | Lane::Releases => None,
        }
    }
}

/// What is known beside the ratio; absent where it does not apply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detail {
    pub lane: Lane,
    pub above_zero: Option<AboveZero>,
    pub leak: Option<Leak>,
    pub beside: Option<Beside>,
}

/// A series with many zeros (CLS): how many page views are above, and the p75 of those.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AboveZero {
    pub share_before: f64,
    pub share_after: f64,
    pub p75_before: f64,
    pub p75_after: f64,
}

/// Two releases that were live in the same hours.
#[derive(Clone, Debug, PartialEq)]
pub struct Beside {
    pub older: String,
    pub newer: String,
    /// Newer over older, with an interval that holds at every look.
    pub ratio: Bounded,
    /// Chance of as much at any time of the comparison, if the releases were alike.
    pub p_value: f64,
    /// The hours compared: the first, and the one after the last.
    pub from_hour: Hour,
    pub to_hour: Hour,
    pub older_n: u64,
    pub newer_n: u64,
}

impl Detail {
    /// What follows a verdict: ": in 41 % of the page views …"; empty where nothing is known.
    pub fn above_zero_clause(&self) -> String {
        let Some(seen) = self.above_zero else {
            return String::new();
        };
        let [before, after] = [seen.share_before, seen.share_after].map(|share| 100.0 * share);
        format!(
            ": in {after:.0} % of the page views instead of {before:.0} %, with a p75 of {:.3} there instead of {:.3}",
            seen.p75_after, seen.p75_before
        )
    }

    /// What follows the release inside of its bracket: "; live in the same hours, …"; empty where nothing is known.
    pub fn beside_clause(&self) -> String {
        let Some(beside) = &self.beside else {
            return String::new();
        };
        let percent = |ratio: f64| (ratio - 1.0) * 100.0;
        let Bounded { value, low, high } = beside.ratio;
        format!(
            "; live in the same hours, {} differs from {} by {:+.1} % [{:+.1} to {:+.1}]",
            beside.newer,
            beside.older,
            percent(value),
            percent(low),
            percent(high)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_have_names_that_are_read_again() {
        for lane in Lane::ALL {
            assert_eq!(Lane::from_name(lane.name()), Some(lane));
        }
        assert_eq!(Lane::from_name("tea leaves"), None);
        assert_eq!(
            Lane::ALL.map(Lane::part),
            [None, Some(Part::Share), Some(Part::Size), None, None]
        );
    }

    #[test]
    fn nothing_known_says_nothing() {
        let nothing = Detail::default();
        assert_eq!(
            (nothing.above_zero_clause(), nothing.beside_clause()),
            (String::new(), String::new())
        );
        let detail = Detail {
            above_zero: Some(AboveZero {
                share_before: 0.4,
                share_after: 0.41,
                p75_before: 0.1,
                p75_after: 0.115,
            }),
            beside: Some(Beside {
                older: "1".into(),
                newer: "2".into(),
                ratio: Bounded {
                    value: 1.12,
                    low: 1.05,
                    high: 1.2,
                },
                p_value: 1e-6,
                from_hour: 0,
                to_hour: 9,
                older_n: 100,
                newer_n: 100,
            }),
            ..Detail::default()
        };
        assert_eq!(
            detail.above_zero_clause(),
            ": in 41 % of the page views instead of 40 %, with a p75 of 0.115 there instead of 0.100"
        );
        assert_eq!(
            detail.beside_clause(),
            "; live in the same hours, 2 differs from 1 by +12.0 % [+5.0 to +20.0]"
        );
    }
}

//! A series' newest release beside the one before, in the hours in which both are live.
//!
//! The days cancel, so this sees changes that no comparison with the past can. But the visitors of a new release differ too: their
//! caches are cold and their tabs are new. So a comparison raises an alarm of its own only where earlier releases have shown what a
//! new one looks like by itself ([`Neutral`]); otherwise it is attached to what the hours have found.

use std::collections::BTreeMap;

use crate::compare::{Bounded, Comparison, StratumPair, Z_90, compare};
use crate::concurrent::{Lane, MIN_NEUTRAL_RELEASES, Neutral, Settings, Standing};
use crate::detail::Beside;
use crate::finding::Direction;
use crate::histogram::Histogram;
use crate::lifecycle::Signal;
use crate::policy::Policy;
use crate::scan::Verdict;
use crate::series::{History, Hour};

/// A release is compared for so long: later it is the new normal.
const LIVE_HOURS: Hour = 168;
/// The release before is the one with the most page views in so many hours before the new one.
const BEFORE_HOURS: Hour = 24;
/// Page views that both need in an hour: fewer say little and cost as much.
const MIN_HOUR_VIEWS: u64 = 2;
/// An earlier release is learned from over its first three days, in which caches warm up and visitors return.
const NEUTRAL_HOURS: Hour = 72;
/// Earlier releases that are learned from, the newest.
const MAX_NEUTRAL_RELEASES: usize = 12;
/// What a release brought is the new normal after so long.
const NORMAL_HOURS: Hour = 336;
/// The hours have to be this recent for the comparison to speak of now.
const FRESH_HOURS: Hour = 3;
/// T of what the bound calls certain.
const CERTAIN_T: f64 = 9.0;
/// Chance of a difference at least as large at any time, below which it is worth attaching to a finding.
const ATTACH_P: f64 = 0.05;
/// And below which it names the release of a finding for which none fits best by the hours alone.
const NAME_P: f64 = 1e-3;

/// What runs for one series.
#[derive(Clone)]
pub struct Running<'h> {
    pub older: &'h str,
    pub newer: &'h str,
    pub first_hour: Hour,
    lane: Lane,
    settings: Settings,
    /// The next hour to add.
    next_hour: Hour,
    /// What earlier releases looked like by themselves: not asked yet, or too few.
    neutral: Option<Option<Neutral>>,
    /// As of the last hour added, with what neutral releases look like taken out where that is known.
    standing: Option<Standing>,
}

/// The releases of a series in the order in which they came.
pub fn order(history: &History) -> Vec<(Hour, &str)> {
    let mut releases: Vec<(Hour, &str)> = history
        .releases()
        .iter()
        .filter(|release| !release.name.is_empty())
        .filter_map(|release| Some((release.first_hour()?, release.name.as_str())))
        .collect();
    releases.sort_unstable();
    releases
}

/// Moves the comparison of a series on to `hour`; begins another when a newer release has come.
pub fn advance<'h>(
    running: &mut Option<Running<'h>>,
    history: &'h History,
    order: &[(Hour, &'h str)],
    hour: Hour,
    settings: Settings,
) {
    let came = order.partition_point(|(first, _)| *first <= hour);
    let newest = came.checked_sub(1).map(|index| order[index]);
    let Some((first_hour, newer)) = newest.filter(|(first, _)| hour - first < LIVE_HOURS) else {
        *running = None;
        return;
    };
    if running.as_ref().is_none_or(|one| one.newer != newer) {
        *running = Running::new(history, order, came - 1, settings);
    }
    debug_assert!(
        running
            .as_ref()
            .is_none_or(|one| one.first_hour == first_hour)
    );
    if let Some(one) = running {
        one.catch_up(history, order, hour);
    }
}

/// The comparison of a release that came earlier, as of `hour`.
pub fn of_release<'h>(
    history: &'h History,
    order: &[(Hour, &'h str)],
    name: &str,
    hour: Hour,
    settings: Settings,
) -> Option<Running<'h>> {
    let place = order.iter().position(|(_, one)| *one == name)?;
    let mut running = Running::new(history, order, place, settings)?;
    let last = hour.min(running.first_hour + LIVE_HOURS - 1);
    running.catch_up(history, order, last);
    Some(running)
}

/// The release that a new one takes the place of.
fn before<'h>(history: &History, earlier: &[(Hour, &'h str)], first: Hour) -> Option<&'h str> {
    let views = |name: &str| {
        let release = history.releases().iter().find(|one| one.name == name);
        release.map_or(0, |one| one.n(first - BEFORE_HOURS..first))
    };
    let counted = earlier.iter().map(|(_, name)| (views(name), *name));
    let most = counted.filter(|(n, _)| *n > 0).max_by_key(|(n, _)| *n);
    most.map(|(_, name)| name)
}

impl<'h> Running<'h> {
    /// The release at `place` of the order beside the one before; `None` when there was none.
    fn new(
        history: &'h History,
        order: &[(Hour, &'h str)],
        place: usize,
        settings: Settings,
    ) -> Option<Running<'h>> {
        let (first_hour, newer) = order[place];
        Some(Running {
            older: before(history, &order[..place], first_hour)?,
            newer,
            first_hour,
            lane: Lane::new(history.key.scheme(), settings),
            settings,
            next_hour: first_hour,
            neutral: None,
            standing: None,
        })
    }

    fn catch_up(&mut self, history: &'h History, order: &[(Hour, &'h str)], hour: Hour) {
        let hours = std::mem::replace(&mut self.next_hour, hour + 1)..hour + 1;
        let mut is_new = false;
        for hour in hours {
            if let Some(pairs) = common(history, self.older, self.newer, hour) {
                self.lane
                    .observe(hour, pairs.iter().map(|(name, pair)| (*name, pair)));
                is_new = true;
            }
        }
        if !is_new {
            return;
        }
        self.standing = self.lane.standing();
        // Only what looks like something is worth the earlier releases.
        if self
            .standing
            .is_some_and(|standing| standing.p_value <= ATTACH_P)
        {
            self.take_out_neutral(history, order, hour);
        }
    }

    fn take_out_neutral(&mut self, history: &'h History, order: &[(Hour, &'h str)], hour: Hour) {
        let (settings, first_hour) = (self.settings, self.first_hour);
        let learn = || {
            Neutral::learn(
                &earlier(history, order, first_hour, settings)
                    .iter()
                    .collect::<Vec<_>>(),
            )
        };
        let Some(neutral) = *self.neutral.get_or_insert_with(learn) else {
            return;
        };
        let mut lane = Lane::new(
            history.key.scheme(),
            Settings {
                neutral,
                ..settings
            },
        );
        for hour in first_hour..hour + 1 {
            if let Some(pairs) = common(history, self.older, self.newer, hour) {
                lane.observe(hour, pairs.iter().map(|(name, pair)| (*name, pair)));
            }
        }
        self.standing = lane.standing();
    }

    pub fn knows_neutral(&self) -> bool {
        matches!(self.neutral, Some(Some(_)))
    }

    /// `releases_a_day`: as many comparisons begin in a day, and each may err once.
    pub fn verdict(&self, direction: Direction, releases_a_day: f64) -> Verdict {
        let Some(standing) = self.standing.filter(|_| self.knows_neutral()) else {
            return Verdict::NONE;
        };
        let size = direction.sign() * standing.shift.value;
        if size <= 0.0 {
            return Verdict::NONE;
        }
        let half_width = (standing.shift.high - standing.shift.low) / 2.0;
        Verdict {
            p_day: (standing.p_value * releases_a_day).min(1.0),
            size,
            // The interval holds at every look: its bound is the materiality bound.
            stddev: half_width / Z_90,
            t: Z_90 * size / half_width.max(1e-12),
            window_hours: (standing.last_common_hour + 1 - standing.first_hour).max(1) as usize,
        }
    }

    /// What the comparison says to the lifecycle of a finding about the release `name` that it raised. Once a newer release has come, the
    /// finding stays until one is surely better, or has become the new normal.
    pub fn signal(
        &self,
        name: &str,
        order: &[(Hour, &str)],
        hour: Hour,
        direction: Direction,
        alarm: Option<f64>,
    ) -> Signal {
        if self.newer != name {
            let came = order.iter().find(|(_, one)| *one == name);
            let is_normal = came.is_none_or(|(first, _)| hour - first >= NORMAL_HOURS);
            let is_better = self.standing.is_some_and(|standing| {
                standing.p_value <= ATTACH_P && direction.sign() * standing.shift.value < 0.0
            });
            return if is_normal || is_better {
                Signal::default()
            } else {
                Signal {
                    t_24: CERTAIN_T,
                    ..Signal::default()
                }
            };
        }
        let Some(standing) = self.standing else {
            return Signal::default();
        };
        let size = direction.sign() * standing.shift.value;
        let nearest = match direction {
            Direction::Regression => standing.shift.low,
            Direction::Improvement => -standing.shift.high,
        };
        let is_fresh = hour - standing.last_common_hour <= FRESH_HOURS;
        // As many standard deviations as a certain change has: the bound has paid for all looks.
        let t = if nearest > 0.0 { CERTAIN_T } else { 0.0 };
        Signal {
            alarm,
            mean_6: size,
            t_6: if is_fresh { t } else { 0.0 },
            mean_24: size,
            t_24: CERTAIN_T,
        }
    }

    /// The comparison for people, in the page views of the hours in which both were live.
    pub fn beside(&self) -> Option<Beside> {
        let standing = self.standing?;
        let Bounded { value, low, high } = standing.shift;
        Some(Beside {
            older: self.older.to_owned(),
            newer: self.newer.to_owned(),
            ratio: Bounded {
                value: value.exp(),
                low: low.exp(),
                high: high.min(crate::sensitivity::MAX_SHIFT).exp(),
            },
            p_value: standing.p_value,
            from_hour: standing.first_hour,
            to_hour: standing.last_common_hour + 1,
            older_n: standing.older_n,
            newer_n: standing.newer_n,
        })
    }

    /// What is worth attaching to a finding of a direction, and whether it names the release. `size`: of the finding, as a log shift.
    pub fn attached(&self, direction: Direction, size: f64) -> Option<(Beside, bool)> {
        let standing = self.standing.filter(|one| one.p_value <= ATTACH_P)?;
        let names =
            standing.p_value <= NAME_P && direction.sign() * standing.shift.value > 0.5 * size;
        Some((self.beside()?, names))
    }

    /// Both releases in the units of the values.
    pub fn comparison(&self, history: &History, hour: Hour) -> Option<Comparison> {
        let mut sides: BTreeMap<&str, StratumPair> = BTreeMap::new();
        for hour in self.first_hour..hour + 1 {
            let found = common(history, self.older, self.newer, hour);
            for (stratum, pair) in found.into_iter().flatten() {
                match sides.get_mut(stratum) {
                    Some(all) => {
                        all.baseline.merge(&pair.baseline);
                        all.current.merge(&pair.current);
                    }
                    None => {
                        sides.insert(stratum, pair);
                    }
                }
            }
        }
        let pairs: Vec<StratumPair> = sides.into_values().collect();
        let found = compare(&pairs, self.settings.phi)?;
        let beside = self.beside()?;
        Some(Comparison {
            ratio: beside.ratio,
            ..found
        })
    }
}

/// The lanes of the releases before this one, each beside its own predecessor, until the next came.
fn earlier<'h>(
    history: &'h History,
    order: &[(Hour, &'h str)],
    first_hour: Hour,
    settings: Settings,
) -> Vec<Lane> {
    let earlier = order.partition_point(|(first, _)| *first < first_hour);
    let from = earlier.saturating_sub(MAX_NEUTRAL_RELEASES).max(1);
    if earlier < from + MIN_NEUTRAL_RELEASES {
        return Vec::new();
    }
    (from..earlier)
        .filter_map(|index| {
            let (first, newer) = order[index];
            let older = before(history, &order[..index], first)?;
            let next = order.get(index + 1).map_or(first_hour, |next| next.0);
            let mut lane = Lane::new(history.key.scheme(), settings);
            for hour in first..next.min(first + NEUTRAL_HOURS) {
                if let Some(pairs) = common(history, older, newer, hour) {
                    lane.observe(hour, pairs.iter().map(|(name, pair)| (*name, pair)));
                }
            }
            lane.standing().is_some().then_some(lane)
        })
        .collect()
}

/// Both releases in one hour by stratum; `None` unless both were live.
fn common<'a>(
    history: &'a History,
    older: &str,
    newer: &str,
    hour: Hour,
) -> Option<BTreeMap<&'a str, StratumPair>> {
    let views = |name: &str| {
        let release = history.releases().iter().find(|one| one.name == name);
        release.map_or(0, |one| one.n(hour..hour + 1))
    };
    if views(older).min(views(newer)) < MIN_HOUR_VIEWS {
        return None;
    }
    let empty = || Histogram::new(history.key.scheme());
    let mut pairs: BTreeMap<&str, StratumPair> = BTreeMap::new();
    for (name, is_newer) in [(older, false), (newer, true)] {
        for ((_, stratum), found) in history.release_histograms(name, hour..hour + 1) {
            let pair = pairs.entry(stratum).or_insert_with(|| StratumPair {
                baseline: empty(),
                current: empty(),
            });
            if is_newer {
                pair.current = found;
            } else {
                pair.baseline = found;
            }
        }
    }
    Some(pairs)
}

/// By what a lane is judged. Alarms go by its p-value; the interval is for people and for what is worth their time, at 90 % like all.
pub fn settings(phi: f64, policy: &Policy) -> Settings {
    Settings {
        phi,
        alpha: 0.1,
        margin: policy.min_shift,
        neutral: Neutral::default(),
    }
}

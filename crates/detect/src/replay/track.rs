//! One series through a replay: what is remembered of it between hours, and the past by which it is judged each day.

use std::ops::Range;

use super::beside::{self, Running};
use crate::baseline::{BaselineHours, Learned, Learning, learn};
use crate::describe::Coverage;
use crate::detail::Lane;
use crate::finding::Finding;
use crate::lifecycle::Lifecycle;
use crate::policy::Policy;
use crate::reference::{Decision, Ruled, Ruling, Strategy, overlap};
use crate::runs::{Runs, THIN_PER_DAY};
use crate::scan::PanelSeries;
use crate::series::{History, Hour};
use crate::two_part::Parts;

pub struct Series<'h> {
    pub history: &'h History,
    pub track: Track,
    pub learned: Result<Learned, Learning>,
    pub source: Source,
    /// How it is judged when it is too thin for hours: then it is not scanned.
    pub runs: Option<RunsOfDay>,
    /// Its releases in the order in which they came, and the newest beside the one before.
    pub releases: Vec<(Hour, &'h str)>,
    pub beside: Option<Running<'h>>,
}

pub struct RunsOfDay {
    pub runs: Runs,
    pub hours: BaselineHours,
}

/// Where the baseline in force comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// There is none.
    #[default]
    Nothing,
    Rolling,
    /// It stands still while an incident is open.
    Frozen,
    /// By a person or by rule.
    Approved,
}

/// What is remembered of a series between hours.
#[derive(Default)]
pub struct Track {
    /// One per direction.
    pub watches: [Watch; 2],
    /// Hours of past confirmed incidents.
    pub incidents: Vec<Range<Hour>>,
    /// The baseline's window while an incident is open.
    pub frozen: Option<Range<Hour>>,
    /// About its baselines, in the order in which they were made.
    pub decisions: Vec<Decision>,
}

#[derive(Default)]
pub struct Watch {
    pub lifecycle: Lifecycle,
    /// Index of the open finding.
    pub finding: Option<usize>,
    pub last_alarm: Option<Hour>,
    /// Which comparison the open finding is about.
    pub lane: Option<Lane>,
    /// And of a comparison of releases, the newer.
    pub release: Option<String>,
}

impl Watch {
    /// An open finding that is not counted in runs.
    fn is_of_hours(&self) -> bool {
        self.finding.is_some() && self.lane != Some(Lane::Runs)
    }
}

impl Track {
    /// The baseline stands still at what it was on the day the finding was opened, without what the change had reached.
    pub fn freeze(&mut self, finding: &Finding, policy: &Policy) {
        // The past does not show what releases that are live in the same hours differ by: it stays what it is.
        if finding.detail.lane == Lane::Releases {
            return;
        }
        let day = (finding.opened_hour - 1).div_euclid(24) * 24;
        let rolling = BaselineHours::of_day(day, policy).window;
        let ruled = self.ruled(day);
        let is_rejected = ruled.rejected.iter().any(|one| overlap(one, &rolling));
        let window = match policy.strategy {
            Strategy::RollingWindow if !is_rejected => rolling,
            _ => ruled.approved.unwrap_or(rolling),
        };
        self.frozen = Some(window.start..window.end.min(finding.change_point_low_hour));
    }

    /// What decisions made up to the end of the day leave.
    pub fn ruled(&self, day: Hour) -> Ruled {
        Ruled::of(&self.decisions, day + 24)
    }

    /// The rolling window of a day, without what was rejected.
    pub fn rolling(&self, day: Hour, ruled: &Ruled, policy: &Policy) -> BaselineHours {
        BaselineHours {
            incidents: self.incidents.clone(),
            rejected: ruled.rejected.clone(),
            ..BaselineHours::of_day(day, policy)
        }
    }

    /// The baseline of a day of the app-level series, about which nobody decides.
    pub fn app_hours(&self, day: Hour, policy: &Policy) -> BaselineHours {
        match &self.frozen {
            Some(window) => self.fixed(window.clone()),
            None => self.rolling(day, &Ruled::default(), policy),
        }
    }

    fn fixed(&self, window: Range<Hour>) -> BaselineHours {
        BaselineHours {
            window,
            incidents: self.incidents.clone(),
            rejected: Vec::new(),
        }
    }
}

impl<'h> Series<'h> {
    pub fn new(history: &'h History, decisions: Vec<Decision>) -> Series<'h> {
        let track = Track {
            decisions,
            ..Track::default()
        };
        Series {
            history,
            track,
            learned: Err(Learning { day_count: 0, n: 0 }),
            source: Source::Nothing,
            runs: None,
            releases: beside::order(history),
            beside: None,
        }
    }

    /// Whether the day's scan has it.
    pub fn is_scanned(&self) -> bool {
        self.learned.is_ok() && self.runs.is_none()
    }

    /// Learns the baseline of the day that begins at `day`, of hours or of runs.
    pub fn learn(&mut self, day: Hour, policy: &Policy) {
        self.learn_hours(day, policy);
        self.runs = None;
        // What an hour began to say, hours finish.
        if self.track.watches.iter().any(Watch::is_of_hours) {
            return;
        }
        let hours = match &self.learned {
            Ok(learned) if learned.n as f64 >= THIN_PER_DAY * policy.baseline_days as f64 => return,
            Ok(learned) => learned.hours.clone(),
            Err(_) => match self.hours_of_runs(day, policy) {
                Some(hours) => hours,
                None => return,
            },
        };
        let runs = Runs::learn(self.history, &hours, policy);
        self.runs = runs.map(|runs| RunsOfDay { runs, hours });
        if self.runs.is_none() && self.learned.is_err() {
            // Too little is left of it: what stood still thaws.
            self.track.frozen = None;
        }
    }

    /// The hours of a series that has too few for a baseline of hours.
    fn hours_of_runs(&self, day: Hour, policy: &Policy) -> Option<BaselineHours> {
        let ruled = self.track.ruled(day);
        match (&self.track.frozen, policy.strategy) {
            (Some(window), _) => Some(self.track.fixed(window.clone())),
            (None, Strategy::ManualApproval) => {
                ruled.approved.map(|window| self.track.fixed(window))
            }
            (None, _) => Some(self.track.rolling(day, &ruled, policy)),
        }
    }

    fn learn_hours(&mut self, day: Hour, policy: &Policy) {
        let ruled = self.track.ruled(day);
        if self.learn_frozen(&ruled, policy) {
            return;
        }
        let rolling = (policy.strategy == Strategy::RollingWindow)
            .then(|| (Source::Rolling, self.track.rolling(day, &ruled, policy)));
        let approved = ruled
            .approved
            .map(|window| (Source::Approved, self.track.fixed(window)));
        self.learned = Err(Learning { day_count: 0, n: 0 });
        self.source = Source::Nothing;
        for (source, hours) in rolling.into_iter().chain(approved) {
            match learn(self.history, &hours, policy) {
                Ok(learned) => {
                    self.learned = Ok(learned);
                    self.source = source;
                    return;
                }
                // How far it is from being learned matters for the rolling window: an approved one grows no more.
                Err(learning) if source == Source::Rolling => self.learned = Err(learning),
                Err(_) => {}
            }
        }
    }

    /// Whether the series is judged by a baseline that stands still.
    fn learn_frozen(&mut self, ruled: &Ruled, policy: &Policy) -> bool {
        // A person who rejects those hours means them, incident or not.
        let rejected = |window: &Range<Hour>| ruled.rejected.iter().any(|one| overlap(one, window));
        let frozen = self.track.frozen.take().filter(|window| !rejected(window));
        let Some(window) = frozen else {
            return false;
        };
        let is_of_runs = |watch: &Watch| watch.finding.is_some() && watch.lane == Some(Lane::Runs);
        // A baseline that stood still for weeks runs out of kept history. The change has then lasted so long that it is
        // the new normal: it thaws.
        self.learned = learn(self.history, &self.track.fixed(window.clone()), policy);
        if self.learned.is_err() && !self.track.watches.iter().any(is_of_runs) {
            return false;
        }
        self.track.frozen = Some(window);
        self.source = Source::Frozen;
        true
    }

    /// Approves the rolling window of a day by rule, if the strategy has one and the series was calm up to that day. `is_calm` is
    /// none on a replay's first day: nothing is known yet, so only a series that has no baseline gets one.
    pub fn approve(
        &mut self,
        day: Hour,
        policy: &Policy,
        is_calm: Option<bool>,
    ) -> Option<Decision> {
        if policy.strategy != Strategy::AutomatedStable {
            return None;
        }
        let ruled = Ruled::of(&self.track.decisions, day);
        let at_midnight = self.track.decisions.iter();
        let is_done = at_midnight
            .clone()
            .any(|decision| decision.is_automatic && decision.at_hour == day);
        let is_open = self.track.watches.iter().any(|one| one.finding.is_some());
        let is_calm = is_calm.unwrap_or(ruled.approved.is_none());
        if is_done || is_open || !is_calm || self.track.frozen.is_some() {
            return None;
        }
        let hours = self.track.rolling(day, &ruled, policy);
        let is_complete = Coverage::of(self.history, &hours).share() >= policy.approve_min_coverage;
        if !is_complete || learn(self.history, &hours, policy).is_err() {
            return None;
        }
        let decision = Decision {
            key: self.history.key.clone(),
            ruling: Ruling::Approved,
            window: hours.window,
            at_hour: day,
            is_automatic: true,
        };
        // Before what people decided later that day.
        let place = at_midnight.take_while(|other| other.at_hour < day).count();
        self.track.decisions.insert(place, decision.clone());
        Some(decision)
    }

    pub fn panel_series(&self, range: Range<Hour>) -> Option<PanelSeries> {
        let learned = self.learned.as_ref().ok()?;
        Some(learned.score_hours(self.history, range, self.track.frozen.is_some()))
    }

    pub fn panel_series_in_parts(&self, range: Range<Hour>) -> Option<Parts<PanelSeries>> {
        let learned = self.learned.as_ref().ok()?;
        Some(learned.score_parts(self.history, range, self.track.frozen.is_some()))
    }
}

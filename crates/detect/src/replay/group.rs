//! The routes of one vital within an app: what is remembered of each series, and one day's scan of them all.

use super::track::{Series, Track, Watch};
use crate::baseline::BaselineHours;
use crate::change_point::Trace;
use crate::evidence::locate;
use crate::finding::Direction;
use crate::lifecycle::Signal;
use crate::policy::Policy;
use crate::reference::Decision;
use crate::scan::{CONFIRM_WINDOW, Panel, Scan, Verdict};
use crate::sensitivity::{BASELINE_Z_ALPHA, BASELINE_Z_BETA, minimum_detectable};
use crate::series::{APP_LEVEL_ROUTE, History, Hour, SeriesKey};

/// A thousandfold change: a series that needs more (all its values in the zero or overflow bucket) sees nothing at all.
const MAX_DETECTABLE_SHIFT: f64 = 7.0;
/// |T| of the last three days from which a series is not calm.
const CALM_T: f64 = 2.0;
const CALM_HOURS: usize = 72;

pub struct Group<'h> {
    pub series: Vec<Series<'h>>,
    pub app_key: SeriesKey,
    pub today: Option<Today>,
    app: Track,
    has_learned: bool,
}

/// One day's scan: `members[i]` is the group's series that is the scan's series `i`.
pub struct Today {
    pub scan: Scan,
    pub members: Vec<usize>,
    /// Sampling variance of each member's hours.
    pub variance: Vec<Vec<f64>>,
}

/// Whose verdict is followed: a member of the day's scan, or the app-level series.
#[derive(Clone, Copy)]
pub enum Subject {
    Member(usize),
    App,
}

impl<'h> Group<'h> {
    pub fn new(key: &SeriesKey) -> Group<'h> {
        let app_key = SeriesKey {
            route: APP_LEVEL_ROUTE.to_owned(),
            ..key.clone()
        };
        Group {
            series: Vec::new(),
            app_key,
            today: None,
            app: Track::default(),
            has_learned: false,
        }
    }

    /// Learns every series' baseline for the day that begins at `day` and scans those that are ready. Returns the approvals by rule.
    pub fn learn_day(&mut self, day: Hour, policy: &Policy) -> Vec<Decision> {
        let mut approvals = Vec::new();
        for index in 0..self.series.len() {
            let is_calm = self.has_learned.then(|| self.is_calm(index, day));
            let series = &mut self.series[index];
            approvals.extend(series.approve(day, policy, is_calm));
            series.learn(day, policy);
        }
        self.has_learned = true;
        let ready = |(index, series): (usize, &Series<'h>)| series.learned.is_ok().then_some(index);
        let members: Vec<usize> = self.series.iter().enumerate().filter_map(ready).collect();
        let app_hours = self.app.app_hours(day, policy);
        let starts = members
            .iter()
            .filter_map(|s| self.series[*s].learned.as_ref().ok())
            .map(|learned| learned.hours.window.start);
        let range = starts.fold(day - policy.lead_hours(), Hour::min)..day + 24;
        let first_data = members
            .iter()
            .filter_map(|s| self.series[*s].history.first_hour())
            .min()
            .unwrap_or(day);
        let panel = Panel {
            first_hour: range.start,
            series: members
                .iter()
                .filter_map(|s| self.series[*s].panel_series(range.clone()))
                .collect(),
            app_baseline: range
                .clone()
                .map(|hour| hour >= first_data && app_hours.contains(hour))
                .collect(),
        };
        // The hour before is asked about, too: findings are read again at midnight.
        let scan = Scan::new(&panel, (day - 1 - range.start).max(0) as usize, policy);
        let variance = panel.series.into_iter().map(|one| one.variance).collect();
        self.today = (!members.is_empty()).then_some(Today {
            scan,
            members,
            variance,
        });
        approvals
    }

    /// Whether the days before `day` stood on the baseline in force. Without one nothing speaks against the series.
    fn is_calm(&self, index: usize, day: Hour) -> bool {
        let Some(today) = &self.today else {
            return true;
        };
        let member = today.members.iter().position(|member| *member == index);
        member.is_none_or(|i| {
            let (_, t) = today
                .scan
                .standing(i, today.scan.index(day - 1), CALM_HOURS);
            t.abs() < CALM_T
        })
    }

    /// Few routes have no app-level series: it would only repeat one route's verdict.
    pub fn has_app_level(&self, policy: &Policy) -> bool {
        self.today
            .as_ref()
            .is_some_and(|today| today.members.len() >= policy.app_level_min_routes)
    }

    /// The loudest window of a member. A confirmed finding keeps its place and spends nothing of the budget.
    pub fn member_verdict(
        &self,
        i: usize,
        hour: Hour,
        direction: Direction,
        policy: &Policy,
    ) -> Verdict {
        match &self.today {
            Some(today)
                if !self
                    .watch(Subject::Member(i), direction)
                    .lifecycle
                    .is_confirmed() =>
            {
                today
                    .scan
                    .verdict(i, today.scan.index(hour), direction, policy)
            }
            _ => Verdict::NONE,
        }
    }

    pub fn app_verdict(
        &self,
        hour: Hour,
        direction: Direction,
        policy: &Policy,
    ) -> Option<Verdict> {
        let today = self.today.as_ref().filter(|_| self.has_app_level(policy))?;
        let is_confirmed = self.watch(Subject::App, direction).lifecycle.is_confirmed();
        Some(if is_confirmed {
            Verdict::NONE
        } else {
            today
                .scan
                .app_verdict(today.scan.index(hour), direction, policy)
        })
    }

    /// What one hour says to the lifecycle; `alarmed` is the size of the alarming window.
    pub fn signal(
        &self,
        subject: Subject,
        hour: Hour,
        direction: Direction,
        alarmed: Option<f64>,
    ) -> Signal {
        let Some(today) = &self.today else {
            return Signal::default();
        };
        let (h, sign) = (today.scan.index(hour), direction.sign());
        let standing = |window_hours: usize| match subject {
            Subject::Member(i) => today.scan.standing(i, h, window_hours),
            Subject::App => today.scan.app.standing(h, window_hours),
        };
        let ((mean_6, t_6), (mean_24, t_24)) = (standing(CONFIRM_WINDOW), standing(24));
        let since_change = || {
            let trace = self.trace(subject, hour, direction)?;
            let (_, mean) = locate(&trace.residual, &trace.weight, trace.at, trace.first_hour);
            Some(mean)
        };
        let alarm = alarmed.map(|size| size.max(since_change().unwrap_or(0.0)));
        Signal {
            alarm,
            mean_6: sign * mean_6,
            t_6: sign * t_6,
            mean_24: sign * mean_24,
            t_24: sign * t_24,
        }
    }

    /// The residuals up to `hour`, positive towards the direction.
    pub fn trace(&self, subject: Subject, hour: Hour, direction: Direction) -> Option<Trace> {
        let scan = &self.today.as_ref()?.scan;
        let at = scan.index(hour);
        let (residual, weight, dispersion) = match subject {
            Subject::Member(i) => (
                &scan.residual[i],
                scan.weight[i].clone(),
                scan.dispersion(i, at),
            ),
            Subject::App => (
                &scan.app.mean,
                vec![scan.app.hour_stddev.powi(-2); scan.app.mean.len()],
                scan.app.dispersion(),
            ),
        };
        let residual = residual
            .iter()
            .map(|value| direction.sign() * value)
            .collect();
        Some(Trace {
            residual,
            weight,
            at,
            first_hour: scan.first_hour,
            dispersion,
        })
    }

    /// The series behind a subject, each with its baseline: one, or all that are scanned.
    pub fn members(&self, subject: Subject) -> Vec<(&'h History, &BaselineHours)> {
        let Some(today) = &self.today else {
            return Vec::new();
        };
        let chosen = match subject {
            Subject::Member(i) => &today.members[i..=i],
            Subject::App => &today.members[..],
        };
        let with_hours = |s: &usize| {
            Some((
                self.series[*s].history,
                &self.series[*s].learned.as_ref().ok()?.hours,
            ))
        };
        chosen.iter().filter_map(with_hours).collect()
    }

    pub fn key(&self, subject: Subject) -> &SeriesKey {
        match subject {
            Subject::Member(i) => &self.series[self.member(i)].history.key,
            Subject::App => &self.app_key,
        }
    }

    pub fn watch(&self, subject: Subject, direction: Direction) -> &Watch {
        let track = match subject {
            Subject::Member(i) => &self.series[self.member(i)].track,
            Subject::App => &self.app,
        };
        &track.watches[direction as usize]
    }

    pub fn track_mut(&mut self, subject: Subject) -> &mut Track {
        match subject {
            Subject::Member(i) => {
                let member = self.member(i);
                &mut self.series[member].track
            }
            Subject::App => &mut self.app,
        }
    }

    /// The track of a route, by name: for findings known from earlier evaluations.
    pub fn track_of(&mut self, route: &str) -> Option<&mut Track> {
        if route == APP_LEVEL_ROUTE {
            return Some(&mut self.app);
        }
        self.series
            .iter_mut()
            .find(|series| series.history.key.route == route)
            .map(|series| &mut series.track)
    }

    fn member(&self, i: usize) -> usize {
        self.today.as_ref().map_or(i, |today| today.members[i])
    }
}

impl Today {
    /// Smallest ratio of change that member `i` shows within 24 h nine times in ten.
    pub fn minimum_detectable_ratio(&self, i: usize) -> f64 {
        let (day_variance, hour_factor) = self.scan.day_noise(i);
        let weight = &self.scan.weight[i];
        let hours = weight.iter().filter(|weight| **weight > 0.0).count() as f64;
        // Precision of a usual day, in units of 1 / variance.
        let day_weight = 24.0 * weight.iter().sum::<f64>() / hours.max(1.0);
        let shift = minimum_detectable(
            day_variance,
            hour_factor,
            1.0,
            day_weight,
            BASELINE_Z_ALPHA,
            BASELINE_Z_BETA,
        );
        shift.min(MAX_DETECTABLE_SHIFT).exp_m1()
    }
}

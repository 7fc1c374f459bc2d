//! The routes of one vital within an app: what is remembered of each series, and how each is judged today.

use std::ops::RangeInclusive;

use super::beside::{self, Running};
use super::today::{Heard, Side, Today, Whose};
use super::track::{RunsOfDay, Series, Track, Watch};
use crate::baseline::BaselineHours;
use crate::change_point::Trace;
use crate::detail::Lane;
use crate::finding::Direction;
use crate::histogram::Scheme;
use crate::lifecycle::Signal;
use crate::policy::Policy;
use crate::reference::Decision;
use crate::scan::{Panel, PanelSeries, Verdict};
use crate::series::{APP_LEVEL_ROUTE, History, Hour, SeriesKey};
use crate::two_part::Parts;

pub struct Group<'h> {
    pub series: Vec<Series<'h>>,
    pub app_key: SeriesKey,
    pub today: Option<Today>,
    app: Track,
    has_learned: bool,
}

/// Whose verdict is followed: a member of the day's scan, a series judged run by run (by its place in the group), or the app-level
/// series.
#[derive(Clone, Copy)]
pub enum Subject {
    Member(usize),
    Thin(usize),
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
        let ready = |(index, series): (usize, &Series<'h>)| series.is_scanned().then_some(index);
        let members: Vec<usize> = self.series.iter().enumerate().filter_map(ready).collect();
        self.today = (!members.is_empty()).then(|| self.scan(members, day, policy));
        approvals
    }

    fn scan(&self, members: Vec<usize>, day: Hour, policy: &Policy) -> Today {
        let learned = || {
            let of = |s: &usize| self.series[*s].learned.as_ref().ok();
            members.iter().filter_map(of)
        };
        let starts = learned().map(|learned| learned.hours.window.start);
        let range = starts.fold(day - policy.lead_hours(), Hour::min)..day + 24;
        let first_data = members
            .iter()
            .filter_map(|s| self.series[*s].history.first_hour())
            .min()
            .unwrap_or(day);
        let app_hours = self.app.app_hours(day, policy);
        let side = |series: Vec<PanelSeries>| {
            let panel = Panel {
                first_hour: range.start,
                series,
                app_baseline: range
                    .clone()
                    .map(|hour| hour >= first_data && app_hours.contains(hour))
                    .collect(),
            };
            // The hour before is asked about, too: findings are read again at midnight.
            Side::new(panel, (day - 1 - range.start).max(0) as usize, policy)
        };
        let zeros: f64 = learned().map(|learned| learned.zeros as f64).sum();
        let views: f64 = learned().map(|learned| learned.n as f64).sum();
        let is_layout_shift = self.app_key.scheme() == Scheme::LayoutShift;
        if is_layout_shift && zeros >= policy.parts_from_zeros * views {
            let parts: Vec<Parts<PanelSeries>> = members
                .iter()
                .filter_map(|s| self.series[*s].panel_series_in_parts(range.clone()))
                .collect();
            let (share, size) = parts.into_iter().map(|one| (one.share, one.size)).unzip();
            return Today::new(members, side(share), Some(side(size)));
        }
        let whole = members
            .iter()
            .filter_map(|s| self.series[*s].panel_series(range.clone()))
            .collect();
        Today::new(members, side(whole), None)
    }

    /// Whether the days before `day` stood on the baseline in force. Without one nothing speaks against the series.
    fn is_calm(&self, index: usize, day: Hour) -> bool {
        self.today.as_ref().is_none_or(|today| {
            let member = today.members.iter().position(|member| *member == index);
            member.is_none_or(|i| today.is_calm(i, day - 1))
        })
    }

    /// Few routes have no app-level series: it would only repeat one route's verdict.
    pub fn has_app_level(&self, policy: &Policy) -> bool {
        self.today
            .as_ref()
            .is_some_and(|today| today.members.len() >= policy.app_level_min_routes)
    }

    /// Everything that is judged by itself today.
    pub fn subjects(&self) -> impl Iterator<Item = Subject> + '_ {
        let members = self.today.as_ref().map_or(0, |today| today.members.len());
        let thin = self.series.iter().enumerate();
        let thin = thin.filter(|(_, series)| series.runs.is_some());
        (0..members)
            .map(Subject::Member)
            .chain(thin.map(|(index, _)| Subject::Thin(index)))
    }

    /// Whether there is anything new about a subject in this hour. A series judged run by run says nothing between two runs.
    pub fn is_heard(&self, subject: Subject, hour: Hour) -> bool {
        match subject {
            Subject::Thin(_) => self.runs(subject).is_some_and(|day| day.runs.has_run(hour)),
            Subject::Member(_) | Subject::App => true,
        }
    }

    /// The loudest window. A confirmed finding keeps its place and spends nothing of the budget.
    pub fn heard(
        &self,
        subject: Subject,
        hour: Hour,
        direction: Direction,
        policy: &Policy,
    ) -> Heard {
        let watch = self.watch(subject, direction);
        if watch.lifecycle.is_confirmed() || !self.is_heard(subject, hour) {
            return Heard::NOTHING;
        }
        let settled = watch.lane.and_then(Lane::part);
        match (whose(subject), &self.today) {
            (Some(whose), Some(today)) => today.heard(whose, settled, hour, direction, policy),
            (None, _) => Heard {
                lane: Lane::Runs,
                verdict: self
                    .runs(subject)
                    .map_or(Verdict::NONE, |day| day.runs.verdict(hour, direction)),
            },
            _ => Heard::NOTHING,
        }
    }

    /// The newest release beside the one before, as of `hour`.
    pub fn compare_releases(&mut self, subject: Subject, hour: Hour, policy: &Policy) {
        let (Some(index), Some(today)) = (self.place(subject), &self.today) else {
            return;
        };
        // Its interval is about ratios; growth has none.
        if self.app_key.is_growth() {
            return;
        }
        let settings = beside::settings(today.phi(), policy);
        let series = &mut self.series[index];
        beside::advance(
            &mut series.beside,
            series.history,
            &series.releases,
            hour,
            settings,
        );
    }

    pub fn beside(&self, subject: Subject) -> Option<&Running<'h>> {
        self.series[self.place(subject)?].beside.as_ref()
    }

    /// A release that came earlier, beside the one before it.
    pub fn beside_of(
        &self,
        subject: Subject,
        name: &str,
        hour: Hour,
        policy: &Policy,
    ) -> Option<Running<'h>> {
        let series = &self.series[self.place(subject)?];
        let settings = beside::settings(self.today.as_ref()?.phi(), policy);
        if self.app_key.is_growth() {
            return None;
        }
        beside::of_release(series.history, &series.releases, name, hour, settings)
    }

    /// Releases of a series that came within some hours.
    pub fn releases(&self, subject: Subject, hours: RangeInclusive<Hour>) -> Vec<&'h str> {
        let series = self.place(subject).map(|index| &self.series[index]);
        let releases = series.into_iter().flat_map(|series| &series.releases);
        let came = releases.filter(|(first, _)| hours.contains(first));
        came.map(|(_, name)| *name).collect()
    }

    /// The comparison that an open finding is about. One of an earlier evaluation that did not say it is about the part that stands out
    /// more.
    pub fn lane(&self, subject: Subject, hour: Hour, direction: Direction) -> Lane {
        let told = self.watch(subject, direction).lane;
        told.unwrap_or_else(|| match (whose(subject), &self.today) {
            (Some(whose), Some(today)) => today.clearer_lane(whose, hour, direction),
            (None, _) => Lane::Runs,
            _ => Lane::Hours,
        })
    }

    /// What one hour says to the lifecycle; `alarmed` is the size of the alarming window.
    pub fn signal(
        &self,
        subject: Subject,
        lane: Lane,
        hour: Hour,
        direction: Direction,
        alarmed: Option<f64>,
    ) -> Signal {
        if lane == Lane::Releases {
            let Some(series) = self.place(subject).map(|index| &self.series[index]) else {
                return Signal::default();
            };
            let running = series.beside.as_ref();
            let told = &self.watch(subject, direction).release;
            return running.map_or(Signal::default(), |one| {
                let name = told.as_deref().unwrap_or(one.newer);
                one.signal(name, &series.releases, hour, direction, alarmed)
            });
        }
        match (whose(subject), &self.today) {
            (Some(whose), Some(today)) => today.signal(whose, lane, hour, direction, alarmed),
            (None, _) => self.runs(subject).map_or(Signal::default(), |day| {
                day.runs.signal(hour, direction, alarmed)
            }),
            _ => Signal::default(),
        }
    }

    /// The residuals up to `hour`, positive towards the direction; runs have none.
    pub fn trace(
        &self,
        subject: Subject,
        lane: Lane,
        hour: Hour,
        direction: Direction,
    ) -> Option<Trace> {
        let today = self.today.as_ref()?;
        Some(today.trace(whose(subject)?, lane, hour, direction))
    }

    pub fn runs(&self, subject: Subject) -> Option<&RunsOfDay> {
        match subject {
            Subject::Thin(index) => self.series[index].runs.as_ref(),
            Subject::Member(_) | Subject::App => None,
        }
    }

    /// The series behind a subject, each with its baseline: one, or all that are scanned.
    pub fn members(&self, subject: Subject) -> Vec<(&'h History, &BaselineHours)> {
        let with_hours = |s: &usize| {
            let series = &self.series[*s];
            Some((series.history, &series.learned.as_ref().ok()?.hours))
        };
        match (subject, &self.today) {
            (Subject::Thin(index), _) => {
                let series = &self.series[index];
                let runs = series.runs.as_ref();
                runs.map(|day| (series.history, &day.hours))
                    .into_iter()
                    .collect()
            }
            (Subject::Member(i), Some(today)) => {
                today.members[i..=i].iter().filter_map(with_hours).collect()
            }
            (Subject::App, Some(today)) => today.members.iter().filter_map(with_hours).collect(),
            (_, None) => Vec::new(),
        }
    }

    /// What a lifecycle takes for the time: hours, or runs.
    pub fn clock(&self, subject: Subject, hour: Hour) -> i64 {
        self.runs(subject).map_or(hour, |day| day.runs.clock(hour))
    }

    pub fn lifecycle_policy<'a>(&'a self, subject: Subject, policy: &'a Policy) -> &'a Policy {
        self.runs(subject).map_or(policy, |day| &day.runs.policy)
    }

    pub fn key(&self, subject: Subject) -> &SeriesKey {
        match self.place(subject) {
            Some(index) => &self.series[index].history.key,
            None => &self.app_key,
        }
    }

    pub fn watch(&self, subject: Subject, direction: Direction) -> &Watch {
        let track = match self.place(subject) {
            Some(index) => &self.series[index].track,
            None => &self.app,
        };
        &track.watches[direction as usize]
    }

    pub fn track_mut(&mut self, subject: Subject) -> &mut Track {
        match self.place(subject) {
            Some(index) => &mut self.series[index].track,
            None => &mut self.app,
        }
    }

    /// The track of a route, by name: for findings known from earlier evaluations; with its history, if it has one of its own.
    pub fn track_of(&mut self, route: &str) -> Option<(&mut Track, Option<&'h History>)> {
        if route == APP_LEVEL_ROUTE {
            return Some((&mut self.app, None));
        }
        self.series
            .iter_mut()
            .find(|series| series.history.key.route == route)
            .map(|series| (&mut series.track, Some(series.history)))
    }

    /// Its place among the group's series.
    fn place(&self, subject: Subject) -> Option<usize> {
        match subject {
            Subject::Member(i) => Some(self.today.as_ref().map_or(i, |today| today.members[i])),
            Subject::Thin(index) => Some(index),
            Subject::App => None,
        }
    }
}

/// Who is asked about in the day's scan.
pub fn whose(subject: Subject) -> Option<Whose> {
    match subject {
        Subject::Member(i) => Some(Whose::Member(i)),
        Subject::App => Some(Whose::App),
        Subject::Thin(_) => None,
    }
}

//! One app, day by day: learn, scan, judge each hour, carry the findings on. The loop behind `backtest`; every formula is
//! elsewhere.

use std::collections::BTreeMap;

use crate::backtest::Replay;
use crate::compare::{Comparison, Z_90};
use crate::evidence::{size, size_hours};
use crate::fdr::{app_budget, benjamini_hochberg};
use crate::finding::{Direction, Evidence, Finding, State};
use crate::lifecycle::{Lifecycle, Transition};
use crate::policy::Policy;
use crate::reference::Decision;
use crate::release::{blame, first_seen};
use crate::scan::Verdict;
use crate::series::{History, Hour, Kind, SeriesKey};

use group::{Group, Subject};
use track::Series;

mod group;
mod standing;
mod track;

/// While a confirmed finding is this young its change point is located again each day: more hours after the change place it better.
const SETTLE_HOURS: Hour = 48;
/// An alarm starts an episode after so many hours without one.
const EPISODE_QUIET_HOURS: Hour = 24;

/// All series of one app and environment.
pub struct AppReplay<'h, 'p> {
    policy: &'p Policy,
    groups: Vec<Group<'h>>,
    first_seen: BTreeMap<&'h str, Hour>,
    findings: Vec<Finding>,
    judged_hours: u64,
    episodes: u64,
    approvals: Vec<Decision>,
}

impl<'h, 'p> AppReplay<'h, 'p> {
    /// `histories` are sorted by key and belong to one app and environment.
    pub fn new<'k>(
        histories: Vec<&'h History>,
        policy: &'p Policy,
        known: impl Iterator<Item = &'k Finding>,
        decisions: &[Decision],
    ) -> AppReplay<'h, 'p> {
        let mut decided: BTreeMap<&SeriesKey, Vec<Decision>> = BTreeMap::new();
        for decision in decisions {
            let of_series = decided.entry(&decision.key).or_default();
            of_series.push(decision.clone());
        }
        let first_seen = first_seen(histories.iter().copied());
        let mut groups: BTreeMap<(Kind, &str), Group<'h>> = BTreeMap::new();
        for history in histories {
            let group = groups
                .entry((history.key.kind, &history.key.vital))
                .or_insert_with(|| Group::new(&history.key));
            let decisions = decided.remove(&history.key).unwrap_or_default();
            group.series.push(Series::new(history, decisions));
        }
        let groups = groups.into_values().collect();
        let mut replay = AppReplay {
            policy,
            groups,
            first_seen,
            findings: Vec::new(),
            judged_hours: 0,
            episodes: 0,
            approvals: Vec::new(),
        };
        known.for_each(|finding| replay.recall(finding));
        replay
    }

    pub fn run(mut self, from_hour: Hour, to_hour: Hour) -> Replay {
        let mut day = from_hour.div_euclid(24) * 24;
        while day < to_hour {
            self.learn_day(day);
            self.refresh_sizes(day);
            for hour in day.max(from_hour)..(day + 24).min(to_hour) {
                self.judge(hour);
            }
            day += 24;
        }
        let baselines = self.describe_baselines(day - 24, to_hour - 1);
        let series_days = self.judged_hours as f64 / 24.0;
        Replay {
            findings: self.findings,
            baselines,
            series_days,
            episodes: self.episodes,
            approvals: self.approvals,
        }
    }

    /// Takes up a finding of an earlier evaluation.
    fn recall(&mut self, known: &Finding) {
        let policy = self.policy;
        let index = self.findings.len();
        let direction = known.direction as usize;
        let groups = self.groups.iter_mut().filter(|group| {
            (group.app_key.kind, &group.app_key.vital) == (known.key.kind, &known.key.vital)
        });
        for track in groups.flat_map(|group| group.track_of(&known.key.route)) {
            let size = known.change_ratio.max(1e-9).ln().abs();
            match known.state {
                State::Unconfirmed => {
                    track.watches[direction].lifecycle =
                        Lifecycle::unconfirmed(known.opened_hour - 1, size)
                }
                State::Confirmed => {
                    track.watches[direction].lifecycle = Lifecycle::confirmed(size);
                    track.freeze(known, policy);
                }
                State::Resolved => track.incidents.push(
                    known.change_point_low_hour..known.resolved_hour.unwrap_or(known.opened_hour),
                ),
                State::Transient => {}
            }
            if known.state.is_open() {
                track.watches[direction].finding = Some(index);
                track.watches[direction].last_alarm = Some(known.opened_hour - 1);
            }
        }
        self.findings.push(known.clone());
    }

    fn learn_day(&mut self, day: Hour) {
        for group in &mut self.groups {
            self.approvals.extend(group.learn_day(day, self.policy));
        }
    }

    /// Judges one closed hour of all groups together: they share one budget of false alarms.
    fn judge(&mut self, hour: Hour) {
        let policy = self.policy;
        let series_count: usize = self
            .groups
            .iter()
            .flat_map(|group| &group.today)
            .map(|today| today.members.len())
            .sum();
        let vital_count = self
            .groups
            .iter()
            .filter(|group| group.has_app_level(policy))
            .count();
        self.judged_hours += series_count as u64;
        // A regression and an improvement are the two sides of one test and share its budget.
        let both = app_budget(series_count, policy.rate_per_app, policy.rate_per_series);
        for direction in Direction::ALL {
            let q = both
                * match direction {
                    Direction::Regression => policy.regression_share,
                    Direction::Improvement => 1.0 - policy.regression_share,
                };
            let app_rate = q * policy.app_level_share / vital_count.max(1) as f64;
            let mut verdicts = Vec::new();
            for (g, group) in self.groups.iter().enumerate() {
                for i in 0..group.today.as_ref().map_or(0, |today| today.members.len()) {
                    verdicts.push((g, i, group.member_verdict(i, hour, direction, policy)));
                }
            }
            let p: Vec<f64> = verdicts.iter().map(|(.., verdict)| verdict.p_day).collect();
            let rejected = benjamini_hochberg(&p, q, Some(policy.threshold_cap));
            for ((g, i, verdict), rejected) in verdicts.into_iter().zip(rejected) {
                let alarm = rejected && is_material(&verdict, policy);
                self.follow(g, Subject::Member(i), hour, direction, verdict, alarm);
            }
            for g in 0..self.groups.len() {
                let Some(verdict) = self.groups[g].app_verdict(hour, direction, policy) else {
                    continue;
                };
                let rare = verdict.p_day <= app_rate;
                let alarm = rare && is_material(&verdict, policy);
                self.follow(g, Subject::App, hour, direction, verdict, alarm);
            }
        }
    }

    /// Moves one lifecycle on and writes down what it decided.
    fn follow(
        &mut self,
        g: usize,
        subject: Subject,
        hour: Hour,
        direction: Direction,
        verdict: Verdict,
        alarm: bool,
    ) {
        let policy = self.policy;
        let group = &mut self.groups[g];
        let signal = group.signal(subject, hour, direction, alarm.then_some(verdict.size));
        let watch = &mut group.track_mut(subject).watches[direction as usize];
        if alarm {
            let is_new = watch
                .last_alarm
                .is_none_or(|last| hour - last >= EPISODE_QUIET_HOURS);
            self.episodes += u64::from(is_new && !watch.lifecycle.is_confirmed());
            watch.last_alarm = Some(hour);
        }
        let transition = watch.lifecycle.on_hour(hour, &signal, policy);
        let (finding, still_unconfirmed) =
            (watch.finding, alarm && !watch.lifecycle.is_confirmed());
        match (transition, finding) {
            (Some(Transition::Opened), _) => {
                let Some(evidence) = self.evidence(g, subject, hour, direction, verdict) else {
                    return;
                };
                let group = &mut self.groups[g];
                let key = group.key(subject).clone();
                group.track_mut(subject).watches[direction as usize].finding =
                    Some(self.findings.len());
                self.findings
                    .push(Finding::open(key, direction, hour + 1, evidence, policy));
            }
            (Some(transition), Some(index)) => {
                self.on_transition(g, subject, hour, direction, verdict, transition, index)
            }
            (None, Some(index)) if still_unconfirmed => {
                if let Some(evidence) = self.evidence(g, subject, hour, direction, verdict) {
                    self.findings[index].on_evidence(evidence, policy);
                }
            }
            _ => {}
        }
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "one call site; a struct would only rename them"
    )]
    fn on_transition(
        &mut self,
        g: usize,
        subject: Subject,
        hour: Hour,
        direction: Direction,
        verdict: Verdict,
        transition: Transition,
        index: usize,
    ) {
        let policy = self.policy;
        let evidence = (transition == Transition::Confirmed)
            .then(|| self.evidence(g, subject, hour, direction, verdict))
            .flatten();
        let finding = &mut self.findings[index];
        let track = self.groups[g].track_mut(subject);
        match transition {
            Transition::Confirmed => {
                finding.state = State::Confirmed;
                finding.confirmed_hour = Some(hour + 1);
                if let Some(evidence) = evidence {
                    finding.on_evidence(evidence, policy);
                }
                track.freeze(finding, policy);
            }
            Transition::Transient | Transition::Resolved => {
                let is_transient = transition == Transition::Transient;
                finding.state = if is_transient {
                    State::Transient
                } else {
                    State::Resolved
                };
                finding.resolved_hour = Some(hour + 1);
                track.watches[direction as usize].finding = None;
                if !is_transient {
                    track
                        .incidents
                        .push(finding.change_point_low_hour..hour + 1);
                    let other = &track.watches[1 - direction as usize];
                    if !other.lifecycle.is_confirmed() {
                        track.frozen = None;
                    }
                }
            }
            Transition::Opened => {}
        }
    }

    /// Once a day the sizes of confirmed findings are read again, from the hours before `day`.
    fn refresh_sizes(&mut self, day: Hour) {
        for g in 0..self.groups.len() {
            let members = self.groups[g]
                .today
                .as_ref()
                .map_or(0, |today| today.members.len());
            let subjects = (0..members)
                .map(Subject::Member)
                .chain((members > 0).then_some(Subject::App));
            for subject in subjects {
                self.refresh_size(g, subject, day, Direction::Regression);
                self.refresh_size(g, subject, day, Direction::Improvement);
            }
        }
    }

    fn refresh_size(&mut self, g: usize, subject: Subject, day: Hour, direction: Direction) {
        let group = &self.groups[g];
        let watch = group.watch(subject, direction);
        let (Some(index), Some(size)) = (watch.finding, watch.lifecycle.confirmed_size()) else {
            return;
        };
        // Hours after a repair would dilute what the change was.
        let last = day - 1;
        if group.signal(subject, last, direction, None).mean_6 < 0.5 * size {
            return;
        }
        let finding = &self.findings[index];
        let is_young = day - finding.confirmed_hour.unwrap_or(finding.opened_hour) <= SETTLE_HOURS;
        let change_point = finding.change_point_hour;
        if is_young
            && let Some(evidence) = self.evidence(g, subject, last, direction, Verdict::NONE)
        {
            self.findings[index].on_evidence(evidence, self.policy);
        } else if let Some(comparison) = self.comparison(g, subject, change_point, last) {
            self.findings[index].on_comparison(&comparison, self.policy);
        }
    }

    fn evidence(
        &self,
        g: usize,
        subject: Subject,
        hour: Hour,
        direction: Direction,
        verdict: Verdict,
    ) -> Option<Evidence> {
        let group = &self.groups[g];
        let trace = group.trace(subject, hour, direction)?;
        let change_point = trace.place();
        let comparison = self.comparison(g, subject, change_point.hour, hour)?;
        let members: Vec<&History> = group
            .members(subject)
            .into_iter()
            .map(|(history, _)| history)
            .collect();
        let release = blame(
            &members,
            &self.first_seen,
            &trace,
            &change_point,
            self.policy,
        );
        Some(Evidence {
            verdict,
            comparison,
            change_point,
            release,
        })
    }

    fn comparison(
        &self,
        g: usize,
        subject: Subject,
        change_point: Hour,
        last: Hour,
    ) -> Option<Comparison> {
        let group = &self.groups[g];
        let hours = size_hours(change_point, last);
        let today = group.today.as_ref()?;
        let inflation = match subject {
            Subject::Member(i) => {
                let length = (hours.end - hours.start) as usize;
                today
                    .scan
                    .inflation(i, today.scan.index(last), length, &today.variance[i])
            }
            Subject::App => today.scan.noise.phi,
        };
        size(&group.members(subject), hours, inflation)
    }
}

/// Whether the change is worth a person's time: its lower 90 % bound must exceed the smallest shift that is.
fn is_material(verdict: &Verdict, policy: &Policy) -> bool {
    verdict.size - Z_90 * verdict.stddev > policy.min_shift
}

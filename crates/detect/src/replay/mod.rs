//! One app, day by day: learn, scan, judge each hour, carry the findings on. The loop behind `backtest`; every formula is
//! elsewhere.

use std::collections::BTreeMap;

use crate::backtest::{Past, Replay};
use crate::compare::Z_90;
use crate::detail::Lane;
use crate::fdr::{app_budget, benjamini_hochberg};
use crate::finding::{Direction, Finding, State};
use crate::lifecycle::Transition;
use crate::policy::Policy;
use crate::reference::Decision;
use crate::release::first_seen;
use crate::scan::Verdict;
use crate::series::{History, Hour, Kind, SeriesKey};

use group::{Group, Subject};
use today::Heard;
use track::{Series, Watch};

mod beside;
mod group;
mod proof;
mod recall;
mod standing;
mod today;
mod track;

/// An alarm starts an episode after so many hours without one.
const EPISODE_QUIET_HOURS: Hour = 24;
/// An alarm that is counted in runs waits so long for the runs that would confirm it.
const LET_GO_HOURS: Hour = 14 * 24;

/// All series of one app and environment.
pub struct AppReplay<'h, 'p> {
    policy: &'p Policy,
    groups: Vec<Group<'h>>,
    first_seen: BTreeMap<&'h str, Hour>,
    /// How long visits are that tell their growth, minutes, by its series.
    visit_minutes: BTreeMap<&'p SeriesKey, f64>,
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
        past: Past<'p>,
        from_hour: Hour,
    ) -> AppReplay<'h, 'p> {
        let mut decided: BTreeMap<&SeriesKey, Vec<Decision>> = BTreeMap::new();
        for decision in past.decisions {
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
            visit_minutes: past
                .visit_minutes
                .iter()
                .map(|(key, at)| (key, *at))
                .collect(),
            findings: Vec::new(),
            judged_hours: 0,
            episodes: 0,
            approvals: Vec::new(),
        };
        known.for_each(|finding| replay.recall(finding, from_hour));
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

    fn learn_day(&mut self, day: Hour) {
        for group in &mut self.groups {
            self.approvals.extend(group.learn_day(day, self.policy));
        }
        self.let_go(day);
    }

    /// What is counted in runs waits for runs, but not for ever: a build that nobody runs any more has no open finding.
    fn let_go(&mut self, day: Hour) {
        for finding in &mut self.findings {
            let is_old = day - finding.opened_hour >= LET_GO_HOURS;
            if !is_old || finding.state != State::Unconfirmed || finding.detail.lane != Lane::Runs {
                continue;
            }
            (finding.state, finding.resolved_hour) = (State::Transient, Some(day));
            let name = (finding.key.kind, &finding.key.vital);
            let groups = self.groups.iter_mut();
            let groups = groups.filter(|group| (group.app_key.kind, &group.app_key.vital) == name);
            for (track, _) in groups.flat_map(|group| group.track_of(&finding.key.route)) {
                track.watches[finding.direction as usize] = Watch::default();
            }
        }
    }

    /// Judges one closed hour of all groups together: they share one budget of false alarms.
    fn judge(&mut self, hour: Hour) {
        let policy = self.policy;
        let subjects: Vec<(usize, Subject)> = self
            .groups
            .iter()
            .enumerate()
            .flat_map(|(g, group)| group.subjects().map(move |subject| (g, subject)))
            .collect();
        let vital_count = self
            .groups
            .iter()
            .filter(|group| group.has_app_level(policy))
            .count();
        self.judged_hours += subjects.len() as u64;
        // A regression and an improvement are the two sides of one test and share its budget.
        let both = app_budget(subjects.len(), policy.rate_per_app, policy.rate_per_series);
        let beside_rate = policy.beside_share * both / subjects.len().max(1) as f64;
        for &(g, subject) in &subjects {
            self.groups[g].compare_releases(subject, hour, policy);
        }
        let releases_a_day = self.releases_a_day(hour);
        for direction in Direction::ALL {
            let q = both
                * match direction {
                    Direction::Regression => policy.regression_share,
                    Direction::Improvement => 1.0 - policy.regression_share,
                };
            let app_rate = q * policy.app_level_share / vital_count.max(1) as f64;
            let heard: Vec<Heard> = subjects
                .iter()
                .map(|(g, subject)| self.groups[*g].heard(*subject, hour, direction, policy))
                .collect();
            let p: Vec<f64> = heard.iter().map(|heard| heard.verdict.p_day).collect();
            let rejected = benjamini_hochberg(&p, q, Some(policy.threshold_cap));
            for ((&(g, subject), heard), rejected) in subjects.iter().zip(heard).zip(rejected) {
                if rejected && is_material(&heard.verdict, policy) {
                    self.follow(g, subject, hour, direction, heard, true);
                    continue;
                }
                let group = &self.groups[g];
                // Both directions share a comparison of releases, whose bound has two sides.
                let beside = group
                    .beside(subject)
                    .map_or(Verdict::NONE, |one| one.verdict(direction, releases_a_day));
                let is_confirmed = group.watch(subject, direction).lifecycle.is_confirmed();
                let alarm = beside.p_day <= beside_rate && is_material(&beside, policy);
                let heard = Heard {
                    lane: Lane::Releases,
                    verdict: beside,
                };
                self.follow(g, subject, hour, direction, heard, alarm && !is_confirmed);
            }
            for g in 0..self.groups.len() {
                if !self.groups[g].has_app_level(policy) {
                    continue;
                }
                let heard = self.groups[g].heard(Subject::App, hour, direction, policy);
                let rare = heard.verdict.p_day <= app_rate;
                let alarm = rare && is_material(&heard.verdict, policy);
                self.follow(g, Subject::App, hour, direction, heard, alarm);
            }
        }
    }

    /// Releases of the app that came in the last day, at least one.
    fn releases_a_day(&self, hour: Hour) -> f64 {
        let came = self.first_seen.values();
        let today = came.filter(|first| (hour - 23..=hour).contains(*first));
        (today.count() as f64).max(1.0)
    }

    /// Moves one lifecycle on and writes down what it decided.
    fn follow(
        &mut self,
        g: usize,
        subject: Subject,
        hour: Hour,
        direction: Direction,
        heard: Heard,
        alarm: bool,
    ) {
        let group = &mut self.groups[g];
        if !group.is_heard(subject, hour) {
            return;
        }
        let is_quiet = group.watch(subject, direction).lifecycle.is_quiet();
        if is_quiet && !alarm {
            return;
        }
        let settled = group.lane(subject, hour, direction);
        // What releases began to say, hours finish: the older release may be gone before the finding is confirmed.
        let is_taken_over = alarm && settled == Lane::Releases;
        let lane = if is_quiet || is_taken_over {
            heard.lane
        } else {
            settled
        };
        // What two comparisons call a size is not the same: only the finding's own may raise it again.
        let alarm = alarm && heard.lane == lane;
        let alarmed = alarm.then_some(heard.verdict.size);
        let signal = group.signal(subject, lane, hour, direction, alarmed);
        let clock = group.clock(subject, hour);
        let policy = group.lifecycle_policy(subject, self.policy).clone();
        let watch = &mut group.track_mut(subject).watches[direction as usize];
        watch.lane = Some(lane);
        if alarm {
            let is_new = watch
                .last_alarm
                .is_none_or(|last| hour - last >= EPISODE_QUIET_HOURS);
            self.episodes += u64::from(is_new && !watch.lifecycle.is_confirmed());
            watch.last_alarm = Some(hour);
        }
        let transition = watch.lifecycle.on_hour(clock, &signal, &policy);
        if watch.lifecycle.is_quiet() {
            (watch.lane, watch.release) = (None, None);
        }
        let (finding, still_unconfirmed) =
            (watch.finding, alarm && !watch.lifecycle.is_confirmed());
        match (transition, finding) {
            (Some(Transition::Opened), _) => {
                let Some(evidence) = self.evidence(g, subject, hour, direction, heard.verdict)
                else {
                    return;
                };
                let group = &mut self.groups[g];
                let key = group.key(subject).clone();
                let watch = &mut group.track_mut(subject).watches[direction as usize];
                watch.finding = Some(self.findings.len());
                watch.release.clone_from(&evidence.release);
                let opened = Finding::open(key, direction, hour + 1, evidence, self.policy);
                self.findings.push(opened);
            }
            (Some(transition), Some(index)) => self.on_transition(
                g,
                subject,
                hour,
                direction,
                heard.verdict,
                transition,
                index,
            ),
            (None, Some(index)) if still_unconfirmed => {
                if let Some(evidence) = self.evidence(g, subject, hour, direction, heard.verdict) {
                    self.findings[index].on_evidence(evidence, self.policy);
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
                if !is_transient && finding.detail.lane != Lane::Releases {
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
}

/// Whether the change is worth a person's time: its lower 90 % bound must exceed the smallest shift that is.
fn is_material(verdict: &Verdict, policy: &Policy) -> bool {
    verdict.size - Z_90 * verdict.stddev > policy.min_shift
}

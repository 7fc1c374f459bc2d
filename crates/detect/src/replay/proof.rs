//! What is known about a change when it is found, and read again each day: its size, when it began, and with which release.

use super::AppReplay;
use super::group::{Subject, whose};
use crate::change_point::ChangePoint;
use crate::detail::{Beside, Lane};
use crate::evidence::{Size, sides, size, size_hours, size_in_parts, size_of_leak};
use crate::finding::{Direction, Evidence, Finding};
use crate::histogram::Histogram;
use crate::memory::USUAL_VISIT_MINUTES;
use crate::release::blame;
use crate::scan::Verdict;
use crate::series::{APP_LEVEL_ROUTE, History, Hour, Kind, SeriesKey};

/// While a confirmed finding is this young its change point is located again each day: more hours after the change place it better.
const SETTLE_HOURS: Hour = 48;
/// A release that came so near to a change is worth comparing with the one before.
const NEAR_HOURS: Hour = 6;
/// Releases that are compared where none is named, the newest.
const MAX_CANDIDATES: usize = 3;

impl AppReplay<'_, '_> {
    /// Once a day the sizes of confirmed findings are read again, from the hours before `day`.
    pub(super) fn refresh_sizes(&mut self, day: Hour) {
        for g in 0..self.groups.len() {
            let has_scan = self.groups[g].today.is_some();
            // What is counted in runs is read at its runs.
            let subjects: Vec<Subject> = self.groups[g]
                .subjects()
                .filter(|subject| whose(*subject).is_some())
                .chain(has_scan.then_some(Subject::App))
                .collect();
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
        let lane = group.lane(subject, last, direction);
        let signal = group.signal(subject, lane, last, direction, None);
        if lane == Lane::Releases || signal.mean_6 < 0.5 * size {
            return;
        }
        let finding = &self.findings[index];
        let is_young = day - finding.confirmed_hour.unwrap_or(finding.opened_hour) <= SETTLE_HOURS;
        let change_point = finding.change_point_hour;
        if is_young
            && let Some(evidence) = self.evidence(g, subject, last, direction, Verdict::NONE)
        {
            self.findings[index].on_evidence(evidence, self.policy);
        } else if let Some(size) = self.size(g, subject, direction, change_point, last) {
            self.findings[index].on_size(&size, self.policy);
        }
    }

    pub(super) fn evidence(
        &self,
        g: usize,
        subject: Subject,
        hour: Hour,
        direction: Direction,
        verdict: Verdict,
    ) -> Option<Evidence> {
        let group = &self.groups[g];
        if group.runs(subject).is_some() {
            return self.evidence_of_runs(g, subject, hour, direction, verdict);
        }
        let lane = group.lane(subject, hour, direction);
        if lane == Lane::Releases {
            return self.evidence_of_releases(g, subject, hour, verdict);
        }
        let trace = group.trace(subject, lane, hour, direction)?;
        let change_point = trace.place();
        let size = self.size(g, subject, direction, change_point.hour, hour)?;
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
            &self.blamed_beside(group.key(subject), direction, &change_point),
            self.policy,
        );
        let (beside, named) =
            self.attached(g, subject, hour, direction, &size, &change_point, &release);
        Some(Evidence {
            verdict,
            size,
            change_point,
            release: release.or(named),
            lane,
            beside,
        })
    }

    /// What the app's other open findings of the same hours and direction were blamed on.
    fn blamed_beside(
        &self,
        key: &SeriesKey,
        direction: Direction,
        change: &ChangePoint,
    ) -> Vec<&str> {
        let is_beside = |finding: &&Finding| {
            finding.state.is_open()
                && finding.direction == direction
                && finding.key != *key
                && finding.change_point_low_hour <= change.high()
                && change.low() <= finding.change_point_high_hour
        };
        let beside = self.findings.iter().filter(is_beside);
        beside.map(|finding| finding.release.as_str()).collect()
    }

    /// The release that began where the change did beside the one before it; and its name, when it is surely the one.
    #[allow(
        clippy::too_many_arguments,
        reason = "one call site; a struct would only rename them"
    )]
    fn attached(
        &self,
        g: usize,
        subject: Subject,
        hour: Hour,
        direction: Direction,
        size: &Size,
        change_point: &ChangePoint,
        release: &Option<String>,
    ) -> (Option<Beside>, Option<String>) {
        let group = &self.groups[g];
        let began = change_point.low() - NEAR_HOURS..=change_point.high() + NEAR_HOURS;
        let candidates = match release {
            Some(release) => vec![release.as_str()],
            None => {
                let came = group.releases(subject, began);
                came[came.len().saturating_sub(MAX_CANDIDATES)..].to_vec()
            }
        };
        let shift = size.comparison.ratio.value.max(1e-9).ln().abs();
        let attached = candidates.into_iter().filter_map(|name| {
            let running = group.beside_of(subject, name, hour, self.policy)?;
            running.attached(direction, shift)
        });
        // The one that chance explains least.
        let order = |one: &(Beside, bool), other: &(Beside, bool)| {
            one.0.p_value.total_cmp(&other.0.p_value)
        };
        match attached.min_by(order) {
            Some((beside, names)) => {
                let named = names.then(|| beside.newer.clone());
                (Some(beside), named)
            }
            None => (None, None),
        }
    }

    fn evidence_of_releases(
        &self,
        g: usize,
        subject: Subject,
        hour: Hour,
        verdict: Verdict,
    ) -> Option<Evidence> {
        let group = &self.groups[g];
        let running = group.beside(subject)?;
        let (history, _) = group.members(subject).pop()?;
        Some(Evidence {
            verdict,
            size: Size {
                comparison: running.comparison(history, hour)?,
                above_zero: None,
                leak: None,
            },
            change_point: ChangePoint {
                hour: running.first_hour,
                set: vec![running.first_hour],
                strength: vec![0.0],
            },
            release: Some(running.newer.to_owned()),
            lane: Lane::Releases,
            beside: running.beside(),
        })
    }

    fn evidence_of_runs(
        &self,
        g: usize,
        subject: Subject,
        hour: Hour,
        direction: Direction,
        verdict: Verdict,
    ) -> Option<Evidence> {
        let group = &self.groups[g];
        let day = group.runs(subject)?;
        let (history, hours) = group.members(subject).pop()?;
        let change_point = day.runs.place(hour, direction);
        let comparison = day
            .runs
            .comparison(history, hours, change_point.hour, hour)?;
        // The one that began while the change may have; of several, the one of the first run after it.
        let may_be = change_point.low()..=change_point.high();
        let began: Vec<(&str, Hour)> = self
            .first_seen
            .iter()
            .filter(|(_, first)| may_be.contains(first))
            .map(|(name, first)| (*name, *first))
            .collect();
        let release = match began[..] {
            [(only, _)] => Some(only),
            _ => began
                .iter()
                .find(|(_, first)| *first == change_point.hour)
                .map(|(name, _)| *name),
        };
        Some(Evidence {
            verdict,
            size: Size {
                comparison,
                above_zero: None,
                leak: None,
            },
            change_point,
            release: release.map(str::to_owned),
            lane: Lane::Runs,
            beside: None,
        })
    }

    fn size(
        &self,
        g: usize,
        subject: Subject,
        direction: Direction,
        change_point: Hour,
        last: Hour,
    ) -> Option<Size> {
        let group = &self.groups[g];
        let hours = size_hours(change_point, last);
        let today = group.today.as_ref()?;
        let lane = group.lane(subject, last, direction);
        let length = (hours.end - hours.start) as usize;
        let inflation = today.inflation(whose(subject)?, lane, last, length);
        let pairs = sides(&group.members(subject), hours);
        if group.app_key.is_growth() {
            let key = group.key(subject);
            let minutes = self.visit_minutes.get(key).copied();
            let minutes = minutes.unwrap_or(USUAL_VISIT_MINUTES);
            return size_of_leak(&pairs, inflation, self.usual_heap(g, subject), minutes);
        }
        if today.is_in_parts() {
            size_in_parts(&pairs, inflation)
        } else {
            size(&pairs, inflation)
        }
    }

    /// p75 of MEMORY on the routes of a growth series, in the hours of its baseline, bytes.
    fn usual_heap(&self, g: usize, subject: Subject) -> Option<f64> {
        let key = SeriesKey {
            kind: Kind::Vital,
            vital: wire::Vital::Memory.name().to_owned(),
            ..self.groups[g].key(subject).clone()
        };
        let of_memory = |group: &&super::Group<'_>| {
            (group.app_key.kind, &group.app_key.vital) == (key.kind, &key.vital)
        };
        let group = self.groups.iter().find(of_memory)?;
        let (_, hours) = self.groups[g].members(subject).into_iter().next()?;
        let mut all = Histogram::new(key.scheme());
        for series in &group.series {
            if key.route == APP_LEVEL_ROUTE || series.history.key.route == key.route {
                let strata = series
                    .history
                    .histograms(hours.window.clone(), |hour| hours.contains(hour));
                strata.values().for_each(|one| all.merge(one));
            }
        }
        all.quantile(0.75).map(|found| found.value)
    }
}

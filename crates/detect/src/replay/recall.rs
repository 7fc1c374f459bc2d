//! Findings of earlier evaluations, taken up as they were when the replay begins.

use super::AppReplay;
use crate::detail::Lane;
use crate::finding::{Finding, State};
use crate::lifecycle::Lifecycle;
use crate::memory::MINUTES_PER_HOUR;
use crate::runs;
use crate::series::Hour;

impl AppReplay<'_, '_> {
    /// Takes up a finding of an earlier evaluation, as it was at `from_hour`.
    pub(super) fn recall(&mut self, known: &Finding, from_hour: Hour) {
        let known = &as_of(known, from_hour);
        let policy = self.policy;
        let index = self.findings.len();
        let direction = known.direction as usize;
        let groups = self.groups.iter_mut().filter(|group| {
            (group.app_key.kind, &group.app_key.vital) == (known.key.kind, &known.key.vital)
        });
        for (track, history) in groups.flat_map(|group| group.track_of(&known.key.route)) {
            let size = shift_of(known);
            let watch = &mut track.watches[direction];
            match known.state {
                State::Unconfirmed => {
                    // It alarmed within the last day, or it would be transient; when, nobody has kept.
                    let within =
                        |opened: i64, now: i64| opened.max(now - policy.confirm_after_hours);
                    let since = match history {
                        Some(history) if known.detail.lane == Lane::Runs => within(
                            runs::clock(history, known.opened_hour - 1),
                            runs::clock(history, from_hour - 1),
                        ),
                        _ => within(known.opened_hour - 1, from_hour),
                    };
                    watch.lifecycle = Lifecycle::unconfirmed(since, size)
                }
                State::Confirmed => {
                    watch.lifecycle = Lifecycle::confirmed(size);
                    track.freeze(known, policy);
                }
                // What releases differ by is the new normal.
                State::Resolved if known.detail.lane == Lane::Releases => {}
                State::Resolved => track.incidents.push(
                    known.change_point_low_hour..known.resolved_hour.unwrap_or(known.opened_hour),
                ),
                State::Transient => {}
            }
            if known.state.is_open() {
                let watch = &mut track.watches[direction];
                watch.finding = Some(index);
                watch.last_alarm = Some(known.opened_hour - 1);
                // The usual lane has nothing to say about parts: which one it was is then seen from the hours.
                watch.lane = Some(known.detail.lane).filter(|lane| *lane != Lane::Hours);
                watch.release = known.detail.beside.as_ref().map(|one| one.newer.clone());
            }
        }
        self.findings.push(known.clone());
    }
}

/// A finding as it was at the end of the hour before `hour`: what an evaluation said about later hours, this one says again.
fn as_of(known: &Finding, hour: Hour) -> Finding {
    let mut known = known.clone();
    let is_later = |at: Option<Hour>| at.is_some_and(|at| at > hour);
    if is_later(known.resolved_hour) {
        known.resolved_hour = None;
        known.state = match known.confirmed_hour {
            Some(_) => State::Confirmed,
            None => State::Unconfirmed,
        };
    }
    if is_later(known.confirmed_hour) {
        known.confirmed_hour = None;
        known.state = State::Unconfirmed;
    }
    known
}

/// The size of a known finding in the unit of its hours' shifts.
fn shift_of(known: &Finding) -> f64 {
    match &known.detail.leak {
        Some(leak) => leak.increase_mb_per_hour.value.abs() / MINUTES_PER_HOUR,
        None => known.change_ratio.max(1e-9).ln().abs(),
    }
}

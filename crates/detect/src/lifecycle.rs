//! The states of a finding as a pure transition: one series and direction, one hour at a time.
//!
//! An alarm opens an unconfirmed finding at once. It is confirmed when, between 6 and 24 h later, the last 6 h alone still show
//! more than half of the alarmed size; otherwise it was transient. A confirmed one is resolved after 24 calm hours.

use crate::policy::Policy;
use crate::series::Hour;

/// What one closed hour says, positive towards the direction that is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Signal {
    /// The alarmed size, when this hour alarms: the larger of the window's mean and the mean since the located change, so
    /// that a short spike diluted over a long window is not confirmed by a little noise.
    pub alarm: Option<f64>,
    /// Mean shift and T of the last 6 and the last 24 h.
    pub mean_6: f64,
    pub t_6: f64,
    pub mean_24: f64,
    pub t_24: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    Opened,
    Confirmed,
    Transient,
    Resolved,
}

#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    phase: Phase,
}

/// The alarms that may still be confirmed.
#[derive(Clone, Debug)]
struct Anchors {
    /// (hour, size) of each alarm of the last day: at most one an hour, so at most 24.
    alarms: Vec<(Hour, f64)>,
    /// The largest size alarmed so far. The long windows alarm for days after a spike, with ever smaller sizes; without this
    /// the last of them would be confirmed by a little noise.
    peak: f64,
}

#[derive(Clone, Debug, Default)]
enum Phase {
    #[default]
    Quiet,
    Unconfirmed(Anchors),
    Confirmed {
        size: f64,
        calm_hours: i64,
    },
}

impl Lifecycle {
    /// A lifecycle that continues a finding known from an earlier evaluation.
    pub fn unconfirmed(since: Hour, size: f64) -> Lifecycle {
        Lifecycle {
            phase: Phase::Unconfirmed(Anchors::new(since, size)),
        }
    }

    pub fn confirmed(size: f64) -> Lifecycle {
        Lifecycle {
            phase: Phase::Confirmed {
                size,
                calm_hours: 0,
            },
        }
    }

    pub fn is_quiet(&self) -> bool {
        matches!(self.phase, Phase::Quiet)
    }

    pub fn is_confirmed(&self) -> bool {
        self.confirmed_size().is_some()
    }

    /// The alarmed size of a confirmed finding.
    pub fn confirmed_size(&self) -> Option<f64> {
        match self.phase {
            Phase::Confirmed { size, .. } => Some(size),
            Phase::Quiet | Phase::Unconfirmed(_) => None,
        }
    }

    /// Hours must come in order, each once.
    pub fn on_hour(&mut self, hour: Hour, signal: &Signal, policy: &Policy) -> Option<Transition> {
        match &mut self.phase {
            Phase::Quiet => {
                let size = signal.alarm?;
                self.phase = Phase::Unconfirmed(Anchors::new(hour, size));
                Some(Transition::Opened)
            }
            Phase::Unconfirmed(anchors) => {
                if let Some(size) = anchors.confirmed_by(hour, signal, policy) {
                    self.phase = Phase::Confirmed {
                        size,
                        calm_hours: 0,
                    };
                    return Some(Transition::Confirmed);
                }
                anchors.extend(hour, signal.alarm);
                if anchors.alarms.is_empty() {
                    self.phase = Phase::Quiet;
                    return Some(Transition::Transient);
                }
                None
            }
            Phase::Confirmed { size, calm_hours } => {
                let calm = signal.t_24 < 1.0 && signal.mean_24.abs() < 0.5 * *size;
                *calm_hours = if calm { *calm_hours + 1 } else { 0 };
                if *calm_hours < policy.resolve_after_hours {
                    return None;
                }
                self.phase = Phase::Quiet;
                Some(Transition::Resolved)
            }
        }
    }
}

impl Anchors {
    fn new(hour: Hour, size: f64) -> Anchors {
        Anchors {
            alarms: vec![(hour, size)],
            peak: size,
        }
    }

    /// The size of the alarm that this hour confirms.
    fn confirmed_by(&mut self, hour: Hour, signal: &Signal, policy: &Policy) -> Option<f64> {
        self.alarms
            .retain(|(since, _)| hour - since < policy.confirm_within_hours);
        let is_strong = signal.t_6 > policy.confirm_min_t && signal.mean_6 > policy.min_shift;
        let lasts = |(since, size): &&(Hour, f64)| {
            hour - since >= policy.confirm_after_hours && signal.mean_6 > 0.5 * size
        };
        self.alarms
            .iter()
            .find(lasts)
            .filter(|_| is_strong)
            .map(|(_, size)| *size)
    }

    fn extend(&mut self, hour: Hour, alarm: Option<f64>) {
        if let Some(size) = alarm {
            self.peak = self.peak.max(size);
            self.alarms.push((hour, self.peak));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIGH: Signal = Signal {
        alarm: Some(0.2),
        mean_6: 0.2,
        t_6: 9.0,
        mean_24: 0.2,
        t_24: 9.0,
    };
    const CALM: Signal = Signal {
        alarm: None,
        mean_6: 0.0,
        t_6: 0.1,
        mean_24: 0.01,
        t_24: 0.2,
    };

    fn run(signals: &[(usize, Signal)]) -> Vec<(Hour, Transition)> {
        let (mut lifecycle, policy) = (Lifecycle::default(), Policy::default());
        let hours = signals
            .iter()
            .flat_map(|(count, signal)| std::iter::repeat_n(*signal, *count));
        hours
            .enumerate()
            .filter_map(|(hour, signal)| {
                Some((
                    hour as Hour,
                    lifecycle.on_hour(hour as Hour, &signal, &policy)?,
                ))
            })
            .collect()
    }

    #[test]
    fn a_step_is_opened_confirmed_and_resolved() {
        let seen = run(&[(2, CALM), (40, HIGH), (60, CALM)]);
        assert_eq!(
            seen,
            [
                (2, Transition::Opened),
                (8, Transition::Confirmed),
                (65, Transition::Resolved)
            ]
        );
    }

    #[test]
    fn a_spike_is_transient() {
        let fading = Signal {
            alarm: Some(0.2),
            mean_6: 0.05,
            ..HIGH
        };
        assert_eq!(
            run(&[(1, HIGH), (3, fading), (40, CALM)]),
            [(0, Transition::Opened), (27, Transition::Transient)]
        );
    }

    #[test]
    fn strength_is_needed_too() {
        let weak = Signal {
            alarm: None,
            t_6: 1.9,
            ..HIGH
        };
        assert_eq!(
            run(&[(1, HIGH), (30, weak)]),
            [(0, Transition::Opened), (24, Transition::Transient)]
        );
    }

    #[test]
    fn known_findings_continue() {
        let policy = Policy::default();
        assert!(Lifecycle::confirmed(0.2).is_confirmed());
        let mut known = Lifecycle::unconfirmed(10, 0.2);
        assert_eq!(
            known.on_hour(17, &HIGH, &policy),
            Some(Transition::Confirmed)
        );
    }
}

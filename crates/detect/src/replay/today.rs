//! One day's scan of a group: of all page views, or, where many are zero, of their share above zero and of the size of those.

use crate::change_point::Trace;
use crate::detail::Lane;
use crate::distribution::student_t_deviate;
use crate::evidence::locate;
use crate::finding::Direction;
use crate::lifecycle::Signal;
use crate::policy::Policy;
use crate::scan::{CONFIRM_WINDOW, Panel, Scan, Verdict};
use crate::sensitivity::{BASELINE_Z_ALPHA, BASELINE_Z_BETA, MAX_SHIFT, minimum_detectable};
use crate::series::Hour;
use crate::two_part::{Part, Parts, louder};

/// |T| of the last three days from which a series is not calm.
const CALM_T: f64 = 2.0;
const CALM_HOURS: usize = 72;

/// `members[i]` is the group's series that is the scan's series `i`.
pub struct Today {
    pub members: Vec<usize>,
    /// Of all page views; in two parts, of the share above zero.
    whole: Side,
    size: Option<Side>,
}

/// The scan of one quantity.
pub struct Side {
    pub scan: Scan,
    /// Sampling variance of each member's hours.
    pub variance: Vec<Vec<f64>>,
}

/// Whose hours are asked about: a member, or the app-level series.
#[derive(Clone, Copy)]
pub enum Whose {
    Member(usize),
    App,
}

/// The loudest window, and in which comparison it is.
#[derive(Clone, Copy)]
pub struct Heard {
    pub lane: Lane,
    pub verdict: Verdict,
}

impl Heard {
    pub const NOTHING: Heard = Heard {
        lane: Lane::Hours,
        verdict: Verdict::NONE,
    };
}

impl Side {
    pub fn new(panel: Panel, judge_from: usize, policy: &Policy) -> Side {
        let scan = Scan::new(&panel, judge_from, policy);
        let variance = panel.series.into_iter().map(|one| one.variance).collect();
        Side { scan, variance }
    }

    fn standing(&self, whose: Whose, hour: Hour, window_hours: usize) -> (f64, f64) {
        let h = self.scan.index(hour);
        match whose {
            Whose::Member(i) => self.scan.standing(i, h, window_hours),
            Whose::App => self.scan.app.standing(h, window_hours),
        }
    }
}

const fn lane_of(part: Part) -> Lane {
    match part {
        Part::Share => Lane::Share,
        Part::Size => Lane::Size,
    }
}

impl Today {
    pub fn new(members: Vec<usize>, whole: Side, size: Option<Side>) -> Today {
        Today {
            members,
            whole,
            size,
        }
    }

    /// Design effect of visits with several page views.
    pub fn phi(&self) -> f64 {
        let of = |part: Part| self.side(part).scan.noise.phi;
        of(Part::Share).max(of(Part::Size))
    }

    pub fn is_in_parts(&self) -> bool {
        self.size.is_some()
    }

    /// Of a group that is not in parts, all parts are the whole.
    fn side(&self, part: Part) -> &Side {
        match (part, &self.size) {
            (Part::Size, Some(size)) => size,
            _ => &self.whole,
        }
    }

    fn side_of(&self, lane: Lane) -> &Side {
        self.side(lane.part().unwrap_or(Part::Share))
    }

    /// The loudest window at the price of having asked both parts; `settled` is the part that an open finding is about.
    pub fn heard(
        &self,
        whose: Whose,
        settled: Option<Part>,
        hour: Hour,
        direction: Direction,
        policy: &Policy,
    ) -> Heard {
        let of = |side: &Side| {
            let h = side.scan.index(hour);
            match whose {
                Whose::Member(i) => side.scan.verdict(i, h, direction, policy),
                Whose::App => side.scan.app_verdict(h, direction, policy),
            }
        };
        let Some(size) = &self.size else {
            return Heard {
                lane: Lane::Hours,
                verdict: of(&self.whole),
            };
        };
        let asked = |part: Part, side: &Side| {
            if settled.is_none_or(|settled| settled == part) {
                of(side)
            } else {
                Verdict::NONE
            }
        };
        let (part, verdict) = louder(Parts {
            share: asked(Part::Share, &self.whole),
            size: asked(Part::Size, size),
        });
        let lane = lane_of(part);
        Heard { lane, verdict }
    }

    /// The comparison in which a finding of an earlier evaluation stands out more.
    pub fn clearer_lane(&self, whose: Whose, hour: Hour, direction: Direction) -> Lane {
        let t = |part: Part| direction.sign() * self.side(part).standing(whose, hour, 24).1;
        match self.size {
            None => Lane::Hours,
            Some(_) if t(Part::Size) > t(Part::Share) => Lane::Size,
            Some(_) => Lane::Share,
        }
    }

    /// What one hour says to the lifecycle; `alarmed` is the size of the alarming window.
    pub fn signal(
        &self,
        whose: Whose,
        lane: Lane,
        hour: Hour,
        direction: Direction,
        alarmed: Option<f64>,
    ) -> Signal {
        let sign = direction.sign();
        let side = self.side_of(lane);
        let standing = |window_hours: usize| side.standing(whose, hour, window_hours);
        let ((mean_6, t_6), (mean_24, t_24)) = (standing(CONFIRM_WINDOW), standing(24));
        let since_change = || {
            let trace = self.trace(whose, lane, hour, direction);
            locate(&trace.residual, &trace.weight, trace.at, trace.first_hour).1
        };
        Signal {
            alarm: alarmed.map(|size| size.max(since_change())),
            mean_6: sign * mean_6,
            t_6: sign * t_6,
            mean_24: sign * mean_24,
            t_24: sign * t_24,
        }
    }

    /// The residuals up to `hour`, positive towards the direction.
    pub fn trace(&self, whose: Whose, lane: Lane, hour: Hour, direction: Direction) -> Trace {
        let scan = &self.side_of(lane).scan;
        let at = scan.index(hour);
        let (residual, weight, dispersion) = match whose {
            Whose::Member(i) => (
                &scan.residual[i],
                scan.weight[i].clone(),
                scan.dispersion(i, at),
            ),
            Whose::App => (
                &scan.app.mean,
                vec![scan.app.hour_stddev.powi(-2); scan.app.mean.len()],
                scan.app.dispersion(),
            ),
        };
        Trace {
            residual: residual
                .iter()
                .map(|value| direction.sign() * value)
                .collect(),
            weight,
            at,
            first_hour: scan.first_hour,
            dispersion,
        }
    }

    /// How much wider than by independent page views a mean over the last `length` hours scatters.
    pub fn inflation(&self, whose: Whose, lane: Lane, last: Hour, length: usize) -> f64 {
        let side = self.side_of(lane);
        match whose {
            Whose::Member(i) => {
                let h = side.scan.index(last);
                side.scan.inflation(i, h, length, &side.variance[i])
            }
            Whose::App => side.scan.noise.phi,
        }
    }

    /// T of the three days up to `hour`, of the part that stands further off.
    pub fn t_72(&self, i: usize, hour: Hour) -> f64 {
        let t = |part: Part| {
            self.side(part)
                .standing(Whose::Member(i), hour, CALM_HOURS)
                .1
        };
        let (share, size) = (t(Part::Share), t(Part::Size));
        if size.abs() > share.abs() {
            size
        } else {
            share
        }
    }

    pub fn is_calm(&self, i: usize, hour: Hour) -> bool {
        self.t_72(i, hour).abs() < CALM_T
    }

    /// Smallest ratio of change that member `i` shows within 24 h nine times in ten; in two parts, of the size of what is above zero.
    pub fn minimum_detectable_ratio(&self, i: usize) -> f64 {
        let scan = &self.side(Part::Size).scan;
        let (day_variance, hour_factor) = scan.day_noise(i);
        let weight = &scan.weight[i];
        let hours = weight.iter().filter(|weight| **weight > 0.0).count() as f64;
        // Precision of a usual day, in units of 1 / variance.
        let day_weight = 24.0 * weight.iter().sum::<f64>() / hours.max(1.0);
        let df = scan.day_df(i, day_weight);
        let shift = minimum_detectable(
            day_variance,
            hour_factor,
            1.0,
            day_weight,
            student_t_deviate(BASELINE_Z_ALPHA, df),
            BASELINE_Z_BETA,
        );
        shift.min(MAX_SHIFT).exp_m1()
    }
}

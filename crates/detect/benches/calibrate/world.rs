//! Four worlds, so that nothing is tuned to one.
//!
//! `Normal` and `Heavy` are log-normal with Gaussian noise and with Student-t days; `Gamma` and `Weibull` have other families, noises,
//! seasons and visits, and three vitals, among them CLS with 60 % zeros and INP on its grid of 8 ms.

use std::f64::consts::TAU;

use detect::Hour;
use detect::world::Rng;
use wire::Vital;

use crate::law::{Law, Tail};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    Normal,
    Heavy,
    Gamma,
    Weibull,
}

/// How one world draws: a law for each of its vitals, the spread of its noise, the length of its visits.
pub struct Manner {
    pub vitals: Vec<(Vital, Law, f64)>,
    pub tail: Tail,
    pub day_tail: Tail,
    pub app_hour: f64,
    pub app_day: f64,
    pub route_hour: f64,
    pub route_day: f64,
    pub hour_memory: f64,
    pub day_memory: f64,
    /// (page views, cumulative share of visits).
    pub visits: Vec<(u32, f64)>,
    pub volume_noise: f64,
    /// ln offset of each stratum.
    pub offset: [f64; 4],
}

impl World {
    pub const ALL: [World; 4] = [World::Normal, World::Heavy, World::Gamma, World::Weibull];

    pub fn name(self) -> &'static str {
        match self {
            World::Normal => "normal",
            World::Heavy => "heavy",
            World::Gamma => "gamma",
            World::Weibull => "weibull",
        }
    }

    /// Routes of a large app, so that all worlds have about as many series.
    pub fn routes(self) -> usize {
        match self {
            World::Normal | World::Heavy => 45,
            World::Gamma | World::Weibull => 30,
        }
    }

    /// Series of an app: its routes times the vitals of the world.
    pub fn series(self, routes: usize) -> usize {
        match self {
            World::Normal | World::Heavy => routes,
            World::Gamma | World::Weibull => 3 * routes,
        }
    }

    pub fn manner(self) -> Manner {
        let log_normal = |day_tail: Tail, hour_memory: f64, day_memory: f64| Manner {
            vitals: vec![(Vital::Lcp, Law::log_normal(0.7, (0.3, -0.8)), 1_600.0)],
            tail: Tail::Normal,
            day_tail,
            app_hour: 0.020,
            app_day: 0.015,
            route_hour: 0.015,
            route_day: 0.008,
            hour_memory,
            day_memory,
            visits: vec![(1, 0.6), (2, 0.85), (4, 1.0)],
            volume_noise: 0.1,
            offset: [0.0, 0.5, 0.55, 1.05],
        };
        match self {
            World::Normal => log_normal(Tail::Normal, 0.7, 0.0),
            World::Heavy => log_normal(Tail::Student(3), 0.9, 0.6),
            World::Gamma => Manner {
                vitals: vec![
                    (Vital::Lcp, Law::gamma(2.2), 2_100.0),
                    (Vital::Cls, Law::gamma(1.3), 0.09),
                    (Vital::Inp, Law::gamma(1.6), 170.0),
                ],
                tail: Tail::Student(5),
                day_tail: Tail::Student(4),
                app_hour: 0.015,
                app_day: 0.012,
                route_hour: 0.012,
                route_day: 0.010,
                hour_memory: 0.5,
                day_memory: 0.3,
                visits: vec![(1, 0.7), (2, 0.85), (3, 0.95), (6, 1.0)],
                volume_noise: 0.2,
                offset: [0.0, 0.7, 0.4, 1.3],
            },
            World::Weibull => Manner {
                vitals: vec![
                    (
                        Vital::Ttfb,
                        Law::weibull(&[(0.6, 1.6, 0.6), (0.4, 0.9, 1.8)]),
                        500.0,
                    ),
                    (Vital::Cls, Law::log_normal(1.1, (0.2, 1.0)), 0.04),
                    (
                        Vital::Inp,
                        Law::weibull(&[(0.8, 1.3, 0.8), (0.2, 0.8, 2.0)]),
                        150.0,
                    ),
                ],
                tail: Tail::Laplace,
                day_tail: Tail::Laplace,
                app_hour: 0.018,
                app_day: 0.010,
                route_hour: 0.015,
                route_day: 0.008,
                hour_memory: 0.8,
                day_memory: 0.5,
                visits: vec![(1, 0.5), (2, 0.75), (3, 0.88), (5, 1.0)],
                volume_noise: 0.15,
                offset: [0.0, 0.6, 0.3, 0.9],
            },
        }
    }

    /// The vitals' daily and weekly cycle, as a log shift.
    pub fn season(self, phase: f64, hour: Hour) -> f64 {
        let weekend = is_weekend(hour);
        match self {
            World::Normal | World::Heavy => {
                0.05 * clock(hour, 14.0 + phase)
                    + 0.02 * (TAU * hour.rem_euclid(12) as f64 / 12.0).sin()
                    + if weekend { 0.03 } else { 0.0 }
            }
            // Office hours have edges that no smooth season follows.
            World::Gamma => {
                let office = (9..17).contains(&hour.rem_euclid(24)) && !weekend;
                0.04 * clock(hour, 12.0 + phase) + if office { 0.02 } else { 0.0 }
            }
            World::Weibull => {
                let evening = 0.05 * clock(hour, 15.0 + phase).max(0.0).powi(2);
                evening + if weekend { 0.02 } else { 0.0 }
            }
        }
    }
}

impl Manner {
    /// A log shift for each hour: days and hours of their own.
    pub fn noise(
        &self,
        rng: &mut Rng,
        hours: usize,
        hour_stddev: f64,
        day_stddev: f64,
    ) -> Vec<f64> {
        let (mut day, mut hour) = (0.0, 0.0);
        let step = |memory: f64| (1.0 - memory * memory).sqrt();
        (0..hours)
            .map(|h| {
                if h % 24 == 0 {
                    day = self.day_memory * day
                        + step(self.day_memory) * day_stddev * self.day_tail.draw(rng);
                }
                hour = self.hour_memory * hour
                    + step(self.hour_memory) * hour_stddev * self.tail.draw(rng);
                day + hour
            })
            .collect()
    }

    /// Page views of a usual visit.
    pub fn mean_views(&self) -> f64 {
        let mut before = 0.0;
        let one = |(views, until): &(u32, f64)| {
            let share = until - before;
            before = *until;
            share * f64::from(*views)
        };
        self.visits.iter().map(one).sum()
    }

    /// How many page views a visit has, from the low ten bits of its word.
    pub fn views(&self, word: u64) -> u32 {
        let u = (word & 1023) as f64 / 1024.0;
        let longer = |visit: &&(u32, f64)| u < visit.1;
        self.visits.iter().find(longer).map_or(1, |visit| visit.0)
    }
}

/// Sine of the time of day: 1 six hours after `zero_at`.
pub fn clock(hour: Hour, zero_at: f64) -> f64 {
    (TAU * (hour.rem_euclid(24) as f64 - zero_at) / 24.0).sin()
}

/// The epoch was a Thursday.
pub fn is_weekend(hour: Hour) -> bool {
    (hour.div_euclid(24) + 3).rem_euclid(7) >= 5
}

//! Made-up apps with known truth: the hourly buckets of every route and vital, drawn visit by visit and never kept as page views.

use detect::world::Rng;
use detect::{History, Hour, Kind, Scheme, SeriesHourRow, SeriesKey};
use wire::Vital;

use crate::law::Law;
use crate::world::{Manner, World, clock, is_weekend};

/// Hours before the first judged one: the baseline's 28 days and its gap of 3.
pub const LEAD_HOURS: usize = 31 * 24;
/// Mean page views an hour: a third of the routes each.
pub const TIERS: [f64; 3] = [15.0, 150.0, 1500.0];
/// A Monday, so that an app's weekday depends on its number alone.
const FIRST_HOUR: Hour = 96 + 168 * 2_900;
/// Share of page views that a release has in its first, second and third hour.
const RAMP: [f64; 3] = [0.35, 0.7, 0.9];
const STRATA: [&str; 4] = [
    "desktop/fast/network",
    "desktop/slow/network",
    "mobile/fast/network",
    "mobile/slow/network",
];
const CLS_ZEROS: f64 = 0.6;

/// What happens to some routes of an app, from one hour of it to another (hour 0 is the baseline's first).
#[derive(Clone, Copy)]
pub enum Effect {
    /// Every value changes by this log shift.
    Shift(f64),
    /// The same, but only in page views of releases from this one on.
    Release(usize, f64),
    /// So much is added to the share of mobile devices, or of slow connections.
    Mobile(f64),
    Slow(f64),
    /// So many times the page views.
    Volume(f64),
}

#[derive(Clone)]
pub struct Change {
    pub routes: Vec<usize>,
    pub from: usize,
    pub until: usize,
    pub effect: Effect,
}

#[derive(Clone)]
pub struct Plan {
    pub world: World,
    pub seed: Vec<u64>,
    pub routes: usize,
    pub days: usize,
    /// The hours of deploys, of which each begins a release; empty: one release all along.
    pub deploys: Vec<usize>,
    pub changes: Vec<Change>,
}

impl Plan {
    pub fn hours(&self) -> usize {
        LEAD_HOURS + self.days * 24
    }

    /// The hour since the epoch of an hour of the plan.
    pub fn hour(&self, h: usize) -> Hour {
        FIRST_HOUR + 24 * (self.app() % 7) as Hour + h as Hour
    }

    /// The app's number, the last word of its seed.
    fn app(&self) -> u64 {
        self.seed.last().copied().unwrap_or(0)
    }

    pub fn judged(&self) -> (Hour, Hour) {
        (self.hour(LEAD_HOURS), self.hour(self.hours()))
    }

    /// Draws the app's past, one history for each route and vital.
    pub fn histories(&self) -> Vec<History> {
        let manner = self.world.manner();
        let mut rng = Rng::new(&self.seed);
        let hours = self.hours();
        let app_noise: Vec<Vec<f64>> = manner
            .vitals
            .iter()
            .map(|_| manner.noise(&mut rng, hours, manner.app_hour, manner.app_day))
            .collect();
        let mut out = Vec::new();
        for route in 0..self.routes {
            let traffic = self.traffic(route, &manner, &mut rng);
            let place = 0.35 * rng.normal();
            // Vitals of one page view rise and fall together, in part.
            let shared = manner.noise(&mut rng, hours, manner.route_hour, manner.route_day);
            for (index, (vital, law, median)) in manner.vitals.iter().enumerate() {
                let own = manner.noise(&mut rng, hours, manner.route_hour, manner.route_day);
                let noise = |h: usize| {
                    let route = if manner.vitals.len() == 1 {
                        own[h]
                    } else {
                        0.6 * shared[h] + 0.8 * own[h]
                    };
                    app_noise[index][h] + route
                };
                let mean: Vec<f64> = (0..hours)
                    .map(|h| {
                        median.ln()
                            + place
                            + self.world.season(traffic.phase, self.hour(h))
                            + noise(h)
                    })
                    .collect();
                let series = Series {
                    plan: self,
                    manner: &manner,
                    route,
                    vital: *vital,
                    law,
                    mean,
                };
                out.push(series.draw(&traffic, &mut rng));
            }
        }
        out
    }

    fn active(&self, route: usize, h: usize) -> impl Iterator<Item = Effect> + '_ {
        self.changes
            .iter()
            .filter(move |change| {
                (change.from..change.until).contains(&h) && change.routes.contains(&route)
            })
            .map(|change| change.effect)
    }

    fn traffic(&self, route: usize, manner: &Manner, rng: &mut Rng) -> Traffic {
        // Apps of one route have one of the tiers each.
        let tier = if self.routes < TIERS.len() {
            self.app() as usize + route
        } else {
            route
        };
        let rate = TIERS[tier % TIERS.len()] * (0.3 * rng.normal()).exp();
        let phase = 4.0 * rng.uniform() - 2.0;
        let shape = rng.bits() % 3;
        let mut traffic = Traffic {
            phase,
            views: Vec::new(),
            share: Vec::new(),
        };
        let mut day_volume = 0.0;
        for h in 0..self.hours() {
            let (day, weekend) = (clock(self.hour(h), 9.0 + phase), is_weekend(self.hour(h)));
            if h % 24 == 0 {
                day_volume = 0.5 * manner.volume_noise * manner.tail.draw(rng);
            }
            let cycle = match self.world {
                World::Normal | World::Heavy => {
                    (1.0 + 0.7 * day) * if weekend { 0.8 } else { 1.05 }
                }
                // Offices, homes, and the whole round world.
                _ => match shape {
                    0 => (1.0 + 0.9 * day) * if weekend { 0.4 } else { 1.2 },
                    1 => {
                        (1.0 + 0.5 * day + 0.3 * clock(self.hour(h), 17.0 + phase))
                            * if weekend { 1.2 } else { 0.95 }
                    }
                    _ => 1.0 + 0.2 * day,
                },
            };
            let mut views =
                rate * cycle * (manner.volume_noise * manner.tail.draw(rng).clamp(-4.0, 4.0)).exp();
            if !matches!(self.world, World::Normal | World::Heavy) {
                views *= day_volume.clamp(-0.5, 0.5).exp();
            }
            let mut mobile =
                0.5 + 0.12 * clock(self.hour(h), 15.0) + if weekend { 0.06 } else { 0.0 };
            let mut slow = 0.25 + 0.05 * clock(self.hour(h), 0.0);
            for effect in self.active(route, h) {
                match effect {
                    Effect::Mobile(add) => mobile = (mobile + add).clamp(0.02, 0.98),
                    Effect::Slow(add) => slow = (slow + add).clamp(0.02, 0.98),
                    Effect::Volume(times) => views *= times,
                    Effect::Shift(_) | Effect::Release(..) => {}
                }
            }
            traffic.views.push(views);
            traffic.share.push([
                (1.0 - mobile) * (1.0 - slow),
                (1.0 - mobile) * slow,
                mobile * (1.0 - slow),
                mobile * slow,
            ]);
        }
        traffic
    }

    /// Which releases serve an hour, each with its share of the page views.
    fn release_shares(&self, h: usize) -> Vec<(usize, f64)> {
        let newest = self.deploys.partition_point(|deploy| *deploy <= h);
        let age = newest
            .checked_sub(1)
            .map_or(RAMP.len(), |last| h - self.deploys[last]);
        match RAMP.get(age) {
            Some(share) => vec![(newest - 1, 1.0 - share), (newest, *share)],
            None => vec![(newest, 1.0)],
        }
    }
}

struct Traffic {
    phase: f64,
    views: Vec<f64>,
    /// Of each stratum.
    share: Vec<[f64; 4]>,
}

struct Series<'p> {
    plan: &'p Plan,
    manner: &'p Manner,
    route: usize,
    vital: Vital,
    law: &'p Law,
    /// ln of the middle at each hour.
    mean: Vec<f64>,
}

impl Series<'_> {
    fn draw(&self, traffic: &Traffic, rng: &mut Rng) -> History {
        let scheme = Scheme::of_vital(self.vital);
        let sorter = Sorter::new(self.vital);
        let mut history = History::new(SeriesKey {
            app: "app".to_owned(),
            environment: "production".to_owned(),
            route: format!("/{:02}", self.route),
            kind: Kind::Vital,
            vital: self.vital.name().to_owned(),
        });
        let mean_views = self.manner.mean_views();
        let names: Vec<String> = (0..=self.plan.deploys.len())
            .map(|index| format!("r{index:03}"))
            .collect();
        let mut counts = vec![0_u32; scheme.bucket_count()];
        let mut cells = Vec::new();
        for h in 0..self.mean.len() {
            for (release, release_share) in self.plan.release_shares(h) {
                let mut middle = self.mean[h];
                for effect in self.plan.active(self.route, h) {
                    match effect {
                        Effect::Shift(shift) => middle += shift,
                        Effect::Release(since, shift) if release >= since => middle += shift,
                        _ => {}
                    }
                }
                for (stratum, name) in STRATA.iter().enumerate() {
                    let visits =
                        traffic.views[h] * traffic.share[h][stratum] * release_share / mean_views;
                    let middle = middle + self.manner.offset[stratum];
                    for _ in 0..rng.poisson(visits) {
                        let word = rng.bits();
                        counts[sorter.bucket(self.law, middle, word)] += self.manner.views(word);
                    }
                    cells.clear();
                    for (index, count) in counts.iter_mut().enumerate().filter(|cell| *cell.1 > 0) {
                        cells.push((index as u16, u64::from(*count)));
                        *count = 0;
                    }
                    history.add(SeriesHourRow {
                        stratum: name,
                        release: &names[release],
                        hour: self.plan.hour(h),
                        buckets: &cells,
                    });
                }
            }
        }
        history
    }
}

/// From a word to a bucket, without going through a value where the buckets are logarithmic.
struct Sorter {
    vital: Vital,
    inverse_ratio: f64,
    ln_origin: f64,
    last: f64,
    /// Bucket of each step of the 8 ms grid.
    grid: Vec<u16>,
}

impl Sorter {
    fn new(vital: Vital) -> Sorter {
        let scheme = Scheme::of_vital(vital);
        let grid = if scheme == Scheme::Grid {
            (0..4_000)
                .map(|step| scheme.bucket_index(8.0 * f64::from(step)))
                .collect()
        } else {
            Vec::new()
        };
        Sorter {
            vital,
            inverse_ratio: 1.0 / 1.08_f64.ln(),
            ln_origin: scheme.upper_edge(1).ln() - 1.08_f64.ln(),
            last: scheme.bucket_count() as f64 - 1.0,
            grid,
        }
    }

    fn bucket(&self, law: &Law, middle: f64, word: u64) -> usize {
        // The bits between those of the law and those of the visit's length.
        let is_zero = || ((word >> 10 & 1023) as f64) < CLS_ZEROS * 1024.0;
        if self.vital == Vital::Cls && is_zero() {
            return 0;
        }
        let ln_value = middle + law.at(word);
        if self.grid.is_empty() {
            let index = 1.0 + ((ln_value - self.ln_origin) * self.inverse_ratio).floor();
            index.clamp(1.0, self.last) as usize
        } else {
            let step = (ln_value.exp() / 8.0).round().max(1.0) as usize;
            usize::from(self.grid[step.min(self.grid.len() - 1)])
        }
    }
}

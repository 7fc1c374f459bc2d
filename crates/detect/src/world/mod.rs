//! Seeded synthetic traffic with known truth: a shop of six routes, all seven vitals, 45 days. For tests and for showing the
//! product with a past.
//!
//! Volume has a daily and a weekly cycle, so have the vitals; days and hours differ by mild noise, per app and per route;
//! devices and connections mix differently over the day; releases ramp up over three hours; some visits have two page
//! views. The last two days also exist as single page views, and their hours are summed from those, so that rollups
//! recomputed from measurements agree with the rollups given.
//!
//! Relative evidence, not field accuracy: the noise is ours, without the tails of real traffic. [`World::shop`] moreover spreads
//! its draws evenly, which takes most of the sampling noise away: what is shown to people must not cry wolf on an unlucky day. Error rates are measured with [`Sampling::Independent`].

mod line;
mod rng;
mod shop;
mod views;

use wire::Vital;

use crate::distribution::normal_quantile;
use crate::finding::Direction;
use crate::series::Hour;

use line::HourSums;
pub use line::{SeriesHour, timestamp};
pub use rng::Rng;
use shop::{INTERACTIONS, ROUTES, STRATA, Stratum};
pub use views::PageView;

/// The seed whose world the documentation shows.
pub const DEFAULT_SEED: u64 = 20_261_121;
pub const DAYS: i64 = 45;
/// So many of the last days exist as page views.
pub const VIEW_DAYS: i64 = 2;

/// Standard deviations of log noise: per vital and hour (correlated), per vital and day, per route and hour, per route and day.
const APP_HOUR_NOISE: f64 = 0.008;
const APP_DAY_NOISE: f64 = 0.008;
const ROUTE_HOUR_NOISE: f64 = 0.008;
const ROUTE_DAY_NOISE: f64 = 0.006;
/// Correlation of an app's neighbouring hours.
const HOUR_MEMORY: f64 = 0.7;
/// Share of visits with two page views instead of one.
const LONG_VISITS: f64 = 0.3;
/// Share of page views that a release has in its first, second and third hour.
const RAMP: [f64; 3] = [0.35, 0.7, 0.9];

/// A change that the world contains.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    pub route: &'static str,
    pub vital: Vital,
    pub direction: Direction,
    /// 1.3 is 30 % worse.
    pub change_ratio: f64,
    /// The release that brought it and all later ones have it. Empty: it has no release, and all page views from `hour` on do.
    pub release: &'static str,
    pub hour: Hour,
    /// When it is over; `Hour::MAX` if never.
    pub until_hour: Hour,
}

/// How visits are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// As real visits come.
    Independent,
    /// Spread evenly over the distribution, with jitter: an hour's visits are never all slow by bad luck.
    Spread,
}

#[derive(Clone, Debug)]
struct Release {
    name: &'static str,
    hour: Hour,
}

/// The world of one seed, ending at a given hour.
#[derive(Clone, Debug)]
pub struct World {
    pub seed: u64,
    pub first_hour: Hour,
    /// The hour at which the world ends; its last hour is the one before.
    pub end_hour: Hour,
    sampling: Sampling,
    releases: Vec<Release>,
    truth: Vec<Truth>,
    /// Log noise `[vital][route][hour]`.
    noise: Vec<Vec<Vec<f64>>>,
}

impl World {
    /// The shop with two regressions that begin in its last ten days: the world to show.
    pub fn shop(seed: u64, end_hour: Hour) -> World {
        let mut world = World::new(seed, end_hour, Sampling::Spread);
        let regressions = [
            ("/product/:id", Vital::Lcp, 1.3, "1.4.1"),
            ("/cart", Vital::Inp, 1.4, "1.4.2"),
        ];
        for (route, vital, change_ratio, release) in regressions {
            let hour = world.release_hour(release).unwrap_or(end_hour);
            world = world.with(Truth {
                route,
                vital,
                direction: Direction::Regression,
                change_ratio,
                release,
                hour,
                until_hour: Hour::MAX,
            });
        }
        world
    }

    /// The same shop with the same releases, none of which changes anything.
    pub fn new(seed: u64, end_hour: Hour, sampling: Sampling) -> World {
        let today = end_hour.div_euclid(24) * 24;
        let first_hour = end_hour - DAYS * 24;
        let release = |name, days_ago: i64, hour: i64| Release {
            name,
            hour: today - days_ago * 24 + hour,
        };
        let releases = vec![
            Release {
                name: "1.2.0",
                hour: first_hour - 240,
            },
            release("1.3.0", 31, 9),
            release("1.4.0", 18, 13),
            release("1.4.1", 8, 10),
            release("1.4.2", 4, 14),
        ];
        let noise = Vital::ALL
            .iter()
            .map(|vital| vital_noise(seed, *vital))
            .collect();
        World {
            seed,
            first_hour,
            end_hour,
            sampling,
            releases,
            truth: Vec::new(),
            noise,
        }
    }

    /// Adds a change.
    pub fn with(mut self, truth: Truth) -> World {
        self.truth.push(truth);
        self
    }

    pub fn release_hour(&self, name: &str) -> Option<Hour> {
        self.releases
            .iter()
            .find(|release| release.name == name)
            .map(|release| release.hour)
    }

    pub fn truth(&self) -> &[Truth] {
        &self.truth
    }

    /// When each release began, oldest first: for deploy marks.
    pub fn releases(&self) -> impl Iterator<Item = (&'static str, Hour)> + '_ {
        self.releases
            .iter()
            .map(|release| (release.name, release.hour))
    }

    /// Every series-hour, in hour order.
    pub fn series_hours(&self) -> impl Iterator<Item = SeriesHour> + '_ {
        (self.first_hour..self.end_hour).flat_map(move |hour| {
            (0..ROUTES.len()).flat_map(move |route| self.route_hour(route, hour))
        })
    }

    /// The page views of the last two days, in order of their start within each hour.
    pub fn page_views(&self) -> impl Iterator<Item = PageView> + '_ {
        (self.views_from()..self.end_hour).flat_map(move |hour| {
            let mut views: Vec<PageView> = (0..ROUTES.len())
                .flat_map(|route| views::page_views(self, route, hour))
                .collect();
            views.sort_by(|a, b| (a.start_ms, &a.view_id).cmp(&(b.start_ms, &b.view_id)));
            views
        })
    }

    fn views_from(&self) -> Hour {
        self.end_hour - VIEW_DAYS * 24
    }

    fn route_hour(&self, route: usize, hour: Hour) -> Vec<SeriesHour> {
        if hour >= self.views_from() {
            return views::series_hours(self, route, hour);
        }
        let mut rng = Rng::new(&[self.seed, 1, hour as u64, route as u64]);
        let mut sums = HourSums::default();
        for (release, release_share) in self.release_shares(hour) {
            for (stratum, one) in STRATA.iter().enumerate() {
                let visits = self.visits(route, one, hour) * release_share;
                for vital in Vital::ALL {
                    for class in classes(vital) {
                        let law = self.law(vital, route, stratum, class, release, hour);
                        let visits = visits * presence(vital, one.device, class);
                        for z in self.deviates(rng.poisson(visits), &mut rng) {
                            let value = law.value(z, &mut rng);
                            let views = if rng.uniform() < LONG_VISITS { 2 } else { 1 };
                            sums.add(vital, stratum, class, release, value, views);
                        }
                    }
                }
            }
        }
        sums.lines(route, hour)
    }

    /// Mean visits of one stratum in one hour.
    fn visits(&self, route: usize, stratum: &Stratum, hour: Hour) -> f64 {
        let (day, weekend) = (daily(hour, 9.0), is_weekend(hour));
        let views =
            ROUTES[route].views_per_hour * (1.0 + 0.6 * day) * if weekend { 0.85 } else { 1.05 };
        let mobile = 0.55 + 0.08 * daily(hour, 15.0) + if weekend { 0.05 } else { 0.0 };
        let device = if stratum.device == "mobile" {
            mobile
        } else {
            1.0 - mobile
        };
        views * device * stratum.share / (1.0 + LONG_VISITS)
    }

    /// Standard normal deviates of `n` visits.
    fn deviates(&self, n: u32, rng: &mut Rng) -> Vec<f64> {
        let one = |index: u32, rng: &mut Rng| match self.sampling {
            Sampling::Independent => rng.normal(),
            Sampling::Spread => normal_quantile((f64::from(index) + rng.uniform()) / f64::from(n)),
        };
        (0..n).map(|index| one(index, rng)).collect()
    }

    /// Which releases serve an hour, each with its share of the page views.
    fn release_shares(&self, hour: Hour) -> Vec<(&'static str, f64)> {
        let newest = self
            .releases
            .iter()
            .rposition(|release| release.hour <= hour)
            .unwrap_or(0);
        let age = (hour - self.releases[newest].hour).max(0) as usize;
        let share = RAMP.get(age).copied().unwrap_or(1.0);
        let before = newest.checked_sub(1).filter(|_| share < 1.0);
        let before = before.map(|index| (self.releases[index].name, 1.0 - share));
        before
            .into_iter()
            .chain([(self.releases[newest].name, share)])
            .collect()
    }

    /// The distribution of a vital for these page views.
    fn law(
        &self,
        vital: Vital,
        route: usize,
        stratum: usize,
        class: usize,
        release: &str,
        hour: Hour,
    ) -> Law {
        let (base, sigma) = shop::law(vital);
        let (route_table, stratum) = (&ROUTES[route], &STRATA[stratum]);
        let place = match vital {
            Vital::Fcp | Vital::Lcp => route_table.loading + stratum.loading,
            Vital::Ttfb => route_table.loading + stratum.ttfb,
            Vital::Inp => route_table.interaction + stratum.interaction + INTERACTIONS[class].inp,
            Vital::Fid => route_table.interaction + stratum.interaction,
            Vital::Cls => route_table.loading,
            Vital::Memory => {
                route_table.loading
                    + if stratum.device == "desktop" {
                        0.4
                    } else {
                        0.0
                    }
            }
        };
        let season = 0.03 * daily(hour, 14.0) + if is_weekend(hour) { 0.015 } else { 0.0 };
        let noise = self.noise[vital as usize][route][(hour - self.first_hour) as usize];
        let applies = |truth: &&Truth| {
            let here = truth.route == route_table.template
                && truth.vital == vital
                && hour < truth.until_hour;
            here && if truth.release.is_empty() {
                hour >= truth.hour
            } else {
                self.is_since(release, truth.release)
            }
        };
        let changed: f64 = self
            .truth
            .iter()
            .filter(applies)
            .map(|truth| truth.change_ratio.ln())
            .sum();
        Law {
            vital,
            mean: base + place + season + noise + changed,
            sigma,
        }
    }

    fn is_since(&self, release: &str, since: &str) -> bool {
        let position = |name: &str| {
            self.releases
                .iter()
                .position(|release| release.name == name)
        };
        position(release) >= position(since)
    }
}

/// A log-normal vital; CLS has exact zeros.
struct Law {
    vital: Vital,
    mean: f64,
    sigma: f64,
}

impl Law {
    /// The value at normal deviate `z`, rounded as browsers report it.
    fn value(&self, z: f64, rng: &mut Rng) -> f64 {
        let value = |z: f64| (self.mean + self.sigma * z).exp();
        match self.vital {
            // Half of all page views never shift: the lower half of the deviates.
            Vital::Cls if z < 0.0 => 0.0,
            Vital::Cls => (value(rng.normal()) * 1e4).round() / 1e4,
            Vital::Inp => (value(z) / 8.0).round().max(1.0) * 8.0,
            Vital::Memory => value(z).round(),
            _ => (value(z) * 10.0).round() / 10.0,
        }
    }
}

/// Interaction classes that split a vital's strata: INP and FID need an interaction, and long visits look slower.
fn classes(vital: Vital) -> std::ops::Range<usize> {
    if matches!(vital, Vital::Inp | Vital::Fid) {
        1..INTERACTIONS.len()
    } else {
        0..1
    }
}

/// Share of page views of a device that report the vital in this interaction class.
fn presence(vital: Vital, device: &str, class: usize) -> f64 {
    match vital {
        Vital::Inp | Vital::Fid => INTERACTIONS[class].share,
        Vital::Memory => shop::memory_share(device),
        _ => 1.0,
    }
}

/// Sine of the time of day: 1 six hours after `zero_at`.
fn daily(hour: Hour, zero_at: f64) -> f64 {
    (std::f64::consts::TAU * (hour.rem_euclid(24) as f64 - zero_at) / 24.0).sin()
}

/// The epoch was a Thursday.
fn is_weekend(hour: Hour) -> bool {
    (hour.div_euclid(24) + 3).rem_euclid(7) >= 5
}

/// Noise of one vital: `[route][hour]`, app and route parts added.
fn vital_noise(seed: u64, vital: Vital) -> Vec<Vec<f64>> {
    let part = |purpose: u64, hour_stddev: f64, day_stddev: f64| {
        let mut rng = Rng::new(&[seed, 2, vital as u64, purpose]);
        let (mut day, mut hour_part) = (0.0, 0.0);
        let mut out = Vec::new();
        // One day more than the world: it need not begin at midnight.
        for hour in 0..(DAYS + 1) * 24 {
            if hour % 24 == 0 {
                day = rng.mild(day_stddev);
            }
            hour_part = HOUR_MEMORY * hour_part
                + rng.mild(hour_stddev * (1.0 - HOUR_MEMORY * HOUR_MEMORY).sqrt());
            out.push(day + hour_part);
        }
        out
    };
    let app = part(1_000, APP_HOUR_NOISE, APP_DAY_NOISE);
    let route = |route: usize| part(route as u64, ROUTE_HOUR_NOISE, ROUTE_DAY_NOISE);
    let sum = |own: Vec<f64>| own.iter().zip(&app).map(|(own, app)| own + app).collect();
    (0..ROUTES.len()).map(route).map(sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_days_are_the_sum_of_their_page_views() {
        let world = World::shop(3, 494_000);
        let mut from_views = 0;
        let hour = world.end_hour - 1;
        for view in world
            .page_views()
            .filter(|view| view.start_ms / 3_600_000 == hour)
        {
            from_views += view.vitals.len() as u32;
            assert!(
                view.vitals
                    .iter()
                    .all(|vital| vital.value >= 0.0 && vital.value <= vital.vital.max_value())
            );
        }
        let lines = (0..ROUTES.len()).flat_map(|route| world.route_hour(route, hour));
        let from_lines: u32 = lines
            .flat_map(|line| line.values)
            .map(|(_, count)| count)
            .sum();
        assert!(from_views > 1_000);
        assert_eq!(from_views, from_lines);
    }

    #[test]
    fn releases_ramp_up() {
        let world = World::shop(1, 494_000);
        let (name, hour) = world.releases().last().expect("five releases");
        assert_eq!(world.release_shares(hour - 1), [("1.4.1", 1.0)]);
        assert_eq!(world.release_shares(hour)[1], (name, 0.35));
        assert_eq!(world.release_shares(hour + 3), [(name, 1.0)]);
        assert_eq!(world.truth().len(), 2);
        assert!(
            World::new(1, 494_000, Sampling::Independent)
                .truth()
                .is_empty()
        );
    }
}

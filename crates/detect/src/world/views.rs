//! Single page views of the synthetic shop, and the series-hours they add up to.

use wire::Vital;

use super::rng::Rng;
use super::shop::{BROWSERS, Browser, COUNTRIES, INTERACTIONS, ROUTES, STRATA, attribution};
use super::{HourSums, LONG_VISITS, SeriesHour, World};
use crate::series::Hour;

/// Correlation of a visit's second page view with its first, and of a view's vitals with each other: a slow phone is slow
/// in everything.
const VISIT_MEMORY: f64 = 0.95;
const VITAL_MEMORY: f64 = 0.97;

/// One page view with the context that measurements carry.
#[derive(Clone, Debug, PartialEq)]
pub struct PageView {
    /// A UUID.
    pub view_id: String,
    pub session_id: String,
    /// Milliseconds since the Unix epoch.
    pub start_ms: i64,
    pub route: &'static str,
    pub path: String,
    pub device: &'static str,
    /// As browsers name it: 4g or 3g.
    pub connection: &'static str,
    pub delivery: &'static str,
    pub browser: &'static str,
    pub os: &'static str,
    pub country: &'static str,
    pub release: &'static str,
    pub navigation_type: &'static str,
    pub interactions: u32,
    pub vitals: Vec<ViewVital>,
    place: Place,
}

/// One vital of a page view.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewVital {
    pub vital: Vital,
    pub value: f64,
    pub attribution: &'static [(&'static str, &'static str)],
}

/// Where in the tables a page view belongs.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    stratum: usize,
    class: usize,
}

pub fn page_views(world: &World, route: usize, hour: Hour) -> Vec<PageView> {
    let mut rng = Rng::new(&[world.seed, 3, hour as u64, route as u64]);
    let mut out = Vec::new();
    for (release, release_share) in world.release_shares(hour) {
        for (stratum, one) in STRATA.iter().enumerate() {
            let visits = world.visits(route, one, hour) * release_share;
            for (class, interactions) in INTERACTIONS.iter().enumerate() {
                for has_memory in [true, false] {
                    let kind = |browser: &Browser| {
                        browser.device == one.device && browser.has_memory == has_memory
                    };
                    let browsers = BROWSERS
                        .iter()
                        .map(|browser| if kind(browser) { browser.share } else { 0.0 });
                    let share = interactions.share * browsers.clone().sum::<f64>();
                    let visit_count = rng.poisson(visits * share);
                    for z in world.deviates(visit_count, &mut rng) {
                        let browser = &BROWSERS[rng.pick(browsers.clone())];
                        let visit = Visit {
                            route,
                            place: Place { stratum, class },
                            release,
                            hour,
                            browser,
                            z,
                        };
                        visit.page_views(world, &mut rng, &mut out);
                    }
                }
            }
        }
    }
    out
}

/// One visitor's stay: its page views share browser, session and speed.
struct Visit {
    route: usize,
    place: Place,
    release: &'static str,
    hour: Hour,
    browser: &'static Browser,
    z: f64,
}

impl Visit {
    fn page_views(&self, world: &World, rng: &mut Rng, out: &mut Vec<PageView>) {
        let (stratum, browser) = (&STRATA[self.place.stratum], self.browser);
        let session_id = format!("{:016x}", rng.bits());
        let country = COUNTRIES[rng.pick(COUNTRIES.iter().map(|country| country.1))].0;
        let view_count = if rng.uniform() < LONG_VISITS { 2 } else { 1 };
        let mut z = self.z;
        for _ in 0..view_count {
            out.push(PageView {
                vitals: self.vitals(world, z, rng),
                view_id: uuid(rng),
                session_id: session_id.clone(),
                start_ms: self.hour * 3_600_000 + (rng.uniform() * 3_600_000.0) as i64,
                route: ROUTES[self.route].template,
                path: path(self.route, rng),
                device: stratum.device,
                connection: if stratum.connection == "slow" {
                    "3g"
                } else {
                    "4g"
                },
                delivery: stratum.delivery,
                browser: browser.name,
                os: browser.os,
                country,
                release: self.release,
                navigation_type: if rng.uniform() < 0.06 {
                    "reload"
                } else {
                    "navigate"
                },
                interactions: interactions(self.place.class, rng),
                place: self.place,
            });
            z = VISIT_MEMORY * z + (1.0 - VISIT_MEMORY * VISIT_MEMORY).sqrt() * rng.normal();
        }
    }

    fn vitals(&self, world: &World, visit_z: f64, rng: &mut Rng) -> Vec<ViewVital> {
        let mut out = Vec::new();
        for vital in Vital::ALL {
            let needs_interaction = matches!(vital, Vital::Inp | Vital::Fid);
            let class = if needs_interaction {
                self.place.class
            } else {
                0
            };
            if needs_interaction && class == 0 || vital == Vital::Memory && !self.browser.has_memory
            {
                continue;
            }
            let z =
                VITAL_MEMORY * visit_z + (1.0 - VITAL_MEMORY * VITAL_MEMORY).sqrt() * rng.normal();
            let law = world.law(
                vital,
                self.route,
                self.place.stratum,
                class,
                self.release,
                self.hour,
            );
            out.push(ViewVital {
                vital,
                value: law.value(z, rng),
                attribution: attribution(vital, &ROUTES[self.route]),
            });
        }
        out
    }
}

/// What the page views of one route and hour add up to.
pub fn series_hours(world: &World, route: usize, hour: Hour) -> Vec<SeriesHour> {
    let mut sums = HourSums::default();
    for view in page_views(world, route, hour) {
        for one in &view.vitals {
            let class = if matches!(one.vital, Vital::Inp | Vital::Fid) {
                view.place.class
            } else {
                0
            };
            sums.add(
                one.vital,
                view.place.stratum,
                class,
                view.release,
                one.value,
                1,
            );
        }
    }
    sums.lines(route, hour)
}

fn interactions(class: usize, rng: &mut Rng) -> u32 {
    let class = &INTERACTIONS[class];
    class.from + (rng.uniform() * f64::from(class.to - class.from + 1)) as u32
}

fn path(route: usize, rng: &mut Rng) -> String {
    ROUTES[route]
        .path
        .replace("{}", &(1 + rng.bits() % 400).to_string())
}

/// A version 4 UUID of the world's own stream.
fn uuid(rng: &mut Rng) -> String {
    let (high, low) = (rng.bits(), rng.bits());
    let high = high & !0xf000 | 0x4000;
    let low = low & !(0b11 << 62) | 0b10 << 62;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

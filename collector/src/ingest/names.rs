//! How many different names an app may bring: routes, releases, operations and whatever else becomes the key of a rollup or an entry
//! of a dictionary column. A name too many is counted under [`OTHER`], so that nobody can make the tables grow by inventing names.
//!
//! A name is known while it was seen within [`KEEP_DAYS`]; only new ones are held to the cap. So a flood of inventions cannot push
//! out what an app really has, old releases make room for new ones, and a flood is forgotten a week after it ends. Memory holds
//! a hash for each name, never the name. What ClickHouse has seen is learnt again after a restart ([`Names::learn`]).

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Accepted;

/// Where names go that are too many.
pub const OTHER: &str = "(other)";
/// The same as a route.
pub const OTHER_ROUTE: &str = "/(other)";
/// A release or route that nobody has seen for a week is gone.
pub const KEEP_DAYS: u64 = 7;
/// Names of all apps together: 24 bytes each, so some 8 MB at most.
const MAX_NAMES: usize = 200_000;
const DAY_MS: u64 = 86_400_000;

/// What is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Only where no app is configured and anyone may name one.
    App,
    Route,
    Release,
    Environment,
    Operation,
    Error,
    Browser,
    Os,
    Connection,
    /// Of `custom`, `timing` and `drop`.
    Key,
}

impl Kind {
    pub const ALL: [Kind; 10] = [
        Kind::App,
        Kind::Route,
        Kind::Release,
        Kind::Environment,
        Kind::Operation,
        Kind::Error,
        Kind::Browser,
        Kind::Os,
        Kind::Connection,
        Kind::Key,
    ];

    /// The label in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::App => "app",
            Kind::Route => "route",
            Kind::Release => "release",
            Kind::Environment => "environment",
            Kind::Operation => "operation",
            Kind::Error => "error",
            Kind::Browser => "browser",
            Kind::Os => "os",
            Kind::Connection => "connection",
            Kind::Key => "key",
        }
    }

    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Different names of one app. Dictionary columns and rollups are good for some thousands; honest apps have a tenth of this.
    const fn cap(self) -> u32 {
        match self {
            Kind::App => 1_000,
            Kind::Route => 2_000,
            Kind::Release | Kind::Operation | Kind::Browser => 500,
            Kind::Error | Kind::Os | Kind::Key => 200,
            Kind::Environment | Kind::Connection => 50,
        }
    }
}

/// See the module. All methods take `&self`.
#[derive(Debug, Default)]
pub struct Names {
    seed: RandomState,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// By the hash of app, kind and name.
    names: HashMap<u64, Name, Prehashed>,
    /// Names of each group, by the hash of app and kind.
    counts: HashMap<u64, u32, Prehashed>,
    /// Groups whose overflow was told today.
    told: HashSet<u64>,
    today: u64,
}

/// Keys that are hashes with a seed of this process need not be hashed again.
type Prehashed = BuildHasherDefault<Identity>;

#[derive(Debug, Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("only whole hashes are keys")
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[derive(Clone, Copy, Debug)]
struct Name {
    group: u64,
    seen_day: u32,
}

impl Names {
    /// Puts names that are too many under [`OTHER`] and returns what they named. The app's own templates are never too many.
    pub fn settle(&self, accepted: &mut Accepted, templates: &[String]) -> Vec<Kind> {
        let mut known = self.known(accepted.received_ms);
        let app = accepted.app.as_str();
        let mut overflowed = Vec::new();
        // Most names of a beacon are keys: their group is the same.
        let mut group = (Kind::App, 0);
        let mut fits = |kind, name: &str| {
            if group.0 != kind {
                group = (kind, self.group(app, kind));
            }
            let fits = self.fits(&mut known, app, group, name);
            if !fits {
                overflowed.push(kind);
            }
            fits
        };
        let beacon = &mut accepted.beacon;
        let is_template = |route: &str| templates.iter().any(|template| template == route);
        if !is_template(&beacon.route) && !fits(Kind::Route, &beacon.route) {
            beacon.route = OTHER_ROUTE.into();
        }
        for (kind, name) in [
            (Kind::Release, &mut beacon.release),
            (Kind::Environment, &mut beacon.environment),
            (Kind::Browser, &mut accepted.browser),
            (Kind::Os, &mut accepted.os),
            (Kind::Connection, &mut beacon.context.connection),
        ] {
            if !fits(kind, name) {
                *name = OTHER.into();
            }
        }
        for operation in &mut beacon.operations {
            if !fits(Kind::Operation, &operation.name) {
                operation.name = OTHER.into();
            }
            if !fits(Kind::Error, &operation.error_type) {
                operation.error_type = OTHER.into();
            }
        }
        // Two keys under one name would hide each other.
        beacon
            .context
            .custom
            .retain(|(key, _)| fits(Kind::Key, key));
        // A borrowed key is one of the wire format's own, so it needs no place: most of a first beacon's are.
        let is_ours = |key: &Cow<'_, str>| matches!(key, Cow::Borrowed(_));
        beacon
            .context
            .timing
            .retain(|(key, _)| is_ours(key) || fits(Kind::Key, key));
        beacon.drops.retain(|(key, _)| fits(Kind::Key, key));
        overflowed
    }

    /// Whether beacons of an app that nobody configured are taken; [`Names::learn`] it when one was.
    pub fn has_room_for_app(&self, app: &str) -> bool {
        let (group, key) = self.hashes("", Kind::App, app);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.names.contains_key(&key) || known.has_room(group, Kind::App)
    }

    /// Takes a name as known, as far as there is room. `app` is empty for the name of an app.
    pub fn learn(&self, app: &str, kind: Kind, name: &str, now_ms: u64) {
        let (group, key) = self.hashes(app, kind, name);
        self.known(now_ms).admit(group, key, kind);
    }

    pub fn known_count(&self) -> usize {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.names.len()
    }

    fn fits(&self, known: &mut Known, app: &str, (kind, group): (Kind, u64), name: &str) -> bool {
        if name.is_empty() || name == OTHER || name == OTHER_ROUTE {
            return true;
        }
        let key = self.seed.hash_one((group, name));
        if known.admit(group, key, kind) {
            return true;
        }
        if known.told.insert(group) {
            tracing::warn!(
                app,
                kind = kind.name(),
                limit = kind.cap(),
                "too many different names: new ones are counted under {OTHER}; routes can be named by [[apps]] routes"
            );
        }
        false
    }

    fn hashes(&self, app: &str, kind: Kind, name: &str) -> (u64, u64) {
        let group = self.group(app, kind);
        (group, self.seed.hash_one((group, name)))
    }

    fn group(&self, app: &str, kind: Kind) -> u64 {
        self.seed.hash_one((app, kind))
    }

    fn known(&self, now_ms: u64) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.begin(now_ms / DAY_MS);
        known
    }
}

impl Known {
    /// At the first beacon of a day, forgets what was not seen for long. A clock that goes back forgets nothing.
    fn begin(&mut self, day: u64) {
        if day <= self.today {
            return;
        }
        self.today = day;
        self.told.clear();
        let Known { names, counts, .. } = self;
        names.retain(|_, name| u64::from(name.seen_day) + KEEP_DAYS >= day);
        counts.clear();
        for name in names.values() {
            *counts.entry(name.group).or_default() += 1;
        }
    }

    fn admit(&mut self, group: u64, key: u64, kind: Kind) -> bool {
        let seen_day = self.today as u32;
        if let Some(name) = self.names.get_mut(&key) {
            name.seen_day = seen_day;
            return true;
        }
        let fits = self.has_room(group, kind);
        if fits {
            self.names.insert(key, Name { group, seen_day });
            *self.counts.entry(group).or_default() += 1;
        }
        fits
    }

    fn has_room(&self, group: u64, kind: Kind) -> bool {
        let count = self.counts.get(&group).copied().unwrap_or(0);
        count < kind.cap() && self.names.len() < MAX_NAMES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::{Client, Meta, accept};

    const NOW_MS: u64 = 20_000 * DAY_MS;

    fn beacon(route: &str, more: &str) -> Accepted {
        let json = format!(
            "{{\"v\":1,\"view\":\"0193c2f0-7c1e-7cc3-98c4-dc0c0c07398f\",\"seq\":0,\"sent\":0,\"start\":0,\
             \"path\":\"/\",\"route\":\"{route}\",\"m\":[]{more}}}"
        );
        let meta = Meta {
            app: "shop",
            routes: &[],
            raw_path: false,
            client: &Client::default(),
            country: "",
        };
        let taken = accept(json.as_bytes(), &meta, NOW_MS).expect("is a beacon");
        taken.accepted
    }

    /// The route that a beacon is counted under.
    fn route(names: &Names, route: &str, day: u64) -> String {
        let mut accepted = beacon(route, "");
        accepted.received_ms += day * DAY_MS;
        names.settle(&mut accepted, &["/mine/*".into()]);
        accepted.beacon.route
    }

    fn flood(names: &Names, count: usize, day: u64) -> usize {
        let mut accepted = beacon("/", "");
        accepted.received_ms += day * DAY_MS;
        let taken = (0..count).filter(|number| {
            accepted.beacon.route = format!("/flood/{number}");
            names.settle(&mut accepted, &[]);
            accepted.beacon.route != OTHER_ROUTE
        });
        taken.count()
    }

    #[test]
    fn a_million_routes_are_two_thousand_and_one() {
        let names = Names::default();
        assert_eq!(route(&names, "/known", 0), "/known");
        assert_eq!(flood(&names, 1_000_000, 0), 1_999);
        assert_eq!(names.known_count(), 2_000);
        assert_eq!(route(&names, "/known", 0), "/known");
        assert_eq!(route(&names, "/new", 0), OTHER_ROUTE);
        assert_eq!(
            route(&names, "/mine/*", 0),
            "/mine/*",
            "a template of the app"
        );
        // The bucket is no name, and another app has room of its own.
        assert_eq!(route(&names, OTHER_ROUTE, 0), OTHER_ROUTE);
        let mut other = beacon("/new", "");
        other.app = "blog".into();
        names.settle(&mut other, &[]);
        assert_eq!(other.beacon.route, "/new");
    }

    #[test]
    fn a_flood_is_forgotten_a_week_after_it_ends() {
        let names = Names::default();
        assert_eq!(flood(&names, 5_000, 0), 2_000);
        assert_eq!(route(&names, "/new", 7), OTHER_ROUTE);
        assert_eq!(route(&names, "/new", 8), "/new");
        assert_eq!(names.known_count(), 1);
        assert_eq!(route(&names, "/newer", 3), "/newer", "the clock went back");
    }

    #[test]
    fn every_dimension_has_its_cap() {
        let names = Names::default();
        let mut overflowed: HashMap<Kind, u32> = HashMap::new();
        for number in 0..3_000 {
            let more = format!(
                ",\"release\":\"r{number}\",\"env\":\"e{number}\",\"context\":{{\"connection\":\"c{number}\",\
                 \"custom\":{{\"k{number}\":1}}}},\"ops\":[{{\"n\":\"o{number}\",\"v\":1,\"ok\":false,\"error\":\"x{number}\"}}]"
            );
            let mut accepted = beacon("/", &more);
            (accepted.browser, accepted.os) = (format!("b{number}"), format!("s{number}"));
            for kind in names.settle(&mut accepted, &[]) {
                *overflowed.entry(kind).or_default() += 1;
            }
            if number == 2_999 {
                let beacon = accepted.beacon;
                let operation = &beacon.operations[0];
                for name in [
                    &beacon.release,
                    &beacon.environment,
                    &beacon.context.connection,
                    &accepted.browser,
                    &accepted.os,
                    &operation.name,
                    &operation.error_type,
                ] {
                    assert_eq!(name, OTHER);
                }
                assert!(beacon.context.custom.is_empty());
            }
        }
        for kind in Kind::ALL {
            let expected = match kind {
                Kind::App | Kind::Route => None,
                kind => Some(3_000 - kind.cap()),
            };
            assert_eq!(overflowed.get(&kind).copied(), expected, "{kind:?}");
        }
    }

    #[test]
    fn milestones_need_no_place_and_invented_ones_do() {
        let names = Names::default();
        let mut accepted = beacon(
            "/",
            ",\"context\":{\"timing\":{\"loadEventEnd\":9,\"dns_end_ms\":4,\"invented\":7}}",
        );
        names.settle(&mut accepted, &[]);
        assert_eq!(names.known_count(), 2, "the route and what is invented");
        let kept = accepted.beacon.context.timing.iter();
        let kept: Vec<_> = kept.map(|(key, _)| key.as_ref()).collect();
        assert_eq!(kept, ["load_ms", "dns_end_ms", "invented"]);
    }

    #[test]
    fn a_hundred_thousand_apps_are_a_thousand() {
        let names = Names::default();
        let mut taken = 0;
        for number in 0..100_000 {
            let app = format!("app-{number}");
            if names.has_room_for_app(&app) {
                names.learn("", Kind::App, &app, NOW_MS);
                taken += 1;
            }
        }
        assert_eq!(taken, 1_000);
        assert!(names.has_room_for_app("app-0") && !names.has_room_for_app("app-2000"));
    }

    #[test]
    fn all_apps_together_are_bounded_too() {
        let names = Names::default();
        for number in 0..=MAX_NAMES {
            let app = format!("app-{}", number % 500);
            names.learn(&app, Kind::Route, &format!("/{number}"), NOW_MS);
        }
        assert_eq!(names.known_count(), MAX_NAMES);
        assert!(!names.has_room_for_app("one more"));
    }
}

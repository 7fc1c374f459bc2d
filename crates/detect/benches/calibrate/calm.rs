//! Worlds in which nothing happens: every alarm is false.

use detect::Direction;

use crate::report::{Bar, Report};
use crate::traffic::Plan;
use crate::world::World;
use crate::{Size, judged, list, rules};

/// Judged days of a calm app: four weeks hold each weekday four times.
const DAYS: usize = 28;
/// The promise: per 1,000 series-days, and the upper end of its exact interval.
pub const BAR: Bar = Bar::Rate(1.0, 1.5);

/// Series-days of one row: a rate of 1 in 1,000 is then known to about 30 %, and in the quick form to a factor of 2.
const SERIES_DAYS: u64 = 50_400;
const QUICK_SERIES_DAYS: u64 = 5_040;
const SMALL_SERIES_DAYS: u64 = 25_200;
const QUICK_SMALL_SERIES_DAYS: u64 = 1_260;

#[derive(Default)]
struct Tally {
    series_days: f64,
    alarms: u64,
    regressions: u64,
    app_level: u64,
    confirmed: u64,
    z: u64,
    rank: u64,
}

impl Tally {
    fn add(&mut self, size: &Size, plan: &Plan, with_rules: bool) {
        let (histories, replayed) = judged(plan);
        replayed
            .findings
            .iter()
            .for_each(|finding| list(size, plan, finding));
        self.series_days += replayed.series_days;
        self.alarms += replayed.episodes;
        let count = |wanted: &dyn Fn(&detect::Finding) -> bool| {
            replayed
                .findings
                .iter()
                .filter(|finding| wanted(finding))
                .count() as u64
        };
        self.regressions += count(&|finding| finding.direction == Direction::Regression);
        self.app_level += count(&|finding| crate::route(finding).is_none());
        self.confirmed += count(&|finding| finding.confirmed_hour.is_some());
        if with_rules {
            for history in &histories {
                let alarms = rules::alarms(history, plan);
                self.z += rules::episodes(&alarms.z);
                self.rank += rules::episodes(&alarms.rank);
            }
        }
    }
}

fn plan(world: World, seed: u64, kind: u64, routes: usize, app: u64) -> Plan {
    Plan {
        world,
        seed: vec![seed, kind, world as u64, routes as u64, app],
        routes,
        days: DAYS,
        deploys: Vec::new(),
        changes: Vec::new(),
    }
}

pub fn large_apps(size: &Size, report: &mut Report) {
    report.title(
        "False alarms per 1,000 series-days, nothing happening (both directions and the app level)",
    );
    for world in World::ALL {
        let mut tally = Tally::default();
        // The rules are slower than the detector, and need far fewer days to be known.
        let apps = size.apps(SERIES_DAYS, QUICK_SERIES_DAYS)
            / (DAYS * world.series(world.routes())) as u64;
        let (apps, with_rules) = (apps.max(1), size.apps(6, 1));
        let mut rule_days = 0.0;
        for app in 0..apps {
            tally.add(
                size,
                &plan(world, size.seed, 1, world.routes(), app),
                app < with_rules,
            );
            if app < with_rules {
                rule_days = tally.series_days;
            }
        }
        let name = world.name();
        report.rate(
            &format!("{name}: alarms"),
            tally.alarms,
            tally.series_days,
            BAR,
        );
        report.rate(
            &format!("{name}: of them regressions"),
            tally.regressions,
            tally.series_days,
            Bar::None,
        );
        report.rate(
            &format!("{name}: of them app level"),
            tally.app_level,
            tally.series_days,
            Bar::None,
        );
        report.rate(
            &format!("{name}: confirmed"),
            tally.confirmed,
            tally.series_days,
            Bar::None,
        );
        report.rate(
            &format!("{name}: z >= 2 and >= 15 % on 24 h means"),
            tally.z,
            rule_days,
            Bar::None,
        );
        report.rate(
            &format!("{name}: Mann-Whitney p < 0.001 on 24 h"),
            tally.rank,
            rule_days,
            Bar::None,
        );
    }
}

pub fn small_apps(size: &Size, report: &mut Report) {
    report.title("The same for small apps");
    for routes in [1_usize, 3, 6, 12] {
        if size.routes.is_some_and(|only| only != routes) {
            continue;
        }
        for world in World::ALL {
            let mut tally = Tally::default();
            let apps = size.apps(SMALL_SERIES_DAYS, QUICK_SMALL_SERIES_DAYS)
                / (DAYS * world.series(routes)) as u64;
            for app in 0..apps.max(1) {
                tally.add(size, &plan(world, size.seed, 2, routes, app), false);
            }
            let name = format!("{routes} routes, {}", world.name());
            report.rate(
                &format!("{name}: alarms"),
                tally.alarms,
                tally.series_days,
                BAR,
            );
            report.rate(
                &format!("{name}: confirmed"),
                tally.confirmed,
                tally.series_days,
                Bar::None,
            );
        }
    }
}

//! What is no regression, or none that lasts: other visitors, bursts, spikes; and the neighbours of a true one.

use detect::world::Rng;
use detect::{Direction, Finding};

use crate::calm::BAR;
use crate::report::{Bar, Report};
use crate::traffic::{Change, Effect, LEAD_HOURS, Plan};
use crate::world::World;
use crate::{Size, judged, list, route};

/// What happens to so many routes of an app: a third.
fn changed_routes(world: World) -> usize {
    world.routes() / 3
}

const MIX_HOURS: usize = 72;
/// So many that a cell has 9,000 series-days or more. With a quarter of them one of the six cells is above 1 in 1,000 two times in three, even if
/// alarms come as rarely as on days on which nothing happens (0.65).
const MIX_APPS: u64 = 120;
/// Alarms count from the event's beginning until two days after its end.
const WATCHED_HOURS: usize = 120;

fn plan(
    world: World,
    seed: u64,
    kind: u64,
    app: u64,
    days: usize,
    effects: &[Effect],
    hours: usize,
) -> (Plan, usize) {
    let mut rng = Rng::new(&[seed, kind, 40, app]);
    let on = LEAD_HOURS + 12 + (rng.bits() % 24) as usize;
    let change = |effect: &Effect| Change {
        routes: (0..changed_routes(world)).collect(),
        from: on,
        until: on.saturating_add(hours),
        effect: *effect,
    };
    let plan = Plan {
        world,
        seed: vec![seed, 4, kind, app],
        routes: world.routes(),
        days,
        deploys: vec![on],
        changes: effects.iter().map(change).collect(),
    };
    (plan, on)
}

pub fn mix(size: &Size, report: &mut Report) {
    report.title("Other visitors on a third of the routes for 3 days: alarms there per 1,000 series-days, from the start to 2 days after");
    let events: [(&str, &[Effect]); 3] = [
        ("25 points more mobile", &[Effect::Mobile(0.25)]),
        ("25 points more slow connections", &[Effect::Slow(0.25)]),
        (
            "5 times the page views, 30 points more slow",
            &[Effect::Volume(5.0), Effect::Slow(0.30)],
        ),
    ];
    for world in [World::Normal, World::Weibull] {
        for (kind, (name, effects)) in events.iter().enumerate() {
            let (mut alarms, mut series_days) = (0, 0.0);
            for app in 0..size.apps(MIX_APPS, 2) {
                let (plan, on) = plan(
                    world,
                    size.seed,
                    10 * world as u64 + kind as u64,
                    app,
                    7,
                    effects,
                    MIX_HOURS,
                );
                let (histories, replayed) = judged(&plan);
                let hours = plan.hour(on) + 1..=plan.hour(on + WATCHED_HOURS);
                let there = |finding: &&Finding| {
                    hours.contains(&finding.opened_hour)
                        && route(finding).is_some_and(|route| route < changed_routes(world))
                };
                for finding in replayed.findings.iter().filter(there) {
                    list(size, &plan, finding);
                    alarms += 1;
                }
                let series = histories.len() / plan.routes * changed_routes(world);
                series_days += (series * WATCHED_HOURS) as f64 / 24.0;
            }
            report.rate(
                &format!("{}: {name}", world.name()),
                alarms,
                series_days,
                BAR_OF_EVENTS,
            );
        }
    }
}

/// As when nothing happens. Events last a few days only: too few series-days to ask for an upper end as well.
const BAR_OF_EVENTS: Bar = Bar::Rate(1.0, f64::INFINITY);

pub fn spikes(size: &Size, report: &mut Report) {
    report.title("+50 % for 2 hours: routes with a confirmed regression");
    for world in [World::Normal, World::Weibull] {
        let (mut confirmed, mut alarmed, mut all) = (0, 0, 0);
        for app in 0..size.apps(20, 3) {
            let (plan, on) = plan(
                world,
                size.seed,
                100 + world as u64,
                app,
                7,
                &[Effect::Shift(1.5_f64.ln())],
                2,
            );
            let (histories, replayed) = judged(&plan);
            let there = |finding: &&Finding| {
                finding.direction == Direction::Regression
                    && finding.opened_hour > plan.hour(on)
                    && route(finding).is_some_and(|route| route < changed_routes(world))
            };
            let found: Vec<&Finding> = replayed.findings.iter().filter(there).collect();
            alarmed += found.len() as u64;
            confirmed += found
                .iter()
                .filter(|finding| finding.confirmed_hour.is_some())
                .count() as u64;
            all += (histories.len() / plan.routes * changed_routes(world)) as u64;
        }
        report.share(
            &format!("{}: alarmed", world.name()),
            alarmed,
            all,
            Bar::None,
        );
        report.share(
            &format!("{}: confirmed", world.name()),
            confirmed,
            all,
            Bar::AtMost(0.1),
        );
    }
}

pub fn neighbours(size: &Size, report: &mut Report) {
    report.title("A deploy slows a third of the routes by 20 %: improvements of the others per 1,000 series-days");
    for world in [World::Normal, World::Weibull] {
        let (mut improved, mut worse, mut series_days, mut found, mut changed) = (0, 0, 0.0, 0, 0);
        for app in 0..size.apps(40, 3) {
            let (plan, on) = plan(
                world,
                size.seed,
                200 + world as u64,
                app,
                10,
                &[Effect::Release(1, 1.2_f64.ln())],
                usize::MAX,
            );
            let (histories, replayed) = judged(&plan);
            for finding in replayed
                .findings
                .iter()
                .filter(|finding| finding.opened_hour > plan.hour(on))
            {
                let is_changed = route(finding).is_none_or(|route| route < changed_routes(world));
                match finding.direction {
                    _ if is_changed => {
                        found += u64::from(
                            route(finding).is_some() && finding.direction == Direction::Regression,
                        )
                    }
                    Direction::Improvement => {
                        list(size, &plan, finding);
                        improved += 1;
                    }
                    Direction::Regression => worse += 1,
                }
            }
            let vitals = histories.len() / plan.routes;
            changed += (vitals * changed_routes(world)) as u64;
            let untouched = vitals * (plan.routes - changed_routes(world));
            series_days += (untouched * (plan.hours() - on)) as f64 / 24.0;
        }
        let name = world.name();
        report.rate(
            &format!("{name}: improvements of untouched routes"),
            improved,
            series_days,
            BAR,
        );
        report.rate(
            &format!("{name}: regressions of untouched routes"),
            worse,
            series_days,
            Bar::None,
        );
        report.share(
            &format!("{name}: regressions found on the slowed ones"),
            found.min(changed),
            changed,
            Bar::None,
        );
    }
}

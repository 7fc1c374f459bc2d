//! Steps: how many are found, how soon, when they are said to have begun, and whom they are blamed on.

use detect::world::Rng;
use detect::{Direction, Finding};

use crate::report::{Bar, Report};
use crate::traffic::{Change, Effect, LEAD_HOURS, Plan, TIERS};
use crate::world::World;
use crate::{Size, judged, route};

const DAYS: usize = 10;
/// Of each size. Three routes of each tier change, so 201 of each kind.
const APPS: u64 = 67;
/// One route in five.
const CHANGED: usize = 9;
const SIZES: [f64; 4] = [0.05, 0.10, 0.15, 0.20];
/// A step without a release keeps this far from every deploy: nearer, nobody could tell.
const AWAY_HOURS: usize = 4;

#[derive(Default)]
struct Tally {
    /// By size and tier: routes changed, found within 24 h, confirmed from an alarm within 24 h, found within 7 days.
    cells: [[[u64; 4]; 3]; SIZES.len()],
    confirmed: u64,
    confirmed_falsely: u64,
    /// Right, wrong and no release named, of found steps with a release and without.
    with_release: [u64; 3],
    without_release: [u64; 3],
    /// By size: hours between the step and its change point.
    onset_error: [Vec<i64>; SIZES.len()],
    set_hours: Vec<i64>,
    in_set: [u64; SIZES.len()],
    found: [u64; SIZES.len()],
}

/// One app whose first routes step up, with a deploy every day; the step's hour, and the release that brought it.
fn plan(seed: u64, size: usize, app: u64) -> (Plan, usize, Option<usize>) {
    let mut rng = Rng::new(&[seed, 30, size as u64, app]);
    let deploys: Vec<usize> = (0..LEAD_HOURS / 24 + DAYS)
        .map(|day| day * 24 + 7 + (rng.bits() % 12) as usize)
        .collect();
    let first = LEAD_HOURS / 24;
    let shift = SIZES[size].ln_1p();
    let is_released = app.is_multiple_of(2);
    let (on, effect, release) = if is_released {
        let deploy = first + 1 + (rng.bits() % 2) as usize;
        (
            deploys[deploy],
            Effect::Release(deploy + 1, shift),
            Some(deploy + 1),
        )
    } else {
        let on = loop {
            let on = LEAD_HOURS + 12 + (rng.bits() % 48) as usize;
            if deploys
                .iter()
                .all(|deploy| deploy.abs_diff(on) >= AWAY_HOURS)
            {
                break on;
            }
        };
        (on, Effect::Shift(shift), None)
    };
    let plan = Plan {
        world: World::Normal,
        seed: vec![seed, 3, size as u64, app],
        routes: World::Normal.routes(),
        days: DAYS,
        deploys,
        changes: vec![Change {
            routes: (0..CHANGED).collect(),
            from: on,
            until: usize::MAX,
            effect,
        }],
    };
    (plan, on, release)
}

impl Tally {
    fn add(&mut self, seed: u64, size: usize, app: u64) {
        let (plan, on, release) = plan(seed, size, app);
        let (_, replayed) = judged(&plan);
        let is_true = |finding: &Finding| {
            finding.direction == Direction::Regression
                && route(finding).is_some_and(|route| route < CHANGED)
                && finding.opened_hour > plan.hour(on)
        };
        let confirmed = replayed
            .findings
            .iter()
            .filter(|finding| finding.confirmed_hour.is_some());
        for finding in confirmed {
            self.confirmed += 1;
            self.confirmed_falsely += u64::from(!is_true(finding));
        }
        for changed in 0..CHANGED {
            let cell = &mut self.cells[size][changed % 3];
            cell[0] += 1;
            let found = |finding: &&Finding| is_true(finding) && route(finding) == Some(changed);
            let Some(finding) = replayed.findings.iter().find(found) else {
                continue;
            };
            let delay = finding.opened_hour - plan.hour(on);
            let day = u64::from(delay <= 24);
            cell[1] += day;
            cell[2] += day * u64::from(finding.confirmed_hour.is_some());
            if delay > 168 {
                continue;
            }
            cell[3] += 1;
            self.locate(size, finding, plan.hour(on));
            let named = match release {
                Some(release) if finding.release == format!("r{release:03}") => 0,
                _ if finding.release.is_empty() => 2,
                _ => 1,
            };
            let names = if release.is_some() {
                &mut self.with_release
            } else {
                &mut self.without_release
            };
            names[named] += 1;
        }
    }

    fn locate(&mut self, size: usize, finding: &Finding, on: i64) {
        self.found[size] += 1;
        self.onset_error[size].push((finding.change_point_hour - on).abs());
        self.set_hours
            .push(finding.change_point_high_hour - finding.change_point_low_hour + 1);
        let set = finding.change_point_low_hour..=finding.change_point_high_hour;
        self.in_set[size] += u64::from(set.contains(&on));
    }
}

pub fn run(size: &Size, report: &mut Report) {
    let mut tally = Tally::default();
    for step in 0..SIZES.len() {
        for app in 0..size.apps(APPS, 4) {
            tally.add(size.seed, step, app);
        }
    }
    report.title("Steps on 1 route in 5, a deploy every day: found within 24 h, of those confirmed, found within 7 days");
    let bar = |step: usize, tier: usize, days: usize| match (SIZES[step], tier, days) {
        (0.10, 2, 1) | (0.15, 1, 1) | (0.05, 2, 7) | (0.10, 1, 7) => Bar::AtLeast(0.9),
        (0.20, 0, 7) => Bar::AtLeast(0.75),
        _ => Bar::None,
    };
    for (step, cells) in tally.cells.iter().enumerate() {
        for (tier, &[changed, day, confirmed, week]) in cells.iter().enumerate() {
            let name = format!(
                "+{:.0} % at {} page views/h",
                100.0 * SIZES[step],
                TIERS[tier]
            );
            report.share(
                &format!("{name}: within 24 h"),
                day,
                changed,
                bar(step, tier, 1),
            );
            report.share(
                &format!("{name}: of those confirmed"),
                confirmed,
                day,
                Bar::None,
            );
            report.share(
                &format!("{name}: within 7 days"),
                week,
                changed,
                bar(step, tier, 7),
            );
        }
    }
    report.title("What is said about the steps found");
    report.share(
        "confirmed findings that are false",
        tally.confirmed_falsely,
        tally.confirmed,
        Bar::AtMost(0.05),
    );
    let sum = |names: &[u64; 3]| names.iter().sum::<u64>();
    let [right, wrong, _] = tally.with_release;
    report.share(
        "step of a release: that release named",
        right,
        sum(&tally.with_release),
        Bar::AtLeast(0.8),
    );
    report.share(
        "step of a release: another named",
        wrong,
        sum(&tally.with_release),
        Bar::None,
    );
    let none = tally.without_release[2];
    report.share(
        "step without a release: none named",
        none,
        sum(&tally.without_release),
        Bar::AtLeast(0.8),
    );
    for (step, errors) in tally.onset_error.iter().enumerate() {
        let name = format!("+{:.0} %", 100.0 * SIZES[step]);
        report.note(
            &format!("{name}: median hours from step to change point"),
            &median(errors),
        );
        report.share(
            &format!("{name}: step inside the change-point set"),
            tally.in_set[step],
            tally.found[step],
            Bar::None,
        );
    }
    report.share(
        "step inside the change-point set",
        tally.in_set.iter().sum(),
        tally.found.iter().sum(),
        Bar::AtLeast(0.9),
    );
    report.note("median hours of the set", &median(&tally.set_hours));
}

fn median(hours: &[i64]) -> String {
    let mut hours: Vec<f64> = hours.iter().map(|hours| *hours as f64).collect();
    format!("{:.1}", detect::order::median(&mut hours))
}

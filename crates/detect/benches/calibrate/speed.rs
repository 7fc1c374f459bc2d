//! How long one evaluation takes, and what it does not depend on.

use std::time::Instant;

use detect::{History, Hour, Policy, SeriesHourRow, resume};

use crate::Size;
use crate::report::{Bar, Report};
use crate::traffic::Plan;
use crate::world::World;

const SERIES: usize = 10_000;
/// Seconds of one core.
const MAX_HOUR_S: f64 = 1.0;
const MAX_FITS_S: f64 = 10.0;
/// How many times as many page views lie behind the same rollups.
const TIMES: u64 = 1_000;
/// One evaluation of so few series takes milliseconds, and a core's time is told by the tick.
const REPEATS: u32 = 200;

/// 10,000 series: apps are independent, so one of 90 series is judged again and again.
pub fn run(size: &Size, report: &mut Report) {
    let plan = Plan {
        world: World::Gamma,
        seed: vec![size.seed, 5, 0],
        routes: World::Gamma.routes(),
        days: 1,
        deploys: Vec::new(),
        changes: Vec::new(),
    };
    let histories = plan.histories();
    let (from, to) = plan.judged();
    let apps = SERIES.div_ceil(histories.len());
    let per_series = SERIES as f64 / (apps * histories.len()) as f64;
    let seconds = |histories: &[History], from: Hour, to: Hour| {
        let begun = Core::now();
        for _ in 0..apps {
            let _ = resume(histories, &Policy::default(), &[], from, to);
        }
        begun.seconds() * per_series
    };
    // A day has its fits once, at its first hour; what a whole day costs beyond that are 23 hours.
    let (one, all) = (
        seconds(&histories, to - 1, to),
        seconds(&histories, from, to),
    );
    let hour = (all - one) / 23.0;
    report.title("Speed: 10,000 series with 28 days of hours, one core");
    report.value(
        "the day's scores and fits, s",
        one - hour,
        Bar::AtMost(MAX_FITS_S),
    );
    report.value("one more hour judged, s", hour, Bar::AtMost(MAX_HOUR_S));
    same_rollups(report, &histories, to);
}

/// A cell is one bucket of one hour and stratum: what a rollup has, however many page views are in it.
fn same_rollups(report: &mut Report, histories: &[History], to: Hour) {
    let few = with_counts(histories, 1);
    let many = with_counts(histories, TIMES);
    let views = |histories: &[History]| -> u64 {
        let releases = histories.iter().flat_map(|history| history.releases());
        releases
            .map(|release| release.n(Hour::MIN / 2..Hour::MAX / 2))
            .sum()
    };
    let time = |histories: &[History]| {
        let begun = Core::now();
        for _ in 0..REPEATS {
            let _ = resume(histories, &Policy::default(), &[], to - 1, to);
        }
        begun.seconds() / f64::from(REPEATS)
    };
    // Warm, and then turn by turn, so that whatever else the machine does hits both.
    let (mut of_few, mut of_many) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..5 {
        of_few = of_few.min(time(&few));
        of_many = of_many.min(time(&many));
    }
    let text = format!(
        "{:.2} and {:.2} ms with {:.1e} and {:.1e} page views",
        1e3 * of_few,
        1e3 * of_many,
        views(&few) as f64,
        views(&many) as f64
    );
    report.note("the same rollups", &text);
    report.value(
        "many over few page views",
        of_many / of_few,
        Bar::AtMost(1.5),
    );
}

/// Time that this thread has had a core: what others do on the machine does not count. Where the system does not say, the time that
/// has passed.
struct Core {
    wall: Instant,
    core_ns: Option<u64>,
}

impl Core {
    fn now() -> Core {
        Core {
            wall: Instant::now(),
            core_ns: Core::ns(),
        }
    }

    fn seconds(&self) -> f64 {
        match (self.core_ns, Core::ns()) {
            (Some(begun), Some(now)) => now.saturating_sub(begun) as f64 / 1e9,
            _ => self.wall.elapsed().as_secs_f64(),
        }
    }

    fn ns() -> Option<u64> {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        told.split_ascii_whitespace().next()?.parse().ok()
    }
}

/// So many cells that one page view in each makes some hundred thousand; with `count` page views in each.
fn with_counts(histories: &[History], count: u64) -> Vec<History> {
    const CELLS: u64 = 100_000;
    let mut cells = 0;
    let mut out = Vec::new();
    for history in histories {
        if cells >= CELLS {
            break;
        }
        let mut counted = History::new(history.key.clone());
        for stratum in history.strata() {
            for (hour, row) in stratum.hours(Hour::MIN / 2..Hour::MAX / 2) {
                let buckets: Vec<(u16, u64)> = row.map(|(index, _)| (index, count)).collect();
                cells += buckets.len() as u64;
                counted.add(SeriesHourRow {
                    stratum: &stratum.name,
                    release: "1",
                    hour,
                    buckets: &buckets,
                });
            }
        }
        out.push(counted);
    }
    out
}

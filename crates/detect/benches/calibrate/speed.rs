//! How long one evaluation takes.

use std::time::Instant;

use detect::{Policy, resume};

use crate::Size;
use crate::report::Report;
use crate::traffic::Plan;
use crate::world::World;

const SERIES: usize = 10_000;

/// One hour judged for 10,000 series: apps are independent, so one of 90 series is judged again and again.
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
    let (_, to) = plan.judged();
    let times = SERIES.div_ceil(histories.len());
    let begun = Instant::now();
    for _ in 0..times {
        let _ = resume(&histories, &Policy::default(), &[], to - 1, to);
    }
    let seconds = begun.elapsed().as_secs_f64() * SERIES as f64 / (times * histories.len()) as f64;
    report.title("Speed");
    report.note(
        "one hour judged for 10,000 series, one core",
        &format!("{seconds:.1} s"),
    );
}

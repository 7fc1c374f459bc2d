//! `cargo xtask calibrate`: how often the detector is wrong, and what it misses, on worlds whose truth is known.
//!
//! The whole replay is run, as live: one baseline a day, every hour judged, both directions, the app level included. Numbers are
//! for made-up traffic: they compare methods and guard against mistakes; the rate on real traffic is what `vitalscope backtest`
//! counts. Seeds used while the method is changed are not those it is judged by.

mod calm;
mod events;
mod interval;
mod law;
mod report;
mod rules;
mod speed;
mod steps;
mod traffic;
mod world;

use std::process::ExitCode;
use std::time::Instant;

use detect::{Finding, History, Policy, Replay, replay};

use report::Report;
use traffic::Plan;

/// The seed by which the method is judged.
const FINAL_SEED: u64 = 20_261_126;
/// The seed on which it is changed.
const TUNING_SEED: u64 = 7;

/// How large a run is.
pub struct Size {
    pub seed: u64,
    pub is_quick: bool,
    /// Apps per hundred of the long form's; for experiments.
    percent: u64,
    /// Small apps of so many routes alone; for experiments.
    routes: Option<usize>,
    /// Write out every false alarm.
    is_listing: bool,
}

impl Size {
    /// Apps of one experiment in the long and in the quick form.
    fn apps(&self, long: u64, quick: u64) -> u64 {
        let apps = if self.is_quick { quick } else { long };
        (apps * self.percent / 100).max(1)
    }
}

type Section = (&'static str, fn(&Size, &mut Report));

const SECTIONS: [Section; 7] = [
    ("calm", calm::large_apps),
    ("small", calm::small_apps),
    ("steps", steps::run),
    ("mix", events::mix),
    ("spikes", events::spikes),
    ("neighbours", events::neighbours),
    ("speed", speed::run),
];

fn main() -> ExitCode {
    let mut size = Size {
        seed: FINAL_SEED,
        is_quick: false,
        percent: 100,
        routes: None,
        is_listing: false,
    };
    let mut chosen = Vec::new();
    for word in std::env::args().skip(1) {
        match word.as_str() {
            "--quick" => size.is_quick = true,
            "--tuning" => size.seed = TUNING_SEED,
            "--list" => size.is_listing = true,
            // Cargo says so to every bench.
            "--bench" => {}
            _ if SECTIONS.iter().any(|section| section.0 == word) => chosen.push(word),
            _ => match word
                .split_once('=')
                .map(|(name, value)| (name, value.parse()))
            {
                Some(("--percent", Ok(percent))) => size.percent = percent,
                Some(("--routes", Ok(routes))) => size.routes = Some(routes as usize),
                _ => {
                    eprintln!(
                        "calibrate [--quick] [--tuning] [--list] [--percent=N] [--routes=N] [calm|small|steps|mix|spikes|neighbours|speed]…"
                    );
                    return ExitCode::FAILURE;
                }
            },
        }
    }
    let mut report = Report::new(size.is_quick);
    for (name, section) in SECTIONS {
        if chosen.is_empty() || chosen.iter().any(|word| word == name) {
            let begun = Instant::now();
            section(&size, &mut report);
            println!("  took {:.0} s", begun.elapsed().as_secs_f64());
        }
    }
    if report.end() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// An app's past, and what the detector said about its judged days.
fn judged(plan: &Plan) -> (Vec<History>, Replay) {
    let histories = plan.histories();
    let (from, to) = plan.judged();
    let replayed = replay(&histories, &Policy::default(), from, to);
    (histories, replayed)
}

/// One line for a false alarm.
fn list(size: &Size, plan: &Plan, finding: &Finding) {
    if size.is_listing {
        println!(
            "    {} app {:?}: {} {} {} over {} h, x{:.3}, T {:.1}, p {:.1e}, hour {}, {}",
            plan.world.name(),
            plan.seed,
            finding.key.route,
            finding.key.vital,
            finding.direction.name(),
            finding.window_hours,
            finding.change_ratio,
            finding.z,
            finding.p_value,
            finding.opened_hour - plan.hour(traffic::LEAD_HOURS),
            finding.state.name(),
        );
    }
}

/// The number of a finding's route; `None` for the app level.
fn route(finding: &Finding) -> Option<usize> {
    finding
        .key
        .route
        .strip_prefix('/')
        .and_then(|number| number.parse().ok())
}

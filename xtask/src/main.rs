//! `cargo xtask`: everything that is done with this repository beyond plain cargo. This file parses and dispatches.

mod agent;
mod bench;
mod calibrate;
mod chaos;
mod clickhouse;
mod command;
mod coverage;
mod dist;
mod fuzz;
mod run;
mod seed;
mod size;
mod tally;
mod test;
mod tidy;
mod tools;
mod version;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::tools::Purpose;
use crate::workspace::Workspace;

const USAGE: &str = "\
cargo xtask COMMAND

  run [--seed] [--release]   install what is missing, build, start the collector with the demo shop; --seed first
                             loads a synthetic history with two known regressions; --release optimises
  test [KIND]… [FILTER]      install what is missing, run all checks and tests (kinds: checks rust wasm js e2e)
  agent                      build agent.js, snippet.js and the npm package
  size                       sizes of snippet, glue and wasm against the budget, and of the agent's peers
  bench [NAME]               what things cost, against bars; without a name: which benches there are
  calibrate [--quick] [--tuning] [--list] [SECTION]…
                             how often the detector is wrong and what it misses, on made-up apps, against bars (twenty
                             minutes; --quick: two, for CI; --tuning: other seeds, for changing the method)
  chaos [--long] [--seconds N] [--seed S] [--release]
                             crashes, outages and damage, decided by a seed, against the real collector and ClickHouse:
                             nothing acknowledged is lost or doubled (60 s; --long: 10 minutes and 200 faults)
  coverage                   line coverage of the pure crates
  dist [--deb]               one tarball to install from, in target/dist; also a Debian package
  fuzz [TARGET]… [SECONDS]   the fuzz targets, a minute each (targets: decode_beacon raw_entries read_segment history_line)
  tidy                       what people forget and no compiler says
  seed FILE                  write the synthetic history as NDJSON, and to the terminal what is known to be in it
  tools                      only install what is missing, for run and test
";

fn main() -> ExitCode {
    command::forward_signals();
    let words: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the command did what it promises; an error when it could not even try.
fn dispatch(words: &[String]) -> Result<bool> {
    let Some((command, rest)) = words.split_first() else {
        print!("{USAGE}");
        return Ok(true);
    };
    let ws = Workspace::locate()?;
    match command.as_str() {
        "run" => run::run(&ws, &run_options(rest)?),
        "seed" => write_seed(rest),
        "bench" => bench::run(&ws, rest),
        "calibrate" => calibrate::run(&ws, &calibrate::Options::parse(rest)?),
        "dist" => dist::run(&ws, rest),
        "fuzz" => fuzz::run(&ws, &fuzz::Options::parse(rest)?),
        "chaos" => chaos::run(&ws, &chaos::Options::parse(rest)?),
        "test" => test::run(&ws, &test::Selection::parse(rest)?),
        _ if !rest.is_empty() && command != "help" => {
            bail!("{command} takes no arguments here\n\n{USAGE}")
        }
        "agent" => agent::build(&ws).map(|_| true),
        "size" => agent::build(&ws).and_then(|_| size::check(&ws)),
        "coverage" => coverage::measure(&ws).map(|found| found.reached && found.tests.failed == 0),
        "tidy" => tidy::check(&ws),
        "tools" => tools::install(&ws, Purpose::Test).map(|missing| missing.is_empty()),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(true)
        }
        _ => bail!("there is no command {command}\n\n{USAGE}"),
    }
}

fn write_seed(words: &[String]) -> Result<bool> {
    let [file] = words else {
        bail!("usage: cargo xtask seed FILE");
    };
    println!(
        "{}",
        seed::write(file.as_ref(), run::this_hour()?)?.to_json()
    );
    Ok(true)
}

fn run_options(words: &[String]) -> Result<run::Options> {
    let mut options = run::Options::default();
    for word in words {
        match word.as_str() {
            "--seed" => options.seed = true,
            "--release" => options.release = true,
            _ => bail!("run does not know {word}\n\n{USAGE}"),
        }
    }
    Ok(options)
}

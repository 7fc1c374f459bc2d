//! `cargo xtask bench`: what things cost, measured and held against bars. This file names the benches and starts them.
//! Not here: the measuring; each bench lies beside what it measures. Benches are not part of `test`, which has to be quick and
//! must not fail because a machine is busy.

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::command::tee;
use crate::tools::{self, Purpose};
use crate::workspace::Workspace;
use crate::{agent, clickhouse};

const USAGE: &str = "\
cargo xtask bench NAME

  agent [--runs N] [--quick]  the agent's cost in Chromium, beside its peers: main thread, memory, bytes (15 runs; quick: 3);
                              of another build with VITALSCOPE_AGENT_DIST=FOLDER
  ingest [--quick]            the collector beside nginx, a bare disk and the clickhouse crate: acknowledgements, draining, the
                              whole path, latency, memory, growth (five minutes; quick: one)
  api                         what an answer of the API costs at 2 million measurements and at 20 million, on 500 routes (a quarter of an
                              hour, most of it making them)
  detect                      what one evaluation costs with its queries on 10,000 series: time, memory, of the first of a day and of a further
                              hour (some minutes)
  storage                     what a page view and a measurement take on disk: 300,000 made-up page views, merged and weighed (some
                              minutes)
  sizes                       what the peers weigh; rewrites e2e/bench/peer-sizes.json, which `cargo xtask size` prints
";

/// Fifteen rounds take a quarter of an hour.
const LIMIT: Duration = Duration::from_secs(2 * 60 * 60);
/// A build other than this repository's own.
const AGENT_DIST: &str = "VITALSCOPE_AGENT_DIST";

#[derive(Debug, PartialEq, Eq)]
enum Bench {
    Agent { runs: u32 },
    Api,
    Detect,
    Ingest { quick: bool },
    Storage,
    Sizes,
}

impl Bench {
    fn parse(words: &[String]) -> Result<Bench> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["agent"] => Ok(Bench::Agent { runs: 15 }),
            ["agent", "--quick"] => Ok(Bench::Agent { runs: 3 }),
            ["agent", "--runs", count] => match count.parse() {
                Ok(runs @ 1..) => Ok(Bench::Agent { runs }),
                _ => bail!("--runs takes a number from 1 on, not {count}"),
            },
            ["ingest"] => Ok(Bench::Ingest { quick: false }),
            ["ingest", "--quick"] => Ok(Bench::Ingest { quick: true }),
            ["api"] => Ok(Bench::Api),
            ["detect"] => Ok(Bench::Detect),
            ["storage"] => Ok(Bench::Storage),
            ["sizes"] => Ok(Bench::Sizes),
            _ => bail!("there is no such bench\n\n{USAGE}"),
        }
    }
}

/// Runs the bench that the words name, or lists them all; answers whether every bar was kept.
pub fn run(ws: &Workspace, words: &[String]) -> Result<bool> {
    if words.is_empty() {
        print!("{USAGE}");
        return Ok(true);
    }
    let bench = Bench::parse(words)?;
    let purpose = match bench {
        Bench::Api | Bench::Detect | Bench::Ingest { .. } | Bench::Storage => Purpose::Run,
        Bench::Agent { .. } | Bench::Sizes => Purpose::Bench,
    };
    let missing = tools::install(ws, purpose)?;
    if !missing.is_empty() {
        bail!("not installed: {}", missing.join("; "));
    }
    let program = match bench {
        Bench::Api | Bench::Detect | Bench::Ingest { .. } | Bench::Storage => "cargo",
        Bench::Agent { .. } | Bench::Sizes => "node",
    };
    let mut command = Command::new(program);
    command.current_dir(&ws.root).env("PATH", ws.path());
    match bench {
        Bench::Ingest { quick } => {
            agent::build(ws)?; // the collector embeds it
            command
                .args(["bench", "--package", "collector", "--bench", "ingest", "--"])
                .args(quick.then_some("--quick"))
                .env(
                    "VITALSCOPE_CLICKHOUSE_LIBRARY",
                    clickhouse::library(&ws.tools),
                );
        }
        Bench::Api => {
            agent::build(ws)?; // the collector embeds it
            command
                .args(["bench", "--package", "collector", "--bench", "api"])
                .env(
                    "VITALSCOPE_CLICKHOUSE_LIBRARY",
                    clickhouse::library(&ws.tools),
                );
        }
        Bench::Detect => {
            agent::build(ws)?; // the collector embeds it
            command
                .args(["bench", "--package", "collector", "--bench", "detect"])
                .env(
                    "VITALSCOPE_CLICKHOUSE_LIBRARY",
                    clickhouse::library(&ws.tools),
                );
        }
        Bench::Storage => {
            agent::build(ws)?; // the collector embeds it
            // Bytes are the same however the program was built, and this way it is built already.
            command
                .args(["bench", "--profile", "dev"])
                .args(["--package", "collector", "--bench", "storage"])
                .env(
                    "VITALSCOPE_CLICKHOUSE_LIBRARY",
                    clickhouse::library(&ws.tools),
                );
        }
        Bench::Agent { runs } => {
            let dist = env::var_os(AGENT_DIST).map_or_else(|| agent::dist(ws), Into::into);
            built(&dist)?;
            let browser = tools::chromium().context("Chromium was there a moment ago")?;
            command
                .arg("e2e/bench/agent.js")
                .args(["--runs", &runs.to_string(), "--out"])
                .arg(ws.target.join("bench-agent.json"))
                .env("VITALSCOPE_CHROMIUM", browser)
                .env(AGENT_DIST, dist);
        }
        Bench::Sizes => {
            command.arg("e2e/bench/sizes.js");
        }
    }
    Ok(tee(&mut command, LIMIT)?.0)
}

fn built(dist: &Path) -> Result<()> {
    for file in ["agent.js", "snippet.js"] {
        if !dist.join(file).is_file() {
            bail!(
                "no {file} in {}: the agent is not built; cargo xtask agent",
                dist.display()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str], expected: Option<Bench>) {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(Bench::parse(&words).ok(), expected, "{words:?}");
    }

    #[test]
    fn words_name_a_bench_and_its_options() {
        check(&["agent"], Some(Bench::Agent { runs: 15 }));
        check(&["agent", "--quick"], Some(Bench::Agent { runs: 3 }));
        check(&["agent", "--runs", "7"], Some(Bench::Agent { runs: 7 }));
        check(&["ingest"], Some(Bench::Ingest { quick: false }));
        check(&["ingest", "--quick"], Some(Bench::Ingest { quick: true }));
        check(&["api"], Some(Bench::Api));
        check(&["detect"], Some(Bench::Detect));
        check(&["storage"], Some(Bench::Storage));
        check(&["sizes"], Some(Bench::Sizes));
        check(&["agent", "--runs"], None);
        check(&["agent", "--runs", "0"], None);
        check(&["agent", "--runs", "many"], None);
        check(&["other"], None);
        check(&["sizes", "--quick"], None);
    }
}

//! `cargo xtask chaos`: the fault run in its long and short forms. The run itself is a test program of the collector
//! (`collector/tests/chaos`), which `cargo xtask test` runs for a minute; this file builds and starts it.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::clickhouse;
use crate::command::tee;
use crate::tools::{self, Purpose};
use crate::workspace::Workspace;

/// Beyond the time of the faults: building with optimisation, settling, judging.
const RESERVE: Duration = Duration::from_secs(20 * 60);
/// The long form.
const LONG_SECONDS: u64 = 600;
const SHORT_SECONDS: u64 = 60;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    seconds: Option<u64>,
    seed: Option<u64>,
    long: bool,
    release: bool,
}

impl Options {
    pub fn parse(words: &[String]) -> Result<Options> {
        let mut options = Options::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut number = || -> Result<u64> {
                let text = words
                    .next()
                    .with_context(|| format!("{word} takes a number"))?;
                text.parse().with_context(|| format!("{word} {text}"))
            };
            match word.as_str() {
                "--seconds" => options.seconds = Some(number()?),
                "--seed" => options.seed = Some(number()?),
                "--long" => options.long = true,
                "--release" => options.release = true,
                _ => {
                    bail!("usage: cargo xtask chaos [--long] [--seconds N] [--seed S] [--release]")
                }
            }
        }
        Ok(options)
    }

    fn seconds(&self) -> u64 {
        let form = if self.long {
            LONG_SECONDS
        } else {
            SHORT_SECONDS
        };
        self.seconds.unwrap_or(form)
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        if self.long {
            arguments.push("--long".to_owned());
        }
        arguments.extend(["--seconds".to_owned(), self.seconds().to_string()]);
        if let Some(seed) = self.seed {
            arguments.extend(["--seed".to_owned(), seed.to_string()]);
        }
        arguments
    }
}

/// Answers whether everything was as it must be.
pub fn run(ws: &Workspace, options: &Options) -> Result<bool> {
    let missing = tools::install(ws, Purpose::Run)?;
    if !missing.is_empty() {
        bail!("not installed: {}", missing.join("; "));
    }
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(&ws.root)
        .env("PATH", ws.path())
        .env(
            "VITALSCOPE_CLICKHOUSE_LIBRARY",
            clickhouse::library(&ws.tools),
        )
        .args(["test", "--package", "collector", "--test", "chaos"]);
    if options.release {
        cargo.arg("--release");
    }
    cargo.arg("--").args(options.arguments());
    let limit = RESERVE + Duration::from_secs(2 * options.seconds());
    Ok(tee(&mut cargo, limit)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str], expected: Option<&str>) {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let arguments = Options::parse(&words).map(|options| options.arguments().join(" "));
        assert_eq!(arguments.ok().as_deref(), expected, "{words:?}");
    }

    #[test]
    fn words_choose_the_form() {
        check(&[], Some("--seconds 60"));
        check(&["--seed", "7"], Some("--seconds 60 --seed 7"));
        check(&["--long"], Some("--long --seconds 600"));
        check(
            &["--long", "--seconds", "90", "--release"],
            Some("--long --seconds 90"),
        );
        check(&["--seed"], None);
        check(&["--seconds", "many"], None);
        check(&["other"], None);
    }
}

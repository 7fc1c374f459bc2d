//! `cargo xtask test`: every check and every test, one table at the end.
//! Not here: tests. CI calls this and nothing else, so what passes on a laptop passes there.
//!
//! A kind that fails does not stop the others; a kind that finds nothing to run has failed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::command::{self, tee};
use crate::tally::{Counts, Tally, libtest, node};
use crate::tools::{self, Purpose};
use crate::workspace::Workspace;
use crate::{agent, clickhouse, coverage, fuzz, size, tidy};

/// The slowest kind takes a few minutes on two cores. What takes this long hangs.
const LIMIT: Duration = Duration::from_secs(25 * 60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Checks,
    Rust,
    Wasm,
    Js,
    E2e,
}

impl Kind {
    pub const ALL: [Kind; 5] = [Kind::Checks, Kind::Rust, Kind::Wasm, Kind::Js, Kind::E2e];

    pub fn parse(word: &str) -> Option<Kind> {
        match word {
            "checks" => Some(Kind::Checks),
            "rust" => Some(Kind::Rust),
            "wasm" => Some(Kind::Wasm),
            "js" => Some(Kind::Js),
            "e2e" => Some(Kind::E2e),
            _ => None,
        }
    }
}

/// What to run: all kinds when none is named; only tests whose name contains the filter.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Selection {
    pub kinds: Vec<Kind>,
    pub filter: Option<String>,
}

impl Selection {
    pub fn parse(words: &[String]) -> Result<Selection> {
        let mut selection = Selection::default();
        for word in words {
            match (Kind::parse(word), &selection.filter) {
                (Some(kind), None) => selection.kinds.push(kind),
                (None, None) if !word.starts_with('-') && !selection.kinds.is_empty() => {
                    selection.filter = Some(word.clone());
                }
                _ => bail!("usage: cargo xtask test [checks|rust|wasm|js|e2e]… [FILTER]"),
            }
        }
        Ok(selection)
    }

    fn wants(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    fn is_all(&self) -> bool {
        self.kinds.is_empty()
    }
}

/// Runs the selection; answers whether everything passed.
pub fn run(ws: &Workspace, selection: &Selection) -> Result<bool> {
    let started = Instant::now();
    let mut tests = Tests {
        ws,
        selection,
        tally: Tally::default(),
    };
    let missing = tools::install(ws, Purpose::Test)?;
    for line in &missing {
        tests.tally.add("set-up", Counts::FAILED, 0.0);
        println!("xtask: not installed: {line}");
    }
    // The collector embeds the agent and browsers load it; only the wasm tests compile it in their own way.
    if selection.kinds != [Kind::Wasm] {
        tests.check("agent builds", |ws| agent::build(ws).map(|_| true));
    }
    for kind in Kind::ALL {
        if !selection.wants(kind) || command::interrupted() {
            continue;
        }
        match kind {
            Kind::Checks => tests.checks(),
            Kind::Rust => tests.rust(),
            Kind::Wasm => tests.wasm(),
            Kind::Js => tests.js(),
            Kind::E2e => tests.e2e(),
        }
    }
    if command::interrupted() {
        bail!("interrupted");
    }
    for line in &missing {
        println!("not installed: {line}");
    }
    println!("\n{}", tests.tally.table());
    println!("took {:.0} s", started.elapsed().as_secs_f64());
    println!("{}", tests.tally.sum_line());
    Ok(tests.tally.total().failed == 0)
}

struct Tests<'a> {
    ws: &'a Workspace,
    selection: &'a Selection,
    tally: Tally,
}

impl Tests<'_> {
    fn checks(&mut self) {
        let wasm = ["--target", "wasm32-unknown-unknown"];
        self.check("tidy", tidy::check);
        self.cargo_check(&["fmt", "--all", "--check"], &[]);
        self.cargo_check(
            &["clippy", "--workspace", "--all-targets"],
            &["-D", "warnings"],
        );
        self.cargo_check(
            &["clippy", "--package", "vitalscope-agent", wasm[0], wasm[1]],
            &["-D", "warnings"],
        );
        self.check("size", size::check);
        self.check("fuzz", |ws| fuzz::run(ws, &fuzz::Options::short()));
    }

    /// In a full run the tests of the pure crates run once, instrumented, and give the coverage on the way.
    fn rust(&mut self) {
        if self.selection.is_all() {
            self.pure_crates();
        }
        self.cargo_test("rust", &self.rust_args());
        if self.selection.is_all() {
            let mut docs = vec!["test", "--doc", "--no-fail-fast"];
            for name in coverage::CRATES {
                docs.extend(["--package", name]);
            }
            self.cargo_test("rust", &docs);
        }
    }

    fn rust_args(&self) -> Vec<&'static str> {
        let mut args = vec!["test", "--workspace", "--no-fail-fast"];
        if self.selection.is_all() {
            for name in coverage::CRATES {
                args.extend(["--exclude", name]);
            }
        }
        args
    }

    fn pure_crates(&mut self) {
        let begun = begin("pure crates, with coverage");
        let (tests, reached) = match coverage::measure(self.ws) {
            Ok(coverage) => (coverage.tests, verdict(coverage.reached)),
            Err(error) => {
                println!("xtask: {error:#}");
                (Counts::FAILED, Counts::FAILED)
            }
        };
        self.tally
            .add("rust, pure crates", tests, begun.elapsed().as_secs_f64());
        self.tally.add("checks", reached, 0.0);
    }

    /// Plain `cargo test`, not a faster runner: integration tests share one ClickHouse per process, and the
    /// same command has to do on every machine.
    fn cargo_test(&mut self, kind: &str, args: &[&str]) {
        let begun = begin(&format!("cargo {}", args.join(" ")));
        let mut cargo = self.command("cargo");
        cargo.args(args);
        if let Some(filter) = &self.selection.filter {
            cargo.args(["--", filter]);
        }
        let (ended_well, output) = self.run(&mut cargo);
        let (mut all, mut rest) = (Counts::default(), Counts::default());
        for suite in libtest(&output) {
            all += suite.counts;
            if suite.package == "vitalscope" && suite.name.starts_with("tests/") {
                self.tally.add("ClickHouse (collector)", suite.counts, 0.0);
            } else if suite.name.starts_with("doc-tests") {
                self.tally.add("rust, documentation", suite.counts, 0.0);
            } else {
                rest += suite.counts;
            }
        }
        // A crate may well have no examples in its documentation; it must have tests.
        let nothing_to_run = args.contains(&"--doc") && all == Counts::default();
        if !(nothing_to_run && ended_well) && all.judged(ended_well) != all {
            rest += Counts::FAILED;
        }
        self.tally.add(kind, rest, begun.elapsed().as_secs_f64());
    }

    /// The boundary to the browser, in a browser, through wasm-bindgen's own test runner.
    fn wasm(&mut self) {
        let begun = begin("agent in wasm");
        let mut cargo = self.command("cargo");
        cargo
            .args([
                "test",
                "--package",
                "vitalscope-agent",
                "--target",
                "wasm32-unknown-unknown",
                "--tests",
            ])
            .env(
                "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
                "wasm-bindgen-test-runner",
            )
            .env("WASM_BINDGEN_TEST_ONLY_WEB", "1");
        if let Some(driver) = crate::workspace::find_program("chromedriver") {
            cargo.env("CHROMEDRIVER", driver);
        }
        if let Some(filter) = &self.selection.filter {
            cargo.args(["--", filter]);
        }
        let (ended_well, output) = self.run(&mut cargo);
        let mut counts = Counts::default();
        for suite in libtest(&output) {
            counts += suite.counts;
        }
        self.tally.add(
            "wasm",
            counts.judged(ended_well),
            begun.elapsed().as_secs_f64(),
        );
    }

    fn js(&mut self) {
        self.node_test("JavaScript", "js-shim/test", &[]);
    }

    /// One file at a time: each starts a browser and a collector, and two of them would measure each other.
    fn e2e(&mut self) {
        let begun = begin("collector for the browser tests");
        let mut cargo = self.command("cargo");
        // Each selection of packages gives dependencies other features and compiles them anew, for minutes. So a full run
        // takes the collector that its integration tests have built, and a single one shares it with `cargo xtask run`.
        if self.selection.is_all() {
            cargo.args(self.rust_args()).arg("--no-run");
        } else {
            cargo.args(["build", "--package", "collector"]);
        }
        let (built, _) = self.run(&mut cargo);
        if !built {
            self.tally
                .add("browser", Counts::FAILED, begun.elapsed().as_secs_f64());
            return;
        }
        self.node_test("browser", "e2e/tests", &["--test-concurrency=1"]);
    }

    fn node_test(&mut self, kind: &str, folder: &str, options: &[&str]) {
        let begun = begin(&format!("node --test {folder}"));
        let mut node_test = self.command("node");
        node_test
            .args(["--test", "--test-reporter=spec"])
            .args(options);
        if let Some(filter) = &self.selection.filter {
            node_test.arg(format!("--test-name-pattern={filter}"));
        }
        let files = test_files(&self.ws.root, folder);
        let counts = if files.is_empty() {
            println!("xtask: {folder} holds no *.test.js");
            Counts::FAILED
        } else {
            let (ended_well, output) = self.run(node_test.args(&files));
            node(&output).judged(ended_well)
        };
        self.tally.add(kind, counts, begun.elapsed().as_secs_f64());
    }

    fn cargo_check(&mut self, args: &[&str], after: &[&str]) {
        let name = format!("cargo {}", args.join(" "));
        let mut cargo = self.command("cargo");
        cargo.args(args);
        if !after.is_empty() {
            cargo.arg("--").args(after);
        }
        self.check(&name, |_| Ok(tee(&mut cargo, LIMIT)?.0));
    }

    fn check(&mut self, name: &str, check: impl FnOnce(&Workspace) -> Result<bool>) {
        let begun = begin(name);
        let passed = check(self.ws).unwrap_or_else(|error| {
            println!("xtask: {name}: {error:#}");
            false
        });
        if !passed {
            println!("xtask: FAILED: {name}");
        }
        self.tally
            .add("checks", verdict(passed), begun.elapsed().as_secs_f64());
    }

    /// A program that finds the tools, the library and the browsers. The collector is where cargo puts it.
    fn command(&self, program: &str) -> Command {
        let ws = self.ws;
        let mut command = Command::new(program);
        command.current_dir(&ws.root).env("PATH", ws.path()).env(
            "VITALSCOPE_CLICKHOUSE_LIBRARY",
            clickhouse::library(&ws.tools),
        );
        if let Some(browser) = tools::chromium() {
            command.env("VITALSCOPE_CHROMIUM", browser);
        }
        if let Some(browser) = tools::firefox() {
            command.env("VITALSCOPE_FIREFOX", browser);
        }
        command
    }

    fn run(&self, command: &mut Command) -> (bool, String) {
        tee(command, LIMIT).unwrap_or_else(|error| {
            println!("xtask: {error:#}");
            (false, String::new())
        })
    }
}

fn begin(what: &str) -> Instant {
    println!("\n==> {what}");
    Instant::now()
}

fn verdict(passed: bool) -> Counts {
    if passed {
        Counts::PASSED
    } else {
        Counts::FAILED
    }
}

fn test_files(root: &Path, folder: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root.join(folder)) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(".test.js"))
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str], kinds: &[Kind], filter: Option<&str>) {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let expected = Selection {
            kinds: kinds.to_vec(),
            filter: filter.map(str::to_owned),
        };
        assert_eq!(Selection::parse(&words).unwrap(), expected);
    }

    #[test]
    fn words_select_kinds_and_then_a_filter() {
        check(&[], &[], None);
        check(&["rust"], &[Kind::Rust], None);
        check(&["js", "e2e"], &[Kind::Js, Kind::E2e], None);
        check(&["rust", "spool"], &[Kind::Rust], Some("spool"));
    }

    #[test]
    fn other_words_are_refused() {
        for words in [
            &["spool"][..],
            &["rust", "a", "b"],
            &["rust", "a", "js"],
            &["--release"],
        ] {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            assert!(Selection::parse(&words).is_err(), "{words:?}");
        }
    }
}

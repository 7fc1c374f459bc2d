//! Line coverage of the pure crates: their tests, built with the compiler's instrumentation, run once.
//! Not here: other crates. Shells are covered by tests of behaviour, for which a line count says little.
//!
//! Lines of test modules do not count: they are run by definition and would flatter the number.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::{capture, tee};
use crate::tally::{self, Counts};
use crate::tools;
use crate::workspace::Workspace;

pub const CRATES: [&str; 3] = ["wire", "vitals", "detect"];
/// Below this, somebody forgot a test; above it, the rest is branches that cannot happen.
const LEAST_PERCENT: f64 = 95.0;
const LIMIT: Duration = Duration::from_secs(20 * 60);
/// Uncovered places named per crate.
const SHOWN: usize = 12;

pub struct Coverage {
    /// The tests that ran on the way.
    pub tests: Counts,
    pub reached: bool,
}

pub fn measure(ws: &Workspace) -> Result<Coverage> {
    let work = ws.target.join("coverage");
    let profiles = work.join("profiles");
    let _ = fs::remove_dir_all(&profiles);
    fs::create_dir_all(&profiles)?;

    let (built, _) = tee(&mut cargo_test(ws, &work, &profiles, &["--no-run"])?, LIMIT)?;
    if !built {
        bail!("the instrumented tests do not compile");
    }
    let (passed, output) = tee(&mut cargo_test(ws, &work, &profiles, &[])?, LIMIT)?;
    let mut tests = Counts::default();
    for suite in tally::libtest(&output) {
        tests += suite.counts;
    }
    let lcov = export(ws, &binaries(ws, &work, &profiles)?, &profiles)?;
    let reached = report(ws, &lines(&lcov));
    Ok(Coverage {
        tests: tests.judged(passed),
        reached,
    })
}

/// Instrumented artefacts have a folder of their own, or every other build would start over.
fn cargo_test(ws: &Workspace, work: &Path, profiles: &Path, extra: &[&str]) -> Result<Command> {
    let host = tools::host().context("rustc does not say for which machine it compiles")?;
    let mut command = Command::new("cargo");
    command.args(["test", "--tests", "--no-fail-fast"]);
    for name in CRATES {
        command.args(["--package", name]);
    }
    command
        // With a target named, build scripts and macros are spared the instrumentation.
        .args(["--target", &host])
        .args(extra)
        .current_dir(&ws.root)
        .env("CARGO_TARGET_DIR", work)
        .env("CARGO_INCREMENTAL", "0")
        // Statistics on seeded worlds take minutes unoptimised. Overflow checks and debug assertions stay.
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
        .env("RUSTFLAGS", "-Cinstrument-coverage")
        .env("LLVM_PROFILE_FILE", profiles.join("%p-%m.profraw"));
    Ok(command)
}

/// The test programs, which carry the map from counters to lines.
fn binaries(ws: &Workspace, work: &Path, profiles: &Path) -> Result<Vec<PathBuf>> {
    let mut command = cargo_test(ws, work, profiles, &["--no-run", "--message-format=json"])?;
    let messages = capture(&mut command).context("cargo does not list the test programs")?;
    Ok(executables(&messages))
}

fn executables(messages: &str) -> Vec<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["profile"]["test"] == true)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .collect()
}

fn export(ws: &Workspace, binaries: &[PathBuf], profiles: &Path) -> Result<String> {
    let missing = "llvm-tools are missing: rustup component add llvm-tools";
    let merged = profiles.join("merged.profdata");
    let mut merge = Command::new(tools::llvm_tool("llvm-profdata").context(missing)?);
    merge.args(["merge", "-sparse", "-o"]).arg(&merged);
    for entry in fs::read_dir(profiles)? {
        let file = entry?.path();
        if file
            .extension()
            .is_some_and(|extension| extension == "profraw")
        {
            merge.arg(file);
        }
    }
    capture(&mut merge).context("llvm-profdata cannot merge the profiles")?;

    let mut export = Command::new(tools::llvm_tool("llvm-cov").context(missing)?);
    export
        .args([
            "export",
            "-format=lcov",
            "-skip-expansions",
            "-instr-profile",
        ])
        .arg(&merged);
    for binary in binaries {
        export.arg("-object").arg(binary);
    }
    export.arg("-sources");
    for name in CRATES {
        export.arg(ws.root.join("crates").join(name).join("src"));
    }
    capture(&mut export).context("llvm-cov cannot read the profiles")
}

/// Per file: each line that has code, and whether it ran.
type Lines = BTreeMap<PathBuf, BTreeMap<usize, bool>>;

fn lines(lcov: &str) -> Lines {
    let mut files = Lines::new();
    let mut file = PathBuf::new();
    for record in lcov.lines() {
        if let Some(path) = record.strip_prefix("SF:") {
            file = PathBuf::from(path);
        } else if let Some((line, count)) = record
            .strip_prefix("DA:")
            .and_then(|rest| rest.split_once(','))
            && let (Ok(line), Ok(count)) = (line.parse(), count.parse::<u64>())
        {
            let ran = files
                .entry(file.clone())
                .or_default()
                .entry(line)
                .or_default();
            *ran |= count > 0;
        }
    }
    files
}

/// Test modules in files of their own, and what only they use.
fn is_test(file: &Path) -> bool {
    ["tests.rs", "simulate.rs"]
        .iter()
        .any(|name| file.ends_with(name))
}

/// First line of the test module, or past the end when there is none.
fn end_of_code(source: &str) -> usize {
    source
        .lines()
        .position(|line| line.starts_with("#[cfg(test)]"))
        .map_or(usize::MAX, |index| index + 1)
}

/// Prints a line per crate; answers whether each reached the least that is asked.
fn report(ws: &Workspace, files: &Lines) -> bool {
    let mut reached = true;
    for name in CRATES {
        let src = ws.root.join("crates").join(name).join("src");
        let (mut all, mut ran, mut holes) = (0_u32, 0_u32, Vec::new());
        let ours = |file: &Path| file.starts_with(&src) && !is_test(file);
        for (file, lines) in files.iter().filter(|(file, _)| ours(file)) {
            let end = fs::read_to_string(file).map_or(usize::MAX, |text| end_of_code(&text));
            for (&line, &covered) in lines.range(..end) {
                all += 1;
                ran += u32::from(covered);
                if !covered {
                    holes.push((file.strip_prefix(&src).unwrap_or(file), line));
                }
            }
        }
        let percent = 100.0 * f64::from(ran) / f64::from(all.max(1));
        println!("coverage {name:<8}{percent:>6.1} %  {ran} of {all} lines");
        if all == 0 || percent < LEAST_PERCENT {
            reached = false;
            println!("  at least {LEAST_PERCENT} % are asked; not run, among others:");
            for (file, first, last) in spans(&holes).iter().take(SHOWN) {
                println!("    crates/{name}/src/{}:{first} to {last}", file.display());
            }
        }
    }
    reached
}

/// Neighbouring lines as one place: file, first line, last line.
fn spans<'a>(holes: &[(&'a Path, usize)]) -> Vec<(&'a Path, usize, usize)> {
    let mut spans: Vec<(&Path, usize, usize)> = Vec::new();
    for &(file, line) in holes {
        match spans.last_mut() {
            Some((same, _, last)) if *same == file && *last + 1 == line => *last = line,
            _ => spans.push((file, line, line)),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_lines_are_one_place() {
        let (a, b) = (Path::new("a.rs"), Path::new("b.rs"));
        let holes = [(a, 1), (a, 2), (a, 4), (b, 5), (b, 6)];
        assert_eq!(spans(&holes), [(a, 1, 2), (a, 4, 4), (b, 5, 6)]);
    }

    #[test]
    fn a_line_counts_once_and_runs_if_any_record_says_so() {
        let lcov =
            "SF:/a.rs\nDA:1,0\nDA:2,5\nend_of_record\nSF:/a.rs\nDA:1,3\nDA:3,0\nend_of_record\n";
        let files = lines(lcov);
        let expected = BTreeMap::from([(1, true), (2, true), (3, false)]);
        assert_eq!(files[Path::new("/a.rs")], expected);
    }

    #[test]
    fn test_modules_are_left_out() {
        assert_eq!(end_of_code("fn a() {}\n\n#[cfg(test)]\nmod tests {}\n"), 3);
        assert_eq!(end_of_code("fn a() {}\n"), usize::MAX);
    }

    #[test]
    fn takes_test_programs_only() {
        let messages = r#"{"reason":"compiler-artifact","profile":{"test":true},"executable":"/t/a"}
{"reason":"compiler-artifact","profile":{"test":false},"executable":"/t/b"}
{"reason":"compiler-artifact","profile":{"test":true},"executable":null}
not json"#;
        assert_eq!(executables(messages), [PathBuf::from("/t/a")]);
    }
}

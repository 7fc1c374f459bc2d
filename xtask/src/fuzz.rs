//! `cargo xtask fuzz`: the fuzz targets with libFuzzer, first over the committed corpus, then for some seconds with inputs of its own.
//! Not here: the targets (`fuzz/`).
//!
//! cargo-fuzz and its nightly compiler are not needed: what it passes to the compiler are the flags below, which the pinned one
//! takes too. Only the address sanitizer is left out, and the readers hold no unsafe code for it to watch.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::command::{show, tee};
use crate::tools;
use crate::workspace::Workspace;

pub const TARGETS: [&str; 4] = [
    "decode_beacon",
    "raw_entries",
    "read_segment",
    "history_line",
];
/// As cargo-fuzz 0.13 sets them: count edges, note comparisons so that the fuzzer can satisfy them, keep branches apart.
const COVERAGE_FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
];
/// Of each target in `cargo xtask test`: the corpus is what counts there; finding something new takes hours, not seconds.
pub const SHORT_S: u32 = 3;
const DEFAULT_S: u32 = 60;
/// A beacon's bound. What a longer segment could do is done by a short one.
const MAX_INPUT_BYTES: u32 = 64 * 1024;
/// Any of these inputs takes milliseconds: one that takes this long is a finding.
const INPUT_TIMEOUT_S: u32 = 5;
const MAX_MEMORY_MB: u32 = 1024;
/// Beside the fuzzing itself: starting and replaying the corpus.
const SLACK: Duration = Duration::from_secs(120);

/// What to run and for how long.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    pub targets: Vec<&'static str>,
    pub seconds: u32,
}

impl Options {
    pub fn short() -> Options {
        Options {
            targets: TARGETS.to_vec(),
            seconds: SHORT_S,
        }
    }

    pub fn parse(words: &[String]) -> Result<Options> {
        let mut options = Options {
            targets: Vec::new(),
            seconds: DEFAULT_S,
        };
        for word in words {
            let target = TARGETS.into_iter().find(|name| name == word);
            match (target, word.parse()) {
                (Some(target), _) => options.targets.push(target),
                (None, Ok(seconds @ 1..)) => options.seconds = seconds,
                _ => bail!(
                    "usage: cargo xtask fuzz [TARGET]… [SECONDS]; targets: {}",
                    TARGETS.join(" ")
                ),
            }
        }
        if options.targets.is_empty() {
            options.targets = TARGETS.to_vec();
        }
        Ok(options)
    }
}

/// Answers whether nothing was found.
pub fn run(ws: &Workspace, options: &Options) -> Result<bool> {
    let programs = build(ws)?;
    let work = ws.target.join("fuzz");
    let mut sound = true;
    for target in &options.targets {
        let found = work.join("corpus").join(target);
        let committed = ws.root.join("fuzz/corpus").join(target);
        let artifacts = work.join("artifacts");
        fs::create_dir_all(&found)?;
        fs::create_dir_all(&artifacts)?;
        let artifacts = artifacts.join(format!("{target}-"));
        let mut command = Command::new(programs.join(target));
        command
            .arg(&found)
            .arg(&committed)
            .args([
                format!("-max_total_time={}", options.seconds),
                format!("-max_len={MAX_INPUT_BYTES}"),
                format!("-timeout={INPUT_TIMEOUT_S}"),
                format!("-rss_limit_mb={MAX_MEMORY_MB}"),
                format!("-artifact_prefix={}", artifacts.display()),
                "-print_final_stats=1".to_owned(),
                "-verbosity=0".to_owned(),
            ])
            .current_dir(&work);
        let limit = SLACK + Duration::from_secs(options.seconds.into());
        let (ended_well, _) = tee(&mut command, limit)?;
        if ended_well {
            println!("fuzz: {target}: {} s, nothing found", options.seconds);
        } else {
            println!(
                "fuzz: {target}: FOUND something; the input is {}*. Again with it: {} FILE",
                artifacts.display(),
                programs.join(target).display()
            );
            sound = false;
        }
    }
    Ok(sound)
}

/// Answers the folder with one program per target.
fn build(ws: &Workspace) -> Result<PathBuf> {
    let host = tools::host().context("rustc -vV names no host")?;
    let target = ws.target.join("fuzz");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--release", "--locked", "--manifest-path"])
        .arg(ws.root.join("fuzz/Cargo.toml"))
        // With a target named, the flags are for the targets alone and not for build scripts.
        .args(["--target", &host, "--target-dir"])
        .arg(&target)
        .env(
            "RUSTFLAGS",
            format!("{} --cfg fuzzing", COVERAGE_FLAGS.join(" ")),
        );
    show(&mut cargo)?;
    Ok(Path::new(&target).join(host).join("release"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_targets_and_seconds() {
        let parse = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|&word| word.to_owned()).collect();
            Options::parse(&words)
        };
        assert_eq!(parse(&[]).unwrap().targets, TARGETS);
        let options = parse(&["read_segment", "600"]).unwrap();
        assert_eq!(
            (&options.targets[..], options.seconds),
            (&["read_segment"][..], 600)
        );
        assert!(parse(&["nothing"]).is_err());
        assert!(parse(&["0"]).is_err());
    }

    /// Every target has a corpus, and nothing lies in `fuzz/` that is not run.
    #[test]
    fn targets_files_and_corpora_are_the_same() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let names = |folder: &str| {
            let entries = fs::read_dir(fuzz.join(folder)).unwrap();
            let mut names: Vec<String> = entries
                .map(|entry| {
                    entry
                        .unwrap()
                        .path()
                        .file_stem()
                        .unwrap()
                        .to_string_lossy()
                        .into_owned()
                })
                .collect();
            names.sort();
            names
        };
        let mut expected = TARGETS.map(str::to_owned);
        expected.sort();
        assert_eq!(names("fuzz_targets"), expected);
        assert_eq!(names("corpus"), expected);
    }
}

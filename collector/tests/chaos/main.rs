//! The fault run: the real collector, a real ClickHouse, and everything that can happen to them, decided by a seed. Whatever happens,
//! each acknowledged measurement is in ClickHouse once with its last value, operations count once, rollups equal a recount, and
//! every beacon has one outcome.
//!
//! `cargo test` runs the short form as one test; `cargo xtask chaos` gives it arguments. A failure prints the seed, which reproduces
//! the sequence of faults (the moments at which they hit are the machine's), and where the files are.
//!
//! Not here: power loss. The kernel outlives everything that is killed here, so what was written and not synced survives.

mod damage;
mod database;
mod dice;
mod disk;
mod fault;
#[path = "../it/ports.rs"]
mod ports;
mod proxy;
mod report;
mod run;
mod sender;
mod subject;
mod verdict;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};

use crate::run::{Form, Run};

const NAME: &str = "chaos";
/// What settling, judging and starting take at the end of the short form.
const RESERVE: Duration = Duration::from_secs(12);

struct Arguments {
    seconds: u64,
    long: bool,
    seed: u64,
    /// Only faults whose name contains this: for looking at one of them.
    only: String,
    /// `cargo test FILTER`: whether we are meant.
    is_meant: bool,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> anyhow::Result<Arguments> {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        let mut arguments = Arguments {
            seconds: 60,
            long: false,
            seed: nanos as u64 % 1_000_000_000,
            only: String::new(),
            is_meant: true,
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--seconds" => arguments.seconds = number(&word, words.next())?,
                "--seed" => arguments.seed = number(&word, words.next())?,
                "--long" => arguments.long = true,
                "--only" => arguments.only = words.next().context("--only needs a name")?,
                // What people give to all test programs at once.
                "--nocapture" | "--no-capture" | "--quiet" | "-q" | "--include-ignored" => {}
                "--list" => arguments.is_meant = false,
                _ if word.starts_with("--test-threads") || word.starts_with("--color") => {}
                _ if word.starts_with('-') => bail!("{NAME} does not know {word}"),
                filter => arguments.is_meant = NAME.contains(filter),
            }
        }
        Ok(arguments)
    }
}

fn number(word: &str, text: Option<String>) -> anyhow::Result<u64> {
    let text = text.with_context(|| format!("{word} needs a number"))?;
    text.parse().with_context(|| format!("{word} {text}"))
}

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    };
    if !arguments.is_meant {
        println!("\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out\n");
        return ExitCode::SUCCESS;
    }
    let began = Instant::now();
    println!("\nrunning 1 test");
    let passed = chaos(&arguments);
    let (word, result, passed_count, failed_count) = match passed {
        true => ("ok", "ok", 1, 0),
        false => ("FAILED", "FAILED", 0, 1),
    };
    println!("test {NAME} ... {word}\n");
    println!(
        "test result: {result}. {passed_count} passed; {failed_count} failed; 0 ignored; 0 measured; 0 filtered out; finished in {:.2}s\n",
        began.elapsed().as_secs_f64()
    );
    match passed {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn chaos(arguments: &Arguments) -> bool {
    // Before there is any thread.
    let has_disks = disk::enter_own_namespace();
    let form = Form {
        seed: arguments.seed,
        is_long: arguments.long,
        only: arguments.only.clone(),
        faults_for: Duration::from_secs(arguments.seconds).saturating_sub(RESERVE),
        verdict_every: Duration::from_secs(if arguments.long { 90 } else { 25 }),
        fewest_faults: if arguments.long { 200 } else { 0 },
        first_outage_ms: if arguments.long { 120_000 } else { 4_000 },
        longest_outage_ms: if arguments.long { 20_000 } else { 4_000 },
        has_disks,
    };
    let profile = match cfg!(debug_assertions) {
        true => "dev profile",
        false => "release profile",
    };
    println!(
        "seed {}, {profile}, faults for {} s",
        form.seed,
        form.faults_for.as_secs()
    );
    if !has_disks {
        println!(
            "no disks can be mounted here (neither root nor user namespaces): full disks are left out"
        );
    }
    let folder = folder();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            println!("{error}");
            return false;
        }
    };
    let outcome = runtime.block_on(whole(&form, &folder));
    if outcome {
        let _ = std::fs::remove_dir_all(&folder); // cargo clean takes what stays
    }
    outcome
}

async fn whole(form: &Form, folder: &Path) -> bool {
    let mut run = match Run::start(form.clone(), folder).await {
        Ok(run) => run,
        Err(error) => {
            println!("the run cannot start: {error:#}");
            return false;
        }
    };
    let outcome = run.go().await;
    println!("{}", run.table());
    let Err(error) = outcome else { return true };
    println!("The faults until then:");
    for line in &run.log {
        println!("{line}");
    }
    run.keep_files();
    // Last, because whoever keeps only the end of a long output needs this.
    println!(
        "\nFAILED: {error:#}\nfiles: {}\nagain: cargo xtask chaos{} --seed {}",
        folder.display(),
        if form.is_long { " --long" } else { "" },
        form.seed
    );
    false
}

/// A folder that nobody else has; those of runs that are over are removed.
fn folder() -> PathBuf {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for old in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = old.file_name();
        let owner = name
            .to_string_lossy()
            .strip_prefix("chaos-")
            .map(String::from);
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = std::fs::remove_dir_all(old.path());
        }
    }
    parent.join(format!("chaos-{}", std::process::id()))
}

//! Subcommands: each parses its arguments, calls one part of the library and prints.

pub mod backtest;
pub mod baseline;
pub mod clickhouse;
pub mod deploy;
pub mod detect;
pub mod doctor;
pub mod findings;
pub mod import;
pub mod loadgen;
pub mod migrate;
pub mod open;
pub mod print;
pub mod serve;
pub mod spool;
pub mod verdict;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::allocator;
use crate::config::{self, Config};
use crate::embedded::child;

/// Real user monitoring: beacons in, ClickHouse, baselines, findings and a dashboard out.
#[derive(Parser)]
#[command(name = "vitalscope", version, max_term_width = 100)]
struct Arguments {
    /// Configuration file; without it `vitalscope.toml` in the working directory, if there is one.
    #[arg(long, global = true, env = "VITALSCOPE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Args),
    Clickhouse(clickhouse::Args),
    Migrate(migrate::Args),
    Import(import::Args),
    Detect(detect::Args),
    Backtest(backtest::Args),
    Baseline(baseline::Args),
    Findings(findings::Args),
    Spool(spool::Args),
    Deploy(deploy::Args),
    Loadgen(Box<loadgen::Args>),
    Doctor(doctor::Args),
}

/// Parses the command line and runs it.
pub fn main() -> ExitCode {
    // The engine's child process is this binary too; no thread or runtime may exist before it.
    let words: Vec<String> = std::env::args().collect();
    if words.get(1).is_some_and(|word| word == child::SUBCOMMAND) {
        child::main(&words[2..]);
    }
    allocator::give_back_soon();
    let arguments = Arguments::parse();
    match start_log().and_then(|()| dispatch(arguments)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("vitalscope: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let config = config::load(arguments.config.as_deref(), std::env::vars())?;
    tokio::runtime::Runtime::new()?.block_on(run(arguments.command, config))
}

async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(args, config).await,
        Command::Clickhouse(args) => clickhouse::run(args, config).await,
        Command::Migrate(args) => migrate::run(args, config).await,
        Command::Import(args) => import::run(args, config).await,
        Command::Detect(args) => detect::run(args, config).await,
        Command::Backtest(args) => backtest::run(args, config).await,
        Command::Baseline(args) => baseline::run(args, config).await,
        Command::Findings(args) => findings::run(args, config).await,
        Command::Spool(args) => spool::run(args, config).await,
        Command::Deploy(args) => deploy::run(args, config).await,
        Command::Loadgen(args) => loadgen::run(*args, config).await,
        Command::Doctor(args) => doctor::run(args, config).await,
    }
}

/// Logs go to stderr, so that what a command prints can be piped. `VITALSCOPE_LOG` takes the usual filters (`debug`,
/// `collector::store=trace`), `VITALSCOPE_LOG_FORMAT` is `text`, or `json` for one object a line. Both are variables and no keys,
/// because the log speaks before the configuration is read, of what is wrong with it.
fn start_log() -> anyhow::Result<()> {
    let filter =
        EnvFilter::try_from_env("VITALSCOPE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    match std::env::var("VITALSCOPE_LOG_FORMAT").as_deref() {
        Err(_) | Ok("" | "text") => log.with_ansi(std::io::stderr().is_terminal()).init(),
        Ok("json") => log.json().flatten_event(true).init(),
        Ok(other) => bail!("VITALSCOPE_LOG_FORMAT is text or json, not {other:?}"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_is_well_formed_and_shows_an_example() {
        let mut command = Arguments::command();
        command.clone().debug_assert();
        for subcommand in command.get_subcommands_mut() {
            let help = subcommand.render_long_help().to_string();
            assert!(help.contains("vitalscope "), "{}", subcommand.get_name());
        }
    }
}

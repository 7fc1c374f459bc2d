//! `vitalscope backtest`: the detector replayed.

use std::process::ExitCode;

use crate::config::Config;

/// Replay the detector over a history and count its false alarms.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  vitalscope backtest history.ndjson --from 2026-11-01T00:00:00Z --to 2026-11-15T00:00:00Z"
)]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// This version does not know it yet.
pub async fn run(_args: Args, _config: Config) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`vitalscope backtest` is not there yet")
}

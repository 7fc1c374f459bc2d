//! `vitalscope serve`: the collector.

use std::process::ExitCode;

use crate::config::Config;

/// Run the collector: take beacons, store them, detect, show.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  vitalscope serve")]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// This version does not know it yet.
pub async fn run(_args: Args, _config: Config) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`vitalscope serve` is not there yet")
}

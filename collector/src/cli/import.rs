//! `vitalscope import`: histories and measurements from files.

use std::process::ExitCode;

use crate::config::Config;

/// Load a history (NDJSON series-hours or measurements).
#[derive(clap::Args)]
#[command(after_help = "Example:\n  vitalscope import history.ndjson")]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// This version does not know it yet.
pub async fn run(_args: Args, _config: Config) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`vitalscope import` is not there yet")
}

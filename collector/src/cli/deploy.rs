//! `vitalscope deploy`: marks a release.

use std::process::ExitCode;

use crate::config::Config;

/// Mark the moment a release went live.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  vitalscope deploy 1.4.2 --app shop")]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// This version does not know it yet.
pub async fn run(_args: Args, _config: Config) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`vitalscope deploy` is not there yet")
}

//! `vitalscope findings`: what the detector found.

use std::process::ExitCode;

use crate::config::Config;

/// List findings.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  vitalscope findings --json")]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// This version does not know it yet.
pub async fn run(_args: Args, _config: Config) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`vitalscope findings` is not there yet")
}

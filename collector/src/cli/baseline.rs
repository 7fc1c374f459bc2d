//! `vitalscope baseline`: what is normal.

use std::process::ExitCode;

use crate::config::Config;

/// List what is normal for each route.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  vitalscope baseline list")]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// This version does not know it yet.
pub async fn run(_args: Args, _config: Config) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`vitalscope baseline` is not there yet")
}

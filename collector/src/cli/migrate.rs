//! `vitalscope migrate`: brings the schema up to date.

use std::process::ExitCode;

use crate::config::Config;

/// Create or update the schema.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  vitalscope migrate")]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// This version does not know it yet.
pub async fn run(_args: Args, _config: Config) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`vitalscope migrate` is not there yet")
}

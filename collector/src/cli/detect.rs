//! `vitalscope detect`: one evaluation.

use std::process::ExitCode;

use crate::config::Config;

/// Judge the history once and print the findings.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  vitalscope detect --at 2026-11-21T13:00:00Z")]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// This version does not know it yet.
pub async fn run(_args: Args, _config: Config) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`vitalscope detect` is not there yet")
}

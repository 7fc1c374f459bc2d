//! `vitalscope clickhouse`: the embedded server alone.

use std::process::ExitCode;

use crate::config::Config;

/// Run the embedded ClickHouse server until Ctrl-C, for `curl` and clients.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  vitalscope clickhouse")]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// This version does not know it yet.
pub async fn run(_args: Args, _config: Config) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`vitalscope clickhouse` is not there yet")
}

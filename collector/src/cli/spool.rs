//! `vitalscope spool`: looks at the spool and repairs it offline.

use std::process::ExitCode;

use crate::config::Config;

/// Look at the spool of a stopped collector, or repair it.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  vitalscope spool inspect")]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// This version does not know it yet.
pub async fn run(_args: Args, _config: Config) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`vitalscope spool` is not there yet")
}

//! `vitalscope migrate`: the schema of this version.

use std::process::ExitCode;

use super::{open, print};
use crate::config::Config;

/// Create or update the schema, and set the retention.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  vitalscope migrate")]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// As [`open::store`].
pub async fn run(_args: Args, config: Config) -> anyhow::Result<ExitCode> {
    let opened = open::store(&config).await?;
    let database = &config.clickhouse.database;
    print::line(format_args!(
        "{database} on {} is up to date",
        opened.connection.address.url
    ))?;
    opened.close().await;
    Ok(ExitCode::SUCCESS)
}

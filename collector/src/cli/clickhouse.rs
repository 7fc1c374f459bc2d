//! `vitalscope clickhouse`: the embedded server alone.

use std::process::ExitCode;

use super::{open, print};
use crate::config::Config;

/// Run the embedded ClickHouse server until Ctrl-C, for `curl` and clients.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  vitalscope clickhouse\n  curl 'http://127.0.0.1:8123/?query=SELECT+vital,count()+FROM+vitalscope.measurements+GROUP+BY+vital'"
)]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// The engine is missing or does not start, or the configuration names another server.
pub async fn run(_args: Args, config: Config) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        config.clickhouse.url == "embedded",
        "the configuration names a ClickHouse server of its own: {}",
        config.clickhouse.url
    );
    let opened = open::store(&config).await?;
    print::line(format_args!("clickhouse {}", opened.connection.address.url))?;
    anyhow::ensure!(
        opened.connection.server.is_some(),
        "another vitalscope process already runs it"
    );
    ended().await?;
    opened.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Ctrl-C or a polite kill.
async fn ended() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        outcome = tokio::signal::ctrl_c() => outcome,
        _ = terminate.recv() => Ok(()),
    }
}

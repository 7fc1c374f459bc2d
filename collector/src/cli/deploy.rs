//! `vitalscope deploy`: the moment a release went live.

use std::process::ExitCode;

use super::{open, print};
use crate::config::Config;
use crate::store::decisions::{self, Deploy};

/// Mark the moment a release went live.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  vitalscope deploy 1.4.2 --app shop")]
pub struct Args {
    release: String,
    #[arg(long)]
    app: String,
    #[arg(long, default_value = "")]
    environment: String,
    /// RFC 3339; now when absent.
    #[arg(long, value_name = "TIME")]
    at: Option<jiff::Timestamp>,
}

/// Runs the command.
///
/// # Errors
/// ClickHouse cannot be reached or refuses the row.
pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    let at = args.at.unwrap_or_else(jiff::Timestamp::now);
    let opened = open::store(&config).await?;
    let deploy = Deploy {
        app: args.app,
        environment: args.environment,
        release: args.release,
        at_ms: at.as_millisecond(),
        source: "cli".into(),
    };
    let outcome = decisions::deploy(&opened.store, &deploy).await;
    opened.close().await;
    outcome?;
    print::line(format_args!("{} {} at {at}", deploy.app, deploy.release))?;
    Ok(ExitCode::SUCCESS)
}

//! `vitalscope findings`: what is known, newest first.

use std::process::ExitCode;

use super::{open, print};
use crate::config::Config;
use crate::store::queries::{self, FindingFilter};

/// Nobody reads more; `--app` narrows it.
const MAX_LISTED: u32 = 1000;

/// List findings.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  vitalscope findings --json")]
pub struct Args {
    /// Only this app.
    #[arg(long, default_value = "")]
    app: String,
    /// One finding per line as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// ClickHouse cannot be reached or refuses the query.
pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    let opened = open::store(&config).await?;
    let filter = FindingFilter {
        app: args.app,
        // Whenever it was opened: a finding of the running hour has a time that has just passed.
        to_ms: crate::clock::now_ms() as i64 + 1,
        limit: MAX_LISTED,
        ..FindingFilter::default()
    };
    let outcome = queries::findings(&opened.store, &filter).await;
    opened.close().await;
    let findings = outcome?;
    if args.json {
        for finding in &findings {
            print::json_line(finding)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<[String; 9]> = findings
        .iter()
        .map(|finding| {
            [
                finding.severity.clone(),
                finding.state.clone(),
                finding.app.clone(),
                finding.route.clone(),
                finding.vital.clone(),
                format!("{:+.0} %", (finding.change_ratio - 1.0) * 100.0),
                format!("{:.4} -> {:.4}", finding.baseline_p75, finding.current_p75),
                finding.release.clone(),
                finding.id.clone(),
            ]
        })
        .collect();
    let head = [
        "SEVERITY", "STATE", "APP", "ROUTE", "VITAL", "CHANGE", "P75", "RELEASE", "ID",
    ];
    print::table(head, &rows)?;
    Ok(ExitCode::SUCCESS)
}

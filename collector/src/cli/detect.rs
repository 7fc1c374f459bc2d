//! `vitalscope detect`: one evaluation now, kept and printed.

use std::process::ExitCode;

use serde::Serialize;

use super::verdict::{FindingLine, Summary};
use super::{open, print};
use crate::config::Config;
use crate::history::hour_of;
use crate::store::drifts::{self, DriftRow};
use crate::watch;

/// Judge the history once, store the findings and print them as JSON.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  vitalscope detect --at 2026-11-21T13:00:00Z")]
pub struct Args {
    /// Judge as of this moment (RFC 3339): only hours that had closed by then count. Now when absent.
    #[arg(long, value_name = "TIME")]
    at: Option<jiff::Timestamp>,
    /// Begin the replay at the midnight (UTC) before this moment instead of 14 days ago.
    #[arg(long, value_name = "TIME")]
    since: Option<jiff::Timestamp>,
}

#[derive(Serialize)]
struct Answer<'a> {
    findings: Vec<FindingLine<'a>>,
    /// Slow drifts: listed once a day, not alarmed.
    drifts: Vec<DriftRow>,
    summary: Summary,
}

/// Runs the command.
///
/// # Errors
/// ClickHouse cannot be reached or refuses a query.
pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    let at = args.at.unwrap_or_else(jiff::Timestamp::now);
    let opened = open::store(&config).await?;
    let outcome = watch::evaluate(
        &opened.store,
        config.detection.baseline.into(),
        args.since.map(hour_of),
        at,
    )
    .await;
    let drifts = match &outcome {
        Ok(evaluation) => drifts::listed(&opened.store, evaluation.hours.end).await,
        Err(_) => Ok(Vec::new()),
    };
    opened.close().await;
    let (evaluation, drifts) = (outcome?, drifts?);
    print::json(&Answer {
        findings: evaluation
            .replay
            .findings
            .iter()
            .map(FindingLine::of)
            .collect(),
        drifts,
        summary: Summary::of(&evaluation.replay, evaluation.series, &evaluation.hours),
    })?;
    Ok(ExitCode::SUCCESS)
}

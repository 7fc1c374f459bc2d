//! `vitalscope baseline`: what is normal for each series, and a person's word on it.

use std::process::ExitCode;

use clap::Subcommand;

use super::{open, print};
use crate::config::Config;
use crate::store::decisions::{self, Verdict};
use crate::store::queries;

/// List what is normal for each route, approve or reject it.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  vitalscope baseline list --app shop")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// All baselines.
    List {
        /// Only this app.
        #[arg(long, default_value = "")]
        app: String,
        /// One baseline per line as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Judge by this baseline.
    Approve(Decision),
    /// Do not judge by this baseline.
    Reject(Decision),
}

#[derive(clap::Args)]
struct Decision {
    id: String,
    /// Why, for those who read it later.
    #[arg(long, default_value = "")]
    note: String,
}

/// Runs the command.
///
/// # Errors
/// ClickHouse cannot be reached or refuses the query, or there is no such baseline.
pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    let opened = open::store(&config).await?;
    let outcome = match args.action {
        Action::List { app, json } => list(&opened.store, &app, json).await,
        Action::Approve(decision) => decide(&opened.store, &decision, Verdict::Approved).await,
        Action::Reject(decision) => decide(&opened.store, &decision, Verdict::Rejected).await,
    };
    opened.close().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn decide(
    store: &crate::store::Store,
    decision: &Decision,
    verdict: Verdict,
) -> anyhow::Result<()> {
    let known = queries::baseline(store, &decision.id).await?;
    anyhow::ensure!(known.is_some(), "there is no baseline {}", decision.id);
    decisions::judge_baseline(store, &decision.id, verdict, &decision.note).await
}

async fn list(store: &crate::store::Store, app: &str, json: bool) -> anyhow::Result<()> {
    let baselines = queries::baselines(store, app, "", "").await?;
    if json {
        for baseline in &baselines {
            print::json_line(baseline)?;
        }
        return Ok(());
    }
    let rows: Vec<[String; 7]> = baselines
        .into_iter()
        .map(|baseline| {
            [
                baseline.state,
                baseline.app,
                baseline.route,
                baseline.vital,
                format!("{:.4}", baseline.p75),
                baseline.n.to_string(),
                baseline.id,
            ]
        })
        .collect();
    print::table(["STATE", "APP", "ROUTE", "VITAL", "P75", "N", "ID"], &rows)?;
    Ok(())
}

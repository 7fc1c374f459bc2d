//! `vitalscope baseline`: what is normal for each series, and a person's word on it.

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use detect::Ruling;

use super::{open, print};
use crate::config::Config;
use crate::store::{decisions, queries};

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
    /// These hours are normal: judge by them under `manual_approval`, and fall back to them when another is rejected.
    Approve(Decision),
    /// These hours are not normal: from the next evaluation on judge by the one approved before, or learn anew.
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
        Action::Approve(decision) => decide(&opened.store, &decision, Ruling::Approved).await,
        Action::Reject(decision) => decide(&opened.store, &decision, Ruling::Rejected).await,
    };
    opened.close().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn decide(
    store: &crate::store::Store,
    decision: &Decision,
    ruling: Ruling,
) -> anyhow::Result<()> {
    let known = queries::baseline(store, &decision.id).await?;
    let known = known.with_context(|| format!("there is no baseline {}", decision.id))?;
    anyhow::ensure!(
        !known.is_learning(),
        "there is too little history to approve or reject"
    );
    decisions::judge_baseline(store, &decision.id, ruling, &decision.note).await
}

async fn list(store: &crate::store::Store, app: &str, json: bool) -> anyhow::Result<()> {
    let baselines = queries::baselines(store, app, "", "").await?;
    if json {
        for baseline in &baselines {
            print::json_line(baseline)?;
        }
        return Ok(());
    }
    let rows: Vec<[String; 8]> = baselines
        .into_iter()
        .map(|baseline| {
            [
                // In the words of the view; a candidate is judged by only when it has been approved.
                baseline.state,
                if baseline.candidate { "candidate" } else { "" }.into(),
                baseline.app,
                baseline.route,
                baseline.vital,
                format!("{:.4}", baseline.p75),
                baseline.n.to_string(),
                baseline.id,
            ]
        })
        .collect();
    print::table(
        ["STATE", "ROLE", "APP", "ROUTE", "VITAL", "P75", "N", "ID"],
        &rows,
    )?;
    Ok(())
}

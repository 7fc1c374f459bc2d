//! `vitalscope findings`: what is known, newest first.

use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;

use super::{open, print};
use crate::config::Config;
use crate::explain::{Explanation, Subject, explain, plain};
use crate::store::Store;
use crate::store::queries::{self, FindingFilter, FindingRow};

/// Nobody reads more; `--app` narrows it.
const MAX_LISTED: u32 = 1000;

/// List findings, or explain one.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  vitalscope findings --json\n  vitalscope findings 1f0c…")]
pub struct Args {
    /// Explain this one: what is to blame, who carries the change, what moved with it.
    #[arg(value_name = "ID", conflicts_with = "app")]
    id: Option<String>,
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
        id: args.id.clone().unwrap_or_default(),
        app: args.app,
        // Whenever it was opened: a finding of the running hour has a time that has just passed.
        to_ms: crate::clock::now_ms() as i64 + 1,
        limit: MAX_LISTED,
        ..FindingFilter::default()
    };
    let outcome = match &args.id {
        Some(id) => one(&opened.store, id, &filter, args.json).await,
        None => list(&opened.store, &filter, args.json).await,
    };
    opened.close().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// One finding and its explanation: named like the API's.
#[derive(Serialize)]
struct Explained {
    finding: FindingRow,
    explanation: Explanation,
}

async fn one(store: &Store, id: &str, filter: &FindingFilter, json: bool) -> anyhow::Result<()> {
    let finding = queries::findings(store, filter).await?.pop();
    let finding = finding.with_context(|| format!("there is no finding {id}"))?;
    let until_ms = finding.until_ms(filter.to_ms);
    let explanation = match Subject::of_row(&finding) {
        Some(subject) => explain(store, &subject, until_ms).await?,
        None => Explanation::default(),
    };
    if json {
        print::json_line(&Explained {
            finding,
            explanation,
        })?;
        return Ok(());
    }
    for text in explained(&finding, &explanation) {
        print::line(text)?;
    }
    Ok(())
}

fn explained(finding: &FindingRow, known: &Explanation) -> Vec<String> {
    let mut lines = vec![finding.recommendation.clone()];
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
    for one in &known.blamed {
        lines.push(format!(
            "{} {}: {} -> {} ({:.0} % of the change)",
            one.fact,
            plain(&one.name),
            number(one.before),
            number(one.after),
            one.change_share * 100.0
        ));
    }
    for dimension in &known.dimensions {
        for value in &dimension.values {
            lines.push(format!(
                "{} {}: p75 {} -> {} ({:.0} % of the change, {:.0} % of the page views)",
                dimension.dimension,
                plain(&value.name),
                number(value.p75_before),
                number(value.p75_after),
                value.change_share * 100.0,
                value.share_after * 100.0
            ));
        }
    }
    for one in &known.moved {
        lines.push(format!(
            "{} {} moved too: p75 {:.3} -> {:.3}",
            one.kind,
            plain(&one.vital),
            one.p75_before,
            one.p75_after
        ));
    }
    lines
}

async fn list(store: &Store, filter: &FindingFilter, json: bool) -> anyhow::Result<()> {
    let findings = queries::findings(store, filter).await?;
    if json {
        for finding in &findings {
            print::json_line(finding)?;
        }
        return Ok(());
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
    Ok(())
}

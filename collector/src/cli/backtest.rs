//! `vitalscope backtest`: what the detector would have said, hour by hour. Nothing is stored.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::ops::Range;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use detect::drifting::hit_rate;
use detect::series::Hour;
use detect::{History, Policy};

use super::verdict::{FindingLine, Summary};
use super::{open, print};
use crate::config::Config;
use crate::history::{self, Histories, Line, hour_of};
use crate::store::histories;

/// The detector's own step; every decision is made when an hour has closed.
const STEP: &str = "1h";

/// Replay the detector over a history, count its false alarms and hold its forecasts against what came.
///
/// Prints one finding per line as JSON, then a summary line. With a file no ClickHouse is needed.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  vitalscope backtest history.ndjson --from 2026-11-01T00:00:00Z --to 2026-11-15T00:00:00Z"
)]
pub struct Args {
    /// Series-hours (NDJSON), or `-` for standard input.
    #[arg(
        value_name = "FILE",
        required_unless_present = "app",
        conflicts_with = "app"
    )]
    file: Option<String>,
    /// The history of this app in ClickHouse.
    #[arg(long)]
    app: Option<String>,
    /// The first hour that is judged (RFC 3339); what lies before it is the past that it is judged against.
    #[arg(long, value_name = "TIME")]
    from: jiff::Timestamp,
    /// The end; the hour of this moment is not judged any more.
    #[arg(long, value_name = "TIME")]
    to: jiff::Timestamp,
    /// Time between two evaluations. Only `1h` is known: every closed hour is judged once.
    #[arg(long, default_value = STEP)]
    step: String,
}

/// Runs the command.
///
/// # Errors
/// The file or ClickHouse cannot be read, or a line is no series-hour.
pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    ensure!(
        args.step == STEP,
        "--step {}: only {STEP} is known",
        args.step
    );
    let hours = hour_of(args.from)..hour_of(args.to);
    ensure!(hours.start < hours.end, "--from must be before --to");
    let policy = Policy::default();
    // What the detector looks at, whatever else is there: a file and ClickHouse then give the same findings.
    let wanted = hours.start - policy.lead_hours()..hours.end;
    let histories = match (&args.file, &args.app) {
        (Some(file), _) => from_file(file, &wanted)?,
        (None, Some(app)) => from_store(&config, wanted, app).await?,
        (None, None) => bail!("a file or --app is needed"),
    };
    let series = histories.len();
    let replayed = hours.clone();
    let (replay, hits) = tokio::task::spawn_blocking(move || {
        let replay = detect::replay(&histories, &policy, replayed.start, replayed.end);
        (replay, hit_rate(&histories, &policy, replayed))
    })
    .await?;
    for finding in &replay.findings {
        print::json_line(&FindingLine::of(finding))?;
    }
    print::json_line(&Summary {
        forecasts: Some(hits.into()),
        ..Summary::of(&replay, series, &hours)
    })?;
    Ok(ExitCode::SUCCESS)
}

fn from_file(file: &str, wanted: &Range<Hour>) -> anyhow::Result<Vec<History>> {
    let input: Box<dyn BufRead> = match file {
        "-" => Box::new(stdin().lock()),
        file => Box::new(BufReader::new(
            File::open(file).with_context(|| file.to_owned())?,
        )),
    };
    let mut hours = Vec::new();
    for (number, line) in (1u64..).zip(input.split(b'\n')) {
        let line = line?;
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        match history::parse(text) {
            Ok(Line::Hour(hour)) if wanted.contains(&hour.hour) => hours.push(hour),
            Ok(Line::Hour(_)) => {}
            Ok(Line::View(_)) => bail!(
                "line {number}: a backtest reads series-hours; import page views and use --app"
            ),
            Err(reason) => bail!("line {number}: {reason}"),
        }
    }
    Ok(Histories::of_lines(hours).into_sorted())
}

async fn from_store(
    config: &Config,
    hours: Range<Hour>,
    app: &str,
) -> anyhow::Result<Vec<History>> {
    let opened = open::store(config).await?;
    let outcome = histories::read(&opened.store, hours, app).await;
    opened.close().await;
    Ok(outcome?.into_sorted())
}

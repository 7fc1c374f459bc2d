//! `vitalscope import`: histories into ClickHouse.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;

use super::open::{self, Opened};
use super::print;
use crate::config::Config;
use crate::history::{self, Line};
use crate::store::import::Import;
use crate::store::rollup;

/// Refused lines that are shown one by one; the count is always exact.
const MAX_SHOWN: u64 = 20;

/// Load a history (NDJSON series-hours or page views).
///
/// A line with `hour` is a series-hour, a line with `v` a page view (a beacon plus `app`, `browser`, `os`, `country`). Importing a
/// file again changes nothing.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  vitalscope import history.ndjson\n  zcat history.ndjson.gz | vitalscope import -"
)]
pub struct Args {
    /// The file, or `-` for standard input.
    #[arg(value_name = "FILE")]
    file: String,
    /// Print the counts as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Default, Serialize)]
struct Counts {
    series_hours: u64,
    page_views: u64,
    refused: u64,
}

/// Runs the command. Exit code 1 when a line was refused.
///
/// # Errors
/// The file cannot be read, or ClickHouse cannot be reached or refuses a block.
pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    let input: Box<dyn BufRead> = match args.file.as_str() {
        "-" => Box::new(stdin().lock()),
        file => Box::new(BufReader::new(
            File::open(file).with_context(|| file.to_owned())?,
        )),
    };
    let opened = open::store(&config).await?;
    let outcome = load(input, &opened).await;
    opened.close().await;
    let counts = outcome?;
    if args.json {
        print::json(&counts)?;
    } else {
        print::line(format_args!(
            "{} series-hours and {} page views imported, {} lines refused",
            counts.series_hours, counts.page_views, counts.refused
        ))?;
    }
    Ok(if counts.refused == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn load(mut input: Box<dyn BufRead>, opened: &Opened) -> anyhow::Result<Counts> {
    let now_ms = jiff::Timestamp::now().as_millisecond().max(0) as u64;
    let mut import = Import::new(opened.store.clone(), now_ms);
    let mut counts = Counts::default();
    let mut line = Vec::new();
    for number in 1u64.. {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        match history::parse(text) {
            Ok(parsed) => {
                match parsed {
                    Line::Hour(_) => counts.series_hours += 1,
                    Line::View(_) => counts.page_views += 1,
                }
                import.push(&parsed).await?;
            }
            Err(reason) => {
                counts.refused += 1;
                if counts.refused <= MAX_SHOWN {
                    eprintln!("line {number}: {reason}");
                }
            }
        }
    }
    import.flush().await?;
    // A running collector would do this too; without one, nobody else does.
    if counts.page_views > 0 {
        rollup::run_once(&opened.store).await?;
    }
    Ok(counts)
}

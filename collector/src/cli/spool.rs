//! `vitalscope spool`: looks at the spool and repairs it offline.

use std::process::ExitCode;

use clap::Subcommand;

use super::print;
use crate::config::Config;
use crate::spool::inspect::{self, Inspection};

/// Look at the spool of a stopped collector, or repair it.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  vitalscope spool inspect\n  vitalscope spool repair --dry-run"
)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show segments, records, damage and the last acknowledgement; changes nothing. Exit code 1 when something is damaged.
    #[command(after_help = "Example:\n  vitalscope spool inspect")]
    Inspect {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Do what `serve` does when it starts: cut a torn end, set damaged segments aside, keep their sound records.
    #[command(after_help = "Example:\n  vitalscope spool repair")]
    Repair {
        /// Only show what would be found, as `inspect` does.
        #[arg(long)]
        dry_run: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// There is no spool, a collector is using it, or it cannot be read.
pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    let dir = config.data_dir.join("spool");
    match args.action {
        Action::Inspect { json }
        | Action::Repair {
            dry_run: true,
            json,
        } => {
            let inspection = inspect::inspect(&dir)?;
            match json {
                true => print::json(&inspection)?,
                false => show(&inspection)?,
            }
            let damaged = inspection
                .segments
                .iter()
                .any(|segment| segment.damaged_bytes > 0);
            Ok(ExitCode::from(u8::from(damaged)))
        }
        Action::Repair {
            dry_run: false,
            json,
        } => {
            let report = inspect::repair(&dir)?;
            if json {
                print::json(&report)?;
            } else {
                print::line(format_args!(
                    "{} records in {} segments; {} torn bytes cut, {} segments quarantined, {} records lost",
                    report.record_count,
                    report.segment_count,
                    report.torn_bytes,
                    report.quarantined_segments.len(),
                    report.lost_records
                ))?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn show(inspection: &Inspection) -> std::io::Result<()> {
    match inspection.acked {
        Some(acked) => print::line(format_args!(
            "acknowledged up to record {acked}, {} of them lost to damage, {} with the dead letters",
            inspection.lost, inspection.set_aside
        ))?,
        None => print::line("nothing acknowledged yet")?,
    }
    if let Some(last) = inspection.sealed_until {
        print::line(format_args!("sealed up to record {last}: about to be sent"))?;
    }
    let number = |number: Option<u64>| number.map_or("-".into(), |number| number.to_string());
    let rows: Vec<_> = inspection
        .segments
        .iter()
        .map(|segment| {
            [
                segment.number.to_string(),
                segment.verdict.name().to_owned(),
                segment.file_bytes.to_string(),
                segment.record_count.to_string(),
                number(segment.first_record),
                number(segment.last_record),
                segment.damaged_bytes.to_string(),
                segment.torn_bytes.to_string(),
            ]
        })
        .collect();
    let head = [
        "segment", "verdict", "bytes", "records", "first", "last", "damaged", "torn",
    ];
    print::table(head, &rows)
}

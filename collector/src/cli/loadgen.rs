//! `vitalscope loadgen`: load on a collector, and a check from outside that what it acknowledged is stored.

use std::process::ExitCode;
use std::time::Duration;

use clap::value_parser;

use super::print;
use crate::config::Config;
use crate::loadgen::{self, Plan, Quantiles, Summary};
use crate::store::Access;
use wire::limits::MAX_NDJSON_LINES;

/// Send beacons to a collector at a fixed rate, and check that what it acknowledged is stored.
///
/// The load is open: a beacon's latency counts from when it was due, not from when a connection was free for it. With --metrics the
/// collector's own counters are reconciled during the run and after the spool has drained; with --clickhouse every acknowledged
/// measurement is looked up and its value compared. Exit code 0: every check that was asked for holds; 1: one does not.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  vitalscope loadgen http://127.0.0.1:8080 --rate 2000 --seconds 30\n  vitalscope loadgen http://127.0.0.1:8080 --max --metrics http://127.0.0.1:8081/metrics --clickhouse http://127.0.0.1:8123"
)]
pub struct Args {
    /// The collector, or its ingest address as `serve` prints it.
    #[arg(value_name = "URL")]
    url: String,
    /// Beacons a second.
    #[arg(long, default_value_t = 100, value_parser = value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// As fast as answers come, instead of a rate: finds the maximum throughput.
    #[arg(long, conflicts_with = "rate")]
    max: bool,
    #[arg(long, default_value_t = 30, value_parser = value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Connections, all kept alive.
    #[arg(long, default_value_t = 64, value_parser = value_parser!(u32).range(1..=1_000))]
    connections: u32,
    #[arg(long, default_value = "loadgen")]
    app: String,
    /// Decides what every page view sends.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Beacons a request; more than one go as NDJSON.
    #[arg(long, value_name = "LINES", default_value_t = 1, value_parser = value_parser!(u32).range(1..=MAX_NDJSON_LINES as i64))]
    ndjson: u32,
    /// `Origin` header, for apps that list theirs.
    #[arg(long)]
    origin: Option<String>,
    /// The collector's page of metrics: reconcile its counters. Nobody else may send during the run.
    #[arg(long, value_name = "URL")]
    metrics: Option<String>,
    /// Token of the private listener.
    #[arg(long, env = "VITALSCOPE_PRIVATE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// ClickHouse: compare what is stored with what was acknowledged. Needs --metrics, to know when the spool has drained.
    #[arg(long, value_name = "URL", requires = "metrics")]
    clickhouse: Option<String>,
    /// A user who may read; the embedded server lets anyone read.
    #[arg(long, value_name = "USER", default_value = "")]
    clickhouse_user: String,
    #[arg(long, value_name = "PASSWORD", default_value = "")]
    clickhouse_password: String,
    /// How long the spool may take to drain after the load.
    #[arg(long, default_value_t = 120, value_parser = value_parser!(u64).range(0..=3_600))]
    drain_seconds: u64,
    /// Allow a host other than this machine. Load on a host that is not yours is an attack.
    #[arg(long)]
    i_own_this_host: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// The collector cannot be reached, or is not on this machine.
pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    let clickhouse = args.clickhouse.map(|url| Access {
        url,
        database: config.clickhouse.database,
        user: args.clickhouse_user,
        password: args.clickhouse_password,
    });
    let plan = Plan {
        url: args.url,
        app: args.app,
        origin: args.origin,
        rate: (!args.max).then_some(args.rate),
        duration: Duration::from_secs(args.seconds),
        connections: args.connections,
        ndjson_lines: args.ndjson,
        seed: args.seed,
        elsewhere: args.i_own_this_host,
        metrics: args.metrics,
        token: args.token,
        drain_time: Duration::from_secs(args.drain_seconds),
    };
    let summary = loadgen::run(&plan, clickhouse).await?;
    match args.json {
        true => print::json(&summary)?,
        false => show(&summary)?,
    }
    Ok(ExitCode::from(u8::from(!summary.failures.is_empty())))
}

fn show(summary: &Summary) -> std::io::Result<()> {
    let wanted = match summary.wanted_beacons_per_s {
        Some(rate) => format!("{rate} wanted"),
        None => "as fast as answers come".into(),
    };
    let statuses = summary.statuses.iter().map(|(status, count)| match status {
        0 => format!("none: {count}"),
        _ => format!("{status}: {count}"),
    });
    let mut rows = vec![
        row(
            "beacons/s",
            format!("{:.0} ({wanted})", summary.beacons_per_s),
        ),
        row("acknowledged/s", format!("{:.0}", summary.acked_per_s)),
        row(
            "beacons",
            format!(
                "{} sent, {} acknowledged, {} refused, {} unanswered",
                summary.beacons,
                summary.acked_beacons,
                summary.refused_beacons,
                summary.unanswered_beacons
            ),
        ),
        row("answers", statuses.collect::<Vec<_>>().join(", ")),
        row(
            "bodies",
            format!(
                "{} B, {:.0} B a beacon",
                summary.body_bytes, summary.mean_beacon_bytes
            ),
        ),
        row("latency, ms", quantiles(&summary.latency_ms)),
        row("of it our timer, ms", quantiles(&summary.lateness_ms)),
    ];
    if summary.overdue_requests > 0 {
        let text = format!(
            "{} requests were due and no connection was free",
            summary.overdue_requests
        );
        rows.push(row("never sent", text));
    }
    rows.extend(checks(summary));
    print::table(["load", ""], &rows)
}

fn checks(summary: &Summary) -> Vec<[String; 2]> {
    let mut rows = Vec::new();
    if let Some(books) = &summary.books {
        let text = format!(
            "{} looks, {} unbalanced; spool drained {:.1} s after the load",
            books.looks, books.unbalanced, books.drain_seconds
        );
        rows.push(row("books", text));
    }
    if let Some(stored) = &summary.stored {
        let text = format!(
            "{} measurements, {} operations; {} missing, {} doubled, {} different, {} never sent",
            stored.measurements,
            stored.operations,
            stored.missing,
            stored.doubled,
            stored.different,
            stored.unexpected
        );
        rows.push(row("ClickHouse", text));
    }
    for failure in &summary.failures {
        rows.push(row("FAILED", failure.clone()));
    }
    if !rows.is_empty() && summary.failures.is_empty() {
        rows.push(row("result", "accepted == stored".into()));
    }
    rows
}

fn row(name: &str, text: String) -> [String; 2] {
    [name.to_owned(), text]
}

fn quantiles(ms: &Quantiles) -> String {
    format!(
        "p50 {:.2}, p90 {:.2}, p99 {:.2}, p99.9 {:.2}, max {:.2}",
        ms.p50, ms.p90, ms.p99, ms.p999, ms.max
    )
}

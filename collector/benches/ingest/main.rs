//! What ingest costs, in one run and as ratios: acknowledged beacons beside nginx's bare 204, draining and the whole path beside the
//! `clickhouse` crate alone, the acknowledgement's p99 beside a bare fdatasync, memory, and whether the cost grows with what is
//! stored. `cargo xtask bench ingest` starts it, with the real binary, a real ClickHouse, real files and sockets.
//!
//! Everything shares the machine's cores with the load generator, in every measurement alike. What is compared is measured in turns.

mod database;
mod disk;
mod growth;
mod process;
mod report;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use self::database::Database;
use self::process::{Collector, Nginx, load};
use self::report::{Bar, Report, median};

/// How long and how often to measure.
struct Scale {
    rounds: usize,
    seconds: u64,
    /// Page views that are stored already when the cost of a beacon is measured.
    stored: &'static [u64],
}

const FULL: Scale = Scale {
    rounds: 3,
    seconds: 10,
    stored: &[10_000, 1_000_000, 10_000_000],
};
const QUICK: Scale = Scale {
    rounds: 1,
    seconds: 4,
    stored: &[10_000, 100_000],
};

const CONNECTIONS: u32 = 128;
/// No ClickHouse is there: port 1 is never bound.
const NOWHERE: &str = "http://127.0.0.1:1";
const P99_BAR_MS: f64 = 25.0;
const RSS_BAR_MB: f64 = 100.0;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let scale = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => FULL,
        ["--quick"] => QUICK,
        _ => anyhow::bail!("usage: ingest [--quick]"),
    };
    let report = tokio::runtime::Runtime::new()?.block_on(measure(&scale))?;
    report.print();
    std::process::exit(i32::from(!report.passed()));
}

async fn measure(scale: &Scale) -> anyhow::Result<Report> {
    // Beside the build, on a real disk: a temporary folder may well be memory, where a sync costs nothing.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut report = Report::default();
    let filled = acknowledge(scale, folder.path(), &mut report).await?;
    let database = Database::start(folder.path()).await?;
    drain(&database, &filled, &mut report).await?;
    whole_path(scale, &database, folder.path(), &mut report).await?;
    growth::measure(scale.stored, &database, &filled, &mut report).await?;
    database.stop().await;
    Ok(report)
}

/// Acknowledgements beside nginx, their latency beside the disk's, and memory with ClickHouse away. Returns a data folder whose
/// spool holds what the last round acknowledged.
async fn acknowledge(
    scale: &Scale,
    folder: &Path,
    report: &mut Report,
) -> anyhow::Result<std::path::PathBuf> {
    let nginx = Nginx::start(folder)?;
    let (mut theirs, mut ours, mut rss) = (Vec::new(), Vec::new(), 0.0f64);
    let mut filled = folder.join("round-0");
    for round in 0..scale.rounds {
        theirs.push(load(&nginx.ingest, None, CONNECTIONS, scale.seconds)?);
        filled = folder.join(format!("round-{round}"));
        let collector = Collector::start(&filled, NOWHERE, None)?;
        let run = load(&collector.ingest, None, CONNECTIONS, scale.seconds)?;
        let books = collector.books()?;
        ensure!(
            books.spooled == run.acked && books.balance(),
            "{} beacons were acknowledged, the books say {books:?}",
            run.acked
        );
        rss = rss.max(collector.peak_rss_mb()?);
        ours.push(run);
        collector.stop()?;
    }
    drop(nginx);
    let per_s = |runs: &[process::Load]| median(runs.iter().map(|run| run.acked_per_s));
    let (their_rate, our_rate) = (per_s(&theirs), per_s(&ours));
    report.line(format!(
        "bodies of {:.0} B, {CONNECTIONS} connections, kept alive; {} rounds of {} s each",
        ours[0].beacon_bytes, scale.rounds, scale.seconds
    ));
    report.line(format!(
        "nginx, bare 204      {their_rate:>9.0} /s   p50 {:.2} ms   p99 {:.2} ms",
        median(theirs.iter().map(|run| run.p50_ms)),
        median(theirs.iter().map(|run| run.p99_ms))
    ));
    report.line(format!(
        "collector, durable   {our_rate:>9.0} /s   p50 {:.2} ms   p99 {:.2} ms",
        median(ours.iter().map(|run| run.p50_ms)),
        median(ours.iter().map(|run| run.p99_ms))
    ));
    report.bar(
        "durable acknowledgements beside nginx",
        Bar::AtLeast(0.5),
        our_rate / their_rate,
        "x",
    );
    report.bar(
        "peak RSS, full rate, ClickHouse away",
        Bar::AtMost(RSS_BAR_MB),
        rss,
        "MB",
    );
    half_rate(our_rate, scale, folder, report)?;
    Ok(filled)
}

fn half_rate(
    full_rate: f64,
    scale: &Scale,
    folder: &Path,
    report: &mut Report,
) -> anyhow::Result<()> {
    let before_ms = disk::sync_p99_ms(folder)?;
    let data = folder.join("half");
    let collector = Collector::start(&data, NOWHERE, None)?;
    let rate = (full_rate / 2.0) as u32;
    let run = load(&collector.ingest, Some(rate), CONNECTIONS, scale.seconds)?;
    collector.stop()?;
    let sync_p99_ms = before_ms.max(disk::sync_p99_ms(folder)?);
    let bar = P99_BAR_MS.max(3.0 * sync_p99_ms);
    report.line(format!(
        "at {rate} /s: p50 {:.2} ms, p99 {:.2} ms, {} of {} on time; bare fdatasync p99 {sync_p99_ms:.2} ms",
        run.p50_ms,
        run.p99_ms,
        run.acked,
        u64::from(rate) * scale.seconds
    ));
    report.bar(
        "p99 acknowledgement at half the maximum rate",
        Bar::AtMost(bar),
        run.p99_ms,
        "ms",
    );
    Ok(())
}

/// A full spool into ClickHouse, beside the crate alone with the same rows.
async fn drain(database: &Database, filled: &Path, report: &mut Report) -> anyhow::Result<()> {
    let store = database.fresh("drained").await?;
    let data = process::refilled(filled)?;
    let began = Instant::now();
    let collector = Collector::start(data.path(), &database.url(), Some(&store))?;
    let beacons = collector.drained(Duration::from_secs(600))?;
    let elapsed = began.elapsed().as_secs_f64();
    let rss = collector.peak_rss_mb()?;
    collector.stop()?;
    let rows = database.rows(&store).await?;
    let ours = rows as f64 / elapsed;
    let direct = database.insert_directly(&store).await?;
    report.line(format!(
        "draining             {ours:>9.0} rows/s   {beacons} beacons, {rows} rows in {elapsed:.1} s, start included"
    ));
    report.line(format!("the crate alone      {direct:>9.0} rows/s   the same rows, blocks of 100,000, table by table"));
    report.bar(
        "draining beside the crate alone",
        Bar::AtLeast(0.6),
        ours / direct,
        "x",
    );
    report.bar(
        "peak RSS while draining",
        Bar::AtMost(RSS_BAR_MB),
        rss,
        "MB",
    );
    database.remember_direct(direct);
    Ok(())
}

/// From POST to a row that can be queried, the load generator on the same cores; and the proof that nothing is missing.
async fn whole_path(
    scale: &Scale,
    database: &Database,
    folder: &Path,
    report: &mut Report,
) -> anyhow::Result<()> {
    let store = database.fresh("whole").await?;
    let collector = Collector::start(&folder.join("whole"), &database.url(), Some(&store))?;
    let run = process::load_and_check(&collector, database, &store, CONNECTIONS, scale.seconds)?;
    let rss = collector.peak_rss_mb()?;
    collector.stop()?;
    let rows = database.rows(&store).await?;
    let ours = rows as f64 / run.until_queryable_s;
    let direct = database.direct().context("measured before")?;
    report.line(format!(
        "POST to row          {ours:>9.0} rows/s   {} beacons in {:.1} s; accepted == stored: {}",
        run.load.acked, run.until_queryable_s, run.verdict
    ));
    report.bar(
        "whole path beside the crate alone",
        Bar::AtLeast(0.25),
        ours / direct,
        "x",
    );
    report.bar(
        "peak RSS, full rate, ClickHouse there",
        Bar::AtMost(RSS_BAR_MB),
        rss,
        "MB",
    );
    report.check("accepted == stored", run.exact);
    Ok(())
}

//! What one evaluation costs with its queries: 10,000 series, in ten apps of 200 routes and five vitals, with 47 days of hourly rollups
//! in a ClickHouse of its own. A process judges them as `serve` does: the first evaluation of a day, which looks at the last fortnight
//! again, then further hours of that day, then the first of the next day. Prints the time and the peak memory of each, of that process and of ClickHouse
//! apart; fails when a further hour takes too long or the process too much memory. `cargo xtask bench detect` runs it; a number as
//! argument is that of the apps.

mod data;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use collector::config::Retention;
use collector::embedded::{self, Options};
use collector::store::packed::Recent;
use collector::store::{Access, Store};
use collector::watch;
use detect::{Hour, Strategy};

/// As in the collector itself: memory is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const APPS: u64 = 10;
/// The first judged day: 2026-11-20. A year or a weekday mean nothing here.
const DAY: Hour = 20_777 * 24;
/// A fortnight is judged, by baselines that begin 31 days before it.
const HOURS_BEFORE: u32 = (14 + 31) * 24;
/// One route is slower from here on, so that there is a finding to describe.
const SLOWER_SINCE: Hour = DAY - 24;
const MAX_HOUR: Duration = Duration::from_secs(10);
const MAX_MB: u64 = 500;
/// The word by which this program starts itself: what judges is alone in its process.
const JUDGE: &str = "judge";

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    // `cargo bench` adds `--bench`.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    if let [word, url, user, password, server] = &words[..]
        && word == JUDGE
    {
        return judge(access(url, user, password), server.parse()?).await;
    }
    let apps = words.first().map_or(Ok(APPS), |word| word.parse())?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-detect");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let server = embedded::start_with(Options {
        data_dir: folder.clone(),
        database: "vitalscope".into(),
        program: env!("CARGO_BIN_EXE_vitalscope").into(),
    })
    .await?;
    let store = Store::new(access(&server.url, &server.user, &server.password));
    store.migrate(&Retention::default()).await?;
    let started = Instant::now();
    data::fill(&store, apps, DAY, HOURS_BEFORE, SLOWER_SINCE).await?;
    let made = data::made(&store).await?;
    println!("{made} made in {:.0} s", started.elapsed().as_secs_f64());
    // What making them took does not count.
    std::fs::write(format!("/proc/{}/clear_refs", server.pid()), "5")?;
    let judged = Command::new(std::env::current_exe()?)
        .args([JUDGE, &server.url, &server.user, &server.password])
        .arg(server.pid().to_string())
        .stdin(Stdio::null())
        .status()?;
    println!("ClickHouse: at most {} MB", peak_mb(server.pid()));
    server.stop().await;
    std::fs::remove_dir_all(&folder)?;
    Ok(if judged.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn access(url: &str, user: &str, password: &str) -> Access {
    Access {
        url: url.into(),
        database: "vitalscope".into(),
        user: user.into(),
        password: password.into(),
    }
}

/// Prints each evaluation; fails when a bar is missed.
async fn judge(access: Access, server: u32) -> anyhow::Result<ExitCode> {
    let cores = || [std::process::id(), server].map(core_time);
    let store = Store::new(access);
    // As `serve` does.
    let mut recent = Recent::default();
    let evaluations = [
        ("a day's first, nothing is packed", None, DAY + 1),
        ("a further hour, packs a day", Some(DAY), DAY + 7),
        ("a further hour", Some(DAY), DAY + 12),
        ("a further hour", Some(DAY), DAY + 24),
        ("the next day's first", None, DAY + 25),
        ("a further hour, packs a day", Some(DAY + 24), DAY + 31),
        ("a further hour", Some(DAY + 24), DAY + 32),
    ];
    let mut kept = true;
    for (name, since, hour) in evaluations {
        let (started, before) = (Instant::now(), cores());
        let at = jiff::Timestamp::from_second(hour * 3600)?;
        let strategy = Strategy::RollingWindow;
        let seen = watch::evaluate_again(&store, &mut recent, strategy, since, at).await?;
        let (took, after) = (started.elapsed(), cores());
        let is_kept = since.is_none() || took <= MAX_HOUR;
        kept &= is_kept;
        println!(
            "{name:34} {:6.1} s (of a core {:.1} s, ClickHouse {:.1} s); {} series, {} findings{}",
            took.as_secs_f64(),
            (after[0] - before[0]).as_secs_f64(),
            (after[1] - before[1]).as_secs_f64(),
            seen.series,
            seen.replay.findings.len(),
            if is_kept { "" } else { "  MISSED" }
        );
    }
    let mb = peak_mb(std::process::id());
    let is_kept = mb <= MAX_MB;
    println!(
        "the process: at most {mb} MB{}",
        if is_kept { "" } else { "  MISSED" }
    );
    println!(
        "the bars are {} s for a further hour, and {MAX_MB} MB of the process",
        MAX_HOUR.as_secs()
    );
    Ok(if kept && is_kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What a process has had of the processor; fields 14 and 15 of `stat`, counted after the name, which may hold anything.
fn core_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = fields
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

fn peak_mb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = peak.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kb.unwrap_or(0) / 1024
}

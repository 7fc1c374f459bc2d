//! Whether a beacon costs more when more is stored: the same beacons, drained into databases of very different sizes.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::database::Database;
use crate::process::{Collector, cpu_ms, refilled};
use crate::report::{Bar, Report};

/// What is stored already, over thirty days: page views of 200 routes, each with four vitals.
const PAGE_VIEWS: &str = include_str!("page_views.sql");
const MEASUREMENTS: &str = include_str!("measurements.sql");
/// Their hours and minutes have been computed long ago, or the first passes after the start would do it and count as the beacons'.
const COMPUTED: [&str; 3] = [
    "insert into rollup_generations select '', 0, 1, now64(3), now64(3)",
    "insert into rollup_detail_generations select '', 0, 1, now64(3), now64(3)",
    "insert into rollup_by_minute (app, minute, generation) select 'shop', now(), toUnixTimestamp64Milli(now64(3))",
];
/// Of one statement; its memory grows with them.
const VIEWS_PER_STATEMENT: u64 = 1_000_000;

pub async fn measure(
    stored: &[u64],
    database: &Database,
    filled: &Path,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut costs = Vec::new();
    for &views in stored {
        let access = database.fresh(&format!("stored_{views}")).await?;
        for first in (0..views).step_by(VIEWS_PER_STATEMENT as usize) {
            let last = views.min(first + VIEWS_PER_STATEMENT);
            for sql in [PAGE_VIEWS, MEASUREMENTS] {
                let sql = sql
                    .replace("{first}", &first.to_string())
                    .replace("{count}", &(last - first).to_string())
                    .replace("{total}", &views.to_string());
                database.execute(&access, &sql).await?;
            }
        }
        for sql in COMPUTED {
            database.execute(&access, sql).await?;
        }
        settle(database)?;
        let data = refilled(filled)?;
        let (server_ms, began) = (cpu_ms(database.pid())?, Instant::now());
        let collector = Collector::start(data.path(), &database.url(), Some(&access))?;
        let beacons = collector.drained(Duration::from_secs(600))?;
        let took_us = began.elapsed().as_secs_f64() * 1e6 / beacons as f64;
        let cpu = collector.cpu_ms()? + cpu_ms(database.pid())? - server_ms;
        let cpu_us = cpu * 1000.0 / beacons as f64;
        collector.stop()?;
        report.line(format!(
            "{views:>10} views stored: {cpu_us:>6.1} us of processor a beacon, collector and ClickHouse; {took_us:.1} us elapsed"
        ));
        costs.push(cpu_us);
        database
            .execute(&access, &format!("drop database {}", access.database))
            .await?;
    }
    if let (Some(least), Some(most)) = (costs.first(), costs.last()) {
        report.bar(
            "cost of a beacon, most stored beside least",
            Bar::AtMost(1.25),
            most / least,
            "x",
        );
    }
    Ok(())
}

/// Waits until the server has merged what was inserted, or its work would count as the beacons'.
fn settle(database: &Database) -> anyhow::Result<()> {
    const LOOK: Duration = Duration::from_secs(2);
    const IDLE_MS: f64 = 200.0;
    const LIMIT: Duration = Duration::from_secs(300);
    let began = Instant::now();
    loop {
        let before = cpu_ms(database.pid())?;
        std::thread::sleep(LOOK);
        if cpu_ms(database.pid())? - before < IDLE_MS || began.elapsed() > LIMIT {
            return Ok(());
        }
    }
}

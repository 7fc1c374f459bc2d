//! What a page view costs on disk: made-up visitors, told as real beacons, through the way that real ones take (judged, turned into
//! rows, sealed, inserted), then merged and weighed. Prints rows and bytes of every table and the largest columns; fails when a
//! measurement takes more than the bar. `cargo xtask bench storage` runs it; the words after it are the number of page views and of days.

mod visits;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use collector::config::Retention;
use collector::embedded::{self, Options};
use collector::ingest::{Clients, Meta, accept};
use collector::store::rows::BeaconRows;
use collector::store::{Access, Store, insert, rollup};
use tokio::task::block_in_place;

use visits::{Sent, Visitors};

/// On disk, all columns, index and marks, after merging.
const MAX_BYTES_PER_MEASUREMENT: f64 = 40.0;
const VIEWS: u32 = 300_000;
const DAYS: u64 = 3;
const SEED: u8 = 7;
/// As many as a busy collector seals at once.
const BEACONS_PER_BLOCK: usize = 20_000;
const HOUR_MS: u64 = 3_600_000;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    // `cargo bench` adds `--bench`.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let views = words.first().map_or(Ok(VIEWS), |word| word.parse())?;
    let days = words.get(1).map_or(Ok(DAYS), |word| word.parse())?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-storage");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let server = embedded::start_with(Options {
        data_dir: folder.clone(),
        database: "vitalscope".into(),
        program: env!("CARGO_BIN_EXE_vitalscope").into(),
    })
    .await?;
    let store = Store::new(Access {
        url: server.url.clone(),
        database: "vitalscope".into(),
        user: server.user.clone(),
        password: server.password.clone(),
    });
    store.migrate(&Retention::default()).await?;
    let kept = measure(&store, views, days).await?;
    server.stop().await;
    std::fs::remove_dir_all(&folder)?;
    Ok(if kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn measure(store: &Store, views: u32, days: u64) -> anyhow::Result<bool> {
    let now_ms = count(store, "select toUInt64(toUnixTimestamp64Milli(now64(3)))").await?;
    let first_ms = (now_ms / HOUR_MS - days * 24) * HOUR_MS;
    let (clients, mut visitors) = (Clients::load()?, Visitors::new(SEED));
    let (mut record, mut waiting) = (0, Vec::new());
    for hour in 0..days * 24 {
        // By day three times as many as by night.
        let share = if hour % 24 < 12 { 3 } else { 1 };
        let here = u64::from(views) * share / (days * 48);
        waiting.extend(block_in_place(|| {
            visitors.beacons(here as u32, first_ms + hour * HOUR_MS)
        }));
        while waiting.len() >= BEACONS_PER_BLOCK {
            let rest = waiting.split_off(BEACONS_PER_BLOCK);
            insert(store, &clients, &mut record, &waiting).await?;
            waiting = rest;
        }
    }
    insert(store, &clients, &mut record, &waiting).await?;
    arrive(store).await?;
    let views: u64 = count(store, "select count() from page_views").await?;
    let beacons = record;
    println!("{views} page views of {days} days in {beacons} beacons");
    let started = Instant::now();
    let pass = rollup::run_once(store).await?;
    println!(
        "rollups of {} hours in {} ms\n",
        pass.hours,
        started.elapsed().as_millis()
    );
    weigh(store, views as f64).await
}

async fn insert(
    store: &Store,
    clients: &Clients,
    record: &mut u64,
    beacons: &[Sent],
) -> anyhow::Result<()> {
    let blocks = block_in_place(|| {
        let mut rows = BeaconRows::default();
        for beacon in beacons {
            let meta = Meta {
                app: "shop",
                routes: &[],
                raw_path: false,
                client: &clients.read(&beacon.user_agent),
                country: beacon.country,
            };
            *record += 1;
            let taken = accept(&beacon.bytes, &meta, beacon.received_ms)?;
            rows.push(*record, &taken.accepted)?;
        }
        anyhow::Ok(rows.seal())
    })?;
    for block in &blocks {
        insert::insert_once(store, block).await?;
    }
    Ok(())
}

async fn count(store: &Store, sql: &str) -> anyhow::Result<u64> {
    Ok(store.client().query(sql).fetch_one().await?)
}

/// Sets the times of arrival to what they would have been, which is what they cost: a block each second, not a dozen now.
async fn arrive(store: &Store) -> anyhow::Result<()> {
    for table in ["page_view_rows", "measurement_rows", "operation_rows"] {
        let sql = format!(
            "alter table {table} update inserted_at = toStartOfSecond(received_at) \
             + toIntervalMillisecond(1000 + cityHash64(toStartOfSecond(received_at)) % 1000) where true settings mutations_sync = 1"
        );
        store.client().query(&sql).execute().await?;
    }
    Ok(())
}

/// Merges everything and prints what it weighs; answers whether the bar was kept.
async fn weigh(store: &Store, views: f64) -> anyhow::Result<bool> {
    let tables: Vec<String> = store
        .client()
        .query("select distinct table from system.parts where database = currentDatabase() and active order by table")
        .fetch_all()
        .await?;
    for table in &tables {
        let merge = format!("optimize table {table} final");
        store.client().query(&merge).execute().await?;
    }
    let weights: Vec<(String, u64, u64)> = store
        .client()
        .query(
            "select table, sum(rows), sum(bytes_on_disk) as bytes from system.parts where database = currentDatabase() and active \
             group by table order by bytes desc",
        )
        .fetch_all()
        .await?;
    println!(
        "{:28} {:>10} {:>9} {:>7} {:>10}",
        "table", "rows", "kB", "B/row", "B/view"
    );
    for (table, rows, bytes) in &weights {
        let (rows, bytes) = (*rows as f64, *bytes as f64);
        println!(
            "{table:28} {rows:>10} {:>9.0} {:>7.1} {:>10.1}",
            bytes / 1e3,
            bytes / rows,
            bytes / views
        );
    }
    let all: u64 = weights.iter().map(|(_, _, bytes)| bytes).sum();
    println!(
        "{:28} {:>10} {:>9.0} {:>7} {:>10.1}\n",
        "all",
        "",
        all as f64 / 1e3,
        "",
        all as f64 / views
    );
    for table in [
        "measurement_rows",
        "page_view_rows",
        "rollup_dimension_hours",
        "rollup_attribution_hours",
    ] {
        columns(store, table).await?;
    }
    let measurements = weights
        .iter()
        .find(|(table, ..)| table == "measurement_rows");
    let each = measurements.map_or(f64::INFINITY, |(_, rows, bytes)| {
        *bytes as f64 / *rows as f64
    });
    println!("a measurement takes {each:.1} B; the bar is {MAX_BYTES_PER_MEASUREMENT} B");
    Ok(each <= MAX_BYTES_PER_MEASUREMENT)
}

async fn columns(store: &Store, table: &str) -> anyhow::Result<()> {
    const LARGEST: usize = 12;
    let columns: Vec<(String, f64)> = store
        .client()
        .query(
            "select column, sum(column_bytes_on_disk) / sum(rows) as each from system.parts_columns \
             where database = currentDatabase() and active and table = ? group by column order by each desc",
        )
        .bind(table)
        .fetch_all()
        .await?;
    let list: Vec<String> = columns
        .iter()
        .take(LARGEST)
        .map(|(column, each)| format!("{column} {each:.2}"))
        .collect();
    println!("{table}, B/row: {}\n", list.join(", "));
    Ok(())
}

//! The rollups of made-up apps, made where they are stored.

use std::collections::BTreeMap;

use collector::store::Store;
use detect::Hour;
use detect::world::Rng;

const ROUTES: u64 = 200;
/// Shapes of one number of page views, of which `rollups.sql` picks one.
const VARIANTS: u64 = 64;
/// Numbers of page views: the powers of two up to 1,024, more than an hour of one stratum has.
const SIZES: u32 = 11;
/// Middle and spread, in buckets of 8 %.
const MIDDLE: f64 = 95.0;
const SPREAD: f64 = 8.0;
const LAST_BUCKET: f64 = 149.0;

/// Fills the store with the hours of so many apps: those before `day`, merged, and the two days from there on as they come in, each in parts of its
/// own.
pub async fn fill(
    store: &Store,
    apps: u64,
    day: Hour,
    hours_before: u32,
    slower_since: Hour,
) -> anyhow::Result<()> {
    shapes(store).await?;
    hours(
        store,
        apps,
        day - Hour::from(hours_before),
        hours_before,
        slower_since,
    )
    .await?;
    let merge = "optimize table rollup_hours final";
    store.client().query(merge).execute().await?;
    for first in [day, day + 24] {
        hours(store, apps, first, 24, slower_since).await?;
    }
    // Whoever computes hours writes down that they are.
    let done = "insert into rollup_generations select app, hour, max(generation), now64(3), now64(3) from rollup_hours group by app, hour";
    store.client().query(done).execute().await?;
    Ok(())
}

async fn hours(
    store: &Store,
    apps: u64,
    first: Hour,
    count: u32,
    slower_since: Hour,
) -> anyhow::Result<()> {
    for app in 0..apps {
        store
            .client()
            .query(include_str!("rollups.sql"))
            .param("app", format!("app-{app:02}"))
            .param("routes", ROUTES)
            .param("hours", count)
            .param("first_hour", first)
            .param("slower_since", slower_since)
            .execute()
            .await?;
    }
    Ok(())
}

/// What there is, in words.
pub async fn made(store: &Store) -> anyhow::Result<String> {
    let (rows, views, cells): (u64, u64, u64) = store
        .client()
        .query("select count(), sum(n), sum(length(buckets)) from rollup_hours")
        .fetch_one()
        .await?;
    let bytes: u64 = store
        .client()
        .query(
            "select sum(bytes_on_disk) from system.parts \
             where active and table = 'rollup_hours' and database = currentDatabase()",
        )
        .fetch_one()
        .await?;
    let mb = bytes / 1_000_000;
    Ok(format!(
        "{views} measurements as {rows} rows of {cells} buckets, {mb} MB on disk,"
    ))
}

async fn shapes(store: &Store) -> anyhow::Result<()> {
    let mut rng = Rng::new(&[1]);
    let mut rows = Vec::new();
    for size in 1..=SIZES {
        let n = 1_u64 << (size - 1);
        for variant in 0..VARIANTS {
            let mut counts = BTreeMap::new();
            for _ in 0..n {
                let bucket = (MIDDLE + SPREAD * rng.normal()).clamp(1.0, LAST_BUCKET) as u16;
                *counts.entry(bucket).or_insert(0_u64) += 1;
            }
            let cells = counts
                .iter()
                .map(|(bucket, count)| format!("{bucket}:{count}"));
            let cells = cells.collect::<Vec<_>>().join(",");
            rows.push(format!("({size},{variant},{n},{{{cells}}})"));
        }
    }
    let create = "create table bench_shapes (size UInt8, variant UInt8, n UInt64, shape Map(UInt16, UInt64)) engine = Memory";
    let insert = format!("insert into bench_shapes values {}", rows.join(","));
    for statement in [create, insert.as_str()] {
        store.client().query(statement).execute().await?;
    }
    Ok(())
}

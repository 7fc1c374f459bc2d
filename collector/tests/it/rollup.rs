//! Rollups equal a recount of the measurements, whatever arrived in which order.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use collector::ingest::Accepted;
use collector::store::rows::BeaconRows;
use collector::store::{Store, insert, rollup};
use proptest::test_runner::{Config, TestRng, TestRunner};

use crate::engine;
use crate::writer::{accepted, count, payload, start};

pub const HOUR_MS: u64 = 3_600_000;

pub async fn insert(store: &Store, record: u64, beacons: &[Accepted]) {
    let mut rows = BeaconRows::default();
    for (record, beacon) in (record..).zip(beacons) {
        rows.push(record, beacon).expect("names a view");
    }
    for block in rows.seal() {
        insert::insert_once(store, &block).await.expect("is taken");
    }
}

type Counts = BTreeMap<String, u64>;

async fn rollups(store: &Store, view: &str) -> Counts {
    let sql = format!(
        "select concat(kind, ' ', vital, ' ', route, ' ', release, ' ', toString({0}), ' ', toString(buckets)) as key, sum(n) as n \
         from {view} group by key",
        if view == "rollups" { "hour" } else { "minute" }
    );
    let rows: Vec<(String, u64)> = store
        .client()
        .query(&sql)
        .fetch_all()
        .await
        .expect("answers");
    rows.into_iter().collect()
}

/// The same from the measurements and operations themselves.
async fn recount(store: &Store) -> Counts {
    let sql = "select concat(kind, ' ', vital, ' ', route, ' ', release, ' ', toString(hour), ' ', toString(sumMap(map(bucket, toUInt64(1))))) as key, \
        count() as n from (\
            select 'vital' as kind, vital, route, release, toStartOfHour(started_at) as hour, stratum, bucket from measurements \
            union all select 'operation', name, route, release, toStartOfHour(at), stratum, bucket from operations\
        ) group by kind, vital, route, release, hour, stratum";
    let rows: Vec<(String, u64)> = store
        .client()
        .query(sql)
        .fetch_all()
        .await
        .expect("answers");
    rows.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_equal_a_recount_after_every_change() {
    let store = engine::store().await;
    let mut runner_rng = TestRunner::new_with_rng(
        Config::default(),
        TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let rng = runner_rng.rng();
    use proptest::prelude::RngExt;
    for round in 0..4u64 {
        // Views come again with later and earlier sequences, other routes, other releases and a start that moves across the hour.
        let beacons: Vec<Accepted> = (0..60)
            .map(|_| {
                let mut beacon = accepted(
                    rng.random_range(0..25),
                    rng.random_range(0..5),
                    f64::from(rng.random_range(0..5000u32)),
                );
                beacon.beacon.route = format!("/{}", rng.random_range(0..3u32));
                beacon.beacon.release = format!("{}", rng.random_range(0..2u32));
                beacon.started_ms =
                    1_795_200_000_000 / HOUR_MS * HOUR_MS + HOUR_MS - 2 + rng.random_range(0..4u64);
                beacon
            })
            .collect();
        insert(&store, round * 1000, &beacons).await;
        let pass = rollup::run_once(&store).await.expect("recomputes");
        assert!(pass.hours >= 2);
        assert_eq!(
            rollups(&store, "rollups").await,
            recount(&store).await,
            "round {round}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_changes_its_route_leaves_its_old_series() {
    let store = engine::store().await;
    insert(&store, 0, &[accepted(1, 0, 100.0)]).await;
    rollup::run_once(&store).await.expect("recomputes");
    let mut renamed = accepted(1, 1, 100.0);
    renamed.beacon.route = "/other".into();
    insert(&store, 1, &[renamed]).await;
    rollup::run_once(&store).await.expect("recomputes");
    let routes = "select count() from rollups where kind = 'vital' and route = '/product/:id'";
    assert_eq!(count(&store, routes).await, 0);
    let routes = "select sum(n) from rollups where kind = 'vital' and route = '/other'";
    assert_eq!(count(&store, routes).await, 1);
}

/// Clocks that are set while a page view is open, and a beacon that cannot say when it was sent, move the start of the page view by
/// any time. What it leaves is recomputed too, though nothing has arrived there and the replaced rows are merged away.
#[tokio::test(flavor = "multi_thread")]
async fn a_view_whose_start_moves_leaves_its_old_hour_and_minute() {
    let store = engine::store().await;
    let now_ms = count(&store, "select toUInt64(toUnixTimestamp64Milli(now64(3)))").await;
    let own_ms = now_ms - 4 * HOUR_MS;
    // Where the beacons put it, one after the other: from the page's own start, back to it, and past it.
    let moves: [&[u64]; 4] = [
        &[own_ms, own_ms + 2 * HOUR_MS],
        &[own_ms - 2 * HOUR_MS, own_ms],
        &[own_ms - HOUR_MS, own_ms + HOUR_MS],
        &[own_ms, own_ms + 3 * HOUR_MS, own_ms],
    ];
    let most = moves.iter().map(|starts| starts.len()).max().unwrap_or(0);
    for seq in 0..most {
        let beacons: Vec<Accepted> = (0..)
            .zip(moves)
            .filter_map(|(view, starts)| {
                let mut beacon = accepted(view, seq as u32, 100.0);
                beacon.beacon.operations.clear();
                beacon.received_ms = now_ms;
                beacon.beacon.start_ms = own_ms;
                beacon.started_ms = *starts.get(seq)?;
                Some(beacon)
            })
            .collect();
        insert(&store, 100 * seq as u64, &beacons).await;
        let run = async |sql: &str| store.client().query(sql).execute().await.expect(sql);
        run("optimize table measurement_rows final").await;
        rollup::run_once(&store).await.expect("recomputes");
        assert_eq!(
            rollups(&store, "rollups").await,
            recount(&store).await,
            "beacon {seq}"
        );
        for histograms in [
            "rollups_minute where true",
            "rollups_by_dimension where dimension = 'device'",
        ] {
            let sql = format!("select sum(n) from {histograms} and vital = 'LCP' and route != '*'");
            assert_eq!(count(&store, &sql).await, 4, "{histograms}, beacon {seq}");
        }
        // Long ago, as the next beacon sees it.
        run("alter table measurement_rows update inserted_at = inserted_at - toIntervalHour(1) where true settings mutations_sync = 1").await;
    }
}

/// A page whose clock is wrong all the time is put into the same hour by each of its beacons: the hour on its own clock has no work.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_makes_no_other_hour_dirty() {
    let store = engine::store().await;
    for seq in 0..3 {
        let mut beacon = accepted(1, seq, 100.0);
        beacon.beacon.start_ms -= 5 * HOUR_MS;
        insert(&store, u64::from(seq), &[beacon]).await;
        let pass = rollup::run_once(&store).await.expect("recomputes");
        assert_eq!(pass.hours, 1, "beacon {seq}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_running_hour_and_minute_are_there_at_once() {
    let store = engine::store().await;
    let now_ms = count(&store, "select toUInt64(toUnixTimestamp64Milli(now64(3)))").await;
    let mut beacon = accepted(1, 0, 100.0);
    (
        beacon.received_ms,
        beacon.started_ms,
        beacon.beacon.start_ms,
    ) = (now_ms, now_ms, now_ms);
    insert(&store, 0, &[beacon]).await;
    rollup::run_once(&store).await.expect("recomputes");
    assert_eq!(
        count(&store, "select sum(n) from rollups where kind = 'vital'").await,
        1
    );
    assert_eq!(
        count(
            &store,
            "select sum(n) from rollups_minute where kind = 'vital'"
        )
        .await,
        1
    );
    assert_eq!(
        count(
            &store,
            "select sum(sessions) from rollups_minute where kind = 'operation'"
        )
        .await,
        1
    );
}

/// A pass is many statements. What the last process had not reached when it died is found by the next one, however long ago it arrived.
#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_was_cut_short_hides_nothing() {
    let store = engine::store().await;
    let run = async |sql: &str| store.client().query(sql).execute().await.expect(sql);
    let mut other = accepted(2, 0, 100.0);
    other.app = "blog".into();
    insert(&store, 0, &[accepted(1, 0, 100.0), other]).await;
    for table in ["measurement_rows", "operation_rows"] {
        run(&format!(
            "alter table {table} update inserted_at = now64(3) - toIntervalHour(1) where true settings mutations_sync = 1"
        ))
        .await;
    }
    for generations in ["rollup_generations", "rollup_detail_generations"] {
        run(&format!(
            "insert into {generations} values ('blog', toDateTime('2026-11-20 18:00:00', 'UTC'), 1, now64(3), now64(3))"
        ))
        .await;
    }
    rollup::run_once(&store).await.expect("recomputes");
    for view in ["rollups", "rollups_by_dimension"] {
        let sql = format!("select toUInt64(sum(n) > 0) from {view} where app = 'shop'");
        assert_eq!(count(&store, &sql).await, 1, "{view}");
    }
    let pass = rollup::run_once(&store).await.expect("recomputes");
    assert_eq!((pass.hours, pass.details), (0, 0), "all is complete");
}

/// What live views and short alert windows rely on, through the real spool, writer and rollups at their own pace.
#[tokio::test(flavor = "multi_thread")]
async fn minutes_are_queryable_within_ten_seconds_of_the_beacon() {
    const PROMISE: Duration = Duration::from_secs(10);
    let store = engine::store().await;
    let running = start(&store, "minutes");
    let (stop, shutdown) = tokio::sync::watch::channel(false);
    let rollups = tokio::spawn(rollup::run(store.clone(), shutdown));
    for view in 0..3 {
        let now_ms = count(&store, "select toUInt64(toUnixTimestamp64Milli(now64(3)))").await;
        let mut beacon = accepted(view, 0, 100.0);
        beacon.received_ms = now_ms;
        beacon.started_ms = now_ms;
        beacon.beacon.start_ms = now_ms;
        let sent = Instant::now();
        running.append(vec![payload(&beacon)]).await;
        engine::eventually("the minute has the beacon", async || {
            let sql = "select sum(n) from rollups_minute where kind = 'vital'";
            (count(&store, sql).await > u64::from(view)).then_some(())
        })
        .await;
        let delay = sent.elapsed();
        println!("beacon to minute: {} ms", delay.as_millis());
        assert!(delay <= PROMISE, "{delay:?}");
    }
    stop.send(true).expect("they run");
    rollups.await.expect("does not panic");
    running.drain().await;
}

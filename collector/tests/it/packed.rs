//! Days read packed are what the rollups say, also when something arrives after they were packed.

use collector::ingest::Accepted;
use collector::store::{Store, histories, packed, rollup};
use proptest::prelude::RngExt;

use crate::details::{random, rng};
use crate::engine;
use crate::rollup::{HOUR_MS, insert};
use crate::writer::count;

const DAYS: i64 = 8;
const APP: &str = "shop";

/// Beacons of page views that began at some hour of the last days.
fn beacons(seed: u8, now_ms: u64) -> Vec<Accepted> {
    let mut rng = rng(seed);
    let some = (0..400).map(|_| {
        let mut accepted = random(&mut rng);
        let hours = rng.random_range(1..DAYS as u64 * 24);
        accepted.started_ms = now_ms - hours * HOUR_MS;
        accepted
    });
    some.collect()
}

/// What an evaluation reads of the app, and what the rollups have, as texts.
async fn both(store: &Store, now_hour: i64) -> (String, String) {
    let hours = now_hour - DAYS * 24 - 5..now_hour;
    let apps = packed::apps(store, hours.clone()).await.expect("answers");
    assert!(apps.names().iter().any(|name| name == APP));
    let read = apps.read(store, APP).await.expect("answers").into_sorted();
    let rows = histories::read(store, hours, APP).await.expect("answers");
    (format!("{read:#?}"), format!("{:#?}", rows.into_sorted()))
}

async fn check(store: &Store, now_hour: i64, when: &str) {
    let (read, expected) = both(store, now_hour).await;
    assert!(read.contains("LCP"), "{when}: nothing was read");
    let differs = read
        .lines()
        .zip(expected.lines())
        .position(|(one, other)| one != other);
    assert_eq!((differs, read.len()), (None, expected.len()), "{when}");
}

#[tokio::test(flavor = "multi_thread")]
async fn packed_days_are_what_the_rollups_say_whatever_comes_late() {
    let store = engine::store().await;
    let now_ms = count(&store, "select toUInt64(toUnixTimestamp64Milli(now64(3)))").await;
    let now_hour = (now_ms / HOUR_MS) as i64;
    let rows = "select toUInt64(count()) from packed_days where app = 'shop'";
    insert(&store, 0, &beacons(1, now_ms)).await;
    rollup::run_once(&store).await.expect("recomputes");
    check(&store, now_hour, "at first").await;
    let packed_rows = count(&store, rows).await;
    assert!(packed_rows > 0, "closed days are packed");
    check(&store, now_hour, "again").await;
    assert_eq!(
        count(&store, rows).await,
        packed_rows,
        "nothing is packed twice"
    );
    // Other values, routes and releases of the same page views, and new ones.
    insert(&store, 1_000, &beacons(2, now_ms)).await;
    rollup::run_once(&store).await.expect("recomputes");
    check(&store, now_hour, "after late beacons").await;
    assert!(
        count(&store, rows).await > packed_rows,
        "changed days are packed again"
    );
}

//! Days read packed are what the rollups say, also when something arrives after they were packed.

use collector::ingest::Accepted;
use collector::store::packed::{self, Recent};
use collector::store::{Store, histories, rollup};
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

/// What an evaluation reads of the app that keeps the youngest hours in `recent`, and what the rollups have, as texts.
async fn both(store: &Store, recent: &mut Recent, now_hour: i64) -> (String, String) {
    let hours = now_hour - DAYS * 24 - 5..now_hour;
    let apps = packed::apps(store, hours.clone()).await.expect("answers");
    assert!(apps.has(APP));
    let read = apps.read(store, recent, APP).await.expect("answers");
    let read = read.into_sorted();
    let rows = histories::read(store, hours, APP).await.expect("answers");
    (format!("{read:#?}"), format!("{:#?}", rows.into_sorted()))
}

async fn check(store: &Store, recent: &mut Recent, now_hour: i64, when: &str) {
    let (read, expected) = both(store, recent, now_hour).await;
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
    let mut recent = Recent::default();
    check(&store, &mut recent, now_hour, "at first").await;
    let packed_rows = count(&store, rows).await;
    assert!(packed_rows > 0, "closed days are packed");
    check(&store, &mut recent, now_hour, "again").await;
    assert_eq!(
        count(&store, rows).await,
        packed_rows,
        "nothing is packed twice"
    );
    // Other values, routes and releases of the same page views, and new ones.
    insert(&store, 1_000, &beacons(2, now_ms)).await;
    rollup::run_once(&store).await.expect("recomputes");
    check(&store, &mut recent, now_hour, "after late beacons").await;
    assert!(
        count(&store, rows).await > packed_rows,
        "changed days are packed again"
    );
}

/// Beacons of page views that began in the last hours before this one, as they come late.
fn late(seed: u8, hour: i64) -> Vec<Accepted> {
    let mut beacons = beacons(seed, hour as u64 * HOUR_MS);
    for (place, accepted) in beacons.iter_mut().enumerate() {
        accepted.started_ms = (hour as u64 - 1 - place as u64 % 3) * HOUR_MS;
    }
    beacons
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_hours_are_what_the_rollups_say_hour_after_hour() {
    let store = engine::store().await;
    let now_ms = count(&store, "select toUInt64(toUnixTimestamp64Milli(now64(3)))").await;
    let now_hour = (now_ms / HOUR_MS) as i64;
    insert(&store, 0, &beacons(3, now_ms)).await;
    let (mut one, mut two) = (Recent::default(), Recent::default());
    // Far enough for midnight, and for a day that settles, to be among them.
    for step in 0..=10_u8 {
        let hour = now_hour - 30 + 3 * i64::from(step);
        if step.is_multiple_of(2) {
            let record = 1_000 * (1 + u64::from(step));
            insert(&store, record, &late(10 + step, hour)).await;
            rollup::run_once(&store).await.expect("recomputes");
        }
        if step == 5 {
            one = Recent::default();
            check(&store, &mut one, hour, "after a restart").await;
        }
        // Two take turns, and each has missed what came meanwhile.
        let (who, when) = match step / 2 % 2 {
            0 => (&mut one, "one"),
            _ => (&mut two, "two"),
        };
        check(&store, who, hour, when).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_hours_are_not_read_again_and_are_packed_when_their_day_is_over() {
    let store = engine::store().await;
    let now_ms = count(&store, "select toUInt64(toUnixTimestamp64Milli(now64(3)))").await;
    let today = (now_ms / HOUR_MS / 24) as i64;
    insert(&store, 0, &beacons(4, now_ms)).await;
    rollup::run_once(&store).await.expect("recomputes");
    let mut recent = Recent::default();
    let read = async |recent: &mut Recent, hour: i64| {
        let hours = (today - 4) * 24..hour;
        let apps = packed::apps(&store, hours).await.expect("answers");
        let read = apps.read(&store, recent, APP).await.expect("answers");
        format!("{:#?}", read.into_sorted())
    };
    // Yesterday has not settled yet.
    let first = read(&mut recent, today * 24).await;
    store
        .client()
        .query("truncate table rollup_hours")
        .execute()
        .await
        .expect("is emptied");
    assert_eq!(read(&mut recent, today * 24).await, first);
    let settled = read(&mut recent, today * 24 + 6).await;
    assert_eq!(settled, first, "yesterday is packed from what was kept");
    let without = read(&mut Recent::default(), today * 24 + 6).await;
    assert_eq!(without, first, "and read packed by whoever comes next");
}

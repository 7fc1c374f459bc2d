//! What the beacons of one page view leave in ClickHouse together: later ones tell only what changed.

use collector::ingest::Accepted;
use collector::store::rows::BeaconRows;
use collector::store::{Store, insert};
use wire::resources::{Resources, Share};
use wire::{Details, Measurement, Vital};

use crate::engine;
use crate::writer::{accepted, count, text};

/// A beacon of the one page view, with nothing in it but its names.
fn beacon(seq: u32) -> Accepted {
    let mut accepted = accepted(1, seq, 0.0);
    accepted.beacon.measurements.clear();
    accepted.beacon.operations.clear();
    accepted.beacon.drops.clear();
    accepted
}

fn timing(pairs: &[(&'static str, f64)]) -> Details {
    let pairs = pairs.iter();
    pairs
        .map(|&(key, at_ms)| (key.into(), at_ms.into()))
        .collect()
}

fn resources(count: u32) -> Option<Resources> {
    Some(Resources {
        count,
        bytes: 34567.0,
        cached: 3,
        types: vec![Share {
            name: "script".into(),
            count,
            bytes: 20000.0,
        }],
        ..Resources::default()
    })
}

fn measured(vital: Vital, value: f64) -> Measurement {
    Measurement {
        vital,
        value,
        attribution: Vec::new(),
    }
}

/// One insert for each beacon, as they arrive.
async fn store(beacons: &[Accepted]) -> Store {
    let store = engine::store().await;
    for (record, accepted) in (1..).zip(beacons) {
        let mut rows = BeaconRows::default();
        rows.push(record, accepted).expect("names a view");
        for block in rows.seal() {
            insert::insert_once(&store, &block).await.expect("is taken");
        }
    }
    store
}

/// Columns of the one page view.
async fn view(store: &Store, columns: &str) -> String {
    let query = format!("select toString(tuple({columns})) from page_views");
    text(store, &query).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_beacon_leaves_the_timing_and_resources_that_it_does_not_tell() {
    let mut first = beacon(0);
    first.beacon.context.timing = timing(&[("load_ms", 900.0), ("server_db_ms", 5.5)]);
    first.beacon.context.resources = resources(4);
    let mut third = beacon(2);
    third.beacon.context.timing = timing(&[
        ("load_ms", 900.0),
        ("long_tasks", 2.0),
        ("interim_response_ms", 30.0),
        ("final_response_ms", 80.0),
        ("server_db_ms", 5.5),
        ("server_edge cache_ms", 0.25),
        ("server_", 1.0),
    ]);
    let mut fourth = beacon(3);
    fourth.beacon.context.resources = resources(12);
    let columns = "beacons, load_ms, long_tasks, interim_response_ms, final_response_ms, resource_count, \
        resource_bytes, JSONExtractInt(resources, 'cached'), server_timing";

    let second = beacon(1);
    let some = store(&[first.clone(), second.clone()]).await;
    let expected = "(2,900,NULL,NULL,NULL,4,34567,3,{'db':5.5})";
    assert_eq!(view(&some, columns).await, expected);

    let expected = "(4,900,2,30,80,12,34567,3,{'db':5.5,'edge cache':0.25})";
    let arrivals = [&first, &second, &third, &fourth];
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
        let all = store(&order.map(|place: usize| arrivals[place].clone())).await;
        assert_eq!(view(&all, columns).await, expected, "{order:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_view_without_timing_and_resources_has_none() {
    let mut words = beacon(0);
    words.beacon.context.timing = vec![("load_ms".into(), "soon".into())];
    let store = store(&[words]).await;
    assert_eq!(
        view(
            &store,
            "load_ms, resource_count, resources, server_timing, drops"
        )
        .await,
        "(NULL,NULL,'',{},{})"
    );
    let rows = count(&store, "select count() from page_view_timing_rows").await;
    assert_eq!(rows, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn timing_from_before_it_had_a_table_is_still_read() {
    let store = store(&[]).await;
    let old = "insert into page_view_rows (app, view_id, start_ms, version, received_at, timing) values \
        ('shop', '0193c2f0-7c1e-7cc3-98c4-000000000001', 7, 1, now64(3), {'load_ms': 900, 'dns_start_ms': 2, 'dns_end_ms': 5})";
    let query = store.client().query(old);
    query.execute().await.expect("is taken");
    assert_eq!(view(&store, "load_ms, dns_ms").await, "(900,3)");
}

#[tokio::test(flavor = "multi_thread")]
async fn drops_are_added_up_beside_timing() {
    let mut beacons = [beacon(0), beacon(1)];
    for beacon in &mut beacons {
        beacon.beacon.drops = vec![("buffer-full".into(), 2)];
        beacon.beacon.context.timing = timing(&[("load_ms", 900.0)]);
    }
    let store = store(&beacons).await;
    assert_eq!(
        view(&store, "drops, load_ms").await,
        "({'buffer-full':4},900)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_measurement_stays_when_a_later_beacon_does_not_mention_it() {
    let mut first = beacon(0);
    first.beacon.measurements = vec![measured(Vital::Lcp, 1200.0), measured(Vital::Cls, 0.1)];
    let mut second = beacon(1);
    second.beacon.measurements = vec![measured(Vital::Cls, 0.2)];
    let third = beacon(2);
    for beacons in [
        [first.clone(), second.clone(), third.clone()],
        [third, second, first],
    ] {
        let store = store(&beacons).await;
        let values: Vec<(String, f64)> = store
            .client()
            .query("select vital, value from measurements order by vital")
            .fetch_all()
            .await
            .expect("answers");
        assert_eq!(values, [("CLS".into(), 0.2), ("LCP".into(), 1200.0)]);
    }
}

/// The agent sends all vitals again when their labels change; those it has sent again carry the new ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_is_named_anew_takes_its_measurements_along() {
    let vitals = vec![measured(Vital::Lcp, 1200.0), measured(Vital::Cls, 0.1)];
    let mut first = beacon(0);
    first.beacon.measurements = vitals.clone();
    let mut second = beacon(1);
    second.beacon.measurements = vitals;
    second.beacon.release = "1.5.0".into();
    second.beacon.route = "/checkout".into();
    second.beacon.environment = "staging".into();
    let store = store(&[first, second]).await;
    for view in ["measurements", "page_views"] {
        let names =
            format!("select toString(groupUniqArray((release, route, environment))) from {view}");
        let names = text(&store, &names).await;
        assert_eq!(names, "[('1.5.0','/checkout','staging')]", "{view}");
    }
}

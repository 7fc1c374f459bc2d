//! `vitalscope loadgen` against a real collector and a real ClickHouse: it passes when everything is there, and says so when one
//! row is not.

use std::time::Duration;

use collector::loadgen::drive::drive;
use collector::loadgen::http::Target;
use collector::loadgen::traffic::Traffic;
use collector::loadgen::{self, Plan, stored};
use collector::store::Store;

use crate::engine;
use crate::serve::serve;

fn plan(served: &crate::serve::Served, ndjson_lines: u32) -> Plan {
    Plan {
        url: served.addresses["ingest"].clone(),
        app: "load".into(),
        origin: None,
        rate: Some(400),
        duration: Duration::from_secs(2),
        connections: 8,
        ndjson_lines,
        seed: 5,
        elsewhere: false,
        metrics: Some(served.addresses["metrics"].clone()),
        token: None,
        drain_time: Duration::from_secs(60),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_is_stored_and_the_generator_can_tell() {
    let data = tempfile::tempdir().unwrap();
    let access = engine::access();
    let served = serve(data.path(), &access);
    for ndjson_lines in [1, 20] {
        let plan = plan(&served, ndjson_lines);
        let summary = loadgen::run(&plan, Some(access.clone())).await.unwrap();
        assert_eq!(summary.failures, [""; 0], "{summary:?}");
        assert_eq!(summary.acked_beacons + summary.overdue_requests, 800);
        let stored = summary.stored.expect("was asked for");
        assert!(stored.is_exact() && stored.measurements > 800, "{stored:?}");
        assert!(stored.operations > 50, "{stored:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_difference_is_found() {
    let data = tempfile::tempdir().unwrap();
    let access = engine::access();
    let store = Store::new(access.clone());
    let served = serve(data.path(), &access);
    let plan = Plan {
        duration: Duration::from_millis(300),
        ..plan(&served, 1)
    };
    let traffic = Traffic::new(plan.seed, 1);
    let mut target = Target::resolve(&plan.url.replace("{app}", "load"), false)
        .await
        .unwrap();
    target.path = "/v1/views/load".into();
    let began_ms = collector::clock::now_ms() - 60_000;
    let local = tokio::task::LocalSet::new();
    let sending = local.run_until(drive(&plan, &target, traffic)).await;
    engine::eventually("the spool is drained", async || {
        (served.count("spooled") == 0.0).then_some(())
    })
    .await;
    let differences = async || {
        let found = stored::compare(&store, "load", began_ms, traffic, &sending.ledger);
        let found = found.await.unwrap();
        (
            found.missing,
            found.different,
            found.doubled,
            found.unexpected,
        )
    };
    assert_eq!(differences().await, (0, 0, 0, 0));
    let change = async |sql: &str| store.client().query(sql).execute().await.expect(sql);
    let first = "select * from measurement_rows where vital = 'TTFB' order by view_id limit 1";
    change(&format!(
        "insert into measurement_rows select * replace (value + 1 as value, version + 1 as version) from ({first})"
    ))
    .await;
    assert_eq!(differences().await, (0, 1, 0, 0));
    change(&format!(
        "insert into measurement_rows select * replace ('MEMORY' as vital) from ({first})"
    ))
    .await;
    assert_eq!(differences().await.3, 1, "never sent");
    // Another sort key is another row to the engine, and the same measurement to a reader.
    change(&format!(
        "insert into measurement_rows select * replace (start_ms + 1 as start_ms) from ({first})"
    ))
    .await;
    assert_eq!(differences().await.2, 1, "twice");
    change("alter table measurement_rows delete where vital = 'FCP' settings mutations_sync = 1")
        .await;
    assert!(differences().await.0 > 10, "missing");
}

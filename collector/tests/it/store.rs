//! The schema and what is written into it.

use collector::config::Retention;
use collector::store::Store;

use crate::engine;
use crate::writer::count;

#[tokio::test(flavor = "multi_thread")]
async fn migrating_again_changes_nothing() {
    let store = engine::store().await;
    let list = "select groupArray(concat(name, ' ', create_table_query)) from \
        (select * from system.tables where database = currentDatabase() order by name)";
    let before: Vec<String> = store
        .client()
        .query(list)
        .fetch_one()
        .await
        .expect("answers");
    store
        .migrate(&Retention::default())
        .await
        .expect("migrates again");
    let after: Vec<String> = store
        .client()
        .query(list)
        .fetch_one()
        .await
        .expect("answers");
    assert_eq!(before, after);
    assert!(before.len() > 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_cut_short_is_completed_and_an_altered_or_newer_one_refused() {
    let store = engine::store().await;
    let run = async |statement: &str| {
        store
            .client()
            .query(statement)
            .execute()
            .await
            .expect(statement)
    };
    // As if the program had died between the last statement and the record of it.
    run("alter table migrations delete where number >= 7 settings mutations_sync = 1").await;
    run("alter table measurement_rows modify column received_at codec(NONE)").await;
    store
        .migrate(&Retention::default())
        .await
        .expect("completes");
    let codec = "select toUInt64(count()) from system.columns where database = currentDatabase() and table = 'measurement_rows' \
        and name = 'received_at' and compression_codec = 'CODEC(ZSTD(1))'";
    assert_eq!(count(&store, codec).await, 1);

    run("insert into migrations values (1000, '1000_future', 'abc', now64(3))").await;
    assert!(refusal(&store).await.contains("newer"));
    run("alter table migrations delete where number = 1000 settings mutations_sync = 1").await;
    run("insert into migrations values (2, '0002_rollups', 'abc', now64(3))").await;
    assert!(refusal(&store).await.contains("must never change"));
}

/// Every table is in one of these lists, so that none is forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn retention_follows_the_configuration() {
    const RAW: [&str; 7] = [
        "measurement_rows",
        "operation_rows",
        "page_view_drop_rows",
        "page_view_resource_rows",
        "page_view_rows",
        "page_view_start_rows",
        "page_view_timing_rows",
    ];
    const ROLLUPS: [&str; 5] = [
        "imported_hours",
        "rollup_attribution_hours",
        "rollup_dimension_hours",
        "rollup_hours",
        "rollup_totals",
    ];
    /// Few rows: what people decided and what was found is kept.
    const KEPT: [&str; 10] = [
        "alert_rows",
        "baseline_decision_rows",
        "baseline_rows",
        "decision_rows",
        "deploy_rows",
        "false_alarm_rows",
        "finding_rows",
        "migrations",
        "rollup_detail_generations",
        "rollup_generations",
    ];
    let store = engine::store().await;
    store
        .migrate(&Retention {
            raw_days: 7,
            rollup_months: 2,
        })
        .await
        .expect("migrates");
    let tables: Vec<(String, String)> = store
        .client()
        .query("select name, engine_full from system.tables where database = currentDatabase() and engine like '%MergeTree' order by name")
        .fetch_all()
        .await
        .expect("answers");
    for (name, engine) in &tables {
        let (ttl, parts) = match name.as_str() {
            raw if RAW.contains(&raw) => ("toDateTime(received_at) + toIntervalDay(7)", true),
            rollup if ROLLUPS.contains(&rollup) => ("hour + toIntervalMonth(2)", true),
            "rollup_minutes" | "rollup_by_minute" => ("minute + toIntervalHour(25)", true),
            "lease_rows" => ("toDateTime(valid_until) + toIntervalDay(1)", false),
            "evaluation_rows" => ("toDateTime(at) + toIntervalMonth(13)", false),
            "drift_rows" => ("day + toIntervalMonth(13)", false),
            "packed_days" => ("day + toIntervalDay(100)", true),
            "packed_day_marks" => ("day + toIntervalDay(100)", false),
            kept if KEPT.contains(&kept) => ("", false),
            _ => panic!("how long are rows of {name} kept?"),
        };
        let found = engine.split_once(" TTL ").map_or("", |(_, rest)| rest);
        let found = found.split(" SETTINGS").next().unwrap_or_default();
        assert_eq!(found, ttl, "{name}: {engine}");
        // Whole parts are dropped, never rewritten.
        assert_eq!(
            engine.contains("ttl_only_drop_parts = 1"),
            parts,
            "{name}: {engine}"
        );
    }
    assert_eq!(tables.len(), RAW.len() + ROLLUPS.len() + KEPT.len() + 7);
}

async fn refusal(store: &Store) -> String {
    let error = store.migrate(&Retention::default()).await;
    format!("{:#}", error.expect_err("is refused"))
}

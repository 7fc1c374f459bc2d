//! The schema and what is written into it.

use collector::config::Retention;
use collector::store::Store;

use crate::engine;

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
    run("alter table migrations delete where number = 6 settings mutations_sync = 1").await;
    run("drop view rollups_by_dimension").await;
    store
        .migrate(&Retention::default())
        .await
        .expect("completes");
    run("select * from rollups_by_dimension").await;

    run("insert into migrations values (7, '0007_future', 'abc', now64(3))").await;
    assert!(refusal(&store).await.contains("newer"));
    run("alter table migrations delete where number = 7 settings mutations_sync = 1").await;
    run("insert into migrations values (2, '0002_rollups', 'abc', now64(3))").await;
    assert!(refusal(&store).await.contains("must never change"));
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_follows_the_configuration() {
    let store = engine::store().await;
    store
        .migrate(&Retention {
            raw_days: 7,
            rollup_months: 2,
        })
        .await
        .expect("migrates");
    let engine: String = store
        .client()
        .query("select engine_full from system.tables where database = currentDatabase() and name = 'measurement_rows'")
        .fetch_one()
        .await
        .expect("answers");
    assert!(engine.contains("toIntervalDay(7)"), "{engine}");
}

async fn refusal(store: &Store) -> String {
    let error = store.migrate(&Retention::default()).await;
    format!("{:#}", error.expect_err("is refused"))
}

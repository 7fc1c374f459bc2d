//! What does not fit is refused with words that say what to do; collectors that bring a schema up to date at the same moment, or die
//! over it, leave what one would have left.

use std::process::{Output, Stdio};
use std::time::Duration;

use collector::config::Retention;
use collector::store::cluster::Cluster;
use collector::store::rows::BeaconRows;
use collector::store::{Access, Misfit, Store, insert, queries, rollup};
use collector::watch;

use crate::writer::{accepted, count, text};
use crate::{engine, serve, shards};

/// The schema as the server tells it, without the database's name.
async fn schema(store: &Store) -> String {
    let list = "select arrayStringConcat(groupArray(replaceAll(create_table_query, currentDatabase(), 'DB')), ';') \
        from (select * from system.tables where database = currentDatabase() order by name)";
    text(store, list).await
}

async fn migrate(store: &Store) -> anyhow::Result<()> {
    store.migrate(&Retention::default()).await
}

/// The refusal's own words; that of a person who must act.
async fn refusal(store: &Store) -> String {
    let error = migrate(store).await.expect_err("is refused");
    let misfit = error.downcast_ref::<Misfit>();
    misfit
        .unwrap_or_else(|| panic!("no misfit: {error:#}"))
        .to_string()
}

async fn run(store: &Store, statement: &str) {
    let done = store.client().query(statement).execute().await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_collectors_on_one_fresh_database_leave_one_schema() {
    let expected = schema(&engine::store().await).await;
    for round in 0..3 {
        let access = engine::access();
        let collectors = (0..8).map(|_| {
            let store = Store::new(access.clone());
            async move { migrate(&store).await }
        });
        for migrated in futures_util::future::join_all(collectors).await {
            migrated.unwrap_or_else(|error| panic!("round {round}: {error:#}"));
        }
        let store = Store::new(access);
        assert_eq!(schema(&store).await, expected, "round {round}");
        let rows = count(
            &store,
            "select toUInt64(count() - uniqExact(number)) from migrations final",
        )
        .await;
        assert_eq!(rows, 0);
    }
}

/// The real program, killed at a random moment of its work, again and again, beside one that is left alone.
#[tokio::test(flavor = "multi_thread")]
async fn killed_migrations_leave_nothing_that_the_next_does_not_complete() {
    let expected = schema(&engine::store().await).await;
    let folder = engine::scratch("migrations-killed");
    for delay_ms in [30u64, 60, 90, 120, 160, 200, 260, 340] {
        let access = engine::access();
        let mut killed: Vec<_> = (0..2)
            .map(|_| {
                serve::vitalscope("migrate", &folder, &access)
                    .spawn()
                    .expect("runs")
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        for process in &mut killed {
            process.kill().expect("it is ours");
            process.wait().expect("it is ours");
        }
        let store = Store::new(access);
        migrate(&store)
            .await
            .unwrap_or_else(|error| panic!("{delay_ms} ms: {error:#}"));
        assert_eq!(schema(&store).await, expected, "{delay_ms} ms");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_schema_is_refused_and_named() {
    let store = engine::store().await;
    run(
        &store,
        "alter table operation_rows rename column error_type to kind",
    )
    .await;
    let said = refusal(&store).await;
    assert!(
        said.contains("altered: operation_rows.error_type is missing"),
        "{said}"
    );
    run(
        &store,
        "alter table operation_rows rename column kind to error_type",
    )
    .await;
    run(
        &store,
        "alter table page_view_rows modify column path LowCardinality(String)",
    )
    .await;
    let said = refusal(&store).await;
    assert!(
        said.contains("page_view_rows.path is LowCardinality(String), not String"),
        "{said}"
    );
    run(
        &store,
        "alter table page_view_rows modify column path String",
    )
    .await;
    migrate(&store).await.expect("fits again");
    run(&store, "drop view findings").await;
    let said = refusal(&store).await;
    assert!(said.contains("findings is missing"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_a_missing_right_are_told_apart() {
    let access = engine::access();
    let stranger = Access {
        password: "guess".into(),
        ..access.clone()
    };
    let said = refusal(&Store::new(stranger)).await;
    assert!(said.contains("VITALSCOPE_CLICKHOUSE_PASSWORD"), "{said}");
    // The embedded server's own reader: may look, may not write.
    let reader = Access {
        user: "reader".into(),
        password: String::new(),
        ..access
    };
    let said = refusal(&Store::new(reader)).await;
    assert!(
        said.contains("\"reader\" lacks a right") && said.contains("CREATE DATABASE"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_what_the_schema_was_made_for_is_refused() {
    // One server's database, and a cluster in the configuration; and a cluster that nobody knows.
    let store = engine::store().await;
    let unknown = store.clone().on(Some(Cluster::named("main".into())));
    let said = refusal(&unknown).await;
    assert!(
        said.contains("no cluster \"main\"") && said.contains("it knows "),
        "{said}"
    );

    let shards = shards::two_shards("misfit").await;
    let [first, second] = &shards.nodes;
    let said = refusal(&first.alone()).await;
    assert!(said.contains("made for a cluster"), "{said}");
    let replicated = first.alone().on(Some(Cluster::named("main".into())));
    let said = refusal(&replicated).await;
    assert!(said.contains("{shard}"), "{said}");
    first
        .run("alter table migrations modify comment 'shard weights: 1'")
        .await;
    let said = refusal(&first.store()).await;
    assert!(
        said.contains("weights 1, and the cluster has 1 1"),
        "{said}"
    );
    first
        .run("alter table migrations modify comment 'shard weights: 1 1'")
        .await;
    // Nothing is made anew that is there, and everything that is not: a server that has joined since.
    let findings = "select toString(uuid) from system.tables where database = currentDatabase() and name = 'findings'";
    let was = text(&first.alone(), findings).await;
    migrate(&first.store()).await.expect("fits again");
    assert_eq!(text(&first.alone(), findings).await, was);
    second.run("drop table findings sync").await;
    migrate(&second.store()).await.expect("is completed");
    assert_ne!(text(&second.alone(), findings).await, was);

    second.run("drop database vitalscope").await;
    second.run("create database vitalscope").await;
    migrate(&second.alone())
        .await
        .expect("a schema for one server");
    let said = refusal(&second.store()).await;
    assert!(said.contains("made for one server"), "{said}");
}

/// `serve` does not start what could store nothing, and says why on the last line.
#[tokio::test(flavor = "multi_thread")]
async fn serve_refuses_at_start() {
    let access = engine::access();
    let store = Store::new(access.clone());
    migrate(&store).await.expect("a fresh database");
    let number = count(&store, "select toUInt64(max(number)) + 1 from migrations").await;
    run(
        &store,
        &format!("insert into migrations values ({number}, '9999_future', 'abc', now64(3))"),
    )
    .await;
    let folder = engine::scratch("serve-refuses");
    let output = tokio::task::spawn_blocking(move || -> Output {
        serve::command(&folder, &access)
            .stderr(Stdio::piped())
            .output()
            .expect("runs")
    })
    .await
    .expect("does not panic");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains("newer than this program: it has migration 9999_future"),
        "{said}"
    );
}

/// The rights that `docs/clickhouse.md` gives to the collector's user, for the database of the tests.
fn documented_rights(heading: &str) -> Vec<String> {
    let document = include_str!("../../../docs/clickhouse.md");
    let (_, section) = document.split_once(heading).expect("the document has it");
    let (_, code) = section.split_once("```sql\n").expect("it has statements");
    let (code, _) = code.split_once("```").expect("that end");
    let grants = code.lines().filter(|line| line.starts_with("grant "));
    grants
        .map(|line| {
            let line = line.split(';').next().unwrap_or_default();
            line.strip_suffix(" to vitalscope")
                .expect("to the collector")
                .into()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_rights_are_enough_and_none_is_too_many() {
    let rights = documented_rights("### For one server");
    assert!(rights.len() >= 3);
    let node = shards::one_server("rights", &rights).await;
    work(&Store::new(node.access("limited", "")))
        .await
        .unwrap_or_else(|error| panic!("{error:#}"));
    drop(node);
    for left_out in 0..rights.len() {
        let mut fewer = rights.clone();
        let right = fewer.remove(left_out);
        let node = shards::one_server(&format!("rights-{left_out}"), &fewer).await;
        let error = work(&Store::new(node.access("limited", ""))).await;
        let error = error.expect_err(&right);
        let said = format!("{error:#}");
        assert!(
            said.contains("ACCESS_DENIED") || said.contains("lacks a right"),
            "{right}: {said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_rights_are_enough_on_a_cluster() {
    let rights = documented_rights("### On a cluster");
    let shards = shards::two_shards_for("rights-cluster", &rights).await;
    for node in &shards.nodes {
        let store = Store::new(node.access("limited", "")).on(Some(shards::cluster()));
        work(&store)
            .await
            .unwrap_or_else(|error| panic!("{error:#}"));
    }
}

/// Everything that a collector does with its server.
async fn work(store: &Store) -> anyhow::Result<()> {
    migrate(store).await?;
    let mut rows = BeaconRows::default();
    rows.push(1, &accepted(1, 0, 100.0))?;
    for block in rows.seal() {
        insert::insert_once(store, &block).await?;
    }
    rollup::run_once(store).await?;
    watch::evaluate(
        store,
        detect::Strategy::RollingWindow,
        None,
        jiff::Timestamp::now(),
    )
    .await?;
    queries::apps(store, 0).await?;
    queries::freshness(store).await?;
    Ok(())
}

//! On two shards everything is as on one server: the same beacons give the same rows, rollups, verdicts and answers, whatever is
//! sent twice and whichever server dies meanwhile.

use std::collections::BTreeMap;

use collector::ingest::Accepted;
use collector::store::rows::BeaconRows;
use collector::store::{Store, decisions, insert, rollup, schema};
use collector::watch;
use wire::resources::{Resources, Share};
use wire::{Measurement, Vital};

use crate::shards::{self, Shards};
use crate::writer::{accepted, count, payload, start, text};
use crate::{dashboard, engine, shop};

/// Page views of the common history; each sends three beacons.
const VIEWS: u32 = 150;
const HOUR_MS: u64 = 3_600_000;

/// What a page view says in its beacon `seq`: always the same, so that a repeat is a repeat.
fn beacon(view: u32, seq: u32) -> Accepted {
    let mut accepted = accepted(view, seq, f64::from(500 + view * 10 + seq));
    let start_ms = accepted.started_ms - u64::from(view % 50) * HOUR_MS / 4;
    accepted.beacon.start_ms = start_ms;
    // The corrected start moves a little with every beacon, for some across the hour, and for some by more than an hour.
    let step_ms = if view.is_multiple_of(3) { 5_000_000 } else { 1 };
    accepted.started_ms = start_ms + u64::from(seq) * step_ms;
    let beacon = &mut accepted.beacon;
    beacon.session = format!("session-{}", view / 3);
    beacon.route = ["/", "/product/:id", "/cart"][(view as usize + seq as usize / 2) % 3].into();
    beacon.release = format!("1.{}", view % 4);
    beacon.measurements.push(Measurement {
        vital: Vital::Cls,
        value: f64::from(view % 7) / 20.0,
        attribution: Vec::new(),
    });
    if seq == 1 {
        beacon.drops.clear();
        beacon.context.timing = vec![("load_ms".into(), f64::from(view).into())];
        beacon.context.resources = Some(Resources {
            count: view,
            bytes: 100.0,
            types: vec![Share {
                name: "script".into(),
                count: view,
                bytes: 100.0,
            }],
            ..Resources::default()
        });
    }
    accepted
}

/// All beacons in the order of their arrival: mixed, every fourth of them twice.
fn arrivals() -> Vec<Accepted> {
    let mut all = Vec::new();
    for step in 0..VIEWS * 3 {
        // 7 has no factor in common with the number of beacons.
        let number = step * 7 % (VIEWS * 3);
        let accepted = beacon(number % VIEWS, number / VIEWS);
        if step % 4 == 0 {
            all.push(accepted.clone());
        }
        all.push(accepted);
    }
    all
}

async fn insert(store: &Store, record: u64, beacons: &[Accepted]) {
    let mut rows = BeaconRows::default();
    for (record, beacon) in (record..).zip(beacons) {
        rows.push(record, beacon).expect("names a view");
    }
    for block in rows.seal() {
        insert::insert_once(store, &block).await.expect("is taken");
    }
}

/// Every row of every view, in order.
async fn everything(store: &Store) -> BTreeMap<&'static str, Vec<String>> {
    let mut all = BTreeMap::new();
    for view in [
        "measurements",
        "page_views",
        "operations",
        "rollups",
        "rollups_minute",
        "rollups_by_dimension",
        "rollups_by_attribution",
        "baselines",
        "findings",
        "deploys",
        "alerts",
    ] {
        let sql = format!("select toString(tuple(*)) as row from {view} order by row");
        let rows = store.client().query(&sql).fetch_all().await;
        all.insert(view, rows.unwrap_or_else(|error| panic!("{view}: {error}")));
    }
    all
}

fn assert_same(one: &BTreeMap<&str, Vec<String>>, other: &BTreeMap<&str, Vec<String>>) {
    for (view, rows) in one {
        assert_eq!(rows.len(), other[view].len(), "{view}");
        for (one, other) in rows.iter().zip(&other[view]) {
            assert_eq!(one, other, "{view}");
        }
    }
}

/// No upsert key has rows on two shards, and both shards have their share.
async fn assert_placed(shards: &Shards) {
    for (table, key) in [
        ("page_view_rows", "app, view_id"),
        ("page_view_start_rows", "app, view_id"),
        ("page_view_drop_rows", "app, view_id"),
        ("page_view_timing_rows", "app, view_id"),
        ("page_view_resource_rows", "app, view_id"),
        ("measurement_rows", "app, view_id"),
        ("operation_rows", "app, view_id"),
        (
            "rollup_hours",
            "app, kind, vital, environment, route, hour, stratum, release",
        ),
        ("rollup_generations", "app, hour"),
    ] {
        let [first, second] = &shards.nodes;
        let keys = async |node: &shards::Node| {
            let sql =
                format!("select distinct toString(({key})) as key from {table}_local order by key");
            let keys: Vec<String> = node
                .alone()
                .client()
                .query(&sql)
                .fetch_all()
                .await
                .expect(table);
            keys
        };
        let (first, second) = (keys(first).await, keys(second).await);
        let total = first.len() + second.len();
        assert!(
            first.len() * 4 > total && second.len() * 4 > total,
            "{table}: {} and {}",
            first.len(),
            second.len()
        );
        let twice: Vec<&String> = first.iter().filter(|key| second.contains(key)).collect();
        assert!(
            twice.is_empty(),
            "{table} has these on both shards: {twice:?}"
        );
    }
}

const STRATEGY: detect::Strategy = detect::Strategy::RollingWindow;

#[tokio::test(flavor = "multi_thread")]
async fn beacons_give_the_same_rows_though_each_server_dies_once() {
    let one = engine::store().await;
    let mut shards = shards::two_shards("cluster-beacons").await;
    let store = shards.nodes[0].store();
    let mut expected = Vec::new();
    let running = start(&store, "cluster-beacons");
    let arrivals = arrivals();
    let total = arrivals.len() as u64;
    for (number, beacon) in arrivals.iter().enumerate() {
        // The other shard first, then the server that the collector talks to: both while blocks are on their way.
        let victim = match number {
            100 => Some(1),
            400 => Some(0),
            _ => None,
        };
        if let Some(victim) = victim {
            shards.nodes[victim].kill();
            let failed = running
                .metrics
                .inserts_failed
                .load(std::sync::atomic::Ordering::Relaxed);
            running.append(vec![payload(beacon)]).await;
            engine::eventually("an insert fails", async || {
                (running
                    .metrics
                    .inserts_failed
                    .load(std::sync::atomic::Ordering::Relaxed)
                    > failed)
                    .then_some(())
            })
            .await;
            shards.nodes[victim].start().await;
        } else {
            running.append(vec![payload(beacon)]).await;
        }
        if number == 300 {
            // What was counted until here and is moved later.
            engine::eventually("what is there is counted", async || {
                let counted = rollup::run_once(&store).await.ok();
                if counted.is_none() {
                    shards.revive().await;
                }
                counted
            })
            .await;
        }
        expected.push(beacon.clone());
    }
    engine::eventually("everything is stored", async || {
        let stored = running.metrics.counts().stored == total;
        if !stored && shards.revive().await {
            println!("the death of one server ended the other");
        }
        stored.then_some(())
    })
    .await;
    running.drain().await;
    insert(&one, 1, &expected).await;
    for store in [&one, &store] {
        rollup::run_once(store).await.expect("recomputes");
    }
    let [first, second] = &shards.nodes;
    let expected = everything(&one).await;
    assert_eq!(expected["page_views"].len(), VIEWS as usize);
    assert!(expected["rollups"].len() > 100);
    assert_same(&expected, &everything(&first.store()).await);
    assert_same(&expected, &everything(&second.store()).await);
    assert_placed(&shards).await;

    // A page view that leaves its route leaves its old series, wherever both are.
    let mut renamed = beacon(1, 3);
    renamed.beacon.route = "/other".into();
    for (store, by) in [(&one, &one), (&first.store(), &second.store())] {
        insert(store, 5000, std::slice::from_ref(&renamed)).await;
        rollup::run_once(by).await.expect("recomputes");
    }
    let expected = everything(&one).await;
    assert!(expected["rollups"].iter().any(|row| row.contains("/other")));
    assert_same(&expected, &everything(&store).await);
}

/// What the module `store::cluster` says about tokens, on tables that keep every row that they are given.
#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_is_sent_again_adds_nothing_on_any_shard() {
    let mut shards = shards::two_shards("cluster-tokens").await;
    let mut rows = BeaconRows::default();
    for view in 0..VIEWS {
        rows.push(u64::from(view), &beacon(view, 0))
            .expect("names a view");
    }
    let blocks = rows.seal();
    let stored = async |shards: &Shards| {
        let mut counts = Vec::new();
        for node in &shards.nodes {
            for block in &blocks {
                let sql = format!("select count() from {}_local", block.table);
                counts.push(count(&node.alone(), &sql).await);
            }
        }
        counts
    };
    // Merges would hide a doubled row.
    for node in &shards.nodes {
        for block in &blocks {
            let sql = format!("system stop merges {}_local", block.table);
            node.alone()
                .client()
                .query(&sql)
                .execute()
                .await
                .expect("stops");
        }
    }
    // The first attempt finds one shard away, and is refused as a whole: no shard keeps its part.
    let store = shards.nodes[0].store();
    shards.nodes[1].kill();
    for block in &blocks {
        let refused = insert::insert_once(&store, block).await;
        refused.expect_err("half of it cannot be stored");
        let table = format!("select count() from {}_local", block.table);
        assert_eq!(count(&shards.nodes[0].alone(), &table).await, 0);
    }
    shards.nodes[1].start().await;
    let all: u64 = blocks.iter().map(|block| block.rows).sum();
    for through in [0, 1, 0] {
        let store = shards.nodes[through].store();
        for block in &blocks {
            let insert = async || insert::insert_once(&store, block).await.ok();
            engine::eventually("the block is taken", insert).await;
        }
        let counts = stored(&shards).await;
        assert_eq!(counts.iter().sum::<u64>(), all, "{counts:?}");
        assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    }
    // As if the last answer had been lost before one shard had its part: the rows are cut as before, so only that part is written.
    for block in &blocks {
        let statement = format!("truncate table {}_local", block.table);
        shards.nodes[1].run(&statement).await;
        insert::insert_once(&store, block).await.expect("is taken");
    }
    let counts = stored(&shards).await;
    assert_eq!(counts.iter().sum::<u64>(), all, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_collectors_at_once_are_as_one() {
    let one = engine::store().await;
    insert(&one, 1, &arrivals()).await;
    rollup::run_once(&one).await.expect("recomputes");
    let shards = shards::two_shards("cluster-several").await;
    let stores = shards.nodes.each_ref().map(|node| node.store());
    let at: jiff::Timestamp = "2026-11-20T21:00:00Z".parse().expect("is a time");
    let collectors = (0..4usize).map(|collector| {
        let store = stores[collector % 2].clone();
        async move {
            let running = start(&store, &format!("cluster-several-{collector}"));
            for (number, beacon) in arrivals().into_iter().enumerate() {
                // Each beacon reaches two of them: its page retried through the load balancer.
                if number % 4 == collector || (number + 1) % 4 == collector {
                    running.append(vec![payload(&beacon)]).await;
                }
                if number % 100 == collector {
                    rollup::run_once(&store).await.expect("recomputes");
                    watch::evaluate(&store, STRATEGY, None, at)
                        .await
                        .expect("judges");
                }
            }
            running.drain().await;
        }
    });
    futures_util::future::join_all(collectors).await;
    let passes = stores.iter().chain(&stores).map(rollup::run_once);
    for pass in futures_util::future::join_all(passes).await {
        pass.expect("recomputes");
    }
    let expected = everything(&one).await;
    let mut found = everything(&stores[0]).await;
    let deploys = found.insert("deploys", Vec::new()).expect("is a view");
    // A release is first seen by one of them; the moment is that of the first hour known then.
    assert!(
        deploys.iter().all(|row| row.contains("first-sight")),
        "{deploys:?}"
    );
    found.insert("baselines", Vec::new());
    assert_same(&expected, &found);
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboard_recipes_and_decisions_are_the_same() {
    let one = shop::store().await;
    let mut shards = shards::two_shards("cluster-shop").await;
    let two = shards.nodes[1].store();
    copy(&one, &two).await;
    dashboard::recipes(&two).await;
    assert_same(&everything(&one).await, &everything(&two).await);
    for store in [&one, &two] {
        decisions::mute(store, "open", "known")
            .await
            .expect("is kept");
        let ruling = detect::Ruling::Rejected;
        decisions::judge_baseline(store, "b/", ruling, "no")
            .await
            .expect("is kept");
    }
    let same = everything(&one).await;
    assert!(same["findings"].iter().any(|row| row.contains("muted")));
    assert!(same["baselines"].iter().any(|row| row.contains("rejected")));
    assert_same(&same, &everything(&two).await);

    let routers = [shop::private(one), shop::private(two)];
    let days = "from=2026-01-01T00:00:00Z&to=2027-12-31T00:00:00Z";
    // Whole days: what ends now ends a little later for the second.
    let today_ms = jiff::Timestamp::now().as_millisecond() / 86_400_000 * 86_400_000;
    let days_ago = |days: i64| today_ms - days * 86_400_000;
    let recent = format!("from={}&to={today_ms}", days_ago(20));
    let yesterday = format!("from={}&to={today_ms}", days_ago(1) + 3_600_000);
    let periods = format!(
        "baseline={}/{}&current={}/{today_ms}",
        days_ago(12),
        days_ago(5),
        days_ago(1)
    );
    for path in [
        format!("overview?app=shop&environment=production&{days}"),
        format!("routes?app=shop&environment=production&{days}"),
        format!("routes?app=shop&environment=production&{yesterday}"),
        format!("routes/%2Fproduct%2F%3Aid?app=shop&vital=LCP&{days}"),
        format!("findings?app=shop&state=all&{days}"),
        "findings/open".into(),
        "baselines?app=shop".into(),
        format!("deploys?app=shop&environment=production&{days}"),
        format!("compare?app=shop&environment=production&{days}&baseline=1.0.0&current=2.0.0"),
        format!("compare?app=shop&environment=production&{days}&{periods}"),
        format!("recommendations?app=shop&environment=production&{days}"),
        format!("operations?app=shop&environment=production&{days}"),
        format!("page-views?app=shop&environment=production&order=near&{recent}&limit=5"),
        "page-views/00000000-0000-7000-8000-000000000007?app=shop".into(),
        "routes?app=nobody".into(),
    ] {
        let path = format!("/api/v1/{path}");
        let mut answers = Vec::new();
        for router in &routers {
            let (status, mut answer) = loop {
                let (status, answer) = shop::get(router, &path).await;
                if status.is_success() || !shards.revive().await {
                    break (status, answer);
                }
            };
            for moment in ["/now_ms", "/evidence/to_ms", "/decision/at_ms"] {
                if let Some(value) = answer.pointer_mut(moment) {
                    *value = serde_json::Value::Null;
                }
            }
            answers.push(format!("{status} {answer}"));
        }
        let [one, two] = answers.as_slice() else {
            unreachable!("two routers");
        };
        assert!(one.len() > 50, "{one}");
        assert_eq!(one, two, "{path}");
    }
}

/// Copies every base table, row by row as it is.
async fn copy(from: &Store, to: &Store) {
    let tables = "select name from system.tables where database = currentDatabase() and engine like '%MergeTree' and name != 'migrations'";
    let tables: Vec<String> = from
        .client()
        .query(tables)
        .fetch_all()
        .await
        .expect("answers");
    assert!(tables.len() > 14);
    for table in tables {
        let rows = from.client().query(&format!("select * from {table}"));
        let rows = rows
            .fetch_bytes("Native")
            .expect("is sent")
            .collect()
            .await
            .expect("answers");
        if rows.is_empty() {
            continue;
        }
        let sql = format!("insert into {table} format Native");
        let mut insert = to.client().insert_formatted_with(sql);
        insert.send(rows).await.expect("is sent");
        insert
            .end()
            .await
            .unwrap_or_else(|error| panic!("{table}: {error}"));
    }
}

/// The detector reads, withdraws and keeps through the same names.
#[tokio::test(flavor = "multi_thread")]
async fn an_imported_history_is_judged_the_same() {
    let one = engine::store().await;
    let shards = shards::two_shards("cluster-import").await;
    let two = shards.nodes[0].store();
    let end = 20_778 * 24 - detect::world::VIEW_DAYS * 24;
    let world = detect::world::World::shop(
        detect::world::DEFAULT_SEED,
        end + detect::world::VIEW_DAYS * 24,
    );
    let at = jiff::Timestamp::from_second(end * 3600).expect("is a time");
    // The shop's known regression begins in that week.
    let since = Some(end - 7 * 24);
    let mut found = Vec::new();
    for store in [&one, &two] {
        for _twice in 0..2 {
            let mut import = collector::store::import::Import::new(store.clone(), 1);
            let lines = world.series_hours().take_while(|line| line.hour < end);
            for line in
                lines.filter(|line| line.route == "/product/:id" && line.vital == Vital::Lcp)
            {
                let parsed =
                    collector::history::parse(line.to_json().as_bytes()).expect("is a line");
                import.push(&parsed).await.expect("is taken");
            }
            import.flush().await.expect("is taken");
            watch::evaluate(store, STRATEGY, since, at)
                .await
                .expect("judges");
        }
        let mut everything = everything(store).await;
        // Their times of writing differ.
        everything.remove("baselines");
        found.push(everything);
    }
    assert!(!found[0]["findings"].is_empty());
    assert!(found[0]["rollups"].len() > 1000);
    assert_same(&found[0], &found[1]);
    // Nothing is found any more: every finding is withdrawn, on its shard.
    let truncate = "truncate table imported_hours_local";
    for node in &shards.nodes {
        node.run(truncate).await;
    }
    watch::evaluate(&two, STRATEGY, since, at)
        .await
        .expect("judges");
    assert_eq!(count(&two, "select count() from findings").await, 0);
    let rows = "select toString((count(), uniqExact(id))) from finding_rows final";
    let withdrawn = format!("({0},{0})", found[0]["findings"].len());
    assert_eq!(text(&two, rows).await, withdrawn);
}

/// Our derived text is SQL to the real engine, `on cluster` and replicated engines included; it has no Keeper to run it on.
#[tokio::test(flavor = "multi_thread")]
async fn every_derived_statement_is_sql() {
    let store = engine::store().await;
    let replicated = collector::store::cluster::Cluster::named("main".into());
    for cluster in [None, Some(&replicated)] {
        for statement in schema::statements("vitalscope", cluster).expect("our own migrations") {
            let query = store
                .client()
                .query("select formatQuery({statement:String})");
            let formatted: String = query
                .param("statement", &statement)
                .fetch_one()
                .await
                .unwrap_or_else(|error| panic!("{statement}: {error}"));
            // What fills a table goes through one server, to all of them.
            let is_told_to_all = cluster.is_some() && !statement.starts_with("insert into ");
            assert_eq!(
                formatted.contains("ON CLUSTER main"),
                is_told_to_all,
                "{formatted}"
            );
        }
    }
    let garbled = store
        .client()
        .query("select formatQuery('create table a on (b Date)')");
    assert!(garbled.fetch_one::<String>().await.is_err());
}

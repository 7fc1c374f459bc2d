//! Several collectors on one ClickHouse: one evaluates, another takes over, and nobody's clock matters.

use std::sync::Arc;
use std::time::Duration;

use collector::metrics::Metrics;
use collector::store::Store;
use collector::store::lease::Lease;
use collector::watch;
use tokio::sync::watch as signal;

use crate::engine;
use crate::writer::count;

const BEAT: Duration = Duration::from_secs(1);
const STRATEGY: detect::Strategy = detect::Strategy::RollingWindow;

async fn leads(lease: &Lease) -> bool {
    lease.beat().await.expect("answers").leads
}

/// Two stores of one database, as two collectors have them.
async fn two() -> [Store; 2] {
    let access = engine::access();
    let stores = [Store::new(access.clone()), Store::new(access)];
    for store in &stores {
        store.migrate(&Default::default()).await.expect("migrates");
    }
    stores
}

#[tokio::test(flavor = "multi_thread")]
async fn one_leads_and_another_follows_when_it_dies_or_gives_up() {
    let stores = two().await;
    let [first, second] = stores.map(|store| Lease::new(store, "test", BEAT).expect("is random"));
    assert!(!leads(&first).await, "too young to be seen by everybody");
    engine::eventually("the first leads", async || {
        leads(&first).await.then_some(())
    })
    .await;
    for _beat in 0..3 {
        assert!(leads(&first).await && !leads(&second).await);
    }
    // The first beats no more: after two beats the second leads, and the first does not get it back by being alive again.
    let died = tokio::time::Instant::now();
    engine::eventually("the second leads", async || {
        leads(&second).await.then_some(())
    })
    .await;
    assert!(died.elapsed() < BEAT * 3, "{:?}", died.elapsed());
    assert!(!leads(&first).await && leads(&second).await);
    second.give_up().await.expect("is told");
    engine::eventually("the first leads again", async || {
        leads(&first).await.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_of_another_clock_holds_nobody_up() {
    let [store, _] = two().await;
    store
        .client()
        .query("insert into lease_rows values ('test', 'dead', 1, now64(3) - interval 1 day, now64(3) + interval 1 day)")
        .execute()
        .await
        .expect("is taken");
    let lease = Lease::new(store, "test", BEAT).expect("is random");
    engine::eventually("leads", async || leads(&lease).await.then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_timers_one_evaluates_and_the_other_takes_over() {
    let [one, two] = two().await;
    let run = |store: &Store| {
        let (end, ended) = signal::channel(false);
        let task = tokio::spawn(watch::run(
            store.clone(),
            Arc::new(Metrics::default()),
            STRATEGY,
            BEAT,
            ended,
        ));
        (end, task)
    };
    let evaluations = async || count(&one, "select count() from evaluations").await;
    let (end_first, first) = run(&one);
    engine::eventually("the first has judged", async || {
        (evaluations().await == 1).then_some(())
    })
    .await;
    engine::eventually("false alarms are measured with it", async || {
        let measured = count(&one, "select count() from false_alarm_rows").await;
        (measured == 1).then_some(())
    })
    .await;
    let (_end_second, _second) = run(&two);
    tokio::time::sleep(BEAT * 4).await;
    assert_eq!(evaluations().await, 1, "the hour was judged once");
    // By hand it goes regardless.
    watch::evaluate(&two, STRATEGY, None, jiff::Timestamp::now())
        .await
        .expect("judges");
    assert_eq!(evaluations().await, 2);
    // Killed: it gives nothing up.
    first.abort();
    engine::eventually("the second has judged", async || {
        (evaluations().await == 3).then_some(())
    })
    .await;
    drop(end_first);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_wrong_clock_kept_does_not_outlast_the_next_word() {
    let [store, _] = two().await;
    // From a collector that lives in the year 2100.
    let future = 4_102_444_800_000_u64;
    for statement in [
        format!(
            "insert into decision_rows values ('finding', 'a', {future}, 'muted', '', now64(3))"
        ),
        format!(
            "insert into finding_rows (id, version, opened_at) values ('a', {future}, now() - interval 1 day)"
        ),
    ] {
        store
            .client()
            .query(&statement)
            .execute()
            .await
            .expect("is taken");
    }
    watch::evaluate(&store, STRATEGY, None, jiff::Timestamp::now())
        .await
        .expect("judges");
    assert_eq!(
        count(&store, "select count() from findings").await,
        0,
        "nothing in the history says so"
    );
    collector::store::decisions::mute(&store, "a", "again")
        .await
        .expect("is kept");
    let newest = "select count() from decision_rows final where id = 'a' and note = 'again'";
    assert_eq!(count(&store, newest).await, 1);
}

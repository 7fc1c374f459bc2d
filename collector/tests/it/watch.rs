//! One evaluation and what surrounds it: releases noticed, people's decisions kept, the record of the evaluation.

use collector::store::{decisions, insert, rollup};
use collector::watch;
use detect::world::{DEFAULT_SEED, VIEW_DAYS, World};

use crate::engine;
use crate::writer::{accepted, count};

const STRATEGY: detect::Strategy = detect::Strategy::RollingWindow;

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_noticed_at_first_sight_unless_it_was_announced() {
    let store = engine::store().await;
    let mut rows = collector::store::rows::BeaconRows::default();
    for (view, release) in [(1, "1.0"), (2, "1.1"), (3, "")] {
        let mut beacon = accepted(view, 0, 100.0);
        beacon.beacon.release = release.into();
        rows.push(u64::from(view), &beacon).expect("names a view");
    }
    for block in rows.seal() {
        insert::insert_once(&store, &block).await.expect("is taken");
    }
    rollup::run_once(&store).await.expect("recomputes");
    let announced = decisions::Deploy {
        app: "shop".into(),
        environment: "production".into(),
        release: "1.1".into(),
        at_ms: 1_795_190_000_000,
        source: "api".into(),
    };
    decisions::deploy(&store, &announced)
        .await
        .expect("is kept");
    for _twice in 0..2 {
        watch::evaluate(&store, STRATEGY, None, jiff::Timestamp::now())
            .await
            .expect("judges");
    }
    let deploys: String = store
        .client()
        .query("select arrayStringConcat(arraySort(groupArray(concat(release, ' ', source))), ', ') from deploys")
        .fetch_one()
        .await
        .expect("answers");
    assert_eq!(deploys, "1.0 first-sight, 1.1 api");
    assert_eq!(count(&store, "select count() from evaluations").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_muted_finding_stays_muted_and_one_that_vanishes_is_withdrawn() {
    let store = engine::store().await;
    let end = 20_778 * 24 - VIEW_DAYS * 24;
    let world = World::shop(DEFAULT_SEED, end + VIEW_DAYS * 24);
    let mut import = collector::store::import::Import::new(store.clone(), 1);
    for line in world.series_hours().take_while(|line| line.hour < end) {
        // One series is enough, and much faster.
        if line.route == "/product/:id" && line.vital == wire::Vital::Lcp {
            let parsed = collector::history::parse(line.to_json().as_bytes()).expect("is a line");
            import.push(&parsed).await.expect("is taken");
        }
    }
    import.flush().await.expect("is taken");
    let at = jiff::Timestamp::from_second(end * 3600).expect("is a time");
    let first = watch::evaluate(&store, STRATEGY, None, at)
        .await
        .expect("judges");
    let finding = &first
        .replay
        .findings
        .first()
        .expect("the shop's known regression")
        .id;
    decisions::mute(&store, finding, "known")
        .await
        .expect("is kept");
    watch::evaluate(&store, STRATEGY, None, at)
        .await
        .expect("judges again");
    let muted = format!("select count() from findings where id = '{finding}' and state = 'muted'");
    assert_eq!(count(&store, &muted).await, 1);

    // The history turns out to have been another one: nothing is found in it any more.
    store
        .client()
        .query("truncate table imported_hours")
        .execute()
        .await
        .expect("answers");
    watch::evaluate(&store, STRATEGY, None, at)
        .await
        .expect("judges once more");
    assert_eq!(count(&store, "select count() from findings").await, 0);
    assert!(
        count(
            &store,
            "select count() from finding_rows final where withdrawn"
        )
        .await
            >= 1
    );
}

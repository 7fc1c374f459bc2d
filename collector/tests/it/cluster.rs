//! On two shards everything is as on one server.

use collector::ingest::Accepted;
use collector::store::{Store, rollup};

use crate::engine;
use crate::shards::{self, Shards};
use crate::writer::{accepted, count, payload, start, text};

#[tokio::test(flavor = "multi_thread")]
async fn first() {
    let shards = shards::two_shards("first").await;
    let store = shards.nodes[0].store();
    let running = start(&store, "first-spool");
    for view in 0..100 {
        running
            .append(vec![payload(&accepted(view, 0, 100.0))])
            .await;
    }
    running.drain().await;
    for node in &shards.nodes {
        assert_eq!(
            count(&node.store(), "select count() from measurements").await,
            100
        );
        eprintln!(
            "{}",
            count(&node.alone(), "select count() from measurements_local").await
        );
    }
    rollup::run_once(&store).await.expect("ok");
}

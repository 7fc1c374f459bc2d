//! How fast a page view's heap grows is one more series, and its values have a sign.

use collector::store::rollup;
use collector::watch;
use detect::Scheme;
use wire::{Measurement, Scalar, Vital};

use crate::engine;
use crate::rollup::insert;
use crate::writer::{accepted, count, text};

fn memory(growth: Option<Scalar>) -> Measurement {
    Measurement {
        vital: Vital::Memory,
        value: 3e7,
        attribution: growth
            .into_iter()
            .map(|value| ("growth_bytes_per_min".into(), value))
            .collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn growth_of_either_sign_is_a_series() {
    let store = engine::store().await;
    let growth = [
        Some(Scalar::Number(250_000.0)),
        Some(Scalar::Number(-50_000.0)),
        Some(Scalar::Number(0.0)),
        // A short visit tells none; nonsense is none.
        None,
        Some(Scalar::Text("much".into())),
        Some(Scalar::Number(1e300)),
    ];
    let mut views = Vec::new();
    for (view, growth) in (0..).zip(growth) {
        let mut beacon = accepted(view, 0, 100.0);
        beacon.beacon.measurements = vec![memory(growth)];
        views.push(beacon);
    }
    // A later beacon of the first view knows better.
    let mut later = accepted(0, 1, 100.0);
    later.beacon.measurements = vec![memory(Some(Scalar::Number(300_000.0)))];
    views.push(later);
    insert(&store, 1, &views).await;
    rollup::run_once(&store).await.expect("recomputes");

    let values = "select toString(arraySort(groupArray(value))) from measurements where vital = 'MEMORY_GROWTH'";
    assert_eq!(text(&store, values).await, "[-50000,0,300000]");
    let indices = [-50_000.0, 0.0, 300_000.0].map(|value| Scheme::Growth.bucket_index(value));
    let buckets =
        "select toString(arraySort(mapKeys(buckets))) from rollups where vital = 'MEMORY_GROWTH'";
    let [falls, stays, grows] = indices;
    assert_eq!(
        text(&store, buckets).await,
        format!("[{falls},{stays},{grows}]")
    );
    assert_eq!(
        count(
            &store,
            "select count() from measurements where vital = 'MEMORY'"
        )
        .await,
        6
    );
    // It is read with all other series, and learned like them.
    let strategy = detect::Strategy::RollingWindow;
    let judged = watch::evaluate(&store, strategy, None, jiff::Timestamp::now())
        .await
        .expect("judges");
    let baselines = &judged.replay.baselines;
    let growth = baselines.iter().find(|one| one.key.is_growth());
    let state = growth.expect("is described").state;
    assert_eq!(state, detect::BaselineState::Learning);
}

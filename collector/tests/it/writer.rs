//! Records from the spool into ClickHouse: each page view once, whatever arrives how often and in which order.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use collector::ingest::{Accepted, Engine};
use collector::metrics::Metrics;
use collector::spool::{Limits, Reader, Spool};
use collector::store::batch::Builder;
use collector::store::block::Block;
use collector::store::dead_letter::DeadLetters;
use collector::store::rows::BeaconRows;
use collector::store::{Store, insert, writer};
use tokio::sync::watch;
use wire::{Beacon, Measurement, Operation, Vital};

use crate::engine;

const START_MS: u64 = 1_795_200_000_000;

/// A beacon of the numbered page view with LCP and one operation.
pub fn accepted(view: u32, seq: u32, lcp_ms: f64) -> Accepted {
    Accepted {
        app: "shop".into(),
        received_ms: START_MS + 5_000,
        started_ms: START_MS,
        engine: Engine::Wasm,
        device: "mobile".into(),
        browser: "Chrome 156".into(),
        os: "Android".into(),
        country: String::new(),
        stratum: "mobile/fast/network".into(),
        beacon: Beacon {
            view: format!("0193c2f0-7c1e-7cc3-98c4-{view:012x}"),
            seq,
            session: format!("session-{view}"),
            sent_ms: START_MS + 5_000,
            start_ms: START_MS,
            path: "/product/:id".into(),
            route: "/product/:id".into(),
            release: "1.4.2".into(),
            environment: "production".into(),
            measurements: vec![Measurement {
                vital: Vital::Lcp,
                value: lcp_ms,
                attribution: vec![("element".into(), "#hero".into())],
            }],
            operations: vec![Operation {
                name: "GET /api/cart".into(),
                duration_ms: 231.0,
                success: true,
                at_ms: 1_000.0,
                ..Operation::default()
            }],
            drops: vec![("buffer-full".into(), 2)],
            ..Beacon::default()
        },
    }
}

pub fn payload(accepted: &Accepted) -> Bytes {
    serde_json::to_vec(accepted).expect("is JSON").into()
}

pub async fn count(store: &Store, sql: &str) -> u64 {
    let query = store.client().query(&sql.replace('?', "??"));
    query
        .fetch_one()
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

pub async fn text(store: &Store, sql: &str) -> String {
    let query = store.client().query(&sql.replace('?', "??"));
    query
        .fetch_one()
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// A writer over a spool of its own.
pub struct Running {
    pub spool: Spool,
    pub metrics: Arc<Metrics>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

pub fn start(store: &Store, name: &str) -> Running {
    let folder = engine::scratch(name);
    let (spool, reader): (Spool, Reader) =
        Spool::open(&folder.join("spool"), Limits::with_max_bytes(1 << 30)).expect("opens");
    let metrics = Arc::new(Metrics::default());
    let (stop, shutdown) = watch::channel(false);
    let dead_letters = DeadLetters::new(&folder.join("dead-letter"));
    let task = tokio::spawn(writer::run(
        store.clone(),
        reader,
        dead_letters,
        metrics.clone(),
        shutdown,
    ));
    Running {
        spool,
        metrics,
        stop,
        task,
    }
}

impl Running {
    pub async fn append(&self, payloads: Vec<Bytes>) {
        self.metrics.received_more(payloads.len() as u64);
        self.metrics.spooled(payloads.len() as u64);
        self.spool
            .append(payloads)
            .await
            .expect("the spool takes it");
    }

    /// Asks for the end and waits for the drain.
    pub async fn drain(self) -> Arc<Metrics> {
        self.stop.send(true).expect("the writer runs");
        self.task.await.expect("the writer does not panic");
        self.metrics
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_is_queryable_with_every_column() {
    let store = engine::store().await;
    let running = start(&store, "columns");
    running.append(vec![payload(&accepted(1, 0, 2412.5))]).await;
    engine::eventually("the beacon is stored", async || {
        (running.metrics.counts().stored == 1).then_some(())
    })
    .await;
    let row = "select concat(app, ' ', environment, ' ', release, ' ', route, ' ', toString(view_id), ' ', vital, ' ', \
        toString(value), ' ', rating, ' ', toString(started_at), ' ', device, ' ', browser, ' ', attribution, ' ', engine) from measurements";
    assert_eq!(
        text(&store, row).await,
        "shop production 1.4.2 /product/:id 0193c2f0-7c1e-7cc3-98c4-000000000001 LCP 2412.5 good 2026-11-20 18:40:00.000 mobile \
         Chrome 156 {\"element\":\"#hero\"} wasm"
    );
    let view = "select concat(session_id, ' ', navigation_type, ' ', toString(sample_rate), ' ', toString(beacons), ' ', toString(drops)) \
        from page_views";
    assert_eq!(
        text(&store, view).await,
        "session-1 navigate 1 1 {'buffer-full':2}"
    );
    let operation = "select concat(name, ' ', toString(duration_ms), ' ', toString(success), ' ', toString(at)) from operations";
    assert_eq!(
        text(&store, operation).await,
        "GET /api/cart 231 true 2026-11-20 18:40:01.000"
    );
    running.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_and_disorder_change_nothing() {
    let store = engine::store().await;
    // Sequence 2 comes before 1; 1 and 2 come again with other values, which do not count.
    let beacons = [
        (1, 0, 900.0),
        (1, 2, 3000.0),
        (1, 1, 1500.0),
        (1, 2, 9.0),
        (1, 0, 9.0),
        (2, 0, 700.0),
    ];
    let first = start(&store, "disorder-1");
    for (view, seq, lcp_ms) in beacons {
        first
            .append(vec![payload(&accepted(view, seq, lcp_ms))])
            .await;
    }
    let metrics = first.drain().await;
    assert_eq!(metrics.counts().stored, 6, "duplicates count as stored");
    let sums = "select toUInt64(sum(value)) from measurements";
    assert_eq!(count(&store, sums).await, 3700);
    assert_eq!(
        count(&store, "select toUInt64(sum(beacons)) from page_views").await,
        4
    );
    assert_eq!(count(&store, "select count() from operations").await, 4);
    assert_eq!(
        count(&store, "select sum(drops['buffer-full']) from page_views").await,
        8
    );

    // The whole stream once more, cut differently, as after a crash before the acknowledgement. The numbers of a spool go on, so
    // a repeat never has a lower one.
    let mut again = BeaconRows::default();
    for (record, (view, seq, lcp_ms)) in (1..).zip(beacons) {
        again
            .push(record, &accepted(view, seq, lcp_ms))
            .expect("names a view");
    }
    for block in again.seal() {
        insert::insert_once(&store, &block).await.expect("is taken");
        insert::insert_once(&store, &block)
            .await
            .expect("is recognised");
    }
    assert_eq!(count(&store, sums).await, 3700);
    assert_eq!(count(&store, "select count() from page_views").await, 2);
    assert_eq!(count(&store, "select count() from operations").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_block_sent_again_adds_no_rows_even_before_merging() {
    let store = engine::store().await;
    let mut rows = BeaconRows::default();
    // Two days, so two partitions in one block.
    rows.push(1, &accepted(1, 0, 100.0)).expect("names a view");
    let mut later = accepted(2, 0, 100.0);
    later.beacon.start_ms += 86_400_000;
    rows.push(2, &later).expect("names a view");
    let blocks = rows.seal();
    for block in blocks.iter().chain(&blocks) {
        insert::insert_once(&store, block).await.expect("is taken");
    }
    assert_eq!(
        count(&store, "select count() from measurement_rows").await,
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_server_knows_without_the_rows_costs_nothing() {
    let store = engine::store().await;
    // Two partitions, and an operation and drops in each; in one the page's clock is a day ahead.
    let beacons = [1, 2, 3].map(|view| {
        let mut beacon = accepted(view, 0, 100.0);
        beacon.beacon.start_ms += u64::from(view % 2) * 86_400_000;
        beacon
    });
    // What a process before this one left behind, and the blocks that it had sent.
    let folder = engine::scratch("known-without-rows").join("spool");
    let (spool, reader) = Spool::open(&folder, Limits::with_max_bytes(1 << 30)).expect("opens");
    let payloads = beacons.each_ref().map(payload);
    spool.append(payloads.to_vec()).await.expect("is kept");
    let mut reader = reader;
    let mut builder = Builder::default();
    let records = reader.read_until(3, 3, usize::MAX).await.expect("reads");
    records.iter().for_each(|record| builder.push(record));
    let sealed = builder.seal().seal;
    reader.acks().seal(sealed).await.expect("is kept");
    drop(reader);
    spool.close().await;
    let files: Vec<_> = std::fs::read_dir(&folder)
        .expect("exists")
        .map(|file| file.expect("is read").path())
        .filter(|path| path.is_file())
        .map(|path| (std::fs::read(&path).expect("is read"), path))
        .collect();
    let mut rows = BeaconRows::default();
    let mut others = BeaconRows::default();
    for (record, beacon) in (1..).zip(&beacons) {
        rows.push(record, beacon).expect("names a view");
        let mut other = beacon.clone();
        other.app = "other".into();
        others.push(record, &other).expect("names a view");
    }
    // The server that is killed between its note of a token and the rows cannot be had at will. Other rows of the same partitions
    // under these tokens leave the same behind: it knows the tokens, and has no such rows.
    for (block, other) in rows.seal().into_iter().zip(others.seal()) {
        assert_eq!(block.table, other.table);
        let usurper = Block {
            token: block.token.clone(),
            ..other
        };
        insert::insert_once(&store, &usurper)
            .await
            .expect("is taken");
        assert!(insert::is_stored(&store, &usurper).await.expect("answers"));
        insert::insert_once(&store, &block)
            .await
            .expect("says that it knows it");
        assert!(!insert::is_stored(&store, &block).await.expect("answers"));
    }
    let again = || {
        let running = start(&store, "known-without-rows");
        running.metrics.received_more(3);
        running.metrics.spooled(3);
        running.drain()
    };
    let metrics = again().await;
    let of_shop = |table: &str| format!("select count() from {table} where app = 'shop'");
    for table in ["page_views", "measurements", "operations"] {
        assert_eq!(count(&store, &of_shop(table)).await, 3, "{table}");
    }
    let anew = metrics.blocks_sent_anew.load(Ordering::Relaxed);
    assert_eq!(anew, 5, "one block of each table");
    // Once more, after a crash before the acknowledgement: now the rows are there, and nothing is sent anew. Nor is anything
    // looked for where no seal tells how the process before had cut its records: they go out again, and change nothing.
    for with_the_seal in [true, false] {
        for (bytes, path) in &files {
            std::fs::write(path, bytes).expect("is written");
        }
        if !with_the_seal {
            std::fs::remove_file(folder.join("checkpoint")).expect("exists");
        }
        let metrics = again().await;
        assert_eq!(metrics.blocks_sent_anew.load(Ordering::Relaxed), 0);
        for table in ["page_views", "measurements", "operations"] {
            assert_eq!(count(&store, &of_shop(table)).await, 3, "{table}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stored_becomes_a_dead_letter_and_holds_nobody_up() {
    let store = engine::store().await;
    let running = start(&store, "dead");
    let mut nameless = accepted(3, 0, 1.0);
    nameless.beacon.view = "not a view".into();
    running
        .append(vec![
            payload(&accepted(1, 0, 1.0)),
            Bytes::from_static(b"{\"not\":\"a beacon\"}"),
            payload(&nameless),
            payload(&accepted(2, 0, 1.0)),
        ])
        .await;
    let metrics = running.drain().await;
    assert_eq!(metrics.counts().stored, 2);
    assert_eq!(count(&store, "select count() from measurements").await, 2);
    let folder = engine::scratch("dead").join("dead-letter");
    let files: Vec<_> = std::fs::read_dir(folder)
        .expect("exists")
        .flatten()
        .collect();
    let text = std::fs::read_to_string(files[0].path()).expect("is text");
    assert_eq!(text.lines().count(), 2);
    assert!(
        text.contains("missing field") && text.contains("is not a UUID"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_somebody_changed_calls_a_person_and_costs_nothing() {
    let store = engine::store().await;
    let alter = |kind: &'static str| {
        let sql = format!("alter table measurement_rows modify column path {kind}");
        let store = store.clone();
        async move { store.client().query(&sql).execute().await.expect(kind) }
    };
    alter("LowCardinality(String)").await;
    let running = start(&store, "drift");
    running.append(vec![payload(&accepted(1, 0, 1.0))]).await;
    let needs_operator = || running.metrics.store_needs_operator.load(Ordering::Relaxed);
    engine::eventually("a person is called", async || {
        needs_operator().then_some(())
    })
    .await;
    assert_eq!(running.metrics.counts().spooled, 1);
    alter("String").await;
    engine::eventually("the beacon is stored", async || {
        (running.metrics.counts().stored == 1).then_some(())
    })
    .await;
    assert!(!needs_operator());
    assert_eq!(count(&store, "select count() from measurements").await, 1);
    running.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_engine_delays_but_loses_and_doubles_nothing() {
    let server = collector::embedded::start_with(engine::options(&engine::scratch("restart")))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let store = Store::new(collector::store::Access {
        url: server.url.clone(),
        database: "vitalscope".into(),
        user: server.user.clone(),
        password: server.password.clone(),
    });
    store
        .migrate(&collector::config::Retention::default())
        .await
        .expect("migrates");
    let running = start(&store, "restart");
    for view in 0..200 {
        running
            .append(vec![payload(&accepted(view, 0, 100.0))])
            .await;
        if view == 100 {
            let status = std::process::Command::new("kill")
                .args(["-9", &server.pid().to_string()])
                .status();
            assert!(status.expect("kill is installed").success());
        }
    }
    engine::eventually("everything is stored", async || {
        (running.metrics.counts().stored == 200).then_some(())
    })
    .await;
    assert_eq!(count(&store, "select count() from measurements").await, 200);
    assert_eq!(
        count(&store, "select count() from measurement_rows").await,
        200
    );
    running.drain().await;
    server.stop().await;
}

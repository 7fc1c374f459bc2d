//! Composition: builds the parts, connects them, runs them, ends them in order. A branch about meaning belongs below.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use detect::Strategy;
use tokio::sync::watch as signal;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::clock;
use crate::config::{Config, Retention, TlsFiles};
use crate::embedded;
use crate::http::connections::Connections;
use crate::http::lanes::Lanes;
use crate::http::private::{self, SpoolStatus};
use crate::http::tls::Tls;
use crate::http::tls::certificate::Certificate;
use crate::http::{listen, public};
use crate::ingest::names::{KEEP_DAYS, Kind};
use crate::ingest::{Names, payload};
use crate::listeners::Listeners;
use crate::metrics::saved::Saved;
use crate::metrics::{Histogram, Metrics, SpoolGauges};
use crate::shutdown::{Shutdown, requested};
use crate::spool::{self, Limits, Reader, Spool};
use crate::store::cluster::Cluster;
use crate::store::dead_letter::DeadLetters;
use crate::store::{Access, Misfit, Store, queries, rollup, size, writer};
use crate::watch;

/// How often counters that only memory holds are written down.
const SAVE_INTERVAL: Duration = Duration::from_secs(10);
/// Between two attempts to reach a ClickHouse server that is not ours.
const STORE_RETRY: Duration = Duration::from_secs(5);
/// How long its first answer may keep browsers waiting.
const FIRST_LOOK: Duration = Duration::from_secs(10);

/// A collector that takes beacons.
pub struct Collector {
    /// What is where, for people: name and address.
    pub addresses: Vec<(&'static str, String)>,
    /// Of the listeners that speak TLS.
    pub certificates: Vec<Arc<Certificate>>,
    spool: Spool,
    metrics: Arc<Metrics>,
    counters_file: PathBuf,
    server: Option<embedded::Server>,
    listening: signal::Sender<bool>,
    storing: signal::Sender<bool>,
    keeping: signal::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
    store: JoinHandle<()>,
    keeper: JoinHandle<()>,
}

/// Starts everything and returns when beacons are taken.
///
/// # Errors
/// The spool or the embedded server cannot be opened, or the schema does not fit. A ClickHouse server of one's own may be away:
/// beacons wait in the spool.
pub async fn start(config: Config, listeners: Listeners) -> anyhow::Result<Collector> {
    if config.apps.is_empty() {
        warn!("no [[apps]] configured: beacons of any app are taken from any origin");
    }
    let secured = [
        certificate("public", config.public.tls())?,
        certificate("private", config.private.tls())?,
    ];
    let limits = Limits {
        payload_version: payload::VERSION,
        ..Limits::with_max_bytes(config.spool.max_bytes)
    };
    let fsync_seconds = Arc::new(Histogram::default());
    let observed = fsync_seconds.clone();
    let (spool, reader) =
        Spool::open_observed(&config.data_dir.join("spool"), limits, move |took| {
            observed.observe(took);
        })?;
    let counters_file = config.data_dir.join("counters.json");
    let status = spool.status();
    let oldest_age = Duration::try_from_secs_f64(status.oldest_age_s).unwrap_or_default();
    let counts = Saved::load(&counters_file).resume(&status);
    let mut metrics = Metrics::resumed(counts, oldest_age);
    metrics.fsync_seconds = fsync_seconds;
    let metrics = Arc::new(metrics);
    metrics.read_spool_from(gauges(&config, spool.clone()));

    let server = match config.clickhouse.url.as_str() {
        "embedded" => Some(embedded::start(&config.data_dir, &config.clickhouse.database).await?),
        _ => None,
    };
    let access = access(&config, server.as_ref());
    let cluster = config.clickhouse.cluster.clone().map(Cluster::named);
    let store = Store::new(access.clone()).on(cluster);
    if server.is_some() {
        store.migrate(&config.retention).await?;
    } else {
        refuse_misfit(&store, &config.retention).await?;
    }

    let public_state = public::State::new(&config, spool.clone(), metrics.clone(), clock::now_ms)?;
    let private_state = private::State {
        store: store.clone(),
        metrics: metrics.clone(),
        config: Arc::new(config.clone()),
        spool: Arc::new(spool_status(spool.clone(), metrics.clone())),
    };
    let names = public_state.names.clone();
    let addresses = listeners.addresses(&config, &access.url)?;
    let (listening, storing, keeping) = (end(), end(), end());
    let proxies = public_state.trusted_proxies.clone();
    let public = public::Door::new(public_state);
    let private = private::router(private_state);
    let listeners = vec![
        tokio::spawn(listen::serve(
            listeners.public,
            Connections::public(metrics.public_traffic.clone(), proxies),
            Lanes::for_all_cores()?,
            secured[0].clone().map(Tls::new),
            public,
            listening.subscribe(),
        )),
        tokio::spawn(listen::serve(
            listeners.private,
            Connections::private(metrics.private_traffic.clone()),
            Lanes::here(),
            secured[1].clone().map(Tls::new),
            private,
            listening.subscribe(),
        )),
    ];
    let certificates: Vec<_> = secured.into_iter().flatten().collect();
    for certificate in &certificates {
        tokio::spawn(certificate.clone().watch(listening.subscribe()));
    }
    let dead_letters = DeadLetters::new(&config.data_dir.join("dead-letter"));
    let parts = StoreParts {
        store,
        reader,
        dead_letters,
        metrics: metrics.clone(),
        names,
        retention: config.retention.clone(),
        strategy: config.detection.baseline.into(),
    };
    let store = tokio::spawn(parts.run(storing.subscribe()));
    let keeper = keep_counters(
        spool.clone(),
        metrics.clone(),
        counters_file.clone(),
        keeping.subscribe(),
    );
    Ok(Collector {
        addresses,
        certificates,
        spool,
        metrics,
        counters_file,
        server,
        listening,
        storing,
        keeping,
        listeners,
        store,
        keeper: tokio::spawn(keeper),
    })
}

impl Collector {
    /// Runs until the end is asked for, then ends in order: no more requests, the spool drained as far as ClickHouse takes it
    /// in time, ClickHouse stopped.
    ///
    /// # Errors
    /// A part that must run for ever has ended: our own bug.
    pub async fn run(mut self, mut shutdown: Shutdown) -> anyhow::Result<()> {
        let ended = tokio::select! {
            () = requested(&mut shutdown) => Ok(()),
            ended = &mut self.store => Err(anyhow::anyhow!("the writer to ClickHouse has ended: {ended:?}")),
        };
        info!("ending: requests in progress first, then the spool");
        self.listening.send_replace(true);
        for listener in self.listeners {
            log_panic(listener.await);
        }
        self.storing.send_replace(true);
        if ended.is_ok() {
            log_panic(self.store.await);
        }
        self.keeping.send_replace(true);
        log_panic(self.keeper.await);
        if let Some(server) = self.server {
            server.stop().await;
        }
        let waiting = self.spool.status().pending;
        if waiting > 0 {
            info!(waiting, "beacons wait in the spool for the next start");
        }
        if let Err(error) = Saved::save(&self.metrics.counts(), &self.counters_file) {
            warn!(%error, "the counters could not be saved");
        }
        ended
    }
}

fn certificate(
    section: &'static str,
    tls: Option<TlsFiles<'_>>,
) -> anyhow::Result<Option<Arc<Certificate>>> {
    let loaded = tls.map(|tls| Certificate::load(section, tls.certificate, tls.key));
    Ok(loaded.transpose()?.map(Arc::new))
}

fn end() -> signal::Sender<bool> {
    signal::Sender::new(false)
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        error!(%error, "a part of the collector has panicked");
    }
}

/// Everything behind the spool.
struct StoreParts {
    store: Store,
    reader: Reader,
    dead_letters: DeadLetters,
    metrics: Arc<Metrics>,
    names: Arc<Names>,
    retention: Retention,
    strategy: Strategy,
}

impl StoreParts {
    async fn run(self, mut shutdown: Shutdown) {
        tokio::select! {
            () = migrate_until_done(&self.store, &self.retention) => {}
            () = requested(&mut shutdown) => return,
        }
        learn_names(&self.store, &self.names).await;
        let size = size::run(self.store.clone(), self.metrics.clone(), shutdown.clone());
        let rollup = rollup::run(self.store.clone(), shutdown.clone());
        let watch = watch::run(
            self.store.clone(),
            self.metrics.clone(),
            self.strategy,
            watch::BEAT,
            shutdown.clone(),
        );
        let writer = writer::run(
            self.store,
            self.reader,
            self.dead_letters,
            self.metrics,
            shutdown,
        );
        tokio::join!(writer, rollup, watch, size);
    }
}

/// A server of one's own that answers and does not fit is told now, to the person who starts us; everything else can pass by itself.
async fn refuse_misfit(store: &Store, retention: &Retention) -> anyhow::Result<()> {
    match timeout(FIRST_LOOK, store.migrate(retention)).await {
        Ok(Err(error)) if error.is::<Misfit>() => Err(error),
        // Away, slow, or ready.
        _ => Ok(()),
    }
}

/// A server of one's own may be away or being upgraded. Its schema is ours to bring up to date as soon as it answers.
async fn migrate_until_done(store: &Store, retention: &Retention) {
    while let Err(error) = store.migrate(retention).await {
        let error = format!("{error:#}");
        warn!(error, "ClickHouse is not ready: beacons wait in the spool");
        sleep(STORE_RETRY).await;
    }
}

/// What ClickHouse has seen of late is no new name. Without an answer names are learnt as they come.
async fn learn_names(store: &Store, names: &Names) {
    let now_ms = clock::now_ms();
    match queries::names(store, KEEP_DAYS as u16).await {
        Ok(rows) => {
            for row in rows {
                if let Some(kind) = Kind::from_name(&row.what) {
                    names.learn(&row.app, kind, &row.name, now_ms);
                }
            }
        }
        Err(error) => warn!(%error, "ClickHouse did not say which names it knows"),
    }
}

/// Writes down what only memory knows, and moves losses that reading discovers to where they belong in the books.
async fn keep_counters(spool: Spool, metrics: Arc<Metrics>, file: PathBuf, mut shutdown: Shutdown) {
    let mut known_lost = spool.status().lost;
    loop {
        tokio::select! {
            () = sleep(SAVE_INTERVAL) => {}
            () = requested(&mut shutdown) => return,
        }
        let lost = spool.status().lost;
        if lost > known_lost {
            metrics.quarantined(lost - known_lost);
            known_lost = lost;
        }
        if let Err(error) = Saved::save(&metrics.counts(), &file) {
            warn!(%error, "the counters could not be saved");
        }
    }
}

fn access(config: &Config, server: Option<&embedded::Server>) -> Access {
    let database = config.clickhouse.database.clone();
    match server {
        Some(server) => Access {
            url: server.url.clone(),
            database,
            user: server.user.clone(),
            password: server.password.clone(),
        },
        None => Access {
            url: config.clickhouse.url.clone(),
            database,
            user: config.clickhouse.user.clone(),
            password: config.clickhouse.password.clone(),
        },
    }
}

fn gauges(config: &Config, spool: Spool) -> impl Fn() -> SpoolGauges + use<> {
    let (max_bytes, data_dir) = (config.spool.max_bytes, config.data_dir.clone());
    move || {
        let status = spool.status();
        SpoolGauges {
            bytes: status.bytes,
            max_bytes,
            disk_free_bytes: spool::free_bytes(&data_dir).ok(),
            segments: status.segments,
            torn_bytes: spool.report().torn_bytes,
        }
    }
}

fn spool_status(spool: Spool, metrics: Arc<Metrics>) -> impl Fn() -> SpoolStatus {
    move || {
        let status = spool.status();
        SpoolStatus {
            bytes: status.bytes,
            oldest_age_s: metrics.oldest_age().as_secs_f64(),
            accepting: spool.accepts().is_ok(),
        }
    }
}

//! Composition: builds the parts, connects them, runs them, ends them in order. A branch about meaning belongs below.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::watch as signal;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::clock;
use crate::config::{Config, Retention};
use crate::embedded;
use crate::http::private::{self, SpoolStatus};
use crate::http::{listen, public};
use crate::metrics::saved::Saved;
use crate::metrics::{Metrics, SpoolGauges};
use crate::shutdown::{Shutdown, requested};
use crate::spool::{Limits, Reader, Spool};
use crate::store::cluster::Cluster;
use crate::store::dead_letter::DeadLetters;
use crate::store::{Access, Misfit, Store, rollup, writer};
use crate::watch;

/// How often counters that only memory holds are written down.
const SAVE_INTERVAL: Duration = Duration::from_secs(10);
/// Between two attempts to reach a ClickHouse server that is not ours.
const STORE_RETRY: Duration = Duration::from_secs(5);
/// How long its first answer may keep browsers waiting.
const FIRST_LOOK: Duration = Duration::from_secs(10);

/// The two doors, open but not served yet.
pub struct Listeners {
    pub public: TcpListener,
    pub private: TcpListener,
}

impl Listeners {
    /// # Errors
    /// An address is taken or not ours; the message names the key to change.
    pub async fn bind(config: &Config) -> anyhow::Result<Listeners> {
        Ok(Listeners {
            public: bind("public.listen", config.public.listen).await?,
            private: bind("private.listen", config.private.listen).await?,
        })
    }
}

async fn bind(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        let variable = format!("VITALSCOPE_{}", key.replace('.', "_").to_uppercase());
        format!("cannot listen on {address}: choose another address with {key} or {variable}")
    })
}

/// A collector that takes beacons.
pub struct Collector {
    /// What is where, for people: name and address.
    pub addresses: Vec<(&'static str, String)>,
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
    let limits = Limits::with_max_bytes(config.spool.max_bytes);
    let (spool, reader) = Spool::open(&config.data_dir.join("spool"), limits)?;
    let counters_file = config.data_dir.join("counters.json");
    let counts = Saved::load(&counters_file).resume(&spool.status());
    let metrics = Arc::new(Metrics::resumed(counts));
    metrics.read_spool_from(gauges(spool.clone()));

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
        spool: Arc::new(spool_status(spool.clone())),
    };
    let addresses = addresses(&config, &listeners, &access.url)?;
    let (listening, storing, keeping) = (end(), end(), end());
    let public = public::router(public_state);
    let private = private::router(private_state);
    let listeners = vec![
        tokio::spawn(listen::serve(
            listeners.public,
            public,
            listening.subscribe(),
        )),
        tokio::spawn(listen::serve(
            listeners.private,
            private,
            listening.subscribe(),
        )),
    ];
    let dead_letters = DeadLetters::new(&config.data_dir.join("dead-letter"));
    let parts = StoreParts {
        store,
        reader,
        dead_letters,
        metrics: metrics.clone(),
        retention: config.retention.clone(),
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
    retention: Retention,
}

impl StoreParts {
    async fn run(self, mut shutdown: Shutdown) {
        tokio::select! {
            () = migrate_until_done(&self.store, &self.retention) => {}
            () = requested(&mut shutdown) => return,
        }
        let rollup = rollup::run(self.store.clone(), shutdown.clone());
        let watch = watch::run(self.store.clone(), self.metrics.clone(), shutdown.clone());
        let writer = writer::run(
            self.store,
            self.reader,
            self.dead_letters,
            self.metrics,
            shutdown,
        );
        tokio::join!(writer, rollup, watch);
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

fn gauges(spool: Spool) -> impl Fn() -> SpoolGauges {
    move || {
        let status = spool.status();
        SpoolGauges {
            bytes: status.bytes,
            oldest_age_s: status.oldest_age_s,
            segments: status.segments,
            torn_bytes: spool.report().torn_bytes,
        }
    }
}

fn spool_status(spool: Spool) -> impl Fn() -> SpoolStatus {
    move || {
        let status = spool.status();
        SpoolStatus {
            bytes: status.bytes,
            oldest_age_s: status.oldest_age_s,
            accepting: spool.accepts().is_ok(),
        }
    }
}

fn addresses(
    config: &Config,
    listeners: &Listeners,
    clickhouse: &str,
) -> anyhow::Result<Vec<(&'static str, String)>> {
    let public = reachable(listeners.public.local_addr()?);
    let private = reachable(listeners.private.local_addr()?);
    let mut addresses = vec![
        (
            "ingest",
            format!("http://{public}{}/{{app}}", config.ingest.path),
        ),
        ("agent", format!("http://{public}/agent.js")),
    ];
    if config.demo.enabled {
        addresses.push(("demo", format!("http://{public}/demo/")));
    }
    addresses.push(("dashboard", format!("http://{private}/")));
    addresses.push(("metrics", format!("http://{private}/metrics")));
    addresses.push(("clickhouse", clickhouse.to_owned()));
    Ok(addresses)
}

/// An address that a browser on this machine can open: listening everywhere includes here.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

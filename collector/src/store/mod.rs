//! ClickHouse: schema, rows, sealed blocks, rollups, queries. It does not know where the server came from.
//!
//! Everything written is an upsert by key, so that writing again changes nothing: retries, replays after a crash and imports need
//! no transaction. [`migrate`] keeps the schema, [`rows`] says what a beacon becomes, [`block`] seals rows under a content hash,
//! [`insert`] makes sure that a block is there, [`writer`] carries blocks from the spool, [`rollup`] recomputes histograms.

pub mod around;
pub mod batch;
pub mod block;
pub mod calibration;
pub mod cluster;
mod column_text;
pub mod dead_letter;
pub mod decisions;
pub mod drifts;
pub mod finding_detail;
mod found;
mod frame;
pub mod histories;
mod hourly;
pub mod import;
pub mod insert;
pub mod lease;
mod migrate;
mod misfit;
pub mod packed;
pub mod queries;
pub mod references;
mod refusal;
pub mod rollup;
mod row_binary;
mod row_key;
pub mod rows;
pub mod schema;
mod server;
pub mod size;
mod statement;
mod tables;
pub mod verdicts;
pub mod writer;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use misfit::Misfit;

use self::cluster::Cluster;
use crate::config::Retention;

/// Where ClickHouse is and who we are there.
#[derive(Clone)]
pub struct Access {
    /// HTTP address, such as `http://127.0.0.1:8123`.
    pub url: String,
    pub database: String,
    pub user: String,
    pub password: String,
}

/// The handle that every part of the collector uses; clones share one connection pool.
#[derive(Clone)]
pub struct Store {
    client: clickhouse::Client,
    /// The same with the settings that this server knows; there once [`Store::migrate`] has asked.
    fitted: Arc<OnceLock<clickhouse::Client>>,
    database: String,
    user: String,
    cluster: Option<Cluster>,
}

impl Store {
    pub fn new(access: Access) -> Store {
        let client = clickhouse::Client::default()
            .with_url(&access.url)
            .with_user(&access.user)
            .with_password(&access.password)
            .with_database(&access.database)
            // Servers from 26.3 on insert asynchronously unless told otherwise; our blocks are complete.
            .with_setting("async_insert", "0");
        Store {
            client,
            fitted: Arc::default(),
            database: access.database,
            user: access.user,
            cluster: None,
        }
    }

    /// The store on a cluster of which the server is a part.
    #[must_use]
    pub fn on(mut self, cluster: Option<Cluster>) -> Store {
        for (name, value) in cluster.iter().flat_map(|_| cluster::SETTINGS) {
            self.client = self.client.with_setting(name, value);
        }
        self.cluster = cluster;
        self
    }

    /// A client whose queries run in the database. Reads have no timeout of their own: wrap them in one.
    pub fn client(&self) -> &clickhouse::Client {
        self.fitted.get().unwrap_or(&self.client)
    }

    /// Asks the server what it is, the first time.
    async fn learn(&self) -> anyhow::Result<()> {
        if self.fitted.get().is_none() {
            let mut client = self.client.clone();
            let server = client.clone().with_database("default");
            for (name, value) in server::settings(&server).await? {
                client = client.with_setting(name, value);
            }
            self.fitted.get_or_init(|| client);
        }
        Ok(())
    }

    /// Brings the schema to this version; safe to run again and from several processes.
    ///
    /// # Errors
    /// When the server cannot be reached or a statement fails; with a [`Misfit`] as its context when a person must mend something.
    pub async fn migrate(&self, retention: &Retention) -> anyhow::Result<()> {
        migrate::run(self, retention).await
    }

    /// Waits until the server answers a query, or the time is over.
    ///
    /// # Errors
    /// The last error of the server.
    pub async fn wait(&self, limit: Duration) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            // Not `self.client`: its database may not exist yet.
            let answer = self
                .client
                .clone()
                .with_database("default")
                .query("select 1")
                .execute();
            let error = match tokio::time::timeout(limit, answer).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => anyhow::Error::from(error),
                Err(elapsed) => elapsed.into(),
            };
            if tokio::time::Instant::now() >= deadline {
                return Err(error.context("ClickHouse does not answer"));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

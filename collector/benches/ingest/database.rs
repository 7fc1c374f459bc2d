//! The one ClickHouse server of the bench, and the yardstick: the `clickhouse` crate alone, writing the same rows.

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use clickhouse::sql::Identifier;
use collector::config::Retention;
use collector::embedded::{self, Options, Server};
use collector::store::{Access, Store};

/// Tables that beacons become rows of.
const TABLES: [&str; 7] = [
    "page_view_rows",
    "page_view_start_rows",
    "page_view_drop_rows",
    "page_view_timing_rows",
    "page_view_resource_rows",
    "measurement_rows",
    "operation_rows",
];
const BLOCK_ROWS: u64 = 100_000;
/// The rate is what is wanted: so many blocks of a table are enough.
const MAX_BLOCKS: u64 = 10;
const TIME_OUT: Duration = Duration::from_secs(120);

pub struct Database {
    server: Server,
    direct_rows_per_s: Cell<Option<f64>>,
}

impl Database {
    pub async fn start(folder: &Path) -> anyhow::Result<Database> {
        let options = Options {
            data_dir: folder.join("engine"),
            database: "vitalscope".into(),
            program: env!("CARGO_BIN_EXE_vitalscope").into(),
        };
        Ok(Database {
            server: embedded::start_with(options).await?,
            direct_rows_per_s: Cell::new(None),
        })
    }

    pub fn url(&self) -> String {
        self.server.url.clone()
    }

    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// The way to a migrated database of this name.
    pub async fn fresh(&self, name: &str) -> anyhow::Result<Access> {
        let access = Access {
            url: self.server.url.clone(),
            database: name.into(),
            user: self.server.user.clone(),
            password: self.server.password.clone(),
        };
        Store::new(access.clone())
            .migrate(&Retention::default())
            .await?;
        Ok(access)
    }

    /// Runs one statement in a database.
    pub async fn execute(&self, access: &Access, sql: &str) -> anyhow::Result<()> {
        let store = Store::new(access.clone());
        let statement = store.client().query(&sql.replace('?', "??"));
        statement.execute().await.with_context(|| sql.to_owned())
    }

    /// Rows of all tables as they were inserted, superseded ones included.
    pub async fn rows(&self, access: &Access) -> anyhow::Result<u64> {
        let store = Store::new(access.clone());
        let mut rows = 0;
        for table in TABLES {
            let query = store
                .client()
                .query("select count() from ?")
                .bind(Identifier(table));
            rows += query.fetch_one::<u64>().await?;
        }
        Ok(rows)
    }

    /// Rows a second of the crate alone: the rows of `from`, encoded beforehand, into the same tables of a fresh database, a block at
    /// a time. No queue, no encoding, no retries: whoever does more is slower.
    pub async fn insert_directly(&self, from: &Access) -> anyhow::Result<f64> {
        let (from, to) = (Store::new(from.clone()), self.fresh("directly").await?);
        let to = Store::new(to);
        let (mut rows, mut took) = (0, Duration::ZERO);
        for table in TABLES {
            for block in 0..MAX_BLOCKS {
                let (count, bytes) = fetch(&from, table, block).await?;
                if count == 0 {
                    break;
                }
                let sql = format!("insert into {table} format RowBinaryWithNamesAndTypes");
                let began = Instant::now();
                let mut insert = to
                    .client()
                    .insert_formatted_with(sql)
                    .with_timeouts(Some(TIME_OUT), Some(TIME_OUT));
                insert.send(bytes).await?;
                insert.end().await?;
                took += began.elapsed();
                rows += count;
            }
        }
        Ok(rows as f64 / took.as_secs_f64())
    }

    pub fn remember_direct(&self, rows_per_s: f64) {
        self.direct_rows_per_s.set(Some(rows_per_s));
    }

    pub fn direct(&self) -> Option<f64> {
        self.direct_rows_per_s.get()
    }

    pub async fn stop(self) {
        self.server.stop().await;
    }
}

async fn fetch(store: &Store, table: &str, block: u64) -> anyhow::Result<(u64, Bytes)> {
    let range = format!(
        "select * from {table} limit {BLOCK_ROWS} offset {}",
        block * BLOCK_ROWS
    );
    let count = store
        .client()
        .query(&format!("select count() from ({range})"))
        .fetch_one()
        .await?;
    let mut cursor = store
        .client()
        .query(&range)
        .fetch_bytes("RowBinaryWithNamesAndTypes")?;
    Ok((count, cursor.collect().await?))
}

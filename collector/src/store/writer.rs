//! Carries records from the spool into ClickHouse: collect, seal, insert, ack. A record is acknowledged when all its rows are in
//! ClickHouse or, if the server will never take them, in the dead letters; until then the spool keeps it, and because every
//! table is an upsert by key, sending it again is harmless.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Store;
use super::block::Block;
use super::dead_letter::DeadLetters;
use super::refusal::{self, Class};
use super::rows::BeaconRows;
use crate::ingest::Accepted;
use crate::metrics::Metrics;
use crate::shutdown::{Shutdown, requested};
use crate::spool::{Reader, Record};

/// A block is sealed when its oldest record has waited this long, or it has this many rows or bytes: large enough for few
/// parts, small enough to be one atomic block on the server (its limit is 1,048,449 rows).
const SEAL_AFTER: Duration = Duration::from_secs(1);
const MAX_ROWS: u64 = 50_000;
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// One read from the spool.
const READ_RECORDS: usize = 5_000;
/// The server refuses a block over more than 100 partitions; each costs a file set.
const MAX_PARTITIONS: usize = 50;
/// Never tied to the seal period: a client that gives up earlier than the server doubles its own load.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
const END_TIMEOUT: Duration = Duration::from_secs(60);
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// How long the end may take: what is not in by then waits in the spool for the next start.
const DRAIN_TIME: Duration = Duration::from_secs(20);
/// During the drain: nothing more within this time means that the spool is empty.
const DRAIN_POLL: Duration = Duration::from_millis(20);

/// Runs until the end is asked for, then drains what is there, in bounded time.
pub async fn run(
    store: Store,
    mut reader: Reader,
    dead_letters: DeadLetters,
    metrics: Arc<Metrics>,
    mut shutdown: Shutdown,
) {
    let writer = Writer {
        store,
        dead_letters,
        metrics,
    };
    let mut deadline = None;
    // Outside of the futures that fill it, so that ending one of them early loses nothing.
    let mut records = Vec::new();
    loop {
        match deadline {
            None => tokio::select! {
                () = collect(&mut reader, &mut records) => {}
                () = requested(&mut shutdown) => {
                    deadline = Some(Instant::now() + DRAIN_TIME);
                    continue;
                }
            },
            Some(deadline) => {
                if Instant::now() >= deadline || !drain(&mut reader, &mut records).await {
                    return;
                }
            }
        }
        let records = std::mem::take(&mut records);
        let Some(last) = records.last().map(|record| record.number) else {
            continue;
        };
        let count = records.len() as u64;
        // The end may be asked for while a retry waits: then the drain's deadline holds for this block too.
        let dead = tokio::select! {
            dead = writer.store_all(records) => dead,
            () = late(&mut shutdown, deadline) => return,
        };
        if let Err(error) = reader.ack(last).await {
            tracing::error!(%error, "the spool does not take acknowledgements; the records will be sent again");
        }
        writer.metrics.stored(count - dead);
        writer.metrics.dead_lettered(dead);
    }
}

/// Returns when the drain's time is over, whether it has begun or begins meanwhile.
async fn late(shutdown: &mut Shutdown, deadline: Option<Instant>) {
    let deadline = match deadline {
        Some(deadline) => deadline,
        None => {
            requested(shutdown).await;
            Instant::now() + DRAIN_TIME
        }
    };
    tokio::time::sleep_until(deadline).await;
}

/// Waits for a record, then takes what comes until the block is due.
async fn collect(reader: &mut Reader, records: &mut Vec<Record>) {
    records.extend(read(reader).await);
    let due = Instant::now() + SEAL_AFTER;
    while !is_full(records) {
        match timeout_at(due, read(reader)).await {
            Ok(more) => records.extend(more),
            Err(_) => break,
        }
    }
}

/// Takes what is there without waiting; false when there is nothing.
async fn drain(reader: &mut Reader, records: &mut Vec<Record>) -> bool {
    if let Ok(more) = timeout(DRAIN_POLL, read(reader)).await {
        records.extend(more);
    }
    !records.is_empty()
}

async fn read(reader: &mut Reader) -> Vec<Record> {
    loop {
        match reader.read(READ_RECORDS, MAX_BYTES).await {
            Ok(records) => return records,
            Err(error) => {
                tracing::error!(%error, "the spool cannot be read");
                sleep(LONGEST_BACKOFF).await;
            }
        }
    }
}

/// A beacon becomes some ten rows of about its own size in all.
fn is_full(records: &[Record]) -> bool {
    let bytes: usize = records.iter().map(|record| record.payload.len()).sum();
    records.len() >= READ_RECORDS || bytes >= MAX_BYTES
}

struct Writer {
    store: Store,
    dead_letters: DeadLetters,
    metrics: Arc<Metrics>,
}

impl Writer {
    /// Returns how many records became dead letters, when all others are stored. Never gives up.
    async fn store_all(&self, records: Vec<Record>) -> u64 {
        let mut dead = BTreeSet::new();
        // Halves wait here while their other half is sent; a stack, so at most 2 * log2(records) long.
        let mut waiting = vec![records];
        while let Some(records) = waiting.pop() {
            let rows = self.encode(&records, &mut dead).await;
            let too_wide = rows.partitions() > MAX_PARTITIONS
                || rows.count() > MAX_ROWS
                || rows.bytes() > MAX_BYTES;
            if too_wide && records.len() > 1 {
                divide(records, &mut waiting);
                continue;
            }
            let Err(poison) = self.insert_all(rows.seal()).await else {
                continue;
            };
            match records.as_slice() {
                [record] => {
                    self.set_aside(record, &poison.to_string()).await;
                    dead.insert(record.number);
                }
                _ => divide(records, &mut waiting),
            }
        }
        dead.len() as u64
    }

    async fn encode(&self, records: &[Record], dead: &mut BTreeSet<u64>) -> BeaconRows {
        let mut rows = BeaconRows::default();
        for record in records {
            if dead.contains(&record.number) {
                continue;
            }
            let pushed = serde_json::from_slice::<Accepted>(&record.payload)
                .map_err(anyhow::Error::from)
                .and_then(|accepted| Ok(rows.push(record.number, &accepted)?));
            if let Err(error) = pushed {
                self.set_aside(record, &error.to_string()).await;
                dead.insert(record.number);
            }
        }
        rows
    }

    /// Inserts every block, trying again as long as that can help.
    async fn insert_all(&self, blocks: Vec<Block>) -> Result<(), clickhouse::error::Error> {
        for block in blocks {
            self.insert(&block).await?;
        }
        Ok(())
    }

    async fn insert(&self, block: &Block) -> Result<(), clickhouse::error::Error> {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let started = Instant::now();
            let Err(error) = insert_once(&self.store, block).await else {
                self.metrics.insert_seconds.observe(started.elapsed());
                self.metrics.store_ready.store(true, Ordering::Relaxed);
                self.metrics
                    .store_needs_operator
                    .store(false, Ordering::Relaxed);
                return Ok(());
            };
            let class = refusal::class(&error);
            self.metrics.inserts_failed.fetch_add(1, Ordering::Relaxed);
            if class == Class::Poison {
                tracing::warn!(%error, table = block.table, rows = block.rows, "ClickHouse refuses a block for its content");
                return Err(error);
            }
            self.metrics.store_ready.store(false, Ordering::Relaxed);
            if class == Class::Operator {
                self.metrics
                    .store_needs_operator
                    .store(true, Ordering::Relaxed);
                tracing::error!(%error, table = block.table, "ClickHouse must be fixed; beacons wait in the spool");
                backoff = LONGEST_BACKOFF.min(backoff * 4);
            } else {
                tracing::warn!(%error, table = block.table, backoff_ms = backoff.as_millis() as u64, "insert failed, tried again");
            }
            sleep(jittered(backoff)).await;
            backoff = (backoff * 2).min(LONGEST_BACKOFF);
        }
    }

    async fn set_aside(&self, record: &Record, reason: &str) {
        tracing::error!(
            record = record.number,
            reason,
            "a record goes to the dead letters"
        );
        while let Err(error) = self.dead_letters.keep(record, reason) {
            tracing::error!(%error, "the dead letters cannot be written");
            sleep(LONGEST_BACKOFF).await;
        }
    }
}

/// One attempt.
///
/// # Errors
/// The server's or the network's; whether the rows are in is then unknown.
pub async fn insert_once(store: &Store, block: &Block) -> clickhouse::error::Result<()> {
    let mut insert = store
        .client()
        .insert_formatted_with(block.sql.clone())
        .with_timeouts(Some(SEND_TIMEOUT), Some(END_TIMEOUT))
        .with_setting("insert_deduplication_token", block.token.clone());
    insert.send(block.bytes.clone()).await?;
    insert.end().await
}

fn divide(mut records: Vec<Record>, waiting: &mut Vec<Vec<Record>>) {
    let second = records.split_off(records.len() / 2);
    waiting.push(second);
    waiting.push(records);
}

/// Half to all of it, so that several collectors do not come back at once.
fn jittered(backoff: Duration) -> Duration {
    let mut byte = [0u8];
    // Without randomness it is merely less polite.
    let _ = getrandom::fill(&mut byte);
    backoff / 2 + backoff * u32::from(byte[0]) / 512
}

//! Carries batches into ClickHouse: seal, insert, acknowledge. A record is acknowledged when all its rows are in ClickHouse or, if
//! the server will never take them, in the dead letters; until then the spool keeps it, and because every table is an upsert by
//! key, sending it again is harmless. So an insert whose answer was lost is made again, same bytes, same token, and then looked up:
//! see [`super::insert`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::Store;
use super::batch::{self, Batch, Builder, SentBefore};
use super::block::Block;
use super::dead_letter::DeadLetters;
use super::insert::{insert_anew, insert_once, is_stored};
use super::refusal::{self, Class};
use super::tables::STARTS;
use crate::metrics::Metrics;
use crate::shutdown::{Shutdown, requested};
use crate::spool::steps::Step;
use crate::spool::{Acks, Reader, Record};

const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// How long the end may take: what is not in by then waits in the spool for the next start.
const DRAIN_TIME: Duration = Duration::from_secs(20);

/// Runs until the end is asked for, then drains what is there, in bounded time.
pub async fn run(
    store: Store,
    reader: Reader,
    dead_letters: DeadLetters,
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
) {
    let writer = Arc::new(Writer {
        store,
        acks: reader.acks(),
        dead_letters,
        metrics,
        is_out: AtomicBool::new(false),
    });
    let (batches, filled) = mpsc::channel(1);
    tokio::join!(
        batch::fill(reader, batches, shutdown.clone()),
        insert_all(writer, filled, shutdown),
    );
}

/// Takes batches until there are no more, or the time for the end is over.
async fn insert_all(
    writer: Arc<Writer>,
    mut batches: mpsc::Receiver<Batch>,
    mut shutdown: Shutdown,
) {
    let end = late(&mut shutdown);
    tokio::pin!(end);
    let mut sealed = None;
    loop {
        let batch = match sealed.take() {
            Some(batch) => batch,
            None => {
                let batch = tokio::select! {
                    batch = batches.recv() => batch,
                    () = &mut end => return,
                };
                let Some(batch) = batch else { return };
                writer.seal(batch).await
            }
        };
        Step::BlockSealed.reach();
        // The end may be asked for while a retry waits: its time holds for this batch too.
        let dead = tokio::select! {
            dead = writer.clone().store(&batch) => dead,
            () = &mut end => return,
        };
        Step::BlockInserted.reach();
        let next = batches.try_recv().ok();
        sealed = writer.acknowledge(&batch, dead, next).await;
    }
}

/// Returns when the time for the end is over.
async fn late(shutdown: &mut Shutdown) {
    requested(shutdown).await;
    sleep(DRAIN_TIME).await;
}

struct Writer {
    store: Store,
    acks: Acks,
    dead_letters: DeadLetters,
    metrics: Arc<Metrics>,
    /// ClickHouse did not take the last block: said once, until it does again.
    is_out: AtomicBool,
}

impl Writer {
    async fn seal(&self, batch: Batch) -> Batch {
        match self.acks.seal(batch.seal).await {
            Ok(()) => batch,
            Err(error) => {
                tracing::error!(%error, "the spool cannot keep a seal; after a crash these records would be cut differently");
                unsealed(batch)
            }
        }
    }

    /// One write for what is done and for what comes next, which is then sealed.
    async fn acknowledge(&self, batch: &Batch, dead: u64, next: Option<Batch>) -> Option<Batch> {
        let seal = next.as_ref().map(|batch| batch.seal);
        let advanced = self.acks.advance(batch.seal.last, dead, seal).await;
        self.metrics.stored(batch.records - dead);
        self.metrics.dead_lettered(dead);
        match advanced {
            Ok(()) => next,
            Err(error) => {
                tracing::error!(%error, "the spool does not take acknowledgements; the records will be sent again");
                next.map(unsealed)
            }
        }
    }

    /// Returns how many records became dead letters, when all others are stored. Never gives up.
    async fn store(self: Arc<Self>, batch: &Batch) -> u64 {
        if self.clone().insert_blocks(batch).await.is_err() {
            return self.store_carefully(batch.seal.last).await;
        }
        for (record, reason) in &batch.unusable {
            self.set_aside(record, reason).await;
        }
        batch.unusable.len() as u64
    }

    /// Something in the batch that ends at `last` is poison. Its records come from the spool again and are divided until the
    /// guilty ones stand alone. Safe, because a block that was refused left nothing behind, and because the rest are upserts.
    async fn store_carefully(self: Arc<Self>, last: u64) -> u64 {
        let mut dead = BTreeSet::new();
        // Halves wait here while their other half is sent; a stack, so at most 2 * log2(records) long.
        let mut waiting = vec![self.records_until(last).await];
        while let Some(mut records) = waiting.pop() {
            let mut builder = Builder::default();
            records.iter().for_each(|record| builder.push(record));
            let batch = unsealed(builder.seal());
            for (record, reason) in &batch.unusable {
                if dead.insert(record.number) {
                    self.set_aside(record, reason).await;
                }
            }
            let Err(poison) = self.clone().insert_blocks(&batch).await else {
                continue;
            };
            match records.as_slice() {
                [record] => {
                    if dead.insert(record.number) {
                        self.set_aside(record, &poison.to_string()).await;
                    }
                }
                _ => {
                    let second = records.split_off(records.len() / 2);
                    waiting.extend([second, records]);
                }
            }
        }
        dead.len() as u64
    }

    async fn records_until(&self, last: u64) -> Vec<Record> {
        let mut reader = self.acks.reread();
        let mut records = Vec::new();
        loop {
            match reader.read_until(last, usize::MAX, usize::MAX).await {
                Ok(more) if more.is_empty() => return records,
                Ok(more) => records.extend(more),
                Err(error) => {
                    tracing::error!(%error, "the spool cannot be read");
                    sleep(LONGEST_BACKOFF).await;
                }
            }
        }
    }

    /// Inserts the blocks, one per table, trying again as long as that can help: starts first, because whoever sees that rows have
    /// moved must see from where, then the others side by side.
    ///
    /// # Errors
    /// One of them is poison; the others may be in.
    async fn insert_blocks(self: Arc<Self>, batch: &Batch) -> Result<(), clickhouse::error::Error> {
        let mut inserts = JoinSet::new();
        let (starts, others): (Vec<&Block>, _) = batch
            .blocks
            .iter()
            .partition(|block| block.table == STARTS.name);
        for block in starts {
            self.insert(block, batch.sent_before).await?;
            Step::TableInserted.reach();
        }
        for block in others {
            let (writer, block, before) = (self.clone(), block.clone(), batch.sent_before);
            inserts.spawn(async move { writer.insert(&block, before).await });
        }
        let mut outcome = Ok(());
        while let Some(ended) = inserts.join_next().await {
            match ended {
                Ok(Ok(())) => Step::TableInserted.reach(),
                Ok(Err(poison)) => outcome = Err(poison),
                Err(error) => std::panic::resume_unwind(error.into_panic()), // our own bug
            }
        }
        outcome
    }

    async fn insert(
        &self,
        block: &Block,
        mut before: SentBefore,
    ) -> Result<(), clickhouse::error::Error> {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let started = Instant::now();
            let Err(error) = self.attempt(block, &mut before).await else {
                let elapsed = started.elapsed();
                self.metrics.insert_seconds.observe(elapsed);
                tracing::debug!(
                    table = block.table,
                    rows = block.rows,
                    elapsed_ms = elapsed.as_millis(),
                    "a block is in"
                );
                self.took();
                return Ok(());
            };
            self.metrics.inserts_failed.fetch_add(1, Ordering::Relaxed);
            match refusal::class(&error) {
                Class::Poison => {
                    tracing::warn!(%error, table = block.table, rows = block.rows, "ClickHouse refuses a block for its content");
                    return Err(error);
                }
                Class::Operator => {
                    self.refused(&error, block, true);
                    backoff = LONGEST_BACKOFF.min(backoff * 4);
                }
                Class::Transient => self.refused(&error, block, false),
            }
            sleep(jittered(backoff)).await;
            backoff = (backoff * 2).min(LONGEST_BACKOFF);
        }
    }

    /// One attempt; `before` says what the server may know already, also for the next one.
    async fn attempt(
        &self,
        block: &Block,
        before: &mut SentBefore,
    ) -> Result<(), clickhouse::error::Error> {
        match before {
            SentBefore::No => {
                *before = SentBefore::Perhaps; // from here on, whatever comes of it
                insert_once(&self.store, block).await
            }
            SentBefore::Perhaps => {
                insert_once(&self.store, block).await?;
                if is_stored(&self.store, block).await? {
                    return Ok(());
                }
                *before = SentBefore::NoMatter;
                self.metrics
                    .blocks_sent_anew
                    .fetch_add(1, Ordering::Relaxed);
                tracing::warn!(
                    table = block.table,
                    rows = block.rows,
                    "ClickHouse takes a block for known and has no rows of it; it is sent anew"
                );
                insert_anew(&self.store, block).await
            }
            SentBefore::NoMatter => insert_anew(&self.store, block).await,
        }
    }

    fn took(&self) {
        self.metrics.store_ready.store(true, Ordering::Relaxed);
        self.metrics
            .store_needs_operator
            .store(false, Ordering::Relaxed);
        if self.is_out.swap(false, Ordering::Relaxed) {
            tracing::info!("ClickHouse takes blocks again");
        }
    }

    /// An outage is one line when it begins and one when it ends, however many attempts lie between; a person who is needed is
    /// called when that becomes clear.
    fn refused(&self, error: &clickhouse::error::Error, block: &Block, needs_operator: bool) {
        self.metrics.store_ready.store(false, Ordering::Relaxed);
        let was_out = self.is_out.swap(true, Ordering::Relaxed);
        let asked = &self.metrics.store_needs_operator;
        if needs_operator && !asked.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, table = block.table, "ClickHouse must be fixed; beacons wait in the spool");
        } else if was_out {
            tracing::debug!(%error, table = block.table, "insert failed again");
        } else {
            tracing::warn!(%error, table = block.table, "insert failed; it is tried again until ClickHouse takes it");
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

/// Goes out under tokens that are used once: nothing on disk would tell the next process that they are known.
fn unsealed(batch: Batch) -> Batch {
    Batch {
        sent_before: SentBefore::NoMatter,
        ..batch
    }
}

/// Half to all of it, so that several collectors do not come back at once.
fn jittered(backoff: Duration) -> Duration {
    let mut byte = [0u8];
    // Without randomness it is merely less polite.
    let _ = getrandom::fill(&mut byte);
    backoff / 2 + backoff * u32::from(byte[0]) / 512
}

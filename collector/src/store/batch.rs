//! Records of the spool that go out as one: collected, turned into rows, sealed. This is the half of the writing that needs no
//! server; it works on the next batch while the one before is being inserted, and never more than one ahead.
//!
//! Where a batch ends is decided once: the spool keeps its seal, and after a crash the first batch ends at the same record. The same
//! records give the same blocks under the same tokens, so a server that has them already says nothing.

use std::collections::VecDeque;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::block::Block;
use super::rows::BeaconRows;
use crate::ingest::payload;
use crate::shutdown::{Shutdown, requested};
use crate::spool::steps::Step;
use crate::spool::{Reader, Record, Seal};

/// A batch is sealed when its oldest record has waited this long, or it has this much: large enough for few parts, small enough that a
/// block is atomic on the server (its limit is 1,048,449 rows) and two batches fit in little memory.
const SEAL_AFTER: Duration = Duration::from_secs(1);
/// Rows of all tables. A beacon has five to ten.
const MAX_ROWS: u64 = 200_000;
/// Before compression; in memory it is a fifth of it.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// The server refuses a block over more than 100 partitions; each costs a file set.
const MAX_PARTITIONS: usize = 50;
/// One read from the spool; what is read becomes rows at once, so never more of it is in memory.
const READ_RECORDS: usize = 2_000;
const READ_BYTES: usize = 2 * 1024 * 1024;
/// A spool that cannot be read is a disk that failed: nothing else helps but to try again.
const READ_RETRY: Duration = Duration::from_secs(30);
/// At the end: a read of what is there takes longer only where the disk failed, and what is not read then waits for the next start.
const DRAIN_PATIENCE: Duration = Duration::from_secs(5);

/// Blocks of some consecutive records.
#[derive(Debug)]
pub struct Batch {
    pub blocks: Vec<Block>,
    pub records: u64,
    pub seal: Seal,
    /// Records that give no rows, each with the reason.
    pub unusable: Vec<(Record, String)>,
    pub sent_before: SentBefore,
}

/// Whether ClickHouse may have been sent a block under the token of its content before.
///
/// That token is used for sealed batches alone: so a process knows by the seal which blocks the one before may have sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentBefore {
    /// It cannot: this is the first attempt, and no process before this one had sealed its records.
    No,
    /// These very blocks, by a process before this one, or without an answer.
    Perhaps,
    /// The token is of no use: it is known without the rows, there is no seal to tell of it, or the process before had cut these
    /// records otherwise, so that none of its blocks tells of ours.
    NoMatter,
}

/// A batch that is being built.
#[derive(Debug, Default)]
pub struct Builder {
    rows: BeaconRows,
    records: u64,
    first: u64,
    last: u64,
    unusable: Vec<(Record, String)>,
}

impl Builder {
    /// Adds the rows of a record.
    pub fn push(&mut self, record: &Record) {
        if self.records == 0 {
            self.first = record.number;
        }
        self.records += 1;
        self.last = record.number;
        let pushed = payload::decode(record.version, &record.payload)
            .map_err(|error| error.to_string())
            .and_then(|accepted| {
                let pushed = self.rows.push(record.number, &accepted);
                pushed.map_err(|error| error.to_string())
            });
        if let Err(reason) = pushed {
            self.unusable.push((record.clone(), reason));
        }
    }

    /// Adds records until the batch is full, and gives back those that belong to the next one.
    fn fill(mut self, mut records: VecDeque<Record>) -> (Builder, VecDeque<Record>) {
        while !self.is_full()
            && let Some(record) = records.pop_front()
        {
            self.push(&record);
        }
        (self, records)
    }

    fn is_full(&self) -> bool {
        self.rows.count() >= MAX_ROWS
            || self.rows.bytes() >= MAX_BYTES
            || self.rows.partitions() >= MAX_PARTITIONS
    }

    /// What nobody has sent before.
    pub fn seal(self) -> Batch {
        let blocks = self.rows.seal();
        let mut hash = Sha256::new();
        for block in &blocks {
            hash.update(block.token.as_bytes());
        }
        Batch {
            blocks,
            records: self.records,
            seal: Seal {
                last: self.last,
                hash: hash.finalize().into(),
            },
            unusable: self.unusable,
            sent_before: SentBefore::No,
        }
    }
}

/// Where the records come from, and those that have been read and belong to no batch yet.
struct Source {
    reader: Reader,
    waiting: VecDeque<Record>,
}

/// Fills `batches` until the end is asked for and the spool is empty, or nobody takes them any more.
pub async fn fill(reader: Reader, batches: mpsc::Sender<Batch>, mut shutdown: Shutdown) {
    let mut left = reader.left_sealed();
    let mut source = Source {
        reader,
        waiting: VecDeque::new(),
    };
    // Only when there is room: rows that cannot go on take memory.
    while batches.reserve().await.is_ok() {
        let sealed = match left.take() {
            Some(left) => again(&mut source, left).await,
            None => None,
        };
        let batch = match sealed {
            Some(batch) => Some(batch),
            None => next(&mut source, &mut shutdown).await,
        };
        let Some(batch) = batch else { return };
        Step::BlockBuilt.reach();
        if batches.send(batch).await.is_err() {
            return;
        }
    }
}

/// The batch that the last process had sealed: up to the same record, whatever else is there by now. None when all of it is lost.
async fn again(source: &mut Source, left: Seal) -> Option<Batch> {
    let mut builder = Builder::default();
    while builder.last < left.last {
        let records = read_until(&mut source.reader, left.last).await;
        if records.is_empty() {
            break; // the rest of it is lost
        }
        builder = build(move || records.iter().fold(builder, pushed)).await;
    }
    if builder.records == 0 {
        return None;
    }
    let mut batch = build(move || builder.seal()).await;
    if batch.seal == left {
        batch.sent_before = SentBefore::Perhaps;
    } else {
        batch.sent_before = SentBefore::NoMatter;
        tracing::info!(
            "the batch that the last process sealed gives other rows with this version; keys make that harmless"
        );
    }
    Some(batch)
}

fn pushed(mut builder: Builder, record: &Record) -> Builder {
    builder.push(record);
    builder
}

/// Takes what comes until the batch is full or due. None when the end is asked for and the spool is empty.
async fn next(source: &mut Source, shutdown: &mut Shutdown) -> Option<Batch> {
    let mut builder = Builder::default();
    let mut due = None;
    loop {
        let waiting = std::mem::take(&mut source.waiting);
        (builder, source.waiting) = build(move || builder.fill(waiting)).await;
        if builder.is_full() {
            break;
        }
        if builder.records > 0 {
            due.get_or_insert_with(|| Instant::now() + SEAL_AFTER);
        }
        let more = match due {
            _ if *shutdown.borrow() => drain(&mut source.reader).await,
            // Reading may be given up at any time: what it did not return is read again.
            Some(due) => tokio::select! {
                read = timeout_at(due, read_until(&mut source.reader, u64::MAX)) => read.ok(),
                () = requested(shutdown) => continue,
            },
            None => tokio::select! {
                records = read_until(&mut source.reader, u64::MAX) => Some(records),
                () = requested(shutdown) => continue,
            },
        };
        match more {
            Some(records) => source.waiting.extend(records),
            None => break,
        }
    }
    if builder.records == 0 {
        return None;
    }
    let cut_otherwise = builder.first <= source.reader.sealed_before();
    let mut batch = build(move || builder.seal()).await;
    if cut_otherwise {
        batch.sent_before = SentBefore::NoMatter;
    }
    Some(batch)
}

/// Not on the threads that answer requests: parsing, encoding and hashing take tens of milliseconds.
async fn build<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(built) => built,
        Err(error) => std::panic::resume_unwind(error.into_panic()), // our own bug
    }
}

/// What is there; None when there is nothing. The spool itself knows whether it is empty: a busy machine may take long to answer.
async fn drain(reader: &mut Reader) -> Option<Vec<Record>> {
    if reader.unread() == 0 {
        return None;
    }
    timeout(DRAIN_PATIENCE, read_until(reader, u64::MAX))
        .await
        .ok()
}

async fn read_until(reader: &mut Reader, until: u64) -> Vec<Record> {
    loop {
        match reader.read_until(until, READ_RECORDS, READ_BYTES).await {
            Ok(records) => return records,
            Err(error) => {
                tracing::error!(%error, "the spool cannot be read");
                sleep(READ_RETRY).await;
            }
        }
    }
}

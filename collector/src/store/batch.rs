//! Records of the spool that go out as one: collected, turned into rows, sealed. This is the half of the writing that needs no
//! server; it works on the next batch while the one before is being inserted, and never more than one ahead.
//!
//! Where a batch ends is decided once: the spool keeps its seal, and after a crash the first batch ends at the same record. The same
//! records give the same blocks under the same tokens, so a server that has them already says nothing.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::block::Block;
use super::rows::BeaconRows;
use crate::ingest::Accepted;
use crate::shutdown::{Shutdown, requested};
use crate::spool::steps::Step;
use crate::spool::{Reader, Record, Seal};

/// A batch is sealed when its oldest record has waited this long, or it has this many records or bytes: large enough for few
/// parts, small enough that a block is atomic on the server (its limit is 1,048,449 rows) and two batches fit in little memory.
const SEAL_AFTER: Duration = Duration::from_secs(1);
const MAX_RECORDS: usize = 10_000;
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Rows of all tables. A beacon has rarely more than ten.
const MAX_ROWS: u64 = 100_000;
/// The server refuses a block over more than 100 partitions; each costs a file set.
const MAX_PARTITIONS: usize = 50;
/// One read from the spool.
const READ_RECORDS: usize = 5_000;
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
}

/// Builds the blocks of `records`, which are not empty.
///
/// # Errors
/// Too much for one insert into some table: the records come back, to be divided.
pub fn build(records: Vec<Record>) -> Result<Batch, Vec<Record>> {
    let mut rows = BeaconRows::default();
    let mut unusable = Vec::new();
    for record in &records {
        let pushed = serde_json::from_slice::<Accepted>(&record.payload)
            .map_err(|error| error.to_string())
            .and_then(|accepted| {
                let pushed = rows.push(record.number, &accepted);
                pushed.map_err(|error| error.to_string())
            });
        if let Err(reason) = pushed {
            unusable.push((record.clone(), reason));
        }
    }
    let too_much = rows.partitions() > MAX_PARTITIONS || rows.count() > MAX_ROWS;
    if too_much && records.len() > 1 {
        return Err(records);
    }
    let blocks = rows.seal();
    let mut hash = Sha256::new();
    for block in &blocks {
        hash.update(block.token.as_bytes());
    }
    Ok(Batch {
        blocks,
        records: records.len() as u64,
        seal: Seal {
            last: records.last().map_or(0, |record| record.number),
            hash: hash.finalize().into(),
        },
        unusable,
    })
}

/// Halves of records that are too much, or poisoned, at once.
pub fn divide(mut records: Vec<Record>) -> [Vec<Record>; 2] {
    let second = records.split_off(records.len() / 2);
    [records, second]
}

/// Fills `batches` until the end is asked for and the spool is empty, or nobody takes them any more.
pub async fn fill(mut reader: Reader, batches: mpsc::Sender<Batch>, mut shutdown: Shutdown) {
    let mut left = reader.left_sealed();
    // Outside of the futures that fill it, so that ending one of them early loses nothing.
    let mut records = Vec::new();
    // Only when there is room: what has been read and cannot go on takes memory.
    while batches.reserve().await.is_ok() {
        if *shutdown.borrow() {
            if !drain(&mut reader, &mut records).await {
                return;
            }
        } else {
            tokio::select! {
                () = collect(&mut reader, left, &mut records) => {}
                () = requested(&mut shutdown) => {}
            }
        }
        if records.is_empty() {
            continue;
        }
        if !send(std::mem::take(&mut records), &batches, left.take()).await {
            return;
        }
    }
}

/// Builds and hands over; false when nobody takes batches any more.
async fn send(records: Vec<Record>, batches: &mpsc::Sender<Batch>, left: Option<Seal>) -> bool {
    // Halves wait here while the half before is built: at most two for each division.
    let mut waiting = vec![records];
    while let Some(records) = waiting.pop() {
        // Not on the threads that answer requests: it takes a tenth of a second.
        match spawn_blocking(move || build(records)).await {
            Ok(Ok(batch)) => {
                Step::BlockBuilt.reach();
                if left.is_some_and(|left| left.last == batch.seal.last && left != batch.seal) {
                    tracing::info!(
                        "the batch that the last process sealed gives other rows with this version; keys make that harmless"
                    );
                }
                if batches.send(batch).await.is_err() {
                    return false;
                }
            }
            Ok(Err(records)) => waiting.extend(divide(records).into_iter().rev()),
            Err(error) => std::panic::resume_unwind(error.into_panic()), // our own bug
        }
    }
    true
}

/// Waits for a record, then takes what comes until the batch is due; or exactly what was sealed before a restart.
async fn collect(reader: &mut Reader, left: Option<Seal>, records: &mut Vec<Record>) {
    if let Some(left) = left {
        while records
            .last()
            .is_none_or(|record| record.number < left.last)
        {
            let more = read_until(reader, left.last).await;
            if more.is_empty() {
                return;
            }
            records.extend(more);
        }
        return;
    }
    if records.is_empty() {
        records.extend(read_until(reader, u64::MAX).await);
    }
    let due = Instant::now() + SEAL_AFTER;
    while !is_full(records) {
        match timeout_at(due, read_until(reader, u64::MAX)).await {
            Ok(more) => records.extend(more),
            Err(_) => return,
        }
    }
}

/// Takes what is there; false when there is nothing. The spool itself knows whether it is empty: a busy machine may take long to answer.
async fn drain(reader: &mut Reader, records: &mut Vec<Record>) -> bool {
    while !is_full(records) && reader.unread() > 0 {
        match timeout(DRAIN_PATIENCE, read_until(reader, u64::MAX)).await {
            Ok(more) => records.extend(more),
            Err(_) => break,
        }
    }
    !records.is_empty()
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

fn is_full(records: &[Record]) -> bool {
    let bytes: usize = records.iter().map(|record| record.payload.len()).sum();
    records.len() >= MAX_RECORDS || bytes >= MAX_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_keep_the_order_and_lose_nothing() {
        let record = |number| Record {
            number,
            version: 1,
            payload: bytes::Bytes::new(),
        };
        for count in 2..6 {
            let [first, second] = divide((1..=count).map(record).collect());
            let numbers: Vec<u64> = first.iter().chain(&second).map(|r| r.number).collect();
            assert_eq!(numbers, (1..=count).collect::<Vec<_>>());
            assert!(!first.is_empty() && !second.is_empty());
        }
    }
}

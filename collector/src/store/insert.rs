//! One block into ClickHouse, and certainty that it is there.
//!
//! A block goes out under a token that is the hash of its content, so that a server which has it already says so instead of writing
//! it again. The reverse does not hold: a table of one server notes a token *before* it has the rows (measured on 26.7: the line in
//! its log, then the rename of the part). A server that is killed in between, or fails there, knows the token ever after, answers
//! every retry with success, and has nothing. So success proves something only where nobody can have sent the block before;
//! everywhere else the rows themselves are looked for, and if they are not there the block goes out under a token that was never
//! used, like all that no seal tells of. That is harmless even where the search was wrong, because every table is an upsert by key.
//!
//! What is looked for is the last row of each partition of the block. That is enough: rows of one block and partition are one part
//! of the table, there as a whole or not at all, and what may have been sent before was this very block, byte by byte. (Where it
//! was cut otherwise, nothing is looked for: see [`super::batch::SentBefore`].) On a cluster each shard has a part of its own, which
//! this does not tell apart; but replicated tables keep token and part in one transaction.

use std::time::Duration;

use clickhouse::Compression;
use clickhouse::error::{Error, Result};

use super::Store;
use super::block::Block;
use super::row_key::RowKey;

/// Never tied to the seal period: a client that gives up earlier than the server doubles its own load.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
const END_TIMEOUT: Duration = Duration::from_secs(60);
/// One row of each of few partitions, found by key.
const LOOK_TIMEOUT: Duration = Duration::from_secs(30);

/// One attempt, under the token of the content.
///
/// # Errors
/// The server's or the network's; whether the rows are in is then unknown.
pub async fn insert_once(store: &Store, block: &Block) -> Result<()> {
    send(store, block, block.token.clone()).await
}

/// One attempt under a token that was never used: the server cannot take the block for known.
///
/// # Errors
/// As [`insert_once`].
pub async fn insert_anew(store: &Store, block: &Block) -> Result<()> {
    let unused = getrandom::u64().map_err(|error| Error::Other(error.into()))?;
    send(store, block, format!("{}-{unused:016x}", block.token)).await
}

async fn send(store: &Store, block: &Block, token: String) -> Result<()> {
    // Compressed already, and only the server need know.
    let client = store.client().clone().with_compression(Compression::None);
    let mut insert = client
        .insert_formatted_with(block.sql.clone())
        .with_timeouts(Some(SEND_TIMEOUT), Some(END_TIMEOUT))
        .with_setting("decompress", "1")
        .with_setting("insert_deduplication_token", token);
    for piece in &block.pieces {
        insert.send(piece.clone()).await?;
    }
    insert.end().await
}

/// Whether the rows of a block of beacons are in its table. A row that was replaced by a newer one since is not found; so yes is
/// certain, and no is not.
///
/// # Errors
/// The server's or the network's.
pub async fn is_stored(store: &Store, block: &Block) -> Result<bool> {
    let newest = block.newest.iter();
    let keys: Option<Vec<RowKey<'_>>> = newest.map(|row| RowKey::read(row)).collect();
    let Some(keys) = keys else { return Ok(false) };
    let wanted = vec!["(toDate(?), ?, toUUID(?), ?, ?)"; keys.len()];
    let sql = format!(
        "select toUInt64(uniqExact(day)) from {} where (day, app, view_id, start_ms, version) in ({})",
        block.table,
        wanted.join(", ")
    );
    let query = keys.iter().fold(store.client().query(&sql), |query, key| {
        let view = format!("{:032x}", key.view);
        query
            .bind(key.day)
            .bind(key.app)
            .bind(view)
            .bind(key.start_ms)
            .bind(key.version)
    });
    let found = tokio::time::timeout(LOOK_TIMEOUT, query.fetch_one::<u64>()).await;
    let found = found.map_err(|_| Error::TimedOut)??;
    Ok(found == keys.len() as u64)
}

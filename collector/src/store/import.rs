//! Writes histories: page views into the rows of beacons, series-hours into their own table, where the newest import of a key
//! counts. Both are upserts by key, so that importing a file again changes nothing.

use std::time::Duration;

use anyhow::Context;
use tokio::time::sleep;

use super::Store;
use super::block::{Block, Rows};
use super::insert::{insert_anew, insert_once};
use super::row_binary::RowBinary;
use super::rows::BeaconRows;
use super::tables::IMPORTED_HOURS;
use crate::history::{Line, SeriesHour};

/// Large blocks are fastest; below the server's own limit they stay atomic.
const MAX_ROWS: u64 = 100_000;
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// The server refuses blocks over more than 100 partitions.
const MAX_PARTITIONS: usize = 50;
/// A person waits: a few attempts, then the error.
const ATTEMPTS: u32 = 4;
const HOURS_PER_MONTH: i64 = 730;

/// Collects lines and writes them in blocks.
pub struct Import {
    store: Store,
    generation: u64,
    hours: Rows,
    views: BeaconRows,
    line: u64,
}

impl Import {
    /// `generation` orders imports: ms since the epoch.
    pub fn new(store: Store, generation: u64) -> Import {
        Import {
            store,
            generation,
            hours: Rows::new(&IMPORTED_HOURS),
            views: BeaconRows::default(),
            line: 0,
        }
    }

    /// Takes one line, and writes a block when one is full.
    ///
    /// # Errors
    /// The line names no page view, or the server refuses the block.
    pub async fn push(&mut self, line: &Line) -> anyhow::Result<()> {
        self.line += 1;
        match line {
            Line::Hour(hour) => self.push_hour(hour),
            Line::View(view) => self.views.push(self.line, view)?,
        }
        if is_full(
            self.hours.count(),
            self.hours.bytes(),
            self.hours.partitions(),
        ) || is_full(
            self.views.count(),
            self.views.bytes(),
            self.views.partitions(),
        ) {
            self.flush().await?;
        }
        Ok(())
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// The server refuses a block.
    pub async fn flush(&mut self) -> anyhow::Result<()> {
        let hours = std::mem::replace(&mut self.hours, Rows::new(&IMPORTED_HOURS));
        let views = std::mem::take(&mut self.views);
        for block in hours.seal().into_iter().chain(views.seal()) {
            insert(&self.store, &block)
                .await
                .with_context(|| format!("import into {}", block.table))?;
        }
        Ok(())
    }

    fn push_hour(&mut self, hour: &SeriesHour) {
        let month = (hour.hour / HOURS_PER_MONTH).clamp(0, i64::from(u16::MAX)) as u16;
        let row = self.hours.row(month);
        row.put_text(&hour.key.app);
        row.put_text(hour.key.kind.name());
        row.put_text(&hour.key.vital);
        row.put_text(&hour.key.environment);
        row.put_text(&hour.key.route);
        row.put_u32(u32::try_from(hour.hour * 3600).unwrap_or(0));
        row.put_text(&hour.stratum);
        row.put_text(&hour.release);
        row.put_u64(self.generation);
        row.put_u64(hour.buckets.iter().map(|(_, count)| count).sum());
        row.put_u64(hour.sessions);
        row.put_length(hour.buckets.len());
        for (bucket, count) in &hour.buckets {
            row.put_u16(*bucket);
            row.put_u64(*count);
        }
    }
}

fn is_full(rows: u64, bytes: usize, partitions: usize) -> bool {
    rows >= MAX_ROWS || bytes >= MAX_BYTES || partitions >= MAX_PARTITIONS
}

async fn insert(store: &Store, block: &Block) -> anyhow::Result<()> {
    let mut attempt = 1;
    let mut inserted = insert_once(store, block).await;
    while let Err(error) = inserted {
        if attempt == ATTEMPTS {
            return Err(error.into());
        }
        tracing::warn!(%error, attempt, "insert failed, tried again");
        sleep(Duration::from_secs(1) * attempt).await;
        attempt += 1;
        inserted = insert_anew(store, block).await;
    }
    Ok(())
}

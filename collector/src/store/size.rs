//! How much the database holds, looked at now and then for the metrics: a scrape must not wait for ClickHouse.

use std::sync::Arc;
use std::time::Duration;

use clickhouse::Row;
use serde::Deserialize;
use tokio::time::sleep;

use super::{Store, queries};
use crate::metrics::{Metrics, TableSize};
use crate::shutdown::{Shutdown, requested};

/// Disks fill over days.
const INTERVAL: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, PartialEq, Row, Deserialize)]
pub struct TableSizeRow {
    pub name: String,
    pub bytes: u64,
    pub row_count: u64,
}

/// Runs until the end is asked for.
pub async fn run(store: Store, metrics: Arc<Metrics>, mut shutdown: Shutdown) {
    loop {
        tokio::select! {
            // Why it does not answer is told by those who need it.
            tables = queries::table_sizes(&store) => {
                metrics.set_table_sizes(tables.ok().map(|rows| rows.into_iter().map(size).collect()));
            }
            () = requested(&mut shutdown) => return,
        }
        tokio::select! {
            () = sleep(INTERVAL) => {}
            () = requested(&mut shutdown) => return,
        }
    }
}

fn size(row: TableSizeRow) -> TableSize {
    TableSize {
        name: row.name,
        bytes: row.bytes,
        row_count: row.row_count,
    }
}

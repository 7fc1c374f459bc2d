//! Whether everything is as it must be, when the faults are over and the spool is empty.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use collector::loadgen::books::Books;
use collector::loadgen::stored;
use collector::store::{Store, rollup};

use crate::sender::{APP, Pages, Sums};

/// What the faults have cost by the harness's own reckoning.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowed {
    pub quarantined: u64,
    pub dead_letters: u64,
    /// Records that the harness has put into the spool, by whatever count they go.
    pub foreign: u64,
}

/// What was compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compared {
    pub measurements: u64,
    pub operations: u64,
    pub rollups: u64,
}

const QUERY_TIMEOUT: Duration = Duration::from_secs(120);

/// Holds ClickHouse against the ledger, the rollups against a recount.
///
/// # Errors
/// The first difference, in words.
pub async fn judge(store: &Store, pages: &Pages) -> anyhow::Result<Compared> {
    tokio::time::timeout(QUERY_TIMEOUT, judge_in_time(store, pages))
        .await
        .context("ClickHouse does not answer")?
}

async fn judge_in_time(store: &Store, pages: &Pages) -> anyhow::Result<Compared> {
    let stored = stored::compare(store, APP, 0, pages.traffic(), &pages.ledger()).await?;
    if !stored.is_exact() {
        bail!(
            "{} measurements or operations missing, {} doubled, {} different, {} never sent: {}",
            stored.missing,
            stored.doubled,
            stored.different,
            stored.unexpected,
            stored.told.join("; ")
        );
    }
    let sql =
        "select toUInt64(count()), toUInt64(uniqExact(view_id)) from page_views where app = ?";
    let (rows, views): (u64, u64) = store.client().query(sql).bind(APP).fetch_one().await?;
    ensure!(rows == views, "{rows} rows for {views} page views");
    rollup::run_once(store).await.context("rollups")?;
    let rollups = counts(store, ROLLUPS).await?;
    let recount = counts(store, RECOUNT).await?;
    for key in rollups.keys().chain(recount.keys()) {
        let (have, want) = (rollups.get(key), recount.get(key));
        ensure!(
            have == want,
            "the rollup of {key} is {have:?}, and recounted it is {want:?}"
        );
    }
    Ok(Compared {
        measurements: stored.measurements,
        operations: stored.operations,
        rollups: rollups.len() as u64,
    })
}

const ROLLUPS: &str = "select concat(kind, ' ', vital, ' ', route, ' ', release, ' ', stratum, ' ', toString(hour)) as key, \
     toString(tuple(sum(n), sumMap(buckets))) as value from rollups where app = 'chaos' and route != '*' group by key";

const RECOUNT: &str = "select concat(kind, ' ', vital, ' ', route, ' ', release, ' ', stratum, ' ', toString(hour)) as key, \
     toString(tuple(count(), sumMap(map(bucket, toUInt64(1))))) as value from ( \
         select 'vital' as kind, vital, route, release, stratum, toStartOfHour(started_at) as hour, bucket \
         from measurements where app = 'chaos' \
         union all \
         select 'operation', name, route, release, stratum, toStartOfHour(at), bucket from operations where app = 'chaos' \
     ) group by key";

async fn counts(store: &Store, sql: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let rows: Vec<(String, String)> = store.client().query(sql).fetch_all().await?;
    Ok(rows.into_iter().collect())
}

/// The collector's books when nothing is on its way.
///
/// # Errors
/// The first thing that is wrong with them.
pub fn audit(books: &Books, allowed: Allowed, sums: &Sums) -> anyhow::Result<()> {
    ensure!(books.balance(), "the books do not balance: {books:?}");
    let count = |reason: &str| books.rejected.get(reason).copied().unwrap_or(0);
    ensure!(
        count("quarantined") == allowed.quarantined,
        "{} beacons are counted as quarantined, {} were destroyed",
        count("quarantined"),
        allowed.quarantined
    );
    ensure!(
        count("dead-letter") == allowed.dead_letters,
        "{} beacons are counted as dead letters, {} were foreign",
        count("dead-letter"),
        allowed.dead_letters
    );
    // Every record has a number, and every number one outcome, whatever was lost, forgotten and counted again.
    let records = books.stored + count("quarantined") + count("dead-letter");
    let fewest = sums.kept + allowed.foreign;
    let most = fewest + sums.unanswered;
    ensure!(
        (fewest..=most).contains(&records),
        "{records} records have an outcome, and {fewest} to {most} were taken: {books:?}"
    );
    ensure!(
        count("undecided") == 0,
        "{} beacons had no outcome",
        count("undecided")
    );
    Ok(())
}

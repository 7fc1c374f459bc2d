//! Holds what ClickHouse has against what was acknowledged: each vital of each page view once, with the value of its last beacon,
//! and nothing that was never sent.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use wire::Vital;

use super::drive::Ledger;
use super::traffic::{MAX_BEACONS, Traffic};
use crate::store::Store;

/// Reading all of a long run back.
const QUERY_TIMEOUT: Duration = Duration::from_secs(300);
/// Differences that are told in words; all of them are counted.
const MAX_TOLD: usize = 10;

const VITALS: [Vital; 7] = [
    Vital::Fcp,
    Vital::Lcp,
    Vital::Cls,
    Vital::Fid,
    Vital::Inp,
    Vital::Ttfb,
    Vital::Memory,
];

/// The comparison; all counts but the first two are failures.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    pub measurements: u64,
    pub operations: u64,
    /// Acknowledged and not there.
    pub missing: u64,
    /// There more than once.
    pub doubled: u64,
    /// There with a value that is not the last one.
    pub different: u64,
    /// There, and never sent.
    pub unexpected: u64,
    /// The first few differences, in words.
    pub told: Vec<String>,
}

impl Comparison {
    pub fn is_exact(&self) -> bool {
        self.missing + self.doubled + self.different + self.unexpected == 0
    }

    fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.told.len() < MAX_TOLD {
            self.told.push(what());
        }
    }
}

#[derive(Row, Deserialize)]
struct Measured {
    view: String,
    vital: String,
    value: f64,
}

#[derive(Row, Deserialize)]
struct Operated {
    view: String,
    count: u64,
}

/// Compares everything that this run sent for `app` since `since_ms`.
///
/// # Errors
/// The server's, or it takes too long.
pub async fn compare(
    store: &Store,
    app: &str,
    since_ms: u64,
    traffic: Traffic,
    ledger: &Ledger,
) -> anyhow::Result<Comparison> {
    let mut comparison = Comparison::default();
    let comparing = async {
        measurements(store, app, since_ms, traffic, ledger, &mut comparison).await?;
        operations(store, app, since_ms, traffic, ledger, &mut comparison).await
    };
    timeout(QUERY_TIMEOUT, comparing)
        .await
        .context("ClickHouse takes too long to answer")??;
    Ok(comparison)
}

async fn measurements(
    store: &Store,
    app: &str,
    since_ms: u64,
    traffic: Traffic,
    ledger: &Ledger,
    comparison: &mut Comparison,
) -> anyhow::Result<()> {
    // Vitals that were found, one bit each, by page view.
    let mut found: BTreeMap<u64, u8> = BTreeMap::new();
    let mut rows = store
        .client()
        .query(
            "select toString(view_id) as view, toString(vital) as vital, value from measurements \
             where app = ? and started_at >= fromUnixTimestamp64Milli(?)",
        )
        .bind(app)
        .bind(since_ms as i64)
        .fetch::<Measured>()?;
    while let Some(row) = rows.next().await? {
        let Some(view) = number_of(traffic, &row.view) else {
            continue; // another run's
        };
        let Some(bit) = VITALS.iter().position(|vital| vital.name() == row.vital) else {
            comparison.unexpected += 1;
            comparison.tell(|| format!("{} of {}: no such vital was sent", row.vital, row.view));
            continue;
        };
        comparison.measurements += 1;
        let bits = found.entry(view).or_default();
        if *bits >> bit & 1 == 1 {
            comparison.doubled += 1;
            comparison.tell(|| format!("{} of {} is there twice", row.vital, row.view));
            continue;
        }
        *bits |= 1 << bit;
        let expected = expected(traffic, ledger, view, VITALS[bit]);
        if expected.values.is_empty() {
            comparison.unexpected += 1;
            comparison.tell(|| format!("{} of {} was never sent", row.vital, row.view));
        } else if !expected.values.contains(&row.value) {
            comparison.different += 1;
            comparison.tell(|| {
                format!(
                    "{} of {} is {}, expected {:?}",
                    row.vital, row.view, row.value, expected.values
                )
            });
        }
    }
    for view in ledger.views() {
        let bits = found.get(&view).copied().unwrap_or(0);
        for (bit, vital) in VITALS.into_iter().enumerate() {
            if bits >> bit & 1 == 0 && expected(traffic, ledger, view, vital).certain {
                comparison.missing += 1;
                comparison.tell(|| format!("{} of page view {view} is missing", vital.name()));
            }
        }
    }
    Ok(())
}

async fn operations(
    store: &Store,
    app: &str,
    since_ms: u64,
    traffic: Traffic,
    ledger: &Ledger,
    comparison: &mut Comparison,
) -> anyhow::Result<()> {
    let rows: Vec<Operated> = store
        .client()
        .query(
            "select toString(view_id) as view, toUInt64(count()) as count from operations \
             where app = ? and at >= fromUnixTimestamp64Milli(?) group by view_id",
        )
        .bind(app)
        .bind(since_ms as i64)
        .fetch_all()
        .await?;
    let mut found: BTreeMap<u64, u64> = rows
        .into_iter()
        .filter_map(|row| Some((number_of(traffic, &row.view)?, row.count)))
        .collect();
    for view in ledger.views() {
        let (mut fewest, mut most) = (0, 0);
        for seq in 0..MAX_BEACONS {
            let count = u64::from(traffic.operation_count(view, seq));
            fewest += count * u64::from(ledger.acked(view, seq));
            most += count * u64::from(ledger.acked(view, seq) || ledger.unanswered(view, seq));
        }
        let have = found.remove(&view).unwrap_or(0);
        comparison.operations += have;
        comparison.missing += fewest.saturating_sub(have);
        comparison.doubled += have.saturating_sub(most);
        if !(fewest..=most).contains(&have) {
            comparison.tell(|| {
                format!("page view {view} has {have} operations, expected {fewest} to {most}")
            });
        }
    }
    comparison.unexpected += found.values().sum::<u64>();
    Ok(())
}

/// What may stand in ClickHouse for one page view and vital.
struct Expected {
    /// The last acknowledged value, and later ones of beacons that were never answered.
    values: Vec<f64>,
    /// At least one beacon with it was acknowledged.
    certain: bool,
}

fn expected(traffic: Traffic, ledger: &Ledger, view: u64, vital: Vital) -> Expected {
    let mut expected = Expected {
        values: Vec::new(),
        certain: false,
    };
    for seq in (0..MAX_BEACONS).rev() {
        let (acked, unanswered) = (ledger.acked(view, seq), ledger.unanswered(view, seq));
        if !acked && !unanswered {
            continue;
        }
        let sent = traffic.measurements(view, seq);
        let Some(sent) = sent.into_iter().find(|sent| sent.vital == vital) else {
            continue;
        };
        expected.values.push(sent.value());
        if acked {
            expected.certain = true;
            break;
        }
    }
    expected
}

fn number_of(traffic: Traffic, view: &str) -> Option<u64> {
    let id = u128::from_str_radix(&view.replace('-', ""), 16).ok()?;
    traffic.view_number(id)
}

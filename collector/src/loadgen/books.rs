//! The collector's books, read from outside: one page of metrics, and whether every beacon on it is in exactly one place.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::http::{Target, get};

/// Between two looks while waiting for the spool to drain.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// The fate of all beacons at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Books {
    pub received: u64,
    pub stored: u64,
    pub spooled: u64,
    pub in_flight: u64,
    pub rejected: BTreeMap<String, u64>,
}

impl Books {
    /// Reads the page.
    ///
    /// # Errors
    /// It cannot be read, or a name that others rely on is missing.
    pub async fn read(metrics: &Target, token: Option<&str>) -> anyhow::Result<Books> {
        Books::parse(&get(metrics, token).await?)
    }

    /// # Errors
    /// A name that others rely on is missing.
    pub fn parse(page: &str) -> anyhow::Result<Books> {
        const REJECTED: &str = "vitalscope_beacons_rejected_total{reason=\"";
        let samples: BTreeMap<&str, f64> = page
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.rsplit_once(' '))
            .filter_map(|(name, value)| Some((name, value.parse().ok()?)))
            .collect();
        let count = |name: &str| {
            let name = format!("vitalscope_beacons_{name}");
            let sample = samples.get(name.as_str());
            sample
                .map(|&value| value as u64)
                .with_context(|| format!("the metrics page has no {name}"))
        };
        let reason = |name: &str| {
            let reason = name.strip_prefix(REJECTED)?.strip_suffix("\"}")?;
            Some(reason.to_owned())
        };
        Ok(Books {
            received: count("received_total")?,
            stored: count("stored_total")?,
            spooled: count("spooled")?,
            in_flight: count("in_flight")?,
            rejected: samples
                .iter()
                .filter_map(|(name, &value)| Some((reason(name)?, value as u64)))
                .collect(),
        })
    }

    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Whether every beacon is in exactly one place.
    pub fn balance(&self) -> bool {
        self.received == self.rejected_total() + self.stored + self.spooled + self.in_flight
    }
}

/// Looks until nothing is in flight or in the spool any more. Every look on the way must balance.
///
/// # Errors
/// A look that does not balance, or the time is over.
pub async fn drained(
    metrics: &Target,
    token: Option<&str>,
    limit: Duration,
) -> anyhow::Result<Books> {
    let deadline = Instant::now() + limit;
    loop {
        let books = Books::read(metrics, token).await?;
        if !books.balance() {
            bail!("the books do not balance: {books:?}");
        }
        if books.spooled == 0 && books.in_flight == 0 {
            return Ok(books);
        }
        if Instant::now() >= deadline {
            bail!(
                "after {} s {} beacons are still in the spool and {} in flight",
                limit.as_secs(),
                books.spooled,
                books.in_flight
            );
        }
        sleep(LOOK_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Metrics, Reason};

    #[test]
    fn the_page_that_is_written_is_the_page_that_is_read() {
        let metrics = Metrics::default();
        for _ in 0..6 {
            metrics.received();
        }
        metrics.rejected(Reason::Bot, 1);
        metrics.spooled(4);
        metrics.stored(2);
        let books = Books::parse(&metrics.render()).expect("every name is there");
        assert!(books.balance());
        let counts = (books.received, books.stored, books.spooled, books.in_flight);
        assert_eq!(counts, (6, 2, 2, 1));
        assert_eq!(books.rejected["bot"], 1);
        let lost = Books { stored: 1, ..books };
        assert!(!lost.balance());
        assert!(Books::parse("").is_err());
    }
}

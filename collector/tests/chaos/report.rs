//! What a run has seen, as a table.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::sender::Sums;
use crate::verdict::{Allowed, Compared};

/// Grows with the run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub faults: BTreeMap<String, u64>,
    /// Faults that had nothing to hit: no segment to cut, no disk to fill.
    pub skipped: BTreeMap<String, u64>,
    pub crashes: u64,
    pub verdicts: u64,
    pub compared: Compared,
    pub looks: u64,
    pub starts: u64,
    pub peak_rss_kb: u64,
    pub refused_requests: u64,
    /// Blocks that ClickHouse took for known and had no rows of, or only newer ones.
    pub sent_anew: u64,
    pub allowed: Allowed,
}

impl Report {
    pub fn table(&self, sums: &Sums) -> String {
        let statuses: Vec<String> = sums
            .statuses
            .iter()
            .map(|(status, count)| match status {
                0 => format!("none: {count}"),
                _ => format!("{status}: {count}"),
            })
            .collect();
        let faults = self.faults.iter();
        let faults = faults.map(|(kind, count)| (kind.clone(), count.to_string()));
        let skipped = self.skipped.iter();
        let skipped =
            skipped.map(|(kind, count)| (kind.clone(), format!("({count} had nothing to hit)")));
        let sum = self.faults.values().sum::<u64>();
        let rows = [
            ("faults in all", sum.to_string()),
            (
                "requests to ClickHouse that they hit",
                self.refused_requests.to_string(),
            ),
            (
                "blocks known without their rows",
                format!("{}, sent anew", self.sent_anew),
            ),
            (
                "beacons sent",
                format!(
                    "{}, of them {} again after their 204",
                    sums.sent, sums.repeated
                ),
            ),
            (
                "acknowledged",
                format!("{} beacons of {} page views", sums.acked, sums.views),
            ),
            (
                "not answered",
                format!("{}, {} given up", sums.unanswered, sums.given_up),
            ),
            ("answers", statuses.join(", ")),
            (
                "starts of the collector",
                format!(
                    "{}, {} after a crash at a named step",
                    self.starts, self.crashes
                ),
            ),
            (
                "destroyed on purpose and counted so",
                format!(
                    "{} quarantined, {} dead letters",
                    self.allowed.quarantined, self.allowed.dead_letters
                ),
            ),
            ("looks at the books, all balanced", self.looks.to_string()),
            (
                "verdicts, all exact",
                format!(
                    "{}, the last over {} measurements, {} operations, {} rollups",
                    self.verdicts,
                    self.compared.measurements,
                    self.compared.operations,
                    self.compared.rollups
                ),
            ),
            (
                "peak RSS of the collector",
                format!("{:.1} MB", self.peak_rss_kb as f64 / 1024.0),
            ),
        ];
        let rows = rows
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        let mut text = String::new();
        for (name, value) in faults.chain(skipped).chain(rows) {
            let _ = writeln!(text, "{name:<40}{value}"); // a String never refuses
        }
        text
    }
}

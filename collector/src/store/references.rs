//! Decisions about baselines, as rows: those of people and those by rule, and the past of the baselines that they hold. What follows
//! from them, `detect::reference` says.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use anyhow::Context;
use clickhouse::Row;
use detect::reference::approved_windows;
use detect::series::Hour;
use detect::{Decision, Kind, Ruling, SeriesKey, Strategy};
use serde::{Deserialize, Serialize};

use super::verdicts::{self, baseline_id};
use super::{Store, histories};
use crate::history::Histories;

const HOUR_S: i64 = 3600;
/// Series of one query for older hours: their names must stay well below the 256 KiB that a query may have.
const SERIES_PER_QUERY: usize = 200;

#[derive(Row, Deserialize)]
struct DecisionRow {
    automatic: bool,
    app: String,
    environment: String,
    route: String,
    kind: String,
    vital: String,
    decision: String,
    from_hour: i64,
    to_hour: i64,
    at_hour: i64,
}

#[derive(Row, Serialize)]
struct NewDecisionRow<'a> {
    id: &'a str,
    automatic: bool,
    at: i64,
    version: u64,
    app: &'a str,
    environment: &'a str,
    route: &'a str,
    kind: &'a str,
    vital: &'a str,
    decision: &'a str,
    from_at: u32,
    to_at: u32,
    note: &'a str,
}

/// Everything decided up to `at_ms`, of each series in the order in which it was decided.
///
/// # Errors
/// The server's.
pub async fn decisions(
    store: &Store,
    strategy: Strategy,
    at_ms: i64,
) -> anyhow::Result<Vec<Decision>> {
    let rows: Vec<DecisionRow> = store
        .client()
        .query(include_str!("sql/baseline_decisions.sql"))
        .bind(at_ms)
        .bind(strategy == Strategy::AutomatedStable)
        .fetch_all()
        .await?;
    Ok(rows
        .into_iter()
        .filter_map(DecisionRow::into_decision)
        .collect())
}

/// What a replay from `from_hour` on knows of them: what was approved by rule later, it decides again.
pub fn before(decisions: &[Decision], from_hour: Hour) -> Vec<Decision> {
    let is_known = |one: &&Decision| !one.is_automatic || one.at_hour <= from_hour;
    decisions.iter().filter(is_known).cloned().collect()
}

/// Keeps what a replay of `hours` approved by rule, in place of what an earlier evaluation of them had. `known` is all that was read
/// before.
///
/// # Errors
/// The server's.
pub async fn keep_approvals(
    store: &Store,
    approvals: &[Decision],
    known: &[Decision],
    hours: &Range<Hour>,
    version: u64,
) -> anyhow::Result<()> {
    let in_hours = |decision: &&Decision| {
        decision.is_automatic && decision.at_hour > hours.start && hours.contains(&decision.at_hour)
    };
    let known: Vec<&Decision> = known.iter().filter(in_hours).collect();
    let name = |decision: &Decision| (decision.key.clone(), decision.at_hour);
    let now: BTreeSet<_> = approvals.iter().map(name).collect();
    let withdrawn = known
        .iter()
        .filter(|decision| !now.contains(&name(decision)));
    let withdrawn = withdrawn.map(|decision| (*decision, "withdrawn"));
    let new = approvals
        .iter()
        .filter(|decision| !known.contains(decision))
        .map(|decision| (decision, decision.ruling.name()));
    let changed: Vec<(&Decision, &str)> = new.chain(withdrawn).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let mut rows = store
        .client()
        .insert::<NewDecisionRow<'_>>("baseline_decision_rows")
        .await?;
    for (decision, ruling) in changed {
        let key = &decision.key;
        rows.write(&NewDecisionRow {
            id: &baseline_id(key, false),
            automatic: true,
            at: decision.at_hour * HOUR_S * 1000,
            version,
            app: &key.app,
            environment: &key.environment,
            route: &key.route,
            kind: key.kind.name(),
            vital: &key.vital,
            decision: ruling,
            from_at: verdicts::seconds(decision.window.start),
            to_at: verdicts::seconds(decision.window.end),
            note: "",
        })
        .await?;
    }
    rows.end().await.context("approvals")
}

/// Adds the hours of approved baselines that are older than what was read for everybody, from `read_from` on.
///
/// # Errors
/// The server's.
pub async fn add_older_hours(
    store: &Store,
    collected: &mut Histories,
    decisions: &[Decision],
    judged: &Range<Hour>,
    read_from: Hour,
) -> anyhow::Result<()> {
    let older: Vec<(SeriesKey, Vec<Range<Hour>>)> = by_series(decisions)
        .into_iter()
        .map(|(key, decisions)| (key.clone(), approved_windows(&decisions, judged.clone())))
        .filter(|(_, windows)| windows.iter().any(|window| window.start < read_from))
        .collect();
    for some in older.chunks(SERIES_PER_QUERY) {
        let starts = some.iter().flat_map(|(_, windows)| windows);
        let first = starts.map(|window| window.start).min().unwrap_or(read_from);
        let wanted: BTreeMap<&SeriesKey, &[Range<Hour>]> = some
            .iter()
            .map(|(key, windows)| (key, &windows[..]))
            .collect();
        histories::add_older(store, collected, first..read_from, &wanted).await?;
    }
    Ok(())
}

fn by_series(decisions: &[Decision]) -> BTreeMap<&SeriesKey, Vec<Decision>> {
    let mut by_series: BTreeMap<&SeriesKey, Vec<Decision>> = BTreeMap::new();
    for decision in decisions {
        let of_series = by_series.entry(&decision.key).or_default();
        of_series.push(decision.clone());
    }
    by_series
}

impl DecisionRow {
    /// None when a later version of this program wrote a word that this one does not know.
    fn into_decision(self) -> Option<Decision> {
        Some(Decision {
            key: SeriesKey {
                app: self.app,
                environment: self.environment,
                route: self.route,
                kind: Kind::from_name(&self.kind)?,
                vital: self.vital,
            },
            ruling: Ruling::from_name(&self.decision)?,
            window: self.from_hour..self.to_hour,
            at_hour: self.at_hour,
            is_automatic: self.automatic,
        })
    }
}

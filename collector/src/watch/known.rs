//! What a replay is given: the rollups with the older hours that approved baselines need, what was decided, what was found.

use std::ops::Range;

use anyhow::Context;
use detect::reference::Decision;
use detect::series::Hour;
use detect::{Finding, History, Policy, SeriesKey};

use crate::store::{Store, histories, references, verdicts};

pub struct Known {
    pub histories: Vec<History>,
    /// All that was decided until `at_ms`; those before the replay are [`references::before`].
    pub decisions: Vec<Decision>,
    pub findings: Vec<Finding>,
    /// How long visits are in the middle that tell their growth, minutes.
    pub visit_minutes: Vec<(SeriesKey, f64)>,
}

/// Reads it for a replay of `hours`, with decisions up to `at_ms`.
///
/// # Errors
/// The server's.
pub async fn read(
    store: &Store,
    policy: &Policy,
    hours: &Range<Hour>,
    at_ms: i64,
) -> anyhow::Result<Known> {
    let read_from = hours.start - policy.lead_hours();
    let mut past = histories::read(store, read_from..hours.end, "")
        .await
        .context("rollups")?;
    let decisions = references::decisions(store, policy.strategy, at_ms)
        .await
        .context("decisions")?;
    references::add_older_hours(store, &mut past, &decisions, hours, read_from)
        .await
        .context("older rollups")?;
    let findings = verdicts::known(store, hours.start)
        .await
        .context("findings")?;
    let visit_minutes = histories::visit_minutes(store, hours.end)
        .await
        .context("visits")?;
    Ok(Known {
        histories: past.into_sorted(),
        decisions,
        findings,
        visit_minutes,
    })
}

//! What a replay is given: what was decided and found, and, app by app, the rollups with the older hours that approved baselines need.
//! Apps have nothing to do with each other, so only two are in memory at a time: one is judged while the next is read.

use std::ops::Range;
use std::sync::Arc;

use anyhow::Context;
use detect::reference::Decision;
use detect::series::Hour;
use detect::{Finding, History, Past, Policy, SeriesKey};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::store::packed::{self, Recent};
use crate::store::{Store, histories, references, verdicts};

pub struct Known {
    /// The replayed hours.
    hours: Range<Hour>,
    read_from: Hour,
    apps: packed::Apps,
    /// All that was decided until the replay was asked for, and what of it the replay knows at its beginning.
    pub decisions: Vec<Decision>,
    decided_before: Vec<Decision>,
    findings: Vec<Finding>,
    /// How long visits are in the middle that tell their growth, minutes.
    visit_minutes: Vec<(SeriesKey, f64)>,
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
    let apps = packed::apps(store, read_from..hours.end)
        .await
        .context("rollups")?;
    let decisions = references::decisions(store, policy.strategy, at_ms)
        .await
        .context("decisions")?;
    let findings = verdicts::known(store, hours.start)
        .await
        .context("findings")?;
    let visit_minutes = histories::visit_minutes(store, hours.end)
        .await
        .context("visits")?;
    Ok(Known {
        hours: hours.clone(),
        read_from,
        apps,
        decided_before: references::before(&decisions, hours.start),
        decisions,
        findings,
        visit_minutes,
    })
}

impl Known {
    pub fn past(&self) -> Past<'_> {
        Past {
            findings: &self.findings,
            decisions: &self.decided_before,
            visit_minutes: &self.visit_minutes,
        }
    }

    /// Judges each app's histories, apps in the order of their names. `recent` is what earlier evaluations of this process have kept.
    ///
    /// # Errors
    /// The server's.
    pub async fn each_app<T: Send + 'static>(
        self: &Arc<Known>,
        store: &Store,
        recent: &mut Recent,
        judge: impl Fn(&Known, &[History]) -> T + Send + Sync + 'static,
    ) -> anyhow::Result<Vec<T>> {
        let judge = Arc::new(judge);
        let mut judged = Vec::new();
        let mut running: Option<JoinHandle<T>> = None;
        for app in self.apps.names() {
            let histories = self.histories(store, recent, &app).await?;
            if let Some(before) = running.take() {
                judged.push(before.await?);
            }
            let (known, judge) = (self.clone(), judge.clone());
            // Seconds of pure computation: not on a thread that others wait for.
            running = Some(spawn_blocking(move || judge(&known, &histories)));
        }
        if let Some(last) = running {
            judged.push(last.await?);
        }
        recent.keep_only(|app| self.apps.has(app));
        Ok(judged)
    }

    async fn histories(
        &self,
        store: &Store,
        recent: &mut Recent,
        app: &str,
    ) -> anyhow::Result<Vec<History>> {
        let histories = self.apps.read(store, recent, app).await;
        let mut histories = histories.context("rollups")?;
        let decisions: Vec<Decision> = self
            .decisions
            .iter()
            .filter(|decision| decision.key.app == app)
            .cloned()
            .collect();
        references::add_older_hours(
            store,
            &mut histories,
            &decisions,
            &self.hours,
            self.read_from,
        )
        .await
        .context("older rollups")?;
        Ok(histories.into_sorted())
    }
}

//! What the detector said, as rows: its findings and baselines. Whether it is right is not asked here.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::Context;
use clickhouse::Row;
use detect::series::Hour;
use detect::{Baseline, Decision, Direction, Finding, Kind, Replay, SeriesKey, Severity, State};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::finding_detail::DetailJson;
use super::{Store, references};

const HOUR_S: i64 = 3600;

#[derive(Row, Serialize, Deserialize)]
struct FindingRow {
    id: String,
    version: u64,
    app: String,
    environment: String,
    route: String,
    kind: String,
    vital: String,
    stratum: String,
    direction: String,
    state: String,
    severity: String,
    change_ratio: f64,
    change_low: f64,
    change_high: f64,
    p_value: f64,
    z: f64,
    confidence: f64,
    window_hours: u32,
    baseline_p75: f64,
    current_p75: f64,
    baseline_n: u64,
    current_n: u64,
    change_point: u32,
    change_point_low: u32,
    change_point_high: u32,
    release: String,
    opened_at: u32,
    confirmed_at: Option<u32>,
    resolved_at: Option<u32>,
    recommendation: String,
    withdrawn: bool,
    detail: String,
}

#[derive(Row, Serialize)]
struct BaselineRow<'a> {
    id: String,
    version: u64,
    app: &'a str,
    environment: &'a str,
    route: &'a str,
    kind: &'a str,
    vital: &'a str,
    strategy: &'a str,
    state: &'a str,
    p50: f64,
    p75: f64,
    p95: f64,
    mean: f64,
    stddev: f64,
    n: u64,
    hours_used: u32,
    hours_left_out: u32,
    left_out_reasons: &'a [String],
    minimum_detectable_ratio: Option<f64>,
    from_at: u32,
    to_at: u32,
    updated_at: i64,
    candidate: bool,
    withdrawn: bool,
}

/// Findings that were opened up to `hour`, for a replay to continue.
///
/// # Errors
/// The server's.
pub async fn known(store: &Store, hour: Hour) -> anyhow::Result<Vec<Finding>> {
    let rows: Vec<FindingRow> = store
        .client()
        .query("select ?fields from finding_rows final where not withdrawn and opened_at <= fromUnixTimestamp(?)")
        .bind(hour * HOUR_S)
        .fetch_all()
        .await?;
    Ok(rows
        .into_iter()
        .filter_map(FindingRow::into_finding)
        .collect())
}

/// Keeps what a replay of `hours` said. Findings that it opened in those hours replace those that an earlier evaluation had opened
/// there; the evaluation that ends last counts. `texts` are recommendations by
/// id, in place of the findings' own; `decisions` are those that the replay knew of.
///
/// # Errors
/// The server's.
pub async fn keep(
    store: &Store,
    replay: &Replay,
    texts: &BTreeMap<String, String>,
    decisions: &[Decision],
    hours: &Range<Hour>,
) -> anyhow::Result<()> {
    let (now_ms, version): (i64, u64) = store
        .client()
        .query(include_str!("sql/verdict_version.sql"))
        .fetch_one()
        .await
        .context("version")?;
    withdraw(store, replay, hours, version)
        .await
        .context("findings")?;
    let mut findings = store.client().insert::<FindingRow>("finding_rows").await?;
    for finding in &replay.findings {
        let mut row = FindingRow::of(finding, version);
        if let Some(text) = texts.get(&finding.id) {
            row.recommendation.clone_from(text);
        }
        findings.write(&row).await?;
    }
    findings.end().await.context("findings")?;
    let mut baselines = store
        .client()
        .insert::<BaselineRow<'_>>("baseline_rows")
        .await?;
    for baseline in &replay.baselines {
        baselines
            .write(&baseline_row(baseline, version, now_ms))
            .await?;
    }
    baselines.end().await.context("baselines")?;
    withdraw_candidates(store, &replay.baselines, version)
        .await
        .context("candidates")?;
    references::keep_approvals(store, &replay.approvals, decisions, hours, version).await
}

/// A candidate that is none any more leaves the view.
async fn withdraw_candidates(
    store: &Store,
    baselines: &[Baseline],
    version: u64,
) -> anyhow::Result<()> {
    let candidates = baselines.iter().filter(|baseline| baseline.is_candidate);
    let mut ids: Vec<String> = candidates
        .map(|baseline| baseline_id(&baseline.key, true))
        .collect();
    // Never empty, because an empty list is no list to the server.
    ids.push(String::new());
    store
        .client()
        .query(
            "insert into baseline_rows select * replace (? as version, true as withdrawn) from (\
                 select * from baseline_rows final where candidate and not withdrawn and id not in ?\
             )",
        )
        .bind(version)
        .bind(ids)
        .execute()
        .await?;
    Ok(())
}

async fn withdraw(
    store: &Store,
    replay: &Replay,
    hours: &Range<Hour>,
    version: u64,
) -> anyhow::Result<()> {
    // Never empty, because an empty list is no list to the server.
    let mut ids: Vec<&str> = replay
        .findings
        .iter()
        .map(|finding| finding.id.as_str())
        .collect();
    ids.push("");
    store
        .client()
        .query(
            // A subquery, because a replaced column hides the stored one from the conditions.
            "insert into finding_rows select * replace (? as version, true as withdrawn) from (\
                 select * from finding_rows final where not withdrawn \
                 and opened_at > fromUnixTimestamp(?) and opened_at <= fromUnixTimestamp(?) and id not in ?\
             )",
        )
        .bind(version)
        .bind(hours.start * HOUR_S)
        .bind(hours.end * HOUR_S)
        .bind(ids)
        .execute()
        .await?;
    Ok(())
}

/// What was recommended about these findings, by id; those without a row are left out.
///
/// # Errors
/// The server's.
pub async fn recommendations(
    store: &Store,
    ids: &[&str],
) -> anyhow::Result<BTreeMap<String, String>> {
    // Never empty, because an empty list is no list to the server.
    let ids: Vec<&str> = ids.iter().copied().chain([""]).collect();
    let rows: Vec<(String, String)> = store
        .client()
        .query("select id, recommendation from finding_rows final where id in ?")
        .bind(ids)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().collect())
}

/// How many regressions are open and not muted, by severity.
///
/// # Errors
/// The server's.
pub async fn open_regressions(store: &Store) -> anyhow::Result<Vec<(String, u64)>> {
    Ok(store
        .client()
        .query(
            "select toString(severity), count() from findings \
             where direction = 'regression' and state in ('unconfirmed', 'confirmed') group by severity",
        )
        .fetch_all()
        .await?)
}

/// Marks releases that were seen from `hour` on and never announced.
///
/// # Errors
/// The server's.
pub async fn notice_releases(store: &Store, hour: Hour) -> anyhow::Result<()> {
    Ok(store
        .client()
        .query(include_str!("sql/rollup_first_sight.sql"))
        .bind(hour)
        .execute()
        .await?)
}

impl FindingRow {
    fn of(finding: &Finding, version: u64) -> FindingRow {
        FindingRow {
            id: finding.id.clone(),
            version,
            app: finding.key.app.clone(),
            environment: finding.key.environment.clone(),
            route: finding.key.route.clone(),
            kind: finding.key.kind.name().into(),
            vital: finding.key.vital.clone(),
            stratum: String::new(),
            direction: finding.direction.name().into(),
            state: finding.state.name().into(),
            severity: finding.severity.name().into(),
            change_ratio: finding.change_ratio,
            change_low: finding.change_low,
            change_high: finding.change_high,
            p_value: finding.p_value,
            z: finding.z,
            confidence: finding.confidence,
            window_hours: finding.window_hours as u32,
            baseline_p75: finding.baseline_p75,
            current_p75: finding.current_p75,
            baseline_n: finding.baseline_n,
            current_n: finding.current_n,
            change_point: seconds(finding.change_point_hour),
            change_point_low: seconds(finding.change_point_low_hour),
            change_point_high: seconds(finding.change_point_high_hour),
            release: finding.release.clone(),
            opened_at: seconds(finding.opened_hour),
            confirmed_at: finding.confirmed_hour.map(seconds),
            resolved_at: finding.resolved_hour.map(seconds),
            recommendation: finding.recommendation.clone(),
            withdrawn: false,
            detail: DetailJson::text(&finding.detail),
        }
    }

    /// None when a later version of this program wrote a word that this one does not know.
    fn into_finding(self) -> Option<Finding> {
        let states = [
            State::Unconfirmed,
            State::Confirmed,
            State::Transient,
            State::Resolved,
        ];
        let severities = [Severity::Minor, Severity::Warning, Severity::Critical];
        Some(Finding {
            id: self.id,
            key: SeriesKey {
                app: self.app,
                environment: self.environment,
                route: self.route,
                kind: Kind::from_name(&self.kind)?,
                vital: self.vital,
            },
            direction: Direction::ALL
                .into_iter()
                .find(|direction| direction.name() == self.direction)?,
            state: states
                .into_iter()
                .find(|state| state.name() == self.state)?,
            severity: severities
                .into_iter()
                .find(|severity| severity.name() == self.severity)?,
            change_ratio: self.change_ratio,
            change_low: self.change_low,
            change_high: self.change_high,
            p_value: self.p_value,
            z: self.z,
            confidence: self.confidence,
            window_hours: self.window_hours as usize,
            baseline_p75: self.baseline_p75,
            current_p75: self.current_p75,
            baseline_n: self.baseline_n,
            current_n: self.current_n,
            change_point_hour: hour(self.change_point),
            change_point_low_hour: hour(self.change_point_low),
            change_point_high_hour: hour(self.change_point_high),
            release: self.release,
            opened_hour: hour(self.opened_at),
            confirmed_hour: self.confirmed_at.map(hour),
            resolved_hour: self.resolved_at.map(hour),
            recommendation: self.recommendation,
            detail: DetailJson::read(&self.detail),
        })
    }
}

fn baseline_row(baseline: &Baseline, version: u64, now_ms: i64) -> BaselineRow<'_> {
    let key = &baseline.key;
    BaselineRow {
        id: baseline_id(key, baseline.is_candidate),
        version,
        app: &key.app,
        environment: &key.environment,
        route: &key.route,
        kind: key.kind.name(),
        vital: &key.vital,
        strategy: baseline.strategy,
        state: baseline.state.name(),
        p50: baseline.p50,
        p75: baseline.p75,
        p95: baseline.p95,
        mean: baseline.mean,
        stddev: baseline.stddev,
        n: baseline.n,
        hours_used: baseline.hours_used as u32,
        hours_left_out: baseline.hours_left_out as u32,
        left_out_reasons: &baseline.reasons,
        minimum_detectable_ratio: baseline.minimum_detectable_ratio,
        from_at: seconds(baseline.from_hour),
        to_at: seconds(baseline.to_hour),
        updated_at: now_ms,
        candidate: baseline.is_candidate,
        withdrawn: false,
    }
}

/// One baseline per series, and a candidate: their ids are the series' name, hashed so that it fits into an address.
pub fn baseline_id(key: &SeriesKey, is_candidate: bool) -> String {
    let mut hash = Sha256::new();
    for field in [
        &key.app,
        &key.environment,
        &key.route,
        key.kind.name(),
        &key.vital,
    ] {
        hash.update(field.as_bytes());
        hash.update([0xff]);
    }
    if is_candidate {
        hash.update("candidate");
    }
    hash.finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

pub fn seconds(hour: Hour) -> u32 {
    u32::try_from(hour.saturating_mul(HOUR_S)).unwrap_or(0)
}

fn hour(seconds: u32) -> Hour {
    i64::from(seconds) / HOUR_S
}

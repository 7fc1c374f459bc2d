//! What the detector said and what people said: baselines, findings, deploys, alerts.

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{QueryError, Scope, all, scoped};
use crate::store::Store;

/// A row of the view `baselines`, values in the vital's unit.
#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize, ToSchema)]
pub struct BaselineRow {
    pub id: String,
    pub app: String,
    pub environment: String,
    pub route: String,
    pub kind: String,
    pub vital: String,
    pub strategy: String,
    pub state: String,
    pub p50: f64,
    pub p75: f64,
    pub p95: f64,
    pub mean: f64,
    pub stddev: f64,
    pub n: u64,
    pub hours_used: u64,
    pub hours_left_out: u64,
    /// Sentences: why hours were left out, and why it is not approved.
    pub left_out_reasons: String,
    /// Smallest change that would be found within a day: 0.10 is 10 %; null while learning.
    pub minimum_detectable_ratio: Option<f64>,
    pub from_ms: i64,
    pub to_ms: i64,
    pub updated_at_ms: i64,
    /// Not judged by: it waits to take the place of the one that is.
    pub candidate: bool,
}

impl BaselineRow {
    /// There is nothing in it yet that could be approved or rejected.
    pub fn is_learning(&self) -> bool {
        self.state == "learning"
    }
}

/// A row of the view `findings`.
#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize, ToSchema)]
pub struct FindingRow {
    pub id: String,
    pub app: String,
    pub environment: String,
    pub route: String,
    pub kind: String,
    pub vital: String,
    pub stratum: String,
    pub direction: String,
    pub state: String,
    pub severity: String,
    pub change_ratio: f64,
    pub change_low: f64,
    pub change_high: f64,
    pub p_value: f64,
    pub z: f64,
    pub confidence: f64,
    pub baseline_p75: f64,
    pub current_p75: f64,
    pub baseline_n: u64,
    pub current_n: u64,
    pub change_point_ms: i64,
    pub change_point_low_ms: i64,
    pub change_point_high_ms: i64,
    pub release: String,
    pub opened_at_ms: i64,
    pub confirmed_at_ms: i64,
    pub resolved_at_ms: i64,
    pub recommendation: String,
    /// JSON: which comparison decided, and its own numbers; null for findings of earlier versions.
    #[serde(serialize_with = "as_json")]
    #[schema(value_type = Option<Object>)]
    pub detail: String,
}

/// A column of JSON is JSON to readers as well; a text that is none is null.
fn as_json<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let value = serde_json::from_str::<serde_json::Value>(text).ok();
    value.serialize(serializer)
}

impl FindingRow {
    /// Up to when it lasted, or now.
    pub fn until_ms(&self, now_ms: i64) -> i64 {
        if self.resolved_at_ms > 0 {
            self.resolved_at_ms
        } else {
            now_ms
        }
    }
}

#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize, ToSchema)]
pub struct DeployRow {
    pub app: String,
    pub environment: String,
    pub release: String,
    pub at_ms: i64,
    pub source: String,
}

#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize, ToSchema)]
pub struct AlertRow {
    pub id: String,
    pub rule: String,
    pub app: String,
    pub route: String,
    pub vital: String,
    pub severity: String,
    pub state: String,
    pub finding_id: String,
    pub opened_at_ms: i64,
    pub resolved_at_ms: i64,
    pub last_sent_at_ms: i64,
}

/// What a person decided about a finding.
#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize, ToSchema)]
pub struct DecisionRow {
    /// `muted` or `unmuted`.
    pub decision: String,
    pub note: String,
    pub at_ms: i64,
}

/// Which findings: an empty string or list filters nothing.
#[derive(Clone, Debug, Default)]
pub struct FindingFilter {
    pub id: String,
    pub app: String,
    pub environment: String,
    pub route: String,
    pub vital: String,
    pub states: Vec<String>,
    pub from_ms: i64,
    pub to_ms: i64,
    pub limit: u32,
    pub offset: u32,
}

impl FindingFilter {
    /// The states of what goes on.
    pub fn open() -> Vec<String> {
        vec!["confirmed".to_owned(), "unconfirmed".to_owned()]
    }
}

/// An empty route means all of them.
pub async fn baselines(
    store: &Store,
    app: &str,
    environment: &str,
    route: &str,
) -> Result<Vec<BaselineRow>, QueryError> {
    let query = store.client().query(include_str!("../sql/baselines.sql"));
    all(query
        .param("id", "")
        .param("app", app)
        .param("environment", environment)
        .param("route", route))
    .await
}

pub async fn baseline(store: &Store, id: &str) -> Result<Option<BaselineRow>, QueryError> {
    let query = store.client().query(include_str!("../sql/baselines.sql"));
    let found = all(query
        .param("id", id)
        .param("app", "")
        .param("environment", "")
        .param("route", ""))
    .await?;
    Ok(found.into_iter().next())
}

pub async fn findings(
    store: &Store,
    filter: &FindingFilter,
) -> Result<Vec<FindingRow>, QueryError> {
    let query = store
        .client()
        .query(include_str!("../sql/findings.sql"))
        .param("id", &filter.id)
        .param("app", &filter.app)
        .param("environment", &filter.environment)
        .param("route", &filter.route)
        .param("vital", &filter.vital)
        .param("states", &filter.states)
        .param("from_ms", filter.from_ms)
        .param("to_ms", filter.to_ms)
        .param("limit", filter.limit)
        .param("offset", filter.offset);
    all(query).await
}

/// The newest decision about a finding.
pub async fn decision(store: &Store, finding_id: &str) -> Result<Option<DecisionRow>, QueryError> {
    let query = store.client().query(include_str!("../sql/decision.sql"));
    let found = all(query.param("subject", "finding").param("id", finding_id)).await?;
    Ok(found.into_iter().next())
}

pub async fn deploys(store: &Store, scope: &Scope) -> Result<Vec<DeployRow>, QueryError> {
    all(scoped(store, include_str!("../sql/deploys.sql"), scope)).await
}

pub async fn alerts(store: &Store, app: &str) -> Result<Vec<AlertRow>, QueryError> {
    all(store
        .client()
        .query(include_str!("../sql/alerts.sql"))
        .param("app", app))
    .await
}

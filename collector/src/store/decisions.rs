//! What people decide, as rows: the views show it at once and the next evaluation reads it. A decision is never changed, only
//! followed by a newer one.

use detect::Ruling;

use super::Store;

/// The moment a release went live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deploy {
    pub app: String,
    pub environment: String,
    pub release: String,
    /// Ms since the epoch.
    pub at_ms: i64,
    /// `api`, `cli`, or `first-sight` for a release that nobody announced.
    pub source: String,
}

/// Records a deploy; the same one twice is one.
///
/// # Errors
/// When the row cannot be written.
pub async fn deploy(store: &Store, deploy: &Deploy) -> anyhow::Result<()> {
    store
        .client()
        .query("insert into deploy_rows values (?, ?, ?, fromUnixTimestamp64Milli(?, 'UTC'), ?, 1)")
        .bind(&deploy.app)
        .bind(&deploy.environment)
        .bind(&deploy.release)
        .bind(deploy.at_ms)
        .bind(&deploy.source)
        .execute()
        .await?;
    Ok(())
}

/// Mutes a finding; whether it exists is the caller's question.
///
/// # Errors
/// When the row cannot be written.
pub async fn mute(store: &Store, finding_id: &str, note: &str) -> anyhow::Result<()> {
    decide(store, "finding", finding_id, "muted", note).await
}

/// Takes that back; whether it exists, and was muted, is the caller's question.
///
/// # Errors
/// When the row cannot be written.
pub async fn unmute(store: &Store, finding_id: &str, note: &str) -> anyhow::Result<()> {
    decide(store, "finding", finding_id, "unmuted", note).await
}

/// Approves or rejects the hours that a baseline has now; whether it exists is the caller's question.
///
/// # Errors
/// When the row cannot be written.
pub async fn judge_baseline(
    store: &Store,
    baseline_id: &str,
    ruling: Ruling,
    note: &str,
) -> anyhow::Result<()> {
    Ok(store
        .client()
        .query(include_str!("sql/judge_baseline.sql"))
        .bind(ruling.name())
        .bind(note)
        .bind(baseline_id)
        .execute()
        .await?)
}

async fn decide(
    store: &Store,
    subject: &str,
    id: &str,
    decision: &str,
    note: &str,
) -> anyhow::Result<()> {
    Ok(store
        .client()
        .query(include_str!("sql/decide.sql"))
        .bind(subject)
        .bind(id)
        .bind(decision)
        .bind(note)
        .bind(subject)
        .bind(id)
        .execute()
        .await?)
}

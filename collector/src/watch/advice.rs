//! What is recommended about the findings of an evaluation: `detect`'s general advice, and what the rollups around the change know.
//!
//! Open findings are explained at each evaluation, because their hours grow. What is over keeps the text it had.

use std::collections::BTreeMap;

use detect::Finding;
use detect::series::Hour;

use crate::explain::{Subject, explain};
use crate::store::{Store, verdicts};

/// Findings explained in one evaluation, the newest first: three queries each. More open at once have one cause that a person sees
/// from the first few.
const MAX_EXPLAINED: usize = 50;

/// The recommendation of each finding whose general one is not all there is to say, by id.
///
/// # Errors
/// The server's, when it does not say what it has. A finding that cannot be explained keeps its general advice.
pub async fn texts(
    store: &Store,
    findings: &[Finding],
    now_hour: Hour,
) -> anyhow::Result<BTreeMap<String, String>> {
    let over: Vec<&str> = findings
        .iter()
        .filter(|finding| !finding.state.is_open())
        .map(|finding| finding.id.as_str())
        .collect();
    let mut texts = verdicts::recommendations(store, &over).await?;
    let unexplained: Vec<&Finding> = findings
        .iter()
        .rev()
        .filter(|finding| !texts.contains_key(&finding.id))
        .take(MAX_EXPLAINED)
        .collect();
    for finding in unexplained {
        let subject = Subject::of_finding(finding);
        let until_hour = finding.resolved_hour.unwrap_or(now_hour);
        match explain(store, &subject, until_hour * 3_600_000).await {
            Ok(known) => {
                // Not the finding's own: one that goes on from an earlier evaluation has what was said there.
                let general = detect::advice::recommendation(finding);
                let text = known.recommendation(&subject, &general);
                texts.insert(finding.id.clone(), text);
            }
            Err(error) => {
                tracing::warn!(%error, finding = finding.id, "a finding could not be explained");
            }
        }
    }
    Ok(texts)
}

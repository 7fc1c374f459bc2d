//! What can be said about a finding beyond its numbers: what is to blame, which visitors carry the change, what else moved with it.
//!
//! Hints, not verdicts: they come from the rollups of the hours around the change and decide nothing; a finding stands without them.
//! Who carries the change is named by [`detect::drill`], which needs evidence; phases and moved series are ranked and no error rate is
//! claimed for them.

mod blame;
mod carriers;
mod moved;
mod sentence;
mod windows;

use serde::Serialize;
use utoipa::ToSchema;

pub use blame::Blame;
pub use carriers::{Dimension, Share};
pub use moved::Moved;
pub use sentence::plain;
pub use windows::Subject;

use crate::store::Store;
use crate::store::around::{self, Around, DayValue, Windows};
use crate::store::queries::QueryError;

/// Each list is for a person to read.
const MAX_LISTED: usize = 8;

/// The answer to "why", as far as the rollups know it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Explanation {
    /// The compared hours; null while none has closed since the change.
    pub windows: Option<Windows>,
    /// Parts of the vital, and what the page blamed, the largest share of the change first.
    pub blamed: Vec<Blame>,
    /// Other vitals and operations of the route that moved in the same hours, the largest first.
    pub moved: Vec<Moved>,
    /// The change by browser, country, device and so on; those that carry it come first.
    pub dimensions: Vec<Dimension>,
}

/// Looks around a change. `until_ms`: now, or when it was over.
///
/// # Errors
/// The server's.
pub async fn explain(
    store: &Store,
    subject: &Subject,
    until_ms: i64,
) -> Result<Explanation, QueryError> {
    let Some(windows) = windows::around(subject, until_ms) else {
        return Ok(Explanation::default());
    };
    let place = Around {
        app: &subject.key.app,
        environment: &subject.key.environment,
        route: &subject.key.route,
        kind: subject.key.kind.name(),
        vital: &subject.key.vital,
        windows: &windows,
    };
    let (facts, values, series) = tokio::try_join!(
        around::facts(store, &place),
        around::dimensions(store, &place),
        around::series(store, &place),
    )?;
    let scheme = subject.key.scheme();
    let own_days: Vec<&DayValue> = series
        .iter()
        .filter(|day| day.kind == subject.key.kind.name() && day.vital == subject.key.vital)
        .collect();
    let inflation = carriers::inflation(scheme, &own_days);
    let mut blamed = blame::blamed(scheme, subject.sign, &facts, inflation);
    blamed.truncate(MAX_LISTED);
    let mut moved = moved::moved(subject, &series);
    moved.truncate(MAX_LISTED);
    let mut dimensions = carriers::dimensions(scheme, subject.sign, &values, inflation);
    for dimension in &mut dimensions {
        dimension.values.truncate(MAX_LISTED);
    }
    Ok(Explanation {
        windows: Some(windows),
        blamed,
        moved,
        dimensions,
    })
}

impl Explanation {
    /// The finding's own recommendation, with what is known beyond it.
    pub fn recommendation(&self, subject: &Subject, general: &str) -> String {
        sentence::recommendation(self, subject, general)
    }
}

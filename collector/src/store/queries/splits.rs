//! What a vital is made of: its page views by dimension, and what they blame. Both are kept for everybody together.

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{QueryError, Scope, all, scoped};
use crate::store::Store;

/// A value that page views can be filtered by.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize, ToSchema)]
pub struct ValueRow {
    pub dimension: String,
    pub value: String,
    /// Page views in the range; 0 for releases, which are in order of time.
    pub n: u64,
}

/// One vital's histogram where a dimension has one value.
#[derive(Clone, Debug, Row, Deserialize)]
pub struct DimensionRow {
    pub dimension: String,
    pub value: String,
    pub n: u64,
    pub buckets: Vec<(u16, u64)>,
}

/// What page views blamed: `fact` and `name` as in the view `rollups_by_attribution`.
#[derive(Clone, Debug, Row, Deserialize)]
pub struct FactRow {
    pub fact: String,
    pub name: String,
    pub n: u64,
    pub sum_ms: f64,
    pub buckets: Vec<(u16, u64)>,
}

/// What the page views of a range can be filtered by, dimension by dimension.
pub async fn dimension_values(store: &Store, scope: &Scope) -> Result<Vec<ValueRow>, QueryError> {
    let query = scoped(store, include_str!("../sql/dimension_values.sql"), scope);
    let mut values: Vec<ValueRow> = all(query).await?;
    // The parts of the query come in any order, each in its own.
    values.sort_by(|a, b| a.dimension.cmp(&b.dimension));
    Ok(values)
}

/// Every dimension's values, the most frequent first. `*` as route means the whole app.
pub async fn dimensions(
    store: &Store,
    scope: &Scope,
    route: &str,
    vital: &str,
) -> Result<Vec<DimensionRow>, QueryError> {
    let query = scoped(store, include_str!("../sql/dimensions.sql"), scope);
    all(query.param("route", route).param("vital", vital)).await
}

/// What is to blame, the most frequent of each kind first. `*` as route means the whole app.
pub async fn facts(
    store: &Store,
    scope: &Scope,
    route: &str,
    vital: &str,
) -> Result<Vec<FactRow>, QueryError> {
    let query = scoped(store, include_str!("../sql/facts.sql"), scope);
    all(query.param("route", route).param("vital", vital)).await
}

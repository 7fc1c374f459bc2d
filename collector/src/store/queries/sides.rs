//! One side of a comparison, stratum by stratum.

use clickhouse::Row;
use serde::Deserialize;

use super::{QueryError, Scope, all, scoped};
use crate::store::Store;

#[derive(Clone, Debug, Row, Deserialize)]
pub struct StratumRow {
    pub route: String,
    pub vital: String,
    pub stratum: String,
    pub n: u64,
    pub sessions: u64,
    pub buckets: Vec<(u16, u64)>,
}

/// Which rows of a side; an empty text means all.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    pub scope: &'a Scope,
    pub release: &'a str,
    pub route: &'a str,
    pub vital: &'a str,
}

pub async fn vitals_by_stratum(
    store: &Store,
    side: Side<'_>,
) -> Result<Vec<StratumRow>, QueryError> {
    let read = async |sql| {
        all(scoped(store, sql, side.scope)
            .param("release", side.release)
            .param("route", side.route)
            .param("vital", side.vital))
        .await
    };
    if side.scope.whole_days {
        let rows = read(include_str!("../sql/days_by_stratum.sql")).await?;
        // Days by stratum lag behind: a release that is new is in the hours already.
        if !rows.is_empty() {
            return Ok(rows);
        }
    }
    read(include_str!("../sql/vitals_by_stratum.sql")).await
}

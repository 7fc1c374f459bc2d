//! A made-up app in a database of its own, made where it is stored: values as visitors have them, whatever their number.

use clickhouse::query::Query;
use collector::store::{Store, rollup};
use detect::histogram::Scheme;
use wire::Vital;

/// So many that a list of them has pages.
const ROUTES: u32 = 500;
/// The range that people look at most.
const HOURS: u32 = 7 * 24;
const MEASUREMENTS_PER_VIEW: u64 = 5;
/// Rows of one statement: its memory grows with them.
const VIEWS_PER_STATEMENT: u64 = 200_000;
/// Values of one vital: a quantile each.
const VALUES: u32 = 256;

/// Whether a run before this one has filled the store: the finding is its last word.
pub async fn is_there(store: &Store) -> anyhow::Result<bool> {
    let count: u64 = store
        .client()
        .query("select count() from finding_rows")
        .fetch_one()
        .await?;
    Ok(count > 0)
}

/// Fills the store with so many measurements and everything that is made of them.
pub async fn fill(store: &Store, measurements: u64) -> anyhow::Result<()> {
    let views = measurements / MEASUREMENTS_PER_VIEW;
    let mut from = 0;
    while from < views {
        let count = VIEWS_PER_STATEMENT.min(views - from);
        let query = store
            .client()
            .query(include_str!("measurements.sql"))
            .param("from", from)
            .param("count", count)
            .param("hours", HOURS)
            .param("routes", ROUTES);
        let query = [
            (Vital::Lcp, "lcp", 1_900.0),
            (Vital::Inp, "inp", 120.0),
            (Vital::Cls, "cls", 0.04),
            (Vital::Fcp, "fcp", 1_200.0),
            (Vital::Ttfb, "ttfb", 450.0),
        ]
        .into_iter()
        .fold(query, |query, (vital, name, median)| {
            with_values(query, vital, name, median)
        });
        query.execute().await?;
        from += count;
    }
    rollup::run_once(store).await?;
    for sql in [include_str!("baselines.sql"), include_str!("finding.sql")] {
        store.client().query(sql).execute().await?;
    }
    Ok(())
}

/// Merges what a filling, or a migration of kept data, has just written, as it is some minutes later: a table that was filled at once has more
/// parts than one that grew.
pub async fn settle(store: &Store) -> anyhow::Result<()> {
    for table in [
        "measurement_rows",
        "rollup_hours",
        "rollup_totals",
        "rollup_dimension_hours",
        "rollup_attribution_hours",
    ] {
        let merge =
            format!("optimize table {table} final settings optimize_skip_merged_partitions = 1");
        store.client().query(&merge).execute().await?;
    }
    Ok(())
}

/// Log-normal quantiles around a median, and the buckets that they lie in.
fn with_values(query: Query, vital: Vital, name: &str, median: f64) -> Query {
    // The logistic function is close to the normal one and has an inverse.
    let quantile = |place: u32| {
        let share = (f64::from(place) + 0.5) / f64::from(VALUES);
        median * (0.35 * (share / (1.0 - share)).ln()).exp()
    };
    let scheme = Scheme::of_vital(vital);
    let values: Vec<f64> = (0..VALUES).map(quantile).collect();
    let buckets: Vec<u16> = values
        .iter()
        .map(|value| scheme.bucket_index(*value))
        .collect();
    query
        .param(name, values)
        .param(&format!("{name}_buckets"), buckets)
}

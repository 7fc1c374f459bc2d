//! Histograms that are summed here: ClickHouse needs twice as long to sum maps as to send them.

use std::collections::BTreeMap;

use clickhouse::Row;
use clickhouse::query::Query;
use serde::Deserialize;

use super::{QueryError, StratumRow, bounded, within_time};

/// A part of a sum, as it lies in a rollup.
#[derive(Debug, Row, Deserialize)]
struct PartRow<'r> {
    route: &'r str,
    vital: &'r str,
    stratum: &'r str,
    n: u64,
    sessions: u64,
    buckets: Vec<(u16, u64)>,
}

/// By route, vital and stratum.
#[derive(Default)]
struct Sums(BTreeMap<String, BTreeMap<String, BTreeMap<String, StratumRow>>>);

/// The parts that a query answers with, one sum for each route, vital and stratum, in this order. Memory holds the sums, never the parts.
pub(super) async fn summed(query: Query) -> Result<Vec<StratumRow>, QueryError> {
    within_time(async {
        let mut sums = Sums::default();
        let mut parts = bounded(query).fetch::<PartRow<'_>>()?;
        while let Some(part) = parts.next().await? {
            sums.add(part);
        }
        Ok(sums.into_rows())
    })
    .await
}

impl Sums {
    fn add(&mut self, part: PartRow<'_>) {
        let vitals = place(&mut self.0, part.route);
        let strata = place(vitals, part.vital);
        let sum = place(strata, part.stratum);
        sum.n += part.n;
        sum.sessions += part.sessions;
        if sum.buckets.is_empty() {
            (sum.route, sum.vital) = (part.route.into(), part.vital.into());
            sum.stratum = part.stratum.into();
            sum.buckets = part.buckets;
        } else {
            sum.buckets = merged(&sum.buckets, &part.buckets);
        }
    }

    fn into_rows(self) -> Vec<StratumRow> {
        let vitals = self.0.into_values();
        let strata = vitals.flat_map(BTreeMap::into_values);
        strata.flat_map(BTreeMap::into_values).collect()
    }
}

fn place<'m, T: Default>(map: &'m mut BTreeMap<String, T>, key: &str) -> &'m mut T {
    if !map.contains_key(key) {
        map.insert(key.into(), T::default());
    }
    map.get_mut(key).expect("it is there now")
}

/// The sum of two histograms, each in the order of its buckets.
fn merged(one: &[(u16, u64)], other: &[(u16, u64)]) -> Vec<(u16, u64)> {
    let mut sum = Vec::with_capacity(one.len() + other.len());
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    loop {
        let next = match (one.peek(), other.peek()) {
            (Some(a), Some(b)) if a.0 == b.0 => {
                let both = (a.0, a.1 + b.1);
                one.next();
                other.next();
                both
            }
            (Some(a), Some(b)) if b.0 < a.0 => {
                let b = **b;
                other.next();
                b
            }
            (Some(a), _) => {
                let a = **a;
                one.next();
                a
            }
            (None, Some(b)) => {
                let b = **b;
                other.next();
                b
            }
            (None, None) => return sum,
        };
        sum.push(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_one_key_are_one_sum_in_the_order_of_buckets() {
        let part = |route, stratum, n, sessions, buckets: &[(u16, u64)]| PartRow {
            route,
            vital: "LCP",
            stratum,
            n,
            sessions,
            buckets: buckets.to_vec(),
        };
        let mut sums = Sums::default();
        sums.add(part("/b", "mobile", 3, 2, &[(4, 1), (9, 2)]));
        sums.add(part("/a", "mobile", 1, 1, &[(1, 1)]));
        sums.add(part("/b", "desktop", 1, 1, &[(7, 1)]));
        sums.add(part("/b", "mobile", 5, 4, &[(2, 1), (9, 3), (11, 1)]));
        sums.add(part("/b", "mobile", 0, 0, &[]));
        let rows = sums.into_rows();
        let found: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.route.as_str(),
                    row.stratum.as_str(),
                    row.n,
                    row.sessions,
                )
            })
            .collect();
        let expected = [
            ("/a", "mobile", 1, 1),
            ("/b", "desktop", 1, 1),
            ("/b", "mobile", 8, 6),
        ];
        assert_eq!(found, expected);
        assert_eq!(rows[2].buckets, [(2, 1), (4, 1), (9, 5), (11, 1)]);
        assert!(rows.iter().all(|row| row.vital == "LCP"));
    }
}

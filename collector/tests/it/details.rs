//! The rollups by dimension and by attribution equal a recount of the measurements, whatever arrived in which order.

use std::collections::{BTreeMap, BTreeSet};

use clickhouse::Row;
use collector::ingest::{Accepted, Device, stratum};
use collector::store::{Store, rollup};
use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde::Deserialize;
use wire::{Measurement, NavigationType, Scalar, Vital, attribution};

use crate::engine;
use crate::rollup::{HOUR_MS, insert};
use crate::writer::{accepted, count};

/// Values and names that have rows of their own.
const PLACES: usize = 50;
const OTHER: &str = "other";
/// The last millisecond of an hour: the corrected starts of one page view lie on both sides.
pub const EDGE_MS: u64 = 1_795_200_000_000 / HOUR_MS * HOUR_MS + HOUR_MS - 1;

/// One row of either view: where it belongs, its n, its sum in whole ms, and its histogram.
type Cells = BTreeMap<Vec<String>, (u64, u64, BTreeMap<u16, u64>)>;

#[derive(Row, Deserialize)]
struct Measured {
    app: String,
    environment: String,
    route: String,
    vital: String,
    /// Seconds since the epoch.
    hour: String,
    browser: String,
    os: String,
    country: String,
    connection: String,
    device: String,
    navigation_type: String,
    release: String,
    attribution: String,
    bucket: u16,
}

#[derive(Row, Deserialize)]
struct Cell {
    key: Vec<String>,
    n: u64,
    sum_ms: f64,
    buckets: Vec<(u16, u64)>,
}

async fn measurements(store: &Store) -> Vec<Measured> {
    let sql = "select app, environment, route, vital, toString(toUnixTimestamp(toStartOfHour(started_at))) as hour, browser, os, country, connection, \
        device, navigation_type, release, attribution, bucket from measurements";
    let query = store.client().query(sql);
    query.fetch_all().await.expect("answers")
}

async fn cells(store: &Store, key: &str, sum_ms: &str, view: &str) -> Cells {
    let sql = format!(
        "select arrayMap(part -> toString(part), {key}) as key, n, toFloat64({sum_ms}) as sum_ms, \
         arrayZip(mapKeys(buckets), mapValues(buckets)) as buckets from {view} where kind = 'vital'"
    );
    let query = store.client().query(&sql);
    let cells: Vec<Cell> = query.fetch_all().await.expect("answers");
    let count = cells.len();
    let by_key: Cells = cells
        .into_iter()
        .map(|cell| {
            let sum_ms = cell.sum_ms.round() as u64;
            (
                cell.key,
                (cell.n, sum_ms, cell.buckets.into_iter().collect()),
            )
        })
        .collect();
    assert_eq!(by_key.len(), count, "a key has one row");
    by_key
}

async fn by_dimension(store: &Store) -> Cells {
    let key = "[app, environment, route, vital, toString(toUnixTimestamp(hour)), dimension, value]";
    cells(store, key, "0", "rollups_by_dimension").await
}

async fn by_attribution(store: &Store) -> Cells {
    let key = "[app, environment, route, vital, toString(toUnixTimestamp(hour)), fact, name]";
    cells(store, key, "sum_ms", "rollups_by_attribution").await
}

/// The most frequent names of each group, by number and then by name.
fn leaders<G: Ord + Clone>(counts: &BTreeMap<(G, String), u64>) -> BTreeSet<(G, String)> {
    let mut groups: BTreeMap<G, Vec<(u64, String)>> = BTreeMap::new();
    for ((group, name), &n) in counts {
        groups
            .entry(group.clone())
            .or_default()
            .push((n, name.clone()));
    }
    let mut leaders = BTreeSet::new();
    for (group, mut names) in groups {
        names.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let names = names.into_iter().take(PLACES);
        leaders.extend(names.map(|(_, name)| (group.clone(), name)));
    }
    leaders
}

fn dimensions(row: &Measured) -> [(&'static str, &String); 7] {
    [
        ("browser", &row.browser),
        ("os", &row.os),
        ("country", &row.country),
        ("connection", &row.connection),
        ("device", &row.device),
        ("navigation_type", &row.navigation_type),
        ("release", &row.release),
    ]
}

/// The rows that a measurement counts in. A page may call its own route what we call all of them.
fn routes(row: &Measured) -> BTreeSet<&str> {
    BTreeSet::from([row.route.as_str(), "*"])
}

/// What is to blame: a text with nothing, or a phase with its ms.
fn facts(row: &Measured) -> Vec<(String, String, f64)> {
    let Ok(facts) = serde_json::from_str::<serde_json::Value>(&row.attribution) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (key, value) in facts.as_object().expect("is an object") {
        match value.as_f64() {
            Some(ms) if is_phase(key) => found.push(("phase".into(), key.clone(), ms)),
            None if ["element", "script", "type", "load_state"].contains(&key.as_str()) => {
                let name = value
                    .as_str()
                    .expect("is a text")
                    .chars()
                    .take(200)
                    .collect();
                found.push((key.clone(), name, 0.0));
            }
            _ => {}
        }
    }
    found
}

fn is_phase(key: &str) -> bool {
    key.ends_with("_ms") && !key.ends_with("at_ms") && key != "age_ms"
}

/// Counts rows the way the views promise, from the measurements themselves.
fn recount_dimensions(rows: &[Measured]) -> Cells {
    let group = |row: &Measured, dimension: &str| {
        [&row.app, &row.environment, dimension, &row.hour].map(String::from)
    };
    let mut counts = BTreeMap::new();
    for row in rows {
        for (dimension, value) in dimensions(row) {
            *counts
                .entry((group(row, dimension), value.clone()))
                .or_default() += 1;
        }
    }
    let leaders = leaders(&counts);
    let mut cells = Cells::new();
    for row in rows {
        for (dimension, value) in dimensions(row) {
            let leads = leaders.contains(&(group(row, dimension), value.clone()));
            let value = if leads { value } else { OTHER };
            for route in routes(row) {
                let key = key(row, route, dimension, value);
                add(&mut cells, key, 0.0, Some(row.bucket));
            }
        }
    }
    cells
}

fn recount_attribution(rows: &[Measured]) -> Cells {
    let group = |row: &Measured, route: &str, fact: &str| {
        [
            &row.app,
            &row.environment,
            route,
            &row.vital,
            &row.hour,
            fact,
        ]
        .map(String::from)
    };
    let mut counts = BTreeMap::new();
    for row in rows {
        for (fact, name, _) in facts(row) {
            for route in routes(row) {
                *counts
                    .entry((group(row, route, &fact), name.clone()))
                    .or_default() += 1;
            }
        }
    }
    let leaders = leaders(&counts);
    let mut cells = Cells::new();
    for row in rows {
        for (fact, name, ms) in facts(row) {
            for route in routes(row) {
                let leads = leaders.contains(&(group(row, route, &fact), name.clone()));
                let name = if leads { name.as_str() } else { OTHER };
                let bucket = (fact != "phase").then_some(row.bucket);
                let key = key(row, route, &fact, name);
                add(&mut cells, key, ms, bucket);
            }
        }
    }
    cells
}

fn key(row: &Measured, route: &str, split: &str, name: &str) -> Vec<String> {
    let (app, environment, vital) = (&row.app, &row.environment, &row.vital);
    [app, environment, route, vital, &row.hour, split, name]
        .map(String::from)
        .to_vec()
}

/// Only whole milliseconds are sent here, so that sums are exact in any order.
fn add(cells: &mut Cells, key: Vec<String>, ms: f64, bucket: Option<u16>) {
    let cell = cells.entry(key).or_default();
    cell.0 += 1;
    cell.1 += ms as u64;
    if let Some(bucket) = bucket {
        *cell.2.entry(bucket).or_default() += 1;
    }
}

async fn check(store: &Store, moment: &str) {
    let rows = measurements(store).await;
    assert!(!rows.is_empty());
    same(
        &by_dimension(store).await,
        &recount_dimensions(&rows),
        moment,
    );
    same(
        &by_attribution(store).await,
        &recount_attribution(&rows),
        moment,
    );
}

/// Thousands of equal cells are nothing to read.
fn same(found: &Cells, expected: &Cells, moment: &str) {
    let keys: BTreeSet<_> = found.keys().chain(expected.keys()).collect();
    let other = keys
        .iter()
        .find(|key| found.get(**key) != expected.get(**key));
    if let Some(key) = other {
        let (found, expected) = (found.get(*key), expected.get(*key));
        panic!("{moment}: {key:?} is {found:?}, not {expected:?}");
    }
}

pub fn rng(seed: u8) -> TestRng {
    TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32])
}

/// A beacon of one of a few page views, so that they come again: with later and earlier sequences, other names, other facts, and a
/// start on the other side of the hour.
pub fn random(rng: &mut TestRng) -> Accepted {
    let mut pick = |count: u32| rng.random_range(0..count);
    let mut accepted = accepted(pick(300), pick(5), 0.0);
    accepted.app = ["shop", "blog"][pick(2) as usize].into();
    accepted.browser = format!("Browser {}", pick(9));
    accepted.os = format!("System {}", pick(4));
    accepted.country = ["", "DE", "US"][pick(3) as usize].into();
    accepted.device = ["mobile", "desktop"][pick(2) as usize].into();
    accepted.started_ms = EDGE_MS + u64::from(pick(2));
    let beacon = &mut accepted.beacon;
    beacon.context.connection = ["4g", "3g", ""][pick(3) as usize].into();
    let stratum = stratum::stratum(
        Device::from_name(&accepted.device).unwrap_or_default(),
        &beacon.context,
        NavigationType::Navigate,
    );
    accepted.stratum = stratum;
    beacon.navigation_type = [NavigationType::Navigate, NavigationType::Reload][pick(2) as usize];
    beacon.environment = ["production", "staging"][pick(2) as usize].into();
    // Of releases and elements there are more than places; which of them lead changes with what arrives.
    beacon.release = format!("r{}", pick(70));
    beacon.route = ["/", "/product/:id", "*"][pick(3) as usize].into();
    let number = |value: u32| Scalar::Number(f64::from(value));
    let measured = |vital, value: u32, attribution| Measurement {
        vital,
        value: f64::from(value),
        attribution,
    };
    beacon.measurements = vec![
        measured(
            Vital::Lcp,
            pick(5_000),
            vec![
                (
                    "element".into(),
                    Scalar::Text(format!("#hero-{}", pick(90))),
                ),
                ("url".into(), "https://cdn.example.org/a.webp".into()),
                ("ttfb_ms".into(), number(pick(900))),
                ("load_ms".into(), number(pick(900))),
            ],
        ),
        measured(
            Vital::Inp,
            pick(600),
            vec![
                ("type".into(), "pointerdown".into()),
                ("at_ms".into(), number(pick(90_000))),
                ("processing_ms".into(), number(pick(90))),
                (
                    "element".into(),
                    Scalar::Text("é".repeat(100) + &"x".repeat(50 + pick(3) as usize)),
                ),
                ("load_state".into(), "complete".into()),
            ],
        ),
        measured(Vital::Cls, pick(2), Vec::new()),
    ];
    accepted
}

#[tokio::test(flavor = "multi_thread")]
async fn details_equal_a_recount_after_every_change() {
    for seed in [1, 2] {
        let store = engine::store().await;
        let mut rng = rng(seed);
        for round in 0..4 {
            let beacons: Vec<Accepted> = (0..400).map(|_| random(&mut rng)).collect();
            insert(&store, round * 1_000, &beacons).await;
            let pass = rollup::run_once(&store).await.expect("recomputes");
            assert_eq!(pass.details, pass.hours);
            check(&store, &format!("seed {seed}, round {round}")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_collectors_at_once_give_the_same_answer() {
    let store = engine::store().await;
    let mut rng = rng(3);
    for round in 0..3 {
        let beacons: Vec<Accepted> = (0..300).map(|_| random(&mut rng)).collect();
        // Both recompute while the rows arrive, and once more when all of them have.
        let (first, second, ()) = tokio::join!(
            rollup::run_once(&store),
            rollup::run_once(&store),
            insert(&store, round * 1_000, &beacons),
        );
        first.and(second).expect("recomputes");
        insert(&store, round * 1_000 + 999, &[random(&mut rng)]).await;
        insert(&store, round * 1_000 + 500, &beacons[..20]).await;
        let (first, second) = tokio::join!(rollup::run_once(&store), rollup::run_once(&store));
        first.and(second).expect("recomputes");
        check(&store, &format!("round {round}")).await;
    }
}

/// Beacon of a page view whose LCP is blamed on the numbered element.
fn blaming(view: u32, element: u32) -> Accepted {
    let mut accepted = accepted(view, 0, 1_000.0);
    accepted.beacon.measurements[0].attribution =
        vec![("element".into(), Scalar::Text(format!("#e{element:02}")))];
    accepted
}

#[tokio::test(flavor = "multi_thread")]
async fn what_falls_out_of_the_fifty_is_counted_as_other_and_its_key_is_zero() {
    let store = engine::store().await;
    // Sixty elements, each blamed once: by name, the last ten have no place.
    let beacons: Vec<Accepted> = (0..60).map(|number| blaming(number, number)).collect();
    insert(&store, 0, &beacons).await;
    rollup::run_once(&store).await.expect("recomputes");
    let named = async |name: &str| {
        let sql = format!(
            "select sum(n) from rollups_by_attribution where fact = 'element' and route = '/product/:id' and name = '{name}'"
        );
        count(&store, &sql).await
    };
    assert_eq!((named("#e49").await, named("#e50").await), (1, 0));
    assert_eq!(named(OTHER).await, 10);
    let all = "select toUInt64(count()) from rollups_by_attribution where fact = 'element' and route = '*'";
    assert_eq!(count(&store, all).await, 51);

    // One without a place is blamed again and takes that of the last one.
    insert(&store, 1_000, &[blaming(100, 55)]).await;
    rollup::run_once(&store).await.expect("recomputes");
    assert_eq!((named("#e55").await, named("#e49").await), (2, 0));
    assert_eq!(named(OTHER).await, 10);
    let kept = "select toUInt64(count()) from rollup_attribution_hours final where n = 0 and name = '#e49'";
    assert_eq!(count(&store, kept).await, 2, "on its route and in the app");
}

#[test]
fn the_facts_are_those_that_both_ends_know() {
    let sql = include_str!("../../src/store/sql/rollup_attribution.sql");
    let looked_at: BTreeSet<&str> = sql
        .split(|character: char| !character.is_alphanumeric() && character != '_')
        .collect();
    for vital in Vital::ALL
        .into_iter()
        .filter(|vital| *vital != Vital::Memory)
    {
        for key in attribution::keys(vital) {
            let name = key.trim_start_matches('$');
            // Moments and sizes are nothing to blame; addresses of what was painted are as many as there are products.
            let expected = is_phase(name) || (key.starts_with('$') && name != "url");
            assert_eq!(
                looked_at.contains(name),
                expected,
                "{name} of {}",
                vital.name()
            );
        }
    }
}

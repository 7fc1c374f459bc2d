//! What is blamed for a vital has one list of names, and what counts as good one list of limits: the golden file, which the agent's
//! JavaScript reads too.

use serde_json::{Map, Value, json};
use wire::Vital;
use wire::attribution::{WORDS, keys};

const GOLDEN: &str = include_str!("../testdata/attribution.json");

#[test]
fn words_and_names_are_those_of_the_golden_file() {
    let golden: Value = serde_json::from_str(GOLDEN).expect("JSON");
    let keys: Map<String, Value> = Vital::ALL
        .map(|vital| (vital.name().to_owned(), json!(keys(vital))))
        .into_iter()
        .collect();
    let limits: Map<String, Value> = Vital::ALL
        .into_iter()
        .filter_map(|vital| Some((vital.name().to_owned(), json!(vital.thresholds()?))))
        .collect();
    // Numbers as numbers: 1800 and 1800.0 are the same limit.
    let of_file = |vital: &str, place: usize| golden["limits"][vital][place].as_f64();
    for (vital, limit) in &limits {
        for place in 0..2 {
            assert_eq!(of_file(vital, place), limit[place].as_f64(), "{vital}");
        }
    }
    assert_eq!(
        golden["limits"].as_object().map(Map::len),
        Some(limits.len())
    );
    assert_eq!(golden["words"], json!(WORDS));
    assert_eq!(golden["keys"], json!(keys));
}

#[test]
fn the_vitals_stand_in_the_order_of_the_engine() {
    let at = |name: &str| GOLDEN.find(&format!("\"{name}\":")).expect("in the file");
    let places = Vital::ALL.map(|vital| at(vital.name()));
    assert!(places.is_sorted(), "{places:?}");
}

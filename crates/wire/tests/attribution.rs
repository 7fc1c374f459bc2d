//! What is blamed for a vital has one list of names: the golden file, which the agent's JavaScript reads too.

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
    assert_eq!(golden, json!({"words": WORDS, "keys": keys}));
}

#[test]
fn the_vitals_stand_in_the_order_of_the_engine() {
    let at = |name: &str| GOLDEN.find(&format!("\"{name}\":")).expect("in the file");
    let places = Vital::ALL.map(|vital| at(vital.name()));
    assert!(places.is_sorted(), "{places:?}");
}

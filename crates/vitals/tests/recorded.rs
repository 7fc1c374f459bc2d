//! Streams of calls, recorded in a browser or written by hand, with the values they must give. A line opens a page view, is one
//! call, or is one expectation of everything so far; opening and calls are those of a raw-entry beacon, and are decoded as one.

use serde_json::{Value, json};
use vitals::{PageView, replay};
use wire::Vital;
use wire::decode::decode;

const STREAMS: [(&str, &str); 4] = [
    ("windows.jsonl", include_str!("../testdata/windows.jsonl")),
    ("clicks.jsonl", include_str!("../testdata/clicks.jsonl")),
    ("keys.jsonl", include_str!("../testdata/keys.jsonl")),
    ("lives.jsonl", include_str!("../testdata/lives.jsonl")),
];

#[test]
fn streams_give_their_values() {
    for (name, stream) in STREAMS {
        let (mut open, mut calls) = (Value::Null, Vec::new());
        let mut expectations = 0;
        for (number, line) in (1..).zip(stream.lines()) {
            let place = format!("{name}:{number}");
            let input: Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{place}: {error}"));
            let mut inputs = input.as_object().expect("one input a line").iter();
            match inputs.next().expect("one input a line") {
                (kind, start) if kind == "open" => (open, calls) = (start.clone(), Vec::new()),
                (kind, call) if kind == "call" => calls.push(call.clone()),
                (kind, expected) if kind == "expect" => {
                    expectations += 1;
                    check(&replayed(&open, &calls), expected, &place);
                }
                (kind, _) => assert_eq!(kind, "note", "{place}"),
            }
        }
        assert!(expectations > 0, "{name} expects nothing");
    }
}

fn replayed(open: &Value, calls: &[Value]) -> PageView {
    let beacon = json!({"v": 1, "view": "0193c2f0-7c1e-7cc3-98c4-dc0c0c07398f", "seq": 0, "sent": 0, "start": 0, "path": "/",
        "raw": {"open": open, "calls": calls}});
    let decoded = decode(beacon.to_string().as_bytes()).expect("recorded calls decode");
    let raw = decoded.raw.expect("raw entries");
    assert_eq!(raw.calls.len(), calls.len());
    let mut view = replay::open(
        raw.opening,
        raw.at_ms,
        raw.first_hidden_ms,
        raw.interaction_count,
        raw.flags,
    );
    for (kind, numbers) in raw.calls {
        replay::hear(&mut view, kind, numbers);
    }
    view
}

/// Every vital, the absent ones too: what is not expected must not be there.
fn check(view: &PageView, expected: &Value, place: &str) {
    for vital in Vital::ALL {
        let value = view.value(vital);
        let wanted = expected[vital.name()].as_f64();
        let equal = match (value, wanted) {
            (Some(value), Some(wanted)) => (value - wanted).abs() < 1e-6,
            (value, wanted) => value.is_none() && wanted.is_none(),
        };
        assert!(
            equal,
            "{place}: {} is {value:?}, expected {wanted:?}",
            vital.name()
        );
    }
    if let Some(navigation_type) = expected["nav"].as_str() {
        assert_eq!(view.navigation_type().name(), navigation_type, "{place}");
    }
}

//! Streams of timeline records, recorded in a browser or written by hand, with the values they must give. One line is one input
//! or one expectation; records have the shape in which the shim keeps them: `[kind, start, a, b, c, d, text, selector]`.

use serde_json::Value;
use vitals::{
    Entry, EventEntry, LcpEntry, MemorySource, Navigation, PageView, ShiftEntry, Start, Supported,
};
use wire::{NavigationType, Vital};

const STREAMS: [(&str, &str); 4] = [
    ("windows.jsonl", include_str!("../testdata/windows.jsonl")),
    ("clicks.jsonl", include_str!("../testdata/clicks.jsonl")),
    ("keys.jsonl", include_str!("../testdata/keys.jsonl")),
    ("lives.jsonl", include_str!("../testdata/lives.jsonl")),
];

const ALL: Supported = Supported {
    paint: true,
    lcp: true,
    layout_shift: true,
    interactions: true,
};

#[test]
fn streams_give_their_values() {
    for (name, stream) in STREAMS {
        let mut view = None;
        let mut expectations = 0;
        for (number, line) in stream.lines().enumerate() {
            let input: Value = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{name}:{number}: {error}"));
            let (kind, value) = input
                .as_object()
                .and_then(|object| object.iter().next())
                .expect("one input a line");
            if kind == "start" {
                view = Some(open(value));
            } else if kind == "expect" {
                expectations += 1;
                check(
                    view.as_ref().expect("started"),
                    value,
                    &format!("{name}:{}", number + 1),
                );
            } else if kind != "note" {
                apply(view.as_mut().expect("started"), kind, value);
            }
        }
        assert!(expectations > 0, "{name} expects nothing");
    }
}

fn open(start: &Value) -> PageView {
    let navigation = navigation(&start["navigation"]);
    PageView::open(Start {
        now_ms: number(&start["now"]),
        navigation: Some(navigation),
        supported: ALL,
        ..Start::default()
    })
}

fn navigation(record: &Value) -> Navigation {
    Navigation {
        navigation_type: NavigationType::from_name(record["type"].as_str().unwrap_or("navigate"))
            .expect("a navigation type"),
        activation_start_ms: number(&record["activation"]),
        worker_start_ms: number(&record["worker"]),
        fetch_start_ms: number(&record["fetch"]),
        domain_lookup_start_ms: number(&record["dns"]),
        connect_start_ms: number(&record["connect"]),
        connect_end_ms: number(&record["connected"]),
        response_start_ms: number(&record["response"]),
    }
}

fn apply(view: &mut PageView, kind: &str, value: &Value) {
    match kind {
        "record" => view.on_entry(&entry(value)),
        "count" => view.on_interaction_count(number(value) as u64),
        "load" => view.on_load(None, number(value)),
        "hidden" => view.on_hidden(number(value)),
        "restored" => *view = view.restored(number(value), false),
        "restored_paint" => view.on_restored_paint(number(value)),
        "restored_input" => {
            view.on_restored_input(
                value[0].as_str().expect("a name"),
                number(&value[1]),
                number(&value[2]),
            );
        }
        "soft" => *view = view.soft(number(value)),
        "memory" => view.on_memory(
            MemorySource::UsedJsHeap,
            number(&value[0]),
            number(&value[1]),
        ),
        _ => panic!("unknown input {kind}"),
    }
}

fn entry(record: &Value) -> Entry {
    let at = |index: usize| number(&record[index]);
    let text = |index: usize| record[index].as_str().unwrap_or_default().to_owned();
    let event = || EventEntry {
        start_ms: at(1),
        duration_ms: at(2),
        processing_start_ms: at(3),
        processing_end_ms: at(4),
        interaction_id: at(5) as u64,
        name: text(6),
        target: text(7),
    };
    match at(0) as u32 {
        0 => Entry::Fcp { start_ms: at(1) },
        1 => Entry::Lcp(LcpEntry {
            start_ms: at(1),
            element: text(7),
            url: text(6),
            resource: None,
        }),
        2 => Entry::Shift(ShiftEntry {
            start_ms: at(1),
            value: at(2),
            had_recent_input: at(3) > 0.0,
            source: text(7),
        }),
        3 => Entry::Event(event()),
        _ => Entry::FirstInput(event()),
    }
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

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

//! Beacons as bytes: golden files of every version, what is refused and what is ignored, and any bytes at all.

use proptest::prelude::*;
use serde_json::{Value, json};
use wire::decode::{Decoded, Malformed, RefusalCode, decode};
use wire::encode::encode;
use wire::resources::Share;
use wire::{Beacon, Measurement, NavigationType, Operation, Resources, Scalar, Vital, limits};

const FULL: &str = include_str!("../testdata/v1/full.json");
const MINIMAL: &str = include_str!("../testdata/v1/minimal.json");
/// As the agent sent it from a browser: its JavaScript writes beacons, this crate reads them.
const AGENT: &str = include_str!("../testdata/v1/agent.json");

fn full() -> Decoded {
    decode(FULL.as_bytes()).expect("the golden beacon decodes")
}

/// The golden beacon with one field replaced (`null` removes it).
fn with(field: &str, value: Value) -> Result<Decoded, Malformed> {
    let mut object: Value = serde_json::from_str(FULL).unwrap();
    if value.is_null() {
        object.as_object_mut().unwrap().remove(field);
    } else {
        object[field] = value;
    }
    decode(object.to_string().as_bytes())
}

#[test]
fn the_golden_beacon_means_what_it_always_meant() {
    let Decoded {
        beacon, refused, ..
    } = full();
    assert!(refused.is_empty());
    assert_eq!(beacon.view, "0193c2f0-7c1e-7cc3-98c4-dc0c0c07398f");
    assert_eq!(
        (beacon.seq, beacon.sent_ms, beacon.start_ms),
        (3, 1_763_683_200_123, 1_763_683_190_000)
    );
    assert_eq!(beacon.navigation_type, NavigationType::Reload);
    assert_eq!(
        beacon.context.custom[1],
        ("trial".into(), Scalar::Flag(true))
    );
    assert_eq!(beacon.measurements[0].vital, Vital::Lcp);
    assert_eq!(
        beacon.measurements[0].attribution[0],
        ("element".into(), Scalar::Text("#hero".into()))
    );
    assert_eq!(beacon.measurements[1].value, 0.32765625);
    assert_eq!(beacon.operations[0].error_type, "TypeError");
    assert_eq!(beacon.drops, [("buffer-full".into(), 2)]);
    assert_eq!(beacon.overhead.bytes, 812);
}

#[test]
fn what_was_read_is_written_the_same() {
    let encoded = encode(&full().beacon);
    assert_eq!(std::str::from_utf8(encoded.bytes()).unwrap(), FULL.trim());
}

#[test]
fn the_minimal_beacon_is_enough() {
    let Decoded {
        beacon, refused, ..
    } = decode(MINIMAL.as_bytes()).unwrap();
    assert!(refused.is_empty());
    assert_eq!(
        beacon.view, "0193c2f0-7c1e-7cc3-98c4-dc0c0c07398f",
        "lower case"
    );
    assert_eq!(beacon.start_ms, 1_763_683_190_000);
    assert_eq!(beacon.navigation_type, NavigationType::Navigate);
    assert!(beacon.measurements.is_empty());
}

#[test]
fn what_the_agent_wrote_is_read_whole() {
    let Decoded {
        beacon, refused, ..
    } = decode(AGENT.as_bytes()).unwrap();
    assert!(refused.is_empty());
    assert_eq!((beacon.seq, beacon.path.as_str()), (1, "/product/:id"));
    assert_eq!(beacon.environment, "production");
    assert_eq!(
        (beacon.context.cores, beacon.context.interactions),
        (Some(2), Some(1))
    );
    assert!(beacon.context.late && beacon.context.automation);
    assert_eq!(beacon.context.timing.len(), 9);
    assert_eq!(
        beacon.context.custom[0],
        ("tenant".into(), Scalar::Text("acme".into()))
    );
    let vitals: Vec<Vital> = beacon
        .measurements
        .iter()
        .map(|measurement| measurement.vital)
        .collect();
    assert_eq!(vitals, Vital::ALL);
    assert_eq!(
        beacon.measurements[1].attribution[0],
        ("element".into(), Scalar::Text("#hero".into()))
    );
    assert_eq!(beacon.overhead.bytes, 1480);
}

#[test]
fn required_fields_are_required() {
    for field in ["v", "view", "seq", "sent", "start", "path"] {
        let Err(Malformed(reason)) = with(field, Value::Null) else {
            panic!("{field} is required")
        };
        assert!(reason.contains(field), "{reason}");
    }
    for (field, value) in [
        ("v", json!(2)),
        ("view", json!("not-a-uuid")),
        ("view", json!("0193c2f0-7c1e-7cc3-98c4-dc0c0c07398g")),
        ("view", json!("0193c2f0-7c1e-7cc3-98c4-dc0c0c07398f-00")),
        ("seq", json!(-1)),
        ("seq", json!(5_000_000_000_u64)),
        ("sent", json!("now")),
        ("start", json!(1e15)),
        ("path", json!(7)),
        ("m", json!({})),
        ("ops", json!(1)),
    ] {
        assert!(with(field, value.clone()).is_err(), "{field} = {value}");
    }
    for text in [
        "",
        "[]",
        "{",
        "null",
        "{\"v\":NaN}",
        "{\"v\":1,\"m\":[{\"n\":\"LCP\",\"v\":1e999}]}",
    ] {
        assert!(decode(text.as_bytes()).is_err(), "{text}");
    }
    assert!(decode(&[0xff, 0xfe]).is_err());
    let neither = FULL
        .replace("\"m\":", "\"x\":")
        .replace("\"ops\":", "\"y\":");
    assert!(decode(neither.as_bytes()).is_err());
}

#[test]
fn items_are_judged_one_by_one() {
    let decoded = with(
        "m",
        json!([
            {"n": "LCP", "v": 1.0}, {"n": "TBT", "v": 1.0}, {"n": "FCP", "v": -0.5}, {"n": "FCP", "v": 600_000.1},
            {"n": "CLS", "v": 100.1}, {"n": "INP"}, {"v": 3}, 7, {"n": "INP", "v": "8"}, {"n": "LCP", "v": 2.0}
        ]),
    )
    .unwrap();
    let codes: Vec<_> = decoded
        .refused
        .iter()
        .map(|refusal| (refusal.index.expect("of a list"), refusal.code))
        .collect();
    use RefusalCode::{MalformedItem, OutOfRange, UnknownVital};
    assert_eq!(
        codes,
        [
            (1, UnknownVital),
            (2, OutOfRange),
            (3, OutOfRange),
            (4, OutOfRange),
            (5, MalformedItem),
            (6, MalformedItem),
            (7, MalformedItem),
            (8, MalformedItem)
        ]
    );
    let lcp = Measurement {
        vital: Vital::Lcp,
        value: 2.0,
        attribution: vec![],
    };
    assert_eq!(decoded.beacon.measurements, [lcp], "the later of two wins");
}

#[test]
fn operations_keep_their_place_and_are_numbered_after_measurements() {
    let decoded = with(
        "ops",
        json!([{"n": "a", "v": -1}, {"n": "b", "v": 1}, {"v": 1}, {"n": "c"}, {"n": "", "v": 1}]),
    )
    .unwrap();
    let refused: Vec<_> = decoded
        .refused
        .iter()
        .filter_map(|refusal| refusal.index)
        .collect();
    assert_eq!(refused, [3, 5, 6, 7]);
    assert_eq!(decoded.beacon.operations.len(), 1);
    assert_eq!(decoded.beacon.operations[0].position, 1);
    assert!(decoded.beacon.operations[0].success);
}

#[test]
fn more_items_than_the_limit_are_refused_by_name() {
    let many: Vec<_> = (0..102).map(|_| json!({"n": "LCP", "v": 1})).collect();
    let decoded = with("m", json!(many)).unwrap();
    assert_eq!(decoded.refused.len(), 2);
    assert_eq!(decoded.refused[0].code.name(), "too-many");
    let many: Vec<_> = (0..1001).map(|_| json!({"n": "op", "v": 1})).collect();
    assert_eq!(with("ops", json!(many)).unwrap().refused.len(), 1);
}

#[test]
fn optional_fields_of_the_wrong_type_are_ignored_and_texts_are_cut() {
    let decoded = with(
        "context",
        json!({"device": 7, "rtt_ms": -1, "sample_rate": 2, "custom": {"a": [1], "b": null, "c": "x".repeat(1000)}}),
    )
    .unwrap();
    let context = decoded.beacon.context;
    assert_eq!(
        (context.device.as_str(), context.rtt_ms, context.sample_rate),
        ("", None, None)
    );
    assert_eq!(
        context.custom,
        [("c".into(), Scalar::Text("x".repeat(256)))]
    );
    assert_eq!(
        with("release", json!("é".repeat(300)))
            .unwrap()
            .beacon
            .release
            .len(),
        200
    );
    assert_eq!(
        with("nav", json!("sideways"))
            .unwrap()
            .beacon
            .navigation_type,
        NavigationType::Navigate
    );
}

fn resources(value: Value) -> Option<Resources> {
    let decoded = with("context", json!({"resources": value})).expect("optional");
    decoded.beacon.context.resources
}

#[test]
fn resources_are_read_as_far_as_they_make_sense() {
    let share = |name: &str, count, bytes| Share {
        name: name.into(),
        count,
        bytes,
    };
    let whole = json!({"count": 12, "bytes": 34567, "cached": 3, "types": {"script": [4, 20000], "img": [8, 14567.5]},
        "hosts": {"cdn.example.org": [2, 9000]}, "slowest": [["https://cdn.example.org/a.js", 312.5]], "later": 1});
    let expected = Resources {
        count: 12,
        bytes: 34567.0,
        cached: 3,
        types: vec![share("img", 8, 14567.5), share("script", 4, 20000.0)],
        hosts: vec![share("cdn.example.org", 2, 9000.0)],
        slowest: vec![("https://cdn.example.org/a.js".into(), 312.5)],
    };
    assert_eq!(resources(whole), Some(expected));
    let odd = json!({"count": -1, "bytes": 1e300, "cached": "3", "types": {"a": [1], "b": 1, "c": [1, -5], "d": [1.5, 5], "e": [1, 5]},
        "hosts": [], "slowest": [["a"], ["b", "c"], [1, 2], ["d", -1], ["e", 600_001], ["f", 1]]});
    let expected = Resources {
        types: vec![share("e", 1, 5.0)],
        slowest: vec![("f".into(), 1.0)],
        ..Resources::default()
    };
    assert_eq!(resources(odd), Some(expected));
    for value in [json!(null), json!([]), json!("many")] {
        assert_eq!(resources(value), None);
    }
}

#[test]
fn milestones_may_have_the_names_that_browsers_give_them() {
    let sent = json!({"domainLookupStart": 1, "domContentLoadedEventEnd": 2.5, "load_ms": 3, "server_db_ms": 4, "first_paint_ms": 5});
    let decoded = with("context", json!({"timing": sent})).expect("optional");
    let timing = decoded.beacon.context.timing;
    let mut told: Vec<(&str, f64)> = timing
        .iter()
        .map(|(name, value)| match value {
            Scalar::Number(number) => (&**name, *number),
            other => panic!("{other:?}"),
        })
        .collect();
    told.sort_by(|one, other| one.0.cmp(other.0));
    assert_eq!(
        told,
        [
            ("dns_start_ms", 1.0),
            ("dom_content_loaded_ms", 2.5),
            ("first_paint_ms", 5.0),
            ("load_ms", 3.0),
            ("server_db_ms", 4.0),
        ]
    );
}

#[test]
fn resources_and_timing_are_bounded() {
    let shares: serde_json::Map<String, Value> = (0..100)
        .map(|number| (format!("{number}{}", "x".repeat(1000)), json!([1, 1])))
        .collect();
    let slowest = vec![json!(["x".repeat(1000), 1]); 100];
    let many = resources(json!({"types": shares, "hosts": shares, "slowest": slowest}));
    let many = many.expect("resources");
    assert_eq!(many.types.len(), limits::MAX_RESOURCE_TYPES);
    assert_eq!(many.hosts.len(), limits::MAX_RESOURCE_HOSTS);
    assert_eq!(many.slowest.len(), limits::MAX_SLOWEST_RESOURCES);
    assert_eq!(many.hosts[0].name.len(), limits::MAX_TEXT_BYTES);
    assert_eq!(many.slowest[0].0.len(), limits::MAX_TEXT_BYTES);
    let timing: serde_json::Map<String, Value> = (0..100)
        .map(|number| (format!("server_{number}_ms"), json!(1)))
        .collect();
    let decoded = with("context", json!({"timing": timing})).expect("optional");
    let timing = decoded.beacon.context.timing;
    assert_eq!(timing.len(), limits::MAX_TIMING_KEYS);
}

prop_compose! {
    fn beacons()(seq in any::<u32>(), text in "\\PC{0,40}", value in 0.0..600_000.0_f64, cls in 0.0..100.0_f64,
                 at in 0.0..600_000.0_f64, success in any::<bool>()) -> Beacon {
        let value = (value * 1e4).round() / 1e4;
        Beacon {
            view: "0193c2f0-7c1e-7cc3-98c4-dc0c0c07398f".into(),
            seq,
            start_ms: 1_763_683_190_000,
            path: format!("/{text}"),
            release: text.clone(),
            measurements: vec![
                Measurement { vital: Vital::Inp, value, attribution: vec![("target".into(), text.clone().into())] },
                Measurement { vital: Vital::Cls, value: (cls * 1e8).round() / 1e8, attribution: vec![] },
            ],
            operations: vec![Operation { name: format!("op {text}"), duration_ms: value, success,
                at_ms: (at * 1e4).round() / 1e4, ..Operation::default() }],
            ..Beacon::default()
        }
    }
}

proptest! {
    #[test]
    fn any_beacon_comes_back(beacon in beacons()) {
        let decoded = decode(encode(&beacon).bytes()).expect("what we encode we decode");
        prop_assert_eq!(&decoded.refused, &[]);
        prop_assert_eq!(decoded.beacon, beacon);
    }

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn any_change_of_a_golden_byte_is_answered(at in 0..FULL.len(), byte in any::<u8>()) {
        let mut bytes = FULL.as_bytes().to_vec();
        bytes[at] = byte;
        let _ = decode(&bytes);
    }
}

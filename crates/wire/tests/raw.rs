//! Raw entries in a beacon: the golden file, what is refused and what is ignored, the bounds, and any bytes at all.

use proptest::prelude::*;
use serde_json::{Value, json};
use wire::attribution::{WORDS, round};
use wire::decode::{Decoded, Malformed, RefusalCode, decode};
use wire::limits::{MAX_RAW_CALLS, MAX_RAW_TEXTS, MAX_TEXT_BYTES};
use wire::raw::{Call, NUMBERS};

const GOLDEN: &str = include_str!("../testdata/v1/raw.json");
/// What the inline snippet sent from a page whose agent never came: a paint, a shift, a click of 90 ms, then it hid.
const SHIM: &str = include_str!("../testdata/v1/raw-shim.json");

/// The golden beacon with other raw entries.
fn with(raw: Value) -> Result<Decoded, Malformed> {
    let mut object: Value = serde_json::from_str(GOLDEN).expect("JSON");
    object["raw"] = raw;
    decode(object.to_string().as_bytes())
}

fn calls(calls: Value) -> Decoded {
    with(json!({"open": [0, 0, null, null, 15], "calls": calls})).expect("good calls")
}

/// A call as the decoder gives it: what is missing is NaN.
fn call(kind: u32, numbers: &[f64]) -> Call {
    let mut all = [f64::NAN; NUMBERS];
    all[..numbers.len()].copy_from_slice(numbers);
    (kind, all)
}

/// NaN equals NaN here.
fn same(left: &[Call], right: &[Call]) -> bool {
    let bits = |calls: &[Call]| -> Vec<_> {
        calls
            .iter()
            .map(|(kind, numbers)| (*kind, numbers.map(f64::to_bits)))
            .collect()
    };
    bits(left) == bits(right)
}

#[test]
fn the_golden_beacon_means_what_it_always_meant() {
    let Decoded {
        beacon,
        raw,
        refused,
    } = decode(GOLDEN.as_bytes()).expect("the golden beacon decodes");
    assert!(refused.is_empty());
    assert!(beacon.measurements.is_empty());
    assert_eq!((beacon.session.as_str(), beacon.seq), ("", 0));
    assert_eq!(beacon.overhead.entries_dropped, 3);
    let raw = raw.expect("raw entries");
    assert_eq!((raw.opening, raw.at_ms, raw.flags), (0, 0.0, 15));
    assert!(raw.first_hidden_ms.is_nan());
    assert_eq!(raw.interaction_count, 0.0);
    assert_eq!((raw.calls.len(), raw.left_out), (21, 0));
    let place = |text: &str| {
        let place = raw.texts.iter().position(|known| known == text);
        place.expect("in the table") as f64
    };
    let hero = call(
        1,
        &[
            412.3,
            180.2,
            330.7,
            place("https://cdn.example.org/hero.webp"),
            place("#hero"),
        ],
    );
    assert!(same(&raw.calls[4..5], &[hero]));
    let click = call(
        3,
        &[
            1201.2,
            96.0,
            1203.2,
            1294.4,
            6907.0,
            place("click"),
            place("#buy"),
        ],
    );
    assert!(same(&raw.calls[13..14], &[click]));
    assert!(same(&raw.calls[8..9], &[call(9, &[])]));
    assert_eq!(raw.texts[..WORDS.len()], WORDS);
    assert_eq!(raw.texts.len(), WORDS.len() + 14, "each text once");
}

#[test]
fn what_the_snippet_sends_alone_becomes_an_ordinary_raw_entry_beacon() {
    let Decoded {
        beacon,
        raw,
        refused,
    } = decode(SHIM.as_bytes()).expect("the snippet's beacon decodes");
    assert!(refused.is_empty());
    assert_eq!((beacon.seq, beacon.path.as_str()), (0, "/product/:id"));
    assert_eq!(beacon.release, "1.4.2");
    assert_eq!(beacon.environment, "production");
    // Without a visit of before, the view's id begins one.
    assert_eq!(beacon.session, "1755f1b6b56a42c4");
    assert_eq!(beacon.overhead.entries_dropped, 0);
    let raw = raw.expect("raw entries");
    assert_eq!((raw.opening, raw.at_ms, raw.flags), (0, 0.0, 0b1111));
    assert_eq!(round(raw.first_hidden_ms), 2739.2);
    let kinds: Vec<u32> = raw.calls.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [7, 8, 0, 1, 2, 3, 4, 3, 3, 11]);
    let numbers = |at: usize| raw.calls[at].1.map(round);
    assert_eq!(numbers(0)[..4], [0.0, 0.0, 0.0, 1.0]);
    assert_eq!(numbers(0)[7..], [225.8, 2741.0]);
    assert_eq!(numbers(2)[0], 320.0);
    assert_eq!(numbers(3)[0], 320.0);
    assert_eq!(raw.text(numbers(3)[4] as u32), "#title");
    assert_eq!(numbers(4)[..3], [573.3, 0.056_809, 0.0]);
    let [start_ms, duration_ms, .., id, name, target, _, _] = numbers(8);
    assert_eq!((start_ms, duration_ms, id), (1909.8, 96.0, 7022.0));
    assert_eq!(
        (raw.text(name as u32), raw.text(target as u32)),
        ("click", "#buy")
    );
    for text in &raw.texts {
        assert!(!text.contains("token") && !text.contains("4711"), "{text}");
    }
}

#[test]
fn the_snippets_beacon_and_the_agents_belong_to_one_view() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut object: Value = serde_json::from_str(SHIM).expect("JSON");
        change(&mut object);
        decode(object.to_string().as_bytes()).expect("good")
    };
    // Clocks of browsers have fractions of a millisecond; the agent says the whole ones.
    let fraction = with(&|object| object["start"] = json!(1_795_634_841_622.7));
    assert_eq!(fraction.beacon.start_ms, 1_795_634_841_622);
    let visited =
        with(&|object| object["session"] = json!("8f14e45fceea167a 1795634800000 1795634841000"));
    assert_eq!(visited.beacon.session, "8f14e45fceea167a");
    // A prerendered page that was hidden before anybody saw it.
    let hidden = with(&|object| object["raw"]["navigation"]["activationStart"] = json!(3000));
    assert!(hidden.raw.expect("raw entries").first_hidden_ms.is_nan());
}

#[test]
fn unknown_numbers_kinds_and_fields_say_nothing() {
    let raw = calls(json!([
        [0, null],
        [1, 5],
        [99, "what", {"a": "later"}, "version", "knows"],
        [5, 1, 2, 3, ""],
        [5, 1, 2, 3, null]
    ]));
    let raw = raw.raw.expect("raw entries");
    let expected = [
        call(0, &[]),
        call(1, &[5.0]),
        call(5, &[1.0, 2.0, 3.0, 0.0]),
        call(5, &[1.0, 2.0, 3.0]),
    ];
    assert!(same(&raw.calls, &expected), "{:?}", raw.calls);
    assert_eq!((raw.text(0), raw.text(1), raw.text(7)), ("", WORDS[1], ""));
    let later = json!({"open": [3, 5000.5, 1.5, 7, 255], "calls": [], "later": 1});
    let later = with(later).expect("good").raw.expect("raw entries");
    assert_eq!((later.opening, later.at_ms, later.flags), (3, 5000.5, 255));
    assert_eq!((later.first_hidden_ms, later.interaction_count), (1.5, 7.0));
}

#[test]
fn what_is_no_list_of_calls_is_refused_with_its_place() {
    let good = json!([0, 0, null, null, 15]);
    for (raw, reason) in [
        (json!(null), "raw.open"),
        (json!([]), "raw.open"),
        (json!({"calls": []}), "raw.open"),
        (json!({"open": 1, "calls": []}), "raw.open"),
        (json!({"open": [0, 0, null, null], "calls": []}), "raw.open"),
        (json!({"open": [0, 0, 0, 0, 0, 0], "calls": []}), "raw.open"),
        (json!({"open": [0, 0, 0, 0, "15"], "calls": []}), "raw.open"),
        (json!({"open": [4, 0, 0, 0, 15], "calls": []}), "raw.open"),
        (json!({"open": [-1, 0, 0, 0, 15], "calls": []}), "raw.open"),
        (
            json!({"open": [null, 0, 0, 0, 15], "calls": []}),
            "raw.open",
        ),
        (
            json!({"open": [0, null, 0, 0, 15], "calls": []}),
            "raw.open",
        ),
        (json!({"open": [0, 0, 0, 0, null], "calls": []}), "raw.open"),
        (json!({"open": good}), "raw.calls"),
        (json!({"open": good, "calls": {}}), "raw.calls"),
        (json!({"open": good, "calls": [[9], 9]}), "raw.calls[1]"),
        (json!({"open": good, "calls": [[]]}), "raw.calls[0]"),
        (json!({"open": good, "calls": [["0", 1]]}), "raw.calls[0]"),
        (json!({"open": good, "calls": [[-1]]}), "raw.calls[0]"),
        (json!({"open": good, "calls": [[0.5]]}), "raw.calls[0]"),
        (json!({"open": good, "calls": [[0, "108"]]}), "raw.calls[0]"),
        (json!({"open": good, "calls": [[0, true]]}), "raw.calls[0]"),
        (
            json!({"open": good, "calls": [[2, 1, 1, 0, 3]]}),
            "raw.calls[0]",
        ),
        (
            json!({"open": good, "calls": [[12, 2, 2, 9]]}),
            "raw.calls[0]",
        ),
        (
            json!({"open": good, "calls": [[7, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]}),
            "raw.calls[0]",
        ),
    ] {
        match with(raw.clone()) {
            Err(Malformed(why)) => assert!(why.contains(&format!("`{reason}`")), "{raw}: {why}"),
            Ok(_) => panic!("{raw} is taken"),
        }
    }
    let both = GOLDEN.replacen("\"raw\":", "\"m\":[],\"raw\":", 1);
    let Err(Malformed(why)) = decode(both.as_bytes()) else {
        panic!("values and entries of one view are taken")
    };
    assert!(why.contains("in place of"), "{why}");
    let overflow = GOLDEN.replacen("[0,108]", "[0,1e999]", 1);
    assert!(decode(overflow.as_bytes()).is_err());
}

#[test]
fn operations_go_along_and_keep_their_places() {
    let mut object: Value = serde_json::from_str(GOLDEN).expect("JSON");
    object["ops"] = json!([{"n": "GET /api/cart", "v": 5}, {"n": "late"}]);
    let decoded = decode(object.to_string().as_bytes()).expect("good");
    assert!(decoded.raw.is_some());
    assert_eq!(decoded.beacon.operations[0].name, "GET /api/cart");
    assert_eq!(decoded.refused[0].index, Some(1));
}

#[test]
fn the_first_calls_are_kept_and_the_rest_is_counted() {
    let many: Vec<Value> = (0..MAX_RAW_CALLS + 5).map(|at| json!([0, at])).collect();
    let Decoded {
        beacon,
        raw,
        refused,
    } = calls(json!(many));
    let raw = raw.expect("raw entries");
    assert_eq!((raw.calls.len(), raw.left_out), (MAX_RAW_CALLS, 5));
    assert!(same(&raw.calls[..1], &[call(0, &[0.0])]));
    assert_eq!(beacon.overhead.entries_dropped, 3 + 5);
    assert_eq!(refused.len(), 1);
    assert_eq!(
        (refused[0].index, refused[0].code),
        (None, RefusalCode::TooMany)
    );
}

#[test]
fn texts_are_bounded_in_number_and_length() {
    let many: Vec<Value> = (0..MAX_RAW_TEXTS + 5)
        .map(|at| json!([2, 1, 0.1, 0, format!("#{at}")]))
        .collect();
    let raw = calls(json!(many)).raw.expect("raw entries");
    assert_eq!(raw.texts.len(), WORDS.len() + MAX_RAW_TEXTS);
    assert_eq!(
        raw.calls[MAX_RAW_TEXTS - 1].1[3],
        (raw.texts.len() - 1) as f64
    );
    assert_eq!(raw.calls[MAX_RAW_TEXTS].1[3], 0.0, "no label, but a shift");
    let long = calls(json!([[2, 1, 0.1, 0, "é".repeat(1000)]])).raw;
    assert_eq!(long.expect("raw entries").text(7).len(), MAX_TEXT_BYTES);
}

fn numbers() -> impl Strategy<Value = Vec<Option<f64>>> {
    let number = any::<i32>().prop_map(|eighths| f64::from(eighths) / 8.0);
    prop::collection::vec(prop::option::of(number), 0..=NUMBERS)
}

proptest! {
    #[test]
    fn any_change_of_a_golden_byte_is_answered(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        for golden in [GOLDEN, SHIM] {
            let mut bytes = golden.as_bytes().to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn any_numbers_come_through(
        list in prop::collection::vec((0_u32..15, numbers()), 0..20)
    ) {
        // Texts have places of their own, which stay empty here.
        let list: Vec<_> = list.into_iter().map(|(kind, mut numbers)| {
            let texts: &[usize] = match kind { 1 => &[3, 4], 2 | 5 => &[3], 3 | 4 => &[5, 6], 12 => &[0], _ => &[] };
            for &place in texts {
                if let Some(number) = numbers.get_mut(place) {
                    *number = None;
                }
            }
            (kind, numbers)
        }).collect();
        let json: Vec<Value> = list.iter().map(|(kind, numbers)| {
            let mut call = vec![json!(kind)];
            call.extend(numbers.iter().map(|number| json!(number)));
            json!(call)
        }).collect();
        let expected: Vec<Call> = list.iter().map(|(kind, numbers)| {
            let numbers: Vec<f64> = numbers.iter().map(|number| number.unwrap_or(f64::NAN)).collect();
            call(*kind, &numbers)
        }).collect();
        let raw = calls(json!(json)).raw.expect("raw entries");
        prop_assert!(same(&raw.calls, &expected));
    }
}

//! What the shim sends alone, when a page hides before the agent is there: plain copies of timeline records and the words of its
//! script tag, because naming them any better would cost the page bytes. Here they become an ordinary raw-entry beacon.
//!
//! ```json
//! {"app":"shop", "release":"1.4.2", "environment":"production", "v":1, "view":"…", "seq":0, "start":1763683190000.5, "sent":1763683190300,
//!  "path":"/product/:id", "raw":{"hidden":298.5, "dropped":0, "shifts":true, "navigation":{"type":"navigate", "responseStart":20.5, …},
//!  "records":[{"entryType":"paint", "name":"first-contentful-paint", "startTime":108}, …]}}
//! ```
//!
//! `hidden` is when the page was first hidden, negative before; `shifts` says whether the browser has layout shifts; records and the
//! navigation have the properties of the browser's entries, numbers and plain words only, with `target` a selector.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value, json};

use crate::decode::Malformed;
use crate::json::Json;

/// Hex digits of a session's id.
const SESSION_DIGITS: usize = 16;

/// Whether this `raw` is what the shim sends.
pub fn is_shims(raw: &Json<'_>) -> bool {
    raw.get("records").is_some()
}

/// The beacon in its ordinary form. Rare, so it may be read a second time.
pub fn translated(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    let malformed = |error| Malformed(format!("not JSON: {error}"));
    let mut object: Map<String, Value> = serde_json::from_slice(bytes).map_err(malformed)?;
    translate(&mut object);
    serde_json::to_vec(&object).map_err(malformed)
}

fn translate(object: &mut Map<String, Value>) {
    let raw = object.remove("raw").unwrap_or_default();
    if let Some(environment) = object.remove("environment") {
        object.insert("env".into(), environment);
    }
    let session = session(object);
    object.insert("session".into(), session.into());
    let dropped = raw.get("dropped").cloned().unwrap_or_default();
    object.insert("self".into(), json!({ "entries_dropped": dropped }));
    let at = |name: &str| object.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    let since_start_ms = at("sent") - at("start");
    object.insert("raw".into(), calls(&raw, since_start_ms));
}

/// The visit as the agent stores it (`id begun seen`), or else the one that the view's id begins.
fn session(object: &Map<String, Value>) -> String {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or("");
    let source = match text("session") {
        "" => text("view"),
        stored => stored,
    };
    let digits = source.bytes().filter(|&byte| byte != b'-').map(char::from);
    digits.take(SESSION_DIGITS).collect()
}

/// `raw` in its ordinary form.
fn calls(raw: &Value, since_start_ms: f64) -> Value {
    let records = raw.get("records").and_then(Value::as_array);
    let records = records.map_or(&[][..], Vec::as_slice);
    let navigation = raw.get("navigation").unwrap_or(&Value::Null);
    let hidden_ms = number(raw, "hidden").filter(|&hidden_ms| hidden_ms >= 0.0);
    // Hidden before the activation: a prerendered page that nobody saw.
    let activation_ms = number(navigation, "activationStart").unwrap_or(0.0);
    let hidden_ms = hidden_ms.filter(|&hidden_ms| hidden_ms >= activation_ms);

    let has_interactions = records
        .iter()
        .any(|record| number(record, "interactionId").is_some_and(|id| id > 0.0));
    let has_shifts = raw.get("shifts").and_then(Value::as_bool) == Some(true);
    let flags = 0b11 | u32::from(has_shifts) << 2 | u32::from(has_interactions) << 3;

    let mut calls = Vec::new();
    if !navigation.is_null() {
        // The view of a prerendered document starts with the activation, its clock does not.
        calls.extend(of_navigation(navigation, since_start_ms + activation_ms));
    }
    calls.extend(records.iter().filter_map(of_record));
    if let Some(hidden_ms) = hidden_ms {
        calls.push(json!([11, hidden_ms]));
    }
    json!({ "open": [0, 0, hidden_ms, null, flags], "calls": calls })
}

fn of_navigation(navigation: &Value, now_ms: f64) -> Vec<Value> {
    let at = |name: &str| number(navigation, name);
    let kind = match navigation.get("type").and_then(Value::as_str) {
        Some("reload") => 1,
        Some("back_forward") => 2,
        _ => 0,
    };
    let mut calls = alloc::vec![
        json!([
            7,
            kind,
            at("activationStart").unwrap_or(0.0),
            at("workerStart"),
            at("fetchStart"),
            at("domainLookupStart"),
            at("connectStart"),
            at("connectEnd"),
            at("responseStart"),
            now_ms
        ]),
        json!([
            8,
            at("domInteractive"),
            at("domContentLoadedEventStart"),
            at("domComplete")
        ]),
    ];
    if at("loadEventEnd").is_some_and(|end_ms| end_ms > 0.0) {
        calls.push(json!([9]));
    }
    calls
}

/// None for a record that no vital is computed from.
fn of_record(record: &Value) -> Option<Value> {
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or("");
    let at = |name: &str| number(record, name);
    let start_ms = at("startTime")?;
    let target = match (text("target"), text("id")) {
        ("", "") => String::new(),
        ("", id) => ["#", id].concat(),
        (target, _) => target.into(),
    };
    match (text("entryType"), text("name")) {
        ("paint", "first-contentful-paint") => Some(json!([0, start_ms])),
        ("largest-contentful-paint", _) => Some(json!([1, start_ms, null, null, "", target])),
        ("layout-shift", _) => {
            let after_input = record.get("hadRecentInput").and_then(Value::as_bool);
            let after_input = u8::from(after_input.unwrap_or(false));
            Some(json!([2, start_ms, at("value"), after_input, target]))
        }
        (entry_type @ ("event" | "first-input"), name) => Some(json!([
            if entry_type == "event" { 3 } else { 4 },
            start_ms,
            at("duration"),
            at("processingStart"),
            at("processingEnd"),
            at("interactionId").unwrap_or(0.0),
            name,
            target
        ])),
        _ => None,
    }
}

fn number(object: &Value, name: &str) -> Option<f64> {
    object.get(name).and_then(Value::as_f64)
}

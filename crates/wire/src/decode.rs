//! Bytes -> beacon. Total: any input gives a beacon, or one reason why not, and never a panic.
//!
//! What a beacon cannot do without is required; what is optional and has the wrong type is ignored, as an unknown field is. Items
//! are judged one by one: one bad measurement does not cost the page view. Values are refused, never clamped; texts are cut.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::beacon::{Beacon, Measurement, Operation, Overhead, PageContext};
use crate::fields::{count, cut, details, invented, number, text, uuid, whole};
use crate::json::{Json, Object};
use crate::limits::*;
use crate::raw::{self, RawEntries};
use crate::{NavigationType, Vital, attribution, milestones, resources, shim};

/// The version this crate speaks.
const VERSION: u64 = 1;
/// Client clocks between 1970 and the year 5138 fit; anything else is not a time in ms.
const MAX_STAMP_MS: f64 = 1e14;
const MAX_SESSION_BYTES: usize = 64;

/// A beacon and what of it was refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    pub beacon: Beacon,
    /// What the page sent in place of measurements, which are still to be computed.
    pub raw: Option<RawEntries>,
    pub refused: Vec<Refusal>,
}

/// One item that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Counts `m`, then `ops`, from 0; none for what was computed from raw entries, or too many of them.
    pub index: Option<usize>,
    pub code: RefusalCode,
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalCode {
    UnknownVital,
    OutOfRange,
    /// The item lacks its name or value, or they have the wrong type.
    MalformedItem,
    /// More items than a beacon may carry.
    TooMany,
}

impl RefusalCode {
    pub const ALL: [RefusalCode; 4] = [
        RefusalCode::UnknownVital,
        RefusalCode::OutOfRange,
        RefusalCode::MalformedItem,
        RefusalCode::TooMany,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            RefusalCode::UnknownVital => "unknown-vital",
            RefusalCode::OutOfRange => "out-of-range",
            RefusalCode::MalformedItem => "malformed-item",
            RefusalCode::TooMany => "too-many",
        }
    }
}

/// Why the bytes are no beacon at all, in words for the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

/// Reads one beacon.
///
/// # Errors
/// [`Malformed`] when the bytes are not one JSON object, or a required field is missing or has the wrong type.
pub fn decode(bytes: &[u8]) -> Result<Decoded, Malformed> {
    let value = parse(bytes)?;
    let Some(object) = value.as_object() else {
        return Err(Malformed("a beacon is a JSON object".into()));
    };
    required(
        object,
        "v",
        |v| v.as_u64().filter(|&version| version == VERSION),
        "1",
    )?;
    if value.get("raw").is_some_and(shim::is_shims) {
        let ordinary = shim::translated(bytes)?;
        return read(parse(&ordinary)?.as_object().unwrap_or(Object::EMPTY));
    }
    read(object)
}

fn parse(bytes: &[u8]) -> Result<Json<'_>, Malformed> {
    // Looked at as a whole: text by text, the same check costs several times as much.
    let text = str::from_utf8(bytes).map_err(|error| Malformed(format!("not UTF-8: {error}")))?;
    serde_json::from_str(text).map_err(|error| Malformed(format!("not JSON: {error}")))
}

fn read(object: &Object<'_>) -> Result<Decoded, Malformed> {
    let measurements = list(object, "m")?;
    let operations = list(object, "ops")?;
    let raw = object.get("raw").map(raw::read).transpose()?;
    if measurements.is_none() && operations.is_none() && raw.is_none() {
        return Err(Malformed("`m`, `ops` or `raw` is required".into()));
    }
    if measurements.is_some() && raw.is_some() {
        return Err(Malformed("`raw` stands in place of `m`".into()));
    }
    let mut decoded = Decoded {
        beacon: head(object)?,
        raw: None,
        refused: Vec::new(),
    };
    if let Some(raw) = raw {
        take_raw(&mut decoded, raw);
    }
    let measurements = measurements.unwrap_or_default();
    for (index, item) in measurements.iter().enumerate() {
        take_measurement(&mut decoded, index, item);
    }
    for (position, item) in operations.unwrap_or_default().iter().enumerate() {
        take_operation(&mut decoded, measurements.len() + position, position, item);
    }
    Ok(decoded)
}

fn head(object: &Object<'_>) -> Result<Beacon, Malformed> {
    let child = |name| {
        let child = object.get(name).and_then(Json::as_object);
        child.unwrap_or(Object::EMPTY)
    };
    let overhead = child("self");
    Ok(Beacon {
        view: required(object, "view", |v| v.as_str().and_then(uuid), "a UUID")?,
        seq: required(
            object,
            "seq",
            |v| whole(v, f64::from(u32::MAX)),
            "a whole number from 0",
        )? as u32,
        session: text(object, "session", MAX_SESSION_BYTES),
        sent_ms: required(
            object,
            "sent",
            |v| whole(v, MAX_STAMP_MS),
            "ms since the epoch",
        )?,
        start_ms: required(
            object,
            "start",
            |v| whole(v, MAX_STAMP_MS),
            "ms since the epoch",
        )?,
        navigation_type: object
            .get("nav")
            .and_then(Json::as_str)
            .and_then(NavigationType::from_name)
            .unwrap_or_default(),
        path: required(
            object,
            "path",
            |v| v.as_str().map(|path| cut(path, MAX_PATH_BYTES)),
            "a text",
        )?,
        route: text(object, "route", MAX_PATH_BYTES),
        release: text(object, "release", MAX_NAME_BYTES),
        environment: text(object, "env", MAX_NAME_BYTES),
        context: context(child("context")),
        measurements: Vec::new(),
        operations: Vec::new(),
        drops: child("drop")
            .iter()
            .filter_map(|(reason, count)| {
                Some((
                    Cow::Owned(cut(reason, MAX_TEXT_BYTES)),
                    whole(count, f64::from(u32::MAX))?,
                ))
            })
            .take(MAX_DROP_REASONS)
            .collect(),
        overhead: Overhead {
            main_ms: number(overhead, "main_ms").unwrap_or(0.0),
            bytes: count(overhead, "bytes").unwrap_or(0),
            entries_dropped: count(overhead, "entries_dropped").unwrap_or(0),
        },
    })
}

fn context(object: &Object<'_>) -> PageContext {
    let flag = |name| object.get(name).and_then(Json::as_bool).unwrap_or(false);
    PageContext {
        device: text(object, "device", MAX_TEXT_BYTES),
        connection: text(object, "connection", MAX_TEXT_BYTES),
        rtt_ms: count(object, "rtt_ms"),
        cores: count(object, "cores"),
        memory_gb: number(object, "memory_gb"),
        width: count(object, "width"),
        height: count(object, "height"),
        referrer: text(object, "referrer", MAX_TEXT_BYTES),
        delivery: text(object, "delivery", MAX_TEXT_BYTES),
        interactions: count(object, "interactions"),
        interactions_seen: count(object, "interactions_seen"),
        sample_rate: number(object, "sample_rate").filter(|rate| (0.0..=1.0).contains(rate)),
        soft: text(object, "soft", MAX_TEXT_BYTES),
        hidden_at_start: flag("hidden_at_start"),
        late: flag("late"),
        automation: flag("automation"),
        long_tasks: count(object, "long_tasks"),
        blocking_ms: number(object, "blocking_ms").filter(|&blocking_ms| blocking_ms >= 0.0),
        timing: details(object, "timing", MAX_TIMING_KEYS, milestones::known),
        resources: object
            .get("resources")
            .and_then(Json::as_object)
            .map(resources::read),
        custom: details(object, "custom", MAX_CUSTOM_KEYS, invented),
    }
}

/// Calls that were left out are entries that nothing measured, and the page view says so.
fn take_raw(decoded: &mut Decoded, raw: RawEntries) {
    if raw.left_out > 0 {
        decoded.refused.push(Refusal {
            index: None,
            code: RefusalCode::TooMany,
            detail: format!("at most {MAX_RAW_CALLS} calls: {} left out", raw.left_out),
        });
        let dropped = &mut decoded.beacon.overhead.entries_dropped;
        *dropped = dropped.saturating_add(raw.left_out);
    }
    decoded.raw = Some(raw);
}

fn take_measurement(decoded: &mut Decoded, index: usize, item: &Json<'_>) {
    let mut refuse = |code, detail: String| {
        decoded.refused.push(Refusal {
            index: Some(index),
            code,
            detail,
        })
    };
    if index >= MAX_MEASUREMENTS {
        return refuse(
            RefusalCode::TooMany,
            format!("at most {MAX_MEASUREMENTS} measurements"),
        );
    }
    let (Some(object), Some(name)) = (item.as_object(), item.get("n").and_then(Json::as_str))
    else {
        return refuse(RefusalCode::MalformedItem, "`n` is required".into());
    };
    let Some(vital) = Vital::from_name(name) else {
        return refuse(RefusalCode::UnknownVital, cut(name, MAX_TEXT_BYTES));
    };
    let Some(value) = number(object, "v") else {
        return refuse(
            RefusalCode::MalformedItem,
            format!("{name}: `v` is required"),
        );
    };
    if !(0.0..=vital.max_value()).contains(&value) {
        return refuse(
            RefusalCode::OutOfRange,
            format!("{name} is 0 to {}", vital.max_value()),
        );
    }
    // Said twice in one beacon: the later one counts, as between beacons.
    decoded
        .beacon
        .measurements
        .retain(|earlier| earlier.vital != vital);
    let known = |name: &str| attribution::known(vital, name);
    let attribution = details(object, "a", MAX_ATTRIBUTION_KEYS, known);
    decoded.beacon.measurements.push(Measurement {
        vital,
        value,
        attribution,
    });
}

fn take_operation(decoded: &mut Decoded, index: usize, position: usize, item: &Json<'_>) {
    let mut refuse = |code, detail: String| {
        decoded.refused.push(Refusal {
            index: Some(index),
            code,
            detail,
        })
    };
    if position >= MAX_OPERATIONS {
        return refuse(
            RefusalCode::TooMany,
            format!("at most {MAX_OPERATIONS} operations"),
        );
    }
    let (Some(object), Some(name)) = (item.as_object(), item.get("n").and_then(Json::as_str))
    else {
        return refuse(RefusalCode::MalformedItem, "`n` is required".into());
    };
    let Some(duration_ms) = number(object, "v") else {
        return refuse(RefusalCode::MalformedItem, "`v` is required".into());
    };
    if name.is_empty() || !(0.0..=MAX_DURATION_MS).contains(&duration_ms) {
        return refuse(
            RefusalCode::OutOfRange,
            format!("a named duration of 0 to {MAX_DURATION_MS} ms"),
        );
    }
    decoded.beacon.operations.push(Operation {
        name: cut(name, MAX_NAME_BYTES),
        position: position as u32,
        duration_ms,
        success: object.get("ok").and_then(Json::as_bool).unwrap_or(true),
        error_type: text(object, "error", MAX_TEXT_BYTES),
        at_ms: number(object, "at").unwrap_or(0.0),
        memory_bytes: number(object, "memory_bytes"),
        input_size: number(object, "input_size"),
        detail: details(object, "detail", MAX_DETAIL_KEYS, invented),
    });
}

fn required<T>(
    object: &Object<'_>,
    name: &str,
    read: impl Fn(&Json<'_>) -> Option<T>,
    wanted: &str,
) -> Result<T, Malformed> {
    match object.get(name) {
        Some(value) => read(value).ok_or_else(|| Malformed(format!("`{name}` must be {wanted}"))),
        None => Err(Malformed(format!("`{name}` is required"))),
    }
}

fn list<'o, 'b>(object: &'o Object<'b>, name: &str) -> Result<Option<&'o [Json<'b>]>, Malformed> {
    match object.get(name) {
        None => Ok(None),
        Some(Json::List(items)) => Ok(Some(items)),
        Some(_) => Err(Malformed(format!("`{name}` must be a list"))),
    }
}

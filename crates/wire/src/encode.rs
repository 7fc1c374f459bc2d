//! Beacon -> bytes. By hand, in fixed point and without `core::fmt`, because it ships to browsers: formatting one float with the
//! standard library costs more compressed bytes than the whole budget allows for the engine.
//!
//! Numbers keep four decimals (0.1 µs), layout shift scores eight: both finer than any browser's clock or layout.

use alloc::string::String;
use alloc::vec::Vec;

use crate::beacon::{Beacon, Details, Measurement, Operation, PageContext, Scalar};
use crate::{NavigationType, Vital};

/// Decimals of ms, bytes and free numbers.
const DECIMALS: u32 = 4;
/// Decimals of CLS: scores are products of two fractions of the viewport.
const CLS_DECIMALS: u32 = 8;
/// Digits of a client time stamp in ms; the same until the year 2286, so `sent` can be patched in place.
const STAMP_DIGITS: usize = 13;

/// One beacon as it goes over the network. A retry sends the same bytes but for `sent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    bytes: Vec<u8>,
    sent_at: usize,
}

impl Encoded {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes the time of this attempt. A stamp that does not have thirteen digits (a broken clock) leaves the old one.
    pub fn stamp(&mut self, sent_ms: u64) {
        let mut digits = Vec::with_capacity(STAMP_DIGITS);
        push_integer(&mut digits, sent_ms);
        if digits.len() == STAMP_DIGITS {
            self.bytes[self.sent_at..self.sent_at + STAMP_DIGITS].copy_from_slice(&digits);
        }
    }
}

/// Writes a beacon. Empty strings, unknown numbers and empty lists are left out; `m` is always there.
pub fn encode(beacon: &Beacon) -> Encoded {
    let mut json = Json {
        out: Vec::with_capacity(768),
        first: true,
    };
    json.open(b'{');
    json.key("v");
    json.out.push(b'1');
    json.text("view", &beacon.view);
    json.integer("seq", beacon.seq.into());
    json.text("session", &beacon.session);
    json.key("sent");
    let sent_at = json.out.len();
    push_integer(&mut json.out, beacon.sent_ms);
    json.integer("start", beacon.start_ms);
    if beacon.navigation_type != NavigationType::Navigate {
        json.text("nav", beacon.navigation_type.name());
    }
    json.text("path", &beacon.path);
    json.text("route", &beacon.route);
    json.text("release", &beacon.release);
    json.text("env", &beacon.environment);
    context(&mut json, &beacon.context);
    json.list("m", &beacon.measurements, measurement);
    if !beacon.operations.is_empty() {
        json.list("ops", &beacon.operations, operation);
    }
    if !beacon.drops.is_empty() {
        json.key("drop");
        json.open(b'{');
        for (reason, count) in &beacon.drops {
            json.integer(reason, *count);
        }
        json.close(b'}');
    }
    json.key("self");
    json.open(b'{');
    json.number("main_ms", beacon.overhead.main_ms);
    json.integer("bytes", beacon.overhead.bytes.into());
    json.integer("entries_dropped", beacon.overhead.entries_dropped.into());
    json.close(b'}');
    json.close(b'}');
    Encoded {
        bytes: json.out,
        sent_at,
    }
}

/// Flat facts as one JSON object, the text that the `attribution` column keeps.
pub fn details_json(details: &Details) -> String {
    let mut json = Json {
        out: Vec::new(),
        first: true,
    };
    json.open(b'{');
    entries(&mut json, details);
    json.close(b'}');
    // Everything pushed is ASCII punctuation or came from a `str`.
    String::from_utf8(json.out).unwrap_or_default()
}

fn context(json: &mut Json, context: &PageContext) {
    json.key("context");
    json.open(b'{');
    json.text("device", &context.device);
    json.text("connection", &context.connection);
    json.maybe("rtt_ms", context.rtt_ms);
    json.maybe("cores", context.cores);
    if let Some(memory_gb) = context.memory_gb {
        json.number("memory_gb", memory_gb);
    }
    json.maybe("width", context.width);
    json.maybe("height", context.height);
    json.text("referrer", &context.referrer);
    json.text("delivery", &context.delivery);
    json.maybe("interactions", context.interactions);
    json.maybe("interactions_seen", context.interactions_seen);
    if let Some(sample_rate) = context.sample_rate {
        json.number("sample_rate", sample_rate);
    }
    json.text("soft", &context.soft);
    json.flag("hidden_at_start", context.hidden_at_start);
    json.flag("late", context.late);
    json.flag("automation", context.automation);
    json.maybe("long_tasks", context.long_tasks);
    if let Some(blocking_ms) = context.blocking_ms {
        json.number("blocking_ms", blocking_ms);
    }
    json.details("timing", &context.timing);
    json.details("custom", &context.custom);
    json.close(b'}');
}

fn measurement(json: &mut Json, measurement: &Measurement) {
    json.open(b'{');
    json.text("n", measurement.vital.name());
    json.key("v");
    let decimals = if measurement.vital == Vital::Cls {
        CLS_DECIMALS
    } else {
        DECIMALS
    };
    push_decimal(&mut json.out, measurement.value, decimals);
    json.details("a", &measurement.attribution);
    json.close(b'}');
}

fn operation(json: &mut Json, operation: &Operation) {
    json.open(b'{');
    json.text("n", &operation.name);
    json.number("v", operation.duration_ms);
    json.key("ok");
    json.out
        .extend_from_slice(if operation.success { b"true" } else { b"false" });
    json.text("error", &operation.error_type);
    json.number("at", operation.at_ms);
    if let Some(memory_bytes) = operation.memory_bytes {
        json.number("memory_bytes", memory_bytes);
    }
    if let Some(input_size) = operation.input_size {
        json.number("input_size", input_size);
    }
    json.details("detail", &operation.detail);
    json.close(b'}');
}

fn entries(json: &mut Json, details: &Details) {
    for (key, value) in details {
        match value {
            Scalar::Text(text) => {
                json.key(key);
                push_text(&mut json.out, text);
            }
            Scalar::Number(number) => json.number(key, *number),
            Scalar::Flag(flag) => {
                json.key(key);
                json.out
                    .extend_from_slice(if *flag { b"true" } else { b"false" });
            }
        }
    }
}

/// Bytes so far, and whether the innermost object or list is still empty.
struct Json {
    out: Vec<u8>,
    first: bool,
}

impl Json {
    fn separate(&mut self) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
    }

    fn open(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.first = true;
    }

    fn close(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.first = false;
    }

    fn key(&mut self, key: &str) {
        self.separate();
        push_text(&mut self.out, key);
        self.out.push(b':');
    }

    fn text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.key(key);
            push_text(&mut self.out, text);
        }
    }

    fn integer(&mut self, key: &str, value: u64) {
        self.key(key);
        push_integer(&mut self.out, value);
    }

    fn maybe(&mut self, key: &str, value: Option<u32>) {
        if let Some(value) = value {
            self.integer(key, value.into());
        }
    }

    fn number(&mut self, key: &str, value: f64) {
        self.key(key);
        push_decimal(&mut self.out, value, DECIMALS);
    }

    fn flag(&mut self, key: &str, set: bool) {
        if set {
            self.key(key);
            self.out.extend_from_slice(b"true");
        }
    }

    fn details(&mut self, key: &str, details: &Details) {
        if !details.is_empty() {
            self.key(key);
            self.open(b'{');
            entries(self, details);
            self.close(b'}');
        }
    }

    fn list<T>(&mut self, key: &str, items: &[T], write: fn(&mut Json, &T)) {
        self.key(key);
        self.open(b'[');
        for item in items {
            self.separate();
            write(self, item);
            self.first = false;
        }
        self.close(b']');
    }
}

/// A JSON string. Control characters are escaped, everything else above ASCII goes out as UTF-8.
fn push_text(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

fn push_integer(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Rounds half up to `decimals` and drops trailing zeros. A number that JSON cannot say is written as `null`; one beyond
/// 2^64 / 10^decimals saturates, and the decoder refuses it as out of range.
fn push_decimal(out: &mut Vec<u8>, value: f64, decimals: u32) {
    if !value.is_finite() {
        out.extend_from_slice(b"null");
        return;
    }
    let scale = 10_u64.pow(decimals);
    // `as` truncates and saturates, so this is round-half-up without `floor`, which `core` does not have.
    let scaled = (value.abs() * scale as f64 + 0.5) as u64;
    if value < 0.0 && scaled > 0 {
        out.push(b'-');
    }
    push_integer(out, scaled / scale);
    let mut fraction = scaled % scale;
    if fraction == 0 {
        return;
    }
    out.push(b'.');
    let mut unit = scale / 10;
    while fraction > 0 {
        out.push(b'0' + (fraction / unit) as u8);
        fraction %= unit;
        unit = (unit / 10).max(1);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn decimal(value: f64, decimals: u32) -> String {
        let mut out = Vec::new();
        push_decimal(&mut out, value, decimals);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_fixed_point_without_trailing_zeros() {
        for (value, decimals, expected) in [
            (0.0, 4, "0"),
            (-0.0, 4, "0"),
            (2412.5, 4, "2412.5"),
            (2_412.300_000_011_921, 4, "2412.3"),
            (0.000_04, 4, "0"),
            (0.000_06, 4, "0.0001"),
            (0.327_656_25, 8, "0.32765625"),
            (1.000_000_01, 8, "1.00000001"),
            (-3.25, 4, "-3.25"),
            (-0.000_01, 4, "0"),
            (600_000.0, 4, "600000"),
            (1e30, 4, "1844674407370955.1615"),
            (f64::NAN, 4, "null"),
            (f64::INFINITY, 4, "null"),
        ] {
            assert_eq!(decimal(value, decimals), expected, "{value}");
        }
    }

    #[test]
    fn text_is_escaped() {
        let mut out = Vec::new();
        push_text(&mut out, "a\"b\\c\n\u{1}é</script>");
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\"a\\\"b\\\\c\\u000a\\u0001é</script>\""
        );
    }

    #[test]
    fn a_retry_changes_only_the_time_of_the_attempt() {
        let beacon = Beacon {
            view: "v".into(),
            sent_ms: 1_763_683_200_123,
            ..Beacon::default()
        };
        let mut encoded = encode(&beacon);
        encoded.stamp(1_763_683_209_999);
        assert_eq!(
            encoded,
            encode(&Beacon {
                sent_ms: 1_763_683_209_999,
                ..beacon.clone()
            })
        );
        let before = encoded.clone();
        encoded.stamp(12);
        assert_eq!(encoded, before, "a broken clock keeps the old stamp");
    }

    #[test]
    fn details_are_one_flat_object() {
        let details: Details = vec![
            ("element".into(), "#hero".into()),
            ("load_delay_ms".into(), 300.25.into()),
            ("late".into(), true.into()),
        ];
        assert_eq!(
            details_json(&details),
            r##"{"element":"#hero","load_delay_ms":300.25,"late":true}"##
        );
        assert_eq!(details_json(&Details::new()), "{}");
    }
}

//! What goes into text columns: facts and sums as JSON, with whole numbers whole, in the shape in which the page sent them.

use serde_json::{Map, Number, Value, json};
use wire::resources::{Resources, Share};
use wire::{Details, Scalar};

/// Facts as a JSON object; empty text for none.
pub fn json_text(details: &Details) -> String {
    if details.is_empty() {
        return String::new();
    }
    let object: Map<String, Value> = details
        .iter()
        .map(|(key, value)| (key.to_string(), scalar(value)))
        .collect();
    Value::Object(object).to_string()
}

/// In the shape in which the page sent it.
pub fn resources_text(resources: &Resources) -> String {
    let shares = |shares: &[Share]| -> Map<String, Value> {
        let pair = |share: &Share| json!([share.count, whole(share.bytes)]);
        let named = shares.iter().map(|share| (share.name.clone(), pair(share)));
        named.collect()
    };
    let slowest: Vec<Value> = resources
        .slowest
        .iter()
        .map(|(address, duration_ms)| json!([address, whole(*duration_ms)]))
        .collect();
    let object = json!({
        "count": resources.count,
        "bytes": whole(resources.bytes),
        "cached": resources.cached,
        "types": shares(&resources.types),
        "hosts": shares(&resources.hosts),
        "slowest": slowest,
    });
    object.to_string()
}

fn scalar(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Text(text) => Value::String(text.clone()),
        Scalar::Flag(flag) => Value::Bool(*flag),
        Scalar::Number(number) => whole(*number),
    }
}

/// A number without `.0` where it is whole.
fn whole(number: f64) -> Value {
    /// Up to here every whole number is exact in a double.
    const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < MAX_WHOLE {
        Value::from(number as i64)
    } else {
        Number::from_f64(number).map_or(Value::Null, Value::Number)
    }
}

pub fn plain_text(value: &Scalar) -> String {
    match scalar(value) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_json_with_whole_numbers_whole() {
        let details = vec![
            ("element".into(), Scalar::Text("#hero".into())),
            ("load_ms".into(), Scalar::Number(300.0)),
            ("share".into(), Scalar::Number(0.5)),
        ];
        assert_eq!(
            json_text(&details),
            r##"{"element":"#hero","load_ms":300,"share":0.5}"##
        );
        assert_eq!(json_text(&Vec::new()), "");
    }

    #[test]
    fn resources_keep_the_shape_in_which_they_were_sent() {
        let share = |name: &str, count, bytes| Share {
            name: name.into(),
            count,
            bytes,
        };
        let resources = Resources {
            count: 12,
            bytes: 34567.0,
            cached: 3,
            types: vec![share("script", 4, 20000.0), share("img", 8, 14567.0)],
            hosts: vec![share("cdn.example.org", 2, 9000.0)],
            slowest: vec![("https://cdn.example.org/a.js".into(), 312.5)],
        };
        assert_eq!(
            resources_text(&resources),
            concat!(
                r#"{"bytes":34567,"cached":3,"count":12,"hosts":{"cdn.example.org":[2,9000]},"#,
                r#""slowest":[["https://cdn.example.org/a.js",312.5]],"types":{"img":[8,14567],"script":[4,20000]}}"#
            )
        );
    }
}

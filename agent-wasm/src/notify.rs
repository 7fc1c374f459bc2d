//! What the page's own callbacks are told: one object per measurement or budget violation. Built at the edge, never per entry.

use serde::ser::{Serialize, SerializeMap, Serializer};
use wasm_bindgen::JsValue;
use wire::{Details, Measurement, Scalar};

/// One object: named texts and numbers and, in a measurement, its attribution. A map, not a struct: serde-wasm-bindgen keeps a
/// cache of struct fields that is larger than all of this.
struct Told<'a> {
    texts: &'a [(&'a str, &'a str)],
    numbers: &'a [(&'a str, f64)],
    attribution: Option<&'a Details>,
}

struct Facts<'a>(&'a Details);

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, text) in self.texts {
            map.serialize_entry(key, text)?;
        }
        for (key, number) in self.numbers {
            map.serialize_entry(key, number)?;
        }
        if let Some(attribution) = self.attribution {
            map.serialize_entry("attribution", &Facts(attribution))?;
        }
        map.end()
    }
}

impl Serialize for Facts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.0 {
            let key = key.as_ref();
            match value {
                Scalar::Text(text) => map.serialize_entry(key, text.as_str())?,
                Scalar::Number(number) => map.serialize_entry(key, number)?,
                Scalar::Flag(flag) => map.serialize_entry(key, flag)?,
            }
        }
        map.end()
    }
}

/// The page view that a measurement is of.
pub struct Of<'a> {
    pub navigation_type: &'static str,
    pub route: &'a str,
    pub view: &'a str,
}

/// `delta` is the change since the last time this was told. A vital without thresholds has no rating.
pub fn measurement(measurement: &Measurement, delta: f64, of: &Of<'_>) -> JsValue {
    let vital = measurement.vital;
    let rating = vital
        .rating(measurement.value)
        .map(|rating| ("rating", rating.name()));
    let texts = [
        ("name", vital.name()),
        ("navigationType", of.navigation_type),
        ("route", of.route),
        ("view", of.view),
        rating.unwrap_or_default(),
    ];
    to_object(&Told {
        texts: &texts[..4 + usize::from(rating.is_some())],
        numbers: &[("value", measurement.value), ("delta", delta)],
        attribution: Some(&measurement.attribution),
    })
}

pub fn violation(name: &str, value: f64, budget: f64, of: &Of<'_>) -> JsValue {
    to_object(&Told {
        texts: &[("name", name), ("route", of.route)],
        numbers: &[("value", value), ("budget", budget)],
        attribution: None,
    })
}

fn to_object(told: &Told<'_>) -> JsValue {
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_maps_as_objects(true);
    told.serialize(&serializer).unwrap_or(JsValue::UNDEFINED)
}

//! What the page's own callbacks are told: one object per measurement or budget violation. Built at the edge, never per entry.

use js_sys::Function;
use serde::ser::{Serialize, SerializeMap, Serializer};
use wasm_bindgen::JsValue;
use wire::{Details, Measurement, Scalar};

/// A measurement as `onMeasurement` and `beforeSend` see it.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    name: &'a str,
    value: f64,
    delta: f64,
    rating: Option<&'static str>,
    navigation_type: &'static str,
    route: &'a str,
    view: &'a str,
    attribution: Facts<'a>,
}

#[derive(serde::Serialize)]
struct Violation<'a> {
    name: &'a str,
    value: f64,
    budget: f64,
    route: &'a str,
}

struct Facts<'a>(&'a Details);

impl Serialize for Facts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.0 {
            map.serialize_key(key.as_ref())?;
            match value {
                Scalar::Text(text) => map.serialize_value(text)?,
                Scalar::Number(number) => map.serialize_value(number)?,
                Scalar::Flag(flag) => map.serialize_value(flag)?,
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

/// `delta` is the change since the last time this was told.
pub fn measurement(measurement: &Measurement, delta: f64, of: &Of<'_>) -> JsValue {
    to_object(&Told {
        name: measurement.vital.name(),
        value: measurement.value,
        delta,
        rating: measurement
            .vital
            .rating(measurement.value)
            .map(|rating| rating.name()),
        navigation_type: of.navigation_type,
        route: of.route,
        view: of.view,
        attribution: Facts(&measurement.attribution),
    })
}

pub fn violation(name: &str, value: f64, budget: f64, of: &Of<'_>) -> JsValue {
    to_object(&Violation {
        name,
        value,
        budget,
        route: of.route,
    })
}

/// Calls the page. What it throws is its own affair and stays here.
pub fn call(callback: &Function, argument: &JsValue) -> JsValue {
    callback
        .call1(&JsValue::UNDEFINED, argument)
        .unwrap_or(JsValue::UNDEFINED)
}

fn to_object(told: &impl Serialize) -> JsValue {
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_maps_as_objects(true);
    told.serialize(&serializer).unwrap_or(JsValue::UNDEFINED)
}

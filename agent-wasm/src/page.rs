//! The page's globals and clocks: the one door to `page.js`, and readers for the flat arrays that come through it. Every reader
//! answers "nothing" where a browser has nothing.

use js_sys::{Array, Function, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::Window;
use wire::limits::MAX_TEXT_BYTES;
use wire::{Details, Scalar};

#[wasm_bindgen(module = "/src/page.js")]
extern "C" {
    /// `None` outside a window (a worker, a server): nothing to measure there.
    #[wasm_bindgen(js_name = page)]
    pub fn window() -> Option<Window>;
    pub fn supports(kind: &str) -> bool;
    #[wasm_bindgen(js_name = hasInteractionIds)]
    pub fn has_interaction_ids() -> bool;
    pub fn observe(observer: &JsValue, kind: &str, buffered: bool) -> bool;
    pub fn device() -> Array;
    pub fn navigation() -> Option<Array>;
    #[wasm_bindgen(js_name = hiddenTimes)]
    pub fn hidden_times() -> Array;
    pub fn resource(url: &str, painted_ms: f64) -> Option<Array>;
    /// NaN where the browser does not tell.
    #[wasm_bindgen(js_name = heapBytes)]
    pub fn heap_bytes() -> f64;
    /// NaN where the browser does not count.
    #[wasm_bindgen(js_name = interactionCount)]
    pub fn interaction_count() -> f64;
    /// The location's path.
    pub fn path() -> String;
    #[wasm_bindgen(js_name = randomHex)]
    pub fn random_hex(digit_count: u32) -> String;
    /// A UUID, version 4.
    pub fn uuid() -> String;
    #[wasm_bindgen(js_name = isHidden)]
    pub fn is_hidden() -> bool;
    #[wasm_bindgen(js_name = isPrerendering)]
    pub fn is_prerendering() -> bool;
    #[wasm_bindgen(js_name = isLoaded)]
    pub fn is_loaded() -> bool;
    pub fn stored() -> Option<Array>;
    pub fn store(id: &str, begun_ms: f64, seen_ms: f64);
    #[wasm_bindgen(js_name = hasPrivacySignal)]
    pub fn has_privacy_signal() -> bool;
    pub fn post(address: &str, body: &str, keepalive: bool, settle: &JsValue);
    #[wasm_bindgen(js_name = facts)]
    fn flat_facts(object: &JsValue, max_keys: u32) -> Array;
    pub fn call(callback: &Function, argument: &JsValue) -> JsValue;
}

#[wasm_bindgen(module = "/src/records.js")]
extern "C" {
    /// The records of a list of timeline entries.
    pub fn copies(kind: u32, entries: &Array) -> Array;
}

#[wasm_bindgen]
extern "C" {
    /// Ms since the document's time origin.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub fn now_ms() -> f64;
    /// The client's clock, ms since the epoch.
    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    pub fn clock_ms() -> f64;
    /// In 0..1, for jitter; not for identity.
    #[wasm_bindgen(js_namespace = Math)]
    pub fn random() -> f64;
}

/// A number of an array; NaN where there is none.
#[inline(never)]
pub fn number(array: &Array, index: u32) -> f64 {
    array.get(index).as_f64().unwrap_or(f64::NAN)
}

/// Text of an array; empty where there is none.
#[inline(never)]
pub fn text(array: &Array, index: u32) -> String {
    array.get(index).as_string().unwrap_or_default()
}

/// A whole number of an array.
pub fn whole(array: &Array, index: u32) -> Option<u32> {
    size(number(array, index)).map(|value| value as u32)
}

/// A finite, non-negative number.
pub fn size(number: f64) -> Option<f64> {
    Some(number).filter(|number| (0.0..f64::INFINITY).contains(number))
}

/// A property; undefined where the target has none.
#[inline(never)]
pub fn value(target: &JsValue, key: &str) -> JsValue {
    Reflect::get(target, &JsValue::from_str(key)).unwrap_or_default()
}

/// At most `max_keys` facts of a flat object: a page's own dimensions, the detail of an operation. Nothing nested gets through.
pub fn facts(object: &JsValue, max_keys: u32) -> Details {
    let flat = flat_facts(object, max_keys);
    let mut facts = Details::new();
    for index in 0..flat.length() / 2 {
        let value = flat.get(2 * index + 1);
        let scalar = if let Some(number) = value.as_f64() {
            Scalar::Number(number)
        } else if let Some(flag) = value.as_bool() {
            Scalar::Flag(flag)
        } else {
            Scalar::Text(cut(value.as_string().unwrap_or_default(), MAX_TEXT_BYTES))
        };
        facts.push((cut(text(&flat, 2 * index), MAX_TEXT_BYTES).into(), scalar));
    }
    facts
}

/// At most `max_bytes`, cut at a character.
pub fn cut(mut text: String, max_bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(max_bytes));
    text
}

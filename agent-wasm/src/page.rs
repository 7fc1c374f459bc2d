//! The page's globals and clocks, in one place. Every reader here answers "nothing" where a browser has nothing.

use js_sys::{Date, Math};
use wasm_bindgen::prelude::*;
use web_sys::{Document, Performance, Window};

#[wasm_bindgen]
extern "C" {
    // `Reflect.get` under three return types, without `catch`: targets are checked to be objects first, and property reads on
    // the browser's own objects do not throw. What is no number reads as NaN.
    #[wasm_bindgen(js_namespace = Reflect, js_name = get)]
    fn get_number(target: &JsValue, key: &str) -> f64;
    #[wasm_bindgen(js_namespace = Reflect, js_name = get)]
    fn get_value(target: &JsValue, key: &str) -> JsValue;
}

/// `None` outside a window (a worker, a server): nothing to measure there.
pub fn window() -> Option<Window> {
    web_sys::window()
}

pub fn document() -> Option<Document> {
    window()?.document()
}

pub fn performance() -> Option<Performance> {
    window()?.performance()
}

/// Ms since the document's time origin.
pub fn now_ms() -> f64 {
    performance().map_or(0.0, |performance| performance.now())
}

/// The client's clock, ms since the epoch.
pub fn clock_ms() -> f64 {
    Date::now()
}

/// A random number in 0..1, for jitter; not for identity.
pub fn random() -> f64 {
    Math::random()
}

/// A property that must be a number; NaN where it is not.
pub fn number(target: &JsValue, key: &str) -> f64 {
    if has_properties(target) {
        get_number(target, key)
    } else {
        f64::NAN
    }
}

/// A property that must be a finite, non-negative number.
pub fn size(target: &JsValue, key: &str) -> Option<f64> {
    Some(number(target, key)).filter(|value| (0.0..f64::INFINITY).contains(value))
}

pub fn value(target: &JsValue, key: &str) -> JsValue {
    if has_properties(target) {
        get_value(target, key)
    } else {
        JsValue::UNDEFINED
    }
}

/// `Reflect.get` throws on anything else. A constructor is a function, not an object.
fn has_properties(target: &JsValue) -> bool {
    target.is_object() || target.is_function()
}

pub fn text(target: &JsValue, key: &str) -> Option<String> {
    value(target, key).as_string()
}

pub fn is_true(target: &JsValue, key: &str) -> bool {
    value(target, key).as_bool() == Some(true)
}

/// A UUID, version 4, unguessable where the browser has a `crypto`.
pub fn uuid() -> String {
    let mut bytes = [0_u8; 16];
    fill_random(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        push_hex(&mut text, *byte);
    }
    text
}

/// Sixteen random hex digits.
pub fn token() -> String {
    let mut bytes = [0_u8; 8];
    fill_random(&mut bytes);
    let mut text = String::with_capacity(16);
    for byte in bytes {
        push_hex(&mut text, byte);
    }
    text
}

fn fill_random(bytes: &mut [u8]) {
    let filled = window()
        .and_then(|window| window.crypto().ok())
        .is_some_and(|crypto| crypto.get_random_values_with_u8_array(bytes).is_ok());
    if !filled {
        for byte in bytes {
            *byte = (random() * 256.0) as u8;
        }
    }
}

fn push_hex(text: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.push(DIGITS[usize::from(byte >> 4)] as char);
    text.push(DIGITS[usize::from(byte & 15)] as char);
}

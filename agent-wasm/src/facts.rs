//! A flat JavaScript object -> `wire::Details`: a page's own dimensions and the detail of an operation. Bounded, and nothing
//! nested gets through.

use js_sys::{Array, Object};
use wasm_bindgen::{JsCast, JsValue};
use wire::limits::MAX_TEXT_BYTES;
use wire::{Details, Scalar};

/// At most `max_keys` facts of `object`; other values than text, numbers and flags are left out.
pub fn facts(object: &JsValue, max_keys: usize) -> Details {
    let mut facts = Details::new();
    let Some(object) = object.dyn_ref::<Object>() else {
        return facts;
    };
    for pair in Object::entries(object).iter() {
        let pair: Array = pair.unchecked_into();
        let value = pair.get(1);
        let scalar = if let Some(text) = value.as_string() {
            Scalar::Text(cut(text))
        } else if let Some(number) = value.as_f64() {
            Scalar::Number(number)
        } else if let Some(flag) = value.as_bool() {
            Scalar::Flag(flag)
        } else {
            continue;
        };
        if facts.len() == max_keys {
            break;
        }
        if let Some(key) = pair.get(0).as_string() {
            facts.push((cut(key).into(), scalar));
        }
    }
    facts
}

/// At most [`MAX_TEXT_BYTES`], cut at a character.
pub fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
    text
}

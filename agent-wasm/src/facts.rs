//! What to blame, on its way to JavaScript: one flat list, key, value, key, value. Built at the edge, for a callback or a beacon,
//! never per entry.

use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer as _};
use serde_wasm_bindgen::Serializer;
use vitals::PageView;
use wasm_bindgen::JsValue;
use wire::{Facts, Vital};

const SERIALIZER: Serializer = Serializer::new();

struct List(<&'static Serializer as serde::Serializer>::SerializeSeq);

impl List {
    /// Text and numbers become values of JavaScript without fail.
    #[inline(always)]
    fn push(&mut self, value: &(impl Serialize + ?Sized)) {
        let _ = self.0.serialize_element(value);
    }

    #[inline(never)]
    fn push_text(&mut self, text: &str) {
        self.push(text);
    }
}

impl Facts for List {
    fn text(&mut self, key: &'static str, text: &str) {
        if !text.is_empty() {
            self.push_text(key);
            self.push_text(text);
        }
    }

    fn number(&mut self, key: &'static str, number: f64) {
        self.push_text(key);
        self.push(&number);
    }
}

/// What to blame for the value of a vital.
#[inline(never)]
pub fn of(engine: &PageView, vital: Vital, value: f64) -> JsValue {
    let Ok(list) = (&SERIALIZER).serialize_seq(None) else {
        return JsValue::UNDEFINED;
    };
    let mut list = List(list);
    engine.attribution(vital, value, &mut list);
    list.0.end().unwrap_or_default()
}

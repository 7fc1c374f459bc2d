//! The door to JavaScript: everything the agent reads from the page and says to it.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/page.js")]
extern "C" {
    /// NaN where the browser does not tell.
    #[wasm_bindgen(js_name = heapBytes)]
    pub fn heap_bytes() -> f64;
    #[wasm_bindgen(js_name = isHidden)]
    pub fn is_hidden() -> bool;
}

#[wasm_bindgen(module = "/src/gate.js")]
extern "C" {
    pub fn gate(options: &JsValue, early: &JsValue, hear: &JsValue);
    pub fn consent(word: &JsValue);
    pub fn close();
}

#[wasm_bindgen(module = "/src/signals.js")]
extern "C" {
    #[wasm_bindgen(js_name = setRoute)]
    pub fn set_route(route: &JsValue);
    #[wasm_bindgen(js_name = setContext)]
    pub fn set_context(context: &JsValue);
    pub fn operation(
        name: &JsValue,
        duration_ms: f64,
        error_type: &JsValue,
        at_ms: f64,
        detail: &JsValue,
    );
    /// What a `PerformanceObserver` calls: copies the entries it gets and lets the agent hear them.
    pub fn watcher() -> js_sys::Function;
    pub fn observe(observer: &web_sys::PerformanceObserver, buffered: bool);
    /// Posts a beacon; the answer is heard.
    pub fn post(id: u32, body: &JsValue, keepalive: bool);
    /// Gives a beacon to the browser, which is heard if it takes it.
    pub fn beacon(id: u32, body: &JsValue);
    /// A vital of the open view has a new value. NaN as `before` means that it had none.
    pub fn changed(vital: &str, value: f64, before: f64, rating: &str, facts: JsValue);
    /// Does what was told, posted and beaconed.
    pub fn drain();
}

#[wasm_bindgen(module = "/src/beacon.js")]
extern "C" {
    /// Opens a page view; `path` without identifiers.
    pub fn open(number: u32, since_ms: f64, navigation_type: &str, route: &str, path: &str);
    /// What is new of a view beside its vitals: 0 nothing, 1 its names, 2 and more operations.
    pub fn news(number: u32) -> u32;
    /// A vital of the beacon that [`seal`] is about to write.
    pub fn measured(number: u32, vital: &str, value: f64, facts: JsValue);
    /// Writes the next beacon of a view. Counts of interactions are NaN where the browser has none; then follow counts of what was
    /// given up: the transport's reasons and values out of range.
    #[allow(
        clippy::too_many_arguments,
        reason = "one crossing for all numbers of a beacon"
    )]
    pub fn seal(
        number: u32,
        interactions: f64,
        interactions_seen: f64,
        main_ms: f64,
        buffer_full: u32,
        rejected: u32,
        too_large: u32,
        gave_up: u32,
        out_of_range: u32,
    ) -> JsValue;
    /// Bytes of the beacon just sealed.
    #[wasm_bindgen(js_name = byteCount)]
    pub fn byte_count() -> u32;
}

#[wasm_bindgen(module = "/src/records.js")]
extern "C" {
    /// Named here so that the file is packed; `signals.js` is who calls it.
    #[allow(dead_code, reason = "an import of another file of this crate")]
    fn copies(entries: &js_sys::Array) -> js_sys::Array;
}

#[wasm_bindgen]
extern "C" {
    /// Ms since the document's time origin.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub fn now_ms() -> f64;
    /// In 0..1, for jitter; not for identity.
    #[wasm_bindgen(js_namespace = Math)]
    pub fn random() -> f64;
}

//! The browser agent: it observes a page, measures its vitals with the `vitals` engine and delivers them. A guest: it never
//! throws into the page, never blocks it, patches nothing and falls silent when anything fails.
//!
//! Split by price: text and JSON are cheap in JavaScript and dear in WebAssembly, numbers and decisions over time the other way
//! round. So `gate.js` judges options, consent, session and sampling; `signals.js` listens and speaks; `beacon.js` writes what
//! is sent and told; `page.js` reads the page; `records.js` copies timeline records, also for the shim. Here [`agent`] hears
//! everything and owns the open page views; [`transport`] decides when their beacons go out; [`entries`] reads what is heard; [`facts`] hands over what to
//! blame; [`page`] is the door between the two. The exports are design contract; `time()` lives in the JavaScript package, because it must run the caller's
//! function before WebAssembly is there.

use wasm_bindgen::prelude::*;

pub mod agent;
pub mod entries;
pub mod facts;
pub mod page;
pub mod transport;

#[cfg(all(test, target_arch = "wasm32"))]
mod in_browser;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
// SAFETY: this WebAssembly module has no threads.
static ALLOCATOR: lol_alloc::AssumeSingleThreaded<lol_alloc::FreeListAllocator> =
    unsafe { lol_alloc::AssumeSingleThreaded::new(lol_alloc::FreeListAllocator::new()) };

/// Starts measuring. A second call does nothing. `early` is what the shim has seen so far, if there is one.
#[wasm_bindgen]
pub fn start(options: &JsValue, early: &JsValue) {
    page::gate(options, early, &agent::ear());
}

/// Names the open page view while its path is unchanged, else closes it and begins a soft one.
#[wasm_bindgen(js_name = setRoute)]
pub fn set_route(route: &JsValue) {
    page::set_route(route);
}

/// Replaces the page's own dimensions.
#[wasm_bindgen(js_name = setContext)]
pub fn set_context(context: &JsValue) {
    page::set_context(context);
}

/// Records a custom operation that took `value_ms` and ends now.
#[wasm_bindgen]
pub fn measure(name: &JsValue, value_ms: f64, detail: &JsValue) {
    let at_ms = page::now_ms() - value_ms;
    page::operation(name, value_ms, &JsValue::UNDEFINED, at_ms, detail);
}

/// Records a custom operation that began at `at_ms` of the document's clock. `error_type` is the type of the error it ended in.
#[wasm_bindgen]
pub fn operation(
    name: &JsValue,
    duration_ms: f64,
    error_type: &JsValue,
    at_ms: f64,
    detail: &JsValue,
) {
    page::operation(name, duration_ms, error_type, at_ms, detail);
}

/// Sends what is known now.
#[wasm_bindgen]
pub fn flush() {
    agent::signal(agent::FLUSH);
}

/// `granted` or `denied`; takes effect at once.
#[wasm_bindgen(js_name = setConsent)]
pub fn set_consent(consent: &JsValue) {
    page::consent(consent);
}

/// Sends what is known, then ends everything: observers, listeners, timers.
#[wasm_bindgen]
pub fn stop() {
    flush();
    page::close();
}

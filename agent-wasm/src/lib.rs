//! The browser agent: it observes a page, measures its vitals with the `vitals` engine and delivers them. A guest: it never
//! throws into the page, never blocks it, patches nothing and falls silent when anything fails.
//!
//! Modules in the order an entry visits them: [`observe`] and [`lifecycle`] listen, [`entries`] reads records, the shim's too,
//! [`agent`] lends them to [`measuring`], which owns the open [`view`]; [`transport`] decides when its beacons go out and
//! [`delivery`] sends them; [`notify`] tells the page's callbacks. [`config`], [`consent`] and [`session`] say
//! who and what is measured; [`page`] is the door to the browser. The exports are design contract; `time()` lives in the JavaScript package, because
//! it must run the caller's function before WebAssembly is there.

use js_sys::Object;
use wasm_bindgen::prelude::*;

pub mod agent;
pub mod config;
pub mod consent;
pub mod delivery;
pub mod entries;
pub mod lifecycle;
pub mod measuring;
pub mod notify;
pub mod observe;
pub mod page;
pub mod session;
pub mod transport;
pub mod view;

#[cfg(all(test, target_arch = "wasm32"))]
mod in_browser;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
// SAFETY: this WebAssembly module has no threads.
static ALLOCATOR: lol_alloc::AssumeSingleThreaded<lol_alloc::FreeListAllocator> =
    unsafe { lol_alloc::AssumeSingleThreaded::new(lol_alloc::FreeListAllocator::new()) };

/// Starts measuring. A second call does nothing. `early` is what the shim has seen so far, if there is one.
#[wasm_bindgen]
pub fn start(options: JsValue, early: Option<Object>) {
    agent::start(options, early);
}

/// Names the open page view while its path is unchanged, else closes it and begins a soft one.
#[wasm_bindgen(js_name = setRoute)]
pub fn set_route(route: String) {
    agent::set_route(&route);
}

/// Replaces the page's own dimensions.
#[wasm_bindgen(js_name = setContext)]
pub fn set_context(context: JsValue) {
    agent::with(&mut |agent, _| agent.set_context(&context));
}

/// Records a custom operation that took `value_ms` and ends now.
#[wasm_bindgen]
pub fn measure(name: String, value_ms: f64, detail: JsValue) {
    operation(name, value_ms, None, page::now_ms() - value_ms, detail);
}

/// Records a custom operation that began at `at_ms` of the document's clock. `error_type` is the type of the error it ended in.
#[wasm_bindgen]
pub fn operation(
    name: String,
    duration_ms: f64,
    error_type: Option<String>,
    at_ms: f64,
    detail: JsValue,
) {
    agent::operation(name, duration_ms, error_type, at_ms, &detail);
}

/// Sends what is known now.
#[wasm_bindgen]
pub fn flush() {
    agent::flush();
}

/// `granted` or `denied`; takes effect at once.
#[wasm_bindgen(js_name = setConsent)]
pub fn set_consent(consent: &str) {
    agent::set_consent(consent);
}

/// Sends what is known, then ends everything: observers, listeners, timers.
#[wasm_bindgen]
pub fn stop() {
    agent::stop();
}

//! The browser agent: it observes a page, measures its vitals with the `vitals` engine and delivers them. A guest: it never
//! throws into the page, never blocks it, patches nothing and falls silent when anything fails.
//!
//! Split by price: text, JSON and lists are cheap in JavaScript and dear in WebAssembly, numbers and what is computed from many of
//! them the other way round. So only numbers cross: [`agent`] holds the observer, the timer and the engines of the open page views,
//! and answers questions; it never calls back but for its timer. JavaScript is the hands, in the order in which
//! data visits it: `records.js` copies timeline records, `signals.js` listens, `views.js` keeps what page views are called,
//! `operations.js` and `resources.js` what else happened in them, `beacon.js` writes what is sent, `delivery.js` sends it.
//! `gate.js` decides beforehand who is measured, `page.js` reads the page, `route.js` names its paths, and `engine.js` is the door
//! to here, behind which calls are kept for the collector where WebAssembly may not run.
//!
//! The exports below with names of their own are the contract of the package; those of [`agent`] are for this crate's JavaScript.

use wasm_bindgen::prelude::*;

pub mod agent;

#[cfg(all(test, target_arch = "wasm32"))]
mod in_browser;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
// Nothing is given back: the agent allocates when it begins and when an outage begins, a few dozen bytes each, and a free list would
// cost every page more than that.
// SAFETY: this WebAssembly module has no threads.
static ALLOCATOR: lol_alloc::AssumeSingleThreaded<lol_alloc::LeakingAllocator> =
    unsafe { lol_alloc::AssumeSingleThreaded::new(lol_alloc::LeakingAllocator::new()) };

#[wasm_bindgen(module = "/src/gate.js")]
extern "C" {
    #[wasm_bindgen(js_name = arriveWith)]
    fn arrive_with(shim: &JsValue, exports: &JsValue);
}

#[wasm_bindgen(module = "/src/api.js")]
extern "C" {
    fn call(whole: &js_sys::Array);
}

/// The crate's other JavaScript modules. Each is packed because it is named here; who calls them is each other.
mod packed {
    use wasm_bindgen::prelude::*;

    #[wasm_bindgen(module = "/src/beacon.js")]
    extern "C" {
        #[allow(dead_code, reason = "named so that the file is packed")]
        type Beacon;
    }

    #[wasm_bindgen(module = "/src/entries.js")]
    extern "C" {
        #[allow(dead_code, reason = "named so that the file is packed")]
        type Entries;
    }

    #[wasm_bindgen(module = "/src/delivery.js")]
    extern "C" {
        #[allow(dead_code, reason = "named so that the file is packed")]
        type Delivery;
    }

    #[wasm_bindgen(module = "/src/engine.js")]
    extern "C" {
        #[allow(dead_code, reason = "named so that the file is packed")]
        type Engine;
    }

    #[wasm_bindgen(module = "/src/identity.js")]
    extern "C" {
        #[allow(dead_code, reason = "named so that the file is packed")]
        type Identity;
    }

    #[wasm_bindgen(module = "/src/operations.js")]
    extern "C" {
        #[allow(dead_code, reason = "named so that the file is packed")]
        type Operations;
    }

    #[wasm_bindgen(module = "/src/page.js")]
    extern "C" {
        #[allow(dead_code, reason = "named so that the file is packed")]
        type Page;
    }

    #[wasm_bindgen(module = "/src/records.js")]
    extern "C" {
        #[allow(dead_code, reason = "named so that the file is packed")]
        type Records;
    }

    #[wasm_bindgen(module = "/src/resources.js")]
    extern "C" {
        #[allow(dead_code, reason = "named so that the file is packed")]
        type Resources;
    }

    #[wasm_bindgen(module = "/src/route.js")]
    extern "C" {
        #[allow(dead_code, reason = "named so that the file is packed")]
        type Route;
    }

    #[wasm_bindgen(module = "/src/views.js")]
    extern "C" {
        #[allow(dead_code, reason = "named so that the file is packed")]
        type Views;
    }
}

/// Starts measuring. A second call does nothing. `early` is what the shim has seen so far, if there is one.
#[wasm_bindgen]
pub fn start(options: &JsValue, early: &JsValue) {
    arrive_with(early, &wasm_bindgen::exports());
    pass_on("start", &[options]);
}

/// Names the open page view while its path is unchanged, else closes it and begins a soft one.
#[wasm_bindgen(js_name = setRoute)]
pub fn set_route(route: &JsValue) {
    pass_on("setRoute", &[route]);
}

/// Replaces the page's own dimensions.
#[wasm_bindgen(js_name = setContext)]
pub fn set_context(context: &JsValue) {
    pass_on("setContext", &[context]);
}

/// Records a custom operation that took `value_ms` and ends now.
#[wasm_bindgen]
pub fn measure(name: &JsValue, value_ms: f64, detail: &JsValue) {
    pass_on("measure", &[name, &value_ms.into(), detail]);
}

/// Sends what is known now.
#[wasm_bindgen]
pub fn flush() {
    pass_on("flush", &[]);
}

/// `granted` or `denied`; takes effect at once.
#[wasm_bindgen(js_name = setConsent)]
pub fn set_consent(consent: &JsValue) {
    pass_on("setConsent", &[consent]);
}

/// Sends what is known, then ends everything: observers, listeners, timers.
#[wasm_bindgen]
pub fn stop() {
    pass_on("stop", &[]);
}

fn pass_on(method: &str, facts: &[&JsValue]) {
    let whole = js_sys::Array::of1(&method.into());
    for fact in facts {
        whole.push(fact);
    }
    call(&whole);
}

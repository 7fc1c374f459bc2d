//! The two ways out of a page: fetch while it lives, sendBeacon when it goes. Bodies are text, which browsers send without a
//! preflight; credentials never travel with a fetch.

use gloo_timers::callback::Timeout;
use js_sys::{Date, Promise};
use wasm_bindgen::prelude::*;
use web_sys::{RequestCredentials, RequestInit, Response};

use crate::transport::{ANSWER_TIMEOUT_MS, Answer, Attempt};
use crate::{agent, page};

#[wasm_bindgen]
extern "C" {
    type Settling;
    #[wasm_bindgen(method)]
    fn then(this: &Settling, fulfilled: &JsValue, rejected: &JsValue) -> Promise;

    type Keepalive;
    #[wasm_bindgen(method, setter)]
    fn set_keepalive(this: &Keepalive, keepalive: bool);
}

/// Where the beacons of `app` go.
pub fn address(endpoint: &str, app: &str) -> String {
    let app = String::from(js_sys::encode_uri_component(app));
    [endpoint, "/v1/views/", &app].concat()
}

/// Posts a beacon and gives the answer, or that there was none, back to the agent.
pub fn fetch(address: &str, attempt: Attempt) {
    let Some(window) = page::window() else { return };
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&text(&attempt).into());
    init.set_credentials(RequestCredentials::Omit);
    init.unchecked_ref::<Keepalive>()
        .set_keepalive(attempt.keepalive);
    let id = attempt.id;
    // One closure for both outcomes: it is called exactly once and then frees itself.
    let settled = Closure::once_into_js(move |outcome: JsValue| settle(id, answer(&outcome)));
    let promise: Settling =
        JsValue::from(window.fetch_with_str_and_init(address, &init)).unchecked_into();
    let _ = promise.then(&settled, &settled);
    Timeout::new(ANSWER_TIMEOUT_MS, move || settle(id, no_answer())).forget();
}

/// Hands a beacon to the browser, which sends it even when the page is gone. A fetch where it declines.
pub fn beacon(address: &str, attempt: Attempt) {
    let Some(window) = page::window() else { return };
    let taken = window
        .navigator()
        .send_beacon_with_opt_str(address, Some(text(&attempt)));
    if taken == Ok(true) {
        agent::with(&mut |agent, _| agent.transport.on_taken(attempt.id));
    } else {
        fetch(address, attempt);
    }
}

fn settle(id: u32, answer: Answer) {
    agent::with(&mut |agent, now_ms| {
        if agent.transport.is_flying(id) {
            agent
                .transport
                .on_answer(id, answer, now_ms, page::random());
            agent.pump(now_ms);
        }
    });
}

fn answer(outcome: &JsValue) -> Answer {
    match page::size(outcome, "status") {
        Some(status) if status > 0.0 => {
            let response: &Response = outcome.unchecked_ref();
            let retry_after = response.headers().get("retry-after").ok().flatten();
            Answer::Status {
                status: status as u16,
                retry_after_ms: retry_after.and_then(|text| wait_ms(&text)),
            }
        }
        _ => no_answer(),
    }
}

fn no_answer() -> Answer {
    Answer::Nothing {
        online: page::window().is_none_or(|window| window.navigator().on_line()),
    }
}

/// `Retry-After`: seconds, or a date.
fn wait_ms(text: &str) -> Option<f64> {
    match text.parse::<u32>() {
        Ok(seconds) => Some(f64::from(seconds) * 1000.0),
        Err(_) => Some(Date::parse(text) - page::clock_ms()).filter(|wait_ms| wait_ms.is_finite()),
    }
}

/// What the encoder writes is UTF-8.
fn text(attempt: &Attempt) -> &str {
    core::str::from_utf8(&attempt.bytes).unwrap_or_default()
}

//! The two ways out of a page: fetch while it lives, sendBeacon when it goes. Bodies are text, which browsers send without a
//! preflight; credentials never travel with a fetch.

use gloo_timers::callback::Timeout;
use wasm_bindgen::prelude::*;

use crate::transport::{ANSWER_TIMEOUT_MS, Answer, Attempt};
use crate::{agent, page};

/// Posts a beacon and gives the answer, or that there was none, back to the agent.
pub fn fetch(address: &str, attempt: Attempt) {
    let id = attempt.id;
    // It is called exactly once and then frees itself.
    let settled =
        Closure::once_into_js(move |status: f64, wait_ms: f64| settle(id, status, wait_ms));
    page::post(address, text(&attempt), attempt.keepalive, &settled);
    Timeout::new(ANSWER_TIMEOUT_MS, move || settle(id, 0.0, 0.0)).forget();
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

fn settle(id: u32, status: f64, retry_after_ms: f64) {
    agent::with(&mut |agent, now_ms| {
        let answer = if status > 0.0 {
            Answer::Status {
                status: status as u16,
                retry_after_ms,
            }
        } else {
            Answer::Nothing {
                online: page::window().is_none_or(|window| window.navigator().on_line()),
            }
        };
        agent
            .transport
            .on_answer(id, answer, now_ms, page::random());
        agent.pump(now_ms);
    });
}

fn text(attempt: &Attempt) -> &str {
    // SAFETY: the encoder writes JSON from `str`s and ASCII punctuation. Checking it again would cost the page half a kilobyte.
    unsafe { core::str::from_utf8_unchecked(&attempt.bytes) }
}

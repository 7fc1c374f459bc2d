//! Listeners on what happens to the page. All on the window in the capture phase, so that values are final before the page's own
//! listeners run. Never `unload` or `beforeunload`: they keep pages out of the back/forward cache.

use wasm_bindgen::prelude::*;
use web_sys::Event;

use crate::{agent, page};

/// What the agent listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Visibility,
    PageHide,
    PageShow,
    Key,
    Click,
    Load,
    Online,
    Activated,
}

impl Signal {
    /// All that are listened to while a page is measured.
    pub const MEASURING: [Signal; 7] = [
        Signal::Visibility,
        Signal::PageHide,
        Signal::PageShow,
        Signal::Key,
        Signal::Click,
        Signal::Load,
        Signal::Online,
    ];

    const fn event_name(self) -> &'static str {
        match self {
            Signal::Visibility => "visibilitychange",
            Signal::PageHide => "pagehide",
            Signal::PageShow => "pageshow",
            Signal::Key => "keydown",
            Signal::Click => "click",
            Signal::Load => "load",
            Signal::Online => "online",
            Signal::Activated => "prerenderingchange",
        }
    }
}

/// One registered listener; ends on drop.
pub struct Listener {
    signal: Signal,
    callback: Closure<dyn FnMut(JsValue)>,
}

impl Listener {
    pub fn register(signal: Signal) -> Option<Listener> {
        let callback = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
            agent::on_signal(signal, event.unchecked_ref::<Event>());
        });
        page::window()?
            .add_event_listener_with_callback_and_bool(
                signal.event_name(),
                callback.as_ref().unchecked_ref(),
                true,
            )
            .ok()?;
        Some(Listener { signal, callback })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(window) = page::window() {
            let callback = self.callback.as_ref().unchecked_ref();
            let _ = window.remove_event_listener_with_callback_and_bool(
                self.signal.event_name(),
                callback,
                true,
            );
        }
    }
}

/// Calls `then` in the second animation frame from now, when what the first one drew is on the screen.
pub fn after_two_frames(then: fn()) {
    on_frame(move || on_frame(then));
}

fn on_frame(then: impl FnOnce() + 'static) {
    if let Some(window) = page::window() {
        let callback = Closure::once_into_js(then);
        let _ = window.request_animation_frame(callback.unchecked_ref());
    }
}

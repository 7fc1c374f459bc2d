//! What lives in WebAssembly while a page is measured: the observer, the timer and the engines of the two newest page views, in the
//! only shared mutable cell. JavaScript calls these functions with numbers and asks for numbers; nothing of the
//! page ever runs while one of them does.
//!
//! Page views are numbered; an engine has the slot of its number's last bit, so that a view that a route change closed can still
//! take the entries that began in it until the view after the next one opens.

use std::cell::UnsafeCell;
use std::mem::forget;

use gloo_timers::callback::Interval;
use serde::ser::{SerializeSeq, Serializer as _};
use serde_wasm_bindgen::Serializer;
use vitals::{PageView, is_plausible, replay};
use wasm_bindgen::prelude::*;
use web_sys::PerformanceObserver;
use wire::Vital;
use wire::attribution::{MAX_FACTS, round};

/// What a page has in WebAssembly. Everything is there from the start, so that nothing has to be asked for, and all zeros while nothing
/// has begun, so that nothing of it is loaded.
struct Agent {
    observer: Option<PerformanceObserver>,
    flush: Option<Interval>,
    views: [PageView; 2],
}

/// A cell without the bookkeeping of `RefCell`.
struct Single(UnsafeCell<Agent>);

// SAFETY: the WebAssembly of a page has one thread; tests that run natively do not touch the cell.
unsafe impl Sync for Single {}

static AGENT: Single = Single(UnsafeCell::new(Agent {
    observer: None,
    flush: None,
    views: [PageView::BLANK; 2],
}));

#[wasm_bindgen(module = "/src/signals.js")]
extern "C" {
    /// It is time to send.
    fn tick();
}

fn with<T>(run: impl FnOnce(&mut Agent) -> T) -> T {
    // SAFETY: `run` is code of this file and leaves JavaScript alone while it has the agent, but for calls that do not come back
    // in here, so that there is never a second reference.
    run(unsafe { &mut *AGENT.0.get() })
}

/// Begins: nothing is observed and no page view is open yet. `watch` is what the observer calls.
#[wasm_bindgen]
#[allow(
    clippy::redundant_closure,
    reason = "a function of ours: after wasm-pack it is found by its name"
)]
pub fn begin(watch: js_sys::Function, flush_ms: u32) {
    with(|agent| {
        // What was there has ended, so there is nothing to drop. The closure captures nothing, so nothing is allocated. An interval of
        // nonsense never gets here: the gate has judged it.
        forget(
            agent
                .observer
                .replace(PerformanceObserver::new(&watch).ok()?),
        );
        forget(agent.flush.replace(Interval::new(flush_ms, || tick())));
        Some(())
    });
}

/// Observes one more type of entries; `options` are those of `PerformanceObserver.observe`.
#[wasm_bindgen]
pub fn observe(options: JsValue) {
    with(|agent| {
        if let Some(observer) = &agent.observer {
            observer.observe(options.unchecked_ref());
        }
    });
}

/// The entries that the browser has queued but not delivered.
#[wasm_bindgen]
pub fn take() -> JsValue {
    with(|agent| match &agent.observer {
        Some(observer) => observer.take_records().into(),
        None => JsValue::UNDEFINED,
    })
}

/// Ends everything.
#[wasm_bindgen]
pub fn end() {
    with(|agent| {
        agent.flush = None;
        if let Some(observer) = agent.observer.take() {
            observer.disconnect();
        }
    });
}

/// Opens a page view, see [`replay::open`].
#[wasm_bindgen]
pub fn open(slot: usize, opening: u32, at_ms: f64, first_hidden_ms: f64, count: f64, flags: u32) {
    with(|agent| {
        let view = &mut agent.views[slot & 1];
        *view = PageView::BLANK;
        replay::begin(view, opening, at_ms, first_hidden_ms, count, flags);
    });
}

/// Tells a page view something, see [`replay::hear`].
#[wasm_bindgen]
#[allow(
    clippy::too_many_arguments,
    reason = "numbers cross one by one: a list would have to be allocated"
)]
pub fn hear(
    slot: usize,
    kind: u32,
    a: f64,
    b: f64,
    c: f64,
    d: f64,
    e: f64,
    f: f64,
    g: f64,
    h: f64,
    i: f64,
) -> bool {
    with(|agent| {
        replay::hear(
            &mut agent.views[slot & 1],
            kind,
            [a, b, c, d, e, f, g, h, i],
        )
    })
}

/// What comes after the vitals: interactions of a page view as the browser counts them, and those that were seen.
const INTERACTIONS: usize = Vital::ALL.len();
const INTERACTIONS_SEEN: usize = INTERACTIONS + 1;

/// A vital by its place in [`Vital::ALL`], as of now and unrounded: NaN while it has no value, -1 for one that no page can have. Behind
/// them the two counts of interactions; NaN where the browser has none.
#[wasm_bindgen]
pub fn value(slot: usize, vital: usize) -> f64 {
    with(|agent| {
        let view = &agent.views[slot & 1];
        match vital {
            INTERACTIONS => view.interactions().map_or(f64::NAN, f64::from),
            INTERACTIONS_SEEN => view.interactions_seen().map_or(f64::NAN, f64::from),
            _ => {
                let vital = vital_at(vital);
                let value = view.value_or_nan(vital);
                if is_plausible(vital, value) || value.is_nan() {
                    value
                } else {
                    -1.0
                }
            }
        }
    })
}

/// The vital as it goes on the wire, then what to blame in the order of `wire::attribution::keys`: a list of numbers.
#[wasm_bindgen]
pub fn facts(slot: usize, vital: usize) -> JsValue {
    let vital = vital_at(vital);
    with(|agent| {
        let view = &agent.views[slot & 1];
        let mut facts = [f64::NAN; 1 + MAX_FACTS];
        let [value, blame @ ..] = &mut facts;
        *value = view.value_or_nan(vital);
        view.write_attribution(vital, *value, blame);
        // Through the serializer itself: what wraps it for whole values speaks of errors that numbers do not have.
        const SERIALIZER: Serializer = Serializer::new();
        let mut list = (&SERIALIZER).serialize_seq(None).ok()?;
        for fact in &facts {
            list.serialize_element(&round(*fact)).ok()?;
        }
        list.end().ok()
    })
    .unwrap_or_default()
}

/// A table would be loaded; this is nothing but the number itself.
fn vital_at(place: usize) -> Vital {
    match place {
        0 => Vital::Fcp,
        1 => Vital::Lcp,
        2 => Vital::Cls,
        3 => Vital::Fid,
        4 => Vital::Inp,
        5 => Vital::Ttfb,
        _ => Vital::Memory,
    }
}

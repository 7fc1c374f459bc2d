//! What lives in WebAssembly while a page is measured: the observer, the timers, the engines of the two newest page views and the
//! transport, in the only shared mutable cell. JavaScript calls these functions with numbers and asks for numbers; nothing of the
//! page ever runs while one of them does.
//!
//! Page views are numbered; an engine has the slot of its number's last bit, so that a view that a route change closed can still
//! take the entries that began in it until the view after the next one opens.

use std::cell::UnsafeCell;

use gloo_timers::callback::Interval;
use serde::ser::{SerializeSeq, Serializer as _};
use serde_wasm_bindgen::Serializer;
use vitals::{Facts, NO_FACTS, PageView, is_plausible, replay};
use wasm_bindgen::prelude::*;
use web_sys::PerformanceObserver;
use wire::attribution::round;
use wire::{Rating, Vital};

use crate::transport::{Answer, Transport};

/// What a timer says when it fires.
const FLUSH: u32 = 0;
const SAMPLE: u32 = 1;
const RETRY: u32 = 2;
/// How exact a retry is.
const LOOK_AGAIN_MS: u32 = 1000;

/// What a page has in WebAssembly. Everything is there from the start, so that nothing has to be asked for.
struct Agent {
    observer: Option<PerformanceObserver>,
    intervals: Option<[Interval; 2]>,
    /// Only while something waits.
    retry: Option<Interval>,
    views: [PageView; 2],
    transport: Transport,
}

/// A cell without the bookkeeping of `RefCell`.
struct Single(UnsafeCell<Agent>);

// SAFETY: the WebAssembly of a page has one thread; tests that run natively do not touch the cell.
unsafe impl Sync for Single {}

static AGENT: Single = Single(UnsafeCell::new(Agent {
    observer: None,
    intervals: None,
    retry: None,
    views: [PageView::BLANK; 2],
    transport: Transport::EMPTY,
}));

#[wasm_bindgen(module = "/src/signals.js")]
extern "C" {
    /// A timer has fired.
    fn tick(kind: u32);
}

fn with<T>(run: impl FnOnce(&mut Agent) -> T) -> T {
    // SAFETY: `run` is code of this file and leaves JavaScript alone while it has the agent, but for calls that do not come back
    // in here, so that there is never a second reference.
    run(unsafe { &mut *AGENT.0.get() })
}

/// An interval of nonsense never gets here: the gate has judged it.
fn every(interval_ms: u32, kind: u32) -> Interval {
    Interval::new(interval_ms, move || tick(kind))
}

/// Begins: nothing is observed and no page view is open yet. `watch` is what the observer calls.
#[wasm_bindgen]
pub fn begin(watch: &js_sys::Function, flush_ms: u32, sample_ms: u32) {
    with(|agent| {
        agent.observer = PerformanceObserver::new(watch).ok();
        agent.intervals = Some([every(flush_ms, FLUSH), every(sample_ms, SAMPLE)]);
        agent.transport = Transport::EMPTY;
    });
}

/// The observer, as a handle of its own: a browser may call back at once.
fn observer() -> Option<PerformanceObserver> {
    with(|agent| agent.observer.clone())
}

/// Observes one more type of entries; `options` are those of `PerformanceObserver.observe`.
#[wasm_bindgen]
pub fn observe(options: &JsValue) {
    if let Some(observer) = observer() {
        observer.observe(options.unchecked_ref());
    }
}

/// The entries that the browser has queued but not delivered.
#[wasm_bindgen]
pub fn take() -> JsValue {
    observer().map_or(JsValue::UNDEFINED, |observer| {
        observer.take_records().into()
    })
}

/// Ends everything.
#[wasm_bindgen]
pub fn end() {
    with(|agent| {
        agent.intervals = None;
        agent.retry = None;
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

/// A vital by its place in [`Vital::ALL`], as of now and unrounded: NaN while it has no value, -1 for one that no page can have.
#[wasm_bindgen]
pub fn value(slot: usize, vital: usize) -> f64 {
    let vital = VITALS[vital % VITALS.len()];
    with(|agent| match agent.views[slot & 1].raw_value(vital) {
        Some(value) if is_plausible(vital, value) => value,
        Some(_) => -1.0,
        None => f64::NAN,
    })
}

/// The vital as it goes on the wire, then what to blame in the order of `wire::attribution::keys`: a list of numbers.
#[wasm_bindgen]
pub fn facts(slot: usize, vital: usize) -> JsValue {
    let vital = VITALS[vital % VITALS.len()];
    with(|agent| {
        let view = &agent.views[slot & 1];
        let value = view.raw_value(vital).unwrap_or(f64::NAN);
        let mut facts = NO_FACTS;
        view.write_attribution(vital, value, &mut facts);
        serialized(value, &facts).unwrap_or_default()
    })
}

/// Through the serializer itself: what wraps it for whole values speaks of errors that numbers do not have.
fn serialized(value: f64, facts: &Facts) -> Option<JsValue> {
    const SERIALIZER: Serializer = Serializer::new();
    let mut list = (&SERIALIZER).serialize_seq(None).ok()?;
    for &number in core::iter::once(&value).chain(facts) {
        list.serialize_element(&round(number)).ok()?;
    }
    list.end().ok()
}

/// Interactions of a page view, as the browser counts them or as they were seen; NaN where it has none.
#[wasm_bindgen]
pub fn interactions(slot: usize, seen: bool) -> f64 {
    with(|agent| {
        let view = &agent.views[slot & 1];
        let count = if seen {
            view.interactions_seen()
        } else {
            view.interactions()
        };
        count.map_or(f64::NAN, f64::from)
    })
}

/// 1 good, 2 needs improvement, 3 poor; 0 where no standard says.
#[wasm_bindgen]
pub fn rating(vital: usize, value: f64) -> u32 {
    match VITALS[vital % VITALS.len()].rating(value) {
        None => 0,
        Some(Rating::Good) => 1,
        Some(Rating::NeedsImprovement) => 2,
        Some(Rating::Poor) => 3,
    }
}

const VITALS: [Vital; 7] = Vital::ALL;

/// Queues a beacon and answers its id; see [`Transport::accept`].
#[wasm_bindgen]
pub fn accept(view: u32, byte_count: u32, has_operations: bool) -> u32 {
    with(|agent| agent.transport.accept(view, byte_count, has_operations))
}

/// The id of the beacon to send now, 0 for none; negative where the browser shall not finish the request when the page goes. At
/// exit, the newest that waits.
#[wasm_bindgen]
pub fn next(now_ms: f64, at_exit: bool) -> i32 {
    with(|agent| {
        let next = if at_exit {
            agent.transport.next_at_exit()
        } else {
            agent.transport.next(now_ms)
        };
        agent.arm();
        next
    })
}

/// How an attempt ended; see [`Transport::on_answer`]. `random` in 0..1.
#[wasm_bindgen]
pub fn answer(
    id: u32,
    status: u16,
    retry_after_ms: f64,
    is_online: bool,
    now_ms: f64,
    random: f64,
) {
    with(|agent| {
        let answer = Answer {
            status,
            retry_after_ms,
            is_online,
        };
        agent.transport.on_answer(id, answer, now_ms, random);
    });
}

/// The browser has taken a beacon and will say no more of it.
#[wasm_bindgen]
pub fn taken(id: u32) {
    with(|agent| agent.transport.on_taken(id));
}

/// The network is back.
#[wasm_bindgen]
pub fn online() {
    with(|agent| agent.transport.on_online());
}

/// Whether a beacon still waits or flies.
#[wasm_bindgen]
pub fn holds(id: u32) -> bool {
    with(|agent| agent.transport.holds(id))
}

/// How many beacons were given up for a reason since this was last asked, by the reason's place in [`crate::transport::Reason`].
#[wasm_bindgen]
pub fn drops(reason: usize) -> u32 {
    with(|agent| agent.transport.take_drops(reason))
}

impl Agent {
    /// Looks again every second while something waits for a time: one timer for a whole outage, for each costs memory for good.
    fn arm(&mut self) {
        if self.transport.wake_at_ms().is_none() {
            self.retry = None;
        } else if self.retry.is_none() {
            self.retry = Some(every(LOOK_AGAIN_MS, RETRY));
        }
    }
}

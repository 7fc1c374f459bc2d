//! Entry points: what the page's calls, records and signals do to the running agent, which lives in the only shared mutable
//! cell. Nothing of the page is called while the cell is borrowed: what must be told or sent waits as an effect until the borrow
//! ends, so a page that calls the agent from its own callback finds it free.

use std::cell::RefCell;

use gloo_timers::callback::Timeout;
use js_sys::Object;
use vitals::Entry;
use wasm_bindgen::JsValue;
use web_sys::Event;
use wire::limits::{MAX_DETAIL_KEYS, MAX_NAME_BYTES};
use wire::{Details, Operation, Scalar};

use crate::config::Config;
use crate::consent::Consent;
use crate::entries::Early;
use crate::lifecycle::{self, Listener, Signal};
use crate::measuring::{Effect, FlushReason, Measuring};
use crate::observe::Past;
use crate::session::Session;
use crate::{delivery, page};

/// The first flush comes early, so that a tab that is killed has said something.
const FIRST_FLUSH_MS: u32 = 1500;

thread_local! {
    static PHASE: RefCell<Phase> = const { RefCell::new(Phase::Idle) };
}

enum Phase {
    Idle,
    /// Started, but consent or activation is still to come.
    Waiting {
        config: Box<Config>,
        early: Option<Object>,
        _activation: Option<Listener>,
    },
    Measuring(Box<Measuring>),
}

/// Lends the agent, then does what it left to do. Nothing happens before `start`, after `stop` or while it is lent already.
pub fn with(borrow: &mut dyn FnMut(&mut Measuring, f64)) {
    let now_ms = page::now_ms();
    let work = PHASE.with(|cell| {
        let mut phase = cell.try_borrow_mut().ok()?;
        let Phase::Measuring(agent) = &mut *phase else {
            return None;
        };
        borrow(agent, now_ms);
        agent.notice_changes();
        agent.current.overhead.main_ms += page::now_ms() - now_ms;
        let effects = agent.take_effects();
        (!effects.is_empty()).then(|| (effects, agent.config.address.clone()))
    });
    let Some((effects, address)) = work else {
        return;
    };
    for effect in effects {
        match effect {
            Effect::Tell(callback, argument) => drop(page::call(&callback, &argument)),
            Effect::Fetch(attempt) => delivery::fetch(&address, attempt),
            Effect::Beacon(attempt) => delivery::beacon(&address, attempt),
        }
    }
}

/// Reads the options and begins, now or when consent or activation allow it.
pub fn start(options: JsValue, early: Option<Object>) {
    let is_idle = PHASE.with(|cell| {
        cell.try_borrow()
            .is_ok_and(|phase| matches!(*phase, Phase::Idle))
    });
    let config = if is_idle {
        Config::from_page(&options)
    } else {
        None
    };
    let Some(config) = config else {
        return web_sys::console::warn_1(&"vitalscope: started twice, or without an app".into());
    };
    if config.sample_rate > 0.0 {
        begin_or_wait(config, early);
    } else if let Some(shim) = &early {
        drop(Early::take(shim));
    }
}

fn begin_or_wait(config: Config, mut early: Option<Object>) {
    let is_denied = config.consent == Consent::Denied;
    if is_denied && let Some(shim) = early.take() {
        // Denied means nothing is kept, also not by the shim.
        drop(Early::take(&shim));
    }
    if is_denied || page::is_prerendering() {
        let activation = if is_denied {
            None
        } else {
            Listener::register(Signal::Activated)
        };
        replace(Phase::Waiting {
            config: Box::new(config),
            early,
            _activation: activation,
        });
    } else {
        begin(config, early);
    }
}

fn begin(config: Config, early: Option<Object>) {
    if page::window().is_none() {
        return;
    }
    let clock_ms = page::clock_ms();
    let may_store = config.consent == Consent::Granted;
    let session = if may_store {
        Session::resume(clock_ms)
    } else {
        Session::begin(clock_ms)
    };
    let early = early.as_ref().map(Early::take).unwrap_or_default();
    if may_store {
        session.store(clock_ms);
    }
    if !session.is_sampled(config.sample_rate) {
        return;
    }
    // The page's own naming runs before the agent is borrowed.
    let location = page::window()
        .map(|window| window.location().into())
        .unwrap_or_default();
    let name = config
        .route
        .as_ref()
        .and_then(|route| page::call(route, &location).as_string())
        .unwrap_or_default();
    let mut agent = Measuring::new(config, session, &early);
    agent.current.name(&name, &agent.config);
    agent.listen(if early.observed {
        Past::Known
    } else {
        Past::Wanted
    });
    replace(Phase::Measuring(Box::new(agent)));
    with(&mut |agent, now_ms| {
        agent.ingest(&early.entries);
        agent.sample_memory(now_ms);
    });
    if page::is_loaded() {
        after_load();
    }
    if page::is_hidden() {
        // Begun because the page hides: its signal has passed already, and this is the last chance to speak.
        with(&mut |agent, now_ms| agent.on_hidden(now_ms, now_ms));
        flush_for(FlushReason::Exit);
    }
}

/// The old phase is dropped outside the borrow: its observers and listeners call the browser when they end.
fn replace(phase: Phase) {
    let old = PHASE.with(|cell| {
        cell.try_borrow_mut()
            .map(|mut slot| core::mem::replace(&mut *slot, phase))
    });
    drop(old);
}

/// One task after the load event the navigation record is complete.
fn after_load() {
    Timeout::new(0, || {
        with(&mut |agent, now_ms| agent.on_load(now_ms));
    })
    .forget();
    Timeout::new(FIRST_FLUSH_MS, flush).forget();
}

pub fn on_entries(entries: &[Entry]) {
    if !entries.is_empty() {
        with(&mut |agent, _| agent.ingest(entries));
    }
}

pub fn on_signal(signal: Signal, event: &Event) {
    let at_ms = event.time_stamp();
    match signal {
        Signal::Visibility if page::is_hidden() => {
            with(&mut |agent, now_ms| agent.on_hidden(at_ms, now_ms));
            flush_for(FlushReason::Exit);
        }
        Signal::Visibility => with(&mut |agent, _| {
            agent.take_records();
            agent.current.engine.on_visible();
        }),
        // The backup for browsers that do not hide a page before they leave it; the others say the rest right after.
        Signal::PageHide => {
            with(&mut |agent, now_ms| agent.on_leaving(now_ms));
            flush_for(FlushReason::Exit);
        }
        Signal::PageShow if page::value(event, "persisted").is_truthy() => {
            with(&mut |agent, now_ms| agent.on_restored(at_ms, now_ms));
            lifecycle::after_two_frames(|| {
                with(&mut |agent, now_ms| agent.current.engine.on_restored_paint(now_ms))
            });
        }
        Signal::PageShow => {}
        Signal::Key | Signal::Click => {
            if event.is_trusted() {
                with(&mut |agent, _| agent.on_input());
            }
        }
        Signal::Load => after_load(),
        Signal::Online => with(&mut |agent, now_ms| {
            agent.transport.on_online();
            agent.pump(now_ms);
        }),
        Signal::Activated => leave_waiting(),
    }
}

pub fn set_route(name: &str) {
    let path = page::path();
    let mut is_new = false;
    with(&mut |agent, _| {
        is_new = agent.current.raw_path != path;
        if !is_new {
            agent.current.name(name, &agent.config);
        }
    });
    if is_new {
        with(&mut |agent, _| agent.take_records());
        flush();
        with(&mut |agent, now_ms| {
            agent.on_route_change(now_ms);
            agent.current.name(name, &agent.config);
            agent.sample_memory(now_ms);
        });
    }
}

pub fn set_consent(word: &str) {
    let consent = Consent::from_name(Some(word));
    if consent == Consent::Denied {
        with(&mut |agent, _| agent.transport.discard());
        return replace(Phase::Idle);
    }
    with(&mut |agent, _| {
        agent.consent = consent;
        agent.session.store(page::clock_ms());
    });
    leave_waiting_with(consent);
    flush();
}

fn leave_waiting() {
    leave_waiting_with(Consent::Pending);
}

/// Begins what waited, once nothing holds it back any more.
fn leave_waiting_with(consent: Consent) {
    let is_waiting = PHASE.with(|cell| {
        cell.try_borrow()
            .is_ok_and(|phase| matches!(*phase, Phase::Waiting { .. }))
    });
    if !is_waiting {
        return;
    }
    let waited = PHASE.with(|cell| {
        cell.try_borrow_mut()
            .map(|mut slot| core::mem::replace(&mut *slot, Phase::Idle))
    });
    if let Ok(Phase::Waiting {
        mut config,
        early,
        _activation,
    }) = waited
    {
        if consent == Consent::Granted {
            config.consent = consent;
        }
        begin_or_wait(*config, early);
    }
}

pub fn operation(
    name: String,
    duration_ms: f64,
    error_type: Option<String>,
    at_ms: f64,
    detail: &JsValue,
) {
    let mut detail = page::facts(detail, MAX_DETAIL_KEYS as u32);
    let memory_bytes = take_number(&mut detail, "memory_bytes");
    let input_size = take_number(&mut detail, "input_size");
    let mut operation = Some(Operation {
        name: page::cut(name, MAX_NAME_BYTES),
        duration_ms,
        success: error_type.is_none(),
        error_type: page::cut(error_type.unwrap_or_default(), MAX_NAME_BYTES),
        at_ms,
        memory_bytes,
        input_size,
        detail,
        ..Operation::default()
    });
    let mut is_full = false;
    with(&mut |agent, _| {
        if let Some(operation) = operation.take() {
            is_full = agent.on_operation(operation);
        }
    });
    if is_full {
        flush();
    }
}

pub fn flush() {
    flush_for(FlushReason::Routine);
}

fn flush_for(reason: FlushReason) {
    with(&mut |agent, now_ms| agent.flush(reason, now_ms));
}

pub fn stop() {
    flush();
    replace(Phase::Idle);
}

/// Lifts a number that has a place of its own out of an operation's detail.
fn take_number(detail: &mut Details, key: &str) -> Option<f64> {
    let place = detail
        .iter()
        .position(|(known, value)| known == key && matches!(value, Scalar::Number(_)))?;
    match detail.remove(place).1 {
        Scalar::Number(number) => Some(number),
        Scalar::Text(_) | Scalar::Flag(_) => None,
    }
}

//! The agent while it measures: the open page view, the observers that feed it and the transport that empties it. It calls
//! nothing of the page: what must be told or sent is left in `effects` for whoever lent it.

use gloo_timers::callback::{Interval, Timeout};
use js_sys::Function;
use vitals::{Entry, MemorySource, PageView, Start};
use wasm_bindgen::JsValue;
use wire::limits::{MAX_ATTRIBUTION_KEYS, MAX_CUSTOM_KEYS, MAX_DURATION_MS};
use wire::{Operation, PageContext, Scalar};

use crate::agent;
use crate::config::Config;
use crate::consent::Consent;
use crate::entries::{self, Early};
use crate::lifecycle::{Listener, Signal};
use crate::notify::{self, Of};
use crate::observe::{self, Kind, Observer, Past};
use crate::page::{self, text, whole};
use crate::session::Session;
use crate::transport::{Attempt, BUFFER_FULL, Transport};
use crate::view::View;

/// Leaving a page gives two signals, pagehide and hidden; a new sample for the second would only cost a beacon.
const SHORTEST_SAMPLE_GAP_MS: f64 = 1000.0;

/// A measurement that the page's `beforeSend` kept back.
const BEFORE_SEND: &str = "before-send";
/// A value or an operation that no page can have.
const OUT_OF_RANGE: &str = "out-of-range";

pub struct Measuring {
    pub config: Config,
    pub session: Session,
    /// Whether anything may be stored or sent yet.
    pub consent: Consent,
    pub current: View,
    pub transport: Transport,
    /// The view that a route change closed: an interaction that began in it may still be reported.
    previous: Option<View>,
    view_count: u32,
    observers: Vec<Observer>,
    listeners: Vec<Listener>,
    intervals: Vec<Interval>,
    retry: Option<Timeout>,
    sampled_at_ms: f64,
    effects: Vec<Effect>,
}

/// Something to do once the agent is no longer borrowed.
pub enum Effect {
    Tell(Function, JsValue),
    Fetch(Attempt),
    Beacon(Attempt),
}

/// Why beacons are made now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum FlushReason {
    /// The page stays: timers, a full buffer, a route change, the page's own wish.
    Routine,
    /// The page may be gone after this.
    Exit,
}

impl Measuring {
    pub fn new(config: Config, session: Session, early: &Early) -> Measuring {
        let now_ms = page::now_ms();
        let record = page::navigation();
        let device = page::device();
        let mut hidden_at_ms = entries::numbers(&page::hidden_times());
        if hidden_at_ms.is_empty() {
            hidden_at_ms.clone_from(&early.hidden_at_ms);
        }
        let engine = PageView::open(Start {
            now_ms,
            hidden: page::is_hidden(),
            hidden_at_ms: &hidden_at_ms,
            was_discarded: device.get(9).is_truthy(),
            navigation: record.as_ref().map(observe::navigation),
            supported: observe::supported(),
        });
        let context = PageContext {
            device: text(&device, 0),
            connection: text(&device, 1),
            rtt_ms: whole(&device, 2),
            cores: whole(&device, 3),
            memory_gb: page::size(page::number(&device, 4)),
            width: whole(&device, 5),
            height: whole(&device, 6),
            referrer: text(&device, 7),
            automation: device.get(8).is_truthy(),
            delivery: record
                .as_ref()
                .map(|record| text(record, 8))
                .unwrap_or_default(),
            sample_rate: Some(config.sample_rate),
            hidden_at_start: hidden_at_ms
                .first()
                .is_some_and(|&at_ms| at_ms <= engine.since_ms()),
            late: !early.observed,
            custom: config.context.clone(),
            ..PageContext::default()
        };
        let mut current = View::new(engine, 0, context, now_ms);
        current.overhead.entries_dropped = early.dropped;
        Measuring {
            consent: config.consent,
            config,
            session,
            current,
            transport: Transport::default(),
            previous: None,
            view_count: 1,
            observers: Vec::new(),
            listeners: Vec::new(),
            intervals: Vec::new(),
            retry: None,
            sampled_at_ms: f64::NEG_INFINITY,
            effects: Vec::new(),
        }
    }

    /// Registers observers, listeners and timers. What the shim has observed is not asked for again.
    pub fn listen(&mut self, past: Past) {
        self.observers = Kind::ALL
            .into_iter()
            .filter_map(|kind| Observer::register(kind, past))
            .collect();
        self.listeners = Signal::MEASURING
            .into_iter()
            .filter_map(Listener::register)
            .collect();
        self.intervals = vec![
            Interval::new(self.config.flush_interval_ms, agent::flush),
            Interval::new(self.config.memory_interval_ms, || {
                agent::with(&mut |agent, now_ms| agent.sample_memory(now_ms));
            }),
        ];
    }

    /// Gives each entry to the view in which it started.
    pub fn ingest(&mut self, entries: &[Entry]) {
        for entry in entries {
            if self.current.engine.owns(entry.start_ms()) {
                self.current.engine.on_entry(entry);
            } else if let Some(previous) = &mut self.previous {
                previous.engine.on_entry(entry);
            }
        }
        if let Some(count) = page::size(page::interaction_count()) {
            self.current.engine.on_interaction_count(count as u64);
        }
    }

    /// What the browser has queued for the observers.
    pub fn take_records(&mut self) {
        let entries: Vec<Entry> = self.observers.iter().flat_map(Observer::take).collect();
        self.ingest(&entries);
    }

    /// The navigation record is complete. It is the document's: a route change meanwhile has closed the view it belongs to.
    pub fn on_load(&mut self, now_ms: f64) {
        let Some(record) = page::navigation() else {
            return;
        };
        let view = self
            .previous
            .as_mut()
            .filter(|previous| previous.number == 0)
            .unwrap_or(&mut self.current);
        view.engine
            .on_load(Some(observe::navigation(&record)), now_ms);
        if view.number == 0 {
            let since_ms = view.engine.since_ms();
            view.context.timing = page::facts(&record.get(9), MAX_ATTRIBUTION_KEYS as u32);
            // Milestones that the browser did not reach are 0.
            view.context
                .timing
                .retain_mut(|(_, milestone)| match milestone {
                    Scalar::Number(at_ms) if *at_ms > 0.0 => {
                        *at_ms = (*at_ms - since_ms).max(0.0);
                        true
                    }
                    _ => false,
                });
        }
    }

    /// What can still be known before the page may go.
    pub fn on_leaving(&mut self, now_ms: f64) {
        self.take_records();
        if now_ms - self.sampled_at_ms >= SHORTEST_SAMPLE_GAP_MS {
            self.sample_heap(now_ms);
        }
    }

    pub fn on_hidden(&mut self, at_ms: f64, now_ms: f64) {
        self.on_leaving(now_ms);
        self.current.engine.on_hidden(at_ms);
        if self.consent == Consent::Granted {
            self.session.store(page::clock_ms());
        }
    }

    pub fn on_input(&mut self) {
        if !self.current.engine.is_lcp_final() {
            self.take_records();
            self.current.engine.on_input();
        }
    }

    /// The page came back from the back/forward cache. What still arrives of the view before is too late: it was sent when
    /// the page went.
    pub fn on_restored(&mut self, at_ms: f64, now_ms: f64) {
        self.take_records();
        let engine = self.current.engine.restored(at_ms, page::is_hidden());
        self.open(engine, now_ms);
        self.previous = None;
        self.current.context.delivery = "cache".into();
        self.sample_memory(now_ms);
    }

    /// The page shows another route in the same document.
    pub fn on_route_change(&mut self, now_ms: f64) {
        let engine = self.current.engine.soft(now_ms);
        self.open(engine, now_ms);
        self.current.context.soft = "route".into();
    }

    fn open(&mut self, engine: PageView, now_ms: f64) {
        let context = PageContext {
            delivery: String::new(),
            soft: String::new(),
            hidden_at_start: false,
            late: false,
            timing: Default::default(),
            ..self.current.context.clone()
        };
        let view = View::new(engine, self.view_count, context, now_ms);
        self.view_count += 1;
        self.previous = Some(core::mem::replace(&mut self.current, view));
        self.current.name("", &self.config);
    }

    pub fn set_context(&mut self, context: &JsValue) {
        self.current.context.custom = page::facts(context, MAX_CUSTOM_KEYS as u32);
        self.current.is_changed = true;
    }

    /// The interval's sample: only while the page is seen.
    pub fn sample_memory(&mut self, now_ms: f64) {
        if !page::is_hidden() {
            self.sample_heap(now_ms);
        }
    }

    fn sample_heap(&mut self, now_ms: f64) {
        self.sampled_at_ms = now_ms;
        if let Some(bytes) = page::size(page::heap_bytes()) {
            self.current
                .engine
                .on_memory(MemorySource::UsedJsHeap, bytes, now_ms);
        }
    }

    /// Whether the buffer is full now.
    pub fn on_operation(&mut self, mut operation: Operation) -> bool {
        if !(0.0..=MAX_DURATION_MS).contains(&operation.duration_ms) || operation.name.is_empty() {
            self.transport.count(OUT_OF_RANGE);
            return false;
        }
        let view = &mut self.current;
        // Full and not flushed: nothing may be sent yet.
        if view.operations.len() >= self.config.buffer_size {
            self.transport.count(BUFFER_FULL);
            return false;
        }
        operation.at_ms = (operation.at_ms - view.engine.since_ms()).max(0.0);
        self.tell_violation(&operation.name, operation.duration_ms);
        self.current.operations.push(operation);
        self.current.operations.len() >= self.config.buffer_size
    }

    /// Tells the page of new values. Its callbacks run when the borrow ends.
    pub fn notice_changes(&mut self) {
        if let Some(previous) = &mut self.previous {
            drop(previous.take_changes());
        }
        for change in self.current.take_changes() {
            if let Some(callback) = self.config.on_measurement.clone() {
                let told =
                    notify::measurement(&change.measurement, change.delta, &of(&self.current));
                self.effects.push(Effect::Tell(callback, told));
            }
            self.tell_violation(change.measurement.vital.name(), change.measurement.value);
        }
    }

    fn tell_violation(&mut self, name: &str, value: f64) {
        if let Some(callback) = self.config.on_budget_violation.clone()
            && let Some(budget) = self.config.budget(name)
            && value > budget
        {
            let told = notify::violation(name, value, budget, &of(&self.current));
            self.effects.push(Effect::Tell(callback, told));
        }
    }

    pub fn take_effects(&mut self) -> Vec<Effect> {
        core::mem::take(&mut self.effects)
    }

    /// Makes a beacon of every view that has news, if anything may be sent, and sends what waits.
    pub fn flush(&mut self, reason: FlushReason, now_ms: f64) {
        if self.consent != Consent::Granted {
            return;
        }
        for view in self.previous.iter_mut().chain([&mut self.current]) {
            if view.has_news() {
                seal(view, &mut self.transport, &self.session, &self.config);
            }
        }
        match reason {
            FlushReason::Routine => self.pump(now_ms),
            FlushReason::Exit => self.pump_at_exit(),
        }
    }

    /// Sends what may go now, and sets the timer for what must wait.
    pub fn pump(&mut self, now_ms: f64) {
        while let Some(attempt) = self.transport.next(now_ms, page::clock_ms() as u64) {
            self.effects.push(Effect::Fetch(attempt));
        }
        self.retry = self.transport.wake_at_ms().map(|wake_at_ms| {
            let wait_ms = (wake_at_ms - now_ms).max(0.0) as u32 + 1;
            Timeout::new(wait_ms, || {
                agent::with(&mut |agent, now_ms| agent.pump(now_ms))
            })
        });
    }

    /// Sends everything that waits: the page may be gone after this.
    pub fn pump_at_exit(&mut self) {
        while let Some(attempt) = self.transport.next_at_exit(page::clock_ms() as u64) {
            self.effects.push(Effect::Beacon(attempt));
        }
    }
}

/// Gives the view's next beacon to the transport. The page is asked what may be sent while the agent is lent: what it calls of
/// the agent from there is not heard.
fn seal(view: &mut View, transport: &mut Transport, session: &Session, config: &Config) {
    let mut measurements = view.engine.measurements();
    if let Some(before_send) = &config.before_send {
        measurements.retain_mut(|measurement| {
            let told = notify::measurement(measurement, measurement.value, &of(view));
            // What the page gives back may change the value, nothing else.
            let value = page::value(&page::call(before_send, &told), "value").as_f64();
            if value.is_none() {
                transport.count(BEFORE_SEND);
            }
            measurement.value = value.unwrap_or_default();
            value.is_some()
        });
    }
    for _ in 0..view.take_implausible() {
        transport.count(OUT_OF_RANGE);
    }
    let has_operations = !view.operations.is_empty();
    let body = view.seal(measurements, transport.take_drops(), &session.id, config);
    transport.accept(view.number, body, has_operations);
}

fn of(view: &View) -> Of<'_> {
    Of {
        navigation_type: view.engine.navigation_type().name(),
        route: &view.route,
        view: &view.id,
    }
}

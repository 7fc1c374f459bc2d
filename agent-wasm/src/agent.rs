//! The running agent: what it hears changes the open page view, and what it has to say goes to the transport and to the page.
//! It lives in the only shared mutable cell, and nothing of the page runs while that is borrowed, but for `beforeSend`: what the
//! page does to the agent from there is not heard.

use std::cell::RefCell;

use gloo_timers::callback::Interval;
use vitals::{MemorySource, PageView, Start, Supported, is_plausible};
use wasm_bindgen::prelude::*;
use web_sys::PerformanceObserver;
use wire::{Vital, route};

use crate::entries::{at, entry, navigation};
use crate::transport::{Answer, Transport};
use crate::{facts, page};

// What is heard. Kinds below `RECORDED` are records, with the numbers that `records.js` lists.
const RECORDED: u32 = 5;
const BEGIN: u32 = 6;
const LOADED: u32 = 7;
const HIDDEN: u32 = 8;
const VISIBLE: u32 = 9;
const LEAVING: u32 = 10;
const RESTORED: u32 = 11;
const RESTORED_PAINT: u32 = 12;
const INPUT: u32 = 13;
const ONLINE: u32 = 14;
const ANSWERED: u32 = 15;
const TAKEN: u32 = 16;
const CONSENT: u32 = 17;
const END: u32 = 18;
pub const FLUSH: u32 = 19;
const ROUTE: u32 = 20;
const SAMPLE: u32 = 21;
const WAKE: u32 = 22;

/// Leaving a page gives two signals, pagehide and hidden; a new sample for the second would only cost a beacon.
const SHORTEST_SAMPLE_GAP_MS: f64 = 1000.0;

thread_local! {
    static AGENT: RefCell<Option<Box<Agent>>> = const { RefCell::new(None) };
}

struct Agent {
    /// Whether anything may be sent yet.
    may_send: bool,
    /// Route templates, one a line, the first that fits wins.
    templates: String,
    current: Box<View>,
    /// The view that a route change closed: an interaction that began in it may still be reported.
    previous: Option<Box<View>>,
    /// Its beacons are objects that `beacon.js` made.
    transport: Transport<JsValue>,
    observer: PerformanceObserver,
    _intervals: [Interval; 2],
    /// Ends when it fires: one kind of timer is enough, and each costs the page bytes.
    retry: Option<Interval>,
    sampled_at_ms: f64,
}

/// What is measured of a page view; its identity and names are kept in `beacon.js`, under its number.
struct View {
    engine: PageView,
    /// Distinguishes the views of this document.
    number: u32,
    /// Own cost so far.
    main_ms: f64,
    /// Whether a vital changed since the last beacon.
    is_changed: bool,
    /// The value of each vital as last told; NaN where there was none.
    told: [f64; Vital::ALL.len()],
    implausible_count: u32,
}

/// The agent's ear, for JavaScript. It lives as long as the page: an answer may come after the end.
pub fn ear() -> JsValue {
    Closure::<dyn FnMut(u32, Vec<f64>, String, String)>::new(hear).into_js_value()
}

/// Hears one thing and does what follows from it. Nothing happens before the beginning, after the end, or while it is hearing.
fn hear(kind: u32, numbers: Vec<f64>, text: String, selector: String) {
    heard(kind, &numbers, text, selector);
}

pub fn signal(kind: u32) {
    heard(kind, &[], String::new(), String::new());
}

#[inline(never)]
fn heard(kind: u32, numbers: &[f64], text: String, selector: String) {
    let now_ms = page::now_ms();
    AGENT.with(|cell| {
        let Ok(mut slot) = cell.try_borrow_mut() else {
            return;
        };
        if kind == BEGIN {
            *slot = Agent::begin(numbers, &text, &selector, now_ms);
        } else if kind == END {
            *slot = None;
        }
        if let Some(agent) = &mut *slot {
            agent.on(kind, numbers, text, selector, now_ms);
            agent.current.main_ms += page::now_ms() - now_ms;
        }
    });
    page::drain();
}

impl Agent {
    /// `numbers`: flush and memory interval, eight flags, the navigation's eight, then the times at which the page was hidden.
    fn begin(numbers: &[f64], path: &str, templates: &str, now_ms: f64) -> Option<Box<Agent>> {
        let (fixed, hidden_at_ms) = numbers.split_at_checked(18)?;
        let flag = |place: usize| at(fixed, 2 + place) > 0.0;
        let engine = PageView::open(Start {
            now_ms,
            hidden: flag(3),
            hidden_at_ms,
            was_discarded: flag(2),
            navigation: Some(navigation(&fixed[10..])),
            supported: Supported {
                paint: flag(4),
                lcp: flag(5),
                layout_shift: flag(6),
                interactions: flag(7),
            },
        });
        let observer = PerformanceObserver::new(&page::watcher()).ok()?;
        page::observe(&observer, !flag(1));
        Some(Box::new(Agent {
            may_send: flag(0),
            templates: templates.into(),
            current: View::open(engine, 0, path, templates),
            previous: None,
            transport: Transport::default(),
            observer,
            _intervals: [
                every(at(fixed, 0) as u32, FLUSH),
                every(at(fixed, 1) as u32, SAMPLE),
            ],
            retry: None,
            sampled_at_ms: f64::NEG_INFINITY,
        }))
    }

    fn on(&mut self, kind: u32, numbers: &[f64], text: String, selector: String, now_ms: f64) {
        let first = at(numbers, 0);
        match kind {
            0..RECORDED => return self.on_record(kind, numbers, text, selector),
            // Not a number where the browser does not count.
            RECORDED if first >= 0.0 => self.current.engine.on_interaction_count(first as u64),
            BEGIN | SAMPLE => self.sample_memory(now_ms),
            LOADED => self.on_load(numbers, now_ms),
            HIDDEN => {
                self.on_leaving(now_ms);
                self.current.engine.on_hidden(first);
            }
            VISIBLE => self.current.engine.on_visible(),
            // The backup for browsers that do not hide a page before they leave it; the others say the rest right after.
            LEAVING => self.on_leaving(now_ms),
            RESTORED => self.on_restored(first, &text, now_ms),
            RESTORED_PAINT => self.current.engine.on_restored_paint(first),
            INPUT => self.current.engine.on_input(),
            ONLINE => self.transport.on_online(),
            ANSWERED => self.on_answer(numbers, now_ms),
            TAKEN => self.transport.on_taken(first as u32),
            CONSENT => self.may_send = first > 0.0,
            ROUTE => {
                let engine = self.current.engine.soft(now_ms);
                self.open(engine, &text, now_ms);
            }
            WAKE => self.retry = None,
            _ => {}
        }
        self.notice_changes();
        match kind {
            HIDDEN | LEAVING => self.flush(true, now_ms),
            FLUSH | CONSENT => self.flush(false, now_ms),
            ONLINE | ANSWERED | WAKE => self.pump(now_ms),
            _ => {}
        }
    }

    /// Gives an entry to the view in which it started.
    fn on_record(&mut self, kind: u32, numbers: &[f64], text: String, selector: String) {
        let entry = entry(kind, numbers, text, selector);
        if self.current.engine.owns(at(numbers, 0)) {
            self.current.engine.on_entry(&entry);
        } else if let Some(previous) = &mut self.previous {
            previous.engine.on_entry(&entry);
        }
    }

    /// The navigation record is complete. It is the document's: a route change meanwhile has closed the view it belongs to.
    fn on_load(&mut self, numbers: &[f64], now_ms: f64) {
        let view = match &mut self.previous {
            Some(previous) if previous.number == 0 => previous,
            _ => &mut self.current,
        };
        view.engine.on_load(Some(navigation(numbers)), now_ms);
    }

    /// What can still be known before the page may go.
    fn on_leaving(&mut self, now_ms: f64) {
        if now_ms - self.sampled_at_ms >= SHORTEST_SAMPLE_GAP_MS {
            self.sample_heap(now_ms);
        }
    }

    /// The page came back from the back/forward cache. What still arrives of the view before is too late: it was sent when
    /// the page went.
    fn on_restored(&mut self, at_ms: f64, path: &str, now_ms: f64) {
        let engine = self.current.engine.restored(at_ms, page::is_hidden());
        self.open(engine, path, now_ms);
        self.previous = None;
    }

    #[inline(never)]
    fn open(&mut self, engine: PageView, path: &str, now_ms: f64) {
        let view = View::open(engine, self.current.number + 1, path, &self.templates);
        self.previous = Some(core::mem::replace(&mut self.current, view));
        self.sample_memory(now_ms);
    }

    /// The interval's sample: only while the page is seen.
    fn sample_memory(&mut self, now_ms: f64) {
        if !page::is_hidden() {
            self.sample_heap(now_ms);
        }
    }

    #[inline(never)]
    fn sample_heap(&mut self, now_ms: f64) {
        self.sampled_at_ms = now_ms;
        let engine = &mut self.current.engine;
        engine.on_memory(MemorySource::UsedJsHeap, page::heap_bytes(), now_ms);
    }

    /// Tells the page of new values. Its callbacks run when the borrow ends.
    #[inline(never)]
    fn notice_changes(&mut self) {
        if let Some(previous) = &mut self.previous {
            previous.notice_changes(&mut |_, _, _, _| {});
        }
        self.current
            .notice_changes(&mut |engine, vital, value, before| {
                let rating = vital.rating(value).map_or("", |rating| rating.name());
                let facts = facts::of(engine, vital, value);
                page::changed(vital.name(), value, before, rating, facts);
            });
    }

    fn on_answer(&mut self, numbers: &[f64], now_ms: f64) {
        let answer = Answer {
            status: at(numbers, 1) as u16,
            retry_after_ms: at(numbers, 2),
            online: at(numbers, 3) > 0.0,
        };
        let id = at(numbers, 0) as u32;
        self.transport.on_answer(id, answer, now_ms, page::random());
    }

    /// Makes a beacon of every view that has news, if anything may be sent, and sends what waits: at exit, all of it, for the
    /// page may be gone after this.
    #[inline(never)]
    fn flush(&mut self, at_exit: bool, now_ms: f64) {
        if !self.may_send {
            return;
        }
        if let Some(previous) = &mut self.previous {
            previous.seal(&mut self.transport);
        }
        self.current.seal(&mut self.transport);
        if at_exit {
            while let Some((id, body)) = self.transport.next_at_exit() {
                page::beacon(id, body);
            }
        } else {
            self.pump(now_ms);
        }
    }

    /// Sends what may go now, and sets the timer for what must wait.
    #[inline(never)]
    fn pump(&mut self, now_ms: f64) {
        while let Some((id, body, keepalive)) = self.transport.next(now_ms) {
            page::post(id, body, keepalive);
        }
        if let Some(wake_at_ms) = self.transport.wake_at_ms() {
            let wait_ms = (wake_at_ms - now_ms).max(0.0) as u32 + 1;
            self.retry = Some(every(wait_ms, WAKE));
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

impl View {
    fn open(engine: PageView, number: u32, path: &str, templates: &str) -> Box<View> {
        page::open(
            number,
            engine.since_ms(),
            engine.navigation_type().name(),
            &route::route(path, route::lines(templates)),
            &route::scrub(path, route::lines(templates)),
        );
        Box::new(View {
            engine,
            number,
            main_ms: 0.0,
            is_changed: true,
            told: [f64::NAN; Vital::ALL.len()],
            implausible_count: 0,
        })
    }

    /// Gives each vital whose value changed since this was last called, with its value before.
    #[inline(never)]
    fn notice_changes(&mut self, tell: &mut dyn FnMut(&PageView, Vital, f64, f64)) {
        for (vital, told) in Vital::ALL.into_iter().zip(&mut self.told) {
            let value = self.engine.value(vital);
            let before = core::mem::replace(told, value.unwrap_or(f64::NAN));
            if before.to_bits() != told.to_bits() {
                self.is_changed = true;
                if let Some(value) = value {
                    tell(&self.engine, vital, value, before);
                }
            }
        }
    }

    /// Gives the view's next beacon to the transport, if it has news. What the page is asked here (`beforeSend`) and does to the
    /// agent meanwhile is not heard.
    #[inline(never)]
    fn seal(&mut self, transport: &mut Transport<JsValue>) {
        let news = page::news(self.number);
        if !self.is_changed && news == 0 {
            return;
        }
        let engine = &self.engine;
        let mut implausible_count = 0;
        for vital in Vital::ALL {
            match engine.raw_value(vital) {
                Some(value) if is_plausible(vital, value) => {
                    let facts = facts::of(engine, vital, value);
                    page::measured(self.number, vital.name(), value, facts);
                }
                Some(_) => implausible_count += 1,
                None => {}
            }
        }
        let news_count = implausible_count - self.implausible_count.min(implausible_count);
        self.implausible_count = implausible_count;
        let [buffer_full, rejected, too_large, gave_up] = transport.take_drops();
        let count = |count: Option<u64>| count.map_or(f64::NAN, |count| count as f64);
        let body = page::seal(
            self.number,
            count(engine.interactions()),
            count(engine.interactions_seen()),
            self.main_ms,
            buffer_full,
            rejected,
            too_large,
            gave_up,
            news_count,
        );
        self.is_changed = false;
        transport.accept(self.number, body, page::byte_count(), news > 1);
    }
}

/// An interval of nonsense never gets here: the gate has judged it.
fn every(interval_ms: u32, kind: u32) -> Interval {
    Interval::new(interval_ms, move || signal(kind))
}

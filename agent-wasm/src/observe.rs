//! PerformanceObservers, one for each record type that a vital needs. What they deliver is copied at once and let go.

use js_sys::Array;
use vitals::{Entry, Navigation, Supported};
use wasm_bindgen::prelude::*;
use web_sys::{PerformanceObserver, PerformanceObserverEntryList};
use wire::NavigationType;

use crate::page::{self, number, text};
use crate::{agent, entries};

/// A timeline record type. The order is that of the records' kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Paint,
    Lcp,
    Shift,
    Event,
    FirstInput,
}

impl Kind {
    pub const ALL: [Kind; 5] = [
        Kind::Paint,
        Kind::Lcp,
        Kind::Shift,
        Kind::Event,
        Kind::FirstInput,
    ];

    const fn name(self) -> &'static str {
        match self {
            Kind::Paint => "paint",
            Kind::Lcp => "largest-contentful-paint",
            Kind::Shift => "layout-shift",
            Kind::Event => "event",
            Kind::FirstInput => "first-input",
        }
    }

    /// The list is the test: observing an unknown type does not throw.
    fn is_supported(self) -> bool {
        page::supports(self.name())
    }
}

/// One registered observer; ends on drop.
pub struct Observer {
    observer: PerformanceObserver,
    kind: Kind,
    _callback: Closure<dyn FnMut(JsValue)>,
}

/// Whether to ask for the records from before the observer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    Wanted,
    /// The shim has seen them.
    Known,
}

impl Observer {
    /// `None` where the browser has no such records.
    pub fn register(kind: Kind, past: Past) -> Option<Observer> {
        if !kind.is_supported() {
            return None;
        }
        let callback = Closure::<dyn FnMut(JsValue)>::new(move |list: JsValue| {
            let list: &PerformanceObserverEntryList = list.unchecked_ref();
            agent::on_entries(&copy(kind, &list.get_entries()));
        });
        let observer = PerformanceObserver::new(callback.as_ref().unchecked_ref()).ok()?;
        page::observe(&observer, kind.name(), past == Past::Wanted).then_some(Observer {
            observer,
            kind,
            _callback: callback,
        })
    }

    /// Records that the browser has queued but not delivered yet.
    pub fn take(&self) -> Vec<Entry> {
        copy(self.kind, &self.observer.take_records())
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

fn copy(kind: Kind, records: &Array) -> Vec<Entry> {
    entries::entries(&page::copies(kind as u32, records))
}

/// What this browser can tell.
pub fn supported() -> Supported {
    Supported {
        paint: Kind::Paint.is_supported(),
        lcp: Kind::Lcp.is_supported(),
        layout_shift: Kind::Shift.is_supported(),
        interactions: Kind::Event.is_supported() && page::has_interaction_ids(),
    }
}

/// The document's own record as the engine wants it.
pub fn navigation(record: &Array) -> Navigation {
    Navigation {
        navigation_type: NavigationType::from_name(&text(record, 0)).unwrap_or_default(),
        activation_start_ms: number(record, 1),
        worker_start_ms: number(record, 2),
        fetch_start_ms: number(record, 3),
        domain_lookup_start_ms: number(record, 4),
        connect_start_ms: number(record, 5),
        connect_end_ms: number(record, 6),
        response_start_ms: number(record, 7),
    }
}

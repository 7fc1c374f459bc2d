//! PerformanceObserver -> `vitals::Entry`: reads each record once and lets it go. Selectors are taken when a record arrives,
//! before its element can leave the document.

use js_sys::Array;
use vitals::attribution::{Node, selector};
use vitals::{Entry, EventEntry, LcpEntry, Navigation, ResourceTiming, ShiftEntry, Supported};
use wasm_bindgen::prelude::*;
use web_sys::{Element, PerformanceObserver, PerformanceObserverEntryList};
use wire::NavigationType;

use crate::{agent, page};

/// The least duration that browsers report events at. Their default of 104 ms hides most interactions.
const EVENT_THRESHOLD_MS: f64 = 16.0;

/// A timeline record type that a vital needs.
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
}

#[wasm_bindgen]
extern "C" {
    /// One record. What a browser lacks reads as NaN, false or nothing.
    pub type Record;
    #[wasm_bindgen(method, getter)]
    fn name(this: &Record) -> Option<String>;
    #[wasm_bindgen(method, getter, js_name = startTime)]
    fn start_time(this: &Record) -> f64;
    #[wasm_bindgen(method, getter)]
    fn duration(this: &Record) -> f64;
    #[wasm_bindgen(method, getter, js_name = processingStart)]
    fn processing_start(this: &Record) -> f64;
    #[wasm_bindgen(method, getter, js_name = processingEnd)]
    fn processing_end(this: &Record) -> f64;
    #[wasm_bindgen(method, getter, js_name = interactionId)]
    fn interaction_id(this: &Record) -> f64;
    #[wasm_bindgen(method, getter)]
    fn target(this: &Record) -> Option<web_sys::Node>;
    #[wasm_bindgen(method, getter)]
    fn value(this: &Record) -> f64;
    #[wasm_bindgen(method, getter, js_name = hadRecentInput)]
    fn had_recent_input(this: &Record) -> bool;
    #[wasm_bindgen(method, getter)]
    fn sources(this: &Record) -> Option<Array>;
    #[wasm_bindgen(method, getter)]
    fn element(this: &Record) -> Option<web_sys::Node>;
    #[wasm_bindgen(method, getter)]
    fn id(this: &Record) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn url(this: &Record) -> Option<String>;

    type Observing;
    #[wasm_bindgen(method, catch)]
    fn observe(this: &Observing, options: &ObserverOptions) -> Result<(), JsValue>;

    type ObserverOptions;
    #[wasm_bindgen(method, setter, js_name = type)]
    fn set_type(this: &ObserverOptions, kind: &str);
    #[wasm_bindgen(method, setter)]
    fn set_buffered(this: &ObserverOptions, buffered: bool);
    #[wasm_bindgen(method, setter, js_name = durationThreshold)]
    fn set_duration_threshold(this: &ObserverOptions, threshold_ms: f64);
    #[wasm_bindgen(js_namespace = PerformanceObserver, js_name = supportedEntryTypes, thread_local_v2)]
    static SUPPORTED_TYPES: Option<Array>;
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
        if !supports(kind.name()) {
            return None;
        }
        let callback = Closure::<dyn FnMut(JsValue)>::new(move |list: JsValue| {
            let list: PerformanceObserverEntryList = list.unchecked_into();
            agent::on_records(kind, &list.get_entries());
        });
        let observer = PerformanceObserver::new(callback.as_ref().unchecked_ref()).ok()?;
        let options: ObserverOptions = js_sys::Object::new().unchecked_into();
        options.set_type(kind.name());
        options.set_buffered(past == Past::Wanted);
        if kind == Kind::Event {
            options.set_duration_threshold(EVENT_THRESHOLD_MS);
        }
        observer
            .unchecked_ref::<Observing>()
            .observe(&options)
            .ok()?;
        Some(Observer {
            observer,
            kind,
            _callback: callback,
        })
    }

    /// Records that the browser has queued but not delivered yet.
    pub fn take(&self) -> Vec<Entry> {
        entries(self.kind, &self.observer.take_records())
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// What this browser can tell. The list is the test: observing an unknown type does not throw.
pub fn supported() -> Supported {
    Supported {
        paint: supports(Kind::Paint.name()),
        lcp: supports(Kind::Lcp.name()),
        layout_shift: supports(Kind::Shift.name()),
        interactions: supports(Kind::Event.name()) && has_interaction_ids(),
    }
}

fn supports(name: &str) -> bool {
    SUPPORTED_TYPES.with(|types| {
        types
            .as_ref()
            .is_some_and(|types| types.includes(&name.into(), 0))
    })
}

fn has_interaction_ids() -> bool {
    let Some(window) = page::window() else {
        return false;
    };
    let prototype = page::value(&page::value(&window, "PerformanceEventTiming"), "prototype");
    prototype.is_object()
        && js_sys::Reflect::has(&prototype, &"interactionId".into()).unwrap_or(false)
}

/// The records that matter, copied.
pub fn entries(kind: Kind, records: &Array) -> Vec<Entry> {
    let mut entries = Vec::new();
    for record in records.iter() {
        let record: Record = record.unchecked_into();
        let entry = match kind {
            Kind::Paint if record.name().as_deref() == Some("first-contentful-paint") => {
                Entry::Fcp {
                    start_ms: record.start_time(),
                }
            }
            Kind::Paint => continue,
            Kind::Lcp => Entry::Lcp(lcp(&record)),
            Kind::Shift => Entry::Shift(shift(&record)),
            Kind::FirstInput => Entry::FirstInput(event(&record)),
            // Most events are part of no interaction: not worth reading further.
            Kind::Event if record.interaction_id() > 0.0 => Entry::Event(event(&record)),
            Kind::Event => continue,
        };
        entries.push(entry);
    }
    entries
}

fn lcp(record: &Record) -> LcpEntry {
    let start_ms = record.start_time();
    let url = record.url().unwrap_or_default();
    let element = match record.element() {
        Some(node) => selector_of(&node),
        // It has left the document already; its id is in the record.
        None => selector(Some(Node {
            id: record.id().unwrap_or_default(),
            ..Node::default()
        })),
    };
    LcpEntry {
        start_ms,
        element,
        resource: resource(&url, start_ms),
        url,
    }
}

fn shift(record: &Record) -> ShiftEntry {
    let had_recent_input = record.had_recent_input();
    // The browser puts the largest source first; an element says more than a text node.
    let nodes = || {
        record
            .sources()
            .into_iter()
            .flat_map(|sources| sources.to_vec())
            .map(|source| page::value(&source, "node"))
    };
    let is_element =
        |node: &JsValue| page::number(node, "nodeType") == f64::from(web_sys::Node::ELEMENT_NODE);
    let node = if had_recent_input {
        None
    } else {
        nodes()
            .find(is_element)
            .or_else(|| nodes().find(JsValue::is_object))
    };
    ShiftEntry {
        start_ms: record.start_time(),
        value: record.value(),
        had_recent_input,
        source: node
            .map(|node| selector_of(node.unchecked_ref()))
            .unwrap_or_default(),
    }
}

fn event(record: &Record) -> EventEntry {
    let interaction_id = record.interaction_id();
    EventEntry {
        start_ms: record.start_time(),
        duration_ms: record.duration(),
        processing_start_ms: record.processing_start(),
        processing_end_ms: record.processing_end(),
        // NaN, where browsers have no ids, becomes 0.
        interaction_id: interaction_id as u64,
        name: record.name().unwrap_or_default(),
        target: record
            .target()
            .map(|node| selector_of(&node))
            .unwrap_or_default(),
    }
}

/// How an image was loaded: the last request for it that began before it was painted.
pub fn resource(url: &str, painted_ms: f64) -> Option<ResourceTiming> {
    if url.is_empty() {
        return None;
    }
    let records = page::performance()?.get_entries_by_name(url);
    let record = records
        .iter()
        .rfind(|record| page::number(record, "startTime") <= painted_ms)?;
    let request_ms = page::number(&record, "requestStart");
    Some(ResourceTiming {
        request_ms: if request_ms > 0.0 {
            request_ms
        } else {
            page::number(&record, "startTime")
        },
        response_end_ms: page::number(&record, "responseEnd"),
    })
}

/// The document's own record, and the record's object for further reading.
pub fn navigation() -> Option<(Navigation, JsValue)> {
    let record = page::performance()?
        .get_entries_by_type("navigation")
        .get(0);
    if !record.is_object() {
        return None;
    }
    let name = page::text(&record, "type")
        .unwrap_or_default()
        .replace('_', "-");
    let stamp = |key| page::size(&record, key).unwrap_or(0.0);
    let navigation = Navigation {
        navigation_type: NavigationType::from_name(&name).unwrap_or_default(),
        activation_start_ms: stamp("activationStart"),
        worker_start_ms: stamp("workerStart"),
        fetch_start_ms: stamp("fetchStart"),
        domain_lookup_start_ms: stamp("domainLookupStart"),
        connect_start_ms: stamp("connectStart"),
        connect_end_ms: stamp("connectEnd"),
        response_start_ms: stamp("responseStart"),
    };
    Some((navigation, record))
}

/// Times at which the document became hidden, where the browser keeps them.
pub fn hidden_at_ms() -> Vec<f64> {
    let Some(performance) = page::performance() else {
        return Vec::new();
    };
    if !supports("visibility-state") {
        return Vec::new();
    }
    let records = performance.get_entries_by_type("visibility-state");
    let hidden = records
        .iter()
        .filter(|record| page::text(record, "name").as_deref() == Some("hidden"));
    hidden
        .map(|record| page::number(&record, "startTime"))
        .collect()
}

fn selector_of(node: &web_sys::Node) -> String {
    let first = if node.node_type() == web_sys::Node::ELEMENT_NODE {
        Some(node.unchecked_ref::<Element>().clone())
    } else {
        node.parent_element()
    };
    // Attributes, not properties: in a form a field named `id` hides the property.
    let describe = |element: Element| Node {
        id: element.get_attribute("id").unwrap_or_default(),
        tag: element.local_name(),
        classes: element.get_attribute("class").unwrap_or_default(),
    };
    selector(core::iter::successors(first, |element| element.parent_element()).map(describe))
}

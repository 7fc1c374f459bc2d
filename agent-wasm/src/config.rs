//! Options from the page, validated once; what is missing gets its default. Not the attributes of a script tag: the script
//! build turns those into options.

use js_sys::{Array, Function, encode_uri_component};
use wasm_bindgen::{JsCast, JsValue};
use wire::limits::{MAX_CUSTOM_KEYS, MAX_NAME_BYTES};
use wire::{Details, Scalar};

use crate::consent::Consent;
use crate::page::{self, cut, facts};

/// Budgets are compared on every change, so there are few.
const MAX_BUDGETS: u32 = 50;
const MAX_ROUTES: u32 = 200;
/// A flush more often than this is a mistake in the page.
const SHORTEST_INTERVAL_MS: f64 = 1000.0;
/// Timers of browsers hold 31 bits.
const LONGEST_INTERVAL_MS: f64 = 2_000_000_000.0;

/// What the agent works with.
pub struct Config {
    /// Where beacons go: the endpoint (this origin where none is given) and the app.
    pub address: String,
    pub release: String,
    pub environment: String,
    pub sample_rate: f64,
    /// Route templates, the first that fits wins.
    pub templates: Vec<String>,
    pub route: Option<Function>,
    pub flush_interval_ms: u32,
    pub buffer_size: usize,
    pub memory_interval_ms: u32,
    pub budgets: Details,
    pub consent: Consent,
    pub on_measurement: Option<Function>,
    pub on_budget_violation: Option<Function>,
    pub before_send: Option<Function>,
    pub context: Details,
    pub send_raw_path: bool,
}

impl Config {
    /// `None` without an app. Each option is judged on its own, so that one mistaken option does not stop the agent.
    pub fn from_page(options: &JsValue) -> Option<Config> {
        let given = |key| page::value(options, key);
        let text = |key| given(key).as_string().unwrap_or_default();
        let function = |key| given(key).dyn_into::<Function>().ok();
        // A number in range; what is no number or outside is the default.
        let number = |key, default: f64, least: f64, greatest: f64| {
            given(key)
                .as_f64()
                .filter(|number| (least..=greatest).contains(number))
                .unwrap_or(default)
        };
        let interval_ms =
            |key, default| number(key, default, SHORTEST_INTERVAL_MS, LONGEST_INTERVAL_MS) as u32;
        let app = Some(text("app")).filter(|app| !app.is_empty())?;
        let respects = given("respectPrivacySignals").is_truthy();
        Some(Config {
            address: address(text("endpoint"), &app),
            release: cut(text("release"), MAX_NAME_BYTES),
            environment: cut(text("environment"), MAX_NAME_BYTES),
            sample_rate: number("sampleRate", 1.0, 0.0, 1.0),
            templates: texts(&given("routes")),
            route: function("route"),
            flush_interval_ms: interval_ms("flushIntervalMs", 30_000.0),
            buffer_size: number("bufferSize", 100.0, 1.0, 1000.0) as usize,
            memory_interval_ms: interval_ms("memoryIntervalMs", 10_000.0),
            budgets: facts(&given("budgets"), MAX_BUDGETS),
            consent: if respects && page::has_privacy_signal() {
                Consent::Denied
            } else {
                Consent::from_name(given("consent").as_string().as_deref())
            },
            on_measurement: function("onMeasurement"),
            on_budget_violation: function("onBudgetViolation"),
            before_send: function("beforeSend"),
            context: facts(&given("context"), MAX_CUSTOM_KEYS as u32),
            send_raw_path: given("sendRawPath").is_truthy(),
        })
    }

    /// The limit set for a vital or an operation.
    pub fn budget(&self, name: &str) -> Option<f64> {
        self.budgets.iter().find_map(|(key, limit)| match limit {
            Scalar::Number(limit) if key == name => Some(*limit),
            _ => None,
        })
    }

    pub fn templates(&self) -> impl Iterator<Item = &str> {
        self.templates.iter().map(String::as_str)
    }
}

fn address(mut endpoint: String, app: &str) -> String {
    while endpoint.ends_with('/') {
        endpoint.pop();
    }
    [
        &endpoint,
        "/v1/views/",
        &String::from(encode_uri_component(app)),
    ]
    .concat()
}

fn texts(array: &JsValue) -> Vec<String> {
    let Some(array) = array.dyn_ref::<Array>() else {
        return Vec::new();
    };
    (0..array.length().min(MAX_ROUTES))
        .map(|index| page::text(array, index))
        .collect()
}

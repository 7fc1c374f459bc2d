//! Options from the page, validated once; what is missing gets its default. Not the attributes of a script tag: the script
//! build turns those into options.

use js_sys::{Array, Function};
use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue};
use wire::limits::MAX_CUSTOM_KEYS;
use wire::{Details, Scalar};

use crate::consent::Consent;
use crate::facts::facts;
use crate::page;

/// Budgets are compared on every change, so there are few.
const MAX_BUDGETS: usize = 50;
const MAX_ROUTES: usize = 200;
/// A flush more often than this is a mistake in the page.
const SHORTEST_INTERVAL_MS: f64 = 1000.0;
/// Timers of browsers hold 31 bits.
const LONGEST_INTERVAL_MS: f64 = 2_000_000_000.0;

/// Options as the page wrote them. Each is judged on its own, so that one mistaken option does not stop the agent.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    app: Given,
    endpoint: Given,
    release: Given,
    environment: Given,
    sample_rate: Given,
    routes: Given,
    route: Given,
    flush_interval_ms: Given,
    buffer_size: Given,
    memory_interval_ms: Given,
    budgets: Given,
    consent: Given,
    respect_privacy_signals: Given,
    on_measurement: Given,
    on_budget_violation: Given,
    before_send: Given,
    context: Given,
    send_raw_path: Given,
    debug: Given,
}

/// One option's JavaScript value, functions included.
#[derive(Deserialize, Default)]
#[serde(transparent)]
struct Given(#[serde(with = "serde_wasm_bindgen::preserve")] JsValue);

/// What the agent works with.
pub struct Config {
    pub app: String,
    /// Without a trailing slash.
    pub endpoint: String,
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
    pub debug: bool,
}

impl Config {
    /// `None` when there is nothing to work with: options that are no object, or no app.
    pub fn from_page(options: JsValue) -> Option<Config> {
        let options: Options = serde_wasm_bindgen::from_value(options).ok()?;
        let app = options.app.text().filter(|app| !app.is_empty())?;
        let mut endpoint = options
            .endpoint
            .text()
            .or_else(own_origin)
            .unwrap_or_default();
        while endpoint.ends_with('/') {
            endpoint.pop();
        }
        let consent = Consent::from_name(options.consent.text().as_deref());
        let respects = options.respect_privacy_signals.0.as_bool().unwrap_or(false);
        Some(Config {
            app,
            endpoint,
            release: options.release.text().unwrap_or_default(),
            environment: options.environment.text().unwrap_or_default(),
            sample_rate: options.sample_rate.number(1.0, 0.0, 1.0),
            templates: options.routes.texts(),
            route: options.route.function(),
            flush_interval_ms: options.flush_interval_ms.interval_ms(30_000.0),
            buffer_size: options.buffer_size.number(100.0, 1.0, 1000.0) as usize,
            memory_interval_ms: options.memory_interval_ms.interval_ms(10_000.0),
            budgets: facts(&options.budgets.0, MAX_BUDGETS),
            consent: if respects && has_privacy_signal() {
                Consent::Denied
            } else {
                consent
            },
            on_measurement: options.on_measurement.function(),
            on_budget_violation: options.on_budget_violation.function(),
            before_send: options.before_send.function(),
            context: facts(&options.context.0, MAX_CUSTOM_KEYS),
            send_raw_path: options.send_raw_path.is_true(),
            debug: options.debug.is_true(),
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

impl Given {
    fn text(&self) -> Option<String> {
        self.0.as_string()
    }

    fn is_true(&self) -> bool {
        self.0.as_bool() == Some(true)
    }

    fn function(&self) -> Option<Function> {
        self.0.dyn_ref::<Function>().cloned()
    }

    fn texts(&self) -> Vec<String> {
        let Some(array) = self.0.dyn_ref::<Array>() else {
            return Vec::new();
        };
        array
            .iter()
            .take(MAX_ROUTES)
            .filter_map(|value| value.as_string())
            .collect()
    }

    /// A number in range; what is no number or outside is the default.
    fn number(&self, default: f64, least: f64, greatest: f64) -> f64 {
        self.0
            .as_f64()
            .filter(|number| (least..=greatest).contains(number))
            .unwrap_or(default)
    }

    fn interval_ms(&self, default: f64) -> u32 {
        self.number(default, SHORTEST_INTERVAL_MS, LONGEST_INTERVAL_MS) as u32
    }
}

fn own_origin() -> Option<String> {
    page::window()?.location().origin().ok()
}

/// Do Not Track or Global Privacy Control.
fn has_privacy_signal() -> bool {
    let Some(window) = page::window() else {
        return false;
    };
    let navigator = window.navigator();
    page::is_true(&navigator, "globalPrivacyControl")
        || page::text(&navigator, "doNotTrack").as_deref() == Some("1")
}

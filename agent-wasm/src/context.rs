//! What is known about device and visit: coarse facts that explain a value, never enough to recognise a visitor.

use wasm_bindgen::JsValue;
use web_sys::Window;
use wire::{Details, PageContext};

use crate::page;

/// The shorter side of a tablet's screen, CSS pixels; smaller ones are phones.
const TABLET_SIDE: i32 = 600;

/// The device and the visit, the same for every page view of a document.
pub fn device_context(window: &Window) -> PageContext {
    let navigator = window.navigator();
    let connection = page::value(&navigator, "connection");
    PageContext {
        device: device(window).into(),
        connection: page::text(&connection, "effectiveType").unwrap_or_default(),
        rtt_ms: whole(&connection, "rtt"),
        cores: whole(&navigator, "hardwareConcurrency"),
        memory_gb: page::size(&navigator, "deviceMemory"),
        width: whole(window, "innerWidth"),
        height: whole(window, "innerHeight"),
        referrer: window
            .document()
            .map(|document| host(&document.referrer()))
            .unwrap_or_default(),
        automation: page::is_true(&navigator, "webdriver"),
        ..PageContext::default()
    }
}

/// Where the document came from, by what the transfer cost. Empty where the browser does not say.
pub fn delivery(navigation: &JsValue) -> &'static str {
    match (
        page::size(navigation, "transferSize"),
        page::size(navigation, "decodedBodySize"),
    ) {
        (Some(0.0), Some(body)) if body > 0.0 => "cache",
        (Some(transferred), _) if transferred > 0.0 => "network",
        _ => "",
    }
}

/// Navigation milestones in ms since the start of the page view: only those the browser reached.
pub fn timing(navigation: &JsValue, since_ms: f64) -> Details {
    const MILESTONES: [(&str, &str); 10] = [
        ("domainLookupStart", "dns_start_ms"),
        ("domainLookupEnd", "dns_end_ms"),
        ("connectStart", "connect_start_ms"),
        ("secureConnectionStart", "tls_start_ms"),
        ("connectEnd", "connect_end_ms"),
        ("requestStart", "request_ms"),
        ("responseEnd", "response_end_ms"),
        ("domInteractive", "dom_interactive_ms"),
        ("domContentLoadedEventEnd", "dom_content_loaded_ms"),
        ("loadEventEnd", "load_ms"),
    ];
    let mut timing = Details::new();
    for (property, key) in MILESTONES {
        if let Some(at_ms) = page::size(navigation, property).filter(|&at_ms| at_ms > 0.0) {
            timing.push((key.into(), (at_ms - since_ms).max(0.0).into()));
        }
    }
    timing
}

fn device(window: &Window) -> &'static str {
    let is_touch =
        matches!(window.match_media("(pointer: coarse)"), Ok(Some(query)) if query.matches());
    let side = window.screen().map_or(0, |screen| {
        screen
            .width()
            .unwrap_or(0)
            .min(screen.height().unwrap_or(0))
    });
    match is_touch {
        false => "desktop",
        true if side < TABLET_SIDE => "mobile",
        true => "tablet",
    }
}

fn whole(target: &JsValue, key: &str) -> Option<u32> {
    page::size(target, key).map(|value| value as u32)
}

/// The host of an address, without its port: who sent the visitor, not what they read there.
fn host(address: &str) -> String {
    let rest = address.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    authority
        .rsplit('@')
        .next()
        .unwrap_or("")
        .split(':')
        .next()
        .unwrap_or("")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_referrer_is_a_host() {
        for (address, expected) in [
            ("", ""),
            ("https://example.org/a?q=1", "example.org"),
            ("https://example.org:8443", "example.org"),
            ("https://bob:secret@example.org/", "example.org"),
            ("android-app://com.example/", "com.example"),
        ] {
            assert_eq!(host(address), expected);
        }
    }
}

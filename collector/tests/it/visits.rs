//! Page views of the shop's last six hours, told by real beacons: read as an import reads them, stored as the writer stores them, summed
//! up by the rollups' own pass. Every number follows from the view's place `i`, so that answers can be worked out on paper.

use collector::history;
use collector::store::import::Import;
use collector::store::{Store, rollup};
use serde_json::{Value, json};

/// Views, the newest first; one every three minutes.
pub const VIEWS: i64 = 120;
/// The first half belongs to this release, which is slower.
pub const NEW_RELEASE: &str = "2.1.0";
pub const OLD_RELEASE: &str = "2.0.0";
/// Every tenth call of this operation fails.
pub const OPERATION: &str = "fetch /api/cart";
const EVERY_MS: i64 = 180_000;

/// What view `i` had for an LCP, ms.
pub fn lcp_ms(i: i64) -> f64 {
    let slower = if i < VIEWS / 2 { 1.5 } else { 1.0 };
    (1500 + 10 * i) as f64 * slower
}

pub fn view_id(i: i64) -> String {
    format!("0193c2f0-7c1e-7cc3-98c4-{i:012x}")
}

fn line(i: i64, now_ms: i64) -> Value {
    let start = now_ms - (i + 1) * EVERY_MS;
    let lcp = lcp_ms(i);
    let ok = i % 10 != 0;
    let mut operation = json!({
        "n": OPERATION, "v": 50 + i, "ok": ok, "at": 900, "memory_bytes": 1000 * i, "input_size": 10 * i,
        "detail": {"cache": if i % 4 == 0 { "hit" } else { "miss" }},
    });
    if !ok {
        operation["error"] = "TypeError".into();
    }
    json!({
        "app": "shop", "browser": if i % 5 == 0 { "Firefox 153" } else { "Chrome 156" }, "os": "Android",
        "country": if i % 4 == 0 { "US" } else { "DE" },
        "v": 1, "view": view_id(i), "seq": 0, "session": format!("visitor-{}", i / 2), "sent": start + 5000, "start": start,
        "nav": "navigate", "path": if i % 4 == 3 { "/" } else { "/product/:id" }, "route": if i % 4 == 3 { "/" } else { "/product/:id" },
        "release": if i < VIEWS / 2 { NEW_RELEASE } else { OLD_RELEASE }, "env": "production",
        "context": {
            "device": if i % 3 == 0 { "desktop" } else { "mobile" }, "connection": "4g", "delivery": "network", "interactions": 3,
            "interactions_seen": 2, "sample_rate": 0.5, "referrer": "example.org", "long_tasks": 2, "blocking_ms": 80,
            "timing": {
                "dns_start_ms": 2, "dns_end_ms": 12, "connect_start_ms": 12, "tls_start_ms": 20, "connect_end_ms": 40, "request_ms": 41,
                "response_end_ms": 260, "dom_interactive_ms": 500, "dom_content_loaded_ms": 620, "load_ms": 1400, "first_paint_ms": 790,
            },
            "resources": {"count": 12, "bytes": 345_678},
            "custom": {"tenant": "acme"},
        },
        "m": [
            {"n": "TTFB", "v": 200, "a": {"waiting_ms": 2, "dns_ms": 10, "connection_ms": 28, "request_ms": 160}},
            {"n": "FCP", "v": 800, "a": {"ttfb_ms": 200, "render_ms": 600}},
            {"n": "LCP", "v": lcp, "a": {"element": "#hero", "url": "https://shop.example/hero.webp", "ttfb_ms": 200, "load_delay_ms": 100, "load_ms": 700, "render_delay_ms": lcp - 1000.0}},
            {"n": "INP", "v": 8 * (10 + i % 30), "a": {"type": "click", "at_ms": 3000, "input_delay_ms": 8, "processing_ms": 8 * (8 + i % 30), "presentation_ms": 8, "element": "#buy", "script": "https://shop.example/app.js", "script_ms": 60, "load_state": "complete"}},
            {"n": "CLS", "v": (i % 20) as f64 / 100.0, "a": {"shift": (i % 20) as f64 / 200.0, "shift_at_ms": 1200, "element": "div.banner", "load_state": "complete"}},
            {"n": "FID", "v": 8, "a": {"type": "pointerdown", "element": "#buy"}},
            {"n": "MEMORY", "v": 20_000_000 + i * 1000, "a": {"source": "used-js-heap", "age_ms": 60_000}},
        ],
        "ops": [operation],
        "drop": {"buffer-full": 1}, "self": {"main_ms": 2.5, "bytes": 800, "entries_dropped": if i % 10 == 0 { 1 } else { 0 }},
    })
}

/// Stores all of them beside what `store` holds, and brings its rollups up to date.
pub async fn add(store: &Store) {
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let mut import = Import::new(store.clone(), 2);
    for i in 0..VIEWS {
        let line = line(i, now_ms).to_string();
        let line = history::parse(line.as_bytes()).expect("is a page view");
        import.push(&line).await.expect("is taken");
    }
    import.flush().await.expect("is taken");
    rollup::run_once(store).await.expect("recomputes");
}

//! Made-up visitors of a shop, told as the beacons that their browsers would send. Everything about them that costs disk is drawn
//! like the real thing: ids are random, times have a tenth of a millisecond, a few routes have most of the views, selectors come
//! from few places and addresses of images from many. Each beacon starts from one that a browser test recorded.

use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::{Value, json};

/// The beacon of a real page view in Chromium.
const RECORDED: &str = include_str!("../../../crates/wire/testdata/v1/agent.json");
const ROUTES: usize = 200;
const PRODUCTS: u32 = 5_000;
/// Most frequent first, as are all lists here.
const COUNTRIES: [&str; 24] = [
    "US", "DE", "GB", "FR", "IN", "BR", "CA", "NL", "IT", "ES", "PL", "AT", "CH", "SE", "AU", "JP",
    "BE", "DK", "NO", "FI", "CZ", "PT", "MX", "IE",
];
const CHROME: &str = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome";

/// A beacon on its way in.
pub struct Sent {
    pub bytes: Vec<u8>,
    pub user_agent: String,
    pub country: &'static str,
    pub received_ms: u64,
}

pub struct Visitors {
    rng: TestRng,
    recorded: Value,
    routes: Vec<String>,
    releases: [&'static str; 3],
}

impl Visitors {
    /// The same seed gives the same visitors.
    pub fn new(seed: u8) -> Visitors {
        let mut recorded: Value =
            serde_json::from_str(RECORDED).expect("the recorded beacon is JSON");
        // A later beacon says the timing only when it has changed.
        recorded["context"]["timing"].take();
        Visitors {
            rng: TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]),
            recorded,
            routes: (0..ROUTES).map(route).collect(),
            releases: ["1.4.2", "1.4.1", "1.5.0-beta"],
        }
    }

    /// The beacons of `views` page views of visitors who came in the hour that begins at `hour_ms`, in the order of their arrival.
    pub fn beacons(&mut self, views: u32, hour_ms: u64) -> Vec<Sent> {
        let mut sent = Vec::new();
        let mut left = views;
        while left > 0 {
            let pages = (1 + self.few(7)).min(left);
            left -= pages;
            self.visit(pages, hour_ms, &mut sent);
        }
        sent.sort_by_key(|beacon| beacon.received_ms);
        sent
    }

    /// One session of one browser.
    fn visit(&mut self, pages: u32, hour_ms: u64, sent: &mut Vec<Sent>) {
        let mut start_ms = hour_ms + u64::from(self.below(3_600_000));
        let session = format!("{:016x}", self.rng.random_range(0..u64::MAX));
        let mobile = self.chance(0.6);
        let user_agent = self.user_agent(mobile);
        let country = COUNTRIES[self.few(COUNTRIES.len() as u32) as usize];
        let connection = ["4g", "4g", "4g", "3g", ""][self.below(5) as usize];
        let release = self.releases[self.few(3) as usize];
        for page in 0..pages {
            let mut base = self.recorded.clone();
            let view = (
                self.rng.random_range(0..u64::MAX),
                self.rng.random_range(0..u64::MAX),
            );
            base["view"] = uuid(view).into();
            base["session"] = session.as_str().into();
            base["start"] = start_ms.into();
            base["release"] = release.into();
            let place = self.few(ROUTES as u32) as usize;
            let route = self.routes[place].clone();
            base["path"] = route.as_str().into();
            base["route"] = route.as_str().into();
            base["nav"] = ["navigate", "navigate", "reload", "back-forward"]
                [self.few(4) as usize * usize::from(page > 0)]
            .into();
            let context = &mut base["context"];
            context["device"] = if mobile { "mobile" } else { "desktop" }.into();
            context["connection"] = connection.into();
            context["referrer"] =
                ["", "www.google.com", "example.org"][self.few(3) as usize].into();
            let seen_ms = self.view(&base, start_ms, (&user_agent, country), sent);
            start_ms += seen_ms;
        }
    }

    /// The beacons of one page view: when it has loaded, and when it is hidden. Returns how long it was open.
    fn view(
        &mut self,
        base: &Value,
        start_ms: u64,
        client: (&str, &'static str),
        sent: &mut Vec<Sent>,
    ) -> u64 {
        let loaded_ms = 3_000 + u64::from(self.below(4_000));
        let hidden_ms = loaded_ms + 2_000 + u64::from(self.below(120_000));
        let route = base["route"].as_str().unwrap_or_default();
        let place = self.few(4);
        let heap = 8_000_000 + self.below(60_000_000);
        let first = self.loaded(base.clone(), &element(route, place), loaded_ms, heap);
        self.send(first, start_ms, loaded_ms, client, sent);
        let elements = [1, 2].map(|further| element(route, place + further));
        let last = self.hidden(base.clone(), &elements, hidden_ms, heap);
        self.send(last, start_ms, hidden_ms, client, sent);
        hidden_ms
    }

    fn loaded(&mut self, mut beacon: Value, element: &str, loaded_ms: u64, heap: u32) -> Value {
        let ttfb_ms = self.around(220.0);
        let fcp_ms = tenth(ttfb_ms + self.around(500.0));
        let lcp_ms = tenth(fcp_ms + self.around(600.0));
        let connection_ms = self.around(60.0);
        let image = self.below(PRODUCTS);
        beacon["seq"] = 0.into();
        beacon["context"]["timing"] = json!({
            "dns_start_ms": 1.7, "dns_end_ms": 1.7, "connect_start_ms": 1.7, "connect_end_ms": tenth(1.7 + connection_ms),
            "request_ms": tenth(2.0 + connection_ms), "response_end_ms": tenth(ttfb_ms + self.around(40.0)),
            "dom_interactive_ms": tenth(fcp_ms * 0.8), "dom_content_loaded_ms": fcp_ms, "load_ms": tenth(lcp_ms + self.around(300.0)),
        });
        beacon["context"]["resources"] = self.resources();
        beacon["m"] = json!([
            {"n": "FCP", "v": fcp_ms, "a": {"ttfb_ms": ttfb_ms, "render_ms": tenth(fcp_ms - ttfb_ms)}},
            {"n": "LCP", "v": lcp_ms, "a": {
                "element": element, "url": format!("https://cdn.shop.example/images/{image:05}/large.webp"),
                "ttfb_ms": ttfb_ms, "load_delay_ms": tenth((lcp_ms - ttfb_ms) * 0.4), "load_ms": tenth((lcp_ms - ttfb_ms) * 0.5),
                "render_delay_ms": tenth((lcp_ms - ttfb_ms) * 0.1)}},
            {"n": "CLS", "v": 0},
            {"n": "TTFB", "v": ttfb_ms, "a": {"waiting_ms": 1.7, "cache_ms": 0, "dns_ms": 0, "connection_ms": connection_ms,
                "request_ms": tenth(ttfb_ms - connection_ms).max(0.0)}},
            memory(heap, heap, 1, loaded_ms),
        ]);
        beacon
    }

    /// Says only what is new.
    fn hidden(
        &mut self,
        mut beacon: Value,
        elements: &[String; 2],
        hidden_ms: u64,
        heap: u32,
    ) -> Value {
        let [shifted, pressed] = elements;
        let grown = heap + self.below(heap);
        let mut measured = vec![memory(heap, grown, hidden_ms / 10_000 + 1, hidden_ms)];
        if self.chance(0.4) {
            let shift = f64::from(self.below(300_000)) / 1e6;
            measured.push(json!({"n": "CLS", "v": shift, "a": {"shift": shift, "shift_at_ms": self.around(1_500.0),
                "element": shifted, "load_state": "dom-content-loaded"}}));
        }
        if self.chance(0.7) {
            let kind = ["pointerdown", "pointerup", "keydown"][self.few(3) as usize];
            let (delay_ms, processing_ms) = (self.around(4.0), self.around(30.0));
            let inp_ms = 8 * (1 + (delay_ms + processing_ms) as u64 / 8);
            measured
                .push(json!({"n": "FID", "v": delay_ms, "a": {"type": kind, "element": pressed}}));
            measured.push(
                json!({"n": "INP", "v": inp_ms, "a": {"type": kind, "at_ms": self.around(9_000.0),
                "input_delay_ms": delay_ms, "processing_ms": processing_ms,
                "presentation_ms": tenth((inp_ms as f64 - delay_ms - processing_ms).max(0.0)),
                "element": pressed, "load_state": "complete"}}),
            );
        }
        beacon["seq"] = 1.into();
        beacon["context"]["interactions"] = self.below(12).into();
        beacon["m"] = measured.into();
        if self.chance(0.3) {
            let count = 1 + self.below(4);
            beacon["ops"] = (0..count).map(|_| self.operation()).collect();
        }
        beacon
    }

    fn operation(&mut self) -> Value {
        let name = ["cart", "price", "stock", "reviews"][self.few(4) as usize];
        json!({"n": format!("GET /api/{name}"), "v": self.around(150.0), "ok": self.chance(0.98), "at": self.around(4_000.0)})
    }

    fn send(
        &mut self,
        mut beacon: Value,
        start_ms: u64,
        at_ms: u64,
        (user_agent, country): (&str, &'static str),
        sent: &mut Vec<Sent>,
    ) {
        beacon["sent"] = (start_ms + at_ms).into();
        beacon["self"] = json!({"main_ms": self.around(4.0), "bytes": 900 + self.below(900), "entries_dropped": 0});
        sent.push(Sent {
            bytes: beacon.to_string().into_bytes(),
            user_agent: user_agent.into(),
            country,
            // The network's delay; clocks of visitors are off by something that cancels out.
            received_ms: start_ms + at_ms + 20 + u64::from(self.below(200)),
        });
    }

    fn resources(&mut self) -> Value {
        let (scripts, images) = (4 + self.below(9), 6 + self.below(30));
        let bytes = 200_000 + self.below(1_500_000);
        json!({"count": scripts + images, "bytes": bytes, "cached": self.below(9),
            "types": {"script": [scripts, bytes / 3], "img": [images, bytes / 2]},
            "hosts": {"cdn.shop.example": [images, bytes / 2]},
            "slowest": [[format!("https://cdn.shop.example/images/{:05}/large.webp", self.below(PRODUCTS)), self.around(400.0)],
                ["https://shop.example/app.js", self.around(250.0)]]})
    }

    fn user_agent(&mut self, mobile: bool) -> String {
        let major = 156 - self.few(8);
        match (mobile, self.below(4)) {
            (true, 0) => format!(
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_{} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.{} Mobile/15E148 Safari/604.1",
                self.few(6),
                self.few(6)
            ),
            (true, _) => format!(
                "Mozilla/5.0 (Linux; Android {}; K) {CHROME}/{major}.0.0.0 Mobile Safari/537.36",
                16 - self.few(6)
            ),
            (false, 0) => format!(
                "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0",
                145 - self.few(5)
            ),
            (false, 1) => format!(
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {CHROME}/{major}.0.0.0 Safari/537.36"
            ),
            (false, _) => format!(
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME}/{major}.0.0.0 Safari/537.36"
            ),
        }
    }

    fn below(&mut self, count: u32) -> u32 {
        self.rng.random_range(0..count)
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.rng.random_range(0.0..1.0) < probability
    }

    /// Below `count`, the small ones far more often.
    fn few(&mut self, count: u32) -> u32 {
        let uniform: f64 = self.rng.random_range(0.0..1.0);
        (f64::from(count + 1).powf(uniform) as u32 - 1).min(count - 1)
    }

    /// Log-normal around a median, in tenths.
    fn around(&mut self, median: f64) -> f64 {
        let normal: f64 = (0..12)
            .map(|_| self.rng.random_range(0.0..1.0))
            .sum::<f64>()
            - 6.0;
        tenth(median * (0.6 * normal).exp())
    }
}

fn memory(first: u32, peak: u32, samples: u64, age_ms: u64) -> Value {
    json!({"n": "MEMORY", "v": peak, "a": {"source": "used-js-heap", "first_bytes": first, "peak_bytes": peak, "samples": samples,
        "age_ms": age_ms}})
}

/// Clocks of browsers have a resolution of a tenth of a millisecond.
fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn uuid((high, low): (u64, u64)) -> String {
    let (high, low) = (high & !0xf000 | 0x4000, low & !(3 << 62) | 1 << 63);
    let digits = format!("{high:016x}{low:016x}");
    format!(
        "{}-{}-{}-{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..]
    )
}

/// Words and placeholders only: a number in a route would be taken for an identifier.
fn route(number: usize) -> String {
    let section = ["product", "category", "help", "account", "blog"][number % 5];
    let syllables = [
        "ba", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo", "zu", "da", "fe", "gi", "po", "wu",
    ];
    let word = [number % 15, number / 15, 14]
        .map(|place| syllables[place])
        .concat();
    match number {
        0 => "/".into(),
        _ if number.is_multiple_of(3) => format!("/{section}/{word}/:id/reviews"),
        _ => format!("/{section}/{word}/:id"),
    }
}

/// Each route has its own handful.
fn element(route: &str, place: u32) -> String {
    let section = route.split('/').nth(2).unwrap_or_default();
    let [first, second, third] = ["main>section.hero", "div.card", "img.product"];
    match place {
        0 => "#hero".into(),
        1 => format!("{first}>{third}"),
        2 => format!("{first}>div.{section}>{third}"),
        _ => format!("#{section}>{second}:nth-child({place})>{third}"),
    }
}

//! Bytes in, accepted beacon or reason out; no socket, no clock.

use collector::ingest::{Accepted, Client, Device, Discard, Engine, Meta, Taken, accept};
use serde_json::{Value, json};

const NOW_MS: u64 = 1_763_683_200_500;
const FULL: &str = include_str!("../../../crates/wire/testdata/v1/full.json");
const RAW: &str = include_str!("../../../crates/wire/testdata/v1/raw.json");
const MEASURED: &str = include_str!("../../../crates/wire/testdata/v1/raw-measured.json");

fn client() -> Client {
    Client {
        browser: "Chrome 156".into(),
        os: "Android 16".into(),
        device: Device::Desktop,
        bot: false,
    }
}

fn taken(beacon: &Value) -> Result<Taken, Discard> {
    with(beacon, &client(), false)
}

fn with(beacon: &Value, client: &Client, raw_path: bool) -> Result<Taken, Discard> {
    let meta = Meta {
        app: "shop",
        routes: &["/product/:sku".into()],
        raw_path,
        client,
        country: "DE",
    };
    accept(beacon.to_string().as_bytes(), &meta, NOW_MS)
}

/// A beacon that fits, changed by `change`.
fn beacon(change: Value) -> Value {
    let mut beacon = json!({"v": 1, "view": "0193c2f0-7c1e-7cc3-98c4-dc0c0c07398f", "seq": 0, "sent": NOW_MS - 500,
        "start": NOW_MS - 10_500, "path": "/order/17?secret=1", "m": []});
    for (key, value) in change.as_object().expect("changes are an object") {
        beacon[key] = value.clone();
    }
    beacon
}

fn accepted(change: Value) -> Accepted {
    taken(&beacon(change)).expect("a good beacon").accepted
}

#[test]
fn a_full_beacon_is_taken_with_what_the_request_said() {
    let taken = taken(&serde_json::from_str(FULL).unwrap()).unwrap();
    assert_eq!(taken.refused, []);
    let accepted = taken.accepted;
    assert_eq!(
        [
            &accepted.app,
            &accepted.device,
            &accepted.browser,
            &accepted.os,
            &accepted.country,
            &accepted.stratum
        ],
        [
            "shop",
            "mobile",
            "Chrome 156",
            "Android 16",
            "DE",
            "mobile/fast/network"
        ]
    );
    assert_eq!(accepted.beacon.measurements.len(), 3);
    let json = serde_json::to_vec(&accepted).unwrap();
    let back: Accepted = serde_json::from_slice(&json).unwrap();
    assert_eq!(back, accepted, "the spool gives back what it was given");
}

#[test]
fn paths_are_scrubbed_again_unless_the_app_keeps_them() {
    let accepted = accepted(json!({}));
    assert_eq!(
        (
            accepted.beacon.path.as_str(),
            accepted.beacon.route.as_str()
        ),
        ("/order/:id", "/order/:id")
    );
    let raw = with(&beacon(json!({})), &client(), true).unwrap().accepted;
    assert_eq!(
        (raw.beacon.path.as_str(), raw.beacon.route.as_str()),
        ("/order/17", "/order/:id")
    );
    let templated = self::accepted(json!({"path": "/product/blue-shirt"}));
    assert_eq!(templated.beacon.route, "/product/:sku");
    assert_eq!(templated.beacon.path, "/product/:sku");
}

#[test]
fn a_referrer_is_a_host() {
    for (sent, expected) in [
        ("example.org", "example.org"),
        ("https://me:pw@Example.org/a?b#c", "example.org"),
        ("", ""),
    ] {
        let accepted = accepted(json!({"context": {"referrer": sent}}));
        assert_eq!(accepted.beacon.context.referrer, expected);
    }
}

#[test]
fn an_address_to_blame_keeps_no_query() {
    let blame = json!({"element": "#hero", "url": "https://me:pw@cdn.example.org/a.png?token=1"});
    let accepted = accepted(json!({"m": [{"n": "LCP", "v": 1, "a": blame}]}));
    let attribution = &accepted.beacon.measurements[0].attribution;
    assert_eq!(attribution[1].1, "https://cdn.example.org/a.png".into());
}

#[test]
fn what_was_loaded_from_where_keeps_no_query() {
    let sent = json!({"hosts": {"me@CDN.example.org/a": [1, 2]}, "slowest": [["https://cdn.example.org/a?token=1", 3]]});
    let accepted = accepted(json!({"context": {"resources": sent}}));
    let resources = accepted.beacon.context.resources.expect("resources");
    assert_eq!(resources.hosts[0].name, "cdn.example.org");
    assert_eq!(resources.slowest[0].0, "https://cdn.example.org/a");
}

/// A spool may hold records that an earlier version wrote.
#[test]
fn a_record_from_before_a_field_was_known_is_still_read() {
    let mut record = serde_json::to_value(accepted(json!({}))).unwrap();
    let context = record["beacon"]["context"].as_object_mut().unwrap();
    assert!(context.remove("resources").is_some());
    let back: Accepted = serde_json::from_value(record).unwrap();
    assert_eq!(back, accepted(json!({})));
}

#[test]
fn raw_entries_become_measurements_before_anything_is_kept() {
    let taken = taken(&serde_json::from_str(RAW).unwrap()).unwrap();
    assert_eq!(taken.refused, []);
    let accepted = taken.accepted;
    assert_eq!(accepted.engine, Engine::Collector);
    assert_eq!(accepted.beacon.session, "", "nothing is made up");
    assert_eq!(accepted.beacon.context.interactions, Some(2));
    let measured = self::taken(&serde_json::from_str(MEASURED).unwrap()).unwrap();
    assert_eq!(accepted.stratum, measured.accepted.stratum);
    let vitals = |accepted: &Accepted| -> Vec<_> {
        let measurements = accepted.beacon.measurements.iter();
        measurements
            .map(|measurement| (measurement.vital, measurement.value))
            .collect()
    };
    assert_eq!(vitals(&accepted), vitals(&measured.accepted));
    assert_eq!(vitals(&accepted).len(), 7);
}

#[test]
fn only_differences_of_the_client_clock_count() {
    let hour = 3_600_000;
    let started =
        |sent: u64, start: u64| accepted(json!({"sent": sent, "start": start})).started_ms;
    assert_eq!(started(NOW_MS, NOW_MS - 10_000), NOW_MS - 10_000);
    // Skewed by an hour either way: the same.
    assert_eq!(
        started(NOW_MS - hour, NOW_MS - hour - 10_000),
        NOW_MS - 10_000
    );
    assert_eq!(
        started(NOW_MS + hour, NOW_MS + hour - 10_000),
        NOW_MS - 10_000
    );
    // A tab that was open for three days is one; a clock three days off is none.
    assert_eq!(started(NOW_MS, NOW_MS - 72 * hour), NOW_MS - 72 * hour);
    assert_eq!(started(NOW_MS - 72 * hour, NOW_MS - 73 * hour), NOW_MS);
    assert_eq!(started(NOW_MS, NOW_MS + 1), NOW_MS);
    // Not known when it was sent: believed within a day.
    assert_eq!(started(0, NOW_MS - hour), NOW_MS - hour);
    assert_eq!(started(0, NOW_MS - 25 * hour), NOW_MS);
    assert_eq!(started(0, 0), NOW_MS);
}

#[test]
fn the_agent_knows_its_device_better_than_the_user_agent() {
    assert_eq!(accepted(json!({})).device, "desktop");
    let tablet = accepted(json!({"context": {"device": "tablet", "connection": "3g"}}));
    assert_eq!(
        (tablet.device.as_str(), tablet.stratum.as_str()),
        ("tablet", "mobile/slow/network")
    );
    assert_eq!(
        accepted(json!({"context": {"device": "toaster"}})).device,
        "desktop"
    );
}

#[test]
fn what_is_no_beacon_has_one_reason() {
    let malformed = |change| match taken(&beacon(change)) {
        Err(Discard::Malformed(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(malformed(json!({"v": 2})).contains("`v`"));
    assert!(malformed(json!({"view": "7"})).contains("`view`"));
    assert!(malformed(json!({"m": 1})).contains("`m`"));
    assert!(malformed(json!({"raw": {}})).contains("`raw.open`"));
    let padded = json!({"padding": "x".repeat(65_536)});
    assert_eq!(taken(&beacon(padded)), Err(Discard::TooLarge));
    let bot = Client {
        bot: true,
        ..client()
    };
    assert_eq!(with(&beacon(json!({})), &bot, false), Err(Discard::Bot));
}

#[test]
fn numbers_that_no_page_can_have_are_left_out() {
    let change = |duration: f64, size: f64| {
        json!({"context": {"sample_rate": 0, "blocking_ms": duration, "timing": {"load": duration, "server": 5},
                "resources": {"count": 3, "bytes": size}}, "self": {"main_ms": duration},
            "ops": [{"n": "a", "v": 1, "memory_bytes": size, "input_size": size}]})
    };
    for (duration, size) in [(-1.0, -1.0), (600_001.0, 2e15), (1e300, 1e300)] {
        let beacon = accepted(change(duration, size)).beacon;
        let context = &beacon.context;
        assert_eq!((context.sample_rate, context.blocking_ms), (None, None));
        assert_eq!(
            context.timing,
            [("server".into(), wire::Scalar::Number(5.0))]
        );
        let resources = context.resources.as_ref().expect("they are told");
        assert_eq!((resources.count, resources.bytes), (3, 0.0));
        assert_eq!(beacon.overhead.main_ms, 0.0);
        let operation = &beacon.operations[0];
        assert_eq!((operation.memory_bytes, operation.input_size), (None, None));
    }
    let beacon = accepted(change(600_000.0, 1e15)).beacon;
    assert_eq!(beacon.context.timing.len(), 2);
    assert_eq!(beacon.operations[0].memory_bytes, Some(1e15));
}

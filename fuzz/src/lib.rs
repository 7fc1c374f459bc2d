//! What the targets share: the collector's readers of outside bytes, and what must hold of whatever they accept.
//!
//! Run all targets for some seconds each with `cargo xtask fuzz`, one for longer with `cargo xtask fuzz raw_entries 600`, or with
//! cargo-fuzz and a nightly compiler: `cargo +nightly fuzz run raw_entries`. An input that breaks something is written to
//! `target/fuzz/artifacts/`; once it is mended, copy it to `fuzz/corpus/TARGET/`, where every run replays it first.

#![allow(
    dead_code,
    reason = "the included modules have more than the targets use"
)]

#[path = "../../collector/src/history.rs"]
pub mod history;
#[path = "../../collector/src/ingest/mod.rs"]
pub mod ingest;
#[path = "../../collector/src/spool/segment.rs"]
pub mod segment;

/// As in the collector's `spool`; the included file asks its parent for it.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

use ingest::{Accepted, Client, Device, Discard, Meta, Taken, payload};

pub const NOW_MS: u64 = 1_763_683_200_500;

/// Judges a body as the public listener does, and checks what it accepts.
pub fn accept(bytes: &[u8]) -> Result<Taken, Discard> {
    let client = Client {
        browser: "Chrome 156".into(),
        os: "Linux".into(),
        device: Device::Desktop,
        bot: false,
    };
    let routes = ["/product/:id".to_owned(), "/docs/*".to_owned()];
    let meta = Meta {
        app: "shop",
        routes: &routes,
        raw_path: false,
        client: &client,
        country: "CH",
    };
    let taken = ingest::accept(bytes, &meta, NOW_MS)?;
    check(&taken.accepted);
    Ok(taken)
}

/// What the spool keeps can be read again, and every value is one that a table can hold.
pub fn check(accepted: &Accepted) {
    let beacon = &accepted.beacon;
    for measurement in &beacon.measurements {
        let (vital, value) = (measurement.vital, measurement.value);
        assert!(
            (0.0..=vital.max_value()).contains(&value),
            "{vital:?} {value}"
        );
    }
    assert!(!beacon.route.is_empty());
    assert!(!beacon.path.contains(['?', '#']), "{}", beacon.path);
    let payload = payload::encode(accepted);
    assert!(payload.len() <= MAX_PAYLOAD_BYTES, "{}", payload.len());
    let back = payload::decode(payload::VERSION, &payload).expect("what was spooled can be read");
    assert_eq!(back, *accepted);
}

//! Bytes and what the request said -> an accepted beacon, or the reason why not. Pure: no clock, no socket, no disk.

mod address;
mod client;
mod evaluate;
pub mod names;
pub mod payload;
mod route;
pub mod stratum;

use serde::{Deserialize, Serialize};
use wire::Scalar;
use wire::decode::{self, Refusal};
use wire::limits::{MAX_BEACON_BYTES, MAX_DURATION_MS, MAX_MEMORY_BYTES, MAX_NAME_BYTES};

pub use client::{Client, Clients, Device};
pub use names::Names;
pub use stratum::stratum;

/// A client clock further off than this is broken, not skewed: its times of day mean nothing.
const MAX_CLOCK_OFFSET_MS: u64 = 24 * 60 * 60 * 1000;

/// A beacon that was taken: validated, scrubbed, its route named, its clock corrected. This is what the spool keeps
/// ([`payload`]) and what the store turns into rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    pub app: String,
    /// Collector clock when the body had been read, ms since the epoch.
    pub received_ms: u64,
    /// Start of the page view on the collector's clock, ms since the epoch: received - (sent - start).
    pub started_ms: u64,
    pub engine: Engine,
    /// `mobile`, `tablet`, `desktop` or `unknown`.
    pub device: String,
    /// Family and major version, such as `Chrome 156`; empty when unknown.
    pub browser: String,
    pub os: String,
    /// Two letters from a trusted proxy's header, else empty.
    pub country: String,
    /// `device/connection/delivery`, the split inside a series of all vitals but INP and FID (which append interactions).
    pub stratum: String,
    /// `path` is scrubbed, `route` is never empty, addresses have no query. Raw entries have become measurements.
    pub beacon: wire::Beacon,
}

/// Where the vitals were computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    Wasm,
    Collector,
}

/// What the request said beside its body.
#[derive(Clone, Copy, Debug)]
pub struct Meta<'m> {
    pub app: &'m str,
    /// The app's route templates.
    pub routes: &'m [String],
    /// The app keeps paths as they were sent.
    pub raw_path: bool,
    pub client: &'m Client,
    /// Two letters, or empty.
    pub country: &'m str,
}

/// A beacon that was taken, and what of it was not.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    pub accepted: Accepted,
    pub refused: Vec<Refusal>,
}

/// Why a beacon was not taken at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Discard {
    #[error("a beacon has at most {MAX_BEACON_BYTES} bytes")]
    TooLarge,
    #[error("{0}")]
    Malformed(String),
    #[error("bots are not counted")]
    Bot,
}

/// Judges one beacon.
///
/// # Errors
/// The first [`Discard`] that applies; items that are refused one by one are in [`Taken::refused`].
pub fn accept(bytes: &[u8], meta: &Meta<'_>, now_ms: u64) -> Result<Taken, Discard> {
    if bytes.len() > MAX_BEACON_BYTES {
        return Err(Discard::TooLarge);
    }
    if meta.client.bot {
        return Err(Discard::Bot);
    }
    let mut decoded = decode::decode(bytes).map_err(|malformed| Discard::Malformed(malformed.0))?;
    let engine = match decoded.raw.take() {
        Some(raw) => {
            let beacon = &mut decoded.beacon;
            decoded.refused.extend(evaluate::evaluate(&raw, beacon));
            Engine::Collector
        }
        None => Engine::Wasm,
    };
    let mut beacon = decoded.beacon;
    for measurement in &mut beacon.measurements {
        address::clean(&mut measurement.attribution);
    }
    if let Some(resources) = &mut beacon.context.resources {
        for share in &mut resources.hosts {
            share.name = host(&share.name);
        }
        for (address, _) in &mut resources.slowest {
            *address = address::public(address);
        }
    }
    beacon.route = route::name(&beacon.route, &beacon.path, meta.routes);
    let templates = meta.routes.iter().map(String::as_str);
    beacon.path = if meta.raw_path {
        let end = beacon.path.find(['?', '#']);
        beacon.path[..end.unwrap_or(beacon.path.len())].into()
    } else {
        wire::route::scrub(&beacon.path, templates)
    };
    beacon.context.referrer = host(&beacon.context.referrer);
    leave_out_impossible(&mut beacon);
    // The agent sees touch and viewport; the user agent only knows what the browser wants to be taken for.
    let device = Device::from_name(&beacon.context.device).unwrap_or(meta.client.device);
    let accepted = Accepted {
        app: meta.app.into(),
        received_ms: now_ms,
        started_ms: started_ms(beacon.sent_ms, beacon.start_ms, now_ms),
        engine,
        device: device.name().into(),
        browser: meta.client.browser.clone(),
        os: meta.client.os.clone(),
        country: meta.country.into(),
        stratum: stratum(device, &beacon.context, beacon.navigation_type),
        beacon,
    };
    Ok(Taken {
        accepted,
        refused: decoded.refused,
    })
}

/// Numbers beside the measurements that no page can have are left out, as a field of the wrong type is: one of them would be in
/// every average for as long as the rows are kept.
fn leave_out_impossible(beacon: &mut wire::Beacon) {
    let is_duration = |value: f64| (0.0..=MAX_DURATION_MS).contains(&value);
    let is_size = |value: &f64| (0.0..=MAX_MEMORY_BYTES).contains(value);
    let timing = &mut beacon.context.timing;
    timing.retain(|(_, value)| !matches!(value, Scalar::Number(value) if !is_duration(*value)));
    let context = &mut beacon.context;
    context.sample_rate = context.sample_rate.filter(|&rate| rate > 0.0);
    context.blocking_ms = context.blocking_ms.filter(|&value| is_duration(value));
    if let Some(resources) = &mut context.resources
        && !is_size(&resources.bytes)
    {
        resources.bytes = 0.0;
    }
    for operation in &mut beacon.operations {
        operation.memory_bytes = operation.memory_bytes.filter(is_size);
        operation.input_size = operation.input_size.filter(is_size);
    }
    if !is_duration(beacon.overhead.main_ms) {
        beacon.overhead.main_ms = 0.0;
    }
}

/// Start of the page view on our clock. Only a difference of the client's clock counts, so skew cancels; a beacon that cannot
/// say when it was sent (0) is believed, and one whose clock is more than a day off started when it arrived.
fn started_ms(sent_ms: u64, start_ms: u64, now_ms: u64) -> u64 {
    if sent_ms == 0 {
        let plausible = start_ms.abs_diff(now_ms) <= MAX_CLOCK_OFFSET_MS;
        return if plausible { start_ms } else { now_ms };
    }
    if sent_ms.abs_diff(now_ms) > MAX_CLOCK_OFFSET_MS || sent_ms < start_ms {
        return now_ms;
    }
    now_ms.saturating_sub(sent_ms - start_ms)
}

/// The host of a referrer, also where a page sent a whole address.
fn host(referrer: &str) -> String {
    let rest = referrer
        .split_once("://")
        .map_or(referrer, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or("");
    host.rsplit('@').next().unwrap_or("").to_ascii_lowercase()
}

/// Whether a text can name an app: it is a path segment of the ingest route, a column and a label.
pub fn is_app_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && !name.contains('/')
        && !name.chars().any(char::is_control)
}

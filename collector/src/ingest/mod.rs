//! Bytes and what the request said -> an accepted beacon, or the reason why not. Pure: no clock, no socket, no disk.

use serde::{Deserialize, Serialize};

/// A beacon that was taken: validated, scrubbed, its route named, its clock corrected. This is what the spool keeps (as JSON,
/// under the record's version byte) and what the store turns into rows.
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
    /// `path` is scrubbed, `route` is never empty.
    pub beacon: wire::Beacon,
}

/// Where the vitals were computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    Wasm,
    Collector,
}

/// Whether a text can name an app: it is a path segment of the ingest route, a column and a label.
pub fn is_app_name(name: &str) -> bool {
    (1..=wire::limits::MAX_NAME_BYTES).contains(&name.len())
        && !name.contains('/')
        && !name.chars().any(char::is_control)
}

//! The beacon's types: what one message from a page says. Not how it is written ([`crate::encode`]) or read
//! ([`crate::decode`]).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{NavigationType, Resources, Vital};

/// One message from a page: absolute values of one page view, newest sequence number wins.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "decode", derive(serde::Serialize, serde::Deserialize))]
pub struct Beacon {
    /// Identifies the page view, a UUID in lower case.
    pub view: String,
    /// Counts the beacons of this page view from 0; (`view`, `seq`) names a beacon for ever.
    pub seq: u32,
    /// One visitor's visit; empty where storage and memory gave none.
    pub session: String,
    /// Client clock at this attempt, ms since the epoch; 0 when the sender could not know it (no clock correction then).
    pub sent_ms: u64,
    /// Client clock at the start of the page view, the same in all its beacons.
    pub start_ms: u64,
    pub navigation_type: NavigationType,
    /// The location's path with identifiers replaced (the raw path only when the page asked for it).
    pub path: String,
    /// The route template; empty leaves it to the collector.
    pub route: String,
    pub release: String,
    pub environment: String,
    pub context: PageContext,
    pub measurements: Vec<Measurement>,
    pub operations: Vec<Operation>,
    /// What the agent had to give up since the last beacon, by reason.
    pub drops: Vec<(Cow<'static, str>, u64)>,
    pub overhead: Overhead,
}

/// What was known about device and visit when the page view ran. Absent is absent: nothing is invented.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "decode", derive(serde::Serialize, serde::Deserialize))]
pub struct PageContext {
    /// `mobile`, `tablet` or `desktop`.
    pub device: String,
    /// Effective connection type: `slow-2g`, `2g`, `3g`, `4g`.
    pub connection: String,
    pub rtt_ms: Option<u32>,
    pub cores: Option<u32>,
    pub memory_gb: Option<f64>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// The referrer's host, never its path.
    pub referrer: String,
    /// `network` or `cache`: where the document came from.
    pub delivery: String,
    /// Interactions the browser counted, and those whose latency the agent saw.
    pub interactions: Option<u32>,
    pub interactions_seen: Option<u32>,
    pub sample_rate: Option<f64>,
    /// What opened a soft page view: `native` or `route`; empty for any other.
    pub soft: String,
    pub hidden_at_start: bool,
    /// The agent's observers started late and nothing had observed before them.
    pub late: bool,
    /// The browser says it is driven by a program.
    pub automation: bool,
    /// Tasks longer than 50 ms so far, and what of them was beyond that, ms (Total Blocking Time).
    pub long_tasks: Option<u32>,
    pub blocking_ms: Option<f64>,
    /// Navigation milestones in ms since the start of the page view, `server_<name>_ms`. Sent when it changed.
    pub timing: Details,
    /// What was loaded so far. Sent when it changed; the encoder does not write it. A field that is newer than a spooled record must
    /// be optional, as this one.
    pub resources: Option<Resources>,
    /// The page's own dimensions: tenant, experiment, page type.
    pub custom: Details,
}

/// One vital's value for the page view, in the vital's unit.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "decode", derive(serde::Serialize, serde::Deserialize))]
pub struct Measurement {
    pub vital: Vital,
    pub value: f64,
    /// What to blame: element, phases, script.
    pub attribution: Details,
}

/// One custom timing.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "decode", derive(serde::Serialize, serde::Deserialize))]
pub struct Operation {
    pub name: String,
    /// Place in the beacon's list as sent, refused items included; the decoder fills it in, the encoder ignores it.
    pub position: u32,
    pub duration_ms: f64,
    pub success: bool,
    /// The error's type name, never its message; empty on success.
    pub error_type: String,
    /// Ms since the start of the page view.
    pub at_ms: f64,
    pub memory_bytes: Option<f64>,
    pub input_size: Option<f64>,
    pub detail: Details,
}

/// What the agent itself cost this page view so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "decode", derive(serde::Serialize, serde::Deserialize))]
pub struct Overhead {
    pub main_ms: f64,
    pub bytes: u32,
    /// Timeline entries the browser dropped before anything observed.
    pub entries_dropped: u32,
}

/// Flat key-value facts, in the order they were given. Keys in code are static, keys from outside are owned.
pub type Details = Vec<(Cow<'static, str>, Scalar)>;

#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "decode",
    derive(serde::Serialize, serde::Deserialize),
    serde(untagged)
)]
pub enum Scalar {
    Text(String),
    Number(f64),
    Flag(bool),
}

impl From<f64> for Scalar {
    fn from(value: f64) -> Self {
        Scalar::Number(value)
    }
}

impl From<String> for Scalar {
    fn from(value: String) -> Self {
        Scalar::Text(value)
    }
}

impl From<&str> for Scalar {
    fn from(value: &str) -> Self {
        Scalar::Text(value.into())
    }
}

impl From<bool> for Scalar {
    fn from(value: bool) -> Self {
        Scalar::Flag(value)
    }
}

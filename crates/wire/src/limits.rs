//! Every size and count that both ends agree on. The encoder stays under them, the decoder refuses what is over.

/// Vitals in ms and operations: ten minutes. Longer is a machine that slept, not a measurement.
pub const MAX_DURATION_MS: f64 = 600_000.0;
/// A page that shifts its whole viewport a hundred times over is broken or hostile.
pub const MAX_CLS: f64 = 100.0;
/// 2^50: a petabyte of heap is a hostile number.
pub const MAX_MEMORY_BYTES: f64 = 1_125_899_906_842_624.0;

/// One beacon, decoded. Browsers refuse larger bodies at exit, so no honest agent sends more.
pub const MAX_BEACON_BYTES: usize = 64 * 1024;
/// One NDJSON request: decoded bytes and lines.
pub const MAX_NDJSON_BYTES: usize = 8 * 1024 * 1024;
pub const MAX_NDJSON_LINES: usize = 10_000;
/// Vitals of one beacon: seven, with room for vitals that a newer agent may know.
pub const MAX_MEASUREMENTS: usize = 100;
pub const MAX_OPERATIONS: usize = 1_000;
/// Calls of one raw-entry beacon. An event takes about 50 bytes, so few honest beacons have room for more.
pub const MAX_RAW_CALLS: usize = 2_000;
/// Different selectors, addresses and names in them. Two hundred interactions with elements of their own are a long visit.
pub const MAX_RAW_TEXTS: usize = 400;

/// Names that people choose: apps, releases, environments, operations.
pub const MAX_NAME_BYTES: usize = 200;
/// Paths and routes.
pub const MAX_PATH_BYTES: usize = 512;
/// A route keeps this many segments; the rest becomes `*`.
pub const MAX_ROUTE_SEGMENTS: usize = 8;
/// Text inside attribution, details and context (selectors are cut at 100 characters by the agent).
pub const MAX_TEXT_BYTES: usize = 256;
/// Keys of one measurement's attribution.
pub const MAX_ATTRIBUTION_KEYS: usize = 24;
/// Keys of `context.timing`: the milestones, long tasks, and eight server timings.
pub const MAX_TIMING_KEYS: usize = 32;
/// Initiator types in `context.resources`; browsers have about ten.
pub const MAX_RESOURCE_TYPES: usize = 12;
/// The heaviest hosts and the slowest resources in it: what somebody would look at first.
pub const MAX_RESOURCE_HOSTS: usize = 5;
pub const MAX_SLOWEST_RESOURCES: usize = 5;
/// Keys of `context.custom`.
pub const MAX_CUSTOM_KEYS: usize = 10;
/// Keys of an operation's `detail`.
pub const MAX_DETAIL_KEYS: usize = 8;
/// Reasons in `drop`.
pub const MAX_DROP_REASONS: usize = 24;

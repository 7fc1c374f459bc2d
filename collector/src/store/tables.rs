//! The columns of the tables that blocks are written to. Order and types are those of the row encoding in [`super::rows`]; a test
//! writes every table of the real schema through them.

use super::block::Table;

const TEXT: &str = "String";
const WORD: &str = "LowCardinality(String)";
const STAMP: &str = "DateTime64(3, 'UTC')";

/// All of them.
pub static ALL: [&Table; 8] = [
    &PAGE_VIEWS,
    &STARTS,
    &DROPS,
    &TIMING,
    &RESOURCES,
    &MEASUREMENTS,
    &OPERATIONS,
    &IMPORTED_HOURS,
];

pub static PAGE_VIEWS: Table = Table {
    name: "page_view_rows",
    columns: &[
        ("app", WORD),
        ("view_id", "UUID"),
        ("start_ms", "UInt64"),
        ("version", "UInt64"),
        ("day", "Date"),
        ("environment", WORD),
        ("release", WORD),
        ("route", WORD),
        ("session_id", TEXT),
        ("received_at", STAMP),
        ("seq", "UInt32"),
        ("path", TEXT),
        ("navigation_type", WORD),
        ("started_at", STAMP),
        ("device", WORD),
        ("browser", WORD),
        ("os", WORD),
        ("country", WORD),
        ("connection", WORD),
        ("engine", WORD),
        ("stratum", WORD),
        ("referrer", TEXT),
        ("custom", "Map(LowCardinality(String), String)"),
        ("sample_rate", "Float64"),
        ("interactions", "UInt32"),
        ("interactions_seen", "UInt32"),
        ("entries_dropped", "UInt32"),
        ("agent_main_ms", "Float64"),
        ("agent_bytes", "UInt32"),
        ("timing", "Map(LowCardinality(String), Float64)"),
    ],
};

pub static STARTS: Table = Table {
    name: "page_view_start_rows",
    columns: &[
        ("app", WORD),
        ("view_id", "UUID"),
        ("start_ms", "UInt64"),
        ("version", "UInt64"),
        ("day", "Date"),
        ("seq", "UInt32"),
        ("received_at", STAMP),
        ("started_at", STAMP),
    ],
};

pub static DROPS: Table = Table {
    name: "page_view_drop_rows",
    columns: &[
        ("app", WORD),
        ("view_id", "UUID"),
        ("start_ms", "UInt64"),
        ("version", "UInt64"),
        ("day", "Date"),
        ("seq", "UInt32"),
        ("received_at", STAMP),
        ("drops", "Map(LowCardinality(String), UInt64)"),
    ],
};

pub static TIMING: Table = Table {
    name: "page_view_timing_rows",
    columns: &[
        ("app", WORD),
        ("view_id", "UUID"),
        ("start_ms", "UInt64"),
        ("version", "UInt64"),
        ("day", "Date"),
        ("received_at", STAMP),
        ("timing", "Map(LowCardinality(String), Float64)"),
    ],
};

pub static RESOURCES: Table = Table {
    name: "page_view_resource_rows",
    columns: &[
        ("app", WORD),
        ("view_id", "UUID"),
        ("start_ms", "UInt64"),
        ("version", "UInt64"),
        ("day", "Date"),
        ("received_at", STAMP),
        ("resource_count", "UInt32"),
        ("resource_bytes", "Float64"),
        ("resources", TEXT),
    ],
};

pub static MEASUREMENTS: Table = Table {
    name: "measurement_rows",
    columns: &[
        ("app", WORD),
        ("view_id", "UUID"),
        ("start_ms", "UInt64"),
        ("version", "UInt64"),
        ("day", "Date"),
        ("environment", WORD),
        ("release", WORD),
        ("route", WORD),
        ("session_id", TEXT),
        ("received_at", STAMP),
        ("vital", WORD),
        ("path", TEXT),
        ("navigation_type", WORD),
        ("value", "Float64"),
        ("bucket", "UInt16"),
        ("rating", WORD),
        ("started_at", STAMP),
        ("device", WORD),
        ("browser", WORD),
        ("os", WORD),
        ("country", WORD),
        ("connection", WORD),
        ("attribution", TEXT),
        ("engine", WORD),
        ("stratum", WORD),
    ],
};

pub static OPERATIONS: Table = Table {
    name: "operation_rows",
    columns: &[
        ("app", WORD),
        ("view_id", "UUID"),
        ("start_ms", "UInt64"),
        ("version", "UInt64"),
        ("day", "Date"),
        ("environment", WORD),
        ("release", WORD),
        ("route", WORD),
        ("session_id", TEXT),
        ("received_at", STAMP),
        ("seq", "UInt32"),
        ("position", "UInt32"),
        ("name", WORD),
        ("duration_ms", "Float64"),
        ("bucket", "UInt16"),
        ("success", "Bool"),
        ("error_type", WORD),
        ("memory_bytes", "Nullable(Float64)"),
        ("input_size", "Nullable(Float64)"),
        ("attributes", TEXT),
        ("at", STAMP),
        ("stratum", WORD),
    ],
};

pub static IMPORTED_HOURS: Table = Table {
    name: "imported_hours",
    columns: &[
        ("app", WORD),
        ("kind", WORD),
        ("vital", WORD),
        ("environment", WORD),
        ("route", WORD),
        ("hour", "DateTime('UTC')"),
        ("stratum", WORD),
        ("release", WORD),
        ("generation", "UInt64"),
        ("n", "UInt64"),
        ("sessions", "UInt64"),
        ("buckets", "Map(UInt16, UInt64)"),
    ],
};

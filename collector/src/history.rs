//! Series-hours as NDJSON and as rollup rows <-> `detect::History`.

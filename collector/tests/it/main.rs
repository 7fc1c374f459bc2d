//! The collector's integration tests: one binary; real files, the real spool, the real router, a real ClickHouse with a fresh
//! database for each test.
//!
//! Rules: no mocks where the real thing is at hand; nothing shared between tests but the engine; wait for a condition, never for
//! a time; a missing engine is a failure that names the install command, never a skip.

mod api;
mod authority;
mod calibration;
mod cli;
mod cluster;
mod dashboard;
mod details;
mod doctor;
mod drifts;
mod embedded;
mod engine;
mod explain;
mod grafana;
mod growth;
mod http_public;
mod ingest;
mod lease;
mod loadgen;
mod metrics;
mod misfit;
mod nginx;
mod odd_histories;
mod openapi;
mod packed;
mod page_views;
mod ports;
mod references;
mod rollup;
mod secrets;
mod security;
mod serve;
mod shards;
mod shop;
mod single;
mod spool;
mod store;
mod tls;
mod totals;
mod visits;
mod watch;
mod writer;

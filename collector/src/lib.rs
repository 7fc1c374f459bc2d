//! The path of a beacon, in the order of the modules:
//!
//! [`http::public`] takes the bytes and does the cheap checks; [`ingest`] turns bytes into an accepted beacon or a reason why
//! not; [`spool`] makes it durable, and only then is it answered; [`store`] writes sealed blocks into ClickHouse and recomputes
//! rollups of closed hours; [`watch`] reads rollups as [`history`], lets `detect` judge them and stores the findings
//! with what [`explain`] knows about them;
//! [`http::private`] shows all of it to people. [`embedded`] runs ClickHouse where none is given, [`serve`] connects the parts.
//! [`loadgen`] stands outside: it sends beacons and holds what is stored against what was answered.
//!
//! Data moves one way. Two edges point back, both back-pressure: a full spool refuses beacons, and the store acknowledges
//! records so that the spool can forget them.

pub mod allocator;
pub mod cli;
pub mod clock;
pub mod config;
pub mod doctor;
pub mod embedded;
pub mod explain;
pub mod history;
pub mod http;
pub mod ingest;
pub mod listeners;
pub mod loadgen;
pub mod metrics;
pub mod serve;
pub mod shutdown;
pub mod spool;
pub mod store;
pub mod watch;

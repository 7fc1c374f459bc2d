//! One configuration, read once, handed down; each part takes only what it uses.
//!
//! Defaults, then the file, then the environment ([`env`]); the result is checked once ([`check`]) and is right from then on.

pub mod check;
pub mod env;
mod load;
mod network;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use load::load;
pub use network::Network;

/// Every key of `vitalscope.toml`. A test keeps `vitalscope.example.toml` equal to the defaults.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Everything the collector keeps on disk; the spool lives in its `spool/`, embedded ClickHouse in `clickhouse/`.
    pub data_dir: PathBuf,
    pub public: Public,
    pub private: Private,
    pub clickhouse: ClickHouse,
    pub ingest: Ingest,
    pub spool: Spool,
    pub retention: Retention,
    pub detection: Detection,
    /// Monitored products. Empty: any app name from any origin is taken, with a warning.
    pub apps: Vec<App>,
    pub demo: Demo,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Public {
    pub listen: SocketAddr,
    /// PEM files; both or neither. With them this listener speaks TLS only.
    pub tls_certificate: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Private {
    pub listen: SocketAddr,
    /// Required off loopback.
    pub token: Option<String>,
    /// Host names beside the loopback ones that requests may name.
    pub hosts: Vec<String>,
    /// As of the public listener.
    pub tls_certificate: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
}

/// Certificate chain and private key of a listener.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TlsFiles<'c> {
    pub certificate: &'c Path,
    pub key: &'c Path,
}

impl<'c> TlsFiles<'c> {
    fn of(certificate: &'c Option<PathBuf>, key: &'c Option<PathBuf>) -> Option<TlsFiles<'c>> {
        // One without the other is refused when the configuration is checked.
        Some(TlsFiles {
            certificate: certificate.as_deref()?,
            key: key.as_deref()?,
        })
    }
}

impl Public {
    pub fn tls(&self) -> Option<TlsFiles<'_>> {
        TlsFiles::of(&self.tls_certificate, &self.tls_key)
    }
}

impl Private {
    pub fn tls(&self) -> Option<TlsFiles<'_>> {
        TlsFiles::of(&self.tls_certificate, &self.tls_key)
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClickHouse {
    /// `embedded`, or the HTTP address of a server.
    pub url: String,
    pub database: String,
    pub user: String,
    pub password: String,
    /// Name of the cluster that the server belongs to: tables are made on all of it.
    pub cluster: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ingest {
    /// Prefix of the ingest route; the app's name follows it. Ad-blockers match names, so it can be changed.
    pub path: String,
    /// Request header that carries the visitor's country, believed only from trusted proxies.
    pub country_header: Option<String>,
    /// Addresses or networks (CIDR) of proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<String>,
    /// Beacons per second of one client address (IPv6: /64) of the public internet; 0: no limit.
    pub address_beacons_per_s: u32,
    /// Beacons per second of one app that has no limit of its own; 0: no limit.
    pub app_beacons_per_s: u32,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spool {
    /// Disk that beacons may take while ClickHouse is away; beyond it the collector answers 503.
    pub max_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Page views, measurements, operations.
    pub raw_days: u32,
    pub rollup_months: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Detection {
    /// How the past that counts as normal is chosen.
    pub baseline: Baseline,
}

/// The strategies of `detect`, by their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    #[default]
    RollingWindow,
    AutomatedStable,
    ManualApproval,
}

impl From<Baseline> for detect::Strategy {
    fn from(baseline: Baseline) -> detect::Strategy {
        match baseline {
            Baseline::RollingWindow => detect::Strategy::RollingWindow,
            Baseline::AutomatedStable => detect::Strategy::AutomatedStable,
            Baseline::ManualApproval => detect::Strategy::ManualApproval,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct App {
    pub name: String,
    /// Origins (`https://shop.example`) that may send for this app; empty allows every one.
    pub origins: Vec<String>,
    /// Refuse beacons without an `Origin` header.
    pub require_origin: bool,
    /// Keep paths as they were sent instead of replacing identifiers.
    pub raw_path: bool,
    /// Route templates such as `/product/:id`, the first that fits wins.
    pub routes: Vec<String>,
    /// Beacons per second instead of `ingest.app_beacons_per_s`; 0: no limit.
    pub beacons_per_s: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Demo {
    pub enabled: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            data_dir: "vitalscope-data".into(),
            public: Public::default(),
            private: Private::default(),
            clickhouse: ClickHouse::default(),
            ingest: Ingest::default(),
            spool: Spool::default(),
            retention: Retention::default(),
            detection: Detection::default(),
            apps: Vec::new(),
            demo: Demo::default(),
        }
    }
}

impl Default for Public {
    fn default() -> Self {
        Public {
            listen: SocketAddr::from(([0, 0, 0, 0], 8080)),
            tls_certificate: None,
            tls_key: None,
        }
    }
}

impl Default for Private {
    fn default() -> Self {
        Private {
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            token: None,
            hosts: Vec::new(),
            tls_certificate: None,
            tls_key: None,
        }
    }
}

impl Default for ClickHouse {
    fn default() -> Self {
        ClickHouse {
            url: "embedded".into(),
            database: "vitalscope".into(),
            user: "default".into(),
            password: String::new(),
            cluster: None,
        }
    }
}

impl Default for Ingest {
    fn default() -> Self {
        Ingest {
            path: "/v1/views".into(),
            country_header: None,
            trusted_proxies: Vec::new(),
            // Ten thousand visitors who are active at once behind one address, on one site: no office and no carrier has them,
            // and a tenth of what a small machine takes.
            address_beacons_per_s: 500,
            // With one app a limit only loses data; set it where teams share a collector.
            app_beacons_per_s: 0,
        }
    }
}

impl Default for Spool {
    fn default() -> Self {
        Spool {
            // About five million beacons of 800 bytes: most of a day at 60 a second.
            max_bytes: 4 * 1024 * 1024 * 1024,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            raw_days: 90,
            rollup_months: 13,
        }
    }
}

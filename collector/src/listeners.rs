//! The two doors: the sockets, bound before anything else is started, and the addresses under which people find what is behind them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Context;
use tokio::net::TcpListener;

use crate::config::{Config, TlsFiles};

/// The two doors, open but not served yet.
pub struct Listeners {
    pub public: TcpListener,
    pub private: TcpListener,
}

impl Listeners {
    /// # Errors
    /// An address is taken or not ours; the message names the key to change.
    pub async fn bind(config: &Config) -> anyhow::Result<Listeners> {
        Ok(Listeners {
            public: bind("public.listen", config.public.listen).await?,
            private: bind("private.listen", config.private.listen).await?,
        })
    }

    /// What is where, for people: name and address. `clickhouse` is where the database answers.
    ///
    /// # Errors
    /// The system does not know the sockets any more.
    pub fn addresses(
        &self,
        config: &Config,
        clickhouse: &str,
    ) -> anyhow::Result<Vec<(&'static str, String)>> {
        let public = base(self.public.local_addr()?, config.public.tls());
        let private = base(self.private.local_addr()?, config.private.tls());
        let mut addresses = vec![
            ("ingest", format!("{public}{}/{{app}}", config.ingest.path)),
            ("agent", format!("{public}/agent.js")),
        ];
        if config.demo.enabled {
            addresses.push(("demo", format!("{public}/demo/")));
        }
        addresses.push(("dashboard", format!("{private}/")));
        addresses.push(("metrics", format!("{private}/metrics")));
        addresses.push(("clickhouse", clickhouse.to_owned()));
        Ok(addresses)
    }
}

async fn bind(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        let variable = format!("VITALSCOPE_{}", key.replace('.', "_").to_uppercase());
        format!("cannot listen on {address}: choose another address with {key} or {variable}")
    })
}

fn base(address: SocketAddr, tls: Option<TlsFiles<'_>>) -> String {
    let scheme = if tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{}", reachable(address))
}

/// An address that a browser on this machine can open: listening everywhere includes here.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

//! Who has sent too much: the app, or one address. Asked before a body is read; what the body turns out to hold is charged after.
//!
//! The unit is the beacon: a request is admitted while its buckets are not empty and costs one; an NDJSON request of n lines costs
//! n, told when they have been counted, and its sender waits until they are paid for. Only admitted beacons cost anything, so a
//! sender who is refused cannot use up the app's share.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::http::StatusCode;

use super::rate::{Buckets, Rate};
use super::refused::{Refused, refuse};
use crate::config::{self, App};
use crate::metrics::{Limit, Metrics, Reason};

/// The limits of a configuration, and how far each sender is from its own.
#[derive(Debug)]
pub struct Limits {
    started: Instant,
    apps: Buckets,
    app_rate: Option<Rate>,
    addresses: Buckets,
    address_rate: Option<Rate>,
    hinted: AtomicBool,
}

/// The buckets that a request is charged to.
#[derive(Clone, Copy, Debug)]
pub struct Account<'r> {
    app: Option<(&'r str, Rate)>,
    address: Option<(Sender, Rate)>,
}

/// What counts as one sender: an IPv4 address, or an IPv6 network of 64 bits, because that is what one household or one machine
/// gets and may choose addresses from at will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    V4(u32),
    V6(u64),
}

impl Sender {
    /// None for an address that is not of the public internet: loopback and private networks are proxies that nobody listed, other
    /// machines of one's own, or a load test. Behind each of them may be everyone.
    pub fn of(address: IpAddr) -> Option<Sender> {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let inside = v4.is_loopback()
                    || v4.is_private()
                    || v4.is_link_local()
                    || v4.is_unspecified();
                (!inside).then(|| Sender::V4(v4.to_bits()))
            }
            IpAddr::V6(v6) => {
                let inside = v6.is_loopback()
                    || v6.is_unique_local()
                    || v6.is_unicast_link_local()
                    || v6.is_unspecified();
                (!inside).then(|| Sender::V6((v6.to_bits() >> 64) as u64))
            }
        }
    }
}

impl Limits {
    pub fn new(ingest: &config::Ingest) -> Limits {
        Limits {
            started: Instant::now(),
            apps: Buckets::default(),
            app_rate: Rate::per_s(ingest.app_beacons_per_s),
            addresses: Buckets::default(),
            address_rate: Rate::per_s(ingest.address_beacons_per_s),
            hinted: AtomicBool::new(false),
        }
    }

    /// Takes one beacon from both buckets, or from none.
    ///
    /// # Errors
    /// 429, with the time after which there is one.
    pub fn admit<'r>(
        &self,
        app: &App,
        name: &'r str,
        address: Option<IpAddr>,
        metrics: &Metrics,
    ) -> Result<Account<'r>, Refused> {
        let app_rate = app.beacons_per_s.map_or(self.app_rate, Rate::per_s);
        let account = Account {
            app: app_rate.map(|rate| (name, rate)),
            address: address.and_then(Sender::of).zip(self.address_rate),
        };
        let now = self.started.elapsed();
        if let Some((name, rate)) = account.app {
            let wait = self.apps.wait(name, rate, now);
            check(wait, Limit::App, metrics)?;
        }
        if let Some((sender, rate)) = account.address {
            let wait = self.addresses.wait(sender, rate, now);
            check(wait, Limit::Address, metrics)?;
        }
        self.charge(&account, 1);
        Ok(account)
    }

    /// True once: a flood must not fill the log.
    pub fn is_first_hint(&self) -> bool {
        !self.hinted.swap(true, Ordering::Relaxed)
    }

    pub fn charge(&self, account: &Account<'_>, beacons: u64) {
        let now = self.started.elapsed();
        if let Some((name, rate)) = account.app {
            self.apps.charge(name, rate, beacons, now);
        }
        if let Some((sender, rate)) = account.address {
            self.addresses.charge(sender, rate, beacons, now);
        }
    }
}

fn check(wait: Duration, limit: Limit, metrics: &Metrics) -> Result<(), Refused> {
    if wait.is_zero() {
        return Ok(());
    }
    metrics.limited(limit);
    let detail = match limit {
        Limit::App => "this app sends more than it may",
        Limit::Address => "this address sends more than it may",
    };
    let Refused { reason, problem } =
        refuse(Reason::RateLimited, StatusCode::TOO_MANY_REQUESTS, detail);
    let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
    Err(Refused {
        reason,
        problem: problem.retry_after(seconds.saturating_add(1)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(address: &str) -> Option<Sender> {
        Sender::of(address.parse().expect("is an address"))
    }

    #[test]
    fn an_ipv6_network_is_one_sender() {
        assert_eq!(sender("2001:db8:1:2::1"), sender("2001:db8:1:2:ffff::9"));
        assert_ne!(sender("2001:db8:1:2::1"), sender("2001:db8:1:3::1"));
        assert_ne!(sender("203.0.113.1"), sender("203.0.113.2"));
        assert_eq!(sender("::ffff:203.0.113.1"), sender("203.0.113.1"));
    }

    #[test]
    fn what_is_not_of_the_internet_is_no_sender() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.1.1",
            "::ffff:10.0.0.1",
            "0.0.0.0",
            "::",
            "::1",
            "fd00::1",
            "fe80::1",
        ] {
            assert_eq!(sender(address), None, "{address}");
        }
        for address in ["172.32.0.1", "203.0.113.1", "2001:db8::1"] {
            assert!(sender(address).is_some(), "{address}");
        }
    }
}

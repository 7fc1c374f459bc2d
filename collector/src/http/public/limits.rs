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
use crate::http::sender::Sender;
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

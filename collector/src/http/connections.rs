//! How many connections a listener holds. Who waits, who is turned away and who may stay is decided here; what is said on a connection
//! is not looked at.
//!
//! A browser keeps its connection open for a while after a beacon. While there is room that saves the next one a handshake; when
//! half of the places are taken, each connection ends with its answer, so idle visitors never keep out others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::sender::Sender;
use crate::config::Network;
use crate::metrics::Traffic;

/// Connections at once: with the largest head and one beacon's body in each they hold 200 MB, and no honest load comes near.
const MAX_CONNECTIONS: usize = 2048;
/// Of them, those of one sender of the public internet: a carrier's NAT has fewer, and one machine cannot take all places.
const SENDER_SHARE: usize = 4;
/// Beyond this share of the places, connections end with their answer.
const CROWDED_SHARE: usize = 2;
/// Of the private listener: dashboards, scrapes and people.
const MAX_PRIVATE_CONNECTIONS: usize = 256;
/// Files that the spool and the connections to ClickHouse need beside them.
const RESERVED_FILES: usize = 256;

/// The places of one listener. Clones are the same places.
#[derive(Clone, Debug)]
pub struct Connections {
    places: Arc<Semaphore>,
    max: usize,
    /// Open connections of each sender; a sender without any has no entry, so there are never more than connections.
    senders: Arc<Mutex<HashMap<Sender, usize>>>,
    /// Behind a proxy of ours is everyone.
    proxies: Arc<[Network]>,
    pub traffic: Arc<Traffic>,
}

/// One place; given back when dropped.
#[derive(Debug)]
pub struct Place {
    connections: Connections,
    sender: Option<Sender>,
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    /// For strangers, who may come through `proxies`.
    pub fn public(traffic: Arc<Traffic>, proxies: Vec<Network>) -> Connections {
        Connections::with_max(max_public_connections(), traffic, proxies)
    }

    pub fn private(traffic: Arc<Traffic>) -> Connections {
        Connections::with_max(MAX_PRIVATE_CONNECTIONS, traffic, Vec::new())
    }

    pub fn with_max(max: usize, traffic: Arc<Traffic>, proxies: Vec<Network>) -> Connections {
        Connections {
            places: Arc::new(Semaphore::new(max)),
            max,
            senders: Arc::default(),
            proxies: proxies.into(),
            traffic,
        }
    }

    /// Waits for a free place: until then the next connection waits in the kernel's queue.
    pub async fn free(&self) -> OwnedSemaphorePermit {
        let permit = self.places.clone().acquire_owned().await;
        permit.expect("the semaphore is never closed")
    }

    /// Gives the place to a connection from `peer`; None when this sender has too many already.
    pub fn enter(&self, permit: OwnedSemaphorePermit, peer: IpAddr) -> Option<Place> {
        let is_proxy = self.proxies.iter().any(|network| network.contains(peer));
        let sender = Sender::of(peer).filter(|_| !is_proxy);
        if let Some(sender) = sender {
            let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
            let open = senders.entry(sender).or_default();
            if *open >= (self.max / SENDER_SHARE).max(1) {
                self.traffic.refused.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            *open += 1;
        }
        self.traffic.open.fetch_add(1, Ordering::Relaxed);
        Some(Place {
            connections: self.clone(),
            sender,
            _permit: permit,
        })
    }

    /// Whether a connection had better end with its answer.
    pub fn are_crowded(&self) -> bool {
        let open = self.traffic.open.load(Ordering::Relaxed);
        open > (self.max / CROWDED_SHARE) as u64
    }
}

impl Place {
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.connections.traffic
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Connections {
            senders, traffic, ..
        } = &self.connections;
        traffic.open.fetch_sub(1, Ordering::Relaxed);
        let Some(sender) = self.sender else { return };
        let mut senders = senders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = senders.get_mut(&sender) {
            *open -= 1;
            if *open == 0 {
                senders.remove(&sender);
            }
        }
    }
}

/// Raises the number of files this process may open as far as it is allowed to, and says how many connections of strangers fit in.
/// Many systems start processes with 1,024: connections would use them up, and then the spool could not open its next segment.
fn max_public_connections() -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let _ = setrlimit(Resource::Nofile, raised); // what it is then, is asked next
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    files
        .saturating_sub(RESERVED_FILES + MAX_PRIVATE_CONNECTIONS)
        .clamp(64, MAX_CONNECTIONS)
}

/// What is done to every accepted socket.
///
/// A peer that takes no answer for this long is cut off by the kernel: what it was sent would otherwise stay in memory for ever.
pub fn prepare(stream: &tokio::net::TcpStream) {
    const UNREAD_TIMEOUT_MS: u32 = 30_000;
    // Only latency or patience is lost without them.
    let _ = stream.set_nodelay(true);
    let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, UNREAD_TIMEOUT_MS);
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn enter(connections: &Connections, peer: &str) -> Option<Place> {
        let peer: std::net::SocketAddr = peer.parse().expect(peer);
        let permit = connections.free().await;
        connections.enter(permit, peer.ip())
    }

    #[tokio::test]
    async fn one_sender_gets_a_quarter_of_the_places_and_gives_them_back() {
        let proxies = vec!["203.0.113.99".parse().expect("is an address")];
        let connections = Connections::with_max(40, Arc::default(), proxies);
        let mut places = Vec::new();
        for port in 1..=20 {
            places.extend(enter(&connections, &format!("203.0.113.7:{port}")).await);
        }
        assert_eq!(places.len(), 10);
        assert!(!connections.are_crowded());
        assert!(enter(&connections, "203.0.113.8:1").await.is_some());
        for port in 1..=15 {
            places.extend(enter(&connections, &format!("203.0.113.99:{port}")).await);
        }
        assert_eq!(places.len(), 25, "a proxy is not one sender");
        assert!(connections.are_crowded());
        for port in 1..=15 {
            places.extend(enter(&connections, &format!("127.0.0.1:{port}")).await);
        }
        assert_eq!(places.len(), 40);
        let full = futures_util::poll!(std::pin::pin!(connections.free()));
        assert!(full.is_pending(), "the next one waits");
        let traffic = connections.traffic.clone();
        assert_eq!(traffic.open.load(Ordering::Relaxed), 40);
        assert_eq!(traffic.refused.load(Ordering::Relaxed), 10);
        drop(places);
        assert_eq!(traffic.open.load(Ordering::Relaxed), 0);
        assert!(connections.senders.lock().expect("not poisoned").is_empty());
        assert!(enter(&connections, "203.0.113.7:1").await.is_some());
    }
}

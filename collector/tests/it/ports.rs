//! Ports for servers that die and come back on the same one: below those that the system gives to outgoing connections, any of
//! which could take the port of a dead server before its return.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u32 = 12_000;
/// Linux begins with outgoing connections at 32,768.
const COUNT: u32 = 20_000;
/// Each process begins somewhere else, and would have to take this many to meet the next.
const STRIDE: u32 = 50;

/// A port that is free at this moment and that no other call of this process gets.
pub fn free() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = TAKEN.fetch_add(1, Ordering::Relaxed);
        assert!(number < COUNT, "no free port");
        let offset = std::process::id().wrapping_mul(STRIDE).wrapping_add(number) % COUNT;
        let port = u16::try_from(FIRST + offset).expect("below 32,768");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

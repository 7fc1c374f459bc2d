//! What is counted as one sender, of connections and of beacons.

use std::net::IpAddr;

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

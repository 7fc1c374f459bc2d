//! Networks whose forwarding headers are believed: an address, or an address and a prefix length.

use std::net::IpAddr;
use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u32,
}

/// The text is no address and no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no address or network such as 10.0.0.0/8")]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Network, NotANetwork> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match bits {
            Some(bits) => bits.parse().map_err(|_| NotANetwork)?,
            None => width,
        };
        if prefix_bits > width {
            return Err(NotANetwork);
        }
        Ok(Network {
            address,
            prefix_bits,
        })
    }
}

impl Network {
    /// Whether `address` lies inside. An IPv4 address that arrives in its IPv6 form is the same address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let shift = 32 - self.prefix_bits;
                u64::from(ours.to_bits()) >> shift == u64::from(theirs.to_bits()) >> shift
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let differing = ours.to_bits() ^ theirs.to_bits();
                differing.leading_zeros() >= self.prefix_bits
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(network: &str, inside: &[&str], outside: &[&str]) {
        let network: Network = network.parse().expect(network);
        for address in inside {
            assert!(network.contains(address.parse().unwrap()), "{address}");
        }
        for address in outside {
            assert!(!network.contains(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_network_contains_what_shares_its_prefix() {
        check(
            "10.0.0.0/8",
            &["10.1.2.3", "::ffff:10.9.9.9"],
            &["11.0.0.0", "::1"],
        );
        check("127.0.0.1", &["127.0.0.1"], &["127.0.0.2"]);
        check("0.0.0.0/0", &["1.2.3.4"], &["2001:db8::1"]);
        check(
            "2001:db8::/32",
            &["2001:db8:1::1"],
            &["2001:db9::1", "10.0.0.1"],
        );
        check("::/0", &["::1"], &["10.0.0.1"]);
    }

    #[test]
    fn anything_else_is_no_network() {
        for text in [
            "",
            "10",
            "10.0.0.0/33",
            "10.0.0.0/x",
            "::/129",
            "example.org",
        ] {
            assert_eq!(text.parse::<Network>(), Err(NotANetwork), "{text}");
        }
    }
}

//! The address a beacon came from, as far as it can be believed. It is counted by and forgotten: nothing stores or logs it.
//!
//! Each proxy appends to `X-Forwarded-For` whom it heard. So the list is read from the right, through the proxies we trust, to the
//! first address we do not; what stands left of it was written by that client. `Forwarded` (RFC 7239) is not read: a proxy passes on
//! unchanged the one of the two headers that it does not write, so whoever believes both believes the client.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};

use crate::config::Network;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Proxies one behind the other; more than this is nobody's network.
const MAX_HOPS: usize = 16;

/// Whether `address` is one of our proxies.
pub fn is_trusted(trusted: &[Network], address: IpAddr) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

/// The first address from the right that is no proxy of ours; the last proxy where it names none.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let mut address = peer;
    let lines = headers.get_all(&X_FORWARDED_FOR).into_iter().rev();
    let hops = lines.flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','));
    for hop in hops.take(MAX_HOPS) {
        if !is_trusted(trusted, address) {
            break;
        }
        // A name or garbage: the proxy did not know, and what is left of it is worth nothing.
        let Some(heard) = std::str::from_utf8(hop).ok().and_then(parse) else {
            break;
        };
        address = heard;
    }
    address
}

/// Whether somebody says that this request was passed on.
pub fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(&X_FORWARDED_FOR)
}

/// With or without a port, an IPv6 address with or without brackets.
fn parse(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let address = hop.parse::<IpAddr>().ok();
    let address = address.or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip()));
    address.or_else(|| hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn check(peer: &str, forwarded: &[&str], expected: &str) {
        let trusted = ["10.0.0.0/8", "2001:db8:ffff::/48"].map(|text| text.parse().expect(text));
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(&X_FORWARDED_FOR, line.parse().expect("a header"));
        }
        let address = client_address(peer.parse().expect(peer), &headers, &trusted);
        let expected: IpAddr = expected.parse().expect(expected);
        assert_eq!(address, expected, "{peer} {forwarded:?}");
    }

    #[test]
    fn the_first_untrusted_address_from_the_right_is_the_client() {
        check(PROXY, &[], PROXY);
        check(PROXY, &["203.0.113.7"], "203.0.113.7");
        check(PROXY, &["198.51.100.1, 203.0.113.7"], "203.0.113.7");
        check(PROXY, &["203.0.113.7, 10.2.2.2,10.3.3.3"], "203.0.113.7");
        check(
            PROXY,
            &["198.51.100.1", "203.0.113.7", "10.9.9.9"],
            "203.0.113.7",
        );
        check(PROXY, &["10.4.4.4, 10.5.5.5"], "10.4.4.4");
        check("2001:db8:ffff::1", &["2001:db8::7"], "2001:db8::7");
        check("::ffff:10.0.0.1", &["203.0.113.7"], "203.0.113.7");
        check(PROXY, &["203.0.113.7:4711"], "203.0.113.7");
        check(PROXY, &["[2001:db8::7]:4711"], "2001:db8::7");
        check(PROXY, &["[2001:db8::7]"], "2001:db8::7");
    }

    #[test]
    fn what_a_stranger_says_about_himself_is_not_read() {
        check("203.0.113.7", &["198.51.100.1"], "203.0.113.7");
        check("203.0.113.7", &["10.0.0.1"], "203.0.113.7");
        check(PROXY, &["10.6.6.6, 203.0.113.7"], "203.0.113.7");
        check(PROXY, &["203.0.113.7, unknown"], PROXY);
        check(PROXY, &["203.0.113.7, unknown, 10.8.8.8"], "10.8.8.8");
        check(PROXY, &[""], PROXY);
        let many = vec!["10.1.1.1"; 10_000].join(",");
        check(PROXY, &[&format!("203.0.113.7,{many}")], "10.1.1.1");
    }
}

//! Addresses in attribution: who made an image or script is worth knowing, what was asked of it is nobody's business.

use wire::{Details, Scalar};

/// The keys of attribution that are addresses.
const KEYS: [&str; 2] = ["url", "script"];

/// Cleans the addresses among the facts. The agent has done so already; anybody may post.
pub fn clean(facts: &mut Details) {
    for (key, value) in facts {
        if let Scalar::Text(url) = value
            && KEYS.contains(&key.as_ref())
        {
            *url = public(url);
        }
    }
}

/// An address without query, fragment and user info. What carries its content in itself is named by its scheme only.
pub fn public(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let plain = &url[..end];
    let (scheme, rest) = match plain.split_once(':') {
        Some((scheme, rest)) if !scheme.contains('/') => (scheme, rest),
        _ => ("", plain),
    };
    let colon = if scheme.is_empty() { "" } else { ":" };
    match rest.strip_prefix("//") {
        Some(rest) => {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = host.rsplit('@').next().unwrap_or("");
            format!("{scheme}{colon}//{host}{path}")
        }
        None if scheme.is_empty() => rest.into(),
        None => format!("{scheme}:"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_no_query_and_no_content() {
        for (url, expected) in [
            (
                "https://cdn.example.org/a/hero.png?token=1#x",
                "https://cdn.example.org/a/hero.png",
            ),
            (
                "https://bob:secret@example.org/x.png",
                "https://example.org/x.png",
            ),
            ("//bob:secret@example.org/x.png", "//example.org/x.png"),
            ("https://example.org", "https://example.org"),
            ("https://example.org?a:b", "https://example.org"),
            ("data:image/png;base64,AAAA", "data:"),
            ("blob:https://example.org/uuid", "blob:"),
            ("/relative.png?x", "/relative.png"),
            ("/a:b/c.png", "/a:b/c.png"),
            ("", ""),
        ] {
            assert_eq!(public(url), expected);
        }
    }

    #[test]
    fn only_addresses_are_cleaned() {
        let mut facts: Details = vec![
            ("element".into(), "#a?b".into()),
            ("url".into(), "/a.png?b".into()),
            ("script".into(), "data:text/javascript,alert(1)".into()),
            ("script_ms".into(), 5.0.into()),
        ];
        clean(&mut facts);
        let expected: Details = vec![
            ("element".into(), "#a?b".into()),
            ("url".into(), "/a.png".into()),
            ("script".into(), "data:".into()),
            ("script_ms".into(), 5.0.into()),
        ];
        assert_eq!(facts, expected);
    }
}

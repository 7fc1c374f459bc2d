//! What to blame, said briefly and without anything private: addresses without query and user info. Selectors arrive ready with
//! the records: only the page can walk its tree.

use alloc::string::String;

use wire::limits::MAX_TEXT_BYTES;
use wire::{Details, Facts};

/// The facts that `write` gives, as a list.
pub fn gather(write: impl FnOnce(&mut dyn Facts)) -> Details {
    let mut details = Details::new();
    write(&mut details);
    details
}

/// An address without query, fragment and user info. What carries its content in itself is named by its scheme only.
pub fn address(url: &str) -> String {
    // Bytes, not patterns: every mark is ASCII, and the library's string search is larger than this module.
    let find = |text: &str, marks: &[u8]| {
        text.bytes()
            .position(|byte| marks.contains(&byte))
            .unwrap_or(text.len())
    };
    let plain = &url[..find(url, b"?#")];
    let (scheme, rest) = plain.split_at(find(plain, b":"));
    let text = match rest.as_bytes() {
        [] => String::from(plain),
        [_, b'/', b'/', ..] => {
            let (host, path) = rest[3..].split_at(find(&rest[3..], b"/"));
            let user = host
                .bytes()
                .rposition(|byte| byte == b'@')
                .map_or(0, |at| at + 1);
            [scheme, "://", &host[user..], path].concat()
        }
        _ => [scheme, ":"].concat(),
    };
    cut(&text, MAX_TEXT_BYTES)
}

fn cut(text: &str, max_bytes: usize) -> String {
    String::from(&text[..text.floor_char_boundary(max_bytes)])
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
            ("https://example.org", "https://example.org"),
            ("data:image/png;base64,AAAA", "data:"),
            ("blob:https://example.org/uuid", "blob:"),
            ("/relative.png?x", "/relative.png"),
            ("", ""),
        ] {
            assert_eq!(address(url), expected);
        }
    }
}

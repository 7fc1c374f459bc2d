//! URL path -> route template, and what must never leave the page. Agent and collector use this same code, so that a path has
//! one answer in both homes.
//!
//! A user's templates win, the first that fits; else a segment that looks like an identifier becomes `:id`. Heuristics split
//! pages that belong together and join pages that do not: they are the fallback, not the plan.

use alloc::string::String;

use crate::limits::{MAX_PATH_BYTES, MAX_ROUTE_SEGMENTS};

/// What an identifier is replaced by.
const PLACEHOLDER: &str = ":id";
/// Tokens of mixed case from this length on are identifiers; shorter ones may be words.
const MIN_TOKEN_BYTES: usize = 16;
/// A word this long without a separator is no word.
const MAX_WORD_BYTES: usize = 32;

/// The route of `path`: the first of `templates` that fits, else the path with its identifiers replaced and its depth capped.
/// `path` may carry query and fragment; they are dropped first.
pub fn route<'t>(path: &str, templates: impl IntoIterator<Item = &'t str>) -> String {
    let path = without_query(path);
    for template in templates {
        if fits(path, template) {
            return cut(template);
        }
    }
    let mut route = String::new();
    for (depth, segment) in segments(path).enumerate() {
        route.push('/');
        if depth == MAX_ROUTE_SEGMENTS {
            route.push('*');
            break;
        }
        route.push_str(if is_identifier(segment) {
            PLACEHOLDER
        } else {
            segment
        });
    }
    finish(route)
}

/// The path without query, fragment and identifiers: what may leave the page by default. A template that fits says which
/// segments are parameters; what its wildcard covers is judged segment by segment.
pub fn scrub<'t>(path: &str, templates: impl IntoIterator<Item = &'t str>) -> String {
    let path = without_query(path);
    let template = templates
        .into_iter()
        .find(|template| fits(path, template))
        .unwrap_or("");
    let mut names = segments(template);
    let mut scrubbed = String::new();
    for segment in segments(path) {
        let name = names.next().unwrap_or("");
        scrubbed.push('/');
        scrubbed.push_str(if name.starts_with(':') {
            name
        } else if is_identifier(segment) && name != segment {
            PLACEHOLDER
        } else {
            segment
        });
    }
    finish(scrubbed)
}

/// Whether `template` describes `path`. `:name` stands for one segment, a last `*` for any rest.
pub fn fits(path: &str, template: &str) -> bool {
    let mut wanted = segments(template);
    let mut given = segments(without_query(path));
    loop {
        match (wanted.next(), given.next()) {
            (Some("*"), _) | (None, None) => return true,
            (Some(name), Some(segment)) if name.starts_with(':') || name == segment => {}
            _ => return false,
        }
    }
}

/// Whether a path segment names one thing rather than a kind of page: numbers, UUIDs, hashes, tokens, e-mail addresses, dates
/// and slugs with a number at either end. Words, locales and version segments (`v2`) stay.
pub fn is_identifier(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let (mut digits, mut separators, mut others, mut switches) = (0, 0, 0, 0);
    let mut before = [0; 2];
    for &byte in bytes {
        match byte {
            b'@' => return true,
            // An encoded `@`.
            b'0' if before == *b"%4" => return true,
            b'0'..=b'9' => digits += 1,
            b'-' | b'_' | b'.' => separators += 1,
            b'a'..=b'z' => {}
            b'A'..=b'Z' => switches += u32::from(before[1].is_ascii_lowercase()),
            _ => others += 1,
        }
        before = [before[1], byte];
    }
    if digits > 0 {
        // A number, a date, a hash, a UUID, a slug with a number: any digit that is not a version's.
        return !is_version(bytes);
    }
    let is_long = bytes.len() > MAX_WORD_BYTES && separators == 0;
    // Mixed case inside one word without separators, of token length: base64 and friends.
    let is_random = bytes.len() >= MIN_TOKEN_BYTES && switches >= 3 && separators + others == 0;
    is_long || is_random
}

/// `v1`, `v12`: an API's version, at most two digits.
fn is_version(bytes: &[u8]) -> bool {
    matches!(bytes, [b'v' | b'V', rest @ ..] if (1..=2).contains(&rest.len()) && rest.iter().all(u8::is_ascii_digit))
}

fn without_query(path: &str) -> &str {
    // By bytes: both marks are ASCII, and a search by character pattern costs the agent several times this.
    let end = path
        .bytes()
        .position(|byte| matches!(byte, b'?' | b'#'))
        .unwrap_or(path.len());
    &path[..end]
}

/// The templates of a text that has one a line.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    pieces(text, b'\n')
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    pieces(path, b'/')
}

/// What is between the marks, which are ASCII; empty pieces are skipped.
fn pieces(text: &str, mark: u8) -> impl Iterator<Item = &str> {
    let mut rest = text;
    core::iter::from_fn(move || {
        while rest.as_bytes().first() == Some(&mark) {
            rest = &rest[1..];
        }
        let end = rest
            .bytes()
            .position(|byte| byte == mark)
            .unwrap_or(rest.len());
        let (piece, tail) = rest.split_at(end);
        rest = tail;
        (!piece.is_empty()).then_some(piece)
    })
}

fn finish(route: String) -> String {
    if route.is_empty() {
        String::from("/")
    } else {
        cut(&route)
    }
}

/// At most [`MAX_PATH_BYTES`], cut at a character.
fn cut(text: &str) -> String {
    String::from(&text[..text.floor_char_boundary(MAX_PATH_BYTES)])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATES: [&str; 3] = ["/product/:id", "/user/:name/orders", "/docs/*"];

    fn check(path: &str, expected_route: &str, expected_path: &str) {
        assert_eq!(route(path, TEMPLATES), expected_route, "route of {path}");
        assert_eq!(scrub(path, TEMPLATES), expected_path, "scrubbed {path}");
    }

    #[test]
    fn templates_win() {
        check(
            "/product/blue-shirt?utm=1#top",
            "/product/:id",
            "/product/:id",
        );
        check(
            "/user/alice/orders",
            "/user/:name/orders",
            "/user/:name/orders",
        );
        check("/docs/intro/12345678", "/docs/*", "/docs/intro/:id");
        check("/docs", "/docs/*", "/docs");
        check("/product", "/product", "/product");
    }

    #[test]
    fn identifiers_become_placeholders() {
        for (path, expected) in [
            ("", "/"),
            ("/", "/"),
            ("//cart//", "/cart"),
            ("/order/123", "/order/:id"),
            ("/api/v2/items", "/api/v2/items"),
            ("/api/v200/items", "/api/:id/items"),
            ("/u/550e8400-e29b-41d4-a716-446655440000", "/u/:id"),
            ("/blob/9f86d081884c7d659a2feaa0", "/blob/:id"),
            ("/blog/2026-11-21/title", "/blog/:id/title"),
            ("/p/red-shoes-4711", "/p/:id"),
            ("/mail/bob@example.org", "/mail/:id"),
            ("/mail/bob%40example.org", "/mail/:id"),
            ("/s/dGhpc0lzQVRva2VuWm9vcGxhQmFy", "/s/:id"),
            ("/s/abcdefghijklmnopqrstuvwxyzabcdefghij", "/s/:id"),
            (
                "/en-GB/terms-and-conditions-of-the-european-shop",
                "/en-GB/terms-and-conditions-of-the-european-shop",
            ),
            ("/JavaScript/README", "/JavaScript/README"),
            ("/straße/größe", "/straße/größe"),
        ] {
            check(path, expected, expected);
        }
    }

    #[test]
    fn depth_is_capped_in_the_route_only() {
        check(
            "/a/b/c/d/e/f/g/h/i/j",
            "/a/b/c/d/e/f/g/h/*",
            "/a/b/c/d/e/f/g/h/i/j",
        );
    }

    #[test]
    fn length_is_capped_at_a_character() {
        let path = alloc::format!("/{}", "é-".repeat(400));
        assert!(scrub(&path, []).len() <= MAX_PATH_BYTES);
        assert!(route(&path, []).len() <= MAX_PATH_BYTES);
    }
}

//! The route a beacon is counted under. The app's own templates know best, then what the page said, then the path.

use wire::limits::{MAX_PATH_BYTES, MAX_ROUTE_SEGMENTS};
use wire::route;

/// The route of a beacon; never empty, no identifiers in it, bounded in depth and length.
pub fn name(sent: &str, path: &str, templates: &[String]) -> String {
    let known = || templates.iter().map(String::as_str);
    if sent.is_empty() {
        route::route(path, known())
    } else if known().any(|template| template == sent) || is_template(sent) {
        sent.into()
    } else {
        // A page that names its routes by hand may still put an identifier in: `/product/4711`.
        route::route(sent, known())
    }
}

/// Whether a text is a template already: placeholders and plain words, as deep as ours.
fn is_template(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('/') else {
        return false;
    };
    let plain = |segment: &str| segment.starts_with(':') || !route::is_identifier(segment);
    text.len() <= MAX_PATH_BYTES
        && !text.contains(['?', '#'])
        && !text
            .chars()
            .any(|character| character.is_control() || character.is_whitespace())
        && rest.split('/').count() <= MAX_ROUTE_SEGMENTS + 1
        && (rest.is_empty()
            || rest
                .trim_end_matches('/')
                .split('/')
                .all(|segment| !segment.is_empty() && plain(segment)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sent: &str, path: &str, expected: &str) {
        let templates = ["/product/:sku".to_owned(), "/v2024/*".to_owned()];
        assert_eq!(name(sent, path, &templates), expected, "{sent} at {path}");
    }

    #[test]
    fn the_page_may_name_its_route_but_not_a_person() {
        check("", "/product/shirt", "/product/:sku");
        check("", "/order/17", "/order/:id");
        check("", "", "/");
        check("/user/:name", "/user/alice", "/user/:name");
        check("/docs/*", "/docs/a/b", "/docs/*");
        check("/", "/", "/");
        check("/demo/", "/demo/", "/demo/");
        check("/v2024/*", "/v2024/x", "/v2024/*");
        check("/order/17", "/order/17", "/order/:id");
        check("/user/bob@example.org", "/", "/user/:id");
        check("/a?email=bob", "/a", "/a");
        check("checkout", "/c", "/checkout");
        check("/a/b/c/d/e/f/g/h/i/j", "/", "/a/b/c/d/e/f/g/h/*");
        check(&format!("/{}", "x/".repeat(600)), "/", "/x/x/x/x/x/x/x/x/*");
    }
}

//! What to blame, said briefly and without anything private: element selectors from tags, ids and classes, addresses without
//! query. Never text content, attribute values or user info.

use alloc::string::String;
use alloc::vec::Vec;

use wire::limits::MAX_TEXT_BYTES;
use wire::{Details, Facts};

/// A selector stops growing here; the nearest ancestors say most.
const MAX_SELECTOR_BYTES: usize = 100;
/// A run of digits this long is a generated name, and perhaps an identifier of a person or an order.
const MAX_DIGIT_RUN: usize = 3;

/// One element on the way from a node to the root.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    pub id: String,
    /// In lower case.
    pub tag: String,
    /// The class attribute.
    pub classes: String,
}

/// The facts that `write` gives, as a list.
pub fn gather(write: impl FnOnce(&mut dyn Facts)) -> Details {
    let mut details = Details::new();
    write(&mut details);
    details
}

/// A selector for the first of `path`, which goes from the node to the root and is walked only as far as needed: an id ends it.
/// Names that look generated are left out, so a selector groups the same element across page views.
pub fn selector(path: impl IntoIterator<Item = Node>) -> String {
    let mut selector = String::new();
    for node in path {
        let has_id = !node.id.is_empty() && is_stable(&node.id);
        let part = if has_id {
            join('#', &[&node.id])
        } else {
            tag_and_classes(&node)
        };
        if selector.len() + part.len() + 1 > MAX_SELECTOR_BYTES {
            // One huge part alone is cut rather than lost.
            return if selector.is_empty() {
                cut(&part, MAX_SELECTOR_BYTES)
            } else {
                selector
            };
        }
        if !selector.is_empty() {
            selector.insert(0, '>');
        }
        selector.insert_str(0, &part);
        if has_id {
            break;
        }
    }
    selector
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

fn tag_and_classes(node: &Node) -> String {
    let mut parts: Vec<&str> = Vec::new();
    parts.push(&node.tag);
    // Sorted by insertion: elements have few classes, and the library's sort is larger than this module.
    for class in node
        .classes
        .split_ascii_whitespace()
        .filter(|class| is_stable(class))
    {
        let place = parts
            .iter()
            .skip(1)
            .position(|&other| other > class)
            .map_or(parts.len(), |index| index + 1);
        parts.insert(place, class);
    }
    join('.', &parts)
}

/// `#x` for one part, `a.b.c` for several.
fn join(mark: char, parts: &[&str]) -> String {
    let mut joined = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 || parts.len() == 1 && mark == '#' {
            joined.push(mark);
        }
        joined.push_str(part);
    }
    joined
}

/// Whether a person may have given this name: no address, no generated suffix, no long number.
fn is_stable(name: &str) -> bool {
    let mut run = 0;
    for byte in name.bytes() {
        run = if byte.is_ascii_digit() { run + 1 } else { 0 };
        if run > MAX_DIGIT_RUN || matches!(byte, b'@' | b':') {
            return false;
        }
    }
    true
}

fn cut(text: &str, max_bytes: usize) -> String {
    String::from(&text[..text.floor_char_boundary(max_bytes)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(tag: &str, id: &str, classes: &str) -> Node {
        Node {
            id: id.into(),
            tag: tag.into(),
            classes: classes.into(),
        }
    }

    #[test]
    fn an_id_ends_the_selector_and_classes_are_sorted() {
        for (path, expected) in [
            (vec![], ""),
            (
                vec![node("img", "hero", "big"), node("body", "", "")],
                "#hero",
            ),
            (
                vec![
                    node("img", "", " wide  big "),
                    node("main", "page", ""),
                    node("body", "", ""),
                ],
                "#page>img.big.wide",
            ),
            (
                vec![
                    node("p", "", ""),
                    node("body", "", ""),
                    node("html", "", ""),
                ],
                "html>body>p",
            ),
            (
                vec![
                    node("li", "order-123456", "row item-98765"),
                    node("ul", ":r1:", ""),
                ],
                "ul>li.row",
            ),
            (vec![node("a", "bob@example.org", "")], "a"),
        ] {
            assert_eq!(selector(path), expected);
        }
    }

    #[test]
    fn a_selector_stays_short() {
        let deep = core::iter::repeat_with(|| node("section", "", "content wrapper"));
        let text = selector(deep);
        assert!(
            text.len() <= MAX_SELECTOR_BYTES && text.ends_with("section.content.wrapper"),
            "{text}"
        );
        let wide = selector([node("p", "", &"é".repeat(200))]);
        assert!(
            wide.len() <= MAX_SELECTOR_BYTES && wide.starts_with("p.é"),
            "{wide}"
        );
    }

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

    use alloc::vec;
}

//! Tags of a page as its server sends it: names and attributes, no tree. What scripts add later cannot be seen from here.

/// A start tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tag {
    /// Lower case.
    pub name: String,
    /// Names in lower case; values with the usual entities resolved.
    pub attributes: Vec<(String, String)>,
}

impl Tag {
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        attributes
            .find(|(have, _)| have == name)
            .map(|(_, value)| value.as_str())
    }
}

/// All start tags outside comments and script texts, in order.
pub fn tags(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        if !rest.starts_with(|first: char| first.is_ascii_alphabetic()) {
            continue;
        }
        let (tag, after) = tag(rest);
        rest = after;
        if tag.name == "script" {
            // Its text may hold anything that looks like a tag.
            let end = rest.to_ascii_lowercase().find("</script");
            rest = end.map_or("", |end| &rest[end..]);
        }
        tags.push(tag);
    }
    tags
}

/// A tag from its name on, and what follows it.
fn tag(text: &str) -> (Tag, &str) {
    let is_end = |c: char| c.is_ascii_whitespace() || c == '/' || c == '>';
    let end = text.find(is_end).unwrap_or(text.len());
    let mut tag = Tag {
        name: text[..end].to_ascii_lowercase(),
        attributes: Vec::new(),
    };
    let mut rest = &text[end..];
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return (tag, rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (tag, after);
        }
        // A stray `=` is part of a name, as browsers have it; so every turn takes at least one character.
        let first = rest.chars().next().map_or(1, char::len_utf8);
        let end = rest[first..].find(|c: char| is_end(c) || c == '=');
        let (name, after) = rest.split_at(end.map_or(rest.len(), |end| end + first));
        let after = after.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let (value, after) = match after.strip_prefix('=') {
            Some(after) => value(after.trim_start_matches(|c: char| c.is_ascii_whitespace())),
            None => ("", after),
        };
        tag.attributes
            .push((name.to_ascii_lowercase(), resolved(value)));
        rest = after;
    }
}

fn value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote) {
            return inside.split_once(quote).unwrap_or((inside, ""));
        }
    }
    let end = text.find(|c: char| c.is_ascii_whitespace() || c == '>');
    text.split_at(end.unwrap_or(text.len()))
}

fn resolved(value: &str) -> String {
    let quotes = value.replace("&quot;", "\"").replace("&#39;", "'");
    quotes.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, expected: &[(&str, &[(&str, &str)])]) {
        let found = tags(html);
        let found: Vec<(&str, Vec<(&str, &str)>)> = found
            .iter()
            .map(|tag| {
                let attributes = tag.attributes.iter();
                (
                    tag.name.as_str(),
                    attributes.map(|(a, b)| (a.as_str(), b.as_str())).collect(),
                )
            })
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, list)| (*name, list.to_vec()))
            .collect();
        assert_eq!(found, expected, "{html}");
    }

    #[test]
    fn attributes_come_in_every_notation() {
        check(
            "<SCRIPT async src=\"/agent.js\" data-app='shop' Nonce=abc></script><p>",
            &[
                (
                    "script",
                    &[
                        ("async", ""),
                        ("src", "/agent.js"),
                        ("data-app", "shop"),
                        ("nonce", "abc"),
                    ],
                ),
                ("p", &[]),
            ],
        );
        check(
            "<meta content=\"a&amp;b\" / ><br/>",
            &[("meta", &[("content", "a&b")]), ("br", &[])],
        );
    }

    #[test]
    fn comments_and_script_texts_are_no_tags() {
        check("<!-- <script src=x> --><b>", &[("b", &[])]);
        check(
            "<script>if (a<b) '<img src=x>'</script><i>",
            &[("script", &[]), ("i", &[])],
        );
    }

    #[test]
    fn broken_pages_end() {
        for html in [
            "<",
            "<a",
            "<a b",
            "<a b=",
            "<a b='c",
            "<a =x>",
            "<!--",
            "<script",
            "<a \u{e9}=\u{e9}",
            "< >",
            "<a/=/>",
        ] {
            let _ = tags(html);
        }
    }
}

//! Version numbers as programs print them. Not semver: pre-release tags are cut off.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// The first thing in `text` that looks like `1.2` or `1.2.3`, with or without a `v`:
    /// `rustc 1.95.0 (…)`, `v20.20.2` and `wasm-pack 0.15.1` all work.
    pub fn find(text: &str) -> Option<Version> {
        text.split(|c: char| c.is_whitespace() || c == '"' || c == ',')
            .find_map(Version::of_word)
    }

    fn of_word(word: &str) -> Option<Version> {
        let word = word.strip_prefix('v').unwrap_or(word);
        let end = word
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(word.len());
        let mut parts = word[..end].split('.').map(str::parse::<u32>);
        let major = parts.next()?.ok()?;
        let minor = parts.next()?.ok()?;
        let patch = match parts.next() {
            Some(patch) => patch.ok()?,
            None => 0,
        };
        Some(Version(major, minor, patch))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<Version>) {
        assert_eq!(Version::find(text), expected, "{text:?}");
    }

    #[test]
    fn finds_the_version_in_what_programs_print() {
        check(
            "rustc 1.95.0 (59807616e 2026-04-14)",
            Some(Version(1, 95, 0)),
        );
        check("v20.20.2\n", Some(Version(20, 20, 2)));
        check("wasm-bindgen 0.2.130", Some(Version(0, 2, 130)));
        check("wasm-opt version 132 (version_132)", None);
        check(
            "rustc 1.97.0-nightly (abc 2026-05-01)",
            Some(Version(1, 97, 0)),
        );
        check("channel = \"1.95\"", Some(Version(1, 95, 0)));
        check(
            "Chromium 156.0.8078.79 built on Debian",
            Some(Version(156, 0, 8078)),
        );
        check("", None);
        check("99999999999.1.1", None);
    }

    #[test]
    fn orders_by_number_not_by_text() {
        assert!(Version(0, 2, 130) > Version(0, 2, 99));
        assert!(Version(20, 0, 0) > Version(18, 19, 1));
    }
}

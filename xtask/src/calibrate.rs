//! `cargo xtask calibrate`: the detector's error rate on made-up apps, against its bars. The worlds and the numbers are a bench of
//! the detector (`crates/detect/benches/calibrate`); this file builds and starts it. Not part of `test`, which has to be quick: even
//! the quick form takes a minute or two, and builds the detector once more.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::command::tee;
use crate::workspace::Workspace;

/// The long form takes about twenty minutes on one core.
const LIMIT: Duration = Duration::from_secs(2 * 60 * 60);
const SECTIONS: [&str; 7] = [
    "calm",
    "small",
    "steps",
    "mix",
    "spikes",
    "neighbours",
    "speed",
];

/// What the bench understands; checked here, so that a typing error does not cost a build.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    words: Vec<String>,
}

impl Options {
    pub fn parse(words: &[String]) -> Result<Options> {
        let is_known = |word: &String| {
            let word = word.as_str();
            ["--quick", "--tuning", "--list"].contains(&word) || SECTIONS.contains(&word)
        };
        if let Some(other) = words.iter().find(|word| !is_known(word)) {
            bail!(
                "calibrate does not know {other}\nusage: cargo xtask calibrate [--quick] [--tuning] [--list] [{}]…",
                SECTIONS.join("|")
            );
        }
        Ok(Options {
            words: words.to_vec(),
        })
    }
}

/// Answers whether no bar was missed.
pub fn run(ws: &Workspace, options: &Options) -> Result<bool> {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(&ws.root)
        .args(["bench", "--package", "detect", "--bench", "calibrate", "--"])
        .args(&options.words);
    Ok(tee(&mut cargo, LIMIT)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str], is_known: bool) {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(Options::parse(&words).is_ok(), is_known, "{words:?}");
    }

    #[test]
    fn words_choose_form_and_sections() {
        check(&[], true);
        check(&["--quick"], true);
        check(&["--tuning", "calm", "steps"], true);
        check(&["--fast"], false);
        check(&["calm", "other"], false);
    }
}

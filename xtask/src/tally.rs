//! How many tests of each kind passed, failed and were skipped: read from what the test programs print, shown as a table.
//! Not here: running them.

use std::fmt::Write;
use std::ops::AddAssign;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: u32,
    pub failed: u32,
    pub skipped: u32,
}

impl Counts {
    pub const PASSED: Counts = Counts {
        passed: 1,
        failed: 0,
        skipped: 0,
    };
    pub const FAILED: Counts = Counts {
        passed: 0,
        failed: 1,
        skipped: 0,
    };

    /// What a test program said, held against how it ended: a crash is a failure even if nothing was counted,
    /// and so is a run that found nothing to test, which would otherwise be a silent skip.
    pub fn judged(mut self, ended_well: bool) -> Counts {
        if self.failed == 0 && (!ended_well || self == Counts::default()) {
            self.failed = 1;
        }
        self
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// Rows in the order in which kinds first came.
#[derive(Default)]
pub struct Tally {
    rows: Vec<(String, Counts, f64)>,
}

impl Tally {
    /// Adds to the row of that kind. A kind of which there was nothing gets no row.
    pub fn add(&mut self, kind: &str, counts: Counts, seconds: f64) {
        if counts == Counts::default() && seconds == 0.0 {
            return;
        }
        match self.rows.iter_mut().find(|(name, ..)| name == kind) {
            Some((_, sum, time)) => {
                *sum += counts;
                *time += seconds;
            }
            None => self.rows.push((kind.to_owned(), counts, seconds)),
        }
    }

    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        for (_, counts, _) in &self.rows {
            total += *counts;
        }
        total
    }

    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<28}{:>8}{:>8}{:>9}{:>9}\n",
            "kind", "passed", "failed", "skipped", "seconds"
        );
        for (kind, counts, seconds) in &self.rows {
            let _ = writeln!(
                text,
                "{kind:<28}{:>8}{:>8}{:>9}{seconds:>9.1}",
                counts.passed, counts.failed, counts.skipped
            );
        }
        text
    }

    /// The last line of `cargo xtask test`, which programs read.
    pub fn sum_line(&self) -> String {
        let total = self.total();
        format!(
            "{} passed, {} failed, {} skipped",
            total.passed, total.failed, total.skipped
        )
    }
}

/// One test binary, or the doc tests of one crate, as `cargo test` announces it.
#[derive(Debug, PartialEq, Eq)]
pub struct Suite {
    /// The crate or program whose unit tests were announced last: integration tests follow those of their package.
    pub package: String,
    /// `unittests src/lib.rs (target/…/wire-1f2e)`, `tests/it/main.rs (…)` or `doc-tests wire`.
    pub name: String,
    pub counts: Counts,
}

/// Suites in the output of `cargo test`, of the instrumented binaries, or of the wasm-bindgen runner.
pub fn libtest(output: &str) -> Vec<Suite> {
    let mut suites = Vec::new();
    let (mut package, mut name) = (String::new(), String::new());
    for line in output.lines() {
        let line = plain(line);
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("Running ") {
            name = rest.to_owned();
            if name.starts_with("unittests ") {
                package = program(&name).to_owned();
            }
        } else if let Some(rest) = line.strip_prefix("Doc-tests ") {
            name = format!("doc-tests {rest}");
        } else if line.starts_with("test result: ") {
            let counts = Counts {
                passed: number_before(line, " passed"),
                failed: number_before(line, " failed"),
                skipped: number_before(line, " ignored"),
            };
            suites.push(Suite {
                package: package.clone(),
                name: name.clone(),
                counts,
            });
        }
    }
    suites
}

/// `wire` of `unittests src/lib.rs (target/debug/deps/wire-1f2e)`.
fn program(suite: &str) -> &str {
    let file = suite.trim_end_matches(')').rsplit('/').next();
    let file = file.unwrap_or(suite);
    file.rsplit_once('-').map_or(file, |(name, _)| name)
}

/// Counts from the summary of `node --test` (reporters spec and tap). Cancelled is failed; to do is skipped.
pub fn node(output: &str) -> Counts {
    let mut counts = Counts::default();
    for line in output.lines() {
        let line = plain(line);
        let Some(rest) = line.strip_prefix("ℹ ").or(line.strip_prefix("# ")) else {
            continue;
        };
        let Some((what, number)) = rest.trim().split_once(' ') else {
            continue;
        };
        let Ok(number) = number.parse::<u32>() else {
            continue;
        };
        match what {
            "pass" => counts.passed += number,
            "fail" | "cancelled" => counts.failed += number,
            "skipped" | "todo" => counts.skipped += number,
            _ => {}
        }
    }
    counts
}

fn number_before(line: &str, word: &str) -> u32 {
    let before = line.find(word).map_or("", |at| &line[..at]);
    let digits = before.rfind(|c: char| !c.is_ascii_digit());
    before[digits.map_or(0, |at| at + 1)..].parse().unwrap_or(0)
}

/// The line without colours.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            chars.find(|c| c.is_ascii_alphabetic());
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u32, failed: u32, skipped: u32) -> Counts {
        Counts {
            passed,
            failed,
            skipped,
        }
    }

    #[test]
    fn reads_cargo_test() {
        let output = "
\u{1b}[1m\u{1b}[92m     Running\u{1b}[0m unittests src/lib.rs (target/debug/deps/wire-12)
running 3 tests
test a ... ok
test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s

     Running tests/it/main.rs (target/debug/deps/it-34)
test result: \u{1b}[31mFAILED\u{1b}[0m. 7 passed; 2 failed; 0 ignored; 0 measured; 3 filtered out
   Doc-tests wire
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out
";
        let suite = |name: &str, counts| Suite {
            package: "wire".to_owned(),
            name: name.to_owned(),
            counts,
        };
        assert_eq!(
            libtest(output),
            [
                suite(
                    "unittests src/lib.rs (target/debug/deps/wire-12)",
                    counts(12, 0, 1)
                ),
                suite(
                    "tests/it/main.rs (target/debug/deps/it-34)",
                    counts(7, 2, 0)
                ),
                suite("doc-tests wire", counts(1, 0, 0)),
            ]
        );
    }

    #[test]
    fn reads_node_test_in_both_reporters() {
        let spec = "✔ loads (3ms)\nℹ tests 9\nℹ suites 1\nℹ pass 4\nℹ fail 1\nℹ cancelled 2\nℹ skipped 1\nℹ todo 1\n";
        assert_eq!(node(spec), counts(4, 3, 2));
        assert_eq!(
            node("# pass 2\n# fail 0\n# Subtest: fail 9 times\n"),
            counts(2, 0, 0)
        );
        assert_eq!(node(""), counts(0, 0, 0));
    }

    #[test]
    fn nothing_tested_and_crashes_are_failures() {
        assert_eq!(counts(0, 0, 0).judged(true), counts(0, 1, 0));
        assert_eq!(counts(3, 0, 0).judged(false), counts(3, 1, 0));
        assert_eq!(counts(3, 2, 0).judged(false), counts(3, 2, 0));
        assert_eq!(counts(3, 0, 1).judged(true), counts(3, 0, 1));
        assert_eq!(counts(0, 0, 1).judged(true), counts(0, 0, 1));
    }

    #[test]
    fn sums_by_kind() {
        let mut tally = Tally::default();
        tally.add("rust", counts(2, 0, 0), 1.0);
        tally.add("browser", counts(1, 1, 0), 2.0);
        tally.add("rust", counts(3, 0, 1), 0.5);
        assert_eq!(tally.sum_line(), "6 passed, 1 failed, 1 skipped");
        let table = tally.table();
        assert_eq!(table.lines().count(), 3, "{table}");
        assert!(
            table
                .lines()
                .nth(1)
                .unwrap()
                .ends_with("5       0        1      1.5"),
            "{table}"
        );
    }
}

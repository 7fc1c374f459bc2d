//! What people forget and no compiler says: dependency lists, drawers for everything, files that grew, orphaned data.
//! Not here: format and lints, which rustfmt and clippy know better.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::capture;
use crate::workspace::Workspace;

/// Past this a reader loses the thread. A file may say why it is longer: `tidy: long because …`.
const MOST_LINES: usize = 400;
const LONG_BECAUSE: &str = concat!("tidy: ", "long because ");
/// A source that reads a whole folder says so: `tidy: reads all of collector/migrations`.
const READS_ALL: &str = concat!("tidy: ", "reads all of ");

/// A name that fits everything explains nothing.
const DRAWERS: [&str; 7] = [
    "util", "utils", "common", "helper", "helpers", "misc", "shared",
];

/// All that a pure crate may depend on. A new line here is a decision, not a formality.
const PURE_DEPENDENCIES: [(&str, &[&str]); 3] = [
    ("crates/wire/Cargo.toml", &["serde", "serde_json"]),
    ("crates/vitals/Cargo.toml", &["wire"]),
    ("crates/detect/Cargo.toml", &["wire", "statrs"]),
];

/// Pure crates do no I/O and read no clock: these arrive as arguments.
const IMPURE: [&str; 8] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "SystemTime::now",
    "Instant::now",
    "println!",
];

/// Folders whose files, like every `.sql`, exist to be used by something else.
const DATA_FOLDERS: [&str; 2] = ["/testdata/", "/fixtures/"];

/// One file of the repository. Text is empty for files that are not text.
struct Source {
    path: String,
    text: String,
}

/// Prints complaints; answers whether there were none.
pub fn check(ws: &Workspace) -> Result<bool> {
    let files = sources(ws)?;
    let mut complaints: Vec<String> = files.iter().flat_map(about_file).collect();
    complaints.extend(orphans(&files));
    for complaint in &complaints {
        println!("tidy: {complaint}");
    }
    println!(
        "tidy: {} files, {} complaints",
        files.len(),
        complaints.len()
    );
    Ok(complaints.is_empty())
}

/// Everything git knows or would add.
fn sources(ws: &Workspace) -> Result<Vec<Source>> {
    let mut list = Command::new("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(&ws.root);
    let list = capture(&mut list).context("git cannot list the files of the repository")?;
    let mut files = Vec::new();
    for path in list.lines() {
        // Removed, but not yet from the index.
        let Ok(bytes) = std::fs::read(ws.root.join(path)) else {
            continue;
        };
        files.push(Source {
            path: path.to_owned(),
            text: String::from_utf8(bytes).unwrap_or_default(),
        });
    }
    Ok(files)
}

fn about_file(file: &Source) -> Vec<String> {
    [
        drawer(file),
        too_long(file),
        only(file),
        pure_dependencies(file),
        impure(file),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn drawer(file: &Source) -> Option<String> {
    let is_drawer = |part: &str| {
        let stem = part.split('.').next().unwrap_or(part);
        DRAWERS.contains(&stem)
    };
    let ours = !is_foreign(&file.path);
    (ours && file.path.split('/').any(is_drawer)).then(|| {
        format!(
            "{}: put it beside its one user, under a name that says what it is",
            file.path
        )
    })
}

fn too_long(file: &Source) -> Option<String> {
    let code = ["rs", "js", "mjs", "ts", "css", "html", "sql"];
    if !code.contains(&extension(&file.path)) || is_test(&file.path) || is_foreign(&file.path) {
        return None;
    }
    let lines = file
        .text
        .lines()
        .position(|line| line.starts_with("#[cfg(test)]"))
        .unwrap_or_else(|| file.text.lines().count());
    (lines > MOST_LINES && !file.text.contains(LONG_BECAUSE)).then(|| {
        format!(
            "{}: {lines} lines; split it by noun, or say `{LONG_BECAUSE}…`",
            file.path
        )
    })
}

/// A focused test silences all others.
fn only(file: &Source) -> Option<String> {
    let script = ["js", "mjs", "ts"].contains(&extension(&file.path));
    let needle = concat!(".on", "ly(");
    let line = file.text.lines().position(|line| line.contains(needle))?;
    (script && !is_foreign(&file.path))
        .then(|| format!("{}:{}: {needle} left behind", file.path, line + 1))
}

fn pure_dependencies(file: &Source) -> Option<String> {
    let (_, allowed) = PURE_DEPENDENCIES
        .iter()
        .find(|(path, _)| *path == file.path)?;
    let extra: Vec<_> = dependencies(&file.text)
        .into_iter()
        .filter(|name| !allowed.contains(&name.as_str()))
        .collect();
    (!extra.is_empty()).then(|| {
        format!(
            "{}: depends on {}, which is not on the list in xtask/src/tidy.rs",
            file.path,
            extra.join(", ")
        )
    })
}

/// Names in `[dependencies]` and in target-specific tables of it; tests may use what they like.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            inside = table == "dependencies"
                || (table.starts_with("target.") && table.ends_with(".dependencies"));
            if let Some(name) = table.strip_prefix("dependencies.") {
                names.push(name.to_owned());
            }
        } else if inside
            && !line.starts_with('#')
            && let Some(name) = line
                .split(['=', '.', ' '])
                .next()
                .filter(|name| !name.is_empty())
        {
            names.push(name.to_owned());
        }
    }
    names
}

fn impure(file: &Source) -> Option<String> {
    if !file.path.starts_with("crates/")
        || !file.path.contains("/src/")
        || extension(&file.path) != "rs"
        || is_test(&file.path)
    {
        return None;
    }
    for (index, line) in file.text.lines().enumerate() {
        if line.starts_with("#[cfg(test)]") {
            return None;
        }
        let code = line.split("//").next().unwrap_or_default();
        if let Some(word) = IMPURE.iter().find(|word| code.contains(*word)) {
            return Some(format!(
                "{}:{}: {word} in a pure crate; pass it in",
                file.path,
                index + 1
            ));
        }
    }
    None
}

/// Data files that nothing names: neither by file name, nor by stem as a word, nor by reading their whole folder.
fn orphans(files: &[Source]) -> Vec<String> {
    let code: Vec<&Source> = files
        .iter()
        .filter(|file| ["rs", "js", "mjs", "toml", "py", "html"].contains(&extension(&file.path)))
        .collect();
    let read_whole: HashSet<&str> = code
        .iter()
        .flat_map(|file| file.text.lines())
        .filter_map(|line| line.split_once(READS_ALL))
        .filter_map(|(_, folder)| folder.split_whitespace().next())
        .map(|folder| folder.trim_end_matches(['/', '.', '`']))
        .collect();
    files
        .iter()
        .filter(|file| is_data(&file.path))
        .filter(|file| !read_whole.iter().any(|folder| is_below(&file.path, folder)))
        .filter(|file| {
            let name = file_name(&file.path);
            let stem = name.split('.').next().unwrap_or(name);
            !code
                .iter()
                .filter(|other| other.path != file.path)
                .any(|other| other.text.contains(name) || has_word(&other.text, stem))
        })
        .map(|file| format!("{}: nothing uses it", file.path))
        .collect()
}

fn is_data(path: &str) -> bool {
    extension(path) == "sql" || DATA_FOLDERS.iter().any(|folder| path.contains(folder))
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// `stem` with no letter, digit or underscore on either side.
fn has_word(text: &str, stem: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(stem).any(|(at, _)| {
        !text[..at].ends_with(part_of_word) && !text[at + stem.len()..].starts_with(part_of_word)
    })
}

fn is_test(path: &str) -> bool {
    let folders = ["/tests/", "/test/", "/benches/", "/testdata/", "/fixtures/"];
    folders.iter().any(|folder| path.contains(folder))
        || path.contains(".test.")
        || path.ends_with("/tests.rs")
}

/// Written by others and kept unmodified.
fn is_foreign(path: &str) -> bool {
    path.contains("/vendor/")
}

fn extension(path: &str) -> &str {
    Path::new(path)
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> Source {
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    fn check(path: &str, text: &str, complaint: Option<&str>) {
        let said = about_file(&file(path, text));
        match complaint {
            Some(part) => assert!(
                said.len() == 1 && said[0].contains(part),
                "{path}: {said:?}"
            ),
            None => assert!(said.is_empty(), "{path}: {said:?}"),
        }
    }

    #[test]
    fn no_drawers() {
        check("collector/src/util.rs", "", Some("beside its one user"));
        check("e2e/helpers/wait.js", "", Some("beside its one user"));
        check("collector/src/utilisation.rs", "", None);
        check("dashboards/web/vendor/common.js", "", None);
    }

    #[test]
    fn long_files_say_why() {
        let long = "x\n".repeat(MOST_LINES + 1);
        check("collector/src/spool.rs", &long, Some("401 lines"));
        check("collector/src/spool.rs", &"x\n".repeat(MOST_LINES), None);
        check(
            "collector/src/spool.rs",
            &format!("//! {LONG_BECAUSE}of reasons\n{long}"),
            None,
        );
        check("collector/tests/it/spool.rs", &long, None);
        check("js-shim/test/shim.test.js", &long, None);
        check("README.md", &long, None);
        let tested = format!("{}#[cfg(test)]\n{long}", "x\n".repeat(10));
        check("collector/src/spool.rs", &tested, None);
    }

    #[test]
    fn no_focused_tests() {
        check(
            "e2e/tests/csp.test.js",
            concat!("a\ntest.on", "ly('x')"),
            Some("csp.test.js:2"),
        );
        check("e2e/tests/csp.test.js", "test('only (x)')", None);
    }

    #[test]
    fn pure_crates_stay_pure() {
        check(
            "crates/vitals/Cargo.toml",
            "[dependencies]\nwire.workspace = true\n[dev-dependencies]\nproptest = \"1\"",
            None,
        );
        check(
            "crates/vitals/Cargo.toml",
            "[dependencies]\nrand = \"1\"",
            Some("depends on rand"),
        );
        check(
            "crates/vitals/Cargo.toml",
            "[dependencies.rand]\nversion = \"1\"",
            Some("depends on rand"),
        );
        check(
            "crates/detect/src/scan.rs",
            "fn a() {\n    std::fs::read(x);",
            Some("scan.rs:2: std::fs"),
        );
        check(
            "crates/detect/src/scan.rs",
            "// not SystemTime::now()",
            None,
        );
        check(
            "crates/detect/src/scan.rs",
            "#[cfg(test)]\nmod tests { use std::fs; }",
            None,
        );
        check("collector/src/spool/mod.rs", "use std::fs;", None);
    }

    #[test]
    fn data_is_used_by_something() {
        let files = [
            file("collector/src/sql/routes.sql", ""),
            file("collector/src/sql/forgotten.sql", ""),
            file("collector/migrations/0001_tables.sql", ""),
            file("crates/vitals/testdata/cls_shift.jsonl", ""),
            file("crates/vitals/testdata/cls.jsonl", ""),
            file("e2e/fixtures/csp.html", ""),
            file(
                "collector/src/queries.rs",
                &format!(
                    "include_str!(\"sql/routes.sql\") // {READS_ALL}collector/migrations.\nload(\"cls_shift\")"
                ),
            ),
            file("e2e/tests/csp.test.js", "open('/fixtures/csp.html')"),
        ];
        assert_eq!(
            orphans(&files),
            [
                "collector/src/sql/forgotten.sql: nothing uses it",
                "crates/vitals/testdata/cls.jsonl: nothing uses it",
            ]
        );
    }
}

//! Builds what the browser runs: wasm-pack, then the packing of script, snippet and npm package.
//! Not here: what goes into the script; that is js-shim/build.mjs.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::command::show;
use crate::workspace::Workspace;

/// Everything the result depends on. A folder stands for all files below it.
const INPUTS: [&str; 8] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "agent-wasm",
    "crates/wire",
    "crates/vitals",
    "js-shim",
    // How it is called is an input too.
    "xtask/src/agent.rs",
];

/// Below the inputs, but results or tests.
const NO_INPUTS: [&str; 6] = ["node_modules", "dist", "pkg", "test", "tests", "testdata"];

/// What the collector embeds. One missing means: build.
const OUTPUTS: [&str; 4] = ["agent.js", "snippet.js", "offline.js", "manifest.json"];

/// The standard library is built along, without the text of panics: about an eighth of what a page loads. The pinned compiler
/// takes such flags when told to; a plain `wasm-pack build` works without them and is larger.
const SMALLEST: [(&str, &str); 4] = [
    ("RUSTC_BOOTSTRAP", "1"),
    ("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort"),
    ("CARGO_UNSTABLE_BUILD_STD_FEATURES", "optimize_for_size"),
    (
        // It replaces the flags of agent-wasm/.cargo/config.toml. The agent needs a few hundred bytes of stack; what lies behind a small
        // one has short addresses.
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
        "-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Clink-arg=-zstack-size=2048",
    ),
];

/// Builds when an input has changed since the last build. Answers whether it did.
pub fn build(ws: &Workspace) -> Result<bool> {
    let stamp = ws.root.join("agent-wasm/pkg/.built-from");
    let inputs = format!("{:016x}", fingerprint(&ws.root)?);
    let complete = OUTPUTS.iter().all(|file| dist(ws).join(file).is_file());
    if complete && fs::read_to_string(&stamp).is_ok_and(|built| built == inputs) {
        println!("agent: up to date");
        return Ok(false);
    }
    let started = Instant::now();
    let mut pack = Command::new(ws.tools.join("bin/wasm-pack"));
    pack.args(["build", "agent-wasm", "--target", "web", "--release"])
        .current_dir(&ws.root)
        .env("PATH", ws.path())
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .envs(SMALLEST);
    show(&mut pack)
        .context("wasm-pack did not build the agent; if it is missing: cargo xtask tools")?;
    let mut script = Command::new("node");
    script
        .arg("js-shim/build.mjs")
        .current_dir(&ws.root)
        .env("PATH", ws.path());
    show(&mut script)?;
    fs::write(&stamp, inputs).context("agent-wasm/pkg is what wasm-pack writes")?;
    println!("agent: built in {:.0} s", started.elapsed().as_secs_f64());
    Ok(true)
}

/// Where the built files are.
pub fn dist(ws: &Workspace) -> PathBuf {
    ws.root.join("js-shim/dist")
}

/// A hash over names and contents. Not times: a fresh clone or a switched branch has new times and old contents.
fn fingerprint(root: &Path) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    for input in INPUTS {
        hash_path(root, Path::new(input), &mut hasher)?;
    }
    Ok(hasher.finish())
}

fn hash_path(root: &Path, path: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    let full = root.join(path);
    path.hash(hasher);
    if full.is_dir() {
        let mut names = Vec::new();
        for entry in fs::read_dir(&full)? {
            let name = entry?.file_name();
            if !NO_INPUTS.iter().any(|skipped| name == *skipped) {
                names.push(name);
            }
        }
        names.sort();
        for name in names {
            hash_path(root, &path.join(name), hasher)?;
        }
    } else if full.is_file() {
        fs::read(&full)?.hash(hasher);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_follows_contents_and_names() {
        let root = std::env::temp_dir().join(format!("xtask-agent-{}", std::process::id()));
        let src = root.join("js-shim/src");
        fs::create_dir_all(&src).unwrap();
        fs::write(src.join("a.js"), "1").unwrap();
        let first = fingerprint(&root).unwrap();
        fs::write(src.join("a.js"), "1").unwrap();
        assert_eq!(fingerprint(&root).unwrap(), first, "same content, new time");
        fs::write(src.join("a.js"), "2").unwrap();
        let changed = fingerprint(&root).unwrap();
        assert_ne!(changed, first);
        fs::rename(src.join("a.js"), src.join("b.js")).unwrap();
        let renamed = fingerprint(&root).unwrap();
        assert_ne!(renamed, changed);
        fs::create_dir_all(root.join("js-shim/dist")).unwrap();
        fs::write(root.join("js-shim/dist/agent.js"), "built").unwrap();
        assert_eq!(
            fingerprint(&root).unwrap(),
            renamed,
            "results are no inputs"
        );
        fs::remove_dir_all(&root).unwrap();
    }
}

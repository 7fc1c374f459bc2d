//! How large the agent is on the wire, held against the checked-in budget.
//! Not here: making it small. What counts is what a visitor downloads: brotli 11 of snippet, glue and wasm.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::agent;
use crate::workspace::Workspace;

const BUDGET: &str = "agent-wasm/size-budget.toml";
/// What a visitor downloads; the script as served carries the wasm as text and compresses worse.
const PARTS: [&str; 3] = ["snippet", "glue", "wasm"];
const SERVED: &str = "agent.js";
/// What others weigh; `cargo xtask bench sizes` writes it.
const PEERS: &str = "e2e/bench/peer-sizes.json";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Size {
    raw_bytes: u64,
    gzip_bytes: u64,
    brotli_bytes: u64,
}

/// Prints the sizes that js-shim/build.mjs measured; answers whether the sum is within the budget.
pub fn check(ws: &Workspace) -> Result<bool> {
    let manifest = fs::read_to_string(agent::dist(ws).join("manifest.json"))
        .context("the agent is not built: cargo xtask agent")?;
    let manifest: Value = serde_json::from_str(&manifest)?;

    let budget_file = ws.root.join(BUDGET);
    let text = fs::read_to_string(&budget_file).with_context(|| format!("cannot read {BUDGET}"))?;
    let budget =
        budget(&text).with_context(|| format!("{BUDGET} has no line `total_brotli_bytes = N`"))?;

    println!("{:<52}{:>9}{:>9}{:>9}", "bytes", "raw", "gzip", "brotli");
    let mut total = Size::default();
    for part in PARTS {
        let size = size(&manifest, part)?;
        row(part, size);
        total.raw_bytes += size.raw_bytes;
        total.gzip_bytes += size.gzip_bytes;
        total.brotli_bytes += size.brotli_bytes;
    }
    row("total", total);
    row("/agent.js as served", size(&manifest, SERVED)?);
    peers(ws)?;
    let within = total.brotli_bytes <= budget;
    println!(
        "budget: {} of {budget} brotli bytes, {}",
        total.brotli_bytes,
        if within { "kept" } else { "EXCEEDED" }
    );
    Ok(within)
}

/// For comparison only: no verdict depends on it.
fn peers(ws: &Workspace) -> Result<()> {
    let text = fs::read_to_string(ws.root.join(PEERS))
        .with_context(|| format!("cannot read {PEERS}: cargo xtask bench sizes"))?;
    let peers: Vec<Value> = serde_json::from_str(&text)?;
    for peer in &peers {
        let word = |key: &str| peer[key].as_str().unwrap_or_default();
        let bytes = |key: &str| peer[key].as_u64().unwrap_or_default();
        row(
            &format!("{} {}, {}", word("peer"), word("version"), word("what")),
            Size {
                raw_bytes: bytes("raw_bytes"),
                gzip_bytes: bytes("gzip_bytes"),
                brotli_bytes: bytes("brotli_bytes"),
            },
        );
    }
    Ok(())
}

fn row(name: &str, size: Size) {
    println!(
        "{name:<52}{:>9}{:>9}{:>9}",
        size.raw_bytes, size.gzip_bytes, size.brotli_bytes
    );
}

fn size(manifest: &Value, part: &str) -> Result<Size> {
    let bytes = |encoding: &str| {
        manifest["sizes"][part][encoding]
            .as_u64()
            .with_context(|| format!("the manifest has no {encoding} size of {part}"))
    };
    Ok(Size {
        raw_bytes: bytes("raw")?,
        gzip_bytes: bytes("gzip")?,
        brotli_bytes: bytes("brotli")?,
    })
}

/// One number does not need a TOML parser.
fn budget(text: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        let value = value.split('#').next()?.trim().replace('_', "");
        (key.trim() == "total_brotli_bytes").then(|| value.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_budget() {
        assert_eq!(
            budget("# about\ntotal_brotli_bytes = 16_000 # for now\n"),
            Some(16_000)
        );
        assert_eq!(budget("total_brotli_bytes=9900"), Some(9_900));
        assert_eq!(budget("# total_brotli_bytes = 1\nother = 2"), None);
        assert_eq!(budget("total_brotli_bytes = many"), None);
    }

    #[test]
    fn reads_the_manifest() {
        let manifest =
            serde_json::json!({"sizes": {"glue": {"raw": 30, "gzip": 20, "brotli": 10}}});
        let expected = Size {
            raw_bytes: 30,
            gzip_bytes: 20,
            brotli_bytes: 10,
        };
        assert_eq!(size(&manifest, "glue").unwrap(), expected);
        assert!(size(&manifest, "wasm").is_err());
    }
}

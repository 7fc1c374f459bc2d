//! How large the agent is on the wire, held against the checked-in budget.
//! Not here: making it small. What counts is what a visitor downloads: brotli 11 of snippet, glue and wasm.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::agent;
use crate::command::capture;
use crate::workspace::Workspace;

const BUDGET: &str = "agent-wasm/size-budget.toml";

/// Node is there anyway to build the script, and carries the compressors that servers use.
const MEASURE: &str = r#"
const { readFileSync } = require('node:fs');
const { brotliCompressSync, gzipSync, constants: c } = require('node:zlib');
const sizes = process.argv.slice(1).map((file) => {
  const bytes = readFileSync(file);
  const params = { [c.BROTLI_PARAM_QUALITY]: 11, [c.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return [bytes.length, gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes, { params }).length];
});
console.log(JSON.stringify(sizes));
"#;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Size {
    raw_bytes: u64,
    gzip_bytes: u64,
    brotli_bytes: u64,
}

/// Prints the sizes; answers whether the sum is within the budget.
pub fn check(ws: &Workspace) -> Result<bool> {
    let dist = agent::dist(ws);
    let parts = ["snippet.js", "glue.js", "agent.wasm", "agent.js"];
    let files = parts.map(|part| dist.join(part));
    for file in &files {
        ensure!(
            file.is_file(),
            "{} is missing: cargo xtask agent",
            file.display()
        );
    }
    let mut measure = Command::new("node");
    measure.args(["-e", MEASURE, "--"]).args(&files);
    let sizes = sizes(&capture(&mut measure).context("node cannot measure the files")?)?;
    ensure!(sizes.len() == parts.len(), "a file was not measured");

    let budget_file = ws.root.join(BUDGET);
    let text = fs::read_to_string(&budget_file).with_context(|| format!("cannot read {BUDGET}"))?;
    let budget =
        budget(&text).with_context(|| format!("{BUDGET} has no line `total_brotli_bytes = N`"))?;

    println!("{:<24}{:>9}{:>9}{:>9}", "bytes", "raw", "gzip", "brotli");
    let mut total = Size::default();
    for (part, size) in parts.iter().zip(&sizes).take(3) {
        row(part, *size);
        total.raw_bytes += size.raw_bytes;
        total.gzip_bytes += size.gzip_bytes;
        total.brotli_bytes += size.brotli_bytes;
    }
    row("total", total);
    row("/agent.js as served", sizes[3]);
    let within = total.brotli_bytes <= budget;
    println!(
        "budget: {} of {budget} brotli bytes, {}",
        total.brotli_bytes,
        if within { "kept" } else { "EXCEEDED" }
    );
    Ok(within)
}

fn row(name: &str, size: Size) {
    println!(
        "{name:<24}{:>9}{:>9}{:>9}",
        size.raw_bytes, size.gzip_bytes, size.brotli_bytes
    );
}

fn sizes(answer: &str) -> Result<Vec<Size>> {
    let answer: Value = serde_json::from_str(answer)?;
    let files = answer.as_array().context("not a list")?;
    files
        .iter()
        .map(|file| {
            let bytes = |index: usize| file[index].as_u64().context("not a size");
            Ok(Size {
                raw_bytes: bytes(0)?,
                gzip_bytes: bytes(1)?,
                brotli_bytes: bytes(2)?,
            })
        })
        .collect()
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
    fn reads_what_node_measured() {
        let size = Size {
            raw_bytes: 30,
            gzip_bytes: 20,
            brotli_bytes: 10,
        };
        assert_eq!(sizes("[[30,20,10]]").unwrap(), [size]);
        assert!(sizes("[[30,20]]").is_err());
        assert!(sizes("{}").is_err());
    }
}

//! The synthetic history of `cargo xtask run --seed`, as a file that `vitalscope import` reads.
//! Not here: what happens in it; that is `detect::world`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

pub struct Seed {
    pub file: PathBuf,
    pub lines: usize,
    /// Where the detector's replay begins (RFC 3339).
    pub judge_since: String,
    /// What is known to be in it, one sentence each.
    pub regressions: Vec<String>,
}

pub fn write(file: &Path) -> Result<Seed> {
    bail!("no synthetic world yet ({})", file.display())
}

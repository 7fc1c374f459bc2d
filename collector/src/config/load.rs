//! Reads the configuration: file, environment, check.

use std::path::Path;

use anyhow::{Context, bail};

use super::{Config, check, env};

/// Taken when it lies in the working directory and no file is named.
const DEFAULT_FILE: &str = "vitalscope.toml";

/// Reads `file` (without one `vitalscope.toml` of the working directory, if there is one), applies the environment's overrides
/// and checks the result.
///
/// # Errors
/// A file that is missing, unreadable or not TOML; an unknown key or variable; a value that [`check::check`] refuses.
pub fn load(
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> anyhow::Result<Config> {
    let mut table = match (file, Path::new(DEFAULT_FILE)) {
        (Some(file), _) => read(file)?,
        (None, file) if file.exists() => read(file)?,
        _ => toml::Table::new(),
    };
    env::apply(&mut table, variables)?;
    let config: Config = table.try_into().context("configuration")?;
    check::check(&config)?;
    Ok(config)
}

fn read(file: &Path) -> anyhow::Result<toml::Table> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("configuration file {}", file.display()))?;
    // Parsed as `Config` first, only for its messages: they point at line and column, those of the merged table cannot.
    if let Err(error) = toml::from_str::<Config>(&text) {
        bail!("configuration file {}: {error}", file.display());
    }
    toml::from_str(&text).with_context(|| format!("configuration file {}", file.display()))
}

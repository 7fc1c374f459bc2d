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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::App;

    const EXAMPLE: &str = include_str!("../../vitalscope.example.toml");

    fn none() -> std::iter::Empty<(String, String)> {
        std::iter::empty()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), text).expect("writable");
        file
    }

    #[test]
    fn the_example_is_the_default() {
        let example: Config = toml::from_str(EXAMPLE).expect("the example parses");
        assert_eq!(example, Config::default());
    }

    #[test]
    fn the_example_names_every_key() {
        let mut text = String::new();
        for line in EXAMPLE.lines() {
            // What is commented out is a key or a table; sentences are not.
            let commented = line.strip_prefix("# ").filter(|rest| {
                rest.starts_with("[[")
                    || rest
                        .split_once(" = ")
                        .is_some_and(|(key, _)| !key.contains(' '))
            });
            text.push_str(commented.unwrap_or(line));
            text.push('\n');
        }
        let all: Config = toml::from_str(&text).expect("the commented keys parse");
        assert!(all.private.token.is_some() && all.clickhouse.cluster.is_some());
        assert!(all.ingest.country_header.is_some());
        let App {
            name,
            origins,
            routes,
            beacons_per_s,
            ..
        } = &all.apps[0];
        assert!(!name.is_empty() && !origins.is_empty() && !routes.is_empty());
        assert!(beacons_per_s.is_some());
        for (section, key) in env::keys() {
            let line = |line: &str| {
                line.trim_start_matches("# ")
                    .starts_with(&format!("{key} = "))
            };
            let part = match section {
                "" => EXAMPLE,
                _ => {
                    EXAMPLE
                        .split_once(&format!("[{section}]"))
                        .expect(section)
                        .1
                }
            };
            assert!(part.lines().any(line), "{section}.{key}");
        }
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let file = file("[public]\nlisten = \"127.0.0.1:1\"\n[demo]\nenabled = true");
        let variable = (
            "VITALSCOPE_PUBLIC_LISTEN".to_owned(),
            "127.0.0.1:2".to_owned(),
        );
        let config = load(Some(file.path()), [variable]).unwrap();
        assert_eq!(config.public.listen.port(), 2);
        assert!(config.demo.enabled);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let error = |text| {
            let error = load(Some(file(text).path()), none()).expect_err(text);
            format!("{error:#}")
        };
        assert!(error("[public]\nlisen = \"x\"").contains("lisen"));
        assert!(error("colour = 1").contains("colour"));
        assert!(error("[private]\nlisten = \"nowhere\"").contains("line 2"));
        assert!(error("[private]\nlisten = \"0.0.0.0:1\"").contains("private.token"));
        let missing = load(Some(Path::new("/nowhere/vitalscope.toml")), none()).unwrap_err();
        assert!(format!("{missing:#}").contains("/nowhere/vitalscope.toml"));
        let variable = ("VITALSCOPE_PUBLIC_LISTEN".to_owned(), "x".to_owned());
        assert!(load(None, [variable]).is_err());
    }
}

//! `VITALSCOPE_SECTION_KEY` overrides: every key but the lists of tables can be set from the environment.

use anyhow::{Context, bail};
use toml::{Table, Value};

/// How a variable's text becomes a value.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    /// Separated by commas.
    Texts,
    Number,
    Flag,
}

/// Every key that has a variable: section (empty: top level), key, kind.
const KEYS: &[(&str, &str, Kind)] = &[
    ("", "data_dir", Kind::Text),
    ("public", "listen", Kind::Text),
    ("public", "tls_certificate", Kind::Text),
    ("public", "tls_key", Kind::Text),
    ("private", "listen", Kind::Text),
    ("private", "token", Kind::Text),
    ("private", "hosts", Kind::Texts),
    ("private", "tls_certificate", Kind::Text),
    ("private", "tls_key", Kind::Text),
    ("clickhouse", "url", Kind::Text),
    ("clickhouse", "database", Kind::Text),
    ("clickhouse", "user", Kind::Text),
    ("clickhouse", "password", Kind::Text),
    ("clickhouse", "cluster", Kind::Text),
    ("ingest", "path", Kind::Text),
    ("ingest", "country_header", Kind::Text),
    ("ingest", "trusted_proxies", Kind::Texts),
    ("ingest", "address_beacons_per_s", Kind::Number),
    ("ingest", "app_beacons_per_s", Kind::Number),
    ("spool", "max_bytes", Kind::Number),
    ("retention", "raw_days", Kind::Number),
    ("retention", "rollup_months", Kind::Number),
    ("detection", "baseline", Kind::Text),
    ("demo", "enabled", Kind::Flag),
];

/// Variables with our prefix that are no configuration keys.
const NOT_KEYS: &[&str] = &[
    "VITALSCOPE_CONFIG",
    "VITALSCOPE_CRASH_AT",
    "VITALSCOPE_LOG",
    "VITALSCOPE_LOG_FORMAT",
    "VITALSCOPE_TOOLS",
    "VITALSCOPE_CLICKHOUSE_LIBRARY",
    "VITALSCOPE_CLOCK_OFFSET_MS",
];

/// Writes the overrides of `variables` into `table`.
///
/// # Errors
/// A variable that looks like one of ours and names no key, or a value of the wrong kind.
pub fn apply(
    table: &mut Table,
    variables: impl IntoIterator<Item = (String, String)>,
) -> anyhow::Result<()> {
    for (name, text) in variables {
        let Some(&(section, key, kind)) = KEYS
            .iter()
            .find(|(section, key, _)| variable(section, key) == name)
        else {
            if looks_like_a_key(&name) {
                bail!("unknown environment variable {name}: it names no configuration key");
            }
            continue;
        };
        let value = parse(kind, &text).with_context(|| format!("environment variable {name}"))?;
        let target = match section {
            "" => &mut *table,
            _ => table
                .entry(section)
                .or_insert_with(|| Value::Table(Table::new()))
                .as_table_mut()
                .with_context(|| format!("[{section}] must be a table"))?,
        };
        target.insert(key.into(), value);
    }
    Ok(())
}

/// Section and name of every key that has a variable.
#[cfg(test)]
pub fn keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    KEYS.iter().map(|&(section, key, _)| (section, key))
}

fn variable(section: &str, key: &str) -> String {
    let name = if section.is_empty() {
        format!("VITALSCOPE_{key}")
    } else {
        format!("VITALSCOPE_{section}_{key}")
    };
    name.to_ascii_uppercase()
}

/// A typing error must not go unnoticed, but `VITALSCOPE_` may prefix foreign names too: only those of a section count.
fn looks_like_a_key(name: &str) -> bool {
    !NOT_KEYS.contains(&name)
        && KEYS.iter().any(|(section, _, _)| {
            !section.is_empty()
                && name.starts_with(&format!("VITALSCOPE_{}_", section.to_ascii_uppercase()))
        })
}

fn parse(kind: Kind, text: &str) -> anyhow::Result<Value> {
    Ok(match kind {
        Kind::Text => Value::String(text.into()),
        Kind::Texts => Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::String(item.into()))
                .collect(),
        ),
        Kind::Number => Value::Integer(text.trim().parse().context("a whole number is wanted")?),
        Kind::Flag => Value::Boolean(text.trim().parse().context("`true` or `false` is wanted")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, text: &str) -> anyhow::Result<Table> {
        let mut table = toml::from_str("[public]\nlisten = \"127.0.0.1:1\"")?;
        apply(&mut table, [(name.to_owned(), text.to_owned())])?;
        Ok(table)
    }

    #[test]
    fn variables_override_the_file_and_keep_their_kind() {
        let table = with("VITALSCOPE_PUBLIC_LISTEN", "0.0.0.0:9").unwrap();
        assert_eq!(table["public"]["listen"].as_str(), Some("0.0.0.0:9"));
        let table = with("VITALSCOPE_PRIVATE_TOKEN", "12345").unwrap();
        assert_eq!(table["private"]["token"].as_str(), Some("12345"));
        let table = with("VITALSCOPE_PRIVATE_HOSTS", "a.example, b.example").unwrap();
        assert_eq!(table["private"]["hosts"].as_array().unwrap().len(), 2);
        let table = with("VITALSCOPE_RETENTION_RAW_DAYS", "7").unwrap();
        assert_eq!(table["retention"]["raw_days"].as_integer(), Some(7));
        let table = with("VITALSCOPE_DEMO_ENABLED", "true").unwrap();
        assert_eq!(table["demo"]["enabled"].as_bool(), Some(true));
        let table = with("VITALSCOPE_DATA_DIR", "/var/lib/v").unwrap();
        assert_eq!(table["data_dir"].as_str(), Some("/var/lib/v"));
    }

    #[test]
    fn a_misspelt_key_or_a_wrong_kind_is_an_error() {
        assert!(with("VITALSCOPE_PUBLIC_LISTN", "x").is_err());
        assert!(with("VITALSCOPE_RETENTION_RAW_DAYS", "many").is_err());
        assert!(with("VITALSCOPE_DEMO_ENABLED", "yes").is_err());
    }

    #[test]
    fn foreign_names_are_left_alone() {
        for name in NOT_KEYS {
            assert!(with(name, "x").is_ok(), "{name}");
        }
        assert!(with("PATH", "/bin").is_ok());
    }
}

//! Applies the numbered migrations. An applied migration never changes: its checksum is kept, and a difference is an error.

use anyhow::{Context, bail, ensure};
use clickhouse::Row;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Store;
use crate::config::Retention;

/// One migration: its number is its place in the list, from 1.
struct Migration {
    name: &'static str,
    text: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_rows",
        text: include_str!("../../migrations/0001_rows.sql"),
    },
    Migration {
        name: "0002_rollups",
        text: include_str!("../../migrations/0002_rollups.sql"),
    },
    Migration {
        name: "0003_verdicts",
        text: include_str!("../../migrations/0003_verdicts.sql"),
    },
    Migration {
        name: "0004_views",
        text: include_str!("../../migrations/0004_views.sql"),
    },
    Migration {
        name: "0005_timing",
        text: include_str!("../../migrations/0005_timing.sql"),
    },
    Migration {
        name: "0006_details",
        text: include_str!("../../migrations/0006_details.sql"),
    },
    Migration {
        name: "0007_codecs",
        text: include_str!("../../migrations/0007_codecs.sql"),
    },
];

/// Tables whose rows live as long as `[retention] raw_days` says, and those that live `rollup_months`.
const RAW: [&str; 6] = [
    "page_view_rows",
    "page_view_drop_rows",
    "page_view_timing_rows",
    "page_view_resource_rows",
    "measurement_rows",
    "operation_rows",
];
const ROLLUPS: [&str; 4] = [
    "rollup_hours",
    "imported_hours",
    "rollup_dimension_hours",
    "rollup_attribution_hours",
];

#[derive(Row, Deserialize)]
struct Applied {
    number: u32,
    name: String,
    checksum: String,
}

pub async fn run(store: &Store, retention: &Retention) -> anyhow::Result<()> {
    let server = store.client.clone().with_database("default");
    server
        .query("create database if not exists ?")
        .bind(clickhouse::sql::Identifier(&store.database))
        .execute()
        .await
        .with_context(|| format!("cannot create the database {}", store.database))?;
    execute(
        store,
        "create table if not exists migrations (number UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC')) \
         engine = ReplacingMergeTree order by number settings fsync_after_insert = 1, fsync_part_directory = 1",
    )
    .await?;
    let applied: Vec<Applied> = store
        .client
        .query("select number, name, checksum from migrations final order by number")
        .fetch_all()
        .await?;
    check(&applied)?;
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(applied.len()) {
        apply(store, index as u32 + 1, migration).await?;
    }
    keep_for(store, retention).await
}

/// What was applied must be a beginning of what this program knows.
fn check(applied: &[Applied]) -> anyhow::Result<()> {
    if let Some(newer) = applied.get(MIGRATIONS.len()) {
        bail!(
            "the schema is newer than this program: it has migration {}; use the program that applied it, or a later one",
            newer.name
        );
    }
    for (index, (was, is)) in applied.iter().zip(MIGRATIONS).enumerate() {
        ensure!(
            was.number == index as u32 + 1
                && was.name == is.name
                && was.checksum == checksum(is.text),
            "migration {} was applied as {} with another content: an applied migration must never change",
            is.name,
            was.name
        );
    }
    Ok(())
}

/// A migration that was cut short is applied again from its first statement, so every statement tolerates its own effect.
async fn apply(store: &Store, number: u32, migration: &Migration) -> anyhow::Result<()> {
    for statement in statements(migration.text) {
        let statement = statement
            .replacen("create table ", "create table if not exists ", 1)
            .replacen("create view ", "create or replace view ", 1);
        execute(store, &statement)
            .await
            .with_context(|| format!("migration {}", migration.name))?;
    }
    store
        .client
        .query("insert into migrations values (?, ?, ?, now64(3))")
        .bind(number)
        .bind(migration.name)
        .bind(checksum(migration.text))
        .execute()
        .await?;
    tracing::info!(migration = migration.name, "schema migrated");
    Ok(())
}

/// Retention follows the configuration at every start; the server ignores a TTL that is already set.
async fn keep_for(store: &Store, retention: &Retention) -> anyhow::Result<()> {
    let raw = format!(
        "toDateTime(received_at) + interval {} day",
        retention.raw_days
    );
    let rollups = format!("hour + interval {} month", retention.rollup_months);
    let tables = RAW.iter().map(|table| (table, &raw));
    for (table, ttl) in tables.chain(ROLLUPS.iter().map(|table| (table, &rollups))) {
        // The next merge drops what is over; rewriting every part now would not drop it sooner.
        let statement = format!(
            "alter table {table} modify ttl {ttl} settings materialize_ttl_after_modify = 0"
        );
        execute(store, &statement)
            .await
            .with_context(|| format!("retention of {table}"))?;
    }
    Ok(())
}

async fn execute(store: &Store, statement: &str) -> clickhouse::error::Result<()> {
    // `?` is a placeholder to the client; our statements have none.
    store
        .client
        .query(&statement.replace('?', "??"))
        .execute()
        .await
}

/// The statements of a file: each ends with `;` at the end of a line. Comment lines are for readers of the file.
fn statements(text: &str) -> Vec<String> {
    let code: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .collect();
    code.join("\n")
        .split(";\n")
        .map(|statement| statement.trim().trim_end_matches(';').to_owned())
        .filter(|statement| !statement.is_empty())
        .collect()
}

fn checksum(text: &str) -> String {
    Sha256::digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(migrations: &[Migration]) -> Vec<Applied> {
        (1..)
            .zip(migrations)
            .map(|(number, migration)| Applied {
                number,
                name: migration.name.into(),
                checksum: checksum(migration.text),
            })
            .collect()
    }

    #[test]
    fn a_file_is_split_at_line_ends_only() {
        let text =
            "-- first; comment;\ncreate table a (b String default ';x');\n\n  -- more\nselect 1;";
        assert_eq!(
            statements(text),
            ["create table a (b String default ';x')", "select 1"]
        );
    }

    #[test]
    fn a_newer_or_altered_schema_is_refused() {
        assert!(check(&[]).is_ok());
        assert!(check(&applied(MIGRATIONS)).is_ok());
        let mut altered = applied(MIGRATIONS);
        altered[0].checksum = checksum("something else");
        assert!(check(&altered).is_err_and(|error| error.to_string().contains("0001_rows")));
        let mut newer = applied(MIGRATIONS);
        newer.push(Applied {
            number: MIGRATIONS.len() as u32 + 1,
            name: "9999_future".into(),
            checksum: String::new(),
        });
        assert!(check(&newer).is_err_and(|error| error.to_string().contains("9999_future")));
    }

    #[test]
    fn every_statement_can_be_applied_again() {
        for migration in MIGRATIONS {
            for statement in statements(migration.text) {
                let creates =
                    statement.starts_with("create table ") || statement.starts_with("create view ");
                // A codec that is set already stays as it is.
                let sets_codecs = statement.starts_with("alter table ")
                    && statement.lines().skip(1).all(|line| {
                        line.starts_with("    modify column ") && line.contains(" codec(")
                    });
                assert!(creates || sets_codecs, "{}: {statement}", migration.name);
            }
        }
    }
}

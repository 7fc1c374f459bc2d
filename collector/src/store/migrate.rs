//! Applies the numbered migrations. An applied migration never changes: its checksum is kept, and a difference is an error.
//!
//! Several collectors may do this at once, and each may be killed at any moment. There is no lock that could be left behind; instead
//! every statement tolerates its own effect, a migration is recorded after its last one, and a view is only ever made as the newest
//! migration wants it, so that nobody who is late can put an older one in its place.

use std::time::Duration;

use anyhow::Context;
use clickhouse::Row;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Store;
use super::found;
use super::misfit::Misfit;
use super::refusal;
use super::schema::{SHARDS, Schema, create_database};
use super::server;
use crate::config::Retention;

/// One migration: its number is its place in the list, from 1.
pub struct Migration {
    pub name: &'static str,
    pub text: &'static str,
}

pub const MIGRATIONS: &[Migration] = &[
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
    Migration {
        name: "0008_lease",
        text: include_str!("../../migrations/0008_lease.sql"),
    },
    Migration {
        name: "0009_references",
        text: include_str!("../../migrations/0009_references.sql"),
    },
    Migration {
        name: "0010_false_alarms",
        text: include_str!("../../migrations/0010_false_alarms.sql"),
    },
    Migration {
        name: "0020_finding_detail",
        text: include_str!("../../migrations/0020_finding_detail.sql"),
    },
    Migration {
        name: "0021_drifts",
        text: include_str!("../../migrations/0021_drifts.sql"),
    },
    Migration {
        name: "0030_totals",
        text: include_str!("../../migrations/0030_totals.sql"),
    },
    Migration {
        name: "0040_buckets",
        text: include_str!("../../migrations/0040_buckets.sql"),
    },
    Migration {
        name: "0041_strata_of_apps",
        text: include_str!("../../migrations/0041_strata_of_apps.sql"),
    },
    Migration {
        name: "0042_strata_of_routes",
        text: include_str!("../../migrations/0042_strata_of_routes.sql"),
    },
    Migration {
        name: "0050_packed_days",
        text: include_str!("../../migrations/0050_packed_days.sql"),
    },
    Migration {
        name: "0056_quarters_of_routes",
        text: include_str!("../../migrations/0056_quarters_of_routes.sql"),
    },
    Migration {
        name: "0057_codecs_of_totals",
        text: include_str!("../../migrations/0057_codecs_of_totals.sql"),
    },
    Migration {
        name: "0058_minutes_by_time",
        text: include_str!("../../migrations/0058_minutes_by_time.sql"),
    },
    Migration {
        name: "0059_starts",
        text: include_str!("../../migrations/0059_starts.sql"),
    },
];

/// Tables whose rows live as long as `[retention] raw_days` says, and those that live `rollup_months`.
const RAW: [&str; 7] = [
    "page_view_rows",
    "page_view_start_rows",
    "page_view_drop_rows",
    "page_view_timing_rows",
    "page_view_resource_rows",
    "measurement_rows",
    "operation_rows",
];
const ROLLUPS: [&str; 5] = [
    "rollup_hours",
    "imported_hours",
    "rollup_dimension_hours",
    "rollup_attribution_hours",
    "rollup_totals",
];

/// Two collectors that change one table at the same moment: the server tells one of them to come again. Half a minute in all.
const ATTEMPTS: u32 = 60;
const PAUSE: Duration = Duration::from_millis(500);
/// TABLE_ALREADY_EXISTS and DATABASE_ALREADY_EXISTS in spite of `if not exists`, UNKNOWN_TABLE of one that is being replaced,
/// DEADLOCK_AVOIDED, CANNOT_ASSIGN_ALTER, and two replacements that meet halfway.
const IN_EACH_OTHERS_WAY: [u32; 5] = [57, 60, 82, 473, 517];

#[derive(Row, Deserialize)]
struct Applied {
    number: u32,
    name: String,
    checksum: String,
}

pub async fn run(store: &Store, retention: &Retention) -> anyhow::Result<()> {
    steps(store, retention)
        .await
        .map_err(|error| match Misfit::of(&error, &store.user) {
            Some(misfit) => error.context(misfit),
            None => error,
        })
}

async fn steps(store: &Store, retention: &Retention) -> anyhow::Result<()> {
    let cluster = store.cluster.as_ref();
    store.learn().await?;
    let layout = match cluster {
        Some(cluster) => Some(server::shard_weights(store, cluster).await?),
        None => None,
    };
    let mut schema = Schema::new(&store.database, cluster);
    found::layout(store, layout.as_deref()).await?;
    execute(store, "default", &create_database(&store.database, cluster))
        .await
        .with_context(|| format!("cannot create the database {}", store.database))?;
    for mut statement in schema.record()? {
        if let (Some(layout), true) = (&layout, statement.contains("engine = Distributed")) {
            statement += &format!(" comment '{SHARDS}{layout}'");
        }
        execute(store, &store.database, &statement).await?;
    }
    let applied: Vec<Applied> = store
        .client()
        .query("select number, name, checksum from migrations final order by number")
        .fetch_all()
        .await?;
    check(&applied)?;
    // A server that has joined since has none of it yet.
    let complete = match cluster {
        Some(cluster) => found::is_on_every_server(store, cluster).await?,
        None => true,
    };
    for index in 0..MIGRATIONS.len() {
        let statements = schema.migration(index)?;
        if index >= applied.len() || !complete {
            apply(store, index, &statements).await?;
        }
    }
    found::compare(store).await?;
    keep_for(store, retention).await
}

/// What was applied must be a beginning of what this program knows.
fn check(applied: &[Applied]) -> Result<(), Misfit> {
    if let Some(newer) = applied.get(MIGRATIONS.len()) {
        return Err(Misfit::NewerSchema {
            name: newer.name.clone(),
        });
    }
    for (index, (was, is)) in applied.iter().zip(MIGRATIONS).enumerate() {
        if was.number != index as u32 + 1
            || was.name != is.name
            || was.checksum != checksum(is.text)
        {
            return Err(Misfit::OtherMigration {
                expected: is.name,
                name: was.name.clone(),
            });
        }
    }
    Ok(())
}

/// A migration that was cut short is applied again from its first statement.
async fn apply(store: &Store, index: usize, statements: &[String]) -> anyhow::Result<()> {
    let migration = &MIGRATIONS[index];
    for statement in statements {
        execute(store, &store.database, statement)
            .await
            .with_context(|| format!("migration {}", migration.name))?;
    }
    store
        .client()
        .query("insert into migrations values (?, ?, ?, now64(3))")
        .bind(index as u32 + 1)
        .bind(migration.name)
        .bind(checksum(migration.text))
        .execute()
        .await?;
    tracing::info!(migration = migration.name, "schema migrated");
    Ok(())
}

/// Retention follows the configuration at every start. The next merge drops what is over; rewriting every part now would not drop it
/// sooner.
async fn keep_for(store: &Store, retention: &Retention) -> anyhow::Result<()> {
    let raw = ("toDateTime(received_at)", "Day", retention.raw_days);
    let rollups = ("hour", "Month", retention.rollup_months);
    let tables = RAW.iter().map(|table| (*table, raw));
    let tables = tables.chain(ROLLUPS.iter().map(|table| (*table, rollups)));
    let (source, on_cluster, suffix) = match &store.cluster {
        Some(cluster) => (
            format!("clusterAllReplicas('{}', system.tables)", cluster.name),
            cluster.on_cluster(),
            "_local",
        ),
        None => ("system.tables".into(), String::new(), ""),
    };
    let engines: Vec<(String, String)> = store
        .client()
        .query(&format!(
            "select name, engine_full from {source} where database = ? settings skip_unavailable_shards = 1"
        ))
        .bind(&store.database)
        .fetch_all()
        .await?;
    for (table, (from, unit, count)) in tables {
        let table = format!("{table}{suffix}");
        let ttl = format!("{from} + toInterval{unit}({count})");
        let kept = engines
            .iter()
            .filter(|(name, _)| *name == table)
            .all(|(_, engine)| engine.contains(&format!("TTL {ttl} ")));
        if kept {
            continue;
        }
        let statement = format!(
            "alter table {table}{on_cluster} modify ttl {ttl} settings materialize_ttl_after_modify = 0"
        );
        execute(store, &store.database, &statement)
            .await
            .with_context(|| format!("retention of {table}"))?;
    }
    Ok(())
}

async fn execute(store: &Store, database: &str, statement: &str) -> clickhouse::error::Result<()> {
    // `?` is a placeholder to the client; our statements have none.
    let statement = statement.replace('?', "??");
    let mut attempt = 1;
    loop {
        let client = store.client().clone().with_database(database);
        let Err(error) = client.query(&statement).execute().await else {
            return Ok(());
        };
        let code = refusal::code(&error.to_string());
        if attempt == ATTEMPTS || !code.is_some_and(|code| IN_EACH_OTHERS_WAY.contains(&code)) {
            return Err(error);
        }
        attempt += 1;
        tokio::time::sleep(PAUSE).await;
    }
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
}

//! What the server is: its version, the settings it knows, the cluster it belongs to. Asked once, before the schema is touched.

use clickhouse::Row;
use serde::Deserialize;

use super::Store;
use super::cluster::{Cluster, Engines};
use super::misfit::Misfit;

/// The oldest server that our SQL runs on; `docs/clickhouse.md` says what needs it.
pub const OLDEST: (u32, u32) = (25, 8);
const OLDEST_NAME: &str = "25.8";

/// Settings that are sent when the server knows them, because its default may be another or its profile may say otherwise.
const WANTED: [(&str, &str); 4] = [
    // With both, FINAL reads only the granules that a range of time touches, and still finds every newer row of their keys. The
    // second is as old as the oldest server; without it the first would give wrong answers.
    ("use_skip_indexes_if_final", "1"),
    ("use_skip_indexes_if_final_exact_mode", "1"),
    // Tokens of inserts are looked at. The second name is that of servers from 26.2 on.
    ("insert_deduplicate", "1"),
    ("deduplicate_insert", "enable"),
];

/// Refuses a server that is too old, and returns the settings to send to it.
///
/// # Errors
/// The server's, or [`Misfit::OldServer`].
pub async fn settings(
    client: &clickhouse::Client,
) -> anyhow::Result<Vec<(&'static str, &'static str)>> {
    let version: String = client.query("select version()").fetch_one().await?;
    check_version(&version)?;
    let names: Vec<&str> = WANTED.iter().map(|(name, _)| *name).collect();
    let known: Vec<String> = client
        .query("select name from system.settings where name in ?")
        .bind(names)
        .fetch_all()
        .await?;
    Ok(WANTED
        .into_iter()
        .filter(|(name, _)| known.iter().any(|known| known == name))
        .collect())
}

fn check_version(version: &str) -> Result<(), Misfit> {
    let mut numbers = version.split('.').map_while(|part| part.parse().ok());
    match (numbers.next(), numbers.next()) {
        // A name that is no version is nobody's we know: let it try.
        (Some(major), Some(minor)) if (major, minor) < OLDEST => Err(Misfit::OldServer {
            version: version.into(),
            needed: OLDEST_NAME,
        }),
        _ => Ok(()),
    }
}

#[derive(Row, Deserialize)]
struct ClusterRow {
    name: String,
    /// Of its shards, in order.
    weights: Vec<u32>,
}

/// The weights of the cluster's shards: together with a row they decide its shard.
///
/// # Errors
/// The server's, or a [`Misfit`] when it does not know the cluster or cannot have replicated tables.
pub async fn shard_weights(store: &Store, cluster: &Cluster) -> anyhow::Result<String> {
    let server = store.client().clone().with_database("default");
    let clusters: Vec<ClusterRow> = server
        .query(
            "select cluster as name, arrayMap(shard -> shard.2, arraySort(groupUniqArray((shard_num, shard_weight)))) as weights \
             from system.clusters group by cluster order by cluster",
        )
        .fetch_all()
        .await?;
    let Some(found) = clusters.iter().find(|row| row.name == cluster.name) else {
        let known: Vec<&str> = clusters.iter().map(|row| row.name.as_str()).collect();
        return Err(Misfit::NoCluster {
            name: cluster.name.clone(),
            known: if known.is_empty() {
                "none".into()
            } else {
                known.join(", ")
            },
        }
        .into());
    };
    if cluster.engines == Engines::Replicated {
        let macros: Vec<String> = server
            .query("select macro from system.macros")
            .fetch_all()
            .await?;
        for name in ["shard", "replica"] {
            if !macros.iter().any(|known| known == name) {
                return Err(Misfit::NoMacro { name }.into());
            }
        }
    }
    let weights: Vec<String> = found.weights.iter().map(u32::to_string).collect();
    Ok(weights.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_server_is_named_with_what_is_needed() {
        let check = |version: &str, fits: bool| {
            assert_eq!(check_version(version).is_ok(), fits, "{version}");
        };
        check("24.8.4.13", false);
        check("25.7.9.1", false);
        check("25.8.1.1", true);
        check("26.7.2.1", true);
        check("nightly", true);
        let said = check_version("24.8.4.13").expect_err("old").to_string();
        assert!(
            said.contains("24.8.4.13") && said.contains(OLDEST_NAME),
            "{said}"
        );
    }
}

//! What is already there: whether it was made for this configuration, and is still as the migrations left it.

use std::collections::BTreeMap;

use anyhow::Context;

use super::Store;
use super::cluster::{Cluster, local};
use super::misfit::Misfit;
use super::schema::{SHARDS, names};
use super::tables;

/// Before anything is created: whether what is there was made for as many servers as the configuration says.
pub async fn layout(store: &Store, weights: Option<&str>) -> anyhow::Result<()> {
    let found: Option<(String, String)> = store
        .client()
        .clone()
        .with_database("default")
        .query(
            "select engine, comment from system.tables where database = ? and name = 'migrations'",
        )
        .bind(&store.database)
        .fetch_optional()
        .await?;
    let database = store.database.clone();
    let misfit = match (found, weights) {
        (None, _) => return Ok(()),
        (Some((engine, comment)), Some(weights)) if engine == "Distributed" => {
            match comment.strip_prefix(SHARDS) {
                Some(was) if was != weights => Misfit::OtherShards {
                    database,
                    was: was.into(),
                    is: weights.into(),
                },
                _ => return Ok(()),
            }
        }
        (Some(_), Some(_)) => Misfit::MadeForOneServer { database },
        (Some((engine, _)), None) if engine == "Distributed" => Misfit::MadeForCluster { database },
        (Some(_), None) => return Ok(()),
    };
    Err(misfit.into())
}

/// Whether each server of the cluster that answers has every table and view.
pub async fn is_on_every_server(store: &Store, cluster: &Cluster) -> anyhow::Result<bool> {
    let count: Vec<(String, u64)> = store
        .client()
        .query(
            "select if(database = 'system', '', name) as place, count() from clusterAllReplicas(?, system.tables) \
             where database = ? or (database = 'system' and name = 'one') group by place settings skip_unavailable_shards = 1",
        )
        .bind(&cluster.name)
        .bind(&store.database)
        .fetch_all()
        .await
        .context("tables of the cluster's servers")?;
    let count: BTreeMap<String, u64> = count.into_iter().collect();
    // Every server has the table `system.one`.
    let servers = count.get("");
    Ok(names()
        .iter()
        .flat_map(|name| [name.clone(), local(name)])
        .all(|name| count.get(&name) == servers))
}

/// The schema must still be as the migrations left it.
pub async fn compare(store: &Store) -> anyhow::Result<()> {
    let columns: Vec<(String, String, String)> = store
        .client()
        .query("select table, name, type from system.columns where database = ?")
        .bind(&store.database)
        .fetch_all()
        .await?;
    let mut found: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (table, name, kind) in columns {
        found.entry(table).or_default().insert(name, kind);
    }
    let altered = |what| Err(Misfit::AlteredSchema { what }.into());
    if let Some(missing) = names().iter().find(|name| !found.contains_key(*name)) {
        return altered(format!("{missing} is missing"));
    }
    for table in tables::ALL {
        let columns = &found[table.name];
        for (name, kind) in table.columns {
            match columns.get(*name) {
                None => return altered(format!("{}.{name} is missing", table.name)),
                Some(is) if is != kind => {
                    return altered(format!("{}.{name} is {is}, not {kind}", table.name));
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}

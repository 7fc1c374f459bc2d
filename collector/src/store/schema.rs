//! The schema as statements, from the migrations: what each means on one server or on a cluster, and which names are there in the end.
//! Pure: it asks no server.

use anyhow::Context;

use super::cluster::{Cluster, Derivation};
use super::migrate::MIGRATIONS;
use super::statement::{Kind, Statement, split};

/// What was applied. Made before everything else, in the way of a migration.
const RECORD: &str = "create table migrations
(
    number UInt32,
    name String,
    checksum String,
    applied_at DateTime64(3, 'UTC')
)
engine = ReplacingMergeTree
order by number
settings fsync_after_insert = 1, fsync_part_directory = 1";

/// Comment of the table `migrations` on a cluster: for which shards everything was made.
pub const SHARDS: &str = "shard weights: ";

/// Everything that an empty server is told, in order. Each statement may be told again at any time.
///
/// # Errors
/// A migration that cannot be derived for a cluster: a test keeps that from happening.
pub fn statements(database: &str, cluster: Option<&Cluster>) -> anyhow::Result<Vec<String>> {
    let mut schema = Schema::new(database, cluster);
    let mut all = vec![create_database(database, cluster)];
    all.extend(schema.record()?);
    for index in 0..MIGRATIONS.len() {
        all.extend(schema.migration(index)?);
    }
    Ok(all)
}

/// The statements for one server or a cluster, in their order.
pub struct Schema<'a> {
    derivation: Option<Derivation<'a>>,
}

impl<'a> Schema<'a> {
    pub fn new(database: &'a str, cluster: Option<&'a Cluster>) -> Schema<'a> {
        Schema {
            derivation: cluster.map(|cluster| cluster.derivation(database)),
        }
    }

    pub fn record(&mut self) -> anyhow::Result<Vec<String>> {
        self.derive(&Statement::parse(RECORD)?)
    }

    pub fn migration(&mut self, index: usize) -> anyhow::Result<Vec<String>> {
        let own = parsed(index)?;
        let mut later = own.clone();
        for following in index + 1..MIGRATIONS.len() {
            later.extend(parsed(following)?);
        }
        let mut all = Vec::new();
        for (place, statement) in own.iter().enumerate() {
            // Derived in any case: a later statement may refer to its table.
            let derived = self.derive(statement).context(MIGRATIONS[index].name)?;
            let mut later = later.iter().skip(place + 1);
            if !later.any(|later| later.supersedes(statement)) {
                all.extend(derived);
            }
        }
        Ok(all)
    }

    fn derive(&mut self, statement: &Statement) -> anyhow::Result<Vec<String>> {
        match &mut self.derivation {
            Some(derivation) => derivation.derive(statement),
            None => Ok(vec![statement.on_one_server()]),
        }
    }
}

fn parsed(index: usize) -> anyhow::Result<Vec<Statement>> {
    let migration = &MIGRATIONS[index];
    split(migration.text)
        .iter()
        .map(|text| Statement::parse(text).context(migration.name))
        .collect()
}

/// Tables and views that all migrations together leave.
pub fn names() -> Vec<String> {
    let mut names = Vec::new();
    for statement in (0..MIGRATIONS.len()).flat_map(|index| parsed(index).unwrap_or_default()) {
        match statement.kind {
            Kind::CreateTable | Kind::CreateView => names.push(statement.name),
            Kind::DropTable | Kind::DropView => names.retain(|name| *name != statement.name),
            Kind::AlterTable | Kind::Insert => {}
        }
    }
    names
}

pub fn create_database(database: &str, cluster: Option<&Cluster>) -> String {
    let on_cluster = cluster.map(Cluster::on_cluster).unwrap_or_default();
    format!("create database if not exists {database}{on_cluster}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::cluster::Engines;

    #[test]
    fn a_view_is_made_once_as_the_newest_migration_wants_it() {
        let all = statements("vitalscope", None).expect("our own migrations");
        for name in names() {
            let view = format!("create or replace view {name} as");
            let made = all.iter().filter(|text| text.starts_with(&view)).count();
            assert!(made <= 1, "{name}");
        }
        assert!(all.iter().any(|text| text.contains("server_timing")));
    }

    /// The texts are reviewed; a change of them is a change of everybody's schema.
    #[test]
    fn the_derived_statements_are_the_reviewed_ones() {
        let cluster = Cluster {
            name: "main".into(),
            engines: Engines::Replicated,
        };
        for (cluster, name) in [
            (None, "schema-one-server.sql"),
            (Some(&cluster), "schema-cluster.sql"),
        ] {
            let derived = statements("vitalscope", cluster).expect("our own migrations");
            let derived = derived.join(";\n\n") + ";\n";
            let file = format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
            let reviewed = std::fs::read_to_string(&file).unwrap_or_default();
            if derived != reviewed {
                let draft = format!("{file}.draft");
                std::fs::write(&draft, derived).expect("the source folder can be written");
                panic!(
                    "the schema differs from {file}: read {draft}, and if it is meant, put it in its place"
                );
            }
        }
    }
}

//! The schema on a cluster, derived from the one text of the migrations. Pure: statements in, statements out.
//!
//! - A table `T` becomes `T_local` on every shard, with the `Replicated` form of its engine, and a `Distributed` table under its own
//!   name, through which everything reads and writes.
//! - A view `V` becomes `V_local` over the local tables, on every shard, and a `Distributed` table under its own name. So a query is
//!   filtered, joined and aggregated where the rows are, with the plan of a single server; a view over `Distributed` tables would
//!   bring the rows of its joins to one place first. A view over no table at all is the same on every server, so its own name is a
//!   plain view too: through `Distributed` each of its rows would come once from every shard.
//! - That gives the answers of one server as long as rows that belong together are on one shard. The sharding key sees to it: the
//!   page view where the sort key has one, the `id` where it has that, else the whole sort key. All rows of one upsert key are on
//!   one shard then, and a view may join tables by page view or by id, and no other way; [`Derivation::derive`] refuses the rest.
//!
//! The sharding key is a function of the row, so a block that is sent again goes where it went before, whichever server takes it.
//! Measured on ClickHouse 26.7 with two shards: the token of an insert goes along to every shard, and each remembers it for its part
//! of the block. The same block again adds nothing, through either server; a block for which one shard is away is refused as a
//! whole; where one shard lacks its part, only that part is written. A server that cuts one insert into several blocks numbers them
//! under the token, so the cut must be the same again; ours are far below the limit at which it would cut. And `insert … select`
//! between two `Distributed` tables must be told to go through one server (`parallel_distributed_insert_select = 0`): left to
//! itself, each shard keeps what it selected, whatever the sharding key says.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};

use super::statement::{Kind, Statement};

/// A retry after an outage of this length still meets its token; beyond that the upsert by key catches it. The server's own default
/// is an hour.
const DEDUPLICATION_WINDOW: &str =
    "replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800";
const SINGLE_DEDUPLICATION_WINDOW: &str = "non_replicated_deduplication_window = 10000";

/// What every statement to a cluster needs, or it gives other answers than one server. All of them are older than the oldest server
/// we support.
pub const SETTINGS: [(&str, &str); 7] = [
    // An acknowledged block is on its shards, not in a queue of the server that took it.
    ("distributed_foreground_insert", "1"),
    // See above: rows must go where the sharding key says.
    ("parallel_distributed_insert_select", "0"),
    // A subquery is evaluated over all shards, once.
    ("distributed_product_mode", "global"),
    // Half an answer is no answer.
    ("skip_unavailable_shards", "0"),
    // All collectors read and write the same replica while it lives, so none reads rows that it cannot see yet ...
    ("load_balancing", "in_order"),
    // ... and none recomputes an hour from a replica that is further behind than rollups wait for arrivals to settle.
    ("max_replica_delay_for_distributed_queries", "30"),
    ("fallback_to_stale_replicas_for_distributed_queries", "0"),
];

/// The cluster that the schema is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// As in `remote_servers` of the servers' configuration.
    pub name: String,
    pub engines: Engines,
}

/// What the local tables are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engines {
    /// `Replicated*`, made everywhere at once by `on cluster`: needs a Keeper.
    #[default]
    Replicated,
    /// Not replicated, and each server must be told by itself. Only our tests use it: two embedded servers have no Keeper.
    Plain,
}

/// Derives the statements of a cluster, one after the other: it remembers how each table is sharded.
#[derive(Clone, Debug)]
pub struct Derivation<'a> {
    cluster: &'a Cluster,
    database: &'a str,
    /// Sharding key by table; none for a view.
    known: BTreeMap<String, Option<String>>,
}

impl Cluster {
    /// A cluster whose servers have a Keeper.
    pub fn named(name: String) -> Cluster {
        Cluster {
            name,
            engines: Engines::Replicated,
        }
    }

    pub fn derivation<'a>(&'a self, database: &'a str) -> Derivation<'a> {
        Derivation {
            cluster: self,
            database,
            known: BTreeMap::new(),
        }
    }

    /// ` on cluster 'name'`, or nothing where each server is told by itself.
    pub fn on_cluster(&self) -> String {
        match self.engines {
            Engines::Replicated => format!(" on cluster '{}'", self.name),
            Engines::Plain => String::new(),
        }
    }
}

/// Name of the part of a table or view that is on each shard.
pub fn local(name: &str) -> String {
    format!("{name}_local")
}

impl Derivation<'_> {
    /// The statements that do on the cluster what `statement` does on one server; each tolerates its own effect.
    ///
    /// # Errors
    /// A statement whose meaning would differ between a cluster and one server.
    pub fn derive(&mut self, statement: &Statement) -> anyhow::Result<Vec<String>> {
        let on_cluster = self.cluster.on_cluster();
        let Statement { kind, name, rest } = statement;
        let local = local(name);
        Ok(match kind {
            Kind::CreateTable => {
                let key = sharding_key(rest).with_context(|| format!("table {name}"))?;
                let table = self.local_table(&local, rest)?;
                self.known.insert(name.clone(), Some(key));
                vec![
                    format!("create table if not exists {local}{on_cluster}\n{table}"),
                    format!("create table if not exists {}", self.distributed(name)),
                ]
            }
            Kind::CreateView => {
                let (body, source_count) = self
                    .local_view(rest)
                    .with_context(|| format!("view {name}"))?;
                self.known.insert(name.clone(), None);
                let outer = if source_count == 0 {
                    format!("create or replace view {name}{on_cluster} as\nselect * from {local}")
                } else {
                    format!("create or replace table {}", self.distributed(name))
                };
                vec![
                    format!("create or replace view {local}{on_cluster} as\n{body}"),
                    outer,
                ]
            }
            // The Distributed table takes its columns over anew, whatever the change was.
            Kind::AlterTable => vec![
                format!("alter table {local}{on_cluster} {rest}"),
                format!("create or replace table {}", self.distributed(name)),
            ],
            Kind::DropTable | Kind::DropView => {
                self.known.remove(name);
                let what = if *kind == Kind::DropTable {
                    "table"
                } else {
                    "view"
                };
                vec![
                    format!("drop table if exists {name}{on_cluster} sync"),
                    format!("drop {what} if exists {local}{on_cluster} sync"),
                ]
            }
            // Through the Distributed tables, like every insert.
            Kind::Insert => vec![statement.on_one_server()],
        })
    }

    /// Everything after `create table `, of the table under the name that is read and written.
    fn distributed(&self, name: &str) -> String {
        let Derivation {
            cluster, database, ..
        } = self;
        let local = local(name);
        let key = match self.known.get(name) {
            Some(Some(key)) => format!(", {key}"),
            _ => String::new(),
        };
        format!(
            "{name}{} as {local}\nengine = Distributed('{}', '{database}', '{local}'{key})",
            cluster.on_cluster(),
            cluster.name
        )
    }

    /// Columns, engine and settings of a table on its shard. The path in Keeper names shard, database and table, so that a server
    /// that joins later finds its replica's data; the server's own default names a random id, which is another for a later
    /// `create table`.
    fn local_table(&self, local: &str, rest: &str) -> anyhow::Result<String> {
        if self.cluster.engines == Engines::Plain {
            return Ok(rest.into());
        }
        let database = self.database;
        let lines = rest.lines().map(|line| {
            let Some(engine) = line.strip_prefix("engine = ") else {
                return line.replace(SINGLE_DEDUPLICATION_WINDOW, DEDUPLICATION_WINDOW);
            };
            let (engine, arguments) = engine.split_once('(').unwrap_or((engine, ")"));
            let comma = if arguments.starts_with(')') { "" } else { ", " };
            format!(
                "engine = Replicated{engine}('/clickhouse/tables/{{shard}}/{database}/{local}', '{{replica}}'{comma}{arguments}"
            )
        });
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }

    /// The view over the local tables and views, and how many of them it names.
    fn local_view(&self, body: &str) -> anyhow::Result<(String, usize)> {
        let mut text = String::with_capacity(body.len() + 128);
        let mut keys = Vec::new();
        let mut joins = false;
        let mut previous = "";
        for piece in body.split_inclusive(|c: char| c.is_whitespace() || c == ')' || c == ';') {
            let word = piece.trim_end_matches(|c: char| c.is_whitespace() || c == ')' || c == ';');
            let is_source = matches!(previous, "from" | "join");
            match self.known.get(word) {
                Some(key) if is_source => {
                    keys.push(key.as_deref());
                    text.push_str(&local(word));
                    text.push_str(&piece[word.len()..]);
                }
                _ => text.push_str(piece),
            }
            if !word.is_empty() {
                previous = word;
                joins |= word == "join";
            }
        }
        let together = keys
            .windows(2)
            .all(|pair| pair[0].is_some() && pair[0] == pair[1]);
        ensure!(
            together || !joins,
            "it joins tables whose rows are not on one shard: {keys:?}"
        );
        Ok((text, keys.len()))
    }
}

/// The expression that says on which shard a row is. It is made of columns of the sort key, which are constants of what the row
/// tells, so all rows of one key are on one shard for ever.
fn sharding_key(table: &str) -> anyhow::Result<String> {
    let order = table
        .lines()
        .find_map(|line| line.strip_prefix("order by "))
        .context("a line begins with `order by`")?;
    let columns = order.trim_start_matches('(').trim_end_matches(')');
    let has = |column: &str| columns.split(", ").any(|word| word == column);
    let columns = match (has("app") && has("view_id"), has("id")) {
        (true, _) => "app, view_id",
        (false, true) => "id",
        (false, false) => columns,
    };
    Ok(format!("sipHash64({columns})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derive(engines: Engines, texts: &[&str]) -> anyhow::Result<Vec<String>> {
        let cluster = Cluster {
            name: "main".into(),
            engines,
        };
        let mut derivation = cluster.derivation("vitalscope");
        let mut all = Vec::new();
        for text in texts {
            all.extend(derivation.derive(&Statement::parse(text)?)?);
        }
        Ok(all)
    }

    const ROWS: &str = "create table a\n(\n    app String\n)\nengine = ReplacingMergeTree(version)\norder by (app, view_id)";
    const HOURS: &str =
        "create table h\n(\n    app String\n)\nengine = MergeTree\norder by (app, hour)";

    #[test]
    fn rows_that_belong_together_share_a_shard() {
        let check = |order: &str, expected: &str| {
            let key = sharding_key(&format!(
                "engine = MergeTree\norder by {order}\nsettings a = 1"
            ));
            assert_eq!(key.expect(order), format!("sipHash64({expected})"));
        };
        check(
            "(app, intDiv(start_ms, 3600000), view_id, start_ms, seq)",
            "app, view_id",
        );
        check("(subject, id)", "id");
        check("id", "id");
        check("(app, kind, hour, stratum)", "app, kind, hour, stratum");
        check("at", "at");
        assert!(sharding_key("engine = MergeTree").is_err());
    }

    #[test]
    fn engines_are_replicated_with_their_arguments() {
        let check = |engine: &str, expected: &str| {
            let text = format!("create table t\n(\n    a Date\n)\nengine = {engine}\norder by a");
            let derived = derive(Engines::Replicated, &[&text]).expect(engine);
            assert!(derived[0].contains(expected), "{}", derived[0]);
        };
        let path = "'/clickhouse/tables/{shard}/vitalscope/t_local', '{replica}'";
        check(
            "MergeTree",
            &format!("engine = ReplicatedMergeTree({path})\n"),
        );
        check(
            "MergeTree()",
            &format!("engine = ReplicatedMergeTree({path})\n"),
        );
        check(
            "ReplacingMergeTree(v)",
            &format!("engine = ReplicatedReplacingMergeTree({path}, v)\n"),
        );
    }

    #[test]
    fn a_view_reads_what_is_on_its_shard() {
        let view = "create view v as\nselect x.a from a as x\nright join (select b from a) as y on x.b = y.b\nwhere `from` = a";
        let derived = derive(Engines::Plain, &[ROWS, view]).expect("fits");
        assert_eq!(
            derived[2..],
            [
                "create or replace view v_local as\nselect x.a from a_local as x\nright join (select b from a_local) as y on x.b = y.b\nwhere `from` = a",
                "create or replace table v as v_local\nengine = Distributed('main', 'vitalscope', 'v_local')"
            ]
        );
    }

    #[test]
    fn a_view_over_no_table_is_the_same_on_every_server() {
        let derived = derive(
            Engines::Plain,
            &["create view n as\nselect number from numbers(3)"],
        );
        assert_eq!(
            derived.expect("fits"),
            [
                "create or replace view n_local as\nselect number from numbers(3)",
                "create or replace view n as\nselect * from n_local"
            ]
        );
    }

    #[test]
    fn a_join_across_shards_is_refused() {
        let view = "create view v as\nselect a.b from a join h on a.app = h.app";
        let error =
            derive(Engines::Plain, &[ROWS, HOURS, view]).expect_err("differs from one server");
        assert!(
            format!("{error:#}").contains("view v: it joins tables"),
            "{error:#}"
        );
        let union = "create view v as\nselect app from a union all select app from h";
        assert!(derive(Engines::Plain, &[ROWS, HOURS, union]).is_ok());
    }

    #[test]
    fn an_altered_table_is_distributed_anew() {
        let alter = "alter table a add column if not exists b Date";
        let derived = derive(Engines::Replicated, &[ROWS, alter]).expect("fits");
        assert_eq!(
            derived[2..],
            [
                "alter table a_local on cluster 'main' add column if not exists b Date",
                "create or replace table a on cluster 'main' as a_local\nengine = Distributed('main', 'vitalscope', 'a_local', sipHash64(app, view_id))"
            ]
        );
    }
}

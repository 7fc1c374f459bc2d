//! Why a server or its schema does not fit this program: what a person must mend before anything can be stored. Everything else that
//! goes wrong (a server that is away, busy or being upgraded) may pass by itself and is no misfit.

use thiserror::Error;

use super::refusal;

/// Each message says what to do; `docs/clickhouse.md` has a section about each.
#[derive(Debug, Error)]
pub enum Misfit {
    #[error(
        "ClickHouse {version} is too old: this program needs {needed} or later (docs/clickhouse.md, \"Versions\")"
    )]
    OldServer {
        version: String,
        needed: &'static str,
    },
    #[error(
        "ClickHouse refuses the user \"{user}\" or its password: set clickhouse.user and clickhouse.password \
         (VITALSCOPE_CLICKHOUSE_PASSWORD)"
    )]
    Password { user: String },
    #[error(
        "the ClickHouse user \"{user}\" lacks a right (docs/clickhouse.md, \"Rights\", has the statements): {message}"
    )]
    Rights { user: String, message: String },
    #[error(
        "the schema is newer than this program: it has migration {name}; use the program that applied it, or a later one"
    )]
    NewerSchema { name: String },
    #[error(
        "migration {expected} was applied as {name} with another content: an applied migration must never change; \
         use the program that applied it, or another database (clickhouse.database)"
    )]
    OtherMigration {
        expected: &'static str,
        name: String,
    },
    #[error(
        "the schema was altered: {what}; undo that, or use another database (clickhouse.database). \
         Beacons that were accepted wait in the spool"
    )]
    AlteredSchema { what: String },
    #[error(
        "the server knows no cluster \"{name}\" (clickhouse.cluster); it knows {known}. Define it in remote_servers \
         (docs/clickhouse.md, \"Cluster\")"
    )]
    NoCluster { name: String, known: String },
    #[error(
        "the server has no macro {{{name}}}: replicated tables need `shard` and `replica` on every server \
         (docs/clickhouse.md, \"Cluster\")"
    )]
    NoMacro { name: &'static str },
    #[error(
        "the database {database} was made for one server, and clickhouse.cluster is set: leave it out, or use another database \
         and copy the rows (docs/scaling.md, \"From one server to a cluster\")"
    )]
    MadeForOneServer { database: String },
    #[error(
        "the database {database} was made for a cluster, and clickhouse.cluster is not set: set it to the name that the tables \
         were made with"
    )]
    MadeForCluster { database: String },
    #[error(
        "the tables of {database} were made for shards of the weights {was}, and the cluster has {is}: rows of one page view \
         would be on two shards. Put the cluster back, or copy the rows (docs/scaling.md, \"More shards\")"
    )]
    OtherShards {
        database: String,
        was: String,
        is: String,
    },
}

impl Misfit {
    /// Whether an error of the server is one of these.
    pub fn of(error: &anyhow::Error, user: &str) -> Option<Misfit> {
        let error = error.downcast_ref::<clickhouse::error::Error>()?;
        let text = error.to_string();
        let user = user.to_owned();
        match refusal::code(&text)? {
            // UNKNOWN_USER and WRONG_PASSWORD are what older servers said for AUTHENTICATION_FAILED.
            192 | 193 | 516 => Some(Misfit::Password { user }),
            // READONLY, ACCESS_DENIED.
            164 | 497 => Some(Misfit::Rights {
                user,
                message: first_sentence(&text),
            }),
            _ => None,
        }
    }
}

/// The server's own words without its code, version and stack.
fn first_sentence(text: &str) -> String {
    let text = text
        .split_once("DB::Exception: ")
        .map_or(text, |(_, rest)| rest);
    let end = [" (ACCESS_DENIED)", " (READONLY)", " (version"]
        .iter()
        .filter_map(|mark| text.find(mark))
        .min()
        .unwrap_or(text.len());
    text[..end].trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_person_must_mend_is_a_misfit() {
        let misfit = |text: &str| {
            let error = anyhow::Error::from(clickhouse::error::Error::BadResponse(text.into()));
            Misfit::of(&error.context("migration 0001_rows"), "vs").map(|misfit| misfit.to_string())
        };
        let rights = "Code: 497. DB::Exception: vs: Not enough privileges. To execute this query, it's necessary to have the grant \
            CREATE TABLE ON vitalscope.a. (ACCESS_DENIED) (version 26.7.2.1)";
        let said = misfit(rights).expect("is one");
        assert!(said.ends_with("CREATE TABLE ON vitalscope.a"), "{said}");
        let password = misfit("Code: 516. DB::Exception: vs: Authentication failed");
        assert!(password.is_some_and(|said| said.contains("clickhouse.password")));
        assert!(misfit("Code: 241. DB::Exception: Memory limit").is_none());
        assert!(misfit("502 Bad Gateway").is_none());
    }
}

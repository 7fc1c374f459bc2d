//! The statements of a migration, as far as the schema's runner must understand them: which table or view, and what for. Not a SQL
//! parser: our migrations are written one way, and a statement of another shape is an error that a test finds.

use anyhow::{Context, bail};

/// One statement, with the name it makes, changes or removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub kind: Kind,
    pub name: String,
    /// What follows the name; for a view, what follows `as`.
    pub rest: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    CreateTable,
    CreateView,
    AlterTable,
    DropTable,
    DropView,
    /// `insert into … select`: fills a new table from old ones. It must be an upsert, because it may run twice.
    Insert,
}

const BEGINNINGS: [(&str, Kind); 6] = [
    ("create table ", Kind::CreateTable),
    ("create view ", Kind::CreateView),
    ("alter table ", Kind::AlterTable),
    ("drop table ", Kind::DropTable),
    ("drop view ", Kind::DropView),
    ("insert into ", Kind::Insert),
];

impl Statement {
    /// # Errors
    /// The statement does not begin like any of ours.
    pub fn parse(text: &str) -> anyhow::Result<Statement> {
        let Some((rest, kind)) = BEGINNINGS
            .iter()
            .find_map(|(words, kind)| Some((text.strip_prefix(words)?, *kind)))
        else {
            bail!("a migration has no statements like this: {text}");
        };
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let (name, mut rest) = rest.split_at(end);
        if kind == Kind::CreateView {
            rest = rest
                .strip_prefix(" as")
                .with_context(|| format!("`as` must follow the name of the view {name}"))?;
        }
        Ok(Statement {
            kind,
            name: name.into(),
            rest: rest.trim().into(),
        })
    }

    /// The statement for one server, in a form that tolerates its own effect.
    pub fn on_one_server(&self) -> String {
        let Statement { kind, name, rest } = self;
        let text = match kind {
            Kind::CreateTable => format!("create table if not exists {name}\n{rest}"),
            Kind::CreateView => format!("create or replace view {name} as\n{rest}"),
            Kind::AlterTable => format!("alter table {name} {rest}"),
            Kind::DropTable => format!("drop table if exists {name} {rest}"),
            Kind::DropView => format!("drop view if exists {name} {rest}"),
            Kind::Insert => format!("insert into {name} {rest}"),
        };
        text.trim_end().into()
    }

    /// Whether `self`, which comes later, leaves nothing of `earlier`.
    pub fn supersedes(&self, earlier: &Statement) -> bool {
        if self.name != earlier.name {
            return false;
        }
        match self.kind {
            Kind::CreateView | Kind::DropView => {
                matches!(earlier.kind, Kind::CreateView | Kind::DropView)
            }
            Kind::DropTable => matches!(
                earlier.kind,
                Kind::CreateTable | Kind::AlterTable | Kind::Insert
            ),
            _ => false,
        }
    }
}

/// The statements of a file: each ends with `;` at the end of a line. Comment lines are for readers of the file.
pub fn split(text: &str) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_split_at_line_ends_only() {
        let text =
            "-- first; comment;\ncreate table a (b String default ';x');\n\n  -- more\nselect 1;";
        assert_eq!(
            split(text),
            ["create table a (b String default ';x')", "select 1"]
        );
    }

    #[test]
    fn every_statement_tolerates_its_own_effect() {
        let check = |text: &str, expected: &str| {
            let statement = Statement::parse(text).expect(text);
            assert_eq!(statement.on_one_server(), expected);
        };
        check(
            "create table a\n(\n    b Date\n)",
            "create table if not exists a\n(\n    b Date\n)",
        );
        check(
            "create view a as\nselect 1",
            "create or replace view a as\nselect 1",
        );
        check(
            "create view a as select 1",
            "create or replace view a as\nselect 1",
        );
        check(
            "alter table a add column if not exists b Date",
            "alter table a add column if not exists b Date",
        );
        check("drop view a", "drop view if exists a");
        check("insert into a (b) select 1", "insert into a (b) select 1");
        assert!(Statement::parse("truncate table a").is_err());
    }

    #[test]
    fn a_later_view_replaces_an_earlier_one() {
        let check = |later: &str, earlier: &str| {
            let parse = |text| Statement::parse(text).expect(text);
            parse(later).supersedes(&parse(earlier))
        };
        assert!(check(
            "create view a as select 2",
            "create view a as select 1"
        ));
        assert!(check("drop table a", "create table a (b Date)"));
        assert!(!check(
            "create view b as select 2",
            "create view a as select 1"
        ));
        assert!(!check(
            "alter table a drop column b",
            "create table a (b Date)"
        ));
    }
}

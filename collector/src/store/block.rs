//! Rows on their way into one table: encoded, then sealed under the hash of their content. The same rows always give the same bytes
//! and the same token, so the server recognises a block that it already has; other rows can never share a token.

use std::collections::BTreeMap;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::row_binary::RowBinary;

/// A table as the collector writes it: columns in the order of the row encoding, with their exact ClickHouse types. The server
/// checks both against the header of every block, so a changed schema refuses instead of misreading.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [(&'static str, &'static str)],
}

/// Rows being collected.
#[derive(Debug)]
pub struct Rows {
    table: &'static Table,
    bytes: Vec<u8>,
    count: u64,
    /// Where the newest row of each partition begins.
    newest: BTreeMap<u16, usize>,
}

/// Complete rows for one insert.
#[derive(Clone, Debug)]
pub struct Block {
    pub table: &'static str,
    pub sql: String,
    pub token: String,
    pub rows: u64,
    pub bytes: Bytes,
    /// Where in `bytes` the last row of each partition begins. A server keeps the rows of one block and partition together, all or
    /// none of them.
    pub newest: Vec<usize>,
}

impl Rows {
    /// No rows yet, but the header that names and types the columns.
    pub fn new(table: &'static Table) -> Rows {
        let mut bytes = Vec::new();
        bytes.put_length(table.columns.len());
        for (name, _) in table.columns {
            bytes.put_text(name);
        }
        for (_, kind) in table.columns {
            bytes.put_text(kind);
        }
        Rows {
            table,
            bytes,
            count: 0,
            newest: BTreeMap::new(),
        }
    }

    /// Where to write the next row; `day` is its partition, in days since 1970.
    pub fn row(&mut self, day: u16) -> &mut Vec<u8> {
        self.count += 1;
        self.newest.insert(day, self.bytes.len());
        &mut self.bytes
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// How many partitions the rows fall into.
    pub fn partitions(&self) -> usize {
        self.newest.len()
    }

    /// None when there are no rows.
    pub fn seal(self) -> Option<Block> {
        if self.count == 0 {
            return None;
        }
        let names: Vec<&str> = self.table.columns.iter().map(|(name, _)| *name).collect();
        let sql = format!(
            "insert into {} ({}) format RowBinaryWithNamesAndTypes",
            self.table.name,
            names.join(", ")
        );
        let hash = Sha256::new()
            .chain_update(sql.as_bytes())
            .chain_update([0])
            .chain_update(&self.bytes)
            .finalize();
        Some(Block {
            table: self.table.name,
            sql,
            token: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            rows: self.count,
            bytes: self.bytes.into(),
            newest: self.newest.into_values().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static TABLE: Table = Table {
        name: "t",
        columns: &[("a", "UInt16")],
    };

    fn block(values: &[u16]) -> Block {
        let mut rows = Rows::new(&TABLE);
        for &value in values {
            rows.row(0).put_u16(value);
        }
        rows.seal().expect("has rows")
    }

    #[test]
    fn a_token_names_the_content() {
        assert_eq!(block(&[1, 2]).token, block(&[1, 2]).token);
        assert_ne!(block(&[1, 2]).token, block(&[2, 1]).token);
        assert_ne!(block(&[1]).token, block(&[1, 1]).token);
        assert!(Rows::new(&TABLE).seal().is_none());
    }

    #[test]
    fn a_block_knows_the_last_row_of_each_partition() {
        let mut rows = Rows::new(&TABLE);
        for (day, value) in [(7, 1), (3, 2), (7, 3)] {
            rows.row(day).put_u16(value);
        }
        let block = rows.seal().expect("has rows");
        let last = |&at: &usize| u16::from_le_bytes([block.bytes[at], block.bytes[at + 1]]);
        assert_eq!(block.newest.iter().map(last).collect::<Vec<_>>(), [2, 3]);
    }
}

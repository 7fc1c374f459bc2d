//! Rows on their way into one table: encoded and compressed as they come, then sealed under the hash of their content. The same rows
//! always give the same bytes and the same token, so the server recognises a block that it already has; other rows can never share
//! a token.

use std::collections::BTreeMap;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::frame;
use super::row_binary::RowBinary;

/// So much is collected before it is compressed: what waits as plain rows is never more, and LZ4 gains nothing from more.
const PIECE_BYTES: usize = 256 * 1024;
/// What is kept of a partition's newest row: its key, with room for the longest name of an app.
const KEY_BYTES: usize = 256;

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
    sql: String,
    hash: Sha256,
    pieces: Vec<Bytes>,
    /// Behind the pieces.
    tail: Vec<u8>,
    /// Of the rows, in pieces or not.
    bytes: usize,
    count: u64,
    /// The newest row of each partition in the tail: where it begins.
    newest: BTreeMap<u16, usize>,
    /// The newest row of each partition in the pieces: what it begins with.
    earlier: BTreeMap<u16, Vec<u8>>,
}

/// Complete rows for one insert.
#[derive(Clone, Debug)]
pub struct Block {
    pub table: &'static str,
    pub sql: String,
    pub token: String,
    pub rows: u64,
    /// Compressed, each by itself ([`frame`]); in this order they are the rows.
    pub pieces: Vec<Bytes>,
    /// What the last row of each partition begins with. A server keeps the rows of one block and partition together, all or none of
    /// them.
    pub newest: Vec<Vec<u8>>,
}

impl Rows {
    /// No rows yet, but the header that names and types the columns.
    pub fn new(table: &'static Table) -> Rows {
        let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let sql = format!(
            "insert into {} ({}) format RowBinaryWithNamesAndTypes",
            table.name,
            names.join(", ")
        );
        let mut tail = Vec::new();
        tail.put_length(names.len());
        for name in names {
            tail.put_text(name);
        }
        for (_, kind) in table.columns {
            tail.put_text(kind);
        }
        Rows {
            table,
            hash: Sha256::new().chain_update(sql.as_bytes()).chain_update([0]),
            sql,
            pieces: Vec::new(),
            tail,
            bytes: 0,
            count: 0,
            newest: BTreeMap::new(),
            earlier: BTreeMap::new(),
        }
    }

    /// Where to write the next row; `day` is its partition, in days since 1970.
    pub fn row(&mut self, day: u16) -> &mut Vec<u8> {
        if self.tail.len() >= PIECE_BYTES {
            self.compress();
        }
        self.count += 1;
        self.newest.insert(day, self.tail.len());
        &mut self.tail
    }

    fn compress(&mut self) {
        self.hash.update(&self.tail);
        self.pieces.push(frame::compress(&self.tail));
        for (day, at) in std::mem::take(&mut self.newest) {
            let row = &self.tail[at..];
            self.earlier
                .insert(day, row[..row.len().min(KEY_BYTES)].to_vec());
        }
        self.bytes += self.tail.len();
        self.tail.clear();
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// Before compression.
    pub fn bytes(&self) -> usize {
        self.bytes + self.tail.len()
    }

    /// How many partitions the rows fall into.
    pub fn partitions(&self) -> usize {
        let only_in_tail = |day: &&u16| !self.earlier.contains_key(*day);
        self.earlier.len() + self.newest.keys().filter(only_in_tail).count()
    }

    /// None when there are no rows.
    pub fn seal(mut self) -> Option<Block> {
        if self.count == 0 {
            return None;
        }
        self.compress();
        let hash = self.hash.finalize();
        Some(Block {
            table: self.table.name,
            sql: self.sql,
            token: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            rows: self.count,
            pieces: self.pieces,
            newest: self.earlier.into_values().collect(),
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
        let rows_per_piece = PIECE_BYTES as u64 / 2;
        for between in [0, rows_per_piece, 3 * rows_per_piece] {
            let mut rows = Rows::new(&TABLE);
            for (day, value) in [(7, 1), (3, 2)] {
                rows.row(day).put_u16(value);
            }
            for _ in 0..between {
                rows.row(9).put_u16(4);
            }
            rows.row(7).put_u16(3);
            assert_eq!(rows.partitions(), if between == 0 { 2 } else { 3 });
            let block = rows.seal().expect("has rows");
            let value = |row: &Vec<u8>| u16::from_le_bytes([row[0], row[1]]);
            let values: Vec<u16> = block.newest.iter().map(value).collect();
            assert_eq!(values[..2], [2, 3], "with {between} rows between them");
        }
    }

    #[test]
    fn what_waits_is_compressed_piece_by_piece() {
        let mut rows = Rows::new(&TABLE);
        for _ in 0..PIECE_BYTES {
            rows.row(0).put_u16(1);
        }
        assert!(rows.tail.len() <= PIECE_BYTES + 2);
        let bytes = rows.bytes();
        let block = rows.seal().expect("has rows");
        assert!(block.pieces.len() >= 2);
        assert!(block.pieces.iter().map(Bytes::len).sum::<usize>() < bytes / 10);
    }
}

//! What the row of a beacon begins with, in every table: the page view, and which of its beacons this is.

use super::row_binary::RowBinary;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowKey<'a> {
    pub app: &'a str,
    pub view: u128,
    pub start_ms: u64,
    /// Sequence and arrival: one beacon in the spool, and no other.
    pub version: u64,
    /// The partition, in days since 1970.
    pub day: u16,
}

impl<'a> RowKey<'a> {
    pub fn put(&self, row: &mut Vec<u8>) {
        row.put_text(self.app);
        row.put_uuid(self.view);
        row.put_u64(self.start_ms);
        row.put_u64(self.version);
        row.put_u16(self.day);
    }

    /// Reads back what [`RowKey::put`] wrote; None when these bytes are not the beginning of a row.
    pub fn read(mut row: &'a [u8]) -> Option<RowKey<'a>> {
        let length = read_length(&mut row)?;
        let app = std::str::from_utf8(row.split_off(..length)?).ok()?;
        Some(RowKey {
            app,
            view: u128::from(read_u64(&mut row)?) << 64 | u128::from(read_u64(&mut row)?),
            start_ms: read_u64(&mut row)?,
            version: read_u64(&mut row)?,
            day: u16::from_le_bytes(row.split_off(..2)?.try_into().ok()?),
        })
    }
}

fn read_u64(row: &mut &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(row.split_off(..8)?.try_into().ok()?))
}

fn read_length(row: &mut &[u8]) -> Option<usize> {
    /// Longer than any text of ours.
    const MAX_DIGITS: u32 = 4;
    let mut length = 0;
    for digit in 0..MAX_DIGITS {
        let byte = *row.split_off_first()?;
        length |= usize::from(byte & 0x7f) << (7 * digit);
        if byte < 0x80 {
            return Some(length);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_as_it_was_put() {
        let long = "a".repeat(300);
        for app in ["", "shop", &long] {
            let key = RowKey {
                app,
                view: 0x0193_c2f0_7c1e_7cc3_98c4_dc0c_0c07_398f,
                start_ms: 1_763_683_190_000,
                version: u64::MAX - 9,
                day: 20_412,
            };
            let mut row = Vec::new();
            key.put(&mut row);
            for length in 0..row.len() {
                assert_eq!(RowKey::read(&row[..length]), None, "cut to {length}");
            }
            row.extend_from_slice(b"the rest of the row");
            assert_eq!(RowKey::read(&row), Some(key));
        }
    }
}

//! One series' day as bytes: the names of its strata and releases, then its rows, each with its hour, its two names' places and its
//! cells. Numbers are LEB128, small ones a byte; buckets are told by their distance from the one before.
//!
//! ```text
//! 1  strata  (length, bytes)…  releases  (length, bytes)…  (hour, stratum, release, cells, (distance, count)…)…
//! ```

use anyhow::{Context, ensure};
use detect::SeriesHourRow;
use detect::series::Hour;

/// The first byte; another means another format.
const FORMAT: u8 = 1;
/// A row has one cell a bucket, and no scheme has more buckets than this.
const MAX_CELLS: u64 = 4_096;

/// Gathers the rows of a series' day, in the order in which they are to come out.
#[derive(Default)]
pub struct Packer {
    strata: Vec<String>,
    releases: Vec<String>,
    rows: Vec<u8>,
}

impl Packer {
    /// `hour` of the day, or whatever else the rows of these bytes are told apart by; cells in the order of their buckets.
    pub fn add(
        &mut self,
        hour: u64,
        stratum: &str,
        release: &str,
        cells: impl ExactSizeIterator<Item = (u16, u64)>,
    ) {
        let stratum = place(&mut self.strata, stratum);
        let release = place(&mut self.releases, release);
        for number in [hour, stratum, release, cells.len() as u64] {
            put(&mut self.rows, number);
        }
        let mut last = 0;
        for (bucket, count) in cells {
            // Wraps where buckets are out of order: reading wraps back.
            put(&mut self.rows, u64::from(bucket.wrapping_sub(last)));
            put(&mut self.rows, count);
            last = bucket;
        }
    }

    pub fn finish(self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        for names in [&self.strata, &self.releases] {
            put(&mut out, names.len() as u64);
            for name in names {
                put(&mut out, name.len() as u64);
                out.extend_from_slice(name.as_bytes());
            }
        }
        out.extend_from_slice(&self.rows);
        out
    }
}

fn place(names: &mut Vec<String>, name: &str) -> u64 {
    let place = names.iter().position(|one| one == name);
    place.unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    }) as u64
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// One row, with the number it was added under.
#[derive(Clone, Copy)]
pub struct Unpacked<'a> {
    pub number: u64,
    pub stratum: &'a str,
    pub release: &'a str,
    pub buckets: &'a [(u16, u64)],
}

impl<'a> Unpacked<'a> {
    pub fn at(self, hour: Hour) -> SeriesHourRow<'a> {
        SeriesHourRow {
            stratum: self.stratum,
            release: self.release,
            hour,
            buckets: self.buckets,
        }
    }
}

/// Gives out the rows of a day that begins with `first_hour`.
///
/// # Errors
/// Bytes that no packer of this format has made.
pub fn unpack(
    bytes: &[u8],
    first_hour: Hour,
    mut each: impl FnMut(SeriesHourRow<'_>),
) -> anyhow::Result<()> {
    unpack_rows(bytes, |row| {
        ensure!(row.number < 24, "no hour of a day");
        each(row.at(first_hour + row.number as Hour));
        Ok(())
    })
}

/// Gives out the rows as they were added.
///
/// # Errors
/// Bytes that no packer of this format has made, and those of `each`.
pub fn unpack_rows(
    bytes: &[u8],
    mut each: impl FnMut(Unpacked<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (format, rest) = bytes.split_first().context("no bytes")?;
    ensure!(*format == FORMAT, "packed in format {format}");
    let mut rest = Numbers(rest);
    let strata = names(&mut rest)?;
    let releases = names(&mut rest)?;
    let mut buckets = Vec::new();
    while !rest.0.is_empty() {
        let head = rest.row_head().context("cut short")?;
        ensure!(head.cells <= MAX_CELLS, "too many cells");
        rest.cells(head.cells, &mut buckets).context("cut short")?;
        each(Unpacked {
            number: head.number,
            stratum: strata.get(head.stratum).context("no such stratum")?,
            release: releases.get(head.release).context("no such release")?,
            buckets: &buckets,
        })?;
    }
    Ok(())
}

fn names<'a>(bytes: &mut Numbers<'a>) -> anyhow::Result<Vec<&'a str>> {
    let mut names = Vec::new();
    for _ in 0..bytes.take().context("cut short")? {
        let length = bytes.take().context("cut short")? as usize;
        let (name, rest) = bytes.0.split_at_checked(length).context("cut short")?;
        names.push(std::str::from_utf8(name)?);
        bytes.0 = rest;
    }
    Ok(names)
}

/// What is left to read. A month of a large app has tens of millions of numbers, nearly all of them a byte: so each is an `Option`, and whoever
/// asks for many makes the error.
struct Numbers<'a>(&'a [u8]);

struct RowHead {
    number: u64,
    stratum: usize,
    release: usize,
    cells: u64,
}

impl Numbers<'_> {
    fn row_head(&mut self) -> Option<RowHead> {
        Some(RowHead {
            number: self.take()?,
            stratum: self.take()? as usize,
            release: self.take()? as usize,
            cells: self.take()?,
        })
    }

    /// So many cells, in place of what `buckets` had.
    fn cells(&mut self, count: u64, buckets: &mut Vec<(u16, u64)>) -> Option<()> {
        buckets.clear();
        let mut last = 0_u16;
        for _ in 0..count {
            last = last.wrapping_add(self.take()? as u16);
            buckets.push((last, self.take()?));
        }
        Some(())
    }

    /// None where they are cut short, and for a number without end.
    #[inline]
    fn take(&mut self) -> Option<u64> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        if byte & 0x80 == 0 {
            return Some(u64::from(*byte));
        }
        self.take_more(u64::from(byte & 0x7f))
    }

    /// Of a number of several bytes, those after the first.
    fn take_more(&mut self, mut number: u64) -> Option<u64> {
        for shift in (7..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row = (String, String, Hour, Vec<(u16, u64)>);

    fn rows(bytes: &[u8]) -> anyhow::Result<Vec<Row>> {
        let mut rows = Vec::new();
        unpack(bytes, 240, |row| {
            let (stratum, release) = (row.stratum.to_owned(), row.release.to_owned());
            rows.push((stratum, release, row.hour, row.buckets.to_vec()));
        })?;
        Ok(rows)
    }

    fn packed() -> Vec<u8> {
        let mut packer = Packer::default();
        packer.add(
            0,
            "mobile",
            "1",
            [(0, 3), (90, 1), (151, 1 << 40)].into_iter(),
        );
        packer.add(7, "", "2", [(5, 1), (2, 200)].into_iter());
        packer.add(23, "mobile", "2", [].into_iter());
        packer.finish()
    }

    #[test]
    fn what_was_packed_comes_out() {
        let row = |stratum: &str, release: &str, hour, cells: &[(u16, u64)]| {
            (stratum.to_owned(), release.to_owned(), hour, cells.to_vec())
        };
        assert_eq!(
            rows(&packed()).expect("is packed"),
            [
                row("mobile", "1", 240, &[(0, 3), (90, 1), (151, 1 << 40)]),
                row("", "2", 247, &[(5, 1), (2, 200)]),
                row("mobile", "2", 263, &[]),
            ]
        );
        assert!(
            rows(&Packer::default().finish())
                .expect("is packed")
                .is_empty()
        );
    }

    #[test]
    fn other_bytes_are_refused() {
        let whole = packed();
        assert!(rows(&[]).is_err() && rows(&[2, 0, 0]).is_err());
        // Cut at any place, it is refused or has fewer rows: it never panics.
        for length in 0..whole.len() {
            assert!(rows(&whole[..length]).map_or(true, |rows| rows.len() < 3));
        }
        for place in 0..whole.len() {
            let mut other = whole.clone();
            other[place] = 0xff;
            let _ = rows(&other);
        }
    }
}

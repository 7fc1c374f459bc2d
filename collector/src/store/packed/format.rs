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
    /// `hour` of the day; cells in the order of their buckets.
    pub fn add(
        &mut self,
        hour: u8,
        stratum: &str,
        release: &str,
        cells: impl ExactSizeIterator<Item = (u16, u64)>,
    ) {
        let stratum = place(&mut self.strata, stratum);
        let release = place(&mut self.releases, release);
        for number in [u64::from(hour), stratum, release, cells.len() as u64] {
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

/// Gives out the rows of a day that begins with `first_hour`.
///
/// # Errors
/// Bytes that no packer of this format has made.
pub fn unpack(
    mut bytes: &[u8],
    first_hour: Hour,
    mut each: impl FnMut(SeriesHourRow<'_>),
) -> anyhow::Result<()> {
    let (format, rest) = bytes.split_first().context("no bytes")?;
    ensure!(*format == FORMAT, "packed in format {format}");
    bytes = rest;
    let strata = names(&mut bytes)?;
    let releases = names(&mut bytes)?;
    let mut buckets = Vec::new();
    while !bytes.is_empty() {
        let hour = take(&mut bytes)?;
        ensure!(hour < 24, "no hour of a day");
        let stratum = strata.get(take(&mut bytes)? as usize);
        let release = releases.get(take(&mut bytes)? as usize);
        let count = take(&mut bytes)?;
        ensure!(count <= MAX_CELLS, "too many cells");
        buckets.clear();
        let mut last = 0_u16;
        for _ in 0..count {
            last = last.wrapping_add(take(&mut bytes)? as u16);
            buckets.push((last, take(&mut bytes)?));
        }
        each(SeriesHourRow {
            stratum: stratum.context("no such stratum")?,
            release: release.context("no such release")?,
            hour: first_hour + hour as Hour,
            buckets: &buckets,
        });
    }
    Ok(())
}

fn names<'a>(bytes: &mut &'a [u8]) -> anyhow::Result<Vec<&'a str>> {
    let mut names = Vec::new();
    for _ in 0..take(bytes)? {
        let length = take(bytes)? as usize;
        let (name, rest) = bytes.split_at_checked(length).context("cut short")?;
        names.push(std::str::from_utf8(name)?);
        *bytes = rest;
    }
    Ok(names)
}

fn take(bytes: &mut &[u8]) -> anyhow::Result<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().context("cut short")?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    anyhow::bail!("a number without end")
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

//! What disks, people and broken versions do to the files of a stopped collector; and which records that destroys, exactly.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use collector::ingest::payload;
use collector::spool::segment::{self, HEADER_BYTES};
use collector::spool::{Limits, Spool, inspect};

use crate::dice::Dice;
use crate::fault::Damage;
use crate::subject::SPOOL_BYTES;

/// What the damage costs.
#[derive(Debug, Default)]
pub struct Cost {
    /// Records that were acknowledged to a page, not yet in ClickHouse, and are gone.
    pub records: u64,
    /// Their page views and sequence numbers, as far as they are beacons.
    pub beacons: Vec<(u128, u32)>,
    /// Those that are no beacons, and can be no dead letters any more.
    pub foreign: u64,
    /// The checkpoint is gone and its counts with it: what the collector counts from then on.
    pub recounted: Option<Recount>,
    pub told: String,
}

/// What is on disk when the collector begins with the oldest record again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Recount {
    /// Numbers missing between the oldest and the newest record.
    pub missing: u64,
    /// Records that are no beacons.
    pub foreign: u64,
}

/// A segment as it lies there.
struct Lying {
    path: PathBuf,
    bytes: Vec<u8>,
    first_record: u64,
    records: Vec<Place>,
}

#[derive(Clone)]
struct Place {
    number: u64,
    from: usize,
    to: usize,
    version: u8,
    payload: Vec<u8>,
}

/// Does it, if there is anything to do it to.
pub fn damage(spool: &Path, how: Damage, mut dice: Dice) -> anyhow::Result<Cost> {
    let acked = inspect::inspect(spool)?.acked;
    let mut lying = read(spool)?;
    let mut cost = Cost::default();
    match how {
        Damage::RecordBits => record_bits(&mut lying, acked, &mut dice, &mut cost)?,
        Damage::SegmentHead => segment_head(&mut lying, &mut dice, &mut cost)?,
        Damage::Truncate => truncate(&mut lying, acked, &mut dice, &mut cost)?,
        Damage::TornTail => torn_tail(&mut lying, &mut dice, &mut cost)?,
        Damage::CheckpointBit | Damage::CheckpointGone | Damage::CheckpointCut => {
            checkpoint(spool, how, &mut dice, &mut cost)?;
            if acked.is_some() && !cost.told.is_empty() {
                cost.recounted = Some(recount(&lying));
            }
        }
    }
    Ok(cost)
}

/// Appends records that are no beacons, through the spool's own front door, which is never closed for these: an outage may well have
/// filled the spool to the collector's limits.
pub async fn append_foreign(spool: &Path, count: u64) -> anyhow::Result<()> {
    let limits = Limits {
        max_bytes: u64::MAX,
        min_free_bytes: 0,
        ..Limits::with_max_bytes(SPOOL_BYTES)
    };
    let (spool, reader) = Spool::open(spool, limits)?;
    let payloads = (0..count).map(|number| format!("{{\"not\":\"a beacon\",\"number\":{number}}}"));
    spool.append(payloads.map(Into::into).collect()).await?;
    drop(reader);
    spool.close().await;
    Ok(())
}

fn read(spool: &Path) -> anyhow::Result<Vec<Lying>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(spool)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "segment"))
        .collect();
    paths.sort();
    paths.into_iter().map(lying).collect()
}

fn lying(path: PathBuf) -> anyhow::Result<Lying> {
    let bytes = fs::read(&path)?;
    let mut lying = Lying {
        first_record: segment::decode_header(&bytes).map_or(0, |header| header.first_record),
        path,
        records: Vec::new(),
        bytes,
    };
    let mut at = HEADER_BYTES;
    while let Some(frame) = lying.bytes.get(at..).and_then(segment::decode_record) {
        lying.records.push(Place {
            number: frame.number,
            from: at,
            to: at + frame.size(),
            version: frame.version,
            payload: frame.payload.to_vec(),
        });
        at += frame.size();
    }
    Ok(lying)
}

/// Up to four records, but not the very last one: nothing tells that from a commit which nobody was told of.
fn record_bits(
    lying: &mut [Lying],
    acked: Option<u64>,
    dice: &mut Dice,
    cost: &mut Cost,
) -> anyhow::Result<()> {
    let last = lying
        .iter()
        .flat_map(|segment| &segment.records)
        .map(|place| place.number)
        .max();
    for _ in 0..dice.between(1, 5) {
        let (at, segment) = match lying.len() {
            0 => return Ok(()),
            count => {
                let at = dice.between(0, count as u64) as usize;
                (at, &mut lying[at])
            }
        };
        if segment.records.is_empty() {
            continue;
        }
        let index = dice.between(0, segment.records.len() as u64) as usize;
        if Some(segment.records[index].number) == last {
            continue;
        }
        let place = segment.records.remove(index);
        let bit = dice.between(8 * place.from as u64, 8 * place.to as u64);
        segment.bytes[bit as usize / 8] ^= 1 << (bit % 8);
        fs::write(&segment.path, &segment.bytes)?;
        cost.note(&place, acked);
        cost.told += &format!(" segment {at} record {} bit {bit};", place.number);
    }
    Ok(())
}

fn segment_head(lying: &mut [Lying], dice: &mut Dice, cost: &mut Cost) -> anyhow::Result<()> {
    let Some(segment) = lying
        .iter_mut()
        .rev()
        .find(|segment| !segment.records.is_empty())
    else {
        return Ok(());
    };
    let bit = dice.between(0, 8 * HEADER_BYTES as u64);
    segment.bytes[bit as usize / 8] ^= 1 << (bit % 8);
    fs::write(&segment.path, &segment.bytes)?;
    cost.told = format!("bit {bit} of the head of {}", segment.path.display());
    Ok(())
}

fn truncate(
    lying: &mut [Lying],
    acked: Option<u64>,
    dice: &mut Dice,
    cost: &mut Cost,
) -> anyhow::Result<()> {
    // Only one that records follow: what is missing at the very end was never there, for all that can be known.
    let Some(newest) = lying
        .iter()
        .rposition(|segment| !segment.records.is_empty())
    else {
        return Ok(());
    };
    if newest == 0 {
        return Ok(());
    }
    let segment = &lying[dice.between(0, newest as u64) as usize];
    let length = dice.between(0, segment.bytes.len() as u64) as usize;
    fs::write(&segment.path, &segment.bytes[..length])?;
    for place in segment.records.iter().filter(|place| place.to > length) {
        cost.note(place, acked);
    }
    cost.told = format!("{} cut to {length} B", segment.path.display());
    Ok(())
}

fn torn_tail(lying: &mut [Lying], dice: &mut Dice, cost: &mut Cost) -> anyhow::Result<()> {
    let Some(segment) = lying.last_mut() else {
        return Ok(());
    };
    let end = segment
        .records
        .last()
        .map_or(HEADER_BYTES, |place| place.to);
    let mut torn = match segment.records.last() {
        // The beginning of a record that would have been the next one.
        Some(place) if dice.percent(50) => {
            let mut record = segment.bytes[place.from..place.to].to_vec();
            record[8..16].copy_from_slice(&(place.number + 1).to_le_bytes());
            record.truncate(dice.between(1, record.len() as u64) as usize);
            record
        }
        _ => (0..dice.between(1, 2_000))
            .map(|_| dice.next() as u8)
            .collect(),
    };
    torn[0] |= 1; // zeros would be space that was taken in advance
    let bytes = &mut segment.bytes;
    bytes.resize(bytes.len().max(end + torn.len()), 0);
    bytes[end..end + torn.len()].copy_from_slice(&torn);
    fs::write(&segment.path, &bytes)?;
    cost.told = format!(
        "{} torn bytes behind {}",
        torn.len(),
        segment.path.display()
    );
    Ok(())
}

fn checkpoint(spool: &Path, how: Damage, dice: &mut Dice, cost: &mut Cost) -> anyhow::Result<()> {
    let path = spool.join("checkpoint");
    let Ok(mut bytes) = fs::read(&path) else {
        return Ok(());
    };
    match how {
        Damage::CheckpointGone => fs::remove_file(&path)?,
        Damage::CheckpointCut => {
            bytes.truncate(dice.between(0, bytes.len() as u64) as usize);
            fs::write(&path, &bytes)?;
        }
        _ => {
            let bit = dice.between(0, 8 * bytes.len() as u64);
            bytes[bit as usize / 8] ^= 1 << (bit % 8);
            fs::write(&path, &bytes)?;
        }
    }
    cost.told = format!("{how:?}");
    Ok(())
}

fn recount(lying: &[Lying]) -> Recount {
    let records = lying.iter().flat_map(|segment| &segment.records);
    let mut recount = Recount::default();
    let mut expected = lying.first().map_or(0, |segment| segment.first_record);
    for place in records {
        recount.missing += place.number.saturating_sub(expected);
        recount.foreign += u64::from(beacon(place).is_none());
        expected = place.number + 1;
    }
    recount
}

impl Cost {
    fn note(&mut self, place: &Place, acked: Option<u64>) {
        if place.number > acked.unwrap_or(0) {
            self.records += 1;
            match beacon(place) {
                Some(beacon) => self.beacons.push(beacon),
                None => self.foreign += 1,
            }
        }
    }
}

fn beacon(place: &Place) -> Option<(u128, u32)> {
    let beacon = payload::decode(place.version, &place.payload).ok()?.beacon;
    let view = u128::from_str_radix(&beacon.view.replace('-', ""), 16);
    Some((view.context("a view").ok()?, beacon.seq))
}

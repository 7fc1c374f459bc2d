//! Looks at a spool that no process has open, changing nothing; the repair is what opening does, with its report.

use std::path::Path;

use serde::Serialize;

use super::recover::{self, Found, Report, Verdict};
use super::{OpenError, at, checkpoint, lock, segment_files};

/// A spool as it lies on disk.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// None: missing or damaged.
    pub acked: Option<u64>,
    /// Acknowledged records that had been lost before they were read.
    pub lost: u64,
    /// Acknowledged records that lie with the dead letters.
    pub set_aside: u64,
    /// The last record of the block that was about to be sent.
    pub sealed_until: Option<u64>,
    pub segments: Vec<SegmentView>,
}

#[derive(Debug, Serialize)]
pub struct SegmentView {
    pub number: u64,
    pub file_bytes: u64,
    pub verdict: Verdict,
    pub header_sound: bool,
    pub record_count: u64,
    pub first_record: Option<u64>,
    pub last_record: Option<u64>,
    pub oldest_ms: Option<u64>,
    pub damaged_bytes: u64,
    pub torn_bytes: u64,
}

/// # Errors
/// A process has the spool open, a newer version wrote it, or it cannot be read.
pub fn inspect(dir: &Path) -> Result<Inspection, OpenError> {
    std::fs::read_dir(dir).map_err(at(dir))?; // a spool that is not there is not created by looking
    let _lock = lock(dir)?;
    let checkpoint = checkpoint::load(dir).map_err(at(dir))?;
    let files = segment_files(dir).map_err(at(dir))?;
    let segments = (0..files.len()).map(|index| Ok(view(&recover::examine(&files, index)?)));
    Ok(Inspection {
        acked: checkpoint.map(|checkpoint| checkpoint.acked),
        lost: checkpoint.map_or(0, |checkpoint| checkpoint.lost),
        set_aside: checkpoint.map_or(0, |checkpoint| checkpoint.set_aside),
        sealed_until: checkpoint.and_then(|checkpoint| Some(checkpoint.seal?.last)),
        segments: segments.collect::<Result<_, OpenError>>()?,
    })
}

fn view(found: &Found) -> SegmentView {
    let damaged = found.scan.damaged.iter().map(|range| range.len() as u64);
    SegmentView {
        number: found.number,
        file_bytes: found.bytes.len() as u64,
        verdict: found.verdict,
        header_sound: found.header.is_some(),
        record_count: found.scan.record_count,
        first_record: found.scan.runs.first().map(|run| *run.start()),
        last_record: found.scan.last_record(),
        oldest_ms: found.scan.oldest_ms,
        damaged_bytes: damaged.sum(),
        torn_bytes: found.scan.torn_bytes as u64,
    }
}

/// Does what opening does: cuts a torn end, sets damage aside, deletes what is acknowledged.
///
/// # Errors
/// As [`inspect`].
pub fn repair(dir: &Path) -> Result<Report, OpenError> {
    std::fs::read_dir(dir).map_err(at(dir))?;
    let _lock = lock(dir)?;
    recover::recover(dir).map(|(_, report)| report)
}

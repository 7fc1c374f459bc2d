//! Opening: reads every segment, cuts a torn end, sets damage aside, and says what it did.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tracing::warn;

use super::checkpoint;
use super::segment::{self, Frame, HEADER_BYTES, Header, HeaderError, Scan};
use super::state::{Segment, State};
use super::{OpenError, at, segment_files, sync_dir};

/// What opening found and mended.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    pub segment_count: u64,
    pub record_count: u64,
    /// Unfinished bytes at the end of the newest segment, cut off: nobody had been told that they were kept.
    pub torn_bytes: u64,
    /// Segments that were damaged, rewritten with the records that are sound; the original lies in `quarantine/`.
    pub quarantined_segments: Vec<u64>,
    /// Records missing behind the last acknowledged one.
    pub lost_records: u64,
    /// The checkpoint was missing or damaged although there are segments: reading begins with the oldest record.
    pub checkpoint_missing: bool,
}

/// One segment file as it is on disk.
pub(super) struct Found {
    pub number: u64,
    pub path: PathBuf,
    pub bytes: Vec<u8>,
    pub header: Option<Header>,
    pub scan: Scan,
    pub verdict: Verdict,
}

/// What has to be done about a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Sound,
    /// Cut to its last record.
    TornTail,
    /// Nothing in it: a crash while it was created, or all of it was preallocated.
    Empty,
    /// Keep a copy, rewrite what is sound.
    Damaged,
}

impl Verdict {
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Sound => "sound",
            Verdict::TornTail => "torn-tail",
            Verdict::Empty => "empty",
            Verdict::Damaged => "damaged",
        }
    }
}

/// Brings the directory into a state to go on from. The caller holds the lock.
pub fn recover(dir: &Path) -> Result<(State, Report), OpenError> {
    let mut report = Report::default();
    let checkpoint = checkpoint::load(dir).map_err(at(dir))?;
    let files = segment_files(dir).map_err(at(dir))?;
    let mut trusted = checkpoint.is_some() || files.is_empty();
    let checkpoint = checkpoint.unwrap_or_default();
    let mut state = State {
        next_segment: next_segment(dir, &files).map_err(at(dir))?,
        acked: checkpoint.acked,
        lost_acked: checkpoint.lost,
        set_aside: checkpoint.set_aside,
        seal: checkpoint.seal,
        has_checkpoint: trusted,
        ..State::default()
    };
    let mut expected = state.acked + 1;
    for index in 0..files.len() {
        let found = examine(&files, index)?;
        mend(dir, &found, &mut report)?;
        let starts = found.header.map(|header| header.first_record);
        let starts = starts.or(found.scan.runs.first().map(|run| *run.start()));
        if let Some(starts) = starts.filter(|_| !trusted) {
            // Without a checkpoint the oldest record on disk is the first that counts.
            report.checkpoint_missing = starts > 1;
            (state.acked, expected, trusted) = (starts.max(1) - 1, starts.max(1), true);
        }
        note_holes(&mut state, &mut expected, starts, &found.scan);
        if let Some(segment) = kept(&found, state.acked) {
            report.segment_count += 1;
            report.record_count += found.scan.record_count;
            state.segments.push_back(segment);
        } else {
            remove(&found)?;
        }
    }
    state.next_record = expected;
    report.lost_records = state.lost_up_to(expected - 1);
    sync_dir(dir).map_err(at(dir))?;
    Ok((state, report))
}

/// A number that no segment has, here or in quarantine.
fn next_segment(dir: &Path, files: &[(u64, PathBuf)]) -> io::Result<u64> {
    let quarantined = match segment_files(&dir.join("quarantine")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        files => files?,
    };
    let last = files.iter().chain(&quarantined).map(|(number, _)| number);
    Ok(last.max().map_or(1, |number| number + 1))
}

/// Reads one of `files` and says what is wrong with it.
pub(super) fn examine(files: &[(u64, PathBuf)], index: usize) -> Result<Found, OpenError> {
    let (number, path) = &files[index];
    let bytes = fs::read(path).map_err(at(path))?;
    let header = header_of(path, &bytes)?;
    let newest = index + 1 == files.len();
    let until = match files.get(index + 1) {
        Some((_, next)) => first_record_of(next)?.unwrap_or(u64::MAX),
        None => u64::MAX,
    };
    let scan = segment::scan(
        &bytes,
        header.map_or(0, |header| header.first_record),
        until,
    );
    let starts = header.map(|header| header.first_record);
    let complete = scan.last_record().map(|last| last + 1).or(starts) == Some(until);
    let verdict = if header.is_some() && scan.damaged.is_empty() && scan.torn_bytes == 0 {
        if scan.record_count == 0 {
            Verdict::Empty
        } else {
            Verdict::Sound
        }
    } else if newest && scan.record_count == 0 && scan.damaged.is_empty() {
        Verdict::Empty
    } else if header.is_some() && scan.damaged.is_empty() && (newest || complete) {
        Verdict::TornTail
    } else {
        Verdict::Damaged
    };
    Ok(Found {
        number: *number,
        path: path.clone(),
        bytes,
        header,
        scan,
        verdict,
    })
}

fn header_of(path: &Path, bytes: &[u8]) -> Result<Option<Header>, OpenError> {
    match segment::decode_header(bytes) {
        Ok(header) => Ok(Some(header)),
        Err(HeaderError::Damaged) => Ok(None),
        Err(HeaderError::Version(version)) => Err(OpenError::Version {
            file: path.display().to_string(),
            version,
        }),
    }
}

fn first_record_of(path: &Path) -> Result<Option<u64>, OpenError> {
    let mut head = Vec::with_capacity(HEADER_BYTES);
    let file = File::open(path).map_err(at(path))?;
    let mut file = file.take(HEADER_BYTES as u64);
    file.read_to_end(&mut head).map_err(at(path))?;
    Ok(header_of(path, &head)?.map(|header| header.first_record))
}

fn mend(dir: &Path, found: &Found, report: &mut Report) -> Result<(), OpenError> {
    let end = found.scan.end as u64;
    match found.verdict {
        Verdict::Empty => {
            report.torn_bytes += found.scan.torn_bytes as u64;
            Ok(())
        }
        Verdict::Sound if found.bytes.len() as u64 == end => Ok(()),
        Verdict::Sound => cut(&found.path, end), // preallocated space
        Verdict::TornTail => {
            report.torn_bytes += found.scan.torn_bytes as u64;
            warn!(
                segment = found.number,
                bytes = found.scan.torn_bytes,
                "cut an unfinished end off a spool segment"
            );
            cut(&found.path, end)
        }
        Verdict::Damaged => {
            warn!(
                segment = found.number,
                records = found.scan.record_count,
                "a spool segment is damaged: a copy is in quarantine, its sound records go on"
            );
            report.quarantined_segments.push(found.number);
            quarantine(dir, found)?;
            rewrite(found)
        }
    }
}

fn cut(path: &Path, length: u64) -> Result<(), OpenError> {
    let file = File::options().write(true).open(path).map_err(at(path))?;
    file.set_len(length).map_err(at(path))?;
    file.sync_all().map_err(at(path))
}

fn quarantine(dir: &Path, found: &Found) -> Result<(), OpenError> {
    let quarantine = dir.join("quarantine");
    fs::create_dir_all(&quarantine).map_err(at(&quarantine))?;
    let copy = super::segment_path(&quarantine, found.number);
    write_durably(&copy, &found.bytes)?;
    sync_dir(&quarantine).map_err(at(&quarantine))
}

/// Replaces a damaged segment by one that holds its sound records under their numbers.
fn rewrite(found: &Found) -> Result<(), OpenError> {
    let mut bytes = segment::encode_header(&header_for(found)).to_vec();
    for frame in frames(found) {
        segment::encode_record(&mut bytes, &frame);
    }
    let temporary = found.path.with_extension("tmp");
    write_durably(&temporary, &bytes)?;
    fs::rename(&temporary, &found.path).map_err(at(&found.path))
}

fn header_for(found: &Found) -> Header {
    found.header.unwrap_or(Header {
        segment: found.number,
        first_record: found.scan.runs.first().map_or(1, |run| *run.start()),
        created_ms: found.scan.oldest_ms.unwrap_or(0),
    })
}

/// The sound records of a segment, in order, stepping over its damage.
fn frames(found: &Found) -> impl Iterator<Item = Frame<'_>> {
    let mut offset = HEADER_BYTES;
    std::iter::from_fn(move || {
        if let Some(damage) = found
            .scan
            .damaged
            .iter()
            .find(|damage| damage.start == offset)
        {
            offset = damage.end;
        }
        let bytes = found.bytes.get(offset..found.scan.end)?;
        let frame = segment::decode_record(bytes)?;
        offset += frame.size();
        Some(frame)
    })
}

fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), OpenError> {
    let mut file = File::create(path).map_err(at(path))?;
    file.write_all(bytes).map_err(at(path))?;
    file.sync_all().map_err(at(path))
}

/// Record numbers that should be there and are not, in the order of the files.
fn note_holes(state: &mut State, expected: &mut u64, starts: Option<u64>, scan: &Scan) {
    let starts = starts.map(|first| (first, first));
    let runs = scan.runs.iter().map(|run| (*run.start(), run.end() + 1));
    for (first, next) in starts.into_iter().chain(runs) {
        if first > *expected {
            state.add_hole(*expected..=first - 1);
        }
        *expected = next.max(*expected);
    }
}

/// The segment as the queue sees it, unless nothing in it is still wanted.
fn kept(found: &Found, acked: u64) -> Option<Segment> {
    let last = found.scan.last_record().filter(|&last| last > acked)?;
    let header = header_for(found);
    let records: usize = frames(found).map(|frame| frame.size()).sum();
    Some(Segment {
        number: found.number,
        first_record: header.first_record,
        next_record: last + 1,
        bytes: (HEADER_BYTES + records) as u64,
        oldest_ms: found.scan.oldest_ms,
        damaged: false,
    })
}

fn remove(found: &Found) -> Result<(), OpenError> {
    fs::remove_file(&found.path).map_err(at(&found.path))
}

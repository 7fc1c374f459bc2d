//! The reading end: records in order ([`Reader`]), then what becomes of them ([`Acks`]). Two handles, so that the next records can
//! be read while the ones before are on their way.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::spawn_blocking;
use tracing::{error, warn};

use super::checkpoint::{self, Checkpoint, Seal};
use super::segment::{self, HEADER_BYTES};
use super::state::{Segment, Shared};
use super::steps::Step;
use super::{MAX_PAYLOAD_BYTES, Record, segment_path, sync_dir};

/// The next record to read, and where it is believed to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    next_record: u64,
    segment: u64,
    offset: u64,
}

impl Cursor {
    pub fn behind(acked: u64) -> Cursor {
        Cursor {
            next_record: acked + 1,
            segment: 0,
            offset: HEADER_BYTES as u64,
        }
    }
}

/// The only reader of its spool.
pub struct Reader {
    shared: Arc<Shared>,
    cursor: Cursor,
}

/// Says what became of records. Clones mean the same spool.
#[derive(Clone)]
pub struct Acks {
    shared: Arc<Shared>,
}

impl Reader {
    pub fn new(shared: Arc<Shared>, cursor: Cursor) -> Reader {
        Reader { shared, cursor }
    }

    pub fn acks(&self) -> Acks {
        Acks {
            shared: self.shared.clone(),
        }
    }

    /// The seal that the last process left behind: the records up to its end, and no others, were about to go out as one.
    pub fn left_sealed(&self) -> Option<Seal> {
        let state = self.shared.state();
        // A damaged end may have taken records with it that the seal still speaks of.
        state.seal.filter(|seal| seal.last < state.next_record)
    }

    /// The last record that an earlier process may have sealed: it may have done something with those up to it.
    pub fn sealed_before(&self) -> u64 {
        self.shared.sealed_before
    }

    /// The next records: at least one (waits for it), at most `max_records`, none numbered above `until`, and no more than one
    /// beyond `max_bytes` of payload. Cancel-safe: what was not returned is read again.
    ///
    /// Empty only when there is nothing up to `until`, which is behind what was read or lost.
    ///
    /// # Errors
    /// A segment cannot be read at all; a later call tries again.
    pub async fn read_until(
        &mut self,
        until: u64,
        max_records: usize,
        max_bytes: usize,
    ) -> io::Result<Vec<Record>> {
        let mut durable = self.shared.durable.subscribe();
        while self.cursor.next_record <= until {
            let next = self.cursor.next_record;
            // The sender lives in `shared`, which we hold, so it cannot be gone.
            let _ = durable.wait_for(|&durable| durable > next).await;
            let (shared, cursor) = (self.shared.clone(), self.cursor);
            let limits = ReadLimits {
                until,
                max_records,
                max_bytes,
            };
            let read = spawn_blocking(move || read_some(&shared, cursor, limits)).await;
            let (records, cursor) = read.map_err(io::Error::other)??;
            self.cursor = cursor;
            if !records.is_empty() {
                return Ok(records);
            }
        }
        Ok(Vec::new())
    }

    /// As [`Reader::read_until`], whatever comes.
    ///
    /// # Errors
    /// As there.
    pub async fn read(&mut self, max_records: usize, max_bytes: usize) -> io::Result<Vec<Record>> {
        self.read_until(u64::MAX, max_records, max_bytes).await
    }

    /// Durable records that have not been read yet: 0 when a [`Reader::read`] would wait.
    pub fn unread(&self) -> u64 {
        (*self.shared.durable.borrow()).saturating_sub(self.cursor.next_record)
    }
}

impl Acks {
    /// Everything up to and including `number` is done with: after the checkpoint is durable, segments that hold nothing else
    /// are deleted.
    ///
    /// # Errors
    /// The checkpoint could not be written; the old one counts, and a crash would read these records again.
    pub async fn ack(&self, number: u64) -> io::Result<()> {
        self.advance(number, 0, None).await
    }

    /// As [`Acks::ack`], where `set_aside` of the newly acknowledged records were kept elsewhere, and at once seals what goes out
    /// next: one write for both.
    ///
    /// # Errors
    /// As there.
    pub async fn advance(&self, number: u64, set_aside: u64, next: Option<Seal>) -> io::Result<()> {
        let shared = self.shared.clone();
        spawn_blocking(move || advance(&shared, number, set_aside, next))
            .await
            .map_err(io::Error::other)?
    }

    /// The records behind the acknowledged ones up to the seal's end are about to go out as one. Durable when it returns.
    ///
    /// # Errors
    /// The checkpoint could not be written: a crash would cut them differently.
    pub async fn seal(&self, seal: Seal) -> io::Result<()> {
        let acked = self.shared.state().acked;
        self.advance(acked, 0, Some(seal)).await
    }

    /// A second look at what is not acknowledged yet, from its beginning.
    pub fn reread(&self) -> Reader {
        let acked = self.shared.state().acked;
        Reader::new(self.shared.clone(), Cursor::behind(acked))
    }
}

/// How far one read goes.
#[derive(Clone, Copy)]
struct ReadLimits {
    until: u64,
    max_records: usize,
    max_bytes: usize,
}

fn read_some(
    shared: &Shared,
    mut cursor: Cursor,
    limits: ReadLimits,
) -> io::Result<(Vec<Record>, Cursor)> {
    let ReadLimits {
        until,
        max_records,
        max_bytes,
    } = limits;
    let mut records = Vec::new();
    let mut bytes = 0;
    let durable = shared.state().next_record.min(until.saturating_add(1));
    while cursor.next_record < durable && records.len() < max_records && bytes < max_bytes {
        let Some(mut segment) = segment_of(shared, cursor.next_record) else {
            // Everything from here on is missing.
            shared.state().add_hole(cursor.next_record..=durable - 1);
            cursor.next_record = durable;
            break;
        };
        if cursor.segment != segment.number {
            cursor.segment = segment.number;
            cursor.offset = HEADER_BYTES as u64;
            skip_to(shared, &mut cursor, segment.first_record);
            if cursor.next_record >= durable {
                break; // what was asked for is lost, and what follows was not
            }
        }
        segment.next_record = segment.next_record.min(durable);
        let want = (max_bytes - bytes).min(READ_BYTES);
        let window = read_window(&shared.dir, &segment, cursor.offset, want)?;
        let room = max_records - records.len();
        let before = (cursor, records.len());
        take_frames(shared, &window, &segment, &mut cursor, room, &mut records);
        bytes += records[before.1..]
            .iter()
            .map(|record| record.payload.len())
            .sum::<usize>();
        if before == (cursor, records.len()) {
            step_over(shared, &segment, &mut cursor)?;
        }
    }
    Ok((records, cursor))
}

/// Finds a way on where a whole window holds no sound record, in all that is left of the segment.
fn step_over(shared: &Shared, segment: &Segment, cursor: &mut Cursor) -> io::Result<()> {
    let rest = read_window(&shared.dir, segment, cursor.offset, usize::MAX)?;
    match segment::resync(&rest, 1, 0) {
        Some(next) => cursor.offset += next as u64,
        None => {
            cursor.offset = segment.bytes;
            skip_to(shared, cursor, segment.next_record);
        }
    }
    warn!(
        segment = segment.number,
        "a long stretch of a spool segment is damaged"
    );
    shared.mark_damaged(segment.number);
    Ok(())
}

/// Bytes fetched at once; always more than the largest record.
const READ_BYTES: usize = 2 * MAX_PAYLOAD_BYTES;

fn read_window(dir: &Path, segment: &Segment, offset: u64, want: usize) -> io::Result<Bytes> {
    let file = File::open(segment_path(dir, segment.number))?;
    let left = segment.bytes.saturating_sub(offset) as usize;
    let smallest = MAX_PAYLOAD_BYTES + segment::RECORD_HEADER_BYTES;
    let mut window = vec![0; want.max(smallest).min(left)];
    let mut filled = 0;
    while filled < window.len() {
        match file.read_at(&mut window[filled..], offset + filled as u64)? {
            0 => break, // shorter than it was when it was durable: damage, handled by the caller
            count => filled += count,
        }
    }
    window.truncate(filled);
    Ok(window.into())
}

/// Moves whole records out of `window`. A damaged stretch is stepped over and noted as a hole.
fn take_frames(
    shared: &Shared,
    window: &Bytes,
    segment: &Segment,
    cursor: &mut Cursor,
    max_records: usize,
    records: &mut Vec<Record>,
) {
    let (mut at, end) = (0, records.len() + max_records);
    while at < window.len() && records.len() < end && cursor.next_record < segment.next_record {
        match segment::decode_record(&window[at..]) {
            Some(frame) => {
                // A lower one was acknowledged before a restart.
                if frame.number >= cursor.next_record {
                    skip_to(shared, cursor, frame.number);
                    if frame.number >= segment.next_record {
                        return; // the records before it were asked for, and are lost
                    }
                    cursor.next_record += 1;
                    records.push(Record {
                        number: frame.number,
                        version: frame.version,
                        payload: window.slice_ref(frame.payload),
                    });
                }
                at += frame.size();
                cursor.offset += frame.size() as u64;
            }
            None => {
                let last_window = cursor.offset + (window.len() - at) as u64 >= segment.bytes;
                if at > 0 && !last_window {
                    return; // perhaps only cut by the window: the next one begins here
                }
                let Some(next) = segment::resync(window, at + 1, 0) else {
                    return;
                };
                warn!(
                    segment = segment.number,
                    "damaged records in a spool segment"
                );
                shared.mark_damaged(segment.number);
                cursor.offset += (next - at) as u64;
                at = next;
            }
        }
    }
}

/// Goes on at `record`; what lies between is lost.
fn skip_to(shared: &Shared, cursor: &mut Cursor, record: u64) {
    if record > cursor.next_record {
        shared.state().add_hole(cursor.next_record..=record - 1);
        cursor.next_record = record;
    }
}

/// The first segment with a record numbered `record` or later.
fn segment_of(shared: &Shared, record: u64) -> Option<Segment> {
    let state = shared.state();
    let mut segments = state.segments.iter();
    segments
        .find(|segment| segment.next_record > record)
        .cloned()
}

fn advance(shared: &Shared, number: u64, set_aside: u64, next: Option<Seal>) -> io::Result<()> {
    let checkpoint = {
        let state = shared.state();
        assert!(
            number < state.next_record,
            "record {number} was never appended"
        );
        if number <= state.acked && next == state.seal {
            return Ok(());
        }
        let number = number.max(state.acked);
        Checkpoint {
            acked: number,
            lost: state.lost_acked + state.lost_up_to(number),
            set_aside: state.set_aside + set_aside,
            seal: next,
        }
    };
    checkpoint::save(&shared.dir, checkpoint)?;
    let mut done = Vec::new();
    {
        let mut state = shared.state();
        state.acked = checkpoint.acked;
        state.lost_acked = checkpoint.lost;
        state.set_aside = checkpoint.set_aside;
        state.seal = checkpoint.seal;
        state.forget_holes_up_to(checkpoint.acked);
        let open = usize::from(state.writing);
        while state.segments.len() > open && state.segments[0].next_record <= checkpoint.acked + 1 {
            done.extend(state.segments.pop_front());
        }
    }
    for segment in &done {
        // The checkpoint is durable: a file that stays is only deleted at the next start.
        if let Err(error) = put_away(&shared.dir, segment) {
            error!(%error, segment = segment.number, "an acknowledged segment could not be deleted");
        }
        Step::SegmentDeleted.reach();
    }
    if done.is_empty() {
        Ok(())
    } else {
        sync_dir(&shared.dir)
    }
}

fn put_away(dir: &Path, segment: &Segment) -> io::Result<()> {
    let path = segment_path(dir, segment.number);
    if segment.damaged {
        let quarantine = dir.join("quarantine");
        fs::create_dir_all(&quarantine)?;
        fs::rename(&path, segment_path(&quarantine, segment.number))
    } else {
        fs::remove_file(path)
    }
}

impl Shared {
    fn mark_damaged(&self, number: u64) {
        let mut state = self.state();
        let mut segments = state.segments.iter_mut();
        if let Some(segment) = segments.find(|segment| segment.number == number) {
            segment.damaged = true;
        }
    }
}

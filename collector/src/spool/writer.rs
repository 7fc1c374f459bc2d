//! The writing end: one thread that turns waiting appends into one write and one fdatasync (group commit).
//!
//! A round begins when the one before has ended, under load a moment after it began; whatever waits then goes with it, so latency is
//! one to two rounds whatever the load. A failed commit is final for its segment: the kernel may have dropped the pages, so a later success would prove
//! nothing. The segment is cut back, closed, and the next round opens another under the same record numbers.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::fs::FallocateFlags;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tracing::error;

use super::segment::{self, Frame, HEADER_BYTES, Header, RECORD_HEADER_BYTES};
use super::state::{Segment, Shared};
use super::steps::{Step, crash};
use super::{AppendError, segment_path, sync_dir};
use crate::clock::now_ms;

/// What one round takes at most; it bounds the buffer, and how far a segment may exceed its size.
const MAX_ROUND_BYTES: usize = 16 * 1024 * 1024;
/// Under load rounds begin this far apart. A sync takes a third of that on a good disk; without the pause most of the time would go
/// into syncs of two or three records each, and fewer could be taken.
const ROUND_INTERVAL: Duration = Duration::from_millis(1);
/// So many waiting appends are worth a sync at once.
pub const ENOUGH_WAITING: usize = 64;

/// A segment is filled with zeros so far ahead of its records. Into blocks that were written before, a sync is the data alone; into
/// fresh ones the file system also has to note, each time, that they are in use: twice the time and the work. More at once would
/// only make the one sync that carries the zeros longer.
const ZEROS_AHEAD_BYTES: u64 = 1024 * 1024;
static ZEROS: [u8; ZEROS_AHEAD_BYTES as usize] = [0; ZEROS_AHEAD_BYTES as usize];

/// Makes a segment's data durable.
pub type Sync = Box<dyn FnMut(&File) -> io::Result<()> + Send>;

pub struct Request {
    pub payloads: Vec<Bytes>,
    pub answer: Answer,
}

/// What was promised to whoever appends: exactly one result, also where nobody waits for it any more.
pub struct Answer {
    waiting: Option<oneshot::Sender<Result<(), AppendError>>>,
    refused: Option<Refused>,
    /// Where the caller waits, if it is in one.
    runtime: Option<Handle>,
}

/// Told why nothing is kept.
pub type Refused = Box<dyn FnOnce(&AppendError) + Send>;

impl Answer {
    pub fn new(refused: Refused) -> (Answer, oneshot::Receiver<Result<(), AppendError>>) {
        let (waiting, result) = oneshot::channel();
        let answer = Answer {
            waiting: Some(waiting),
            refused: Some(refused),
            runtime: Handle::try_current().ok(),
        };
        (answer, result)
    }

    pub fn give(mut self, result: Result<(), AppendError>) {
        self.tell(result);
    }

    fn tell(&mut self, result: Result<(), AppendError>) {
        let refused = self.refused.take();
        if let (Some(refused), Err(error)) = (refused, &result) {
            refused(error);
        }
        if let Some(waiting) = self.waiting.take() {
            let _ = waiting.send(result); // the caller may have gone away meanwhile
        }
    }
}

impl Drop for Answer {
    /// Dropped without a decision: the caller gave up before its turn, or the writer has ended.
    fn drop(&mut self) {
        if self.refused.is_some() {
            self.tell(Err(AppendError::Closed));
        }
    }
}

impl Request {
    fn size(&self) -> usize {
        let payloads: usize = self.payloads.iter().map(Bytes::len).sum();
        payloads + self.payloads.len() * RECORD_HEADER_BYTES
    }
}

/// Answers of one round, given when it is dropped: by the task that was made for them, or here if its runtime is no more.
struct Round {
    taken: Vec<Answer>,
    result: Result<(), AppendError>,
}

impl Drop for Round {
    fn drop(&mut self) {
        for answer in self.taken.drain(..) {
            answer.give(self.result.clone());
        }
    }
}

pub struct Writer {
    shared: Arc<Shared>,
    sync: Sync,
    active: Option<Active>,
}

/// The segment being written; its `bytes` are durable.
struct Active {
    number: u64,
    file: File,
    bytes: u64,
    /// Written so far, with records or with zeros.
    written_bytes: u64,
}

impl Writer {
    pub fn new(shared: Arc<Shared>, sync: Sync) -> Writer {
        Writer {
            shared,
            sync,
            active: None,
        }
    }

    /// Serves requests until all senders are gone.
    pub fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut last_round = None;
        while let Some(first) = requests.blocking_recv() {
            if let Some(last_round) = last_round {
                wait_for_more(last_round, &requests);
            }
            last_round = Some(Instant::now());
            let mut bytes = first.size();
            let mut round = vec![first];
            while bytes < MAX_ROUND_BYTES
                && let Ok(next) = requests.try_recv()
            {
                bytes += next.size();
                round.push(next);
            }
            self.round(round);
        }
        self.close_active();
    }

    fn round(&mut self, requests: Vec<Request>) {
        let first_record = self.shared.state().next_record;
        let at_ms = now_ms();
        let (mut buffer, mut number, mut taken) = (Vec::new(), first_record, Vec::new());
        for request in requests {
            // The caller may have gone away meanwhile; its beacons are kept all the same.
            match self.shared.accepts((buffer.len() + request.size()) as u64) {
                Err(refusal) => request.answer.give(Err(refusal)),
                Ok(()) => {
                    for payload in &request.payloads {
                        let version = self.shared.limits.payload_version;
                        let frame = Frame {
                            number,
                            version,
                            at_ms,
                            payload,
                        };
                        segment::encode_record(&mut buffer, &frame);
                        number += 1;
                    }
                    taken.push(request.answer);
                }
            }
        }
        if taken.is_empty() {
            return;
        }
        let result = self.commit(&buffer, first_record, at_ms);
        if result.is_ok() {
            self.publish(number, at_ms);
        }
        give(taken, &result);
    }

    /// Writes `records` behind what is durable and makes them durable.
    fn commit(
        &mut self,
        records: &[u8],
        first_record: u64,
        now_ms: u64,
    ) -> Result<(), AppendError> {
        let written = self.write(records, first_record, now_ms);
        if let Err(error) = &written {
            error!(%error, "the spool could not write; its segment is closed");
            self.close_active();
        }
        written.map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => AppendError::DiskLow,
            _ => AppendError::Io(error.to_string()),
        })
    }

    fn write(&mut self, records: &[u8], first_record: u64, now_ms: u64) -> io::Result<()> {
        let segment_bytes = self.shared.limits.segment_bytes;
        let is_full = |active: &Active| {
            active.bytes > HEADER_BYTES as u64
                && active.bytes + records.len() as u64 > segment_bytes
        };
        if self.active.as_ref().is_some_and(is_full) {
            self.close_active();
        }
        if self.active.is_none() {
            self.active = Some(self.create(first_record, now_ms)?);
        }
        let active = self.active.as_mut().expect("just created");
        tear(&active.file, records, active.bytes)?;
        active.file.write_all_at(records, active.bytes)?;
        let end = active.bytes + records.len() as u64;
        if end > active.written_bytes {
            let zeros = ZEROS_AHEAD_BYTES.min(segment_bytes.saturating_sub(end));
            active.file.write_all_at(&ZEROS[..zeros as usize], end)?;
            active.written_bytes = end + zeros;
        }
        Step::CommitWritten.reach();
        (self.sync)(&active.file)?;
        Step::CommitSynced.reach();
        active.bytes += records.len() as u64;
        Ok(())
    }

    /// A new segment, registered before anything refers to it. Space is taken in advance, so that a commit need not change the
    /// file's size and a full disk shows here.
    fn create(&mut self, first_record: u64, created_ms: u64) -> io::Result<Active> {
        let number = self.shared.state().next_segment;
        let path = segment_path(&self.shared.dir, number);
        let file = File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .open(path)?;
        Step::SegmentCreated.reach();
        let header = Header {
            segment: number,
            first_record,
            created_ms,
        };
        file.write_all_at(&segment::encode_header(&header), 0)?;
        Step::SegmentHeaderWritten.reach();
        let size = self.shared.limits.segment_bytes.max(HEADER_BYTES as u64);
        let taken = rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, size);
        if taken == Err(rustix::io::Errno::NOSPC) {
            return Err(io::ErrorKind::StorageFull.into());
        } // any other refusal: not every file system can; then files grow as they are written
        Step::SegmentPreallocated.reach();
        (self.sync)(&file)?;
        sync_dir(&self.shared.dir)?;
        let mut state = self.shared.state();
        state.next_segment = number + 1;
        state.writing = true;
        state.segments.push_back(Segment {
            number,
            first_record,
            next_record: first_record,
            bytes: HEADER_BYTES as u64,
            oldest_ms: None,
            damaged: false,
        });
        Ok(Active {
            number,
            file,
            bytes: HEADER_BYTES as u64,
            written_bytes: HEADER_BYTES as u64,
        })
    }

    /// Tells readers and observers what is durable now.
    fn publish(&self, next_record: u64, at_ms: u64) {
        let Some(active) = &self.active else { return };
        let mut state = self.shared.state();
        state.next_record = next_record;
        if let Some(segment) = state.segments.back_mut() {
            assert_eq!(
                segment.number, active.number,
                "the last segment is the open one"
            );
            segment.next_record = next_record;
            segment.bytes = active.bytes;
            segment.oldest_ms.get_or_insert(at_ms);
        }
        drop(state);
        self.shared.durable.send_replace(next_record);
    }

    /// Cuts the open segment to what is durable and gives it up. Its data is durable already, so errors cost only disk space.
    fn close_active(&mut self) {
        let Some(active) = self.active.take() else {
            return;
        };
        if let Err(error) = active
            .file
            .set_len(active.bytes)
            .and_then(|()| active.file.sync_all())
        {
            error!(%error, segment = active.number, "a segment could not be cut to its length");
        }
        Step::SegmentClosed.reach();
        self.shared.state().writing = false;
    }
}

/// Gives all answers of a round. From this thread each of them would wake a thread of its own, which pushes this one off its core and
/// sleeps again before the next: four switches an answer. So those who wait in one runtime get theirs from a task there.
fn give(mut taken: Vec<Answer>, result: &Result<(), AppendError>) {
    let id = |answer: &Answer| answer.runtime.as_ref().map(Handle::id);
    while let Some(last) = taken.last() {
        let (runtime, here) = (last.runtime.clone(), id(last));
        let round = Round {
            taken: taken.extract_if(.., |answer| id(answer) == here).collect(),
            result: result.clone(),
        };
        match runtime {
            Some(runtime) => drop(runtime.spawn(async move { drop(round) })),
            None => drop(round),
        }
    }
}

/// Until the next round is due or enough wait for it; whoever appends wakes us for that.
fn wait_for_more(last_round: Instant, requests: &mpsc::Receiver<Request>) {
    while requests.len() < ENOUGH_WAITING
        && let Some(left) = ROUND_INTERVAL.checked_sub(last_round.elapsed())
    {
        thread::park_timeout(left);
    }
}

/// Where a test asks for it, leaves a commit half written and ends the process.
fn tear(file: &File, records: &[u8], offset: u64) -> io::Result<()> {
    for step in [Step::RecordHeadTorn, Step::RecordBodyTorn, Step::CommitTorn] {
        if step.is_due() {
            let first = segment::decode_record(records).map_or(0, |frame| frame.size());
            let length = match step {
                Step::RecordHeadTorn => RECORD_HEADER_BYTES / 2,
                Step::RecordBodyTorn => first - 1,
                _ => records.len() / 2,
            };
            file.write_all_at(&records[..length], offset)?;
            crash();
        }
    }
    Ok(())
}

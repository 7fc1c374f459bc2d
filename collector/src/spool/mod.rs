//! The durable disk queue between the answer and ClickHouse: append, group commit, read, ack. It does not know what a beacon is;
//! a payload is opaque bytes.
//!
//! # Constraints
//! - [`Spool::append`] returns after the records are on disk (fdatasync). All payloads of one call are kept, or none.
//! - What has been appended is read in order, at least once, until it is acknowledged; after a crash reading starts behind the
//!   last [`Acks::ack`].
//! - What was sealed ([`Acks::seal`]) before a crash is read again with the same end, so that its reader can do the same again.
//! - Opening never loops and never needs a person: a torn end is cut, damage in the middle is set aside and counted.
//! - Bounded: the files never exceed [`Limits::max_bytes`], and a floor of free disk stays. Beyond, appends are refused.
//!
//! # Files
//! ```text
//! lock                          held while open; the holder's process id
//! checkpoint                    what has been acknowledged, and what is about to be ([`checkpoint`])
//! NNNNNNNNNNNNNNNNNNNN.segment  twenty digits, increasing; deleted when all its records are acknowledged
//! quarantine/                   copies of damaged segments, for a person to look at; never deleted here
//! ```
//!
//! # Format, version 1 (little-endian)
//! ```text
//! segment header, 44 bytes            record, 28 bytes and the payload
//!  0  8  magic "VSSPOOL\n"             0  4  payload length, 1 to MAX_PAYLOAD_BYTES
//!  8  4  format version = 1            4  1  kind = 1
//! 12  8  segment number               5  1  payload version, chosen by the owner of the payload
//! 20  8  number of its first record   6  2  zero
//! 28  8  created, ms since the epoch  8  8  record number: one more than the record before, across segments
//! 36  4  zero                        16  8  appended, ms since the epoch
//! 40  4  CRC32C of bytes 0 to 40      24  4  CRC32C of bytes 0 to 24 and the payload
//! ```
//! Zeros after the last record are space taken in advance and a clean end. A hole in the record numbers is a loss, and reported as
//! one. Records numbered at or above the first record of the next segment belong to a commit that failed; they were never
//! acknowledged to anyone and do not count.

mod checkpoint;
pub mod inspect;
mod reader;
mod recover;
pub mod segment;
mod slice;
mod state;
pub mod steps;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

pub use checkpoint::Seal;
pub use reader::{Acks, Reader};
pub use recover::Report;
pub use state::{Status, free_bytes};

use state::Shared;
use writer::{Answer, Request, Writer};

/// Appends waiting for the next commit. Each is one request, so this is at most the listener's connections.
const MAX_WAITING_APPENDS: usize = 1024;
/// Larger payloads are refused, and a larger length in a file is damage.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// Sizes, and the version byte that new records carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// All segments together.
    pub max_bytes: u64,
    /// A segment is closed beyond this size.
    pub segment_bytes: u64,
    /// Free disk that must remain: the checkpoint and ClickHouse need some too.
    pub min_free_bytes: u64,
    pub payload_version: u8,
}

impl Limits {
    /// Limits for a cap on the size of all segments.
    pub fn with_max_bytes(max_bytes: u64) -> Limits {
        const SEGMENT_BYTES: u64 = 32 * 1024 * 1024;
        const MIN_FREE_BYTES: u64 = 128 * 1024 * 1024;
        Limits {
            max_bytes,
            // Space comes back segment by segment, so a small spool needs smaller ones.
            segment_bytes: SEGMENT_BYTES.min(max_bytes / 8),
            min_free_bytes: MIN_FREE_BYTES,
            payload_version: 1,
        }
    }
}

/// One payload with its place in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub number: u64,
    /// The version byte it was appended with.
    pub version: u8,
    pub payload: Bytes,
}

/// Why the spool cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{dir} is in use by process {holder}; stop it, or choose another data_dir")]
    InUse { dir: String, holder: String },
    #[error(
        "{file} was written by a newer version (format {version}); run that version, it has not been touched"
    )]
    Version { file: String, version: u32 },
    #[error("{path}: {error}")]
    Io { path: String, error: io::Error },
}

/// Why payloads were not taken. Nothing of the call is kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    #[error("the spool is full")]
    Full,
    #[error("the disk is almost full")]
    DiskLow,
    #[error("a payload is empty or larger than {MAX_PAYLOAD_BYTES} bytes")]
    PayloadSize,
    #[error("the disk failed: {0}")]
    Io(String),
    #[error("the spool is closed")]
    Closed,
}

/// The appending end. Clones share one writer thread, which ends when the last of them is gone.
#[derive(Clone)]
pub struct Spool {
    requests: mpsc::Sender<Request>,
    writer: Thread,
    shared: Arc<Shared>,
    report: Arc<Report>,
    ended: watch::Receiver<()>,
}

impl Spool {
    /// Opens the spool in `dir`, creating it if need be, and repairs what a crash left behind ([`Report`]).
    ///
    /// # Errors
    /// Another process holds it, a newer version wrote it, or the file system refuses.
    pub fn open(dir: &Path, limits: Limits) -> Result<(Spool, Reader), OpenError> {
        Self::open_with(dir, limits, Box::new(File::sync_data))
    }

    /// As [`Spool::open`]; `observe` is told how long each fdatasync took.
    ///
    /// # Errors
    /// See [`Spool::open`].
    pub fn open_observed(
        dir: &Path,
        limits: Limits,
        observe: impl Fn(Duration) + Send + 'static,
    ) -> Result<(Spool, Reader), OpenError> {
        let sync = move |file: &File| {
            let began = Instant::now();
            let synced = file.sync_data();
            observe(began.elapsed());
            synced
        };
        Self::open_with(dir, limits, Box::new(sync))
    }

    /// As [`Spool::open`], with what makes a segment durable given from outside: tests let it fail.
    fn open_with(
        dir: &Path,
        limits: Limits,
        sync: writer::Sync,
    ) -> Result<(Spool, Reader), OpenError> {
        fs::create_dir_all(dir).map_err(at(dir))?;
        let lock = lock(dir)?;
        let (state, report) = recover::recover(dir)?;
        let cursor = reader::Cursor::behind(state.acked);
        let shared = Arc::new(Shared::new(dir, limits, state, lock));
        let (requests, receiver) = mpsc::channel(MAX_WAITING_APPENDS);
        let (ending, ended) = watch::channel(());
        let writer = Writer::new(shared.clone(), sync);
        let thread = thread::Builder::new()
            .name("spool".into())
            .spawn(move || {
                slice::ask_for_short_slices();
                writer.run(receiver);
                drop(ending); // after the writer is gone, and its hold on the lock with it
            })
            .map_err(at(dir))?;
        let reader = Reader::new(shared.clone(), cursor);
        let spool = Spool {
            requests,
            writer: thread.thread().clone(),
            shared,
            report: Arc::new(report),
            ended,
        };
        Ok((spool, reader))
    }

    /// Makes all payloads durable, or none.
    ///
    /// # Errors
    /// See [`AppendError`]; after `Io` the segment at fault is not written again.
    pub async fn append(&self, payloads: Vec<Bytes>) -> Result<(), AppendError> {
        self.append_or_tell(payloads, |_| {}).await
    }

    /// As [`Spool::append`], for callers that keep books and may give up waiting: what is on its way to the disk may well arrive there
    /// all the same. `refused` is told, once, when it does not, whether or not somebody still waits.
    ///
    /// # Errors
    /// As there.
    pub async fn append_or_tell(
        &self,
        payloads: Vec<Bytes>,
        refused: impl FnOnce(&AppendError) + Send + 'static,
    ) -> Result<(), AppendError> {
        let (answer, result) = Answer::new(Box::new(refused));
        let fits = |payload: &Bytes| (1..=MAX_PAYLOAD_BYTES).contains(&payload.len());
        if !payloads.iter().all(fits) {
            answer.give(Err(AppendError::PayloadSize));
        } else if payloads.is_empty() {
            answer.give(Ok(()));
        } else {
            // Without a writer the request is dropped, and its answer says so.
            let _ = self.requests.send(Request { payloads, answer }).await;
            let waiting = self.requests.max_capacity() - self.requests.capacity();
            if waiting >= writer::ENOUGH_WAITING {
                self.writer.unpark();
            }
        }
        result.await.unwrap_or(Err(AppendError::Closed))
    }

    /// Whether an append would be taken now: asked before a body is read.
    ///
    /// # Errors
    /// [`AppendError::Full`] or [`AppendError::DiskLow`].
    pub fn accepts(&self) -> Result<(), AppendError> {
        self.shared.accepts(0)
    }

    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// What opening found and mended.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Waits until every accepted append is on disk and the writer has ended. Other clones must be dropped as well.
    pub async fn close(self) {
        let Spool {
            requests,
            shared,
            mut ended,
            ..
        } = self;
        drop((requests, shared));
        let _ = ended.changed().await; // an error says that the thread has ended
    }
}

/// A child that is being started holds a copy of every lock until it runs its own program, and a predecessor may be ending.
const LOCK_WAIT: Duration = Duration::from_millis(500);
const LOCK_POLL: Duration = Duration::from_millis(10);

/// Takes the lock file, or says who holds it. Released by the system when the process ends, however it ends.
fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("lock");
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(at(&path))?;
    let deadline = Instant::now() + LOCK_WAIT;
    let mut taken = file.try_lock();
    while matches!(taken, Err(fs::TryLockError::WouldBlock)) && Instant::now() < deadline {
        thread::sleep(LOCK_POLL);
        taken = file.try_lock();
    }
    match taken {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.take(32).read_to_string(&mut holder);
            return Err(OpenError::InUse {
                dir: dir.display().to_string(),
                holder: holder.trim().to_owned(),
            });
        }
        Err(fs::TryLockError::Error(error)) => return Err(at(&path)(error)),
    }
    file.set_len(0).map_err(at(&path))?;
    file.rewind().map_err(at(&path))?;
    writeln!(file, "{}", std::process::id()).map_err(at(&path))?;
    Ok(file)
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> OpenError + use<> {
    let path = path.display().to_string();
    move |error| OpenError::Io { path, error }
}

/// Makes creations, renames and deletions in `dir` durable.
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn segment_path(dir: &Path, segment: u64) -> PathBuf {
    dir.join(format!("{segment:020}.segment"))
}

/// The segments of `dir` by number, oldest first.
fn segment_files(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name
            .and_then(|name| name.strip_suffix(".segment"))
            .and_then(|digits| digits.parse().ok());
        if let Some(number) = number {
            files.push((number, path));
        }
    }
    files.sort();
    Ok(files)
}

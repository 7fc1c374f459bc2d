//! What writer, reader and observers share: which segments there are, what is durable, what is acknowledged.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::checkpoint::Seal;
use super::{AppendError, Limits};
use crate::clock::now_ms;

/// The file system is asked for its free space this often at most: asking costs more than taking a beacon, and what can be written
/// meanwhile is small beside the floor.
const FREE_FOR: Duration = Duration::from_millis(100);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub number: u64,
    pub first_record: u64,
    /// One more than its last durable record.
    pub next_record: u64,
    /// Durable bytes: readers go no further.
    pub bytes: u64,
    /// When its first record was appended.
    pub oldest_ms: Option<u64>,
    /// Records were missing when it was read: kept in quarantine instead of deleted.
    pub damaged: bool,
}

#[derive(Clone, Debug, Default)]
pub struct State {
    /// Oldest first; the last one may still be written to.
    pub segments: VecDeque<Segment>,
    pub next_segment: u64,
    /// The number the next record gets.
    pub next_record: u64,
    pub acked: u64,
    /// Records up to `acked` that were lost.
    pub lost_acked: u64,
    /// Records up to `acked` that the reader kept elsewhere.
    pub set_aside: u64,
    /// What is about to go out as one.
    pub seal: Option<Seal>,
    /// Whether the last process left word of what it had acknowledged and sealed.
    pub has_checkpoint: bool,
    /// Known losses above `acked`: holes in the record numbers, ascending, none overlapping another.
    pub holes: Vec<RangeInclusive<u64>>,
    /// Whether the last segment is open for writing.
    pub writing: bool,
}

/// The spool at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Status {
    pub bytes: u64,
    pub segments: u64,
    /// Records that are durable and not acknowledged.
    pub pending: u64,
    /// Records ever lost to damage, acknowledged ones included.
    pub lost: u64,
    /// The last acknowledged record, and how many of those up to it had been lost.
    pub acked: u64,
    pub lost_acked: u64,
    /// Acknowledged records that the reader could not use and kept elsewhere.
    pub set_aside: u64,
    /// Age of the oldest pending record in seconds, exact to one segment; 0 when there is none.
    pub oldest_age_s: f64,
}

pub struct Shared {
    pub dir: PathBuf,
    pub limits: Limits,
    /// The last record that an earlier process may have sealed.
    pub sealed_before: u64,
    state: Mutex<State>,
    free: Mutex<Option<(Instant, u64)>>,
    /// One more than the last durable record: readers wait for it to grow.
    pub durable: watch::Sender<u64>,
    /// Held for as long as anyone uses the directory.
    _lock: File,
}

impl Shared {
    pub fn new(dir: &Path, limits: Limits, state: State, lock: File) -> Shared {
        Shared {
            dir: dir.to_owned(),
            limits,
            durable: watch::Sender::new(state.next_record),
            sealed_before: state.sealed_before(),
            state: Mutex::new(state),
            free: Mutex::new(None),
            _lock: lock,
        }
    }

    /// Every change of the state is complete before its lock is released, so a panic elsewhere cannot leave it half done.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `more` bytes fit below the cap and above the floor of free disk.
    pub fn accepts(&self, more: u64) -> Result<(), AppendError> {
        if self.state().bytes() + more > self.limits.max_bytes {
            return Err(AppendError::Full);
        }
        // A file system that cannot say is believed until it refuses to write.
        let free = self.free_bytes().unwrap_or(u64::MAX);
        if free < self.limits.min_free_bytes.saturating_add(more) {
            return Err(AppendError::DiskLow);
        }
        Ok(())
    }

    /// Free disk, a moment old at most.
    fn free_bytes(&self) -> io::Result<u64> {
        let mut known = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, free)) = *known
            && at.elapsed() < FREE_FOR
        {
            return Ok(free);
        }
        let free = free_bytes(&self.dir)?;
        *known = Some((Instant::now(), free));
        Ok(free)
    }

    pub fn status(&self) -> Status {
        let state = self.state();
        let lost_ahead = state.lost_up_to(state.next_record - 1);
        let pending = state.next_record - 1 - state.acked - lost_ahead;
        let oldest_ms = state
            .segments
            .iter()
            .find(|segment| segment.next_record > state.acked + 1)
            .and_then(|segment| segment.oldest_ms)
            .filter(|_| pending > 0);
        Status {
            bytes: state.bytes(),
            segments: state.segments.len() as u64,
            pending,
            lost: state.lost_acked + lost_ahead,
            acked: state.acked,
            lost_acked: state.lost_acked,
            set_aside: state.set_aside,
            oldest_age_s: oldest_ms.map_or(0.0, |oldest| {
                now_ms().saturating_sub(oldest) as f64 / 1000.0
            }),
        }
    }
}

impl State {
    /// The last record that may have been sealed; without a checkpoint, any.
    pub fn sealed_before(&self) -> u64 {
        match self.has_checkpoint {
            true => self.seal.map_or(0, |seal| seal.last),
            false => self.next_record - 1,
        }
    }

    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Notes that the records of `hole` are missing, each of them once.
    pub fn add_hole(&mut self, hole: RangeInclusive<u64>) {
        let mut next = *hole.start();
        let mut news = Vec::new();
        for known in &self.holes {
            if *known.start() > *hole.end() {
                break;
            }
            if next < *known.start() {
                news.push(next..=known.start() - 1);
            }
            next = next.max(known.end() + 1);
        }
        if next <= *hole.end() {
            news.push(next..=*hole.end());
        }
        self.holes.extend(news);
        self.holes.sort_by_key(|hole| *hole.start());
    }

    /// Records above `acked` and up to `number` that are missing. What is acknowledged may end within a hole.
    pub fn lost_up_to(&self, number: u64) -> u64 {
        let ends = self
            .holes
            .iter()
            .map(|hole| (hole.start(), number.min(*hole.end())));
        ends.map(|(start, end)| (end + 1).saturating_sub(*start))
            .sum()
    }

    /// They are counted in `lost_acked` from now on.
    pub fn forget_holes_up_to(&mut self, number: u64) {
        self.holes.retain(|hole| *hole.end() > number);
        if let Some(first) = self.holes.first_mut() {
            *first = (number + 1).max(*first.start())..=*first.end();
        }
    }
}

/// Space on the disk of `dir` that this process may use.
///
/// # Errors
/// The file system does not say.
pub fn free_bytes(dir: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(dir)?;
    Ok(stat.f_bavail * stat.f_frsize)
}

//! Records that ClickHouse will never take, kept for a person: one NDJSON file per day, each line with the record's number, the
//! reason and the payload. Written and fsynced before the record is acknowledged.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::ingest::payload;
use crate::spool::Record;
use crate::spool::steps::Step;

#[derive(Serialize)]
struct Line<'a> {
    record: u64,
    version: u8,
    reason: &'a str,
    payload: &'a str,
}

/// The payload as JSON where it is a beacon, else as it is, with escapes for what is no text.
fn readable(record: &Record) -> String {
    let beacon = payload::decode(record.version, &record.payload).ok();
    beacon
        .and_then(|beacon| serde_json::to_string(&beacon).ok())
        .or_else(|| String::from_utf8(record.payload.to_vec()).ok())
        .unwrap_or_else(|| record.payload.escape_ascii().to_string())
}

/// The folder of the files.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    dir: PathBuf,
}

impl DeadLetters {
    pub fn new(dir: &Path) -> DeadLetters {
        DeadLetters { dir: dir.into() }
    }

    /// Keeps one record; returns when it is on disk.
    ///
    /// # Errors
    /// When it cannot be kept; the caller must not acknowledge it then.
    pub fn keep(&self, record: &Record, reason: &str) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let day = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.dir.join(format!("{day}.ndjson")))?;
        let mut line = serde_json::to_vec(&Line {
            record: record.number,
            version: record.version,
            reason,
            payload: &readable(record),
        })?;
        line.push(b'\n');
        file.write_all(&line)?;
        file.sync_data()?;
        Step::DeadLetterKept.reach();
        Ok(())
    }
}

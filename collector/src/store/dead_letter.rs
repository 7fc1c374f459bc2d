//! Records that ClickHouse will never take, kept for a person: one NDJSON file per day, each line with the record's number, the
//! reason and the payload. Written and fsynced before the record is acknowledged.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::spool::Record;
use crate::spool::steps::Step;

#[derive(Serialize)]
struct Line<'a> {
    record: u64,
    version: u8,
    reason: &'a str,
    payload: &'a str,
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
            payload: &String::from_utf8_lossy(&record.payload),
        })?;
        line.push(b'\n');
        file.write_all(&line)?;
        file.sync_data()?;
        Step::DeadLetterKept.reach();
        Ok(())
    }
}

//! Counters over restarts. What the spool knows comes from its checkpoint, which is durable with each ack; only the rejections
//! need a file of their own. It may be some seconds old after a crash: then the rejections of those seconds are forgotten as a
//! whole, with their receipt, and the books still balance.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tracing::warn;

use super::{Counts, Reason};
use crate::spool::Status;

/// What is kept in `counters.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Saved {
    pub rejected: BTreeMap<Reason, u64>,
}

impl Saved {
    /// The file's content; nothing when there is none. A damaged one costs its counts, not the start.
    pub fn load(file: &Path) -> Saved {
        let saved = match fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Saved::default()),
            Err(error) => Err(error),
        };
        saved.unwrap_or_else(|error| {
            warn!(%error, file = %file.display(), "counters of rejections begin anew");
            Saved::default()
        })
    }

    /// # Errors
    /// The file keeps what it had.
    pub fn save(counts: &Counts, file: &Path) -> io::Result<()> {
        let saved = Saved {
            rejected: counts.rejected.clone(),
        };
        let temporary = file.with_extension("json.tmp");
        fs::write(&temporary, serde_json::to_vec(&saved)?)?;
        fs::rename(temporary, file)
    }

    /// The books to go on with: everything the spool has acknowledged and not lost is in ClickHouse or a dead letter. For what
    /// leaves the spool it is the only authority: a count of the file beside its own would count a record twice.
    pub fn resume(self, spool: &Status) -> Counts {
        let mut rejected = self.rejected;
        rejected.insert(Reason::Quarantined, spool.lost);
        rejected.insert(Reason::DeadLetter, spool.set_aside);
        Counts {
            stored: spool.acked - spool.lost_acked - spool.set_aside,
            spooled: spool.pending,
            rejected,
            ..Counts::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn counters_go_on_after_a_restart() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("counters.json");
        assert_eq!(Saved::load(&file), Saved::default());
        let rejected = BTreeMap::from([(Reason::Bot, 5), (Reason::DeadLetter, 1)]);
        let counts = Counts {
            rejected: rejected.clone(),
            ..Counts::default()
        };
        Saved::save(&counts, &file).expect("writable");
        let spool = Status {
            acked: 100,
            lost_acked: 3,
            set_aside: 2,
            lost: 4,
            pending: 7,
            ..Status::default()
        };
        let metrics = Metrics::resumed(Saved::load(&file).resume(&spool), Duration::ZERO);
        let counts = metrics.counts();
        assert!(counts.reconcile());
        assert_eq!((counts.stored, counts.spooled), (95, 7));
        assert_eq!(counts.rejected[&Reason::Quarantined], 4);
        assert_eq!(counts.received, 95 + 7 + 5 + 2 + 4);
    }

    #[test]
    fn a_spool_that_has_lost_its_checkpoint_does_not_count_old_losses_twice() {
        let rejected = BTreeMap::from([(Reason::Quarantined, 3), (Reason::DeadLetter, 2)]);
        let spool = Status {
            acked: 100,
            pending: 7,
            ..Status::default()
        };
        let counts = Metrics::resumed(Saved { rejected }.resume(&spool), Duration::ZERO).counts();
        assert_eq!((counts.received, counts.stored), (107, 100));
    }

    #[test]
    fn a_damaged_file_costs_only_its_counts() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("counters.json");
        fs::write(&file, b"{\"rejected\":{\"bot\":").expect("writable");
        assert_eq!(Saved::load(&file), Saved::default());
    }
}

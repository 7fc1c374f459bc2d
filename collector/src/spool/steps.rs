//! The steps of the spool and of what empties it, by name, so that a test can end the process at exactly one of them, as a crash would.
//!
//! `VITALSCOPE_CRASH_AT=block-sealed:3` kills the process with SIGKILL the third time that step is reached. Without the variable a
//! step costs one look at a static. Files keep what was written by then: the kernel outlives the process (power loss is another
//! matter, see fdatasync in the writer).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

/// Says at which step to crash: `NAME:COUNT`.
pub const VARIABLE: &str = "VITALSCOPE_CRASH_AT";

/// A moment that a crash can hit. The names in kebab case are those of [`VARIABLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A segment exists and is empty.
    SegmentCreated,
    /// Its header is written and not durable.
    SegmentHeaderWritten,
    /// Its space is taken, its name not durable.
    SegmentPreallocated,
    /// Half of a commit's first record header is in the file.
    RecordHeadTorn,
    /// A commit's first record lacks the end of its payload, and so the bytes its checksum speaks of.
    RecordBodyTorn,
    /// Half of a commit is in the file.
    CommitTorn,
    /// A commit is written and not synced.
    CommitWritten,
    /// A commit is durable and nobody has been told.
    CommitSynced,
    /// A segment is full and cut to its length.
    SegmentClosed,
    /// A checkpoint lies beside the one it will replace.
    CheckpointWritten,
    /// It has taken its place, not durably.
    CheckpointRenamed,
    /// It is durable; segments that it frees are still there.
    CheckpointDurable,
    /// A segment that nobody needs any more is deleted, not durably.
    SegmentDeleted,
    /// Rows are built, their seal is not written yet.
    BlockBuilt,
    /// The seal is durable, nothing is sent yet.
    BlockSealed,
    /// The first of a block's tables has its rows, others may not.
    TableInserted,
    /// All tables have their rows; the block is not acknowledged.
    BlockInserted,
    /// A record that ClickHouse will never take lies with the dead letters, unacknowledged.
    DeadLetterKept,
}

impl Step {
    pub const ALL: [Step; 18] = [
        Step::SegmentCreated,
        Step::SegmentHeaderWritten,
        Step::SegmentPreallocated,
        Step::RecordHeadTorn,
        Step::RecordBodyTorn,
        Step::CommitTorn,
        Step::CommitWritten,
        Step::CommitSynced,
        Step::SegmentClosed,
        Step::CheckpointWritten,
        Step::CheckpointRenamed,
        Step::CheckpointDurable,
        Step::SegmentDeleted,
        Step::BlockBuilt,
        Step::BlockSealed,
        Step::TableInserted,
        Step::BlockInserted,
        Step::DeadLetterKept,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Step::SegmentCreated => "segment-created",
            Step::SegmentHeaderWritten => "segment-header-written",
            Step::SegmentPreallocated => "segment-preallocated",
            Step::RecordHeadTorn => "record-head-torn",
            Step::RecordBodyTorn => "record-body-torn",
            Step::CommitTorn => "commit-torn",
            Step::CommitWritten => "commit-written",
            Step::CommitSynced => "commit-synced",
            Step::SegmentClosed => "segment-closed",
            Step::CheckpointWritten => "checkpoint-written",
            Step::CheckpointRenamed => "checkpoint-renamed",
            Step::CheckpointDurable => "checkpoint-durable",
            Step::SegmentDeleted => "segment-deleted",
            Step::BlockBuilt => "block-built",
            Step::BlockSealed => "block-sealed",
            Step::TableInserted => "table-inserted",
            Step::BlockInserted => "block-inserted",
            Step::DeadLetterKept => "dead-letter-kept",
        }
    }

    /// The process passes this step, or ends here.
    pub fn reach(self) {
        if self.is_due() {
            crash();
        }
    }

    /// Whether the process has to end at this step, for steps that leave something half done first.
    pub fn is_due(self) -> bool {
        let Some(plan) = plan() else { return false };
        plan.step == self && plan.left.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

/// Ends the process as `kill -9` does.
pub fn crash() -> ! {
    let _ = kill_process(getpid(), Signal::KILL); // a process may always kill itself
    std::process::abort()
}

struct Plan {
    step: Step,
    left: AtomicU64,
}

fn plan() -> Option<&'static Plan> {
    static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
    PLAN.get_or_init(|| parse(&std::env::var(VARIABLE).ok()?))
        .as_ref()
}

/// None for a text that names no step: whoever sets the variable notices that nothing crashes.
fn parse(text: &str) -> Option<Plan> {
    let (name, count) = text.split_once(':').unwrap_or((text, "1"));
    Some(Plan {
        step: Step::ALL.into_iter().find(|step| step.name() == name)?,
        left: AtomicU64::new(count.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_a_step_and_how_often_it_is_passed() {
        for step in Step::ALL {
            let plan = parse(&format!("{}:3", step.name())).expect("a plan");
            assert_eq!((plan.step, plan.left.into_inner()), (step, 3));
        }
        assert!(parse("block-sealed").is_some_and(|plan| plan.left.into_inner() == 1));
        assert!(parse("nowhere:1").is_none() && parse("block-sealed:x").is_none());
    }
}

//! Answers to requests that are not taken, each with the reason it is counted under.

use axum::http::StatusCode;
use wire::limits::MAX_NDJSON_BYTES;

use crate::http::Problem;
use crate::metrics::Reason;
use crate::spool::AppendError;

/// When to come back to a spool that is full: the store needs about that long to make room once ClickHouse answers.
const FULL_RETRY_S: u32 = 30;
/// When to come back after the disk failed: the next segment may well work.
const FAILED_RETRY_S: u32 = 5;

/// An answer and how it is counted.
#[derive(Clone, Debug)]
pub struct Refused {
    pub reason: Reason,
    pub problem: Problem,
}

pub fn refuse(reason: Reason, status: StatusCode, detail: impl Into<String>) -> Refused {
    Refused {
        reason,
        problem: Problem::new(status, reason.name(), detail),
    }
}

/// More bytes than a request may have.
pub fn too_large() -> Refused {
    refuse(
        Reason::TooLarge,
        StatusCode::PAYLOAD_TOO_LARGE,
        format!(
            "one beacon has at most {} bytes decoded, a request at most {MAX_NDJSON_BYTES}",
            wire::limits::MAX_BEACON_BYTES
        ),
    )
}

/// The answer to a spool that does not take beacons.
pub fn unavailable(error: &AppendError) -> Refused {
    let (reason, retry_s) = match error {
        AppendError::Full | AppendError::DiskLow => (Reason::SpoolFull, FULL_RETRY_S),
        AppendError::PayloadSize | AppendError::Io(_) | AppendError::Closed => {
            (Reason::SpoolError, FAILED_RETRY_S)
        }
    };
    let detail = "beacons cannot be kept at the moment";
    let Refused { problem, .. } = refuse(reason, StatusCode::SERVICE_UNAVAILABLE, detail);
    Refused {
        reason,
        problem: problem.retry_after(retry_s),
    }
}

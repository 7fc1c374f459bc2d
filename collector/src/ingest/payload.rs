//! An accepted beacon as bytes in the spool: MessagePack, fields by position. JSON with its names took more than twice the space,
//! which is written, synced and read again, and five times as long to write.
//!
//! A new field goes to the end of its struct with `#[serde(default)]`; anything else is a new version beside the old ones, because a
//! spool must be readable after an upgrade.

use bytes::Bytes;

use super::Accepted;

/// The version byte of what [`encode`] writes.
pub const VERSION: u8 = 2;
/// JSON with names, as the first release wrote it.
const JSON_VERSION: u8 = 1;
/// What a usual beacon takes; a larger one grows.
const USUAL_BYTES: usize = 1536;

/// Bytes that are no accepted beacon.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("{0}")]
    MessagePack(#[from] rmp_serde::decode::Error),
    #[error("a payload of version {0}, which this program does not know")]
    Version(u8),
}

pub fn encode(accepted: &Accepted) -> Bytes {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    rmp_serde::encode::write(&mut bytes, accepted)
        .expect("strings, numbers and lists become MessagePack");
    bytes.into()
}

/// # Errors
/// [`Unreadable`]
pub fn decode(version: u8, bytes: &[u8]) -> Result<Accepted, Unreadable> {
    match version {
        JSON_VERSION => Ok(serde_json::from_slice(bytes)?),
        VERSION => Ok(rmp_serde::from_slice(bytes)?),
        other => Err(Unreadable::Version(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same beacon, with items of every kind, as each version writes it.
    const V1: &[u8] = include_bytes!("../../testdata/spool/payload-v1.json");
    const V2: &[u8] = include_bytes!("../../testdata/spool/payload-v2.msgpack");

    #[test]
    fn every_version_is_readable_for_ever() {
        let accepted = decode(1, V1).expect("is JSON");
        assert_eq!(accepted.beacon.measurements[0].value, 2412.5);
        assert_eq!(decode(2, V2).expect("is MessagePack"), accepted);
        assert_eq!(encode(&accepted), V2, "what is written now");
    }

    #[test]
    fn what_is_no_beacon_is_an_error() {
        for length in 0..V2.len() {
            assert!(decode(2, &V2[..length]).is_err(), "cut to {length}");
        }
        assert!(matches!(decode(9, V2), Err(Unreadable::Version(9))));
        assert!(matches!(decode(1, b"{}"), Err(Unreadable::Json(_))));
    }
}

//! The checkpoint: up to which record everything has been acknowledged, and how many of those were lost to damage.
//!
//! 36 bytes: magic "VSSPOOLC", version (u32), zero (u32), acked (u64), lost (u64), CRC32C of what precedes. Written to a
//! temporary file that replaces the old one, so it is whole or the one before.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::sync_dir;

const MAGIC: &[u8; 8] = b"VSSPOOLC";
const VERSION: u32 = 1;
const BYTES: usize = 36;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last acknowledged record; 0 before the first.
    pub acked: u64,
    /// Records up to `acked` that no longer existed when they were passed.
    pub lost: u64,
}

/// The checkpoint of `dir`; None when there is none or it is damaged. Then reading starts with the oldest record on disk, which
/// is harmless, because what follows the spool is idempotent.
///
/// # Errors
/// The file cannot be read.
pub fn load(dir: &Path) -> io::Result<Option<Checkpoint>> {
    match fs::read(dir.join("checkpoint")) {
        Ok(bytes) => Ok(decode(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces the checkpoint of `dir`, durably.
///
/// # Errors
/// The old one is still in place.
pub fn save(dir: &Path, checkpoint: Checkpoint) -> io::Result<()> {
    let temporary = dir.join("checkpoint.tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(&encode(checkpoint))?;
    file.sync_all()?;
    fs::rename(&temporary, dir.join("checkpoint"))?;
    sync_dir(dir)
}

fn encode(checkpoint: Checkpoint) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&checkpoint.acked.to_le_bytes());
    bytes.extend_from_slice(&checkpoint.lost.to_le_bytes());
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Checkpoint> {
    let word = |at: usize| -> Option<u64> {
        Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
    };
    let checkpoint = Checkpoint {
        acked: word(16)?,
        lost: word(24)?,
    };
    // One answer to "is it sound": it must be what we would have written.
    (bytes == encode(checkpoint)).then_some(checkpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_bit_and_any_cut_is_noticed() {
        let checkpoint = Checkpoint { acked: 7, lost: 1 };
        let bytes = encode(checkpoint);
        assert_eq!((bytes.len(), decode(&bytes)), (BYTES, Some(checkpoint)));
        for bit in 0..BYTES * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&flipped), None, "bit {bit}");
        }
        for length in 0..BYTES {
            assert_eq!(decode(&bytes[..length]), None, "length {length}");
        }
    }
}

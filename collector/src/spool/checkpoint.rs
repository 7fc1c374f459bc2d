//! The checkpoint: up to which record everything has been acknowledged, how many of those were lost to damage or set aside, and
//! which records behind them are sealed: about to be sent as one.
//!
//! Version 2, 84 bytes, little-endian: magic "VSSPOOLC", version (u32), zero (u32), acked (u64), lost (u64), set aside (u64), last
//! sealed record (u64, 0: none), hash of the seal (32 bytes), CRC32C of what precedes. Version 1 ended after `lost`, 36 bytes with
//! its CRC32C, and is still read. Written to a temporary file that replaces the old one, so it is whole or the one before.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::steps::Step;
use super::sync_dir;

const MAGIC: &[u8; 8] = b"VSSPOOLC";
const VERSION: u32 = 2;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last acknowledged record; 0 before the first.
    pub acked: u64,
    /// Records up to `acked` that no longer existed when they were passed.
    pub lost: u64,
    /// Records up to `acked` that the reader could not use and kept elsewhere.
    pub set_aside: u64,
    pub seal: Option<Seal>,
}

/// The records behind the acknowledged ones up to `last` go out as one, and what goes out has this hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    pub last: u64,
    /// The reader's own, over what it makes of the records.
    pub hash: [u8; 32],
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
    Step::CheckpointWritten.reach();
    fs::rename(&temporary, dir.join("checkpoint"))?;
    Step::CheckpointRenamed.reach();
    sync_dir(dir)?;
    Step::CheckpointDurable.reach();
    Ok(())
}

fn encode(checkpoint: Checkpoint) -> Vec<u8> {
    let (last, hash) = checkpoint
        .seal
        .map_or((0, [0; 32]), |seal| (seal.last, seal.hash));
    let mut bytes = head(VERSION, &checkpoint);
    bytes.extend_from_slice(&checkpoint.set_aside.to_le_bytes());
    bytes.extend_from_slice(&last.to_le_bytes());
    bytes.extend_from_slice(&hash);
    checksummed(bytes)
}

fn encode_v1(checkpoint: &Checkpoint) -> Vec<u8> {
    checksummed(head(1, checkpoint))
}

/// What both versions begin with.
fn head(version: u32, checkpoint: &Checkpoint) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&checkpoint.acked.to_le_bytes());
    bytes.extend_from_slice(&checkpoint.lost.to_le_bytes());
    bytes
}

fn checksummed(mut bytes: Vec<u8>) -> Vec<u8> {
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Checkpoint> {
    let word = |at: usize| -> Option<u64> {
        Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
    };
    let old = Checkpoint {
        acked: word(16)?,
        lost: word(24)?,
        ..Checkpoint::default()
    };
    // One answer to "is it sound": it must be what we would have written.
    if bytes == encode_v1(&old) {
        return Some(old);
    }
    let seal = Seal {
        last: word(40)?,
        hash: bytes.get(48..80)?.try_into().ok()?,
    };
    let checkpoint = Checkpoint {
        set_aside: word(32)?,
        seal: (seal.last > 0).then_some(seal),
        ..old
    };
    (bytes == encode(checkpoint)).then_some(checkpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKPOINT: Checkpoint = Checkpoint {
        acked: 7,
        lost: 1,
        set_aside: 2,
        seal: Some(Seal {
            last: 9,
            hash: [3; 32],
        }),
    };

    #[test]
    fn any_flipped_bit_and_any_cut_is_noticed() {
        let bytes = encode(CHECKPOINT);
        assert_eq!((bytes.len(), decode(&bytes)), (84, Some(CHECKPOINT)));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&flipped), None, "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length]), None, "length {length}");
        }
    }

    #[test]
    fn a_checkpoint_of_version_1_is_readable_for_ever() {
        let hex = "5653 5350 4f4f 4c43 0100 0000 0000 0000 0700 0000 0000 0000 0100 0000 0000 0000";
        let mut bytes: Vec<u8> = hex
            .split(' ')
            .flat_map(|pair| [&pair[..2], &pair[2..]])
            .map(|byte| u8::from_str_radix(byte, 16).expect("hex"))
            .collect();
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        let expected = Checkpoint {
            acked: 7,
            lost: 1,
            ..Checkpoint::default()
        };
        assert_eq!(decode(&bytes), Some(expected));
    }

    #[test]
    fn without_a_seal_there_is_none() {
        let checkpoint = Checkpoint {
            seal: None,
            ..CHECKPOINT
        };
        assert_eq!(decode(&encode(checkpoint)), Some(checkpoint));
    }
}

//! ClickHouse's compressed frames, as its HTTP interface takes them with `decompress=1`. The client crate makes the same, but only
//! while it sends; a block that waits for its turn or its next attempt is kept in this form, a fifth of its rows.
//!
//! ```text
//!  0 16  CityHash128 (version 1.0.2) of all that follows, the high half first
//! 16  1  0x82: LZ4, one block
//! 17  4  bytes from the 0x82 to the end of the frame
//! 21  4  bytes of the content
//! 25     the LZ4 block
//! ```
//! Source: "Compressed data" in ClickHouse's documentation of the native protocol. Little-endian.

use bytes::Bytes;
use lz4_flex::block;

const HASH_BYTES: usize = 16;
const META_BYTES: usize = HASH_BYTES + 9;
const LZ4: u8 = 0x82;

/// `content` is at most what a caller collects before it compresses, far below 4 GiB.
pub fn compress(content: &[u8]) -> Bytes {
    let mut frame = vec![0; META_BYTES + block::get_maximum_output_size(content.len())];
    let size = block::compress_into(content, &mut frame[META_BYTES..])
        .expect("there is room for the worst case");
    frame.truncate(META_BYTES + size);
    frame.shrink_to_fit();
    let length = |bytes: usize| u32::try_from(bytes).expect("a piece").to_le_bytes();
    let framed = length(frame.len() - HASH_BYTES);
    frame[HASH_BYTES] = LZ4;
    frame[17..21].copy_from_slice(&framed);
    frame[21..25].copy_from_slice(&length(content.len()));
    let hash = cityhash_rs::cityhash_102_128(&frame[HASH_BYTES..]);
    frame[..8].copy_from_slice(&((hash >> 64) as u64).to_le_bytes());
    frame[8..16].copy_from_slice(&(hash as u64).to_le_bytes());
    frame.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_holds_its_content_and_says_how_long_both_are() {
        for content in [&b""[..], b"a", &b"the same again ".repeat(10_000)] {
            let frame = compress(content);
            let number = |at: usize| {
                u32::from_le_bytes(frame[at..at + 4].try_into().expect("four bytes")) as usize
            };
            assert_eq!(number(17), frame.len() - HASH_BYTES);
            assert_eq!(number(21), content.len());
            let back = block::decompress(&frame[META_BYTES..], number(21)).expect("is LZ4");
            assert_eq!(back, content);
            assert!(frame.len() < META_BYTES + 16 + content.len() / 4);
        }
    }
}

//! Framing of segments over bytes: encode, decode, scan. Pure; the format is in the parent module.

use std::ops::{Range, RangeInclusive};

use super::MAX_PAYLOAD_BYTES;

pub const HEADER_BYTES: usize = 44;
pub const RECORD_HEADER_BYTES: usize = 28;
pub const FORMAT_VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"VSSPOOL\n";
const KIND_PAYLOAD: u8 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub segment: u64,
    pub first_record: u64,
    pub created_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// Too short, another magic, or its checksum is wrong.
    Damaged,
    /// Sound, but of a version this program does not read.
    Version(u32),
}

/// One record inside the bytes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'b> {
    pub number: u64,
    pub version: u8,
    pub at_ms: u64,
    pub payload: &'b [u8],
}

impl Frame<'_> {
    /// Size in the file.
    pub fn size(&self) -> usize {
        RECORD_HEADER_BYTES + self.payload.len()
    }
}

pub fn encode_header(header: &Header) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes[12..20].copy_from_slice(&header.segment.to_le_bytes());
    bytes[20..28].copy_from_slice(&header.first_record.to_le_bytes());
    bytes[28..36].copy_from_slice(&header.created_ms.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..40]);
    bytes[40..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// # Errors
/// See [`HeaderError`].
pub fn decode_header(bytes: &[u8]) -> Result<Header, HeaderError> {
    let bytes = bytes.get(..HEADER_BYTES).ok_or(HeaderError::Damaged)?;
    if &bytes[..8] != MAGIC || u32_at(bytes, 40) != crc32c::crc32c(&bytes[..40]) {
        return Err(HeaderError::Damaged);
    }
    match u32_at(bytes, 8) {
        FORMAT_VERSION => Ok(Header {
            segment: u64_at(bytes, 12),
            first_record: u64_at(bytes, 20),
            created_ms: u64_at(bytes, 28),
        }),
        version => Err(HeaderError::Version(version)),
    }
}

/// Appends one record to `out`. The payload's size is the caller's to check.
pub fn encode_record(out: &mut Vec<u8>, frame: &Frame<'_>) {
    assert!((1..=MAX_PAYLOAD_BYTES).contains(&frame.payload.len()));
    let start = out.len();
    out.extend_from_slice(&(frame.payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&[KIND_PAYLOAD, frame.version, 0, 0]);
    out.extend_from_slice(&frame.number.to_le_bytes());
    out.extend_from_slice(&frame.at_ms.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&out[start..]), frame.payload);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(frame.payload);
}

/// The record at the beginning of `bytes`, or None when what stands there is no whole, sound record.
pub fn decode_record(bytes: &[u8]) -> Option<Frame<'_>> {
    let head = bytes.get(..RECORD_HEADER_BYTES)?;
    let length = u32_at(head, 0) as usize;
    if !(1..=MAX_PAYLOAD_BYTES).contains(&length) || head[4] != KIND_PAYLOAD || head[6..8] != [0, 0]
    {
        return None;
    }
    let payload = bytes.get(RECORD_HEADER_BYTES..RECORD_HEADER_BYTES + length)?;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&head[..24]), payload);
    (crc == u32_at(head, 24)).then_some(Frame {
        number: u64_at(head, 8),
        version: head[5],
        at_ms: u64_at(head, 16),
        payload,
    })
}

/// Where records follow again after damage: the first offset from `from` on at which a sound record with a number of `expected`
/// or a little more begins. Each lost record took at least its header, so the number cannot run ahead of the bytes.
pub fn resync(bytes: &[u8], from: usize, expected: u64) -> Option<usize> {
    (from..bytes.len().saturating_sub(RECORD_HEADER_BYTES)).find(|&offset| {
        // Two cheap looks before the checksum, or a segment full of noise would cost its square.
        if bytes[offset + 4] != KIND_PAYLOAD || bytes[offset + 6..offset + 8] != [0, 0] {
            return false;
        }
        let ahead = ((offset - from) / RECORD_HEADER_BYTES + 1) as u64;
        let number = u64_at(bytes, offset + 8);
        (expected == 0 || (expected..=expected.saturating_add(ahead)).contains(&number))
            && decode_record(&bytes[offset..]).is_some()
    })
}

/// What a segment holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Runs of consecutive record numbers.
    pub runs: Vec<RangeInclusive<u64>>,
    /// Byte ranges in the middle that hold no sound record although one follows.
    pub damaged: Vec<Range<usize>>,
    /// End of the last sound record (of the header, when there is none).
    pub end: usize,
    /// Bytes behind `end` that are neither a record nor preallocated zeros.
    pub torn_bytes: usize,
    pub record_count: u64,
    pub oldest_ms: Option<u64>,
}

impl Scan {
    pub fn last_record(&self) -> Option<u64> {
        self.runs.last().map(|run| *run.end())
    }
}

/// Walks the records behind the header. `expected` is the number of the first record (0: unknown, as after a damaged header), and
/// records from `until` on belong to a failed commit and end the walk.
pub fn scan(bytes: &[u8], expected: u64, until: u64) -> Scan {
    let mut scan = Scan {
        end: HEADER_BYTES.min(bytes.len()),
        ..Scan::default()
    };
    let (mut offset, mut expected) = (scan.end, expected);
    while offset < bytes.len() {
        match decode_record(&bytes[offset..]).filter(|frame| frame.number >= expected) {
            Some(frame) if frame.number >= until => return scan,
            Some(frame) => {
                scan.add(&frame);
                offset += frame.size();
                scan.end = offset;
                expected = frame.number + 1;
            }
            None if bytes[offset..].iter().all(|&byte| byte == 0) => return scan,
            None => match resync(bytes, offset + 1, expected) {
                Some(next) => {
                    scan.damaged.push(offset..next);
                    offset = next;
                }
                None => {
                    scan.torn_bytes = bytes.len() - offset;
                    return scan;
                }
            },
        }
    }
    scan
}

impl Scan {
    fn add(&mut self, frame: &Frame<'_>) {
        self.record_count += 1;
        self.oldest_ms.get_or_insert(frame.at_ms);
        match self.runs.last_mut() {
            Some(run) if *run.end() + 1 == frame.number => *run = *run.start()..=frame.number,
            _ => self.runs.push(frame.number..=frame.number),
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

//! A segment file of the spool with any bytes in it: what the scan says must be true of them.
//! The first byte chooses between the bytes as they are and records made of them with one place overwritten.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vitalscope_fuzz::segment::{
    Frame, HEADER_BYTES, Header, decode_header, decode_record, encode_header, encode_record, scan,
};

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, rest)) = bytes.split_first() else {
        return;
    };
    if choice % 2 == 0 {
        check(rest, u64::from(choice / 2), u64::MAX);
    } else {
        written(choice, rest);
    }
});

/// Whole records come back as they were; after one broken place everything before it still does.
fn written(choice: u8, rest: &[u8]) {
    let header = Header {
        segment: 7,
        first_record: 100,
        created_ms: 5,
    };
    let mut file = encode_header(&header).to_vec();
    let payloads: Vec<&[u8]> = rest.chunks(usize::from(choice).max(3)).collect();
    let mut ends = vec![file.len()];
    for (number, payload) in (header.first_record..).zip(&payloads) {
        let frame = Frame {
            number,
            version: 1,
            at_ms: 5,
            payload,
        };
        encode_record(&mut file, &frame);
        ends.push(file.len());
    }
    assert_eq!(decode_header(&file), Ok(header));
    let whole = scan(&file, header.first_record, u64::MAX);
    assert_eq!(whole.record_count, payloads.len() as u64);
    assert_eq!((whole.end, whole.torn_bytes), (file.len(), 0));
    let place = usize::from(choice) * rest.len() % (file.len() - HEADER_BYTES + 1) + HEADER_BYTES;
    if let Some(byte) = file.get_mut(place) {
        *byte ^= choice | 1;
        let before = ends.iter().filter(|&&end| end <= place).count() - 1;
        let found = check(&file, header.first_record, u64::MAX);
        assert!(found >= before as u64, "{found} of {before} before {place}");
    }
}

/// Answers how many sound records there are.
fn check(bytes: &[u8], expected: u64, until: u64) -> u64 {
    let _ = decode_header(bytes);
    let scan = scan(bytes, expected, until);
    assert!(scan.end + scan.torn_bytes <= bytes.len().max(HEADER_BYTES));
    let mut last = None;
    let mut in_runs = 0u64;
    for run in &scan.runs {
        assert!(run.start() <= run.end());
        assert!(
            last.is_none_or(|last| last < *run.start()),
            "{:?}",
            scan.runs
        );
        last = Some(*run.end());
        in_runs += run.end() - run.start() + 1;
    }
    assert_eq!(in_runs, scan.record_count);
    let mut before = 0;
    for range in &scan.damaged {
        assert!(before <= range.start && range.start < range.end && range.end <= bytes.len());
        assert!(
            decode_record(&bytes[range.end..]).is_some(),
            "records follow"
        );
        before = range.end;
    }
    scan.record_count
}

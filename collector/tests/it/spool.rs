//! The spool against a model: whatever happens to the files, what comes out is what went in, in order, less what is reported.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use collector::spool::segment::{self, HEADER_BYTES, Header};
use collector::spool::{AppendError, Limits, OpenError, Reader, Record, Seal, Spool, inspect};
use futures_util::FutureExt;
use proptest::prelude::*;
use tempfile::TempDir;

const LIMITS: Limits = Limits {
    max_bytes: 1 << 20,
    segment_bytes: 400,
    min_free_bytes: 0,
    payload_version: 7,
};

/// Who waits for records that are thought lost waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);

fn open(dir: &Path) -> (Spool, Reader) {
    Spool::open(dir, LIMITS).expect("the spool opens")
}

async fn close(spool: Spool, reader: Reader) {
    drop(reader);
    spool.close().await;
}

/// Text that names its record, of a length that differs from its neighbours'.
fn payload(number: u64) -> Bytes {
    Bytes::from(format!(
        "record {number} {}",
        "x".repeat((number * 7 % 40) as usize)
    ))
}

/// All that can be read without waiting.
async fn drain(reader: &mut Reader) -> Vec<Record> {
    let mut records = Vec::new();
    while reader.unread() > 0 {
        records.extend(reader.read(3, 200).await.expect("segments can be read"));
    }
    records
}

fn check(records: &[Record], expected: impl IntoIterator<Item = u64>) {
    let expected: Vec<_> = expected
        .into_iter()
        .map(|number| Record {
            number,
            version: LIMITS.payload_version,
            payload: payload(number),
        })
        .collect();
    assert_eq!(records, expected);
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "segment"))
        .collect();
    files.sort();
    files
}

/// A closed spool with records 1 to `count`, and its directory.
async fn written(count: u64, limits: Limits) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (spool, reader) = Spool::open(dir.path(), limits).unwrap();
    for number in 1..=count {
        spool.append(vec![payload(number)]).await.unwrap();
    }
    close(spool, reader).await;
    dir
}

const ONE_SEGMENT: Limits = Limits {
    segment_bytes: 1 << 16,
    ..LIMITS
};

#[tokio::test]
async fn what_goes_in_comes_out_in_order_and_is_forgotten_after_the_ack() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, mut reader) = open(dir.path());
    for number in 1..=30 {
        spool.append(vec![payload(number)]).await.unwrap();
    }
    assert!(segments(dir.path()).len() > 3, "segments rotate");
    assert_eq!(spool.status().pending, 30);
    check(&drain(&mut reader).await, 1..=30);
    reader.acks().ack(20).await.unwrap();
    assert_eq!(spool.status().pending, 10);
    close(spool, reader).await;

    let (spool, mut reader) = open(dir.path());
    check(&drain(&mut reader).await, 21..=30);
    reader.acks().ack(30).await.unwrap();
    spool.append(vec![payload(31)]).await.unwrap();
    check(&drain(&mut reader).await, [31]);
    reader.acks().ack(31).await.unwrap();
    close(spool, reader).await;

    let (spool, mut reader) = open(dir.path());
    check(&drain(&mut reader).await, []);
    assert_eq!(
        (
            spool.status().acked,
            spool.status().lost,
            spool.status().bytes
        ),
        (31, 0, 0)
    );
    assert_eq!(segments(dir.path()), Vec::<PathBuf>::new());
    spool.append(vec![payload(32)]).await.unwrap();
    check(&drain(&mut reader).await, [32]);
}

#[tokio::test]
async fn a_cut_at_any_byte_costs_only_the_records_behind_it() {
    let dir = written(6, ONE_SEGMENT).await;
    let file = segments(dir.path()).remove(0);
    let whole = fs::read(&file).unwrap();
    let ends: Vec<_> = (1..=6)
        .scan(HEADER_BYTES, |end, number| {
            *end += segment::RECORD_HEADER_BYTES + payload(number).len();
            Some(*end)
        })
        .collect();
    assert_eq!(*ends.last().unwrap(), whole.len());
    for length in 0..=whole.len() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(file.file_name().unwrap()), &whole[..length]).unwrap();
        let survivors = ends.iter().filter(|&&end| end <= length).count() as u64;
        let (spool, mut reader) = open(dir.path());
        check(&drain(&mut reader).await, 1..=survivors);
        assert_eq!(
            spool.report().quarantined_segments,
            [0_u64; 0],
            "at {length}"
        );
        // The next record follows without a hole, now and after another start.
        spool.append(vec![payload(survivors + 1)]).await.unwrap();
        close(spool, reader).await;
        let (spool, mut reader) = open(dir.path());
        check(&drain(&mut reader).await, 1..=survivors + 1);
        assert_eq!(
            (spool.report().torn_bytes, spool.status().lost),
            (0, 0),
            "at {length}"
        );
        close(spool, reader).await;
    }
}

#[tokio::test]
async fn a_flipped_bit_at_any_byte_costs_one_record_at_most_and_is_reported() {
    let dir = written(5, ONE_SEGMENT).await;
    let file = segments(dir.path()).remove(0);
    let whole = fs::read(&file).unwrap();
    for at in 0..whole.len() {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(dir.path().join(file.file_name().unwrap()), &bytes).unwrap();
        let (spool, mut reader) = open(dir.path());
        let records = drain(&mut reader).await;
        let numbers: Vec<_> = records.iter().map(|record| record.number).collect();
        check(&records, numbers.clone());
        let missing = (1..=5).filter(|number| !numbers.contains(number)).count() as u64;
        let report = spool.report();
        let damaged = !report.quarantined_segments.is_empty();
        if at < HEADER_BYTES {
            assert!(damaged && missing == 0, "header byte {at}: {report:?}");
        } else {
            assert_eq!(missing, 1, "byte {at}: {report:?}");
            // The first record's loss shows as a hole only through the header; the last one looks like a torn end.
            assert!(damaged || report.torn_bytes > 0, "byte {at}: {report:?}");
            assert_eq!(report.lost_records, u64::from(damaged), "byte {at}");
        }
        if damaged {
            let copy = dir
                .path()
                .join("quarantine")
                .join(file.file_name().unwrap());
            assert_eq!(fs::read(copy).unwrap(), bytes, "the copy is what was found");
        }
        close(spool, reader).await;
        let (spool, mut reader) = open(dir.path());
        check(&drain(&mut reader).await, numbers.clone());
        assert_eq!(
            spool.report().quarantined_segments,
            [0_u64; 0],
            "mended once"
        );
        if let Some(&last) = numbers.last() {
            reader.acks().ack(last).await.unwrap();
            assert_eq!(
                spool.status().lost_acked,
                u64::from(damaged && at >= HEADER_BYTES)
            );
        }
        close(spool, reader).await;
    }
}

#[tokio::test]
async fn a_missing_segment_is_a_counted_loss() {
    let dir = written(30, LIMITS).await;
    let files = segments(dir.path());
    fs::remove_file(&files[1]).unwrap();
    let (spool, mut reader) = open(dir.path());
    let records = drain(&mut reader).await;
    let lost = 30 - records.len() as u64;
    assert!(lost > 0);
    assert_eq!(
        (spool.report().lost_records, spool.status().lost),
        (lost, lost)
    );
    assert_eq!(spool.status().pending, records.len() as u64);
    reader.acks().ack(30).await.unwrap();
    assert_eq!(
        (spool.status().lost_acked, spool.status().pending),
        (lost, 0)
    );
    close(spool, reader).await;
    let (spool, _reader) = open(dir.path());
    assert_eq!(spool.status().lost, lost, "the loss is remembered");
}

#[tokio::test]
async fn damage_that_appears_while_running_is_stepped_over_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, mut reader) = Spool::open(dir.path(), ONE_SEGMENT).unwrap();
    spool.append((1..=9).map(payload).collect()).await.unwrap();
    let file = segments(dir.path()).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    bytes[HEADER_BYTES + segment::RECORD_HEADER_BYTES] ^= 1;
    fs::write(&file, &bytes).unwrap();
    check(&drain(&mut reader).await, 2..=9);
    reader.acks().ack(9).await.unwrap();
    assert_eq!((spool.status().lost, spool.status().pending), (1, 0));
}

/// Longer than what is read at once.
#[tokio::test]
async fn a_long_stretch_of_damage_costs_no_record_behind_it() {
    const BYTES: usize = 100_000;
    let limits = Limits {
        max_bytes: 64 << 20,
        segment_bytes: 8 << 20,
        ..LIMITS
    };
    let dir = tempfile::tempdir().unwrap();
    let (spool, mut reader) = Spool::open(dir.path(), limits).unwrap();
    let payloads = (1..=40_u8).map(|number| Bytes::from(vec![number; BYTES]));
    spool.append(payloads.collect()).await.unwrap();
    let file = segments(dir.path()).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    let frame = segment::RECORD_HEADER_BYTES + BYTES;
    bytes[HEADER_BYTES + 4 * frame..HEADER_BYTES + 30 * frame].fill(0xff);
    fs::write(&file, &bytes).unwrap();
    let mut numbers = Vec::new();
    while numbers.last() != Some(&40) {
        let read = tokio::time::timeout(PATIENCE, reader.read(3, usize::MAX)).await;
        let records = read.expect("every record that is left is read").unwrap();
        numbers.extend(records.iter().map(|record| record.number));
    }
    let expected: Vec<u64> = (1..=4).chain(31..=40).collect();
    assert_eq!((numbers, spool.status().lost), (expected, 26));
}

#[tokio::test]
async fn a_damaged_checkpoint_only_reads_again() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, mut reader) = open(dir.path());
    for number in 1..=20 {
        spool.append(vec![payload(number)]).await.unwrap();
    }
    drain(&mut reader).await;
    reader.acks().ack(17).await.unwrap();
    close(spool, reader).await;
    fs::write(dir.path().join("checkpoint"), b"nonsense").unwrap();
    let (spool, mut reader) = open(dir.path());
    let records = drain(&mut reader).await;
    let first = records[0].number;
    assert!(
        first > 1 && first <= 18,
        "segments before {first} were gone"
    );
    check(&records, first..=20);
    assert!(spool.report().checkpoint_missing);
    assert_eq!(spool.status().lost, 0);
}

#[tokio::test]
async fn what_was_sealed_is_cut_the_same_after_a_restart() {
    let dir = written(20, LIMITS).await;
    let seal = Seal {
        last: 7,
        hash: [1; 32],
    };
    let (spool, reader) = open(dir.path());
    assert_eq!(reader.left_sealed(), None);
    reader.acks().seal(seal).await.unwrap();
    close(spool, reader).await;

    let (spool, mut reader) = open(dir.path());
    assert_eq!(reader.left_sealed(), Some(seal));
    let first = reader.read_until(7, 100, 1 << 20).await.unwrap();
    check(&first, 1..=7);
    assert!(
        reader.read_until(7, 100, 1 << 20).await.unwrap().is_empty(),
        "nothing is left up to there"
    );
    check(&reader.read(100, 1 << 20).await.unwrap(), 8..=20);
    let next = Seal {
        last: 12,
        hash: [2; 32],
    };
    reader.acks().advance(7, 2, Some(next)).await.unwrap();
    check(
        &reader
            .acks()
            .reread()
            .read_until(9, 100, 1 << 20)
            .await
            .unwrap(),
        8..=9,
    );
    assert_eq!((spool.status().acked, spool.status().set_aside), (7, 2));
    close(spool, reader).await;

    let (spool, reader) = open(dir.path());
    assert_eq!(reader.left_sealed(), Some(next));
    assert_eq!((spool.status().acked, spool.status().set_aside), (7, 2));
    reader.acks().ack(12).await.unwrap();
    assert_eq!(reader.left_sealed(), None, "it is done");
    close(spool, reader).await;
}

#[tokio::test]
async fn a_full_spool_refuses_and_takes_again_after_an_ack() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits {
        max_bytes: 2000,
        ..LIMITS
    };
    let (spool, mut reader) = Spool::open(dir.path(), limits).unwrap();
    let mut count = 0;
    let refusal = loop {
        match spool.append(vec![payload(count + 1)]).await {
            Ok(()) => count += 1,
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refusal, AppendError::Full);
    assert!(spool.status().bytes <= 2000);
    check(&drain(&mut reader).await, 1..=count);
    reader.acks().ack(count).await.unwrap();
    spool.append(vec![payload(count + 1)]).await.unwrap();
    check(&drain(&mut reader).await, [count + 1]);
}

#[tokio::test]
async fn a_low_disk_refuses_before_and_at_the_append() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits {
        min_free_bytes: u64::MAX,
        ..LIMITS
    };
    let (spool, _reader) = Spool::open(dir.path(), limits).unwrap();
    assert_eq!(spool.accepts(), Err(AppendError::DiskLow));
    let appended = spool.append(vec![payload(1)]).await;
    assert_eq!(appended, Err(AppendError::DiskLow));
    assert_eq!(spool.status().pending, 0);
}

#[tokio::test]
async fn empty_and_oversized_payloads_are_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _reader) = open(dir.path());
    let oversized = Bytes::from(vec![0; collector::spool::MAX_PAYLOAD_BYTES + 1]);
    for bad in [Bytes::new(), oversized] {
        let appended = spool.append(vec![payload(1), bad]).await;
        assert_eq!(appended, Err(AppendError::PayloadSize));
    }
    assert_eq!(spool.status().pending, 0);
}

#[tokio::test]
async fn a_second_opener_is_told_who_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let (_spool, _reader) = open(dir.path());
    let Err(OpenError::InUse { holder, .. }) = Spool::open(dir.path(), LIMITS) else {
        panic!("opened twice");
    };
    assert_eq!(holder, std::process::id().to_string());
    assert!(matches!(
        inspect::inspect(dir.path()),
        Err(OpenError::InUse { .. })
    ));
}

/// `testdata/spool/v1.segment` was written by another program from the format's description: segment 3, records 41 to 43, then
/// preallocated zeros. It must be readable for ever.
#[tokio::test]
async fn a_segment_of_version_1_is_readable_for_ever() {
    const GOLDEN: &[u8] = include_bytes!("../../testdata/spool/v1.segment");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("00000000000000000003.segment");
    fs::write(&file, GOLDEN).unwrap();
    let (spool, mut reader) = open(dir.path());
    let all_bytes: Vec<u8> = (0..=255).collect();
    let payloads = [
        b"{\"app\":\"shop\"}".as_slice(),
        "größe".as_bytes(),
        &all_bytes,
    ];
    let expected: Vec<_> = (41..)
        .zip(payloads)
        .map(|(number, payload)| Record {
            number,
            version: 1,
            payload: Bytes::copy_from_slice(payload),
        })
        .collect();
    assert_eq!(drain(&mut reader).await, expected);
    assert_eq!(
        fs::read(&file).unwrap(),
        GOLDEN[..GOLDEN.len() - 100],
        "zeros are no record"
    );
    let report = spool.report();
    assert_eq!((report.torn_bytes, report.lost_records), (0, 0));
    // And we write what that program writes.
    let mut ours = segment::encode_header(&Header {
        segment: 3,
        first_record: 41,
        created_ms: 1_763_683_200_123,
    })
    .to_vec();
    for record in &expected {
        let frame = segment::Frame {
            number: record.number,
            version: 1,
            at_ms: 1_763_683_200_000 + record.number,
            payload: &record.payload,
        };
        segment::encode_record(&mut ours, &frame);
    }
    assert_eq!(ours, GOLDEN[..GOLDEN.len() - 100]);
}

#[tokio::test]
async fn a_newer_format_is_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = segment::encode_header(&Header {
        segment: 1,
        first_record: 1,
        created_ms: 0,
    });
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..40]);
    bytes[40..].copy_from_slice(&crc.to_le_bytes());
    let file = dir.path().join("00000000000000000001.segment");
    fs::write(&file, bytes).unwrap();
    let opened = Spool::open(dir.path(), LIMITS);
    assert!(matches!(opened, Err(OpenError::Version { version: 2, .. })));
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[tokio::test]
async fn a_cancelled_read_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, mut reader) = open(dir.path());
    spool.append((1..=8).map(payload).collect()).await.unwrap();
    let mut records = Vec::new();
    for _ in 0..20 {
        // Polled once and given up, unless that was enough.
        let read = Box::pin(reader.read(1, 1)).now_or_never();
        records.extend(read.into_iter().flat_map(Result::unwrap));
        if reader.unread() == 0 {
            break;
        }
    }
    records.extend(drain(&mut reader).await);
    check(&records, 1..=8);
}

#[tokio::test]
async fn appenders_at_once_share_commits_and_keep_their_own_order() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, mut reader) = Spool::open(dir.path(), ONE_SEGMENT).unwrap();
    let appends = (0..50_u64).map(|task| {
        let spool = spool.clone();
        tokio::spawn(async move {
            for step in 0..4_u64 {
                let text = Bytes::from(format!("{task} {step}"));
                spool.append(vec![text]).await.unwrap();
            }
        })
    });
    for append in appends.collect::<Vec<_>>() {
        append.await.unwrap();
    }
    let records = drain(&mut reader).await;
    assert_eq!(records.len(), 200);
    let mut seen = [0_u64; 50];
    for (index, record) in records.iter().enumerate() {
        assert_eq!(record.number, index as u64 + 1);
        let text = std::str::from_utf8(&record.payload).unwrap();
        let (task, step) = text.split_once(' ').unwrap();
        let task: usize = task.parse().unwrap();
        assert_eq!(step, seen[task].to_string(), "order of one appender");
        seen[task] += 1;
    }
}

#[tokio::test]
async fn inspect_shows_and_repair_mends() {
    let dir = written(5, ONE_SEGMENT).await;
    let file = segments(dir.path()).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    bytes[HEADER_BYTES + 30] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let seen = inspect::inspect(dir.path()).unwrap();
    assert_eq!((seen.segments.len(), seen.segments[0].record_count), (1, 4));
    assert!(seen.segments[0].damaged_bytes > 0);
    assert_eq!(fs::read(&file).unwrap(), bytes, "looking changes nothing");
    let report = inspect::repair(dir.path()).unwrap();
    assert_eq!(
        (report.quarantined_segments, report.lost_records),
        (vec![1], 1)
    );
    assert_eq!(
        inspect::inspect(dir.path()).unwrap().segments[0].damaged_bytes,
        0
    );
}

/// One thing that can happen to a spool.
#[derive(Clone, Debug)]
enum Step {
    Append(u8),
    Read(u8),
    Ack(u8),
    Reopen,
    /// The process dies: what was written but not committed may be there in part.
    Crash {
        garbage: Vec<u8>,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..6_u8).prop_map(Step::Append),
        3 => (1..9_u8).prop_map(Step::Read),
        2 => any::<u8>().prop_map(Step::Ack),
        1 => Just(Step::Reopen),
        1 => proptest::collection::vec(any::<u8>(), 0..60).prop_map(|garbage| Step::Crash { garbage }),
    ];
    proptest::collection::vec(step, 1..40)
}

/// What a spool must do, in memory.
#[derive(Default)]
struct Model {
    appended: u64,
    read: u64,
    acked: u64,
}

async fn follow(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    let (mut spool, mut reader) = open(dir.path());
    for step in steps {
        match step {
            Step::Append(count) => {
                let numbers = model.appended + 1..=model.appended + u64::from(count);
                spool.append(numbers.map(payload).collect()).await.unwrap();
                model.appended += u64::from(count);
            }
            Step::Read(count) if model.read < model.appended => {
                let records = reader.read(usize::from(count), usize::MAX).await.unwrap();
                check(&records, model.read + 1..=model.read + records.len() as u64);
                assert!(!records.is_empty() && records.len() <= usize::from(count));
                model.read += records.len() as u64;
            }
            Step::Ack(part) if model.read > 0 => {
                let number = 1 + u64::from(part) % model.read;
                reader.acks().ack(number).await.unwrap();
                model.acked = model.acked.max(number);
            }
            Step::Read(_) | Step::Ack(_) => {}
            Step::Reopen | Step::Crash { .. } => {
                close(spool, reader).await;
                if let (Step::Crash { garbage }, Some(newest)) = (step, segments(dir.path()).last())
                {
                    let mut bytes = fs::read(newest).unwrap();
                    bytes.extend(garbage);
                    fs::write(newest, bytes).unwrap();
                }
                (spool, reader) = open(dir.path());
                model.read = model.acked;
            }
        }
        let status = spool.status();
        assert_eq!(
            (status.pending, status.lost),
            (model.appended - model.acked, 0)
        );
        assert_eq!(reader.unread(), model.appended - model.read);
    }
    check(&drain(&mut reader).await, model.read + 1..=model.appended);
}

/// Flips a bit in the payload of each of these records.
fn destroy(dir: &Path, lost: &BTreeSet<u64>) {
    for file in segments(dir) {
        let mut bytes = fs::read(&file).unwrap();
        let mut at = HEADER_BYTES;
        while let Some(frame) = bytes.get(at..).and_then(segment::decode_record) {
            let (number, size) = (frame.number, frame.size());
            if lost.contains(&number) {
                bytes[at + segment::RECORD_HEADER_BYTES] ^= 1;
            }
            at += size;
        }
        fs::write(&file, bytes).unwrap();
    }
}

/// Of records 1 to `count` some are destroyed while the spool is closed. What is sealed ends at `until`, and some are acknowledged,
/// with a restart after each time: nothing else is lost, and each loss is counted once.
async fn lose(count: u64, lost: BTreeSet<u64>, until: u64, acks: BTreeSet<u64>) {
    let dir = written(count, LIMITS).await;
    destroy(dir.path(), &lost);
    let left = |from: u64, to: u64| (from..=to).filter(|number| !lost.contains(number));
    let (mut spool, mut reader) = open(dir.path());
    let mut records = Vec::new();
    loop {
        let more = reader.read_until(until, 3, 200).await.unwrap();
        if more.is_empty() {
            break;
        }
        records.extend(more);
    }
    check(&records, left(1, until));
    check(&drain(&mut reader).await, left(until + 1, count));
    for ack in acks {
        reader.acks().ack(ack).await.unwrap();
        for is_opened_again in [false, true] {
            if is_opened_again {
                close(spool, reader).await;
                (spool, reader) = open(dir.path());
            }
            let status = spool.status();
            assert_eq!(
                (status.lost, status.lost_acked, status.pending),
                (
                    lost.len() as u64,
                    lost.range(..=ack).count() as u64,
                    left(ack + 1, count).count() as u64
                ),
                "after {ack}, opened again: {is_opened_again}"
            );
        }
        check(&drain(&mut reader).await, left(ack + 1, count));
    }
}

/// How many records, which of them are destroyed (nothing tells the last one from a commit that nobody was told of), where what is
/// sealed ends, what is acknowledged.
fn losses() -> impl Strategy<Value = (u64, BTreeSet<u64>, u64, BTreeSet<u64>)> {
    // Runs of neighbours, so that ends of segments and whole segments are among them.
    let runs = proptest::collection::vec((1..40_u64, 1..12_u64), 0..4);
    (20..40_u64, runs).prop_flat_map(|(count, runs)| {
        let runs = runs
            .into_iter()
            .flat_map(|(from, length)| from..from + length);
        let lost = runs.filter(|&number| number < count).collect();
        let acks = proptest::collection::btree_set(1..=count, 0..4);
        (Just(count), Just(lost), 1..=count, acks)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_spool_does_what_its_model_does(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(follow(steps));
    }

    #[test]
    fn damage_costs_what_it_hits_wherever_a_seal_or_an_ack_ends((count, lost, until, acks) in losses()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let losing = lose(count, lost, until, acks);
        let in_time = async { tokio::time::timeout(PATIENCE, losing).await };
        runtime.block_on(in_time).expect("every record that is left is read");
    }
}

//! What only a failing disk shows. Everything else about the spool is tested from outside, in `tests/it/spool.rs`.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

fn payload(text: &'static str) -> Vec<Bytes> {
    vec![Bytes::from_static(text.as_bytes())]
}

#[tokio::test]
async fn a_failed_commit_is_refused_and_its_segment_is_never_written_again() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let limits = Limits {
        min_free_bytes: 0,
        ..Limits::with_max_bytes(1 << 20)
    };
    let failing = Arc::new(AtomicBool::new(false));
    let fails = failing.clone();
    let sync = move |file: &File| match fails.load(Ordering::SeqCst) {
        true => Err(io::Error::other("the disk is on fire")),
        false => file.sync_data(),
    };
    let (spool, mut reader) =
        Spool::open_with(dir.path(), limits, Box::new(sync)).expect("the spool opens");
    spool.append(payload("kept")).await.expect("a sound disk");
    failing.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let refused = spool.append(payload("lost")).await;
        assert!(matches!(refused, Err(AppendError::Io(_))), "{refused:?}");
    }
    assert_eq!(spool.status().pending, 1, "what failed is not there");
    failing.store(false, Ordering::SeqCst);
    spool.append(payload("later")).await.expect("sound again");

    let records = reader.read(10, usize::MAX).await.expect("readable");
    let mut texts: Vec<_> = records
        .iter()
        .map(|record| record.payload.clone())
        .collect();
    if texts.len() < 2 {
        texts.extend(
            reader
                .read(10, usize::MAX)
                .await
                .expect("readable")
                .into_iter()
                .map(|record| record.payload),
        );
    }
    assert_eq!(texts, ["kept", "later"]);
    assert_eq!(segment_files(dir.path()).expect("listable").len(), 2);
    drop(reader);
    spool.close().await;

    // A commit that failed but reached the disk after all does not count: the next segment says where it begins.
    let first = &segment_files(dir.path()).expect("listable")[0].1;
    let mut bytes = std::fs::read(first).expect("readable");
    let frame = segment::Frame {
        number: 2,
        version: 1,
        at_ms: 0,
        payload: b"lost",
    };
    segment::encode_record(&mut bytes, &frame);
    std::fs::write(first, bytes).expect("writable");
    let (spool, mut reader) = Spool::open(dir.path(), limits).expect("the spool opens");
    assert_eq!((spool.status().pending, spool.status().lost), (2, 0));
    let mut texts = Vec::new();
    while reader.unread() > 0 {
        texts.extend(
            reader
                .read(10, usize::MAX)
                .await
                .expect("readable")
                .into_iter()
                .map(|record| record.payload),
        );
    }
    assert_eq!(texts, ["kept", "later"]);
}

#[test]
fn callers_of_several_runtimes_get_their_answers_each_in_his_own() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let limits = Limits {
        min_free_bytes: 0,
        ..Limits::with_max_bytes(1 << 20)
    };
    let (entered, entering) = std::sync::mpsc::channel();
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let sync = move |_: &File| {
        let _ = entered.send(());
        let _ = gate.recv(); // nobody sends: it waits until the sender is gone
        Err(io::Error::other("the disk is on fire"))
    };
    let (spool, _reader) =
        Spool::open_with(dir.path(), limits, Box::new(sync)).expect("the spool opens");
    let caller = || {
        let spool = spool.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let (told, telling) = std::sync::mpsc::channel();
            let tell = move |_: &AppendError| {
                let _ = told.send(thread::current().id());
            };
            let appended = spool.append_or_tell(payload("lost"), tell);
            let refused = runtime.expect("a runtime").block_on(appended);
            assert!(matches!(refused, Err(AppendError::Io(_))), "{refused:?}");
            assert_eq!(telling.recv(), Ok(thread::current().id()));
        })
    };
    let first = caller();
    entering.recv().expect("its round is at the disk");
    let others = [caller(), caller(), caller()];
    // They share the next round.
    while spool.requests.max_capacity() - spool.requests.capacity() < others.len() {
        thread::yield_now();
    }
    drop(go);
    for caller in [first].into_iter().chain(others) {
        caller.join().expect("it was answered");
    }
}

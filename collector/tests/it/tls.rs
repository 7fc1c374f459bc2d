//! A public listener that speaks TLS, in the real binary, with a real client that checks the certificate.

use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use http_body_util::Full;
use hyper::{Method, Request, Version, header};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::authority::{self, Authority, Pair};
use crate::engine;
use crate::serve::{Served, beacon, command, exchange, nowhere, started};

const LAST_YEAR: i32 = 2049;
const H2: &[u8] = b"h2";
const HTTP_1: &[u8] = b"http/1.1";

fn with_tls(data_dir: &Path, pair: &Pair) -> Command {
    let mut command = command(data_dir, &nowhere());
    command
        .env("VITALSCOPE_PUBLIC_TLS_CERTIFICATE", &pair.certificate)
        .env("VITALSCOPE_PUBLIC_TLS_KEY", &pair.key);
    command
}

fn public(served: &Served) -> SocketAddr {
    let rest = served.addresses["agent"]
        .strip_prefix("https://")
        .expect("the printed address names the scheme");
    rest.split_once('/').unwrap().0.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beacons_come_over_tls_in_both_versions_of_http() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let pair = authority.issue(dir.path(), &["localhost"], LAST_YEAR);
    let served = started(&mut with_tls(dir.path(), &pair));
    let address = public(&served);
    for (number, offered, version) in [
        (1, &[H2, HTTP_1][..], Version::HTTP_2),
        (2, &[HTTP_1], Version::HTTP_11),
        (3, &[], Version::HTTP_11),
    ] {
        let stream = authority.connect(address, offered).await.unwrap();
        let request = Request::builder()
            .method(Method::POST)
            .uri("https://localhost/v1/views/shop")
            .header(header::HOST, "localhost")
            .body(Full::from(beacon(number)));
        let (answer, _) = authority::send(stream, request.unwrap()).await;
        assert_eq!((answer.status().as_u16(), answer.version()), (204, version));
    }
    assert_eq!(served.count("spooled"), 3.0);
    // Somebody else's client: the certificate is not trusted, and the listener goes on.
    assert!(Authority::new().connect(address, &[]).await.is_err());
    // No TLS at all is closed, not answered in the clear.
    let mut plain = TcpStream::connect(address).unwrap();
    std::io::Write::write_all(&mut plain, b"GET /agent.js HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert!(served.end().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_certificate_is_shown_after_a_hangup_signal() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let pair = authority.issue(dir.path(), &["localhost"], LAST_YEAR);
    let served = started(&mut with_tls(dir.path(), &pair));
    let address = public(&served);
    let look = async || authority::shown(&authority.connect(address, &[]).await.unwrap());
    let first = look().await;
    let hang_up = || kill_process(Pid::from_child(&served.process), Signal::HUP).unwrap();
    // Broken files are left alone.
    let good = fs::read(&pair.certificate).unwrap();
    fs::write(&pair.certificate, "half a file").unwrap();
    hang_up();
    assert_eq!(look().await, first);
    fs::write(&pair.certificate, good).unwrap();

    authority.issue(dir.path(), &["localhost"], LAST_YEAR);
    hang_up();
    engine::eventually("the new certificate is shown", async || {
        (look().await != first).then_some(())
    })
    .await;
    assert!(served.end().success());
}

#[test]
fn a_hangup_signal_without_tls_ends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let served = crate::serve::serve(dir.path(), &nowhere());
    kill_process(Pid::from_child(&served.process), Signal::HUP).unwrap();
    assert_eq!(exchange("GET", &served.addresses["agent"], "").0, 200);
    assert!(served.end().success());
}

/// Half a handshake is cut off, and others are served meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_handshake_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let pair = authority.issue(dir.path(), &["localhost"], LAST_YEAR);
    let served = started(&mut with_tls(dir.path(), &pair));
    let address = public(&served);
    let mut stalled = TcpStream::connect(address).unwrap();
    std::io::Write::write_all(&mut stalled, &[0x16, 3, 1]).unwrap(); // a record's type and version, and no more
    assert!(authority.connect(address, &[]).await.is_ok());
    stalled
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let read = stalled.read(&mut [0]);
    assert!(matches!(read, Ok(0)), "closed by the collector: {read:?}");
    assert!(served.end().success());
}

/// A client that says nothing after its handshake gives its place back, whichever protocol it chose; so does one that says hello
/// in HTTP/2 and then nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_after_the_handshake_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let pair = authority.issue(dir.path(), &["localhost"], LAST_YEAR);
    let served = started(&mut with_tls(dir.path(), &pair));
    let address = public(&served);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let mut silent = Vec::new();
    for (offered, said) in [(H2, &b""[..]), (H2, preface), (HTTP_1, b""), (HTTP_1, b"P")] {
        let mut stream = authority.connect(address, &[offered]).await.unwrap();
        stream.write_all(said).await.unwrap();
        stream.flush().await.unwrap();
        silent.push(stream);
    }
    for mut stream in silent {
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        let ended = tokio::time::timeout(Duration::from_secs(40), ended).await;
        assert!(ended.is_ok(), "closed by the collector");
    }
    assert!(authority.connect(address, &[H2]).await.is_ok());
    assert!(served.end().success());
}

#[test]
fn a_missing_file_and_a_foreign_key_are_named_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let pair = authority.issue(dir.path(), &["localhost"], LAST_YEAR);
    let said = |pair: &Pair| {
        let mut command = with_tls(dir.path(), pair);
        let output = command.stderr(Stdio::piped()).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let missing = said(&Pair {
        certificate: dir.path().join("none.pem"),
        key: pair.key.clone(),
    });
    assert!(
        missing.contains("public.tls_certificate") && missing.contains("none.pem"),
        "{missing}"
    );
    let key = dir.path().join("old.pem");
    fs::copy(&pair.key, &key).unwrap();
    let renewed = authority.issue(dir.path(), &["localhost"], LAST_YEAR);
    let foreign = said(&Pair {
        certificate: renewed.certificate,
        key,
    });
    assert!(foreign.contains("does not belong"), "{foreign}");
}

//! What strangers may try with the public listener of the real binary. Each attack is refused or capped and counted, takes a bounded
//! amount of memory, and another client is served meanwhile; at every look the books balance.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use collector::store::Store;
use tempfile::TempDir;

use crate::engine;
use crate::serve::{self, Served, exchange, nowhere};

/// An honest client that waits longer than this has been kept out.
const PATIENCE: Duration = Duration::from_secs(20);
/// Largest growth under any attack: sixteen large bodies and what decompresses them, and the allocator's slack.
const MAX_GROWTH_BYTES: f64 = 150e6;
const RSS: &str = "process_resident_memory_bytes";
const HEAD: &str = "POST /v1/views/shop HTTP/1.1\r\nHost: x\r\n";

/// A collector under attack; ClickHouse is away, so that everything accepted stays in the spool.
struct Target {
    served: Served,
    _data: TempDir,
    rss_before: f64,
}

impl Target {
    fn new() -> Target {
        let data = tempfile::tempdir().expect("a temporary folder");
        let served = serve::serve(data.path(), &nowhere());
        assert_eq!(served.post(0), 204);
        let rss_before = served.scrape()[RSS];
        Target {
            served,
            _data: data,
            rss_before,
        }
    }

    fn host(&self) -> &str {
        let url = self.served.addresses["agent"].trim_start_matches("http://");
        url.split('/').next().expect("an authority")
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.host()).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("is a time");
        stream
    }

    /// Sends `bytes` as they are and returns the status of the answer; 0 when the connection was closed without one.
    fn send(&self, bytes: &[u8]) -> u16 {
        let mut stream = self.connect();
        // A refusal may come, and the connection end, while bytes are still being sent.
        let _ = stream.write_all(bytes);
        answer(&mut stream)
    }

    /// Runs `attack` on so many threads, while an honest client posts one beacon after the other.
    fn withstand(&self, threads: usize, attack: impl Fn(usize) + Sync) {
        let running = AtomicUsize::new(threads);
        let served = AtomicUsize::new(0);
        thread::scope(|scope| {
            for number in 0..threads {
                let (attack, running) = (&attack, &running);
                scope.spawn(move || {
                    let _ended = OnDrop(running);
                    attack(number);
                });
            }
            while running.load(Ordering::Relaxed) > 0 || served.load(Ordering::Relaxed) == 0 {
                let began = Instant::now();
                assert_eq!(self.served.post(1), 204, "an honest client is served");
                assert!(began.elapsed() < PATIENCE, "after {:?}", began.elapsed());
                served.fetch_add(1, Ordering::Relaxed);
            }
        });
        let growth = self.served.scrape()[RSS] - self.rss_before;
        let honest = served.into_inner();
        eprintln!(
            "grew by {:.1} MB, {honest} honest beacons meanwhile",
            growth / 1e6
        );
        assert!(growth < MAX_GROWTH_BYTES, "grew by {growth} bytes");
    }

    fn rejected(&self, reason: &str) -> f64 {
        self.served.scrape()[&format!("vitalscope_beacons_rejected_total{{reason=\"{reason}\"}}")]
    }

    fn traffic(&self, name: &str) -> f64 {
        self.served.scrape()[&format!("vitalscope_connections_{name}{{listener=\"public\"}}")]
    }
}

/// Counts a thread out, also when its assertion failed.
struct OnDrop<'c>(&'c AtomicUsize);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn answer(stream: &mut TcpStream) -> u16 {
    let mut head = Vec::new();
    let mut piece = [0; 512];
    while !head.windows(2).any(|pair| pair == b"\r\n") {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return 0,
            Ok(count) => head.extend_from_slice(&piece[..count]),
        }
    }
    let head = String::from_utf8_lossy(&head);
    let status = head.split(' ').nth(1).expect("a status line");
    status.parse().expect("a status")
}

fn post(headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut bytes = format!("{HEAD}{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n")
        .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).expect("memory");
    encoder.finish().expect("memory")
}

fn brotli(content: &[u8], window_bits: u32) -> Vec<u8> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 1, window_bits);
    encoder.write_all(content).expect("memory");
    encoder.into_inner()
}

fn beacon(number: usize, route: &str) -> String {
    let now_ms = collector::clock::now_ms();
    format!(
        "{{\"v\":1,\"view\":\"00000000-0000-4000-8000-{number:012}\",\"seq\":0,\"sent\":{now_ms},\"start\":{now_ms},\
         \"path\":\"/\",\"route\":\"{route}\",\"m\":[{{\"n\":\"LCP\",\"v\":1}}]}}"
    )
}

#[test]
fn bombs_in_every_codec_are_stopped_at_the_cap() {
    let target = Target::new();
    let zeros = vec![b' '; 200 << 20];
    let members = gzip(&zeros[..1 << 20]).repeat(100);
    let bombs = [
        post("Content-Encoding: gzip\r\n", &gzip(&zeros)),
        post("Content-Encoding: gzip\r\n", &members),
        post("Content-Encoding: br\r\n", &brotli(&zeros, 24)),
    ];
    drop(zeros);
    target.withstand(8, |_| {
        for bomb in &bombs {
            // 413, or 503 while sixteen others are that large.
            let status = target.send(bomb);
            assert!([413, 503].contains(&status), "{status}");
        }
    });
    let refused = target.rejected("too-large") + target.rejected("rate-limited");
    assert_eq!(refused, 24.0);
}

/// A window of 16 MiB is announced in the first byte; it must not be paid for before something is in it.
#[test]
fn announced_windows_take_no_memory() {
    let target = Target::new();
    let noise: Vec<u8> = (0..4_000_000_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .take(50_000)
        .collect();
    let whole = post("Content-Encoding: br\r\n", &brotli(&noise, 24));
    target.withstand(1, |_| {
        let held: Vec<_> = (0..200)
            .map(|_| {
                let mut stream = target.connect();
                let half = &whole[..whole.len() / 2];
                stream.write_all(half).expect("it reads");
                stream
            })
            .collect();
        assert_eq!(target.served.post(2), 204);
        let growth = target.served.scrape()[RSS] - target.rss_before;
        eprintln!("with all windows held: grew by {:.1} MB", growth / 1e6);
        assert!(growth < MAX_GROWTH_BYTES, "grew by {growth} bytes");
        drop(held);
    });
    wait_until("all are counted", || target.rejected("aborted") == 200.0);
}

#[test]
fn slow_heads_and_silence_are_cut_off() {
    let target = Target::new();
    target.withstand(1, |_| {
        let mut streams: Vec<_> = (0..300)
            .map(|number| {
                let mut stream = target.connect();
                let said: &[u8] = match number % 3 {
                    0 => b"",
                    1 => b"POST /v1/views/shop HTTP/1.1\r\nHost: x\r\nX-A: ",
                    _ => b"P",
                };
                stream.write_all(said).expect("it reads");
                stream
            })
            .collect();
        let began = Instant::now();
        for stream in &mut streams {
            assert_eq!(answer(stream), 0);
            assert!(began.elapsed() < PATIENCE, "after {:?}", began.elapsed());
        }
    });
    assert!(target.traffic("failed_total") >= 300.0);
    assert_eq!(target.traffic("open"), 0.0);
}

#[test]
fn slow_bodies_are_given_up_and_counted() {
    let target = Target::new();
    target.withstand(1, |_| {
        let mut streams: Vec<_> = (0..200)
            .map(|_| {
                let mut stream = target.connect();
                let head = format!("{HEAD}Content-Length: 1000\r\n\r\n{{\"v\":1,");
                stream.write_all(head.as_bytes()).expect("it reads");
                stream
            })
            .collect();
        for stream in &mut streams {
            assert_eq!(answer(stream), 408);
        }
    });
    assert_eq!(target.rejected("aborted"), 200.0);
}

/// Asks for more than the sockets hold and takes nothing.
#[test]
fn answers_that_nobody_reads_are_dropped() {
    let target = Target::new();
    let many = b"GET /schema/beacon-v1.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    target.withstand(1, |_| {
        let held: Vec<_> = (0..10)
            .map(|_| {
                let mut stream = target.connect();
                let pause = Some(Duration::from_millis(200));
                stream.set_write_timeout(pause).expect("is a time");
                while stream.write_all(&many).is_ok() {}
                stream
            })
            .collect();
        wait_until("all are cut off", || {
            target.traffic("failed_total") >= held.len() as f64
        });
    });
}

#[test]
fn a_flood_of_connections_keeps_nobody_out() {
    raise_file_limit();
    let target = Target::new();
    let flooded = AtomicBool::new(false);
    target.withstand(2, |number| {
        if number == 0 {
            // More than there are places: the rest waits in the kernel's queue.
            let silent: Vec<_> = (0..2_100)
                .map(|_| TcpStream::connect(target.host()))
                .collect();
            assert!(silent.iter().filter(|stream| stream.is_ok()).count() > 2_000);
            let open = target.traffic("open");
            assert!(open <= 2_048.0, "{open}");
            flooded.store(true, Ordering::Relaxed);
            // Held until each has been cut off.
            for mut stream in silent.into_iter().flatten() {
                let _ = stream.read(&mut [0]);
            }
        } else {
            wait_until("the flood has come", || flooded.load(Ordering::Relaxed));
            assert_eq!(target.served.post(3), 204);
        }
    });
}

#[test]
fn bodies_without_a_length_end_at_the_cap() {
    let target = Target::new();
    let mut chunked =
        format!("{HEAD}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    let chunk = vec![b' '; 1 << 16];
    for _ in 0..(12 << 20) / chunk.len() {
        chunked.extend_from_slice(b"10000\r\n");
        chunked.extend_from_slice(&chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    target.withstand(4, |_| assert_eq!(target.send(&chunked), 413));
    assert_eq!(target.rejected("too-large"), 4.0);
}

#[test]
fn deep_json_is_malformed_and_nothing_more() {
    let target = Target::new();
    let deep = |open: &str, levels: usize| open.repeat(levels);
    let nested = format!(
        "{{\"v\":1,\"context\":{{\"custom\":{}",
        deep("{\"a\":", 12_000)
    );
    target.withstand(4, |_| {
        for body in [deep("[", 60_000), deep("{\"a\":", 12_000), nested.clone()] {
            assert_eq!(target.send(&post("", body.as_bytes())), 400);
        }
        assert_eq!(target.send(&post("", deep("[", 100_000).as_bytes())), 413);
        let lines = format!("{}\n{}\n", deep("[", 60_000), deep("[", 100_000)).repeat(20);
        let ndjson = "Content-Type: application/x-ndjson\r\n";
        assert_eq!(target.send(&post(ndjson, lines.as_bytes())), 200);
    });
    assert_eq!(target.rejected("malformed"), 4.0 * (3.0 + 20.0));
    assert_eq!(target.rejected("too-large"), 4.0 * (1.0 + 20.0));
}

#[test]
fn floods_of_headers_are_refused_by_the_protocol() {
    let target = Target::new();
    let many: String = (0..2_000).map(|n| format!("X-{n}: a\r\n")).collect();
    let long = format!("X-Long: {}\r\n", "a".repeat(200_000));
    target.withstand(4, |_| {
        for headers in [&many, &long] {
            let status = target.send(&post(headers, b"{}"));
            assert!([431, 0].contains(&status), "{status}");
        }
    });
    let counts = target.served.scrape();
    assert_eq!(counts["vitalscope_beacons_in_flight"], 0.0);
    assert!(target.traffic("failed_total") >= 8.0);
}

/// Two lengths or two framings are how a request is smuggled past a proxy; HTTP/2 without TLS is not spoken.
#[test]
fn ambiguous_requests_and_http2_are_not_understood() {
    let target = Target::new();
    let body = beacon(1, "/");
    let length = body.len();
    for framing in [
        format!("Content-Length: {length}\r\nContent-Length: 3\r\n"),
        format!("Content-Length: {length}\r\nContent-Length: +{length}\r\n"),
        "Transfer-Encoding: chunked, identity\r\n".into(),
    ] {
        let request = format!("{HEAD}Connection: close\r\n{framing}\r\n{body}");
        let status = target.send(request.as_bytes());
        assert!([400, 0].contains(&status), "{framing}: {status}");
    }
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let status = target.send(preface);
    assert!([400, 505, 0].contains(&status), "{status}");
    assert_eq!(target.served.post(1), 204);
}

#[test]
fn invented_apps_get_no_room_beyond_a_thousand() {
    let target = Target::new();
    let answers = [AtomicUsize::new(0), AtomicUsize::new(0)];
    target.withstand(8, |thread| {
        for number in 0..200 {
            let app = format!("app-{thread}-{number}");
            let url = target.served.addresses["ingest"].replace("{app}", &app);
            match exchange("POST", &url, &beacon(number, "/")).0 {
                204 => answers[0].fetch_add(1, Ordering::Relaxed),
                401 => answers[1].fetch_add(1, Ordering::Relaxed),
                other => panic!("{other}"),
            };
        }
    });
    let [taken, refused] = answers.map(AtomicUsize::into_inner);
    // The honest client's app is the thousandth; threads that ask at once may each find the last place free.
    assert!((999..=1_007).contains(&taken), "{taken}");
    assert_eq!(target.rejected("unknown-app"), refused as f64);
}

/// Three thousand routes reach ClickHouse as two thousand and one, and a restart has not forgotten which.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invented_routes_end_in_one_bucket_also_after_a_restart() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let access = engine::access();
    let store = Store::new(access.clone());
    let served = serve::serve(data.path(), &access);
    let url = served.addresses["ingest"].replace("{app}", "shop");
    let lines: Vec<String> = (0..3_000)
        .map(|number| beacon(number, &format!("/{}", word(number))))
        .collect();
    assert_eq!(exchange("POST", &url, &lines.join("\n")).0, 204);
    let overflowed = "vitalscope_names_overflowed_total{kind=\"route\"}";
    assert_eq!(served.scrape()[overflowed], 1_000.0);
    engine::eventually("all are stored", async || {
        (served.count("stored_total") == 3_000.0).then_some(())
    })
    .await;
    let count = async |query: &str| -> u64 {
        let query = store.client().query(query);
        query.fetch_one().await.expect("ClickHouse answers")
    };
    let routes = "select uniqExact(route) from measurements";
    let other = "select count() from measurements where route = '/(other)'";
    assert_eq!((count(routes).await, count(other).await), (2_001, 1_000));
    engine::eventually("the rollups know them", async || {
        let known = "select uniqExact(route) from rollups where route != '*'";
        (count(known).await == 2_001).then_some(())
    })
    .await;
    assert!(served.end().success());

    let served = serve::serve(data.path(), &access);
    let url = served.addresses["ingest"].replace("{app}", "shop");
    let mut number = 5_000;
    engine::eventually("a new route goes to the bucket", async || {
        number += 1;
        let route = format!("/{}", word(number));
        assert_eq!(exchange("POST", &url, &beacon(number, &route)).0, 204);
        served.scrape().contains_key(overflowed).then_some(())
    })
    .await;
    let before = served.scrape()[overflowed];
    assert_eq!(
        exchange("POST", &url, &beacon(1, &format!("/{}", word(7)))).0,
        204
    );
    assert_eq!(served.scrape()[overflowed], before, "a known one does not");
    assert!(served.end().success());
}

/// A word of letters only, different for each number: digits would be taken for an identifier.
fn word(number: usize) -> String {
    let letter = |power| char::from(b'a' + (number / 26_usize.pow(power) % 26) as u8);
    (0..4).map(letter).collect()
}

/// Waits without an engine or a runtime.
fn wait_until(what: &str, mut look: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !look() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// This process holds the other ends of all connections.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("raising up to the maximum is allowed");
}

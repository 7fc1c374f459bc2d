//! The real binary: started, fed, killed, started again. What it answered 204 for reaches ClickHouse once, and its books balance
//! at every look.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use collector::store::{Access, Store};
use rustix::process::{Pid, Signal, kill_process};

use crate::engine;

/// An address where no ClickHouse is: port 1 is never bound.
const NOWHERE: &str = "http://127.0.0.1:1";

/// A running `vitalscope serve`; killed when dropped.
pub struct Served {
    pub process: Child,
    pub addresses: BTreeMap<String, String>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn command(data_dir: &Path, access: &Access) -> Command {
    vitalscope("serve", data_dir, access)
}

/// A command of the program, with this server as its own.
pub fn vitalscope(word: &str, data_dir: &Path, access: &Access) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitalscope"));
    command
        .arg(word)
        .current_dir(data_dir)
        .env("VITALSCOPE_DATA_DIR", data_dir)
        .env("VITALSCOPE_PUBLIC_LISTEN", "127.0.0.1:0")
        .env("VITALSCOPE_PRIVATE_LISTEN", "127.0.0.1:0")
        .env("VITALSCOPE_CLICKHOUSE_URL", &access.url)
        .env("VITALSCOPE_CLICKHOUSE_USER", &access.user)
        .env("VITALSCOPE_CLICKHOUSE_PASSWORD", &access.password)
        .env("VITALSCOPE_CLICKHOUSE_DATABASE", &access.database)
        .stdout(Stdio::piped());
    command
}

pub fn serve(data_dir: &Path, access: &Access) -> Served {
    started(&mut command(data_dir, access))
}

/// [`serve`] with a command of the test's own. Ready when every address has been printed, that of ClickHouse last.
pub fn started(command: &mut Command) -> Served {
    let mut process = command.spawn().expect("the binary starts");
    let out = process.stdout.take().expect("it is piped");
    let mut addresses = BTreeMap::new();
    for line in BufReader::new(out).lines() {
        let line = line.expect("text");
        let (name, address) = line.split_once(' ').expect("NAME http://…");
        addresses.insert(name.to_owned(), address.to_owned());
        if name == "clickhouse" {
            return Served { process, addresses };
        }
    }
    panic!("it ended before it was ready: {:?}", process.wait());
}

impl Served {
    pub fn post(&self, number: u64) -> u16 {
        let body = beacon(number);
        let address = self.addresses["ingest"].replace("{app}", "shop");
        exchange("POST", &address, &body).0
    }

    pub fn scrape(&self) -> BTreeMap<String, f64> {
        let (status, text) = exchange("GET", &self.addresses["metrics"], "");
        assert_eq!(status, 200);
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let samples: BTreeMap<_, _> = samples
            .map(|line| line.rsplit_once(' ').expect("name and value"))
            .map(|(name, value)| (name.to_owned(), value.parse().expect("a number")))
            .collect();
        let get = |name: &str| samples[&format!("vitalscope_beacons_{name}")];
        let rejected: f64 = samples
            .iter()
            .filter(|(name, _)| name.starts_with("vitalscope_beacons_rejected_total"))
            .map(|(_, count)| count)
            .sum();
        assert_eq!(
            get("received_total"),
            rejected + get("stored_total") + get("spooled") + get("in_flight"),
            "the books balance"
        );
        samples
    }

    pub fn count(&self, name: &str) -> f64 {
        self.scrape()[&format!("vitalscope_beacons_{name}")]
    }

    /// Asked to end, as by an operator.
    pub fn end(mut self) -> ExitStatus {
        let pid = Pid::from_child(&self.process);
        kill_process(pid, Signal::TERM).expect("it runs");
        self.process.wait().expect("it ends")
    }
}

/// A page view of its own with one LCP.
pub fn beacon(number: u64) -> String {
    let now_ms = collector::clock::now_ms();
    format!(
        "{{\"v\":1,\"view\":\"00000000-0000-4000-8000-{number:012}\",\"seq\":0,\"sent\":{now_ms},\"start\":{now_ms},\
         \"path\":\"/\",\"m\":[{{\"n\":\"LCP\",\"v\":{number}}}]}}"
    )
}

/// Status and body of one request.
pub fn exchange(method: &str, url: &str, body: &str) -> (u16, String) {
    let rest = url.strip_prefix("http://").expect("an HTTP address");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut stream = TcpStream::connect(host).expect("it listens");
    write!(
        stream,
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
    let status = head.split(' ').nth(1).expect("a status line");
    (status.parse().expect("a status"), body.to_owned())
}

pub fn nowhere() -> Access {
    Access {
        url: NOWHERE.into(),
        database: "vitalscope".into(),
        user: String::new(),
        password: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beacons_outlive_an_absent_clickhouse_and_a_killed_collector() {
    let data = tempfile::tempdir().unwrap();
    let served = serve(data.path(), &nowhere());
    for number in 1..=5 {
        assert_eq!(served.post(number), 204);
    }
    assert_eq!(
        exchange(
            "POST",
            &served.addresses["ingest"].replace("{app}", "shop"),
            "{"
        )
        .0,
        400
    );
    assert_eq!(
        (served.count("spooled"), served.count("received_total")),
        (5.0, 6.0)
    );
    drop(served); // kill -9

    let served = serve(data.path(), &nowhere());
    assert_eq!(served.count("spooled"), 5.0, "nothing acknowledged is lost");
    assert_eq!(served.post(6), 204);
    assert_eq!(
        exchange(
            "POST",
            &served.addresses["ingest"].replace("{app}", "shop"),
            "{"
        )
        .0,
        400
    );
    assert!(served.end().success());

    let access = engine::access();
    let store = Store::new(access.clone());
    let served = serve(data.path(), &access);
    engine::eventually("the spool is drained", async || {
        (served.count("spooled") == 0.0).then_some(())
    })
    .await;
    let scrape = served.scrape();
    assert_eq!(scrape["vitalscope_beacons_stored_total"], 6.0);
    assert_eq!(
        scrape["vitalscope_beacons_rejected_total{reason=\"malformed\"}"], 1.0,
        "what an orderly end wrote down"
    );
    assert!(served.end().success());
    let query = "select toUInt64(count()), toFloat64(sum(value)) from measurements";
    let (rows, sum): (u64, f64) = store.client().query(query).fetch_one().await.unwrap();
    assert_eq!((rows, sum), (6, 21.0), "each beacon once");
}

/// The same page view twice, under two names: as values from the agent, and as raw entries.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raw_entries_give_the_rows_that_the_agents_own_values_give() {
    const RAW: &str = include_str!("../../../crates/wire/testdata/v1/raw.json");
    const MEASURED: &str = include_str!("../../../crates/wire/testdata/v1/raw-measured.json");
    let data = tempfile::tempdir().unwrap();
    let access = engine::access();
    let store = Store::new(access.clone());
    let served = serve(data.path(), &access);
    let address = served.addresses["ingest"].replace("{app}", "shop");
    let (name, other_name) = ("-dc0c0c073990", "-dc0c0c073991");
    for body in [RAW, &MEASURED.replace(name, other_name)] {
        assert_eq!(exchange("POST", &address, body), (204, String::new()));
    }
    engine::eventually("both are stored", async || {
        (served.count("stored_total") == 2.0).then_some(())
    })
    .await;
    assert!(served.end().success());
    let rows = async |of: &str, columns: &str, view: &str| -> Vec<String> {
        let query = format!(
            "select toString(tuple({columns})) from {of} where toString(view_id) like '%{view}' order by 1"
        );
        store.client().query(&query).fetch_all().await.unwrap()
    };
    let columns = "vital, value, bucket, rating, attribution, app, environment, release, route, path, session_id, \
        navigation_type, device, connection, stratum";
    let raw = rows("measurements", columns, name).await;
    assert_eq!(raw, rows("measurements", columns, other_name).await);
    assert_eq!(raw.len(), 7);
    assert!(
        raw[3].contains("INP") && raw[3].contains("shop.js"),
        "{raw:?}"
    );
    let columns = "navigation_type, interactions, interactions_seen, entries_dropped, beacons, load_ms, session_id, stratum";
    let raw = rows("page_views", columns, name).await;
    assert_eq!(raw, rows("page_views", columns, other_name).await);
    for (view, expected) in [(name, "('collector')"), (other_name, "('wasm')")] {
        for of in ["measurements", "page_views"] {
            let engines = rows(of, "engine", view).await;
            assert!(
                engines.iter().all(|engine| engine == expected),
                "{engines:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_end_stores_what_was_taken() {
    let data = tempfile::tempdir().unwrap();
    let access = engine::access();
    let store = Store::new(access.clone());
    let served = serve(data.path(), &access);
    // Before the schema is there, an end leaves everything in the spool.
    assert_eq!(served.post(1), 204);
    engine::eventually("the first beacon is stored", async || {
        (served.count("stored_total") == 1.0).then_some(())
    })
    .await;
    for number in 2..=20 {
        assert_eq!(served.post(number), 204);
    }
    assert!(served.end().success());
    let query = "select toUInt64(count()) from page_views";
    let rows: u64 = store.client().query(query).fetch_one().await.unwrap();
    assert_eq!(rows, 20);
}

#[test]
fn a_taken_port_and_a_second_collector_are_named() {
    let data = tempfile::tempdir().unwrap();
    let served = serve(data.path(), &nowhere());
    let said = |command: &mut Command| {
        let output = command.stderr(Stdio::piped()).output().expect("it starts");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let taken = served.addresses["dashboard"]
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let second = said(&mut command(data.path(), &nowhere()));
    assert!(
        second.contains(&format!("process {}", served.process.id())),
        "{second}"
    );
    let elsewhere = tempfile::tempdir().unwrap();
    let port = said(command(elsewhere.path(), &nowhere()).env("VITALSCOPE_PRIVATE_LISTEN", taken));
    assert!(
        port.contains("private.listen") && port.contains(taken),
        "{port}"
    );
    let open =
        said(command(elsewhere.path(), &nowhere()).env("VITALSCOPE_PRIVATE_LISTEN", "0.0.0.0:0"));
    assert!(open.contains("private.token"), "{open}");
}

//! The programs that are measured: nginx, the collector, the load generator. Each is ended when its value is dropped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use collector::loadgen::books::Books;
use collector::store::Access;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::database::Database;

const PROGRAM: &str = env!("CARGO_BIN_EXE_vitalscope");
const START_TIME: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// nginx with a bare 204 for everything.
pub struct Nginx {
    pub ingest: String,
    process: Child,
}

impl Nginx {
    pub fn start(folder: &Path) -> anyhow::Result<Nginx> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = folder.join("nginx");
        std::fs::create_dir_all(&folder)?;
        let config = folder.join("nginx.conf");
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {name};\n"))
            .concat();
        std::fs::write(
            &config,
            format!(
                "worker_processes auto;\npid nginx.pid;\nerror_log error.log;\nevents {{ worker_connections 2048; }}\n\
                 http {{\n{temporary}access_log off;\nkeepalive_requests 1000000000;\n\
                 server {{ listen 127.0.0.1:{port}; location / {{ return 204; }} }}\n}}\n"
            ),
        )?;
        let process = Command::new("nginx")
            .arg("-p")
            .arg(&folder)
            .args(["-e", "error.log", "-g", "daemon off;", "-c"])
            .arg(&config)
            .spawn()
            .context("nginx: apt-get install nginx-light")?;
        let nginx = Nginx {
            ingest: format!("http://127.0.0.1:{port}/v1/views/{{app}}"),
            process,
        };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(began.elapsed() < START_TIME, "nginx does not listen");
            std::thread::sleep(POLL);
        }
        Ok(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked, not killed: its workers end with it.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
    }
}

/// A running `vitalscope serve`.
pub struct Collector {
    pub ingest: String,
    pub metrics: String,
    process: Child,
}

impl Collector {
    /// Over `data`, with ClickHouse at `url`; returns when it takes beacons.
    pub fn start(data: &Path, url: &str, access: Option<&Access>) -> anyhow::Result<Collector> {
        std::fs::create_dir_all(data)?;
        let mut command = Command::new(PROGRAM);
        command
            .arg("serve")
            .current_dir(data)
            .env("VITALSCOPE_DATA_DIR", data)
            .env("VITALSCOPE_LOG", "error")
            .env("VITALSCOPE_PUBLIC_LISTEN", "127.0.0.1:0")
            .env("VITALSCOPE_PRIVATE_LISTEN", "127.0.0.1:0")
            .env("VITALSCOPE_CLICKHOUSE_URL", url)
            .stdout(Stdio::piped());
        if let Some(access) = access {
            command
                .env("VITALSCOPE_CLICKHOUSE_USER", &access.user)
                .env("VITALSCOPE_CLICKHOUSE_PASSWORD", &access.password)
                .env("VITALSCOPE_CLICKHOUSE_DATABASE", &access.database);
        }
        let mut process = command.spawn()?;
        let out = process.stdout.take().context("it is piped")?;
        let (mut ingest, mut metrics) = (String::new(), String::new());
        for line in BufReader::new(out).lines() {
            let line = line?;
            match line.split_once(' ') {
                Some(("ingest", address)) => ingest = address.into(),
                Some(("metrics", address)) => metrics = address.into(),
                Some(("clickhouse", _)) => break, // the last line
                _ => {}
            }
        }
        ensure!(!metrics.is_empty(), "the collector ended at its start");
        Ok(Collector {
            ingest,
            metrics,
            process,
        })
    }

    pub fn books(&self) -> anyhow::Result<Books> {
        Books::parse(&get(&self.metrics)?)
    }

    /// Waits until the spool is empty; returns how many beacons are stored.
    pub fn drained(&self, limit: Duration) -> anyhow::Result<u64> {
        let began = Instant::now();
        loop {
            let books = self.books()?;
            if books.spooled == 0 {
                return Ok(books.stored);
            }
            ensure!(
                began.elapsed() < limit,
                "the spool does not drain: {books:?}"
            );
            std::thread::sleep(POLL);
        }
    }

    /// The most memory it ever had, in MB.
    pub fn peak_rss_mb(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kib: f64 = line
            .and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
            .context("no VmHWM")?;
        Ok(kib * 1024.0 / 1e6)
    }

    pub fn cpu_ms(&self) -> anyhow::Result<f64> {
        cpu_ms(self.process.id())
    }

    /// Asks for the end and waits for it.
    pub fn stop(mut self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.process), Signal::TERM)?;
        ensure!(self.process.wait()?.success(), "the collector failed");
        Ok(())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A data folder with a copy of the spool of another.
pub fn refilled(from: &Path) -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let spool = folder.path().join("spool");
    std::fs::create_dir_all(&spool)?;
    for entry in std::fs::read_dir(from.join("spool"))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), spool.join(entry.file_name()))?;
        }
    }
    Ok(folder)
}

/// Processor time of a process so far, user and system.
pub fn cpu_ms(pid: u32) -> anyhow::Result<f64> {
    /// The kernel counts in these, on every Linux of today.
    const TICK_MS: f64 = 10.0;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = stat.rsplit_once(')').context("no name")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) * TICK_MS)
}

/// What the load generator saw.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub acked: u64,
    pub acked_per_s: f64,
    pub beacon_bytes: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// A load whose rows were waited for and compared.
pub struct Checked {
    pub load: Load,
    pub until_queryable_s: f64,
    pub exact: bool,
    pub verdict: String,
}

/// As fast as answers come, or `rate` beacons a second.
pub fn load(
    ingest: &str,
    rate: Option<u32>,
    connections: u32,
    seconds: u64,
) -> anyhow::Result<Load> {
    let mut command = loadgen(ingest, connections, seconds);
    match rate {
        Some(rate) => command.args(["--rate", &rate.to_string()]),
        None => command.arg("--max"),
    };
    read(&run(&mut command)?)
}

/// As fast as answers come; then waits for the rows and compares each with what was acknowledged.
pub fn load_and_check(
    collector: &Collector,
    database: &Database,
    access: &Access,
    connections: u32,
    seconds: u64,
) -> anyhow::Result<Checked> {
    let mut command = loadgen(&collector.ingest, connections, seconds);
    command
        .args([
            "--max",
            "--drain-seconds",
            "600",
            "--metrics",
            &collector.metrics,
        ])
        .args(["--clickhouse", &database.url()])
        .args(["--clickhouse-user", &access.user])
        .args(["--clickhouse-password", &access.password])
        .env("VITALSCOPE_CLICKHOUSE_DATABASE", &access.database);
    let summary = run(&mut command)?;
    let drain_s = summary["books"]["drain_seconds"]
        .as_f64()
        .context("books")?;
    let load_s = summary["seconds"].as_f64().context("seconds")?;
    let failures = summary["failures"].as_array().context("failures")?;
    Ok(Checked {
        load: read(&summary)?,
        until_queryable_s: load_s + drain_s,
        exact: failures.is_empty(),
        verdict: match failures.first() {
            None => "yes".into(),
            Some(first) => format!("NO, {first}"),
        },
    })
}

fn loadgen(ingest: &str, connections: u32, seconds: u64) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(["loadgen", ingest, "--json"])
        .args(["--connections", &connections.to_string()])
        .args(["--seconds", &seconds.to_string()]);
    command
}

fn run(command: &mut Command) -> anyhow::Result<Value> {
    let output = command.stderr(Stdio::inherit()).output()?;
    serde_json::from_slice(&output.stdout).context("the load generator failed")
}

fn read(summary: &Value) -> anyhow::Result<Load> {
    let number = |value: &Value| value.as_f64().context("the load generator's summary");
    Ok(Load {
        acked: number(&summary["acked_beacons"])? as u64,
        acked_per_s: number(&summary["acked_per_s"])?,
        beacon_bytes: number(&summary["mean_beacon_bytes"])?,
        p50_ms: number(&summary["latency_ms"]["p50"])?,
        p99_ms: number(&summary["latency_ms"]["p99"])?,
    })
}

/// The body of a small page on this machine.
fn get(url: &str) -> anyhow::Result<String> {
    let rest = url.strip_prefix("http://").context("an HTTP address")?;
    let (host, path) = rest.split_once('/').context("a path")?;
    let mut stream = TcpStream::connect(host)?;
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.into()),
        _ => bail!("{url} answers {:?}", answer.lines().next()),
    }
}

//! The collector under test: the real binary, in a data folder that outlives it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use collector::clock::OFFSET_VARIABLE;
use collector::spool::steps;
use collector::store::Access;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::ports;

/// With a spool of a few MB it is there in a tenth of a second; a machine under load takes its time.
const START_TIME: Duration = Duration::from_secs(30);
/// The collector gives requests 10 s and the drain 20 s.
const END_TIME: Duration = Duration::from_secs(45);
/// The smallest that is allowed, so that segments are full after seconds and a long outage fills the spool.
pub const SPOOL_BYTES: u64 = 64 * 1024 * 1024;

pub struct Subject {
    pub data_dir: PathBuf,
    access: Access,
    public_port: u16,
    private_port: u16,
    process: Option<Child>,
    /// Of the next start.
    pub clock_offset_ms: i64,
    pub starts: u64,
    /// The largest resident set of any of its lives.
    pub peak_rss_kb: u64,
}

impl Subject {
    pub fn new(data_dir: PathBuf, access: Access) -> anyhow::Result<Subject> {
        Ok(Subject {
            data_dir,
            access,
            public_port: ports::free(),
            private_port: ports::free(),
            process: None,
            clock_offset_ms: 0,
            starts: 0,
            peak_rss_kb: 0,
        })
    }

    pub fn ingest_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.public_port)
    }

    pub fn metrics_url(&self) -> String {
        format!("http://127.0.0.1:{}/metrics", self.private_port)
    }

    pub fn spool_dir(&self) -> PathBuf {
        self.data_dir.join("spool")
    }

    pub fn log_path(&self) -> PathBuf {
        self.data_dir.join("collector.log")
    }

    /// Starts it and waits until it takes beacons.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        match self.start_with("").await? {
            None => Ok(()),
            Some(status) => bail!("the collector ends while it starts: {status}"),
        }
    }

    /// Starts it with a crash point. None: it takes beacons; else it has crashed on the way, as it was told to.
    pub async fn start_to_crash(&mut self, at: &str) -> anyhow::Result<Option<ExitStatus>> {
        self.start_with(at).await
    }

    async fn start_with(&mut self, crash_at: &str) -> anyhow::Result<Option<ExitStatus>> {
        assert!(self.process.is_none(), "one collector at a time");
        self.starts += 1;
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())?;
        let mut process = Command::new(env!("CARGO_BIN_EXE_vitalscope"))
            .arg("serve")
            .current_dir(&self.data_dir)
            .env("VITALSCOPE_DATA_DIR", &self.data_dir)
            .env(
                "VITALSCOPE_PUBLIC_LISTEN",
                format!("127.0.0.1:{}", self.public_port),
            )
            .env(
                "VITALSCOPE_PRIVATE_LISTEN",
                format!("127.0.0.1:{}", self.private_port),
            )
            .env("VITALSCOPE_CLICKHOUSE_URL", &self.access.url)
            .env("VITALSCOPE_CLICKHOUSE_USER", &self.access.user)
            .env("VITALSCOPE_CLICKHOUSE_PASSWORD", &self.access.password)
            .env("VITALSCOPE_CLICKHOUSE_DATABASE", &self.access.database)
            .env("VITALSCOPE_SPOOL_MAX_BYTES", SPOOL_BYTES.to_string())
            .env(OFFSET_VARIABLE, self.clock_offset_ms.to_string())
            .env(steps::VARIABLE, crash_at)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let out = process.stdout.take().expect("it is piped");
        self.process = Some(process);
        let (ready, is_ready) = oneshot::channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(out).lines();
            // The last address that it prints.
            if lines.any(|line| line.is_ok_and(|line| line.starts_with("clickhouse "))) {
                let _ = ready.send(());
            }
        });
        match timeout(START_TIME, is_ready).await {
            Ok(Ok(())) => Ok(None),
            Ok(Err(_)) => Ok(Some(
                self.ended_within(START_TIME)
                    .await?
                    .context("it closes its output and lives on")?,
            )),
            Err(_) => bail!(
                "the collector does not start within {} s",
                START_TIME.as_secs()
            ),
        }
    }

    /// How it ended, if it does so in time.
    pub async fn ended_within(&mut self, limit: Duration) -> anyhow::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.has_ended()? {
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// How it ended, if it has.
    pub fn has_ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        let Some(process) = &mut self.process else {
            return Ok(None);
        };
        let status = process.try_wait()?;
        if status.is_some() {
            self.process = None;
        }
        Ok(status)
    }

    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.note_rss();
        let Some(mut process) = self.process.take() else {
            return Ok(());
        };
        process.kill()?;
        let status = process.wait()?;
        if status.signal() != Some(9) {
            bail!("the collector ended by itself before it was killed: {status}");
        }
        Ok(())
    }

    /// Asked to end, as by an operator; it must do so in time and without complaint.
    pub async fn end(&mut self) -> anyhow::Result<()> {
        self.note_rss();
        let process = self.process.as_ref().context("it runs")?;
        kill_process(Pid::from_child(process), Signal::TERM)?;
        match self.ended_within(END_TIME).await? {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("an orderly end is {status}"),
            None => bail!("an orderly end takes longer than {} s", END_TIME.as_secs()),
        }
    }

    pub fn note_rss(&mut self) {
        let Some(process) = &self.process else { return };
        let status = fs::read_to_string(format!("/proc/{}/status", process.id()));
        let peak = status.ok().and_then(|status| {
            let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
            line.split_whitespace().nth(1)?.parse().ok()
        });
        self.peak_rss_kb = self.peak_rss_kb.max(peak.unwrap_or(0));
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.kill(); // whatever it says, it is over
    }
}

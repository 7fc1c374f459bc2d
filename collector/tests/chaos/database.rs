//! ClickHouse as a process of its own, without a supervisor: this harness decides when it lives.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use collector::embedded::{self, Launch, Options, Running};
use collector::store::Access;
use rustix::process::{Pid, Signal, kill_process};

use crate::ports;

/// The engine reads a library of half a GB; a machine under load takes its time.
const START_TIME: Duration = Duration::from_secs(90);

pub struct Database {
    launch: Launch,
    running: Option<Running>,
    _lock: File,
}

impl Database {
    pub async fn start(data_dir: &Path) -> anyhow::Result<Database> {
        let (mut launch, lock) = embedded::prepare(Options {
            data_dir: data_dir.into(),
            database: "vitalscope".into(),
            program: env!("CARGO_BIN_EXE_vitalscope").into(),
        })?;
        launch.port = ports::free();
        let mut database = Database {
            launch,
            running: None,
            _lock: lock,
        };
        database.run().await?;
        Ok(database)
    }

    pub fn access(&self) -> Access {
        Access {
            url: format!("http://127.0.0.1:{}", self.launch.port),
            database: "vitalscope".into(),
            user: embedded::WRITER.into(),
            password: self.launch.password.clone(),
        }
    }

    /// Starts it unless it runs.
    pub async fn run(&mut self) -> anyhow::Result<()> {
        if let Some(running) = &mut self.running
            && running.process.try_wait()?.is_none()
        {
            return Ok(());
        }
        let running = self.launch.start(START_TIME).await;
        self.running = Some(running.context("ClickHouse does not start")?);
        Ok(())
    }

    pub async fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.process.kill().await; // it may have ended by itself
        }
    }

    pub fn hang(&self) {
        self.signal(Signal::STOP);
    }

    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = self
            .running
            .as_ref()
            .and_then(|running| running.process.id());
        if let Some(pid) = id.and_then(|id| Pid::from_raw(id as i32)) {
            let _ = kill_process(pid, signal); // it may have ended by itself
        }
    }
}

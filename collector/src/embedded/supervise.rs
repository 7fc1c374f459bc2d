//! Keeps the child running: starts it, waits for its first answer, starts it again when it ends or no longer answers. The
//! address and the password stay the same for the life of the parent, so clients only see a pause.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::library::Engine;
use super::{Error, WRITER, child, probe};

/// Between two looks at a starting server.
const START_POLL: Duration = Duration::from_millis(50);
/// Between two looks at a running one.
const WATCH_INTERVAL: Duration = Duration::from_secs(10);
/// Looks without an answer before a living child counts as hung: a minute of silence under the longest query we allow.
const MAX_SILENT_LOOKS: u32 = 6;
/// First pause before a restart; it doubles up to the second while restarts follow each other within the third.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
const CALM: Duration = Duration::from_secs(60);
/// How long an asked child may take to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// The log starts anew beyond this size.
const MAX_LOG_BYTES: u64 = 10_000_000;
/// How much of its end an error shows.
const LOG_TAIL_CHARS: usize = 600;

/// The engine's words for it, in its log.
const PORT_TAKEN: &str = "Address already in use";

/// The statement that opens the port, and one that keeps the process alive. It must not read `/dev/stdin`: that needs a right
/// on files.
const KEEP_ALIVE: &str = "SYSTEM START LISTEN HTTP; SELECT sleepEachRow(1) FROM numbers(1000000000) \
     SETTINGS max_block_size=1, function_sleep_max_microseconds_per_block=0 FORMAT Null";

/// A running child. While `input` is open it lives; waiting for a process closes the input that is still inside `process`, which
/// is why it is kept apart.
pub struct Running {
    pub process: Child,
    input: ChildStdin,
}

/// Everything needed to start the child, again and again.
pub struct Launch {
    pub program: PathBuf,
    pub engine: Engine,
    pub config: PathBuf,
    pub folder: PathBuf,
    pub port: u16,
    pub password: String,
}

impl Launch {
    /// Starts a child and waits for its first answer.
    ///
    /// # Errors
    /// [`Error::PortTaken`] when another program has the port, [`Error::Start`] with the end of the log for any other reason.
    pub async fn start(&self, wait: Duration) -> Result<Running, Error> {
        let log_before_bytes = self.log_path().metadata().map_or(0, |meta| meta.len());
        let mut process = self.spawn()?;
        let input = process.stdin.take().expect("was asked for");
        let answered = async {
            while !probe::answers(self.port, WRITER, &self.password).await {
                sleep(START_POLL).await;
            }
        };
        let problem = tokio::select! {
            // An end is seen at once, even while whoever has the port leaves the question unanswered.
            status = process.wait() => match status {
                _ if self.port_was_taken(log_before_bytes) => return Err(Error::PortTaken(self.port)),
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            },
            outcome = timeout(wait, answered) => match outcome {
                Ok(()) => return Ok(Running { process, input }),
                Err(_) => format!("no answer within {} s", wait.as_secs()),
            },
        };
        Err(Error::Start(format!("{problem}; {}", self.log_tail())))
    }

    fn spawn(&self) -> Result<Child, Error> {
        let (kind, engine) = match &self.engine {
            Engine::Library(path) => (child::LIBRARY, path),
            Engine::Executable(path) => (child::EXECUTABLE, path),
        };
        let log = self.open_log().map_err(Error::io(&self.log_path()))?;
        let second = log.try_clone().map_err(Error::io(&self.log_path()))?;
        Command::new(&self.program)
            .arg(child::SUBCOMMAND)
            .arg(kind)
            .arg(engine)
            .arg(format!("--config-file={}", self.config.display()))
            .arg("--path")
            .arg(self.folder.join("data"))
            .arg("--http_port")
            .arg(self.port.to_string())
            .args(["--listen_host", "127.0.0.1", "--query", KEEP_ALIVE])
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(second)
            // A group of its own: Ctrl-C ends the collector first, and the collector ends the server after its last insert.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(Error::io(&self.program))
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    fn open_log(&self) -> std::io::Result<File> {
        let path = self.log_path();
        let large = path.metadata().is_ok_and(|meta| meta.len() > MAX_LOG_BYTES);
        let mut options = OpenOptions::new();
        if large {
            options.write(true).truncate(true).open(&path)
        } else {
            options.append(true).create(true).open(&path)
        }
    }

    /// What the log says since it was this long. To look at the port instead would come too late: whoever had it may be gone.
    fn port_was_taken(&self, log_before_bytes: u64) -> bool {
        let log = std::fs::read(self.log_path()).unwrap_or_default();
        let since = usize::try_from(log_before_bytes).unwrap_or(usize::MAX);
        // A log that began anew is shorter than it was.
        let new = log.get(since..).unwrap_or(&log);
        String::from_utf8_lossy(new).contains(PORT_TAKEN)
    }

    fn log_tail(&self) -> String {
        tail(&self.log_path())
    }
}

/// Watches the child until asked to stop.
pub async fn run(
    launch: Launch,
    mut child: Running,
    pid: watch::Sender<u32>,
    mut stop: watch::Receiver<bool>,
) {
    let mut backoff = FIRST_BACKOFF;
    loop {
        let started = Instant::now();
        tokio::select! {
            () = ended_or_hung(&launch, &mut child.process) => {}
            () = asked(&mut stop) => {
                end(child).await;
                super::access::remove(&launch.folder);
                return;
            }
        }
        pid.send_replace(0);
        let _ = child.process.kill().await;
        if started.elapsed() > CALM {
            backoff = FIRST_BACKOFF;
        }
        child = loop {
            tracing::warn!(
                backoff_ms = backoff.as_millis() as u64,
                log = launch.log_tail(),
                "ClickHouse ended, it is started again"
            );
            tokio::select! {
                () = sleep(backoff) => {}
                () = asked(&mut stop) => return,
            }
            backoff = (backoff * 2).min(LONGEST_BACKOFF);
            match launch.start(super::START_TIMEOUT).await {
                Ok(child) => break child,
                Err(error) => tracing::error!(%error, "ClickHouse did not come back"),
            }
        };
        pid.send_replace(child.process.id().unwrap_or(0));
    }
}

/// Returns when the server is to stop, or nobody is left who could say so.
async fn asked(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|&stop| stop).await;
}

async fn ended_or_hung(launch: &Launch, child: &mut Child) {
    let mut silent_looks = 0;
    while silent_looks < MAX_SILENT_LOOKS {
        if timeout(WATCH_INTERVAL, child.wait()).await.is_ok() {
            return;
        }
        if probe::answers(launch.port, WRITER, &launch.password).await {
            silent_looks = 0;
        } else {
            silent_looks += 1;
        }
    }
    tracing::error!("ClickHouse runs but does not answer");
}

/// Closing its input asks the child to end.
async fn end(mut child: Running) {
    drop(child.input);
    if timeout(STOP_TIMEOUT, child.process.wait()).await.is_err() {
        let _ = child.process.kill().await;
    }
}

fn tail(path: &Path) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let skip = text.chars().count().saturating_sub(LOG_TAIL_CHARS);
    let end: String = text.chars().skip(skip).collect();
    match end.trim() {
        "" => "its log is empty".into(),
        end => format!("the end of its log: {end}"),
    }
}

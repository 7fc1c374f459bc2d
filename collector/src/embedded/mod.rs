//! A real ClickHouse server as a child process on loopback, for installations that bring none. It knows no schema and no
//! queries, and what runs in it never shares an address space with ingest or the spool: an abort of the engine costs a
//! restart, not a beacon.
//!
//! Two users exist besides the session of the server itself (see [`door`]): `reader`, who needs no password and may only read,
//! and `vitalscope`, who may do everything and whose password is random for each start. The server's own session user is
//! unreachable over HTTP.
//!
//! [`library`] finds the engine, [`child`] is what runs in the child process, [`access`] lets other processes of the same user
//! find a running server, [`supervise`] keeps it running.

pub mod access;
pub mod child;
mod door;
pub mod library;
mod probe;
mod supervise;

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use access::{Connection, connect};
pub use supervise::{Launch, Running};

/// ClickHouse's usual HTTP port, where `curl` recipes and Grafana look first.
const FIRST_PORT: u16 = 8123;
/// Ports tried after it: enough for several checkouts on one machine.
const PORT_COUNT: u16 = 100;
/// The library is 566 MB: a cold disk needs its time.
const START_TIMEOUT: Duration = Duration::from_secs(90);
/// User of the collector itself.
pub const WRITER: &str = "vitalscope";

/// Why the embedded server does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Missing(#[from] library::Missing),
    #[error("another vitalscope process runs ClickHouse in {}", .0.display())]
    Locked(PathBuf),
    #[error("no free port from {FIRST_PORT} on for ClickHouse")]
    NoPort,
    #[error("ClickHouse did not start: another program listens on port {0}")]
    PortTaken(u16),
    #[error("ClickHouse did not start: {0}")]
    Start(String),
    #[error("{}: {source}", path.display())]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
}

impl Error {
    fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::Io {
            path: path.into(),
            source,
        }
    }
}

/// What to run and where. [`start`] fills it in for the running program.
#[derive(Clone, Debug)]
pub struct Options {
    /// Files of the server live in its `clickhouse/`.
    pub data_dir: PathBuf,
    /// The database that anonymous clients may read.
    pub database: String,
    /// The `vitalscope` binary, which runs itself again as the child.
    pub program: PathBuf,
}

/// A running, supervised server. Dropping it kills the child; [`Server::stop`] also waits for its end.
pub struct Server {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    pub user: String,
    pub password: String,
    /// Process id of the child at this moment, 0 while it restarts.
    pid: watch::Receiver<u32>,
    stop: watch::Sender<bool>,
    supervisor: JoinHandle<()>,
    /// Held as long as the server may touch its folder.
    _lock: fs::File,
}

/// Starts the server of this installation and waits until it answers.
///
/// # Errors
/// See [`Error`]; [`Error::Missing`] names the command that installs the engine.
pub async fn start(data_dir: &Path, database: &str) -> Result<Server, Error> {
    let program = std::env::current_exe().map_err(Error::io(Path::new("vitalscope")))?;
    start_with(Options {
        data_dir: data_dir.into(),
        database: database.into(),
        program,
    })
    .await
}

/// [`start`] with every input named.
///
/// # Errors
/// As [`start`].
pub async fn start_with(options: Options) -> Result<Server, Error> {
    let (mut launch, lock) = prepare(options)?;
    let (folder, password) = (launch.folder.clone(), launch.password.clone());
    let child = start_on_free_port(&mut launch).await?;
    let url = format!("http://127.0.0.1:{}", launch.port);
    access::write(&folder, &url, WRITER, &password)?;
    let (pid_sender, pid) = watch::channel(child.process.id().unwrap_or(0));
    let (stop, stopped) = watch::channel(false);
    let supervisor = tokio::spawn(supervise::run(launch, child, pid_sender, stopped));
    Ok(Server {
        url,
        user: WRITER.into(),
        password,
        pid,
        stop,
        supervisor,
        _lock: lock,
    })
}

/// A server ready to be launched, and the lock that must outlive it: for those who supervise it, and for those who kill it.
///
/// # Errors
/// As [`start`].
pub fn prepare(options: Options) -> Result<(Launch, fs::File), Error> {
    let engine = library::find(&library::Places::of_this_machine())?;
    let folder = options.data_dir.join("clickhouse");
    fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    // The child gets absolute paths, whatever its working directory.
    let folder = folder.canonicalize().map_err(Error::io(&folder))?;
    let lock = access::lock(&folder)?.ok_or_else(|| Error::Locked(folder.clone()))?;
    let password = random_password();
    let config = door::write(&folder, &options.database, &password)?;
    let launch = Launch {
        program: options.program,
        engine,
        config,
        folder,
        port: FIRST_PORT,
        password,
    };
    Ok((launch, lock))
}

impl Server {
    /// Process id of the child, 0 while it restarts.
    pub fn pid(&self) -> u32 {
        *self.pid.borrow()
    }

    /// Ends the child and waits for it.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        let _ = (&mut self.supervisor).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The child is a `kill_on_drop` value inside the task.
        self.supervisor.abort();
    }
}

/// Takes the first port from [`FIRST_PORT`] on that nobody listens on, neither now nor when the engine asks for it.
async fn start_on_free_port(launch: &mut Launch) -> Result<Running, Error> {
    for port in FIRST_PORT..FIRST_PORT + PORT_COUNT {
        if somebody_listens(port).await {
            continue;
        }
        launch.port = port;
        match launch.start(START_TIMEOUT).await {
            // Somebody was faster: another checkout that starts at the same moment.
            Err(Error::PortTaken(_)) => {}
            outcome => return outcome,
        }
    }
    Err(Error::NoPort)
}

/// By a connection, which is in nobody's way. To take the port for a moment would make another engine fail that just asks for it.
async fn somebody_listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .is_ok()
}

/// 128 random bits in hex: no character of it needs quoting in XML, JSON or a header.
fn random_password() -> String {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).expect("the system's random source answers");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

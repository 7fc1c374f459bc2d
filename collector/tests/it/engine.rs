//! The one ClickHouse server of this test binary, and a fresh database in it for each test.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use collector::config::Retention;
use collector::embedded::{self, Options, Server};
use collector::store::{Access, Store};

/// A migrated store in a database of its own.
pub async fn store() -> Store {
    let store = Store::new(access());
    store
        .migrate(&Retention::default())
        .await
        .expect("a fresh database can be migrated");
    store
}

/// The way to a database that does not exist yet.
pub fn access() -> Access {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = server();
    Access {
        url: server.url.clone(),
        database: format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed)),
        user: server.user.clone(),
        password: server.password.clone(),
    }
}

/// Options of a server beside the shared one.
pub fn options(data_dir: &Path) -> Options {
    Options {
        data_dir: data_dir.into(),
        database: "vitalscope".into(),
        program: env!("CARGO_BIN_EXE_vitalscope").into(),
    }
}

/// A folder that the next run of the tests removes.
pub fn scratch(name: &str) -> PathBuf {
    let folder = scratch_root().join(name);
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

/// Looks again until `look` gives something; `what` is for the failure's text.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "never happened: {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The shared server lives in a runtime of its own, because every test's runtime ends with the test. It dies with the process.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
            runtime.block_on(async {
                let server = embedded::start_with(options(&scratch("engine"))).await;
                send.send(server).expect("the test waits for it");
                std::future::pending::<()>().await;
            });
        });
        receive
            .recv()
            .expect("the thread lives")
            .unwrap_or_else(|error| panic!("{error}"))
    })
}

fn scratch_root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
        for old in std::fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = old.file_name();
            let owner = name.to_string_lossy().strip_prefix("it-").map(String::from);
            if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                let _ = std::fs::remove_dir_all(old.path());
            }
        }
        parent.join(format!("it-{}", std::process::id()))
    })
}

//! Two servers that are one cluster, without replicas: the embedded engine has no Keeper, so each is told the schema by itself. All
//! else is as in production: the same derived tables and views, `Distributed` over native TCP, the collector's own writer.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use collector::config::Retention;
use collector::embedded::child;
use collector::embedded::library::{self, Engine, Places};
use collector::store::cluster::{Cluster, Engines};
use collector::store::{Access, Store, schema};

use crate::{engine, ports};

const USER: &str = "collector";
const PASSWORD: &str = "a password";
const DATABASE: &str = "vitalscope";
/// Opens both doors and stays.
const KEEP_ALIVE: &str = "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; SELECT sleepEachRow(1) FROM numbers(1000000000) \
     SETTINGS max_block_size=1, function_sleep_max_microseconds_per_block=0 FORMAT Null";

/// A server that is asked for nothing answers by then, even on a machine that does ten things at once.
const PATIENCE: Duration = Duration::from_secs(20);
/// A hedged request gives up a slow connection for a second one: see [`Shards::revive`].
const PATIENT: &str = "<use_hedged_requests>0</use_hedged_requests>\
     <connect_timeout_with_failover_ms>10000</connect_timeout_with_failover_ms>";

/// One server of its own; it ends with this value.
pub struct Node {
    folder: PathBuf,
    http_port: u16,
    tcp_port: u16,
    process: Option<Child>,
}

/// Two of them.
pub struct Shards {
    pub nodes: [Node; 2],
}

impl Node {
    fn new(folder: PathBuf) -> Node {
        Node {
            folder,
            http_port: ports::free(),
            tcp_port: ports::free(),
            process: None,
        }
    }

    /// `grants` are those of the user `limited`, whose password is empty.
    fn configure(&self, cluster: &str, grants: &[String]) {
        std::fs::create_dir_all(&self.folder).expect("scratch folder");
        let users = self.folder.join("users.xml");
        let grants: String = grants
            .iter()
            .map(|grant| format!("<query>{grant}</query>"))
            .collect();
        let local = "<networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>";
        let text = format!(
            "<clickhouse><profiles><default>{PATIENT}</default></profiles><quotas><default/></quotas><users>
             <default><no_password/>{local}<grants><query>GRANT SYSTEM LISTEN ON *.*</query></grants></default>
             <{USER}><password>{PASSWORD}</password>{local}</{USER}>
             <limited><no_password/>{local}<grants>{grants}</grants></limited>
             </users></clickhouse>"
        );
        std::fs::write(&users, text).expect("scratch file");
        let text = format!(
            "<clickhouse><users_config>{}</users_config>{cluster}</clickhouse>",
            users.display()
        );
        std::fs::write(self.folder.join("config.xml"), text).expect("scratch file");
    }

    /// Starts it, and waits for its first answer.
    pub async fn start(&mut self) {
        let (kind, library) = match library::find(&Places::of_this_machine()) {
            Ok(Engine::Library(path)) => (child::LIBRARY, path),
            Ok(Engine::Executable(path)) => (child::EXECUTABLE, path),
            Err(missing) => panic!("{missing}"),
        };
        let log = std::fs::File::create(self.folder.join("server.log")).expect("scratch file");
        let process = Command::new(env!("CARGO_BIN_EXE_vitalscope"))
            .args([child::SUBCOMMAND, kind])
            .arg(library)
            .arg(format!(
                "--config-file={}",
                self.folder.join("config.xml").display()
            ))
            .arg("--path")
            .arg(self.folder.join("data"))
            .args(["--http_port", &self.http_port.to_string()])
            .args(["--tcp_port", &self.tcp_port.to_string()])
            .args(["--listen_host", "127.0.0.1", "--query", KEEP_ALIVE])
            // Its end is the child's, and ours is its.
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("the binary runs");
        self.process = Some(process);
        let started = self.access(USER, PASSWORD);
        let started = Store::new(started).wait(Duration::from_secs(90)).await;
        if let Err(error) = started {
            let log = std::fs::read_to_string(self.folder.join("server.log"));
            panic!("{error:#}: {}", log.unwrap_or_default());
        }
    }

    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it is ours");
            process.wait().expect("it is ours");
        }
    }

    pub fn access(&self, user: &str, password: &str) -> Access {
        Access {
            url: format!("http://127.0.0.1:{}", self.http_port),
            database: DATABASE.into(),
            user: user.into(),
            password: password.into(),
        }
    }

    /// As it is by itself, whatever the cluster.
    pub fn alone(&self) -> Store {
        Store::new(self.access(USER, PASSWORD))
    }

    /// The cluster, by way of this server.
    pub fn store(&self) -> Store {
        self.alone().on(Some(cluster()))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Shards {
    /// The embedded engine is a command-line program that listens: unlike a server it ends when a connection to it is reset, as one
    /// may be whose query needs no more rows, or whose other end was killed. Starts a server that ends or has ended so, and says
    /// whether there was one.
    pub async fn revive(&mut self) -> bool {
        let mut revived = false;
        for node in &mut self.nodes {
            let answer = node.alone().client().query("select 1").execute();
            let lives = tokio::time::timeout(PATIENCE, answer).await;
            if !matches!(lives, Ok(Ok(()))) {
                node.kill();
                node.start().await;
                revived = true;
            }
        }
        revived
    }
}

pub fn cluster() -> Cluster {
    Cluster {
        name: "main".into(),
        engines: Engines::Plain,
    }
}

/// A server without a schema whose user `limited` has these rights.
pub async fn one_server(name: &str, grants: &[String]) -> Node {
    let mut node = Node::new(engine::scratch(name));
    node.configure("", grants);
    node.start().await;
    node
}

/// Two running servers that know each other; without a schema.
pub async fn two_servers(name: &str, grants: &[String]) -> Shards {
    let mut nodes = ["0", "1"].map(|number| Node::new(engine::scratch(name).join(number)));
    let shards: String = nodes.iter().map(shard).collect();
    let cluster = format!("<remote_servers><main>{shards}</main></remote_servers>");
    for node in &mut nodes {
        node.configure(&cluster, grants);
        node.start().await;
    }
    Shards { nodes }
}

/// The same with the schema.
pub async fn two_shards(name: &str) -> Shards {
    two_shards_for(name, &[]).await
}

/// The same, with a user `limited` who has these rights.
pub async fn two_shards_for(name: &str, grants: &[String]) -> Shards {
    let shards = two_servers(name, grants).await;
    let statements = schema::statements(DATABASE, Some(&cluster())).expect("our own migrations");
    // What fills a table writes to both servers: each statement is run on both before the next.
    for statement in &statements {
        for node in &shards.nodes {
            node.run(statement).await;
        }
    }
    // A server may answer over HTTP before its neighbour reaches it; a migration may be run again.
    for node in &shards.nodes {
        engine::eventually("the schema is whole", async || {
            let migrated = node.store().migrate(&Retention::default()).await;
            migrated.inspect_err(|error| println!("{error:#}")).ok()
        })
        .await;
    }
    shards
}

impl Node {
    /// Runs a statement of the schema.
    pub async fn run(&self, statement: &str) {
        let client = self.alone().client().clone();
        let client = match statement.starts_with("create database") {
            true => client.with_database("default"),
            false => client,
        };
        let done = client.query(&statement.replace('?', "??")).execute().await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

fn shard(node: &Node) -> String {
    format!(
        "<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>{}</port>\
         <user>{USER}</user><password>{PASSWORD}</password></replica></shard>",
        node.tcp_port
    )
}

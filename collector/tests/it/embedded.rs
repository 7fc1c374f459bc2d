//! The embedded server: its door, its death, its return.

use collector::config::{Config, Retention};
use collector::embedded;
use collector::store::{Access, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::engine;

/// What `curl URL --data-binary QUERY` gets: status and body.
async fn post(url: &str, target: &str, headers: &str, query: &str) -> (u16, String) {
    let address = url.strip_prefix("http://").expect("plain HTTP");
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    let length = query.len();
    let request = format!(
        "POST {target} HTTP/1.0\r\nHost: localhost\r\nContent-Type: text/plain\r\n{headers}Content-Length: {length}\r\n\r\n{query}"
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the server reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .expect("the server answers");
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned());
    (status.expect("a status line"), body.unwrap_or_default())
}

async fn serve(name: &str) -> (embedded::Server, Store) {
    let server = embedded::start_with(engine::options(&engine::scratch(name)))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let store = Store::new(Access {
        url: server.url.clone(),
        database: "vitalscope".into(),
        user: server.user.clone(),
        password: server.password.clone(),
    });
    store
        .migrate(&Retention::default())
        .await
        .expect("migrates");
    (server, store)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anonymous_client_may_only_read() {
    let (server, store) = serve("door").await;
    let secret = engine::scratch("door").join("secret.txt");
    std::fs::write(&secret, "secret").expect("scratch file");
    store
        .client()
        .query("insert into deploy_rows values ('shop', 'production', '1.0', now64(3), 'api', 1)")
        .execute()
        .await
        .expect("the collector writes");

    let documented = post(
        &server.url,
        "/",
        "",
        "SELECT release FROM vitalscope.deploys",
    )
    .await;
    assert_eq!(documented, (200, "1.0\n".into()));
    let by_query_string =
        "/?query=SELECT+vital,count()+FROM+vitalscope.measurements+GROUP+BY+vital";
    assert_eq!(post(&server.url, by_query_string, "", "").await.0, 200);

    let forbidden = [
        "INSERT INTO vitalscope.deploy_rows VALUES ('shop', '', '2.0', now64(3), 'api', 1)",
        "DROP TABLE vitalscope.deploy_rows",
        "DROP DATABASE vitalscope",
        "TRUNCATE TABLE vitalscope.deploy_rows",
        "ALTER TABLE vitalscope.deploy_rows DELETE WHERE 1",
        "CREATE TABLE vitalscope.t (a Int32) ENGINE = Memory",
        "SELECT * FROM file('/etc/passwd', LineAsString)",
        "SELECT * FROM url('http://127.0.0.1:1/', LineAsString)",
        "INSERT INTO FUNCTION file('x.csv', CSV, 'a Int32') VALUES (1)",
        "SYSTEM STOP LISTEN HTTP",
        "SYSTEM SHUTDOWN",
    ];
    // Whichever way a stranger names himself: not at all, in the query string, or as the server's own session user.
    let names = [
        ("/", ""),
        ("/?user=default", ""),
        ("/", "X-ClickHouse-User: reader\r\n"),
    ];
    for query in forbidden {
        for (target, headers) in names {
            let (status, body) = post(&server.url, target, headers, query).await;
            assert!(
                status == 403 || body.contains("Code: 497"),
                "{query}: {status} {body}"
            );
            assert!(body.contains("ACCESS_DENIED"), "{query}: {body}");
        }
    }
    let strangers = [
        "X-ClickHouse-User: default\r\n",
        "X-ClickHouse-User: vitalscope\r\n",
        "X-ClickHouse-User: vitalscope\r\nX-ClickHouse-Key: guess\r\n",
        "Authorization: Basic ZGVmYXVsdDo=\r\n",
    ];
    for headers in strangers {
        let (status, body) = post(&server.url, "/", headers, "SELECT 1").await;
        assert!(
            status >= 400 && body.contains("AUTHENTICATION_FAILED"),
            "{headers}: {status} {body}"
        );
    }
    assert_eq!(
        post(
            &server.url,
            "/",
            "",
            "SELECT count() FROM vitalscope.deploys"
        )
        .await
        .1,
        "1\n"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_stops_writing_before_the_disk_is_full() {
    let (server, store) = serve("floor").await;
    let query = "select toUInt64(keep_free_space) from system.disks where name = 'default'";
    let floor: u64 = store.client().query(query).fetch_one().await.unwrap();
    assert_eq!(floor, 256 * 1024 * 1024);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_child_comes_back_with_every_acknowledged_row() {
    let (server, store) = serve("killed").await;
    let insert = async |release: u32| {
        store
            .client()
            .query("insert into deploy_rows values ('shop', '', ?, now64(3), 'api', 1)")
            .bind(release.to_string())
            .execute()
            .await
    };
    for release in 0..20 {
        insert(release).await.expect("the server runs");
    }
    let first = server.pid();
    kill(first);
    engine::eventually("the child is replaced", async || {
        (server.pid() != first && server.pid() != 0).then_some(())
    })
    .await;
    insert(20)
        .await
        .expect("the same address and password work again");
    let count: u64 = store
        .client()
        .query("select count() from deploys")
        .fetch_one()
        .await
        .expect("the server answers");
    assert_eq!(count, 21);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_is_refused_and_another_process_finds_the_first() {
    let (server, _store) = serve("second").await;
    let folder = engine::scratch("second");
    let second = embedded::start_with(engine::options(&folder)).await;
    assert!(matches!(second, Err(embedded::Error::Locked(_))));

    let config = Config {
        data_dir: folder.clone(),
        ..Config::default()
    };
    let connection = embedded::connect(&config)
        .await
        .expect("finds the running server");
    assert_eq!(connection.address.url, server.url);
    assert!(connection.server.is_none());
    use std::os::unix::fs::PermissionsExt;
    for file in ["access.json", "users.xml"] {
        let mode = folder
            .join("clickhouse")
            .join(file)
            .metadata()
            .expect("is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file} holds the password");
    }
    let pid = server.pid();
    server.stop().await;
    assert!(
        !std::path::Path::new(&format!("/proc/{pid}")).exists(),
        "the child has ended"
    );
}

/// Two checkouts that start at the same moment: each sees the port free, one gets it.
#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_meanwhile_is_left_to_the_other() {
    // Bound without listening: nobody can see it, nobody else can have it.
    let mut held = Vec::new();
    for port in 8123..8140 {
        let socket = TcpSocket::new_v4().expect("sockets can be made");
        if socket.bind(([127, 0, 0, 1], port).into()).is_ok() {
            held.push((port, socket));
        }
        if held.len() == 2 {
            break;
        }
    }
    let (server, _store) = serve("taken").await;
    let taken = |(port, _): &(u16, TcpSocket)| server.url.ends_with(&format!(":{port}"));
    assert!(!held.iter().any(taken), "{}", server.url);
    server.stop().await;
}

fn kill(pid: u32) {
    let status = std::process::Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status();
    assert!(status.expect("kill is installed").success());
}

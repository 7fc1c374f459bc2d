//! Asks a server whether it is there and is ours: one authenticated `SELECT 1`, which another program that happens to listen on
//! the port cannot answer. A dozen lines of HTTP/1.0, so that this module needs no client.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A healthy server answers in a millisecond, a busy one may take seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The answer is a head of a few hundred bytes and `1`.
const MAX_ANSWER_BYTES: u64 = 16 * 1024;

/// True when the server on this loopback port accepts `user` and `password` and answers a query.
pub async fn answers(port: u16, user: &str, password: &str) -> bool {
    timeout(ANSWER_TIMEOUT, ask(port, user, password))
        .await
        .is_ok_and(|answer| {
            answer.is_ok_and(|head| {
                head.starts_with(b"HTTP/1.0 200") || head.starts_with(b"HTTP/1.1 200")
            })
        })
}

async fn ask(port: u16, user: &str, password: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!(
        "GET /?query=SELECT+1 HTTP/1.0\r\nHost: localhost\r\nX-ClickHouse-User: {user}\r\nX-ClickHouse-Key: {password}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream
        .take(MAX_ANSWER_BYTES)
        .read_to_end(&mut answer)
        .await?;
    Ok(answer)
}

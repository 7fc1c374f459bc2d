//! As much of HTTP/1.1 as a load generator needs: prepared requests over kept connections, of whose answers it reads the status
//! and how long they are. Not a client for anything else: no redirects, no TLS, no chunked answers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The collector's own answers are under 1 kB; a metrics page has some 10 kB.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// A look at one page of metrics.
const GET_TIMEOUT: Duration = Duration::from_secs(10);

/// `http://HOST:PORT/PATH`, resolved.
#[derive(Clone, Debug)]
pub struct Target {
    pub address: SocketAddr,
    /// For the `Host` header.
    pub host: String,
    /// Begins with a slash, or is empty.
    pub path: String,
}

impl Target {
    /// Takes apart and resolves; an address off this machine is refused unless `elsewhere` says that it may be.
    ///
    /// # Errors
    /// No plain HTTP address, no such host, or one that is not this machine.
    pub async fn resolve(url: &str, elsewhere: bool) -> anyhow::Result<Target> {
        let rest = url
            .strip_prefix("http://")
            .with_context(|| format!("{url}: an address that begins with http:// is wanted"))?;
        let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let name = if host.rsplit(']').next().is_some_and(|end| end.contains(':')) {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        let addresses = tokio::net::lookup_host(&name)
            .await
            .with_context(|| format!("{host} cannot be found"))?;
        let addresses: Vec<SocketAddr> = addresses.collect();
        if !elsewhere && !addresses.iter().all(|address| address.ip().is_loopback()) {
            bail!(
                "{host} is not this machine: load goes to loopback, or to a host named with --i-own-this-host"
            );
        }
        let address = addresses.into_iter().next();
        Ok(Target {
            address: address.with_context(|| format!("{host} has no address"))?,
            host: host.to_owned(),
            path: path.to_owned(),
        })
    }
}

/// A kept connection, opened when it is needed.
pub struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    pub fn new(address: SocketAddr) -> Connection {
        Connection {
            address,
            stream: None,
            buffer: Vec::with_capacity(4096),
        }
    }

    /// Sends one request, head and body, and answers its status. After an error the fate of the request is unknown.
    ///
    /// # Errors
    /// The network's, or an answer that is none.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        // Taken out, so that a half-used connection is never used again.
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        stream.write_all(request).await?;
        let answer = read_answer(&mut stream, &mut self.buffer).await?;
        if answer.stays_open {
            self.stream = Some(stream);
        }
        Ok(answer.status)
    }
}

struct Answer {
    status: u16,
    stays_open: bool,
}

async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Answer> {
    let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
    buffer.clear();
    let head_bytes = loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = find(buffer, b"\r\n\r\n") {
            break end + 4;
        }
        if buffer.len() > MAX_ANSWER_BYTES {
            return Err(broken("the head of the answer does not end"));
        }
    };
    let head = &buffer[..head_bytes];
    let status = head
        .get(9..12)
        .and_then(|digits| std::str::from_utf8(digits).ok());
    let status: u16 = status
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| broken("no status line"))?;
    let length = header(head, "content-length").and_then(|length| length.parse().ok());
    let length: usize = match (status, length) {
        (204 | 304, _) => 0,
        (_, Some(length)) if length <= MAX_ANSWER_BYTES => length,
        _ => return Err(broken("an answer of unknown length")),
    };
    let stays_open = header(head, "connection") != Some("close");
    while buffer.len() < head_bytes + length {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Answer { status, stays_open })
}

/// The body of a page.
///
/// # Errors
/// The network's, or another status than 200.
pub async fn get(target: &Target, token: Option<&str>) -> anyhow::Result<String> {
    timeout(GET_TIMEOUT, get_in_time(target, token))
        .await
        .with_context(|| format!("{} does not answer", target.address))?
}

async fn get_in_time(target: &Target, token: Option<&str>) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(target.address)
        .await
        .with_context(|| format!("cannot connect to {}", target.address))?;
    let authorization = token.map_or(String::new(), |token| {
        format!("Authorization: Bearer {token}\r\n")
    });
    let path = if target.path.is_empty() {
        "/"
    } else {
        &target.path
    };
    // HTTP/1.0: the answer ends with the connection.
    let request = format!(
        "GET {path} HTTP/1.0\r\nHost: {}\r\n{authorization}\r\n",
        target.host
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    let mut answering = stream.take(MAX_ANSWER_BYTES as u64);
    answering.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no whole answer")?;
    let status = head.split(' ').nth(1).unwrap_or("");
    ensure!(
        status == "200",
        "{} answers {status} to GET {path}",
        target.host
    );
    Ok(body.to_owned())
}

/// The value of a header in a head of an answer.
fn header<'h>(head: &'h [u8], name: &str) -> Option<&'h str> {
    head.split(|&byte| byte == b'\n').find_map(|line| {
        let (key, value) = line.split_at_checked(name.len())?;
        let value = value
            .strip_prefix(b":")
            .filter(|_| key.eq_ignore_ascii_case(name.as_bytes()))?;
        std::str::from_utf8(value).ok().map(str::trim)
    })
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_by_any_spelling() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nCONNECTION:close\r\n\r\n";
        assert_eq!(header(head, "content-length"), Some("12"));
        assert_eq!(header(head, "connection"), Some("close"));
        assert_eq!(header(head, "content"), None);
    }

    #[tokio::test]
    async fn load_stays_on_this_machine_unless_it_may_leave() {
        let here = Target::resolve("http://127.0.0.1:8080/v1/views", false).await;
        assert_eq!(here.expect("loopback").path, "/v1/views");
        assert!(Target::resolve("http://[::1]:1", false).await.is_ok());
        let elsewhere = "http://192.0.2.1:80/";
        assert!(Target::resolve(elsewhere, false).await.is_err());
        assert!(Target::resolve(elsewhere, true).await.is_ok());
        assert!(Target::resolve("https://127.0.0.1", false).await.is_err());
    }
}

//! Stands between the collector and ClickHouse and answers as the fault of the moment says.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::fault::Answer;

/// How much later a slow ClickHouse answers.
const SLOWNESS: Duration = Duration::from_millis(700);

type Upstream = Client<HttpConnector, Full<Bytes>>;

pub struct Proxy {
    pub url: String,
    answer: watch::Sender<Answer>,
    /// Requests that a fault has hit.
    pub hit: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Between {
    upstream: Upstream,
    /// `127.0.0.1:PORT`.
    server: String,
    answer: watch::Receiver<Answer>,
    hit: Arc<AtomicU64>,
    /// Tokens that were noted without their rows.
    noted: Arc<Mutex<BTreeSet<String>>>,
}

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut")]
struct Cut;

impl Proxy {
    pub async fn start(server: &str) -> anyhow::Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (answer, answers) = watch::channel(Answer::Pass);
        let hit = Arc::new(AtomicU64::new(0));
        let between = Between {
            // A connection for each request: what was killed must not be waited for.
            upstream: Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(0)
                .build_http(),
            server: server.trim_start_matches("http://").to_owned(),
            answer: answers,
            hit: hit.clone(),
            noted: Arc::default(),
        };
        tokio::spawn(accept(listener, between));
        Ok(Proxy { url, answer, hit })
    }

    pub fn answer(&self, how: Answer) {
        self.answer.send_replace(how);
    }
}

async fn accept(listener: TcpListener, between: Between) -> Infallible {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(20)).await; // out of descriptors
            continue;
        };
        if *between.answer.borrow() == Answer::Refuse {
            between.hit.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let between = between.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| between.clone().serve(request));
            // An error is a connection that was cut on purpose, or a collector that was killed.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

impl Between {
    async fn serve(mut self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Cut> {
        let (mut head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
        head.uri = format!("http://{}{}", self.server, head.uri)
            .parse()
            .map_err(|_| Cut)?;
        // Hop by hop; the body is whole now.
        head.headers.remove("transfer-encoding");
        head.headers.remove("connection");
        let request = Request::from_parts(head, Full::new(body));
        let how = *self.answer.borrow();
        if how != Answer::Pass {
            self.hit.fetch_add(1, Ordering::Relaxed);
        }
        match how {
            Answer::Pass => self.forward(request).await,
            Answer::Slow => {
                tokio::time::sleep(SLOWNESS).await;
                self.forward(request).await
            }
            Answer::Status500 => Ok(refusal("Internal Server Error")),
            Answer::TooManyParts => Ok(refusal(
                "Code: 252. DB::Exception: Too many parts (3000 with average size of 1.00 KiB) in table 'vitalscope.measurement_rows'. Merges are processing significantly slower than inserts. (TOO_MANY_PARTS)",
            )),
            Answer::MemoryLimit => Ok(refusal(
                "Code: 241. DB::Exception: (total) memory limit exceeded: would use 8.00 GiB. (MEMORY_LIMIT_EXCEEDED)",
            )),
            Answer::NotEnoughSpace => Ok(refusal(
                "Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)",
            )),
            Answer::TableIsReadOnly => Ok(refusal(
                "Code: 242. DB::Exception: Table is in readonly mode (replica path: /clickhouse/tables/1). (TABLE_IS_READ_ONLY)",
            )),
            Answer::WrongPassword => Ok(refusal(
                "Code: 516. DB::Exception: vitalscope: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)",
            )),
            Answer::LostBefore | Answer::Refuse => Err(Cut),
            Answer::LostWithin => {
                let _ = self.send_half(request).await; // lost is lost
                Err(Cut)
            }
            Answer::LostAfter => {
                let _ = self.forward(request).await;
                Err(Cut)
            }
            Answer::TokenWithoutRows => match token(request.uri()) {
                None => self.forward(request).await,
                Some(token) if self.note(token) => Err(Cut),
                Some(_) => Ok(Response::default()),
            },
            Answer::HangsBefore => {
                self.changed().await;
                Err(Cut)
            }
            Answer::HangsAfter => {
                let _ = self.forward(request).await;
                self.changed().await;
                Err(Cut)
            }
        }
    }

    /// Whether the token is new.
    fn note(&self, token: &str) -> bool {
        let noted = self.noted.lock();
        let mut noted = noted.unwrap_or_else(PoisonError::into_inner);
        noted.insert(token.to_owned())
    }

    async fn changed(&mut self) {
        self.answer.mark_unchanged();
        let _ = self.answer.changed().await; // an error ends the wait as well
    }

    async fn forward(&self, request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Cut> {
        let response = self.upstream.request(request).await.map_err(|_| Cut)?;
        let (mut head, body) = response.into_parts();
        let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
        head.headers.remove("transfer-encoding");
        head.headers.remove("connection");
        Ok(Response::from_parts(head, Full::new(body)))
    }

    async fn send_half(&self, request: Request<Full<Bytes>>) -> anyhow::Result<()> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let mut text = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n",
            head.method,
            head.uri.path_and_query().map_or("/", |path| path.as_str()),
            self.server,
            body.len()
        );
        for (name, value) in &head.headers {
            if !["host", "content-length"].contains(&name.as_str()) {
                text.push_str(&format!("{name}: {}\r\n", value.to_str()?));
            }
        }
        text.push_str("\r\n");
        let mut stream = TcpStream::connect(&self.server).await?;
        stream.write_all(text.as_bytes()).await?;
        stream.write_all(&body[..body.len() / 2]).await?;
        stream.flush().await?;
        tokio::time::sleep(Duration::from_millis(20)).await; // so that the server reads it before the end
        Ok(())
    }
}

/// Of an insert.
fn token(uri: &hyper::Uri) -> Option<&str> {
    let mut pairs = uri.query()?.split('&');
    pairs.find_map(|pair| pair.strip_prefix("insert_deduplication_token="))
}

fn refusal(text: &'static str) -> Response<Full<Bytes>> {
    let code = text
        .strip_prefix("Code: ")
        .and_then(|rest| rest.split('.').next());
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    if let Some(code) = code {
        let code = hyper::header::HeaderValue::from_static(code);
        response
            .headers_mut()
            .insert("x-clickhouse-exception-code", code);
    }
    response
}

//! Serves answers on a socket: bounded in connections, in time for a request's head, and ended gracefully.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Version, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tower::{Service, ServiceExt};
use tracing::{debug, warn};

use super::connections::{self, Connections, Place};
use super::lanes::Lanes;
use super::tls::{Stream, Tls};
use super::watched::Watched;
use crate::shutdown::{Shutdown, requested};

/// From the first byte of a connection, or the end of the answer before, to the end of the next head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests in progress get this long when the collector ends.
const GRACE: Duration = Duration::from_secs(10);
/// `accept` fails when file descriptors run out; trying again at once would only burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Larger heads are refused by the protocol itself (431).
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Requests at once on one HTTP/2 connection. A page sends one or two, a proxy opens more connections.
const MAX_STREAMS: u32 = 32;

/// Who is at the other end of the connection; in the extensions of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// What answers requests: a router, or something around one.
pub trait Answers:
    Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<S> Answers for S where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static
{
}

/// Accepts until `shutdown`, then lets requests in progress end. Each connection stays on the lane that it is given.
pub async fn serve(
    listener: TcpListener,
    connections: Connections,
    mut lanes: Lanes,
    tls: Option<Tls>,
    answers: impl Answers,
    mut shutdown: Shutdown,
) {
    let graceful = GracefulShutdown::new();
    let server = Server {
        protocol: Arc::new(match tls {
            Some(_) => secured(),
            None => plain(),
        }),
        tls,
        connections,
        answers,
    };
    let connections = server.connections.clone();
    loop {
        let place = tokio::select! {
            place = connections.free() => place,
            () = requested(&mut shutdown) => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = requested(&mut shutdown) => break,
        };
        // Off this event loop: it goes to another one.
        let accepted = accepted.and_then(|(stream, peer)| Ok((stream.into_std()?, peer)));
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(place) = connections.enter(place, peer.ip()) else {
            continue; // closed at once, and counted
        };
        let held = server.clone().hold(
            stream,
            Peer(peer),
            place,
            graceful.watcher(),
            shutdown.clone(),
        );
        lanes.take_turn().spawn(held);
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown())
        .await
        .is_err()
    {
        warn!("some requests were cut off at the end");
    }
}

/// What all connections of a listener share.
#[derive(Clone)]
struct Server<A> {
    protocol: Arc<auto::Builder<TokioExecutor>>,
    tls: Option<Tls>,
    connections: Connections,
    answers: A,
}

impl<A: Answers> Server<A> {
    /// One connection, from its acceptance to its end.
    async fn hold(
        self,
        stream: std::net::TcpStream,
        peer: Peer,
        place: Place,
        watcher: Watcher,
        mut ending: Shutdown,
    ) {
        let traffic = place.traffic();
        let bytes = traffic.clone();
        let served = async move {
            let stream = TcpStream::from_std(stream)?;
            connections::prepare(&stream);
            let shaken = handshake(self.tls.clone(), Watched::new(stream, bytes));
            let stream = tokio::select! {
                stream = shaken => stream?,
                () = requested(&mut ending) => return Ok(()), // no request of it has come yet
            };
            watcher.watch(self.connection(stream, peer)).await
        };
        let served: Result<(), Box<dyn std::error::Error + Send + Sync>> = served.await;
        if let Err(error) = served {
            traffic.failed.fetch_add(1, Ordering::Relaxed);
            // Without the address: nobody's is written down.
            debug!(error, "a connection ended early");
        }
    }

    fn connection(
        self,
        stream: Stream<Watched<TcpStream>>,
        peer: Peer,
    ) -> impl GracefulConnection<Error = Box<dyn std::error::Error + Send + Sync>> + use<A> {
        let Server {
            protocol,
            connections,
            answers,
            ..
        } = self;
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(peer);
            let may_close = request.version() < Version::HTTP_2;
            let answer = answers.clone().oneshot(request.map(Body::new));
            let connections = connections.clone();
            async move {
                let mut response = answer.await?;
                if may_close && connections.are_crowded() {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(header::CONNECTION, close);
                }
                Ok::<_, Infallible>(response)
            }
        });
        protocol
            .serve_connection(TokioIo::new(stream), service)
            .into_owned()
    }
}

async fn handshake<S>(tls: Option<Tls>, stream: S) -> std::io::Result<Stream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match tls {
        Some(tls) => tls.accept(stream).await,
        None => Ok(Stream::Plain(stream)),
    }
}

/// HTTP/1 only. HTTP/2 without TLS is spoken by no browser and by few proxies, while one connection of it carries as many
/// requests as a hundred of these, may stay silent for ever, and has a class of attacks of its own (resets, continuations).
fn plain() -> auto::Builder<TokioExecutor> {
    secured().http1_only()
}

/// What the client has chosen in its handshake.
fn secured() -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        // Most answers are a head alone: one piece is cheaper to write than a list of one.
        .writev(false)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD_BYTES as u32);
    server
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::watch;

    use super::*;

    /// One request on a connection that may be kept; the answer's head.
    async fn ask(stream: &mut TcpStream) -> String {
        let request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        stream.write_all(request).await.expect("it reads");
        let mut answer = Vec::new();
        while !answer.ends_with(b"ok") {
            let byte = stream.read_u8().await.expect("it answers");
            answer.push(byte);
        }
        String::from_utf8(answer).expect("text").to_lowercase()
    }

    #[tokio::test]
    async fn idle_connections_are_kept_until_half_of_the_places_are_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let connections = Connections::with_max(4, Arc::default(), Vec::new());
        let router = Router::new().route("/", get(|| async { "ok" }));
        let (end, ending) = watch::channel(false);
        let serving = tokio::spawn(serve(
            listener,
            connections,
            Lanes::here(),
            None,
            router,
            ending,
        ));

        let mut kept = Vec::new();
        for number in 1..=4 {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            let closes = ask(&mut stream).await.contains("connection: close");
            assert_eq!(closes, number > 2, "connection {number}");
            if closes {
                let mut rest = Vec::new();
                let ended = stream.read_to_end(&mut rest).await;
                assert_eq!(ended.expect("an orderly end"), 0);
            } else {
                kept.push(stream);
            }
        }
        for stream in &mut kept {
            assert!(!ask(stream).await.contains("connection: close"));
        }
        end.send_replace(true);
        serving.await.expect("it ends in order");
    }
}

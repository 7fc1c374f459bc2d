//! Serves a router on a socket: bounded in connections, in time for a request's head, and ended gracefully.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;
use tracing::{debug, warn};

use super::tls::{Stream, Tls};
use crate::shutdown::{Shutdown, requested};

/// Connections open at once on one listener; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 1024;
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
/// An HTTP/2 client that does not answer a ping this long after being silent has gone, and its place is free again.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// Who is at the other end of the connection; in the extensions of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Accepts until `shutdown`, then lets requests in progress end.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    router: Router,
    mut shutdown: Shutdown,
) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let server = Arc::new(server());
    loop {
        let slot = slots.clone().acquire_owned().await;
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = requested(&mut shutdown) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true); // only latency is lost without it
        let (server, router, tls) = (server.clone(), router.clone(), tls.clone());
        let watched = graceful.watcher();
        let mut ending = shutdown.clone();
        tokio::spawn(async move {
            let _slot = slot;
            let secured = async {
                match tls {
                    Some(tls) => tls.accept(stream).await,
                    None => Ok(Stream::Plain(stream)),
                }
            };
            let stream = tokio::select! {
                secured = secured => secured,
                () = requested(&mut ending) => return, // no request of it has come yet
            };
            let stream = match stream {
                Ok(stream) => stream,
                Err(error) => return debug!(%error, %peer, "a handshake failed"),
            };
            let connection = connection(&server, stream, Peer(peer), router);
            if let Err(error) = watched.watch(connection).await {
                debug!(%error, %peer, "a connection ended early");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown())
        .await
        .is_err()
    {
        warn!("some requests were cut off at the end");
    }
}

fn server() -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(HEAD_TIMEOUT)
        .max_header_list_size(MAX_HEAD_BYTES as u32);
    server
}

fn connection(
    server: &auto::Builder<TokioExecutor>,
    stream: Stream<TcpStream>,
    peer: Peer,
    router: Router,
) -> impl hyper_util::server::graceful::GracefulConnection<Error: std::fmt::Display> + use<> {
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request.map(axum::body::Body::new))
    });
    server
        .serve_connection(TokioIo::new(stream), service)
        .into_owned()
}

//! TLS in front of a listener: the handshake and the stream that comes of it. HTTP knows nothing of it but the stream.
//!
//! [`certificate`] reads certificate and key and takes up new ones while the collector runs; [`validity`] reads when a
//! certificate ends.

pub mod certificate;
pub mod validity;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::server::TlsStream;

use certificate::Certificate;

/// A phone on a bad line needs three or four round trips; whoever takes longer only holds the connection's slot.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(8);
/// Best first. A browser takes HTTP/2, where its beacons and scripts share one connection.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The one implementation of cryptography that is linked.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Makes TLS out of connections.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// Answers with whatever `certificate` is current when a client comes.
    pub fn new(certificate: Arc<Certificate>) -> Tls {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring knows TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(certificate);
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        Tls(TlsAcceptor::from(Arc::new(config)))
    }

    /// # Errors
    /// The client speaks no TLS that we do, gave up, or took longer than [`HANDSHAKE_TIMEOUT`].
    pub async fn accept<S>(&self, stream: S) -> io::Result<Stream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match timeout(HANDSHAKE_TIMEOUT, self.0.accept(stream)).await {
            Ok(accepted) => accepted.map(|stream| Stream::Tls(Box::new(stream))),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// A connection as HTTP sees it.
pub enum Stream<S> {
    Plain(S),
    /// Boxed: its state is a kilobyte that plain connections need not carry.
    Tls(Box<TlsStream<S>>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

//! A certificate authority of one test, and a client that trusts it and nobody else.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use collector::http::tls::provider;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

/// Where a pair was written.
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("the system's random source answers");
        let certificate = params.self_signed(&key).expect("its own key");
        let issuer = Issuer::new(params, key);
        Authority {
            issuer,
            certificate,
        }
    }

    /// Writes certificate and key for these names into `dir`, valid until the end of `last_year`.
    pub fn issue(&self, dir: &Path, names: &[&str], last_year: i32) -> Pair {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 12, 31);
        let key = KeyPair::generate().expect("the system's random source answers");
        let certificate = params.signed_by(&key, &self.issuer).expect("a good key");
        let pair = Pair {
            certificate: dir.join("fullchain.pem"),
            key: dir.join("privkey.pem"),
        };
        fs::write(&pair.key, key.serialize_pem()).expect("a scratch folder");
        fs::write(&pair.certificate, certificate.pem()).expect("a scratch folder");
        pair
    }

    /// The authority's own certificate as a file, for `SSL_CERT_FILE`.
    pub fn write(&self, dir: &Path) -> PathBuf {
        let path = dir.join("authority.pem");
        fs::write(&path, self.certificate.pem()).expect("a scratch folder");
        path
    }

    /// A checked connection to `localhost` on this port.
    pub async fn connect(
        &self,
        address: SocketAddr,
        protocols: &[&[u8]],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        let authority = self.certificate.der().clone();
        roots.add(authority).expect("it is a certificate");
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring knows them")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }
}

/// The certificate that the other side has shown.
pub fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    let chain = stream.get_ref().1.peer_certificates();
    chain.expect("a server shows one")[0].clone()
}

/// [`send_for_bytes`], for answers that are text.
pub async fn send(
    stream: TlsStream<TcpStream>,
    request: Request<Full<Bytes>>,
) -> (Response<()>, String) {
    let (head, bytes) = send_for_bytes(stream, request).await;
    (head, String::from_utf8(bytes).expect("answers are text"))
}

/// One request over a connection that has been made, by the protocol it has agreed on.
pub async fn send_for_bytes(
    stream: TlsStream<TcpStream>,
    request: Request<Full<Bytes>>,
) -> (Response<()>, Vec<u8>) {
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let io = TokioIo::new(stream);
    let response = if is_h2 {
        let executor = TokioExecutor::new();
        let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io)
            .await
            .expect("it speaks HTTP/2");
        tokio::spawn(connection);
        sender.send_request(request).await
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io)
            .await
            .expect("it speaks HTTP/1.1");
        tokio::spawn(connection);
        sender.send_request(request).await
    };
    let (head, body) = response.expect("it answers").into_parts();
    let body = body.collect().await.expect("the body arrives");
    (Response::from_parts(head, ()), body.to_bytes().to_vec())
}

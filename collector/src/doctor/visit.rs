//! One request, one connection, one answer: what a browser would get, with the reason when it would get nothing.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Position, Url};

use crate::http::tls::{provider, validity};

/// Connecting, and then the whole exchange. A visitor of the page would have left.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Pages and scripts are smaller; a larger answer is none of ours.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0} cannot be resolved")]
    Resolve(String),
    #[error("{host} does not take the connection: {reason}")]
    Connect { host: String, reason: String },
    #[error("{0} did not answer in time")]
    Timeout(String),
    #[error("the TLS handshake failed: {0}")]
    Tls(String),
    #[error("the connection broke off: {0}")]
    Broken(String),
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// End of the certificate's validity, where there was one.
    pub not_after_s: Option<i64>,
}

impl Answer {
    /// A header as text; empty when it is missing.
    pub fn header(&self, name: impl axum::http::header::AsHeaderName) -> &str {
        let value = self.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

pub struct Visitor {
    tls: TlsConnector,
}

impl Visitor {
    /// Trusts what this machine trusts (or the file in `SSL_CERT_FILE`).
    ///
    /// # Errors
    /// There is nothing that this machine trusts.
    pub fn new() -> anyhow::Result<Visitor> {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        ensure!(
            !roots.is_empty(),
            "this machine has no trusted certificates (Debian: apt-get install ca-certificates, or name a file in SSL_CERT_FILE)"
        );
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Visitor {
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// # Errors
    /// See [`Failure`].
    pub async fn get(&self, url: &Url) -> Result<Answer, Failure> {
        self.send(Method::GET, url, &[], Bytes::new()).await
    }

    /// Sends one request; redirects are answers.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: &[(HeaderName, String)],
        body: Bytes,
    ) -> Result<Answer, Failure> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        let path = url[Position::BeforePath..Position::AfterQuery].parse();
        *request.uri_mut() = path.map_err(broken)?;
        let host = &url[Position::BeforeHost..Position::AfterPort];
        let ours = [(header::HOST, host.to_owned())];
        for (name, value) in ours.iter().chain(headers) {
            let value = HeaderValue::from_str(value).map_err(broken)?;
            request.headers_mut().insert(name, value);
        }
        match timeout(ANSWER_TIMEOUT, self.exchange(url, request)).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::Timeout(host.to_owned())),
        }
    }

    async fn exchange(&self, url: &Url, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let stream = connect(url).await?;
        if url.scheme() != "https" {
            return answer(stream, request, None).await;
        }
        let name = ServerName::try_from(url.host_str().unwrap_or_default().to_owned());
        let name = name.map_err(|error| Failure::Tls(error.to_string()))?;
        let stream = self.tls.connect(name, stream).await.map_err(tls)?;
        let chain = stream.get_ref().1.peer_certificates();
        let not_after_s = chain.and_then(|chain| validity::not_after_s(chain.first()?));
        answer(stream, request, not_after_s).await
    }
}

async fn connect(url: &Url) -> Result<TcpStream, Failure> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(80);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((bare, port)).await;
    let addresses: Vec<_> = found.map_err(|_| Failure::Resolve(host.into()))?.collect();
    match timeout(CONNECT_TIMEOUT, TcpStream::connect(&addresses[..])).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(Failure::Connect {
            host: format!("{host}:{port}"),
            reason: error.to_string(),
        }),
        Err(_) => Err(Failure::Timeout(format!("{host}:{port}"))),
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
    not_after_s: Option<i64>,
) -> Result<Answer, Failure> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(broken)?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
    connection.abort();
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: body
            .map_err(|error| Failure::Broken(error.to_string()))?
            .to_bytes(),
        not_after_s,
    })
}

fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::Broken(error.to_string())
}

fn tls(error: io::Error) -> Failure {
    Failure::Tls(error.to_string())
}

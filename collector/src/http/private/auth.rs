//! The doors of the private listener, in this order: the host (a foreign name means DNS rebinding), the kind of a writing call
//! (a foreign page means CSRF), the token. They know nothing of what lies behind them.
//!
//! Without a token everything is open: the configuration allows that on loopback only. The login cookie holds a digest of the
//! token, so that a leaked cookie does not give the token away and a changed token ends every login.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::config;
use crate::http::Problem;

const COOKIE: &str = "vitalscope_login";
/// Long enough not to be asked each morning, short enough that a forgotten machine closes by itself.
const COOKIE_AGE_S: u32 = 7 * 24 * 3600;
/// Answer one word, hold no data, and are asked by machines that know no token.
const OPEN_PATHS: [&str; 4] = ["/healthz", "/readyz", "/login", "/assets/style.css"];

/// Who may come in.
pub struct Doors {
    hosts: Vec<String>,
    /// Digests of the token and of the cookie made from it.
    secrets: Option<Secrets>,
}

struct Secrets {
    token: [u8; 32],
    cookie: String,
}

impl Doors {
    pub fn new(config: &config::Private) -> Doors {
        let secrets = config
            .token
            .as_deref()
            .filter(|token| !token.is_empty())
            .map(|token| Secrets {
                token: digest(token.as_bytes()),
                cookie: hex(&digest(
                    format!("vitalscope login cookie\n{token}").as_bytes(),
                )),
            });
        Doors {
            hosts: config
                .hosts
                .iter()
                .map(|host| host.to_ascii_lowercase())
                .collect(),
            secrets,
        }
    }

    fn knows_host(&self, authority: &str) -> bool {
        let authority = authority.to_ascii_lowercase();
        let host = host_of(&authority);
        is_loopback_name(host)
            || self
                .hosts
                .iter()
                .any(|known| *known == host || *known == authority)
    }

    fn knows_caller(&self, headers: &HeaderMap) -> bool {
        let Some(secrets) = &self.secrets else {
            return true;
        };
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let bearer = bearer
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        if let Some((_, token)) = bearer {
            return same(&digest(token.trim().as_bytes()), &secrets.token);
        }
        cookie(headers).is_some_and(|value| same(value.as_bytes(), secrets.cookie.as_bytes()))
    }
}

/// Lets a request through or answers in its place.
pub async fn pass(State(doors): State<Arc<Doors>>, request: Request, next: Next) -> Response {
    let host = authority(request.uri(), request.headers());
    if !host.is_some_and(|host| doors.knows_host(host)) {
        let detail = "this host name is not served here; list it in [private] hosts to allow it";
        return Problem::new(StatusCode::MISDIRECTED_REQUEST, "unknown-host", detail)
            .into_response();
    }
    let path = request.uri().path();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads && let Err(problem) = check_writing(request.headers(), path) {
        return problem.into_response();
    }
    if !OPEN_PATHS.contains(&path) && !doors.knows_caller(request.headers()) {
        return if path == "/" && reads {
            login_page(StatusCode::UNAUTHORIZED, "")
        } else {
            unauthorized()
        };
    }
    next.run(request).await
}

/// The login form's target; in front of the dashboard only where there is a token.
pub fn login_router(doors: Arc<Doors>) -> Router {
    Router::new()
        .route("/login", post(login).get(|| async { Redirect::to("/") }))
        .route("/logout", get(logout))
        .with_state(doors)
}

#[derive(Deserialize)]
struct Login {
    token: String,
}

async fn login(
    State(doors): State<Arc<Doors>>,
    headers: HeaderMap,
    Form(login): Form<Login>,
) -> Response {
    let Some(secrets) = &doors.secrets else {
        return Redirect::to("/").into_response();
    };
    if !same(&digest(login.token.trim().as_bytes()), &secrets.token) {
        return login_page(StatusCode::UNAUTHORIZED, "That is not the token.");
    }
    let cookie = format!(
        "{COOKIE}={}; Path=/; Max-Age={COOKIE_AGE_S}; HttpOnly; SameSite=Strict{}",
        secrets.cookie,
        // The form says where it stands, also behind a proxy that ends TLS: such a cookie never goes over plain HTTP again.
        if is_from_https(&headers) {
            "; Secure"
        } else {
            ""
        }
    );
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

fn is_from_https(headers: &HeaderMap) -> bool {
    headers
        .get(header::ORIGIN)
        .is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

async fn logout() -> Response {
    let cookie = format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

/// A foreign page can post only forms and plain text without a preflight, and its browser says where the call comes from.
fn check_writing(headers: &HeaderMap, path: &str) -> Result<(), Problem> {
    let site = headers.get("sec-fetch-site").map(|value| value.as_bytes());
    if !matches!(site, None | Some(b"same-origin" | b"none")) {
        let detail =
            "writing calls are taken from the dashboard's own pages and from programs only";
        return Err(Problem::new(StatusCode::FORBIDDEN, "cross-site", detail));
    }
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim();
    if path != "/login" && !content_type.eq_ignore_ascii_case("application/json") {
        let detail = "writing calls need Content-Type: application/json";
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not-json",
            detail,
        ));
    }
    Ok(())
}

fn unauthorized() -> Response {
    let detail = "a token is required: Authorization: Bearer TOKEN";
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail);
    ([(header::WWW_AUTHENTICATE, "Bearer")], problem).into_response()
}

/// `message` is one of our own sentences.
fn login_page(status: StatusCode, message: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Vitalscope – log in</title><link rel=\"stylesheet\" href=\"/assets/style.css\"></head><body class=\"login\"><main>\
         <form method=\"post\" action=\"/login\"><h1>Vitalscope</h1><p>This dashboard is open to holders of its token, the key \
         <code>[private] token</code> of the collector.</p><label for=\"token\">Token</label>\
         <input id=\"token\" name=\"token\" type=\"password\" autocomplete=\"current-password\" required autofocus>\
         <p class=\"wrong\" role=\"alert\">{message}</p><button type=\"submit\">Log in</button></form></main></body></html>"
    );
    (status, Html(page)).into_response()
}

/// HTTP/2 names the host in the request's address, HTTP/1.1 in a header.
fn authority<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let named = uri.authority().map(|authority| authority.as_str());
    named.or_else(|| {
        headers
            .get(header::HOST)
            .and_then(|value| value.to_str().ok())
    })
}

/// `[::1]:8081` -> `::1`, `localhost.:80` -> `localhost`.
fn host_of(authority: &str) -> &str {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.strip_suffix('.').unwrap_or(host)
}

fn is_loopback_name(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    })
}

/// Equal, in a time that does not depend on where the first difference is.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .fold(0, |different, (l, r)| different | (l ^ r))
            == 0
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_host(authority: &str, expected: bool) {
        let doors = Doors::new(&config::Private {
            hosts: vec!["rum.example.org".into()],
            ..Default::default()
        });
        assert_eq!(doors.knows_host(authority), expected, "{authority}");
    }

    #[test]
    fn only_loopback_and_listed_hosts_are_known() {
        for host in [
            "localhost",
            "LOCALHOST:8081",
            "a.localhost",
            "127.0.0.1:8081",
            "127.9.9.9",
            "[::1]:8081",
            "rum.example.org:443",
        ] {
            check_host(host, true);
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::2]",
            "xlocalhost",
        ] {
            check_host(host, false);
        }
    }

    #[test]
    fn comparing_needs_every_byte() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd") && !same(b"abc", b"ab") && !same(b"", b"a"));
    }
}

//! The dashboard's own files, embedded in the binary. They hold no data: everything shown comes through the API.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::http::Problem;

// tidy: reads all of dashboards/web
#[derive(RustEmbed)]
#[folder = "../dashboards/web/"]
struct Files;

/// The page and what it loads. One page serves all views; which one is in the address's query.
pub fn router() -> Router {
    Router::new()
        .route(
            "/",
            get(|headers: HeaderMap| async move { file("index.html", &headers) }),
        )
        .route(
            "/assets/{*file}",
            get(
                |Path(name): Path<String>, headers: HeaderMap| async move { file(&name, &headers) },
            ),
        )
}

/// Files change only with the binary, so browsers keep them and ask whether their copy is still right.
fn file(name: &str, headers: &HeaderMap) -> Response {
    let Some(found) = Files::get(name) else {
        return Problem::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "the dashboard has no such file",
        )
        .into_response();
    };
    let tag = entity_tag(&found);
    let fixed = [
        (header::ETAG, tag.as_str()),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    if headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == tag.as_bytes())
    {
        return (StatusCode::NOT_MODIFIED, fixed).into_response();
    }
    (
        fixed,
        [(header::CONTENT_TYPE, content_type(name))],
        found.data,
    )
        .into_response()
}

fn entity_tag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let mut tag = String::from("\"");
    for byte in &hash[..12] {
        let _ = write!(tag, "{byte:02x}");
    }
    tag + "\""
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

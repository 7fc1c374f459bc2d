//! CORS headers on every answer of the public listener, errors included: an agent must be able to tell a refusal from a dead
//! network. Nothing here is a secret, and no answer depends on a cookie.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use percent_encoding::percent_decode_str;

use super::State as Public;
use super::apps;

/// Adds the headers to whatever comes back.
pub async fn headers(State(state): State<Arc<Public>>, request: Request, next: Next) -> Response {
    let listed = listed(&state, &request);
    let mut response = next.run(request).await;
    set(response.headers_mut(), listed);
    response
}

/// The origin of a request, if it is listed.
pub fn listed(state: &Public, request: &Request) -> Option<HeaderValue> {
    let origin = request.headers().get(header::ORIGIN)?;
    is_listed(state, request.uri().path(), origin).then(|| origin.clone())
}

/// Whether a listed app's own page is speaking to that app's route.
fn is_listed(state: &Public, path: &str, origin: &HeaderValue) -> bool {
    let app = path
        .strip_prefix(state.ingest_path.as_str())
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|name| percent_decode_str(name).decode_utf8().ok())
        .and_then(|name| state.apps.find(&name));
    match (app, origin.to_str()) {
        (Some(app), Ok(origin)) => apps::lists(app, origin),
        _ => false,
    }
}

/// A listed origin is echoed and may send credentials; everyone else reads the answer without them.
pub fn set(headers: &mut HeaderMap, listed: Option<HeaderValue>) {
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Retry-After"),
    );
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let origin = match listed {
        Some(origin) => {
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
            origin
        }
        None => HeaderValue::from_static("*"),
    };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
}

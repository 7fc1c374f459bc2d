//! The one error answer: problem JSON (RFC 9457). A client gets a status, a code and a sentence; what went wrong inside goes to
//! the log.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An answer other than success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub status: StatusCode,
    /// Stable and short, for programs: `unknown-app`, `too-large`.
    pub code: &'static str,
    /// For people.
    pub detail: String,
    /// When to come back: sent as `Retry-After`.
    pub retry_after_s: Option<u32>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Problem {
        Problem {
            status,
            code,
            detail: detail.into(),
            retry_after_s: None,
        }
    }

    pub fn retry_after(self, seconds: u32) -> Problem {
        Problem {
            retry_after_s: Some(seconds),
            ..self
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("error"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        let content_type = HeaderValue::from_static("application/problem+json");
        let mut response = (
            self.status,
            [(header::CONTENT_TYPE, content_type)],
            body.to_string(),
        )
            .into_response();
        if let Some(seconds) = self.retry_after_s {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

//! What the API is, for programs: an OpenAPI document made from the handlers themselves, and the check that a question has no
//! parameter which the document does not know: `devise=mobile` must not be answered as if nothing had been filtered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Extension;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::path::ParameterIn;
use utoipa::{IntoResponses, OpenApi, ToSchema};

use super::query::invalid;
use crate::http::Problem;

/// Where the API is; paths of the document are below it.
pub const BASE: &str = "/api/v1";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Vitalscope",
        description = "What the dashboard reads. Times are ms since the epoch, UTC; 0 stands for \"not yet\". Values are in the vital's unit: ms, \
            but CLS has none and MEMORY is in bytes. Percentiles come from buckets about 8 % wide, interpolated. A token, where one is set, \
            goes into `Authorization: Bearer`. Answers made from rollups have an `ETag`.",
    ),
    servers((url = "/api/v1"))
)]
pub struct Base;

/// How every refusal looks (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemAnswer {
    pub r#type: String,
    pub title: String,
    pub status: u16,
    /// Stable and short, for programs.
    pub code: String,
    /// For people.
    pub detail: String,
}

#[derive(IntoResponses)]
#[allow(dead_code, reason = "only describes what problems there are")]
pub enum Refusals {
    /// Something in the question is not understood; the detail says what.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(#[to_schema] ProblemAnswer),
    /// A token is required.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(#[to_schema] ProblemAnswer),
    /// Nothing of this name was ever seen.
    #[response(status = 404, content_type = "application/problem+json")]
    Unknown(#[to_schema] ProblemAnswer),
    /// ClickHouse does not answer; `Retry-After` says when to come again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] ProblemAnswer),
}

/// The document, written once.
#[derive(Clone)]
pub struct Document(Arc<str>);

impl Document {
    pub fn new(api: &utoipa::openapi::OpenApi) -> Document {
        let text = serde_json::to_string(api).expect("an OpenAPI document is JSON");
        Document(text.into())
    }
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value)))]
pub async fn document(Extension(document): Extension<Document>) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, document.0.to_string()).into_response()
}

/// Parameter names by path, as the document has them.
pub type Names = Arc<BTreeMap<String, BTreeSet<String>>>;

pub fn names(api: &utoipa::openapi::OpenApi) -> Names {
    let mut names = BTreeMap::new();
    for (path, item) in &api.paths.paths {
        let operations = [&item.get, &item.post].into_iter().flatten();
        let parameters = operations.filter_map(|operation| operation.parameters.as_ref());
        let known: BTreeSet<String> = parameters
            .flatten()
            .filter(|parameter| parameter.parameter_in == ParameterIn::Query)
            .map(|parameter| parameter.name.clone())
            .collect();
        names.insert(format!("{BASE}{path}"), known);
    }
    Arc::new(names)
}

/// Refuses a question with a parameter that its path does not have.
pub async fn known_parameters(
    State(names): State<Names>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    if let Some(known) = names.get(path.as_str()) {
        let query = request.uri().query().unwrap_or_default();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let mut asked = pairs.map(|pair| pair.split('=').next().unwrap_or_default());
        if asked.any(|name| !known.contains(name)) {
            return unknown_parameter(known).into_response();
        }
    }
    next.run(request).await
}

/// The name itself is not repeated: it is what a stranger wrote.
fn unknown_parameter(known: &BTreeSet<String>) -> Problem {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    if known.is_empty() {
        invalid("there are no parameters here")
    } else {
        invalid(&format!(
            "there is a parameter that is not known here; known are {}",
            known.join(", ")
        ))
    }
}

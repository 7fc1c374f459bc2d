//! `POST {ingest.path}/{app}`: one beacon, or many as NDJSON. 2xx means durable.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use wire::decode::Refusal;
use wire::limits::MAX_NDJSON_LINES;

use super::admit::{self, Admitted};
use super::client_address::is_trusted;
use super::flight::Flight;
use super::refused::{self, Refused, refuse};
use super::{State as Public, body};
use crate::http::listen::Peer;
use crate::ingest::names::Kind;
use crate::ingest::{self, Accepted, Client, Discard, Meta, payload};
use crate::metrics::Reason;
use crate::spool::AppendError;

/// Refusals told in one answer; all of them are counted.
const MAX_TOLD: usize = 1000;

/// The answer when something was refused. `accepted` counts items of a single beacon, beacons of NDJSON.
#[derive(Debug, Default, Serialize)]
struct Partial {
    accepted: usize,
    rejected: Vec<Told>,
}

#[derive(Debug, Serialize)]
struct Told {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// Counts `m`, then `ops`; absent when the whole line is refused, and for what was computed from raw entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    code: &'static str,
    detail: String,
}

/// `OPTIONS`: what a browser asks before it sends JSON or a compressed body.
pub async fn preflight() -> Response {
    let headers: [(HeaderName, HeaderValue); 3] = [
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("POST"),
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("content-type, content-encoding"),
        ),
        (
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static("86400"),
        ),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// `POST`.
pub async fn post(
    State(state): State<Arc<Public>>,
    Path(app): Path<String>,
    request: Request,
) -> Response {
    answer(&state, &app, request).await
}

/// The name of the app in a request that brings a beacon, where it stands in the path as it is.
pub fn app_of<'r>(state: &Public, request: &'r Request) -> Option<&'r str> {
    let path = request.uri().path();
    let app = path.strip_prefix(&*state.ingest_path)?.strip_prefix('/')?;
    let is_plain = !app.is_empty() && !app.contains(['/', '%']);
    (is_plain && request.method() == Method::POST).then_some(app)
}

/// What to say to a beacon for `app`, once its fate is known.
pub async fn answer(state: &Arc<Public>, app: &str, request: Request) -> Response {
    let began = Instant::now();
    let mut flight = Flight::begin(state.metrics.clone());
    let (head, mut body) = request.into_parts();
    let result = take(state, app, &head, &mut body, &mut flight).await;
    let response = match result {
        Ok(partial) => {
            state.metrics.acked(began.elapsed());
            success(partial)
        }
        Err(refused) => {
            flight.all_rejected(refused.reason);
            body::drain(body).await;
            refused.problem.into_response()
        }
    };
    flight.end();
    response
}

fn success(partial: Partial) -> Response {
    if partial.rejected.is_empty() {
        StatusCode::NO_CONTENT.into_response()
    } else {
        Json(partial).into_response()
    }
}

async fn take(
    state: &Arc<Public>,
    app: &str,
    head: &request::Parts,
    body: &mut Body,
    flight: &mut Flight,
) -> Result<Partial, Refused> {
    let admitted = admit::admit(state, app, head)?;
    let mut content = body::read(body, admitted.codec, &state.large_bodies).await?;
    let client = client(state, &head.headers);
    let country = country(state, head);
    let meta = Meta {
        app,
        routes: &admitted.app.routes,
        raw_path: admitted.app.raw_path,
        client: &client,
        country: &country,
    };
    let now_ms = (state.now_ms)();
    let (payloads, partial) = if is_ndjson(&admitted, &content.bytes) {
        judge_lines(state, &content.bytes, &meta, now_ms, flight)?
    } else {
        judge_one(state, &content.bytes, &meta, now_ms, flight)?
    };
    content.bytes = Bytes::new(); // nobody waits for the disk with a buffer in hand
    // One was paid for at the head.
    state.limits.charge(&admitted.account, flight.carried() - 1);
    keep(state, payloads, flight).await?;
    Ok(partial)
}

/// Many beacons: announced, or the first line is a whole JSON object and another follows.
fn is_ndjson(admitted: &Admitted<'_>, bytes: &[u8]) -> bool {
    if admitted.is_ndjson {
        return true;
    }
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        return false;
    };
    let (first, rest) = (bytes[..end].trim_ascii(), bytes[end..].trim_ascii());
    first.starts_with(b"{")
        && rest.starts_with(b"{")
        && serde_json::from_slice::<serde::de::IgnoredAny>(first).is_ok()
}

type Judged = (Vec<Bytes>, Partial);

fn judge_one(
    state: &Public,
    bytes: &[u8],
    meta: &Meta<'_>,
    now_ms: u64,
    flight: &mut Flight,
) -> Result<Judged, Refused> {
    let mut partial = Partial::default();
    match ingest::accept(bytes, meta, now_ms) {
        Ok(mut taken) => {
            tell(state, &mut partial, None, taken.refused);
            settle(state, &mut taken.accepted, meta);
            let beacon = &taken.accepted.beacon;
            partial.accepted = beacon.measurements.len() + beacon.operations.len();
            Ok((vec![payload::encode(&taken.accepted)], partial))
        }
        Err(Discard::Bot) => {
            flight.rejected(Reason::Bot);
            Ok((Vec::new(), partial))
        }
        Err(Discard::TooLarge) => Err(refused::too_large()),
        Err(Discard::Malformed(detail)) => {
            Err(refuse(Reason::Malformed, StatusCode::BAD_REQUEST, detail))
        }
    }
}

fn judge_lines(
    state: &Public,
    bytes: &[u8],
    meta: &Meta<'_>,
    now_ms: u64,
    flight: &mut Flight,
) -> Result<Judged, Refused> {
    let lines = || {
        let lines = bytes.split(|&byte| byte == b'\n').enumerate();
        lines.filter(|(_, line)| !line.trim_ascii().is_empty())
    };
    let count = lines().count();
    if count == 0 {
        let detail = "there is no line in the body";
        return Err(refuse(Reason::Malformed, StatusCode::BAD_REQUEST, detail));
    }
    flight.carries(count as u64);
    if count > MAX_NDJSON_LINES {
        return Err(refused::too_large());
    }
    let (mut payloads, mut partial) = (Vec::new(), Partial::default());
    for (line, bytes) in lines() {
        match ingest::accept(bytes, meta, now_ms) {
            Ok(mut taken) => {
                tell(state, &mut partial, Some(line), taken.refused);
                settle(state, &mut taken.accepted, meta);
                partial.accepted += 1;
                payloads.push(payload::encode(&taken.accepted));
            }
            Err(discard) => {
                flight.rejected(reason(&discard));
                if discard != Discard::Bot && partial.rejected.len() < MAX_TOLD {
                    partial.rejected.push(Told {
                        line: Some(line),
                        index: None,
                        code: reason(&discard).name(),
                        detail: discard.to_string(),
                    });
                }
            }
        }
    }
    Ok((payloads, partial))
}

/// Holds the beacon to the number of names that its app may bring.
fn settle(state: &Public, accepted: &mut Accepted, meta: &Meta<'_>) {
    if state.apps.is_open() {
        let now_ms = accepted.received_ms;
        state.names.learn("", Kind::App, meta.app, now_ms);
    }
    for kind in state.names.settle(accepted, meta.routes) {
        state.metrics.overflowed(kind.name());
    }
}

fn tell(state: &Public, partial: &mut Partial, line: Option<usize>, refused: Vec<Refusal>) {
    for refusal in refused {
        state.metrics.measurement_rejected(refusal.code.name());
        if partial.rejected.len() < MAX_TOLD {
            partial.rejected.push(Told {
                line,
                index: refusal.index,
                code: refusal.code.name(),
                detail: refusal.detail,
            });
        }
    }
}

fn reason(discard: &Discard) -> Reason {
    match discard {
        Discard::TooLarge => Reason::TooLarge,
        Discard::Malformed(_) => Reason::Malformed,
        Discard::Bot => Reason::Bot,
    }
}

/// Makes the payloads durable. Goes on when the client leaves meanwhile: what is on its way to the disk may well arrive there,
/// and has to be counted as what it is.
async fn keep(
    state: &Arc<Public>,
    payloads: Vec<Bytes>,
    flight: &mut Flight,
) -> Result<(), Refused> {
    let count = payloads.len() as u64;
    if count == 0 {
        return Ok(());
    }
    flight.spooled(count);
    let metrics = state.metrics.clone();
    let told = move |error: &AppendError| {
        metrics.spool_refused(refused::unavailable(error).reason, count);
    };
    let appended = state.spool.append_or_tell(payloads, told).await;
    appended.map_err(|error| refused::unavailable(&error))
}

fn client(state: &Public, headers: &HeaderMap) -> Arc<Client> {
    let user_agent = headers.get(header::USER_AGENT);
    let user_agent = user_agent.and_then(|text| text.to_str().ok());
    state.clients.read(user_agent.unwrap_or(""))
}

/// Two letters from the configured header, believed only from a trusted proxy.
fn country(state: &Public, head: &request::Parts) -> String {
    let Some(name) = &state.country_header else {
        return String::new();
    };
    let peer = head.extensions.get::<Peer>();
    let trusted =
        peer.is_some_and(|Peer(peer): &Peer| is_trusted(&state.trusted_proxies, peer.ip()));
    head.headers
        .get(name)
        .filter(|_| trusted)
        .and_then(|country| country.to_str().ok())
        .filter(|country| {
            country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_alphabetic())
        })
        .map(str::to_ascii_uppercase)
        .unwrap_or_default()
}

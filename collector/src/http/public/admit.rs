//! The cheap checks, before a byte of the body is read: nothing here allocates for what a client sent.
//!
//! The order is fixed: app, origin, declared size, media type, codec, rate (of the app, then of the address), spool.

use std::net::IpAddr;

use axum::http::{HeaderMap, StatusCode, header, request};
use wire::limits::MAX_NDJSON_BYTES;

use super::State;
use super::apps;
use super::body::Codec;
use super::client_address::{client_address, is_forwarded, is_trusted};
use super::limits::Account;
use super::refused::{Refused, refuse, too_large, unavailable};
use crate::config::App;
use crate::http::listen::Peer;
use crate::metrics::Reason;

/// A request that may be read.
#[derive(Debug)]
pub struct Admitted<'s> {
    pub app: &'s App,
    pub codec: Codec,
    /// The sender says that there are many beacons; without it the body's beginning decides.
    pub is_ndjson: bool,
    /// Who pays for what the body holds.
    pub account: Account<'s>,
}

/// # Errors
/// The answer to a request that is not read any further.
pub fn admit<'s>(
    state: &'s State,
    name: &'s str,
    head: &request::Parts,
) -> Result<Admitted<'s>, Refused> {
    let headers = &head.headers;
    let app = state.apps.admit(name, &state.names).ok_or_else(|| {
        refuse(
            Reason::UnknownApp,
            StatusCode::UNAUTHORIZED,
            "there is no app of this name",
        )
    })?;
    check_origin(app, headers)?;
    check_declared_size(headers)?;
    let is_ndjson = media_type(headers)?;
    let codec = codec(headers, head.uri.query())?;
    let account = state
        .limits
        .admit(app, name, address(state, head), &state.metrics)
        .inspect_err(|_| name_proxy(state, head))?;
    state.spool.accepts().map_err(|error| unavailable(&error))?;
    Ok(Admitted {
        app,
        codec,
        is_ndjson,
        account,
    })
}

/// Whom the request came from; None where nobody said (no socket).
fn address(state: &State, head: &request::Parts) -> Option<IpAddr> {
    let Peer(peer) = head.extensions.get::<Peer>()?;
    let trusted = &state.trusted_proxies;
    Some(client_address(peer.ip(), &head.headers, trusted))
}

/// The usual reason why honest visitors meet a limit: a proxy that nobody listed, so that all of them are one address. Said once.
fn name_proxy(state: &State, head: &request::Parts) {
    let Some(Peer(peer)) = head.extensions.get() else {
        return;
    };
    let is_ours = is_trusted(&state.trusted_proxies, peer.ip());
    if !is_ours && is_forwarded(&head.headers) && state.limits.is_first_hint() {
        tracing::warn!(
            "beacons over a rate limit come through a proxy that is not trusted: if it is yours, list it in ingest.trusted_proxies"
        );
    }
}

fn check_origin(app: &App, headers: &HeaderMap) -> Result<(), Refused> {
    let origin = headers.get(header::ORIGIN);
    // Bytes that are no text are an origin nobody lists.
    let origin = origin.map(|origin| origin.to_str().unwrap_or("null"));
    if apps::allows(app, origin) {
        return Ok(());
    }
    Err(refuse(
        Reason::OriginNotAllowed,
        StatusCode::FORBIDDEN,
        "this origin may not send for this app",
    ))
}

fn check_declared_size(headers: &HeaderMap) -> Result<(), Refused> {
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|declared| declared > MAX_NDJSON_BYTES as u64) {
        return Err(too_large());
    }
    Ok(())
}

/// Whether the request announces many beacons; an error for anything that is no JSON.
fn media_type(headers: &HeaderMap) -> Result<bool, Refused> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else {
        return Ok(false);
    };
    let essence = given.to_str().unwrap_or("invalid");
    let essence = essence.split(';').next().unwrap_or("").trim();
    let is = |name: &str| essence.eq_ignore_ascii_case(name);
    if is("application/x-ndjson") {
        Ok(true)
    } else if is("") || is("text/plain") || is("application/json") {
        Ok(false)
    } else {
        Err(unsupported(
            "send text/plain, application/json or application/x-ndjson",
        ))
    }
}

/// The body's codec, from its header or, where headers cannot be set, from `?enc=`.
fn codec(headers: &HeaderMap, query: Option<&str>) -> Result<Codec, Refused> {
    let named = match headers.get(header::CONTENT_ENCODING) {
        Some(named) => named.to_str().unwrap_or("invalid").trim(),
        None => query
            .and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("enc=")))
            .unwrap_or(""),
    };
    Codec::from_name(named).ok_or_else(|| unsupported("send gzip, br or identity"))
}

fn unsupported(detail: &str) -> Refused {
    refuse(
        Reason::UnsupportedMediaType,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        detail,
    )
}

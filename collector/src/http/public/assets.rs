//! The agent's script, the inline snippet, the optional offline queue and their manifest, embedded from the build of `js-shim`. A
//! collector without that build still runs: it takes beacons and says which command makes the script.

use std::io::Write;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use rust_embed::RustEmbed;
use serde_json::json;
use sha2::{Digest, Sha256, Sha384};

use super::State as Public;
use crate::http::Problem;

/// Hex digits of the content's hash in its address: enough that two builds never meet.
const HASH_DIGITS: usize = 16;
const BROTLI_QUALITY: u32 = 9;
const BROTLI_WINDOW_BITS: u32 = 22;
/// The address without a hash: pages see a new build within the hour, and a dead collector is bridged for a day.
const REVALIDATED: &str =
    "public, max-age=3600, stale-while-revalidate=86400, stale-if-error=86400";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

#[derive(RustEmbed)]
#[folder = "../js-shim/dist/"]
#[include = "agent.js"]
#[include = "snippet.js"]
#[include = "offline.js"]
#[allow_missing = true]
struct Files;

/// What there is to serve.
#[derive(Debug, Default)]
pub struct Assets {
    pub agent: Option<Script>,
    pub snippet: Option<Script>,
    /// The agent's optional part that keeps beacons across page loads.
    pub offline: Option<Script>,
}

/// One script with everything that can be said about it in advance.
#[derive(Debug)]
pub struct Script {
    identity: Bytes,
    gzip: Bytes,
    brotli: Bytes,
    hash: String,
    integrity: String,
}

impl Assets {
    /// The scripts of this build, for pages that post to `ingest_path`.
    pub fn embedded(ingest_path: &str) -> Assets {
        let load = |name| {
            let file = Files::get(name)?;
            let text = String::from_utf8(file.data.into_owned()).ok()?;
            Some(Script::new(posting_to(ingest_path, &text).into_bytes()))
        };
        Assets {
            agent: load("agent.js"),
            snippet: load("snippet.js"),
            offline: load("offline.js"),
        }
    }

    /// The snippet as text, to be written into a page; empty when it was not built.
    pub fn snippet_text(&self) -> &str {
        let snippet = self.snippet.as_ref();
        snippet.map_or("", |script| {
            std::str::from_utf8(&script.identity).unwrap_or("")
        })
    }
}

/// Where a script as it was built posts its beacons.
const BUILT_PATH: &str = "\"/v1/views/\"";

/// The script with another path. The configuration allows only characters that mean nothing in a text of JavaScript.
fn posting_to(ingest_path: &str, script: &str) -> String {
    script.replace(BUILT_PATH, &format!("\"{ingest_path}/\""))
}

impl Script {
    pub fn new(content: Vec<u8>) -> Script {
        let hash = Sha256::digest(&content);
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Script {
            gzip: gzip(&content).into(),
            brotli: brotli(&content).into(),
            hash: hash[..HASH_DIGITS].into(),
            integrity: format!(
                "sha384-{}",
                BASE64_STANDARD.encode(Sha384::digest(&content))
            ),
            identity: content.into(),
        }
    }

    /// The smallest form that the client takes.
    fn answer(&self, request: &HeaderMap, cache: &'static str) -> Response {
        let etag = format!("\"{}\"", self.hash);
        let mut headers = HeaderMap::new();
        let mut set = |name: HeaderName, value: &str| {
            // All values are ours: hex, base64 and constants.
            headers.insert(name, HeaderValue::from_str(value).expect("plain text"));
        };
        set(header::ETAG, &etag);
        set(header::CACHE_CONTROL, cache);
        set(header::VARY, "Accept-Encoding");
        set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        set(
            HeaderName::from_static("cross-origin-resource-policy"),
            "cross-origin",
        );
        set(HeaderName::from_static("timing-allow-origin"), "*");
        if names(request, header::IF_NONE_MATCH, &etag)
            || names(request, header::IF_NONE_MATCH, "*")
        {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        set(header::CONTENT_TYPE, "text/javascript; charset=utf-8");
        let accepts = |codec| names(request, header::ACCEPT_ENCODING, codec);
        let body = if accepts("br") {
            set(header::CONTENT_ENCODING, "br");
            &self.brotli
        } else if accepts("gzip") {
            set(header::CONTENT_ENCODING, "gzip");
            &self.gzip
        } else {
            &self.identity
        };
        (headers, body.clone()).into_response()
    }
}

/// The script of this build, under a name that the next build has too.
fn newest(script: &Option<Script>, headers: &HeaderMap) -> Response {
    match script {
        Some(script) => script.answer(headers, REVALIDATED),
        None => not_built(),
    }
}

/// `GET /agent.js`
pub async fn agent(State(state): State<Arc<Public>>, headers: HeaderMap) -> Response {
    newest(&state.assets.agent, &headers)
}

/// `GET /agent/{hash}.js`: this build only. An older hash is gone with its build; pages with an SRI hash must be told so.
pub async fn hashed_agent(
    State(state): State<Arc<Public>>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Response {
    match &state.assets.agent {
        Some(script) if file.strip_suffix(".js") == Some(&script.hash) => {
            script.answer(&headers, IMMUTABLE)
        }
        Some(_) => Problem::new(
            StatusCode::NOT_FOUND,
            "unknown-build",
            "this build is not here; see /agent/manifest.json for the one that is",
        )
        .into_response(),
        None => not_built(),
    }
}

/// `GET /snippet.js`
pub async fn snippet(State(state): State<Arc<Public>>, headers: HeaderMap) -> Response {
    newest(&state.assets.snippet, &headers)
}

/// `GET /offline.js`
pub async fn offline(State(state): State<Arc<Public>>, headers: HeaderMap) -> Response {
    newest(&state.assets.offline, &headers)
}

/// `GET /agent/manifest.json`: where the immutable script is, and the SRI hash of each script.
pub async fn manifest(State(state): State<Arc<Public>>) -> Response {
    let Assets {
        agent: Some(agent),
        snippet: Some(snippet),
        offline: Some(offline),
    } = &state.assets
    else {
        return not_built();
    };
    // The newest of its name, like a page finds it.
    let newest = |path: &str, script: &Script| {
        json!({
            "path": path,
            "integrity": script.integrity,
            "bytes": script.identity.len(),
        })
    };
    let manifest = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "agent": {
            "path": format!("/agent/{}.js", agent.hash),
            "hash": agent.hash,
            "integrity": agent.integrity,
            "bytes": agent.identity.len(),
            "brotli_bytes": agent.brotli.len(),
        },
        "snippet": newest("/snippet.js", snippet),
        "offline": newest("/offline.js", offline),
    });
    let no_cache = [(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    (no_cache, axum::Json(manifest)).into_response()
}

/// `GET /schema/beacon-v1.json`
pub async fn beacon_schema() -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/schema+json"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATED)),
    ];
    (headers, include_str!("beacon-v1.schema.json")).into_response()
}

fn not_built() -> Response {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "agent-not-built",
        "this collector was built without the agent: run `cargo xtask agent`, then build the collector again",
    )
    .into_response()
}

/// Whether a list header names `item`, and does not refuse it with `q=0`.
fn names(headers: &HeaderMap, name: HeaderName, item: &str) -> bool {
    let lists = headers.get_all(name);
    let mut items = lists
        .iter()
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','));
    items.any(|given| {
        let (given, parameters) = given.split_once(';').unwrap_or((given, ""));
        let given = given.trim();
        let refused = matches!(parameters.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
        given.strip_prefix("W/").unwrap_or(given) == item && !refused
    })
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let compressed = encoder.write_all(content).and_then(|()| encoder.finish());
    compressed.expect("a Vec takes everything")
}

fn brotli(content: &[u8]) -> Vec<u8> {
    let mut compressed = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(
        &mut compressed,
        64 * 1024,
        BROTLI_QUALITY,
        BROTLI_WINDOW_BITS,
    );
    encoder.write_all(content).expect("a Vec takes everything");
    drop(encoder);
    compressed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The real scripts: a build that writes the path in another way must not go unnoticed.
    #[test]
    fn scripts_post_to_the_configured_path() {
        let built = |assets: &Assets| {
            let texts = [&assets.agent, &assets.snippet].map(|script| {
                let script = script.as_ref().expect("cargo xtask agent has built it");
                String::from_utf8(script.identity.to_vec()).expect("text")
            });
            texts.concat()
        };
        let (usual, other) = (
            built(&Assets::embedded("/v1/views")),
            built(&Assets::embedded("/a-b/c")),
        );
        assert_eq!(usual.matches("\"/v1/views/\"").count(), 2);
        assert_eq!(other.matches("\"/a-b/c/\"").count(), 2);
        assert!(!other.contains("v1/views"));
    }
}

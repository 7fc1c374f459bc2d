//! Answers that were given a moment ago, so that the same question again costs nothing: several people, or one who reloads, look at
//! the same page. Kept in this process and not by browsers, for what was read should not outlive a login on somebody's disk.
//!
//! Everybody who passes the doors may see the same, so a question is its address. A range that ended is kept longer: its hours
//! are closed, and change only when something late arrives. Only what rollups say is kept: findings and baselines are few rows, and
//! read anew each time. A decision made through this listener ends every kept answer.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::query::{self, range};

/// Rollups of the running hour are a few seconds old already.
const LIVE: Duration = Duration::from_secs(5);
/// Late beacons of a closed hour are rare, and no trend changes by one.
const CLOSED: Duration = Duration::from_secs(300);
/// By then nearly every beacon of an hour has arrived.
const SETTLED_MS: i64 = 2 * 3_600_000;
/// In all; a page of the dashboard asks for about a hundredth of it.
const MAX_BYTES: usize = 32 << 20;
/// A larger one would push out everything else.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// Nothing we give is larger; beyond, something is wrong.
const MAX_BODY_BYTES: usize = 64 << 20;

/// Shared by all requests.
#[derive(Default)]
pub struct Answers {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    by_question: HashMap<String, Given>,
    bytes: usize,
    /// Counts decisions: an answer that was under way while one was made may be older than it.
    decisions: u64,
}

#[derive(Clone)]
struct Given {
    headers: HeaderMap,
    body: Bytes,
    until: Instant,
}

/// Gives a kept answer, or keeps the one that is made now.
pub async fn remembered(
    State(answers): State<Arc<Answers>>,
    request: Request,
    next: Next,
) -> Response {
    let uri = request.uri().clone();
    let question = uri.to_string();
    let has = request.headers().get(header::IF_NONE_MATCH).cloned();
    let (found, decisions) = answers.lock().get(&question, Instant::now());
    if let Some(given) = found {
        return given.unless(has.as_ref());
    }
    let response = next.run(request).await;
    if response.status() != StatusCode::OK {
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut headers = parts.headers;
    headers.insert(header::ETAG, entity_tag(&body));
    let now = Instant::now();
    let given = Given {
        headers,
        body,
        until: now + keep_for(&uri, query::now_ms()),
    };
    answers.lock().keep(question, given.clone(), decisions, now);
    given.unless(has.as_ref())
}

/// In front of decisions: what was answered before one is over.
pub async fn ended(State(answers): State<Arc<Answers>>, request: Request, next: Next) -> Response {
    let decides = request.method() == Method::POST;
    let response = next.run(request).await;
    if decides {
        answers.lock().forget();
    }
    response
}

impl Answers {
    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        // What is kept is whole at every moment, whoever panicked.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn get(&self, question: &str, now: Instant) -> (Option<Given>, u64) {
        let given = self.by_question.get(question);
        let fresh = given.filter(|given| now < given.until).cloned();
        (fresh, self.decisions)
    }

    fn keep(&mut self, question: String, given: Given, decisions: u64, now: Instant) {
        if decisions != self.decisions || given.body.len() > MAX_ANSWER_BYTES {
            return;
        }
        self.drop_one(&question);
        self.bytes += size(&question, &given);
        self.by_question.insert(question, given);
        if self.bytes > MAX_BYTES {
            self.by_question.retain(|_, given| now < given.until);
            let sizes = self.by_question.iter();
            self.bytes = sizes.map(|(question, given)| size(question, given)).sum();
        }
        while self.bytes > MAX_BYTES {
            let soonest = self.by_question.iter().min_by_key(|(_, given)| given.until);
            let Some(question) = soonest.map(|(question, _)| question.clone()) else {
                return;
            };
            self.drop_one(&question);
        }
    }

    fn drop_one(&mut self, question: &str) {
        if let Some((question, given)) = self.by_question.remove_entry(question) {
            self.bytes -= size(&question, &given);
        }
    }

    fn forget(&mut self) {
        self.by_question.clear();
        self.bytes = 0;
        self.decisions += 1;
    }
}

impl Given {
    /// 304 for a caller who says that it has this answer.
    fn unless(self, has: Option<&HeaderValue>) -> Response {
        let tag = self.headers.get(header::ETAG);
        let status = match (has, tag) {
            (Some(has), Some(tag)) if has == tag => StatusCode::NOT_MODIFIED,
            _ => StatusCode::OK,
        };
        let body = if status == StatusCode::OK {
            Body::from(self.body)
        } else {
            Body::empty()
        };
        (status, self.headers, body).into_response()
    }
}

fn size(question: &str, given: &Given) -> usize {
    question.len() + given.body.len()
}

/// How long an answer to this address stands.
fn keep_for(uri: &Uri, now_ms: i64) -> Duration {
    let pairs = uri.query().unwrap_or_default().split('&');
    let to = pairs
        .filter_map(|pair| pair.strip_prefix("to="))
        .next()
        .map(|to| to.replace("%3A", ":"));
    match to.map(|to| range::instant("to", &to)) {
        Some(Ok(to_ms)) if to_ms < now_ms - SETTLED_MS => CLOSED,
        _ => LIVE,
    }
}

fn entity_tag(body: &[u8]) -> HeaderValue {
    let mut tag = String::from("\"");
    for byte in &Sha256::digest(body)[..12] {
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    HeaderValue::from_str(&tag).expect("hexadecimal digits are a header's text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(bytes: usize, until: Instant) -> Given {
        Given {
            headers: HeaderMap::new(),
            body: Bytes::from(vec![0; bytes]),
            until,
        }
    }

    #[test]
    fn an_answer_stands_until_its_time_or_a_decision() {
        let (mut kept, now) = (Kept::default(), Instant::now());
        kept.keep("q".into(), given(1, now + LIVE), 0, now);
        assert!(kept.get("q", now).0.is_some());
        assert!(kept.get("q", now + LIVE).0.is_none());
        assert!(kept.get("other", now).0.is_none());
        kept.forget();
        assert!(kept.get("q", now).0.is_none());
        // Asked before the decision, answered after it.
        kept.keep("q".into(), given(1, now + LIVE), 0, now);
        assert!(kept.get("q", now).0.is_none());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (mut kept, now) = (Kept::default(), Instant::now());
        for number in 0..100 {
            let until = now + Duration::from_secs(100 + number);
            kept.keep(number.to_string(), given(1 << 20, until), 0, now);
            assert!(kept.bytes <= MAX_BYTES);
        }
        assert!(kept.get("99", now).0.is_some() && kept.get("0", now).0.is_none());
        kept.keep(
            "huge".into(),
            given(MAX_ANSWER_BYTES + 1, now + LIVE),
            0,
            now,
        );
        assert!(kept.get("huge", now).0.is_none());
        // The same question again takes no more room.
        let before = kept.bytes;
        kept.keep("99".into(), given(1 << 20, now + LIVE), 0, now);
        assert_eq!(kept.bytes, before);
    }

    #[test]
    fn a_range_that_ended_stands_longer() {
        let check = |address: &'static str, expected: Duration| {
            assert_eq!(
                keep_for(&Uri::from_static(address), 1_795_257_000_000),
                expected,
                "{address}"
            );
        };
        check("/api/v1/routes?to=2026-11-20T00:00:00Z", CLOSED);
        check(
            "/api/v1/routes?app=shop&to=2026-11-20T00%3A00%3A00Z",
            CLOSED,
        );
        check("/api/v1/routes?to=1795257000000", LIVE);
        check("/api/v1/routes?to=never", LIVE);
        check("/api/v1/routes?range=24h", LIVE);
        check("/api/v1/routes", LIVE);
    }
}

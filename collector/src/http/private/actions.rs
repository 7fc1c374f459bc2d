//! What people decide: a deploy happened, a finding is muted, a baseline is right or wrong. Each becomes a row that the detector
//! reads next time.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use detect::Ruling;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::limits::MAX_NAME_BYTES;

use super::openapi::Refusals;
use super::query::{self, DAY_MS};
use super::{State, findings};
use crate::http::Problem;
use crate::store::decisions;
use crate::store::queries::{self, DeployRow};

const MUTED: &str = "muted";
/// A note is a sentence or two.
const MAX_NOTE_BYTES: usize = 2_000;
/// A deploy may be announced a little ahead, for clocks differ; not planned.
const MAX_AHEAD_MS: i64 = DAY_MS;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDeploy {
    pub app: String,
    pub release: String,
    /// As the pages send it; a page that names none belongs to the empty one.
    #[serde(default)]
    pub environment: String,
    /// RFC 3339; now when absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// Who says so: `ci`, a person, a script.
    #[serde(default)]
    pub source: String,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    #[serde(default)]
    pub note: String,
}

/// What the decision made of its subject.
#[derive(Debug, Serialize, ToSchema)]
pub struct Decided {
    pub id: String,
    pub state: String,
}

/// Marks the moment a release went live.
#[utoipa::path(
    post, path = "/deploys", request_body = NewDeploy,
    responses((status = 201, body = DeployRow), Refusals)
)]
pub async fn deploy(
    Shared(state): Shared<State>,
    body: Result<Json<NewDeploy>, JsonRejection>,
) -> Result<(StatusCode, Json<DeployRow>), Problem> {
    let Json(new) = body.map_err(malformed)?;
    let named = |name: &str, value: &str, required: bool| {
        let fits = value.len() <= MAX_NAME_BYTES
            && !value.chars().any(char::is_control)
            && (!required || !value.is_empty());
        if fits {
            Ok(())
        } else {
            Err(query::invalid(&format!(
                "{name} is a name of 1 to {MAX_NAME_BYTES} bytes"
            )))
        }
    };
    named("app", &new.app, true)?;
    named("release", &new.release, true)?;
    named("environment", &new.environment, false)?;
    named("source", &new.source, false)?;
    let now_ms = query::now_ms();
    let at_ms = new.at.map_or(now_ms, Timestamp::as_millisecond);
    if !(0..=now_ms + MAX_AHEAD_MS).contains(&at_ms) {
        return Err(query::invalid("at lies more than a day ahead"));
    }
    let known =
        state.config.apps.is_empty() || state.config.apps.iter().any(|app| app.name == new.app);
    if !known {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "unknown-app",
            "no such app is configured",
        ));
    }
    let source = if new.source.is_empty() {
        "api".to_owned()
    } else {
        new.source
    };
    let deploy = decisions::Deploy {
        app: new.app,
        environment: new.environment,
        release: new.release,
        at_ms,
        source,
    };
    decisions::deploy(&state.store, &deploy)
        .await
        .map_err(unwritten)?;
    let decisions::Deploy {
        app,
        environment,
        release,
        at_ms,
        source,
    } = deploy;
    Ok((
        StatusCode::CREATED,
        Json(DeployRow {
            app,
            environment,
            release,
            at_ms,
            source,
        }),
    ))
}

/// Nobody is told of this finding any more; it is still watched.
#[utoipa::path(
    post, path = "/findings/{id}/mute", params(("id" = String, Path)), request_body = Note,
    responses((status = 200, body = Decided), Refusals)
)]
pub async fn mute(
    Shared(state): Shared<State>,
    Path(id): Path<String>,
    body: Result<Json<Note>, JsonRejection>,
) -> Result<Json<Decided>, Problem> {
    let note = note(body)?;
    let now_ms = query::now_ms();
    findings::find(&state, &id, now_ms).await?;
    decisions::mute(&state.store, &id, &note)
        .await
        .map_err(unwritten)?;
    Ok(Json(Decided {
        id,
        state: MUTED.to_owned(),
    }))
}

/// People are told of this finding again; 409 when it is not muted.
#[utoipa::path(
    post, path = "/findings/{id}/unmute", params(("id" = String, Path)), request_body = Note,
    responses((status = 200, body = Decided), Refusals)
)]
pub async fn unmute(
    Shared(state): Shared<State>,
    Path(id): Path<String>,
    body: Result<Json<Note>, JsonRejection>,
) -> Result<Json<Decided>, Problem> {
    let note = note(body)?;
    let now_ms = query::now_ms();
    if findings::find(&state, &id, now_ms).await?.state != MUTED {
        let detail = "this finding is not muted";
        return Err(Problem::new(StatusCode::CONFLICT, "not-muted", detail));
    }
    decisions::unmute(&state.store, &id, &note)
        .await
        .map_err(unwritten)?;
    let state = findings::find(&state, &id, now_ms).await?.state;
    Ok(Json(Decided { id, state }))
}

/// The hours that this baseline has are normal: later ones are judged by them.
#[utoipa::path(
    post, path = "/baselines/{id}/approve", params(("id" = String, Path)), request_body = Note,
    responses((status = 200, body = Decided), Refusals)
)]
pub async fn approve(
    Shared(state): Shared<State>,
    Path(id): Path<String>,
    body: Result<Json<Note>, JsonRejection>,
) -> Result<Json<Decided>, Problem> {
    judge(&state, id, body, Ruling::Approved).await
}

/// The hours that this baseline has are not normal: the one approved before takes its place.
#[utoipa::path(
    post, path = "/baselines/{id}/reject", params(("id" = String, Path)), request_body = Note,
    responses((status = 200, body = Decided), Refusals)
)]
pub async fn reject(
    Shared(state): Shared<State>,
    Path(id): Path<String>,
    body: Result<Json<Note>, JsonRejection>,
) -> Result<Json<Decided>, Problem> {
    judge(&state, id, body, Ruling::Rejected).await
}

async fn judge(
    state: &State,
    id: String,
    body: Result<Json<Note>, JsonRejection>,
    ruling: Ruling,
) -> Result<Json<Decided>, Problem> {
    let note = note(body)?;
    let known = if id.is_empty() {
        None
    } else {
        queries::baseline(&state.store, &id).await?
    };
    let Some(known) = known else {
        let detail = "there is no baseline with this id";
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "unknown-baseline",
            detail,
        ));
    };
    if known.is_learning() {
        let detail = "there is too little history to approve or reject";
        return Err(Problem::new(StatusCode::CONFLICT, "learning", detail));
    }
    decisions::judge_baseline(&state.store, &id, ruling, &note)
        .await
        .map_err(unwritten)?;
    Ok(Json(Decided {
        id,
        state: ruling.name().to_owned(),
    }))
}

fn note(body: Result<Json<Note>, JsonRejection>) -> Result<String, Problem> {
    let Json(Note { note }) = body.map_err(malformed)?;
    if note.len() > MAX_NOTE_BYTES {
        return Err(query::invalid(&format!(
            "note has at most {MAX_NOTE_BYTES} bytes"
        )));
    }
    Ok(note)
}

fn malformed(rejection: JsonRejection) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed", rejection.body_text())
}

fn unwritten(error: anyhow::Error) -> Problem {
    tracing::warn!(
        error = format!("{error:#}"),
        "a decision could not be stored"
    );
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "clickhouse-unavailable",
        "this could not be stored; the log has the reason",
    )
    .retry_after(5)
}

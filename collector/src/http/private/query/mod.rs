//! What a reader asked for: whose data, when, of which visitors, which rows. Parsed once into values that cannot be wrong.

pub mod page;
pub mod range;
pub mod visitors;

use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;
use wire::Vital;

use super::State;
use crate::clock;
use crate::http::Problem;
use crate::store::queries::{self, AppRow, Scope};

pub use page::{Cut, Format, Page, PageParameters};
pub use range::{DAY_MS, Range};
pub use visitors::VisitorParameters;

/// Apps unseen for longer leave the list, so that reading it stays cheap.
const APPS_RANGE_MS: i64 = 31 * DAY_MS;

/// A part of the query string; what it does not understand is a problem. Names that no part knows are refused before
/// ([`super::openapi`]).
pub struct Asked<T>(pub T);

impl<S, T> FromRequestParts<S> for Asked<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Asked<T>, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Asked(asked)),
            Err(rejection) => Err(invalid(&rejection.body_text())),
        }
    }
}

/// Whose data, and when. Every part may be absent.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ScopeParameters {
    /// The busiest one when absent.
    pub app: String,
    /// The app's busiest one when absent.
    pub environment: String,
    /// A number and `h` or `d`, ending now: `24h`, `28d`, at most `800d`. `7d` when absent.
    pub range: String,
    /// RFC 3339 or ms since the epoch, in place of `range`. Ranges over two days are widened to whole UTC days.
    pub from: String,
    /// As `from`; now when absent.
    pub to: String,
}

/// A parsed question.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub scope: Scope,
    pub range: Range,
}

impl ScopeParameters {
    pub fn range(&self, now_ms: i64) -> Result<Range, Problem> {
        range::parse(&self.range, &self.from, &self.to, now_ms)
    }

    pub fn names_a_time(&self) -> bool {
        !(self.range.is_empty() && self.from.is_empty() && self.to.is_empty())
    }

    /// Whose data is meant. What is not named is the busiest; `None` when nothing was measured yet.
    pub async fn question(
        &self,
        state: &State,
        visitors: &VisitorParameters,
        now_ms: i64,
    ) -> Result<Option<Question>, Problem> {
        let apps = if self.app.is_empty() || self.environment.is_empty() {
            apps(state, now_ms).await?
        } else {
            Vec::new()
        };
        self.question_among(&apps, visitors, now_ms)
    }

    /// The same of all visitors together, now.
    pub async fn of_everybody(&self, state: &State) -> Result<Option<Question>, Problem> {
        self.question(state, &VisitorParameters::default(), now_ms())
            .await
    }

    pub fn question_among(
        &self,
        apps: &[AppRow],
        visitors: &VisitorParameters,
        now_ms: i64,
    ) -> Result<Option<Question>, Problem> {
        let range = self.range(now_ms)?;
        let visitors = visitors.parse()?;
        let busiest = apps
            .iter()
            .find(|row| self.app.is_empty() || row.app == self.app);
        let or = |given: &str, found: Option<&String>| {
            if given.is_empty() {
                found.cloned()
            } else {
                Some(given.to_owned())
            }
        };
        let app = or(&self.app, busiest.map(|row| &row.app));
        let environment = or(&self.environment, busiest.map(|row| &row.environment));
        let Some(app) = app else {
            return Ok(None);
        };
        let scope = Scope {
            app,
            environment: environment.unwrap_or_default(),
            from_ms: range.from_ms,
            to_ms: range.to_ms,
            whole_days: range.has_whole_days(),
            until_now: range.to_ms >= now_ms,
            visitors,
        };
        Ok(Some(Question { scope, range }))
    }
}

impl Question {
    /// Nothing was found: is it quiet, or was something asked for that there never was? 404 then.
    pub async fn must_know(&self, state: &State, route: &str) -> Result<(), Problem> {
        if route.is_empty() || route == "*" {
            must_know_app(state, &self.scope.app).await?;
        } else {
            must_know_route(state, &self.scope.app, route).await?;
        }
        visitors::must_know(state, &self.scope).await
    }
}

/// 404 unless the app was measured once, or is configured.
pub async fn must_know_app(state: &State, app: &str) -> Result<(), Problem> {
    let configured = state.config.apps.iter().any(|known| known.name == app);
    if configured || queries::known(&state.store, app, "").await? {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::NOT_FOUND,
        "unknown-app",
        "nothing was ever measured for this app",
    ))
}

pub async fn must_know_route(state: &State, app: &str, route: &str) -> Result<(), Problem> {
    if queries::known(&state.store, app, route).await? {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::NOT_FOUND,
        "unknown-route",
        "nothing was ever measured on this route",
    ))
}

pub async fn apps(state: &State, now_ms: i64) -> Result<Vec<AppRow>, Problem> {
    Ok(queries::apps(&state.store, now_ms - APPS_RANGE_MS).await?)
}

/// The vital that is asked for; LCP when none is named.
pub fn vital(name: &str) -> Result<Vital, Problem> {
    let name = if name.is_empty() {
        Vital::Lcp.name()
    } else {
        name
    };
    Vital::from_name(name).ok_or_else(|| invalid("vital is one of FCP LCP CLS FID INP TTFB MEMORY"))
}

/// API times are signed: a reader may ask for anything.
pub fn now_ms() -> i64 {
    clock::now_ms() as i64
}

pub fn invalid(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid-parameter", detail)
}

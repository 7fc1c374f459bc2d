//! `GET /api/v1/page-views`: single page views behind a number. `/page-views/{view_id}`: one of them with all that is known of it.

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wire::Vital;

use super::State;
use super::examples::{self, Order};
use super::export::{self, Answer, record};
use super::openapi::Refusals;
use super::query::{self, Asked, DAY_MS, Format, ScopeParameters, VisitorParameters, page, range};
use super::summary;
use crate::http::Problem;
use crate::store::queries::{
    self, ExampleRow, PageViewRow, ViewKey, ViewOperationRow, ViewVitalRow,
};

const DEFAULT_EXAMPLES: u32 = 25;
const MAX_EXAMPLES: u32 = 100;
/// Single page views are looked for in the last month of the range: an example that old explains nothing of today.
const MAX_RANGE_MS: i64 = 31 * DAY_MS;
/// Page views are kept 90 days, and a client's clock may be a day off.
const KEPT_MS: i64 = 92 * DAY_MS;

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ExampleParameters {
    /// Only this route.
    pub route: String,
    /// LCP when absent.
    pub vital: String,
    /// `slowest`, `near` (those nearest to the p75 first) or `newest`; `slowest` when absent.
    pub order: String,
    /// 1 to 100; 25 when absent.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// `json` or `csv`.
    pub format: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ExampleList {
    /// Where page views were looked for: the newest 31 days of the range, as far as they are kept.
    pub from_ms: i64,
    pub to_ms: i64,
    pub time_zone: &'static str,
    pub app: String,
    pub environment: String,
    pub route: String,
    pub vital: &'static str,
    pub unit: &'static str,
    /// Whether all page views that may belong here were looked at. Where there are very many, only hours with the slowest are, or the newest.
    pub complete: bool,
    pub rows: Vec<ExampleRow>,
}

record!(ExampleRow: view_id started_at_ms path route release device browser os country connection navigation_type value rating attribution);

/// Single page views behind a number.
#[utoipa::path(
    get, path = "/page-views", params(ScopeParameters, VisitorParameters, ExampleParameters),
    responses((status = 200, body = ExampleList), Refusals)
)]
pub async fn list(
    Shared(state): Shared<State>,
    Asked(scope): Asked<ScopeParameters>,
    Asked(visitors): Asked<VisitorParameters>,
    Asked(asked): Asked<ExampleParameters>,
) -> Result<Answer<ExampleList>, Problem> {
    let now_ms = query::now_ms();
    let (vital, format) = (query::vital(&asked.vital)?, page::format(&asked.format)?);
    let order = match asked.order.as_str() {
        "" => Some(Order::Slowest),
        name => Order::ALL.into_iter().find(|order| order.name() == name),
    };
    let order = order.ok_or_else(|| query::invalid("order is one of slowest near newest"))?;
    let limit = asked.limit.unwrap_or(DEFAULT_EXAMPLES);
    if !(1..=MAX_EXAMPLES).contains(&limit) {
        return Err(query::invalid(&format!(
            "limit is a number from 1 to {MAX_EXAMPLES}"
        )));
    }
    let question = scope.question(&state, &visitors, now_ms).await?;
    let (scope, complete, rows) = match question {
        Some(question) => {
            let (from_ms, to_ms) = (question.scope.from_ms, question.scope.to_ms);
            let scope = question
                .scope
                .during(from_ms.max(to_ms - MAX_RANGE_MS), to_ms);
            let (store, of) = (&state.store, (asked.route.as_str(), vital.name()));
            let hours = queries::example_hours(store, &scope, of.0, of.1).await?;
            let look = examples::look(order, u64::from(limit), vital, &hours, now_ms / 1000);
            let first = (order.name(), limit);
            let rows = queries::page_view_examples(store, &scope, of, &look, first).await?;
            if rows.is_empty() {
                question.must_know(&state, &asked.route).await?;
            }
            (scope, look.complete, rows)
        }
        None => (queries::Scope::default(), true, Vec::new()),
    };
    if format == Format::Csv {
        return Ok(Answer::Csv(export::table("page-views", &rows)));
    }
    Ok(Answer::Json(ExampleList {
        from_ms: scope.from_ms,
        to_ms: scope.to_ms,
        time_zone: "UTC",
        app: scope.app,
        environment: scope.environment,
        route: asked.route,
        vital: vital.name(),
        unit: summary::unit(vital),
        complete,
        rows,
    }))
}

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ViewParameters {
    /// Required: a page view belongs to an app.
    pub app: String,
    /// About when it began (RFC 3339, or ms since the epoch): it is found faster, and of two with one id the nearer one.
    pub at: String,
}

/// A page view with all that is known of it. Times without `_at` are ms from its start.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageView {
    pub view_id: String,
    pub app: String,
    pub environment: String,
    pub started_at_ms: i64,
    pub received_at_ms: i64,
    pub time_zone: &'static str,
    pub route: String,
    pub path: String,
    pub release: String,
    pub session_id: String,
    pub navigation_type: String,
    pub device: String,
    pub browser: String,
    pub os: String,
    pub country: String,
    pub connection: String,
    pub referrer: String,
    /// `wasm` (the page computed its vitals) or `collector` (it sent its entries).
    pub engine: String,
    /// The page's own context.
    pub custom: Vec<Named<String>>,
    pub beacons: u32,
    pub interactions: u32,
    /// What the agent cost this page view.
    pub agent_main_ms: f64,
    pub agent_bytes: u32,
    pub long_tasks: Option<f64>,
    pub blocking_ms: Option<f64>,
    pub resource_count: Option<f64>,
    pub resource_bytes: Option<f64>,
    /// JSON text; empty when the page told none.
    pub resources: String,
    /// Milestones of the navigation as the page named them, such as `dns_start_ms`.
    pub timing: Vec<Named<f64>>,
    pub vitals: Vec<ViewVital>,
    pub operations: Vec<ViewOperation>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Named<T> {
    pub name: String,
    pub value: T,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ViewVital {
    pub vital: String,
    pub unit: &'static str,
    pub value: f64,
    /// Empty for MEMORY.
    pub rating: String,
    /// What to blame, JSON text.
    pub attribution: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ViewOperation {
    pub name: String,
    /// From the start of the page view.
    pub at_ms: i64,
    pub duration_ms: f64,
    pub success: bool,
    pub error_type: String,
    pub memory_bytes: Option<f64>,
    pub input_size: Option<f64>,
    /// The call's own facts, JSON text.
    pub attributes: String,
}

/// One page view.
#[utoipa::path(
    get, path = "/page-views/{view_id}",
    params(("view_id" = String, Path, description = "A UUID"), ViewParameters),
    responses((status = 200, body = PageView), Refusals)
)]
pub async fn one(
    Shared(state): Shared<State>,
    Path(view_id): Path<String>,
    Asked(asked): Asked<ViewParameters>,
) -> Result<Json<PageView>, Problem> {
    if asked.app.is_empty() {
        return Err(query::invalid("app is required"));
    }
    if !is_uuid(&view_id) {
        return Err(unknown());
    }
    let now_ms = query::now_ms();
    let key = key(asked.app, view_id, &asked.at, now_ms)?;
    let found = tokio::try_join!(
        queries::page_view(&state.store, &key),
        queries::page_view_vitals(&state.store, &key),
        queries::page_view_operations(&state.store, &key),
    )?;
    let (Some(view), vitals, operations) = found else {
        return Err(unknown());
    };
    Ok(Json(shape(key.app, view, vitals, operations)))
}

fn unknown() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "unknown-page-view",
        "there is no page view with this id; single page views are kept for 90 days",
    )
}

fn key(app: String, view_id: String, at: &str, now_ms: i64) -> Result<ViewKey, Problem> {
    let (from_ms, to_ms, at_ms) = if at.is_empty() {
        (now_ms - KEPT_MS, now_ms + DAY_MS, now_ms)
    } else {
        let at_ms = range::instant("at", at)?;
        (at_ms - DAY_MS, at_ms + DAY_MS, at_ms)
    };
    Ok(ViewKey {
        app,
        view_id,
        from_ms,
        to_ms,
        at_ms,
    })
}

/// As ClickHouse reads them: 32 hexadecimal digits with hyphens after the eighth, twelfth, sixteenth and twentieth.
fn is_uuid(text: &str) -> bool {
    let is_hyphen = |place| [8, 13, 18, 23].contains(&place);
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| {
            if is_hyphen(place) {
                byte == b'-'
            } else {
                byte.is_ascii_hexdigit()
            }
        })
}

fn shape(
    app: String,
    view: PageViewRow,
    vitals: Vec<ViewVitalRow>,
    operations: Vec<ViewOperationRow>,
) -> PageView {
    let told = |number: f64| Some(number).filter(|number| number.is_finite());
    let started_at_ms = view.started_at_ms;
    PageView {
        view_id: view.view_id,
        app,
        environment: view.environment,
        started_at_ms,
        received_at_ms: view.received_at_ms,
        time_zone: "UTC",
        route: view.route,
        path: view.path,
        release: view.release,
        session_id: view.session_id,
        navigation_type: view.navigation_type,
        device: view.device,
        browser: view.browser,
        os: view.os,
        country: view.country,
        connection: view.connection,
        referrer: view.referrer,
        engine: view.engine,
        custom: named(view.custom),
        beacons: view.beacons,
        interactions: view.interactions,
        agent_main_ms: view.agent_main_ms,
        agent_bytes: view.agent_bytes,
        long_tasks: told(view.long_tasks),
        blocking_ms: told(view.blocking_ms),
        resource_count: told(view.resource_count),
        resource_bytes: told(view.resource_bytes),
        resources: view.resources,
        timing: named(view.timing),
        vitals: vitals
            .into_iter()
            .map(|row| ViewVital {
                unit: Vital::from_name(&row.vital).map_or("", summary::unit),
                vital: row.vital,
                value: row.value,
                rating: row.rating,
                attribution: row.attribution,
            })
            .collect(),
        operations: operations
            .into_iter()
            .map(|row| ViewOperation {
                at_ms: row.at_ms - started_at_ms,
                name: row.name,
                duration_ms: row.duration_ms,
                success: row.success,
                error_type: row.error_type,
                memory_bytes: row.memory_bytes,
                input_size: row.input_size,
                attributes: row.attributes,
            })
            .collect(),
    }
}

fn named<T>(pairs: Vec<(String, T)>) -> Vec<Named<T>> {
    pairs
        .into_iter()
        .map(|(name, value)| Named { name, value })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_uuid_is_looked_for() {
        for (text, expected) in [
            ("0193c2f0-7c1e-7cc3-98c4-dc0c0c07398f", true),
            ("0193C2F0-7C1E-7CC3-98C4-DC0C0C07398F", true),
            ("0193c2f07c1e7cc398c4dc0c0c07398f", false),
            ("0193c2f0-7c1e-7cc3-98c4-dc0c0c07398'", false),
            ("0193c2f0-7c1e-7cc3-98c4dc-0c0c07398f", false),
            ("", false),
        ] {
            assert_eq!(is_uuid(text), expected, "{text}");
        }
    }
}

//! What a reader asked for: app, environment, range, filters. Parsed once into values that cannot be wrong.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::State;
use crate::clock;
use crate::http::Problem;
use crate::store::queries::{self, AppRow, Scope};

const HOUR_MS: i64 = 3_600_000;
pub const DAY_MS: i64 = 24 * HOUR_MS;
/// Rollups are kept 13 months; asking for more costs nothing and shows nothing.
const MAX_RANGE_MS: i64 = 800 * DAY_MS;
/// Up to here a trend is drawn by hour, beyond by day: about 170 points at most, which a chart of 1,000 pixels can show.
const MAX_HOURLY_MS: i64 = 7 * DAY_MS;
/// Apps unseen for longer leave the list, so that reading it stays cheap.
const APPS_RANGE_MS: i64 = 31 * DAY_MS;
const DEFAULT_RANGE: &str = "7d";
const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1_000;

/// The query string. Every key is optional.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Parameters {
    pub app: String,
    pub environment: String,
    /// `1h 24h 7d 14d 28d 90d`: a number and `h` or `d`, ending now.
    pub range: String,
    /// RFC 3339, in place of `range`.
    pub from: String,
    pub to: String,
    pub route: String,
    pub vital: String,
    /// `open` (confirmed or unconfirmed), `all`, or a state's name.
    pub state: String,
    pub limit: Option<u32>,
    pub offset: Option<u32>,
}

/// A stretch of time with whole steps, ms since the epoch, `to_ms` excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Range {
    pub from_ms: i64,
    pub to_ms: i64,
    pub step_s: i64,
}

impl Parameters {
    /// The asked range; it begins on a whole step so that the first point of a trend is not a fragment.
    pub fn range(&self, now_ms: i64) -> Result<Range, Problem> {
        let to_ms = if self.to.is_empty() {
            now_ms
        } else {
            instant("to", &self.to)?
        };
        let from_ms = if !self.from.is_empty() {
            instant("from", &self.from)?
        } else {
            let name = if self.range.is_empty() {
                DEFAULT_RANGE
            } else {
                &self.range
            };
            to_ms
                - duration_ms(name)
                    .ok_or_else(|| invalid("range is a number and h or d, such as 24h or 28d"))?
        };
        let length_ms = to_ms - from_ms;
        if !(1..=MAX_RANGE_MS).contains(&length_ms) {
            return Err(invalid(
                "the range must end after it begins and be at most 800 days long",
            ));
        }
        let step_ms = if length_ms <= MAX_HOURLY_MS {
            HOUR_MS
        } else {
            DAY_MS
        };
        Ok(Range {
            from_ms: from_ms.div_euclid(step_ms) * step_ms,
            to_ms,
            step_s: step_ms / 1000,
        })
    }

    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
    }

    /// States to show; an empty list is all of them.
    pub fn states(&self) -> Vec<String> {
        match self.state.as_str() {
            "" | "open" => vec!["confirmed".into(), "unconfirmed".into()],
            "all" => Vec::new(),
            state => vec![state.to_owned()],
        }
    }

    /// Whose data is meant. What is not named is the busiest; `None` when nothing was measured yet.
    pub async fn scope(&self, state: &State, range: Range) -> Result<Option<Scope>, Problem> {
        let apps = if self.app.is_empty() || self.environment.is_empty() {
            apps(state, range.to_ms).await?
        } else {
            Vec::new()
        };
        self.scope_among(state, &apps, range).await
    }

    pub async fn scope_among(
        &self,
        state: &State,
        apps: &[AppRow],
        range: Range,
    ) -> Result<Option<Scope>, Problem> {
        let wanted = |row: &&AppRow| self.app.is_empty() || row.app == self.app;
        let busiest = apps.iter().find(wanted);
        let or = |given: &str, found: Option<&String>| {
            if given.is_empty() {
                found.cloned()
            } else {
                Some(given.to_owned())
            }
        };
        let app = or(&self.app, busiest.map(|row| &row.app));
        let environment = or(&self.environment, busiest.map(|row| &row.environment));
        if let Some(app) = &app
            && busiest.is_none()
        {
            self.must_know(state, app, "").await?;
        }
        Ok(app.map(|app| Scope {
            app,
            environment: environment.unwrap_or_default(),
            from_ms: range.from_ms,
            to_ms: range.to_ms,
        }))
    }

    /// 404 unless the app (and route) was measured once, or is configured: a quiet one is empty, an unknown one is an error.
    pub async fn must_know(&self, state: &State, app: &str, route: &str) -> Result<(), Problem> {
        let configured =
            route.is_empty() && state.config.apps.iter().any(|known| known.name == app);
        if configured || queries::known(&state.store, app, route).await? {
            return Ok(());
        }
        Err(if route.is_empty() {
            Problem::new(
                StatusCode::NOT_FOUND,
                "unknown-app",
                "nothing was ever measured for this app",
            )
        } else {
            Problem::new(
                StatusCode::NOT_FOUND,
                "unknown-route",
                "nothing was ever measured on this route",
            )
        })
    }
}

pub async fn apps(state: &State, now_ms: i64) -> Result<Vec<AppRow>, Problem> {
    Ok(queries::apps(&state.store, now_ms - APPS_RANGE_MS).await?)
}

/// API times are signed: a reader may ask for anything.
pub fn now_ms() -> i64 {
    clock::now_ms() as i64
}

pub fn invalid(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid-parameter", detail)
}

fn instant(name: &str, text: &str) -> Result<i64, Problem> {
    let parsed: Result<Timestamp, _> = text.parse();
    parsed.map(Timestamp::as_millisecond).map_err(|_| {
        invalid(&format!(
            "{name} is an RFC 3339 time such as 2026-10-01T13:00:00Z"
        ))
    })
}

fn duration_ms(name: &str) -> Option<i64> {
    let (digits, unit_ms) = match name.strip_suffix('h') {
        Some(digits) => (digits, HOUR_MS),
        None => (name.strip_suffix('d')?, DAY_MS),
    };
    let count: i64 = digits
        .parse()
        .ok()
        .filter(|count| (1..=100_000).contains(count))?;
    Some(count * unit_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21T10:30:00Z.
    const NOW_MS: i64 = 1_795_257_000_000;

    fn check(range: &str, from: &str, to: &str, expected: Option<(i64, i64)>) {
        let parameters = Parameters {
            range: range.into(),
            from: from.into(),
            to: to.into(),
            ..Parameters::default()
        };
        let found = parameters
            .range(NOW_MS)
            .ok()
            .map(|range| ((range.to_ms - range.from_ms), range.step_s));
        assert_eq!(found, expected, "{range} {from} {to}");
    }

    #[test]
    fn ranges_begin_on_a_whole_step() {
        check("1h", "", "", Some((HOUR_MS + HOUR_MS / 2, 3600)));
        check("", "", "", Some((7 * DAY_MS + HOUR_MS / 2, 3600)));
        check(
            "28d",
            "",
            "",
            Some((28 * DAY_MS + 10 * HOUR_MS + HOUR_MS / 2, 86_400)),
        );
        check(
            "",
            "2026-10-01T00:00:00Z",
            "2026-10-03T00:00:00Z",
            Some((2 * DAY_MS, 3600)),
        );
        check(
            "730d",
            "",
            "",
            Some((730 * DAY_MS + 10 * HOUR_MS + HOUR_MS / 2, 86_400)),
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for range in ["d", "-1d", "7", "7w", "0d", "99999999999999999999d", "900d"] {
            check(range, "", "", None);
        }
        check("", "yesterday", "", None);
        check("", "2026-10-03T00:00:00Z", "2026-10-01T00:00:00Z", None);
    }
}

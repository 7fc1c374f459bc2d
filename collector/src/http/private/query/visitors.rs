//! Whose page views: a filter by what is known of the visitor. Pure, but for whether a name was ever seen.

use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::invalid;
use crate::http::Problem;
use crate::http::private::State;
use crate::store::queries::{self, Scope, Strata, Value, Visitors};

const DEVICES: [&str; 3] = ["mobile", "desktop", "unknown"];
const CONNECTIONS: [&str; 3] = ["fast", "slow", "unknown"];
const DELIVERIES: [&str; 5] = ["network", "cache", "restored", "soft-native", "soft-route"];

/// Only some visitors' page views. `device`, `connection`, `delivery` and `release` may be combined with each other; `country`,
/// `browser`, `os` and `navigation_type` stand alone, for rollups keep each of them by itself.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct VisitorParameters {
    /// `mobile` (phones and tablets), `desktop` or `unknown`.
    pub device: String,
    /// `fast` (4g), `slow` or `unknown`.
    pub connection: String,
    /// How the document came: `network`, `cache`, `restored`, `soft-native` or `soft-route`.
    pub delivery: String,
    pub release: String,
    /// Two letters, as the country header says.
    pub country: String,
    /// Name and major version, such as `Chrome 156`.
    pub browser: String,
    pub os: String,
    /// `navigate reload back-forward back-forward-cache prerender restore soft-navigation`.
    pub navigation_type: String,
}

impl VisitorParameters {
    pub fn parse(&self) -> Result<Visitors, Problem> {
        let single = [
            ("country", &self.country),
            ("browser", &self.browser),
            ("os", &self.os),
            ("navigation_type", &self.navigation_type),
        ];
        let mut single = single.into_iter().filter(|(_, value)| !value.is_empty());
        let strata = Strata {
            device: one_of("device", &self.device, &DEVICES)?,
            connection: one_of("connection", &self.connection, &CONNECTIONS)?,
            delivery: one_of("delivery", &self.delivery, &DELIVERIES)?,
            release: self.release.clone(),
        };
        let splits = strata != Strata::default();
        match (single.next(), single.next(), splits) {
            (None, _, false) => Ok(Visitors::Everybody),
            (None, _, true) => Ok(Visitors::Strata(strata)),
            (Some((dimension, value)), None, false) => Ok(Visitors::Value(Value {
                dimension,
                value: value.clone(),
            })),
            _ => Err(invalid(
                "country, browser, os and navigation_type cannot be combined with another filter: each is kept by itself",
            )),
        }
    }
}

/// 404 when no page view ever had the name that is filtered by: a quiet one is empty, an unknown one is an error.
pub async fn must_know(state: &State, scope: &Scope) -> Result<(), Problem> {
    let (dimension, value) = match &scope.visitors {
        Visitors::Strata(strata) if !strata.release.is_empty() => ("release", &strata.release),
        Visitors::Value(value) => (value.dimension, &value.value),
        Visitors::Everybody | Visitors::Strata(_) => return Ok(()),
    };
    if queries::known_value(&state.store, scope, dimension, value).await? {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::NOT_FOUND,
        "unknown-value",
        format!("no page view of this app ever had this {dimension}"),
    ))
}

fn one_of(name: &str, value: &str, known: &[&str]) -> Result<String, Problem> {
    if value.is_empty() || known.contains(&value) {
        Ok(value.to_owned())
    } else {
        Err(invalid(&format!("{name} is one of {}", known.join(" "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&str, &str)], expected: Option<Visitors>) {
        let mut asked = VisitorParameters::default();
        for (name, value) in pairs {
            let field = match *name {
                "device" => &mut asked.device,
                "connection" => &mut asked.connection,
                "release" => &mut asked.release,
                "country" => &mut asked.country,
                _ => &mut asked.browser,
            };
            *field = (*value).to_owned();
        }
        assert_eq!(asked.parse().ok(), expected, "{pairs:?}");
    }

    #[test]
    fn strata_combine_and_dimensions_stand_alone() {
        let mobile = Strata {
            device: "mobile".into(),
            release: "2.0".into(),
            ..Strata::default()
        };
        let germany = Value {
            dimension: "country",
            value: "DE".into(),
        };
        check(&[], Some(Visitors::Everybody));
        check(
            &[("device", "mobile"), ("release", "2.0")],
            Some(Visitors::Strata(mobile)),
        );
        check(&[("country", "DE")], Some(Visitors::Value(germany)));
        check(&[("country", "DE"), ("browser", "Firefox 153")], None);
        check(&[("country", "DE"), ("device", "mobile")], None);
        check(&[("device", "fridge")], None);
        check(&[("connection", "4g")], None);
    }
}

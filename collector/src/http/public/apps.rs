//! Who may send: the configured apps, or everyone when none is configured.

use std::collections::HashMap;

use crate::config;
use crate::ingest::{self, Names};

/// The apps of the configuration, by name.
#[derive(Debug)]
pub struct Apps {
    listed: HashMap<String, config::App>,
    /// What an app is allowed when none is listed.
    open: Option<config::App>,
}

impl Apps {
    pub fn new(apps: &[config::App]) -> Apps {
        Apps {
            listed: apps
                .iter()
                .map(|app| (app.name.clone(), app.clone()))
                .collect(),
            open: apps.is_empty().then(config::App::default),
        }
    }

    /// Whether anyone may name an app.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The rules for beacons of `name`; None also where anyone may name an app and too many were named.
    pub fn admit(&self, name: &str, names: &Names) -> Option<&config::App> {
        let app = self.find(name)?;
        (!self.is_open() || names.has_room_for_app(name)).then_some(app)
    }

    /// The rules for beacons of `name`; None when there is no such app.
    pub fn find(&self, name: &str) -> Option<&config::App> {
        let open = || self.open.as_ref().filter(|_| ingest::is_app_name(name));
        self.listed.get(name).or_else(open)
    }
}

/// Whether a page of `origin` may send for `app`.
pub fn allows(app: &config::App, origin: Option<&str>) -> bool {
    match origin {
        None => !app.require_origin,
        Some(_) if app.origins.is_empty() => true,
        Some(origin) => lists(app, origin),
    }
}

/// Whether `origin` is on the app's list.
pub fn lists(app: &config::App, origin: &str) -> bool {
    app.origins.iter().any(|listed| listed == origin)
}

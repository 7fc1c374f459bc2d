//! Why do I see no data? Looks at a collector from outside, in the order in which data flows, and says of each step whether it
//! works and what to do if it does not. It needs nothing of the collector's own machine.
//!
//! [`visit`] speaks HTTP, [`public`] and [`beacon`] look at what browsers reach, [`page`] at a page that should carry the agent ([`html`],
//! [`csp`]), [`private`] at what operators reach. Nothing of it is stored, but for the page view of [`store`], which has a route
//! and an environment of its own and no measurement.

mod beacon;
pub mod csp;
pub mod html;
mod page;
mod private;
mod public;
pub mod store;
mod visit;

use serde::Serialize;
use url::Url;

use visit::Visitor;

/// What to look at.
#[derive(Clone, Debug)]
pub struct Options {
    /// Base of the public listener.
    pub public: Url,
    pub ingest_path: String,
    /// The app whose beacons are missing.
    pub app: Option<String>,
    /// The origin of the pages that send, `https://shop.example`.
    pub origin: Option<String>,
    /// Base of the private listener.
    pub private: Option<Url>,
    pub token: Option<String>,
    /// A page that should carry the agent.
    pub page: Option<Url>,
    /// Send a page view and wait until it is stored.
    pub store: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Good,
    /// Works, and will trouble somebody.
    Warning,
    /// Loses data.
    Bad,
    /// Could not be looked at; the advice says what is needed for it.
    Skipped,
}

/// One step and what was seen there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub verdict: Verdict,
    pub said: String,
    /// What to do; empty when there is nothing to do.
    pub advice: String,
}

#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub checks: Vec<Check>,
}

impl Report {
    pub fn has(&self, verdict: Verdict) -> bool {
        self.checks.iter().any(|check| check.verdict == verdict)
    }

    fn good(&mut self, name: &'static str, said: impl Into<String>) {
        self.add(name, Verdict::Good, said.into(), String::new());
    }

    fn warn(&mut self, name: &'static str, said: impl Into<String>, advice: impl Into<String>) {
        self.add(name, Verdict::Warning, said.into(), advice.into());
    }

    fn bad(&mut self, name: &'static str, said: impl Into<String>, advice: impl Into<String>) {
        self.add(name, Verdict::Bad, said.into(), advice.into());
    }

    fn skip(&mut self, name: &'static str, said: impl Into<String>, advice: impl Into<String>) {
        self.add(name, Verdict::Skipped, said.into(), advice.into());
    }

    fn add(&mut self, name: &'static str, verdict: Verdict, said: String, advice: String) {
        self.checks.push(Check {
            name,
            verdict,
            said,
            advice,
        });
    }
}

/// Looks at everything that the options name.
///
/// # Errors
/// This machine's trusted certificates cannot be read.
pub async fn examine(options: &Options) -> anyhow::Result<Report> {
    let visitor = Visitor::new()?;
    let mut report = Report::default();
    let reached = public::look(&visitor, options, &mut report).await;
    if let Some(address) = &options.page {
        page::look(&visitor, options, address, reached.as_ref(), &mut report).await;
    }
    if reached.is_some() {
        beacon::send(&visitor, options, &mut report).await;
    }
    match &options.private {
        Some(base) => private::look(&visitor, options, base, &mut report).await,
        None => report.skip(
            "private",
            "spool, ClickHouse and evaluation were not looked at",
            "--private URL, and --token TOKEN where one is set",
        ),
    }
    Ok(report)
}

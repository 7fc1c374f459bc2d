//! Browsers for the tests, and what drives them: Chromium and Firefox new enough for what the tests claim, WebKit for what they do not.
//! From the packages of Debian or Ubuntu, or whatever is on PATH.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{STEP_LIMIT, Step, log, version_of};
use crate::command::{capture, hide};
use crate::version::Version;
use crate::workspace::{Workspace, find_program};

/// The first that sees soft navigations by itself, which the agent prefers to route changes.
const CHROMIUM: Version = Version(151, 0, 0);
/// The first whose event entries say which interaction they are part of.
const FIREFOX: Version = Version(144, 0, 0);

/// What the browser tests need.
pub fn for_tests(ws: &Workspace) -> Vec<Step<'_>> {
    let mut steps = vec![
        chromium_step(ws),
        browser(ws, "Firefox", FIREFOX, firefox, "firefox-esr"),
        Step {
            name: "chromedriver of Chromium's version".to_owned(),
            present: Box::new(driver_fits),
            get: Box::new(|| apt(ws, "chromium-driver", &driver_fits)),
        },
    ];
    // A third engine, in which much is missing: the agent must be silent there, not broken.
    for (name, program, package) in [
        ("WebKit's driver", "WebKitWebDriver", "webkit2gtk-driver"),
        ("virtual screen", "Xvfb", "xvfb"),
    ] {
        let present = move || find_program(program).is_some();
        steps.push(Step {
            name: name.to_owned(),
            present: Box::new(present),
            get: Box::new(move || apt(ws, package, &present)),
        });
    }
    steps
}

pub fn chromium_step(ws: &Workspace) -> Step<'_> {
    browser(ws, "Chromium", CHROMIUM, chromium, "chromium")
}

/// A browser that is new enough for what the tests claim: lists of packages that have grown old install an old one.
fn browser<'a>(
    ws: &'a Workspace,
    name: &str,
    oldest: Version,
    find: fn() -> Option<PathBuf>,
    package: &'static str,
) -> Step<'a> {
    let present = move || find().and_then(|program| version_of(&program)) >= Some(oldest);
    Step {
        name: format!("{name} {} or newer", oldest.0),
        present: Box::new(present),
        get: Box::new(move || {
            apt(ws, package, &present)?;
            match find().and_then(|program| Some((version_of(&program)?, program))) {
                Some((found, program)) if found < oldest => bail!(
                    "{} is version {found}, too old: install {} or newer and put it first on PATH",
                    program.display(),
                    oldest.0
                ),
                _ => Ok(()),
            }
        }),
    }
}

/// The driver of another version does not drive this browser.
fn driver_fits() -> bool {
    let version = |program: Option<PathBuf>| version_of(&program?);
    match (version(find_program("chromedriver")), version(chromium())) {
        (Some(driver), Some(browser)) => driver.0 == browser.0,
        _ => false,
    }
}

/// A browser for the tests, as Debian, Ubuntu or the vendor names it.
pub fn chromium() -> Option<PathBuf> {
    [
        "chromium",
        "chromium-browser",
        "google-chrome-stable",
        "google-chrome",
    ]
    .into_iter()
    .find_map(find_program)
}

pub fn firefox() -> Option<PathBuf> {
    ["firefox-esr", "firefox"]
        .into_iter()
        .find_map(find_program)
}

/// Installs until `is_good` says so. Lists are missing on a fresh machine and may be stale on others, which installs an old version;
/// elsewhere an update is half a minute for nothing.
pub(super) fn apt(ws: &Workspace, package: &str, is_good: &dyn Fn() -> bool) -> Result<()> {
    let by_hand = format!("apt-get update && apt-get install --no-install-recommends {package}");
    if find_program("apt-get").is_none() {
        bail!("needs a Debian or Ubuntu machine, or your own installation on PATH");
    }
    if capture(Command::new("id").arg("-u")).as_deref() != Some("0") {
        bail!("needs root: sudo sh -c '{by_hand}'");
    }
    let run = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        hide(
            &mut command,
            &log(ws, &format!("apt-{package}")),
            STEP_LIMIT,
        )
    };
    let install = || run(&["install", "-y", "--no-install-recommends", package]);
    if install().is_ok() && is_good() {
        return Ok(());
    }
    run(&["update"])
        .and_then(|()| install())
        .with_context(|| format!("try: {by_hand}"))
}

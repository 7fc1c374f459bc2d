//! Installs what is missing on a fresh Debian or Ubuntu machine: what it is, how to see it, how to get it.
//! Not here: Rust itself, Node.js and root; those are asked for in one line.
//!
//! A step that is present costs a version check. A step that fails does not stop the others, so one run names everything.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::clickhouse;
use crate::command::{capture, hide};
use crate::version::Version;
use crate::workspace::{Workspace, find_program};

mod browsers;

pub use browsers::{chromium, firefox};

/// 0.15 is the first line that knows the module names of wasm-bindgen 0.2.130.
const WASM_PACK: &str = "0.15.1";
/// Must equal the `wasm-bindgen` in Cargo.lock, or wasm-pack would build its own for minutes.
const WASM_BINDGEN: &str = "0.2.130";
/// Oldest Node.js whose test runner has the options used here.
const NODE: Version = Version(20, 0, 0);
/// The longest step takes two to three minutes on two cores; a dead network should not look like work for longer.
const STEP_LIMIT: Duration = Duration::from_secs(15 * 60);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Build and run the product.
    Run,
    /// And test it: lints, coverage, a browser.
    Test,
    /// Measure the agent as built beside its peers, which nothing else needs.
    Bench,
}

/// Something that is there already, or that `get` installs. Errors of `get` say how to do it by hand.
struct Step<'a> {
    name: String,
    present: Box<dyn Fn() -> bool + 'a>,
    get: Box<dyn Fn() -> Result<()> + 'a>,
}

/// What could not be installed, one line each; empty when everything is there.
pub fn install(ws: &Workspace, purpose: Purpose) -> Result<Vec<String>> {
    let started = Instant::now();
    let steps = match purpose {
        Purpose::Run => basics(ws),
        Purpose::Test => basics(ws).into_iter().chain(test_only(ws)).collect(),
        Purpose::Bench => vec![
            node(),
            npm(),
            npm_packages(ws, "e2e/bench"),
            browsers::chromium_step(ws),
        ],
    };
    if steps.iter().all(|step| (step.present)()) {
        println!(
            "tools: all {} present ({})",
            steps.len(),
            ws.tools.display()
        );
        return Ok(Vec::new());
    }

    let _lock = lock(&ws.tools)?;
    println!("tools, in {}", ws.tools.display());
    let mut missing = Vec::new();
    for step in &steps {
        if (step.present)() {
            println!("  present  {}", step.name);
            continue;
        }
        println!("  install  {} …", step.name);
        let begun = Instant::now();
        let got = (step.get)().and_then(|()| {
            (step.present)()
                .then_some(())
                .ok_or_else(|| anyhow!("was installed, but is still not found"))
        });
        match got {
            Ok(()) => println!(
                "  done     {} ({:.0} s)",
                step.name,
                begun.elapsed().as_secs_f64()
            ),
            Err(error) => {
                println!("  MISSING  {}: {error:#}", step.name);
                missing.push(format!("{}: {}", step.name, first_line(&error)));
            }
        }
    }
    // Only installs need it, and it is half a gigabyte.
    let _ = fs::remove_dir_all(ws.tools.join("build"));
    println!(
        "tools: set-up took {:.0} s",
        started.elapsed().as_secs_f64()
    );
    Ok(missing)
}

fn first_line(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    text.lines().next().unwrap_or_default().to_owned()
}

/// Clones share the cache, and two installs at once would tread on each other.
fn lock(tools: &Path) -> Result<File> {
    fs::create_dir_all(tools).with_context(|| format!("cannot create {}", tools.display()))?;
    let file = File::create(tools.join(".lock"))?;
    if file.try_lock().is_err() {
        println!("tools: waiting for another set-up on this machine");
        file.lock()?;
    }
    Ok(file)
}

fn basics(ws: &Workspace) -> Vec<Step<'_>> {
    vec![
        Step {
            name: "Rust".to_owned(),
            present: Box::new(|| rust_is_new_enough(ws)),
            get: Box::new(|| {
                let pinned = pinned_rust(ws)?;
                bail!(
                    "the compiler is older than {pinned}: rustup toolchain install {pinned} --profile minimal"
                )
            }),
        },
        node(),
        npm(),
        Step {
            name: "target wasm32-unknown-unknown".to_owned(),
            present: Box::new(|| {
                sysroot().is_some_and(|root| {
                    Path::new(&root)
                        .join("lib/rustlib/wasm32-unknown-unknown/lib")
                        .is_dir()
                })
            }),
            get: Box::new(|| rustup(ws, &["target", "add", "wasm32-unknown-unknown"])),
        },
        Step {
            // The agent is built with its own standard library.
            name: "source of the standard library".to_owned(),
            present: Box::new(|| {
                sysroot().is_some_and(|root| {
                    Path::new(&root)
                        .join("lib/rustlib/src/rust/library/std")
                        .is_dir()
                })
            }),
            get: Box::new(|| rustup(ws, &["component", "add", "rust-src"])),
        },
        cargo_tool(ws, "wasm-pack", "wasm-pack", WASM_PACK, &["--locked"]),
        // Not --locked: its lockfile pins a crate version that not every registry carries.
        cargo_tool(ws, "wasm-bindgen-cli", "wasm-bindgen", WASM_BINDGEN, &[]),
        npm_packages(ws, "js-shim"),
        Step {
            name: format!("ClickHouse library {}", clickhouse::VERSION),
            present: Box::new(|| clickhouse::is_present(&ws.tools)),
            get: Box::new(|| clickhouse::install(&ws.tools)),
        },
    ]
}

fn test_only(ws: &Workspace) -> Vec<Step<'_>> {
    let mut steps: Vec<_> = [("clippy", "bin/cargo-clippy"), ("rustfmt", "bin/rustfmt")]
        .into_iter()
        .map(|(component, file)| Step {
            name: format!("component {component}"),
            present: Box::new(move || {
                sysroot().is_some_and(|root| Path::new(&root).join(file).is_file())
            }),
            get: Box::new(move || rustup(ws, &["component", "add", component])),
        })
        .collect();
    steps.push(Step {
        name: "component llvm-tools".to_owned(),
        present: Box::new(|| {
            llvm_tool("llvm-cov").is_some() && llvm_tool("llvm-profdata").is_some()
        }),
        get: Box::new(|| rustup(ws, &["component", "add", "llvm-tools"])),
    });
    steps.push(npm_packages(ws, "e2e"));
    steps.extend(browsers::for_tests(ws));
    // libFuzzer is C++, and its crate compiles it.
    let compiler = || find_program("c++").is_some();
    steps.push(Step {
        name: "C++ compiler".to_owned(),
        present: Box::new(compiler),
        get: Box::new(move || browsers::apt(ws, "g++", &compiler)),
    });
    // The published configuration is tested in the real thing.
    let nginx = || find_program("nginx").is_some() || Path::new("/usr/sbin/nginx").is_file();
    steps.push(Step {
        name: "nginx".to_owned(),
        present: Box::new(nginx),
        get: Box::new(move || browsers::apt(ws, "nginx-light", &nginx)),
    });
    steps
}

fn node<'a>() -> Step<'a> {
    Step {
        name: "Node.js".to_owned(),
        present: Box::new(|| program_version("node").is_some_and(|found| found >= NODE)),
        get: Box::new(|| match program_version("node") {
            Some(found) => bail!(
                "version {found} is too old: install Node.js 20 or newer (nodejs.org, or nvm install 20)"
            ),
            None => {
                bail!("not found: install Node.js 20 or newer (nodejs.org, or nvm install 20)")
            }
        }),
    }
}

fn npm<'a>() -> Step<'a> {
    Step {
        name: "npm".to_owned(),
        present: Box::new(|| find_program("npm").is_some()),
        get: Box::new(|| bail!("not found: it comes with Node.js, or: apt-get install npm")),
    }
}

/// A program of the `llvm-tools` component, which has the compiler's own LLVM version.
pub fn llvm_tool(name: &str) -> Option<PathBuf> {
    let file = Path::new(&sysroot()?)
        .join("lib/rustlib")
        .join(host()?)
        .join("bin")
        .join(name);
    file.is_file().then_some(file)
}

/// The target triple of this machine.
pub fn host() -> Option<String> {
    let text = capture(Command::new("rustc").arg("-vV"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("host: "))?;
    Some(line.to_owned())
}

fn sysroot() -> Option<String> {
    capture(Command::new("rustc").args(["--print", "sysroot"]))
}

fn program_version(name: &str) -> Option<Version> {
    version_of(Path::new(name))
}

fn version_of(program: &Path) -> Option<Version> {
    Version::find(&capture(Command::new(program).arg("--version"))?)
}

/// The pin is in rust-toolchain.toml. A newer compiler is let through: rustup users get the pinned one anyway.
fn rust_is_new_enough(ws: &Workspace) -> bool {
    match (pinned_rust(ws), program_version("rustc")) {
        (Ok(pinned), Some(found)) => found >= pinned,
        _ => false,
    }
}

fn pinned_rust(ws: &Workspace) -> Result<Version> {
    let text = fs::read_to_string(ws.root.join("rust-toolchain.toml"))?;
    text.lines()
        .find(|line| line.trim_start().starts_with("channel"))
        .and_then(Version::find)
        .context("rust-toolchain.toml names no channel such as \"1.95.0\"")
}

fn rustup(ws: &Workspace, args: &[&str]) -> Result<()> {
    let by_hand = format!("rustup {}", args.join(" "));
    if find_program("rustup").is_none() {
        bail!("needs rustup (rustup.rs), then: {by_hand}");
    }
    let mut command = Command::new("rustup");
    command.args(args).current_dir(&ws.root);
    hide(&mut command, &log(ws, "rustup"), STEP_LIMIT).with_context(|| format!("try: {by_hand}"))
}

fn cargo_tool<'a>(
    ws: &'a Workspace,
    package: &'static str,
    program: &'static str,
    version: &'static str,
    extra: &'static [&'static str],
) -> Step<'a> {
    Step {
        name: format!("{package} {version}"),
        present: Box::new(move || {
            let file = ws.tools.join("bin").join(program);
            let found = capture(Command::new(file).arg("--version"));
            found.and_then(|text| Version::find(&text)) == Version::find(version)
        }),
        get: Box::new(move || {
            let mut command = Command::new("cargo");
            command
                .args([
                    "install",
                    package,
                    "--version",
                    version,
                    "--force",
                    "--root",
                ])
                .arg(&ws.tools)
                .args(extra)
                // These tools run for a second: quick to build matters, quick to run does not. (94 s instead of 290 s)
                .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
                .env("CARGO_PROFILE_RELEASE_LTO", "off")
                .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
                .env("CARGO_TARGET_DIR", ws.tools.join("build"))
                .env_remove("RUSTFLAGS");
            hide(&mut command, &log(ws, package), STEP_LIMIT).with_context(|| {
                format!(
                    "try: cargo install {package} --version {version} --root {}",
                    ws.tools.display()
                )
            })
        }),
    }
}

/// `npm ci` in a folder of ours. Done when the lockfile it was done for is the one that is there now.
fn npm_packages<'a>(ws: &'a Workspace, folder: &'static str) -> Step<'a> {
    let dir = ws.root.join(folder);
    let lockfile = dir.join("package-lock.json");
    let stamp = dir.join("node_modules/.installed-from.json");
    let (lockfile_now, stamp_now) = (lockfile.clone(), stamp.clone());
    Step {
        name: format!("npm packages of {folder}"),
        present: Box::new(move || match fs::read(&lockfile_now) {
            Ok(wanted) => fs::read(&stamp_now).is_ok_and(|installed| installed == wanted),
            Err(_) => false,
        }),
        get: Box::new(move || {
            if find_program("npm").is_none() {
                bail!("needs npm (it comes with Node.js), then: npm ci --prefix {folder}");
            }
            let mut command = Command::new("npm");
            command
                .args(["ci", "--no-audit", "--no-fund"])
                .current_dir(&dir);
            hide(&mut command, &log(ws, &format!("npm-{folder}")), STEP_LIMIT)
                .with_context(|| format!("try: npm ci --prefix {folder}"))?;
            fs::copy(&lockfile, &stamp)?;
            Ok(())
        }),
    }
}

fn log(ws: &Workspace, step: &str) -> PathBuf {
    ws.tools.join("logs").join(format!("{step}.log"))
}

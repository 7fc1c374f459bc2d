//! `cargo xtask run`: from a fresh clone to a running collector with the demo shop, ended by Ctrl-C.
//! Not here: how the collector is configured; this uses the same variables and defaults as everyone.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::command::{self, Running, Signals, show};
use crate::tools::{self, Purpose};
use crate::workspace::Workspace;
use crate::{agent, clickhouse, seed};

const PUBLIC: (&str, &str) = ("VITALSCOPE_PUBLIC_LISTEN", "0.0.0.0:8080");
const PRIVATE: (&str, &str) = ("VITALSCOPE_PRIVATE_LISTEN", "127.0.0.1:8081");
const DATA_DIR: (&str, &str) = ("VITALSCOPE_DATA_DIR", "vitalscope-data");
/// A first start creates the schema, which takes seconds; a minute of nothing is a failure.
const READY_LIMIT: Duration = Duration::from_secs(60);
const READY_PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Load a synthetic history with known regressions first.
    pub seed: bool,
    /// Build the collector optimised: slower to build, for load tests and real use.
    pub release: bool,
}

pub fn run(ws: &Workspace, options: &Options) -> Result<bool> {
    let started = Instant::now();
    let missing = tools::install(ws, Purpose::Run)?;
    if !missing.is_empty() {
        bail!(
            "not everything could be installed:\n  {}",
            missing.join("\n  ")
        );
    }
    for (name, default) in [PUBLIC, PRIVATE] {
        free_port(name, &setting(name, default))?;
    }
    agent::build(ws)?;
    let collector = build_collector(ws, options.release)?;
    println!(
        "run: ready to start after {:.0} s",
        started.elapsed().as_secs_f64()
    );

    let mut serve = Command::new(&collector);
    serve.arg("serve");
    // The collector ends its own children in order, so only it gets the signal.
    let mut running = Running::start(with_settings(ws, &mut serve), Signals::Leader)?;
    let seeded = if options.seed {
        wait_until_ready(&mut running).and_then(|()| load_seed(ws, &collector))
    } else {
        Ok(())
    };
    if let Err(error) = seeded
        && !command::interrupted()
    {
        println!("run: the collector goes on without the synthetic history: {error:#}");
    }
    let status = running.wait()?;
    Ok(status.success() || command::interrupted())
}

/// The development profile: the pure crates are optimised in it as well, and it builds in half the time.
fn build_collector(ws: &Workspace, release: bool) -> Result<PathBuf> {
    let mut build = Command::new("cargo");
    build
        .args(["build", "--package", "collector"])
        .current_dir(&ws.root);
    if release {
        build.arg("--release");
    }
    println!("run: building the collector");
    show(&mut build)?;
    let profile = if release { "release" } else { "debug" };
    Ok(ws.target.join(profile).join("vitalscope"))
}

fn with_settings<'a>(ws: &Workspace, command: &'a mut Command) -> &'a mut Command {
    command
        .current_dir(&ws.root)
        .env("VITALSCOPE_DEMO_ENABLED", "true");
    let library = clickhouse::library(&ws.tools);
    if library.is_file() {
        command.env("VITALSCOPE_CLICKHOUSE_LIBRARY", library);
    }
    command
}

/// The collector would say the same, but only after minutes of building.
fn free_port(name: &str, address: &str) -> Result<()> {
    let parsed: SocketAddr = address
        .parse()
        .with_context(|| format!("{name}={address} is not an address such as 127.0.0.1:9000"))?;
    TcpListener::bind(parsed).map(drop).with_context(|| {
        let other = SocketAddr::new(parsed.ip(), parsed.port().wrapping_add(1000).max(1024));
        format!("{address} is taken; end what uses it, or choose another: {name}={other} cargo xtask run")
    })
}

fn wait_until_ready(collector: &mut Running) -> Result<()> {
    let address: SocketAddr = setting(PRIVATE.0, PRIVATE.1).parse()?;
    let started = Instant::now();
    while started.elapsed() < READY_LIMIT {
        if collector.has_ended() {
            bail!("the collector ended before it was ready");
        }
        if answers_ready(address) {
            return Ok(());
        }
        thread::sleep(READY_PAUSE);
    }
    bail!(
        "the collector was not ready within {} s",
        READY_LIMIT.as_secs()
    )
}

fn answers_ready(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, READY_PAUSE)?;
        stream.set_read_timeout(Some(READY_PAUSE * 5))?;
        write!(
            stream,
            "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )?;
        let mut head = String::new();
        BufReader::new(stream.take(256)).read_line(&mut head)?;
        Ok(head)
    };
    ask().is_ok_and(|status| is_success(&status))
}

fn is_success(status_line: &str) -> bool {
    status_line
        .split(' ')
        .nth(1)
        .is_some_and(|code| code.starts_with('2'))
}

/// History into ClickHouse, then the detector over its last two weeks, hour by hour. Once per data folder: the history
/// ends now, and two of them would overlap.
fn load_seed(ws: &Workspace, collector: &Path) -> Result<()> {
    let mark = ws.root.join(setting(DATA_DIR.0, DATA_DIR.1)).join("seeded");
    if mark.is_file() {
        println!(
            "run: the synthetic history is there already; remove {} to start afresh",
            setting(DATA_DIR.0, DATA_DIR.1)
        );
        return Ok(());
    }
    let started = Instant::now();
    let seed = seed::write(&ws.target.join("seed.ndjson"), this_hour()?)?;
    println!(
        "run: synthetic history written: {} lines ({:.0} s)",
        seed.lines,
        started.elapsed().as_secs_f64()
    );

    let mut import = Command::new(collector);
    import.arg("import").arg(&seed.file);
    show(with_settings(ws, &mut import))?;
    let mut detect = Command::new(collector);
    detect.args(["detect", "--since", &seed.judge_since]);
    // Its findings are printed as JSON, which is for programs; people look at the dashboard.
    show(with_settings(ws, detect.stdout(Stdio::null())))?;
    fs::write(&mark, "synthetic history loaded\n")?;
    println!(
        "run: synthetic history loaded and judged ({:.0} s). Known regressions in it:",
        started.elapsed().as_secs_f64()
    );
    for regression in seed.regressions() {
        println!("  {regression}");
    }
    println!("run: see them at http://{}/", reachable(PRIVATE)?);
    Ok(())
}

/// A listener's address as a browser on this machine opens it.
fn reachable((name, default): (&str, &str)) -> Result<SocketAddr> {
    let mut address: SocketAddr = setting(name, default).parse()?;
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    Ok(address)
}

/// Whole hours since the Unix epoch: the running hour belongs to real visitors.
pub fn this_hour() -> Result<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(i64::try_from(now.as_secs() / 3600)?)
}

fn setting(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_the_way_out() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let error = free_port("VITALSCOPE_PUBLIC_LISTEN", &address).unwrap_err();
        assert!(error.to_string().contains(&address), "{error}");
        assert!(
            error
                .to_string()
                .contains("VITALSCOPE_PUBLIC_LISTEN=127.0.0.1:"),
            "{error}"
        );
        drop(taken);
        assert!(free_port("VITALSCOPE_PUBLIC_LISTEN", "127.0.0.1:0").is_ok());
        assert!(free_port("VITALSCOPE_PUBLIC_LISTEN", "8080").is_err());
    }

    #[test]
    fn only_a_2xx_is_ready() {
        assert!(is_success("HTTP/1.1 200 OK\r\n"));
        assert!(!is_success("HTTP/1.1 503 Service Unavailable\r\n"));
        assert!(!is_success(""));
    }
}

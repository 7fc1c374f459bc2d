//! `cargo xtask dist`: what is handed to somebody who runs a collector: one tarball, and a Debian package of the same files.
//! Not here: the files themselves, which lie in `collector/packaging`.
//!
//! Packing is reproducible (sorted names, one time stamp, no owner). The program itself depends on the compiler and on the
//! folder it was built in.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::agent;
use crate::command::{capture, show};
use crate::tools::{self, Purpose};
use crate::workspace::{Workspace, find_program};

/// Source in the repository, and place in the tarball.
const FILES: [(&str, &str); 9] = [
    (
        "collector/vitalscope.example.toml",
        "vitalscope.example.toml",
    ),
    (
        "collector/packaging/vitalscope.service",
        "vitalscope.service",
    ),
    ("collector/packaging/nginx.conf", "nginx.conf"),
    (
        "collector/packaging/install-clickhouse.sh",
        "install-clickhouse.sh",
    ),
    ("collector/packaging/INSTALL.md", "INSTALL.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("collector/src/ingest/uap-core/LICENSE", "LICENSE-uap-core"),
];
const PROGRAM: &str = "bin/vitalscope";
const PROGRAMS: [&str; 2] = [PROGRAM, "install-clickhouse.sh"];

pub fn run(ws: &Workspace, words: &[String]) -> Result<bool> {
    let with_deb = match words {
        [] => false,
        [word] if word == "--deb" => true,
        _ => bail!("usage: cargo xtask dist [--deb]"),
    };
    let missing = tools::install(ws, Purpose::Run)?;
    ensure!(
        missing.is_empty(),
        "not everything could be installed:\n  {}",
        missing.join("\n  ")
    );
    agent::build(ws)?;
    show(
        Command::new("cargo")
            .args(["build", "--release", "--locked", "--package", "collector"])
            .current_dir(&ws.root),
    )?;

    let name = format!(
        "vitalscope-{}-{}-linux",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH
    );
    let dist = ws.target.join("dist");
    let staging = dist.join(&name);
    let _ = fs::remove_dir_all(&dist); // tarballs of other versions would end up in the container
    stage(ws, &staging)?;
    let time = commit_time(ws)?;
    let tarball = dist.join(format!("{name}.tar.gz"));
    pack(&dist, &name, &tarball, time)?;
    tell(&tarball)?;
    if with_deb {
        tell(&debian_package(&dist, &staging, time)?)?;
    }
    Ok(true)
}

/// Copies everything into `staging` and writes its check sums.
fn stage(ws: &Workspace, staging: &Path) -> Result<()> {
    let program = ws.target.join("release/vitalscope");
    copy(&program, &staging.join(PROGRAM))?;
    for (from, to) in FILES {
        copy(&ws.root.join(from), &staging.join(to))?;
    }
    fs::write(staging.join("THIRD-PARTY.txt"), third_party(ws)?)?;
    let mut names: Vec<&str> = FILES.iter().map(|&(_, to)| to).collect();
    names.extend([PROGRAM, "THIRD-PARTY.txt"]);
    names.sort_unstable();
    for name in &names {
        let mode = if PROGRAMS.contains(name) {
            0o755
        } else {
            0o644
        };
        fs::set_permissions(staging.join(name), fs::Permissions::from_mode(mode))?;
    }
    let sums = capture(Command::new("sha256sum").args(&names).current_dir(staging))
        .context("sha256sum does not run")?;
    fs::write(staging.join("SHA256SUMS"), sums + "\n")?;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("has a parent")?)?;
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

/// Every crate that is linked into the program, with its version and licence.
fn third_party(ws: &Workspace) -> Result<String> {
    let mut tree = Command::new("cargo");
    tree.args([
        "tree",
        "--locked",
        "--package",
        "collector",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}: {l}",
    ])
    .current_dir(&ws.root);
    let listed = capture(&mut tree).context("cargo tree does not run")?;
    let mut crates: Vec<String> = listed
        .lines()
        .filter(|line| !line.contains('/') || line.contains(": ")) // our own have a folder in their name
        .filter(|line| !line.contains(&*ws.root.to_string_lossy()))
        .map(|line| line.replace(" (*)", "").replace(" (proc-macro)", ""))
        .collect();
    crates.sort_unstable();
    crates.dedup();
    Ok(format!(
        "Linked into the program, besides Rust's standard library:\n\n{}\n",
        crates.join("\n")
    ))
}

/// Seconds since the epoch: the one time stamp of everything packed.
fn commit_time(ws: &Workspace) -> Result<u64> {
    let text = capture(
        Command::new("git")
            .args(["log", "-1", "--format=%ct"])
            .current_dir(&ws.root),
    );
    text.context("git log does not run")?
        .parse()
        .context("git log names no time")
}

fn pack(dist: &Path, name: &str, tarball: &Path, time: u64) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.args([
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--format=gnu",
    ])
    .arg(format!("--mtime=@{time}"))
    .args(["--use-compress-program", "gzip -n -9", "-cf"])
    .arg(tarball)
    .arg(name)
    .current_dir(dist);
    show(&mut tar)
}

/// The same files where Debian has them.
fn debian_package(dist: &Path, staging: &Path, time: u64) -> Result<PathBuf> {
    ensure!(
        find_program("dpkg-deb").is_some(),
        "needs dpkg-deb, which every Debian has"
    );
    let root = dist.join("deb");
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => bail!("Debian has no name for {other} here"),
    };
    for (from, to) in [
        (PROGRAM, "usr/bin/vitalscope"),
        (
            "vitalscope.service",
            "lib/systemd/system/vitalscope.service",
        ),
        ("vitalscope.example.toml", "etc/vitalscope/vitalscope.toml"),
        (
            "install-clickhouse.sh",
            "usr/share/vitalscope/install-clickhouse.sh",
        ),
        ("nginx.conf", "usr/share/doc/vitalscope/examples/nginx.conf"),
        ("CHANGELOG.md", "usr/share/doc/vitalscope/CHANGELOG.md"),
        ("LICENSE-MIT", "usr/share/doc/vitalscope/copyright"),
        ("LICENSE-APACHE", "usr/share/doc/vitalscope/LICENSE-APACHE"),
        (
            "LICENSE-uap-core",
            "usr/share/doc/vitalscope/LICENSE-uap-core",
        ),
        (
            "THIRD-PARTY.txt",
            "usr/share/doc/vitalscope/THIRD-PARTY.txt",
        ),
    ] {
        copy(&staging.join(from), &root.join(to))?;
    }
    // A package does not touch /usr/local.
    for file in [
        "lib/systemd/system/vitalscope.service",
        "usr/share/vitalscope/install-clickhouse.sh",
    ] {
        let path = root.join(file);
        let text = fs::read_to_string(&path)?.replace("/usr/local/", "/usr/");
        fs::write(path, text)?;
    }
    let control = root.join("DEBIAN");
    fs::create_dir_all(&control)?;
    let version = env!("CARGO_PKG_VERSION");
    let write = |name: &str, text: &str, mode: u32| -> Result<()> {
        fs::write(control.join(name), text)?;
        fs::set_permissions(control.join(name), fs::Permissions::from_mode(mode))?;
        Ok(())
    };
    write(
        "control",
        &format!(
            "Package: vitalscope\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: The Vitalscope authors <vitalscope@localhost>\n\
             Depends: libc6 (>= 2.36), libgcc-s1, ca-certificates, adduser\nSuggests: npm, nginx\nSection: web\nPriority: optional\n\
             Description: real user monitoring, from the browser to ClickHouse\n The collector: takes beacons of the agent, keeps them durable, stores them in \
             ClickHouse,\n learns what is normal for every route and says when a release made it worse.\n"
        ),
        0o644,
    )?;
    write("conffiles", "/etc/vitalscope/vitalscope.toml\n", 0o644)?;
    write("postinst", POSTINST, 0o755)?;
    write("prerm", PRERM, 0o755)?;
    let package = dist.join(format!("vitalscope_{version}_{architecture}.deb"));
    let mut build = Command::new("dpkg-deb");
    build
        .args(["--root-owner-group", "--build"])
        .arg(&root)
        .arg(&package)
        .env("SOURCE_DATE_EPOCH", time.to_string());
    show(&mut build)?;
    Ok(package)
}

/// The service is enabled by whoever has written its configuration.
const POSTINST: &str = "#!/bin/sh
set -e
if [ \"$1\" = configure ]; then
    getent passwd vitalscope >/dev/null || adduser --system --group --home /var/lib/vitalscope --no-create-home vitalscope >/dev/null
    chgrp vitalscope /etc/vitalscope /etc/vitalscope/vitalscope.toml
    chmod 750 /etc/vitalscope
    chmod 640 /etc/vitalscope/vitalscope.toml
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        systemctl try-restart vitalscope.service
    fi
fi
";
const PRERM: &str = "#!/bin/sh
set -e
if [ \"$1\" = remove ] && [ -d /run/systemd/system ]; then
    systemctl disable --now vitalscope.service
fi
";

fn tell(file: &Path) -> Result<()> {
    let megabytes = fs::metadata(file)?.len() as f64 / 1e6;
    let sum = capture(Command::new("sha256sum").arg(file)).context("sha256sum does not run")?;
    let sum = sum.split(' ').next().unwrap_or_default();
    println!("dist: {} ({megabytes:.1} MB, sha256 {sum})", file.display());
    Ok(())
}

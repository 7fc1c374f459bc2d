//! The embedded ClickHouse: which package of the vendor carries the engine for this platform, and where it goes.
//! Not here: starting it; that is the collector's `embedded` module, which looks in the same place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::{capture, hide};
use crate::workspace::find_program;

/// ClickHouse 26.7.2.1. The collector names the same version in the path it looks for.
pub const VERSION: &str = "26.7.3-stable.1";
/// 178 MB packed: fifteen minutes are a connection of 200 kB/s.
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(15 * 60);

/// The vendor's package for one platform.
struct Package {
    os: &'static str,
    arch: &'static str,
    name: &'static str,
    /// What the registry must deliver (npm's own notation). Native code is pinned by content where we could check it.
    integrity: Option<&'static str>,
}

const PACKAGES: [Package; 4] = [
    Package {
        os: "linux",
        arch: "x86_64",
        name: "@chdb/lib-linux-x64-gnu",
        integrity: Some(
            "sha512-XP97mMqnc5tZpKQywR8N7cLTsHNiTmHr30pC5mzo3jWmukjKn2IBa60c2B/gWUNcuFjOMjWoorQICCqBVj5wpw==",
        ),
    },
    Package {
        os: "linux",
        arch: "aarch64",
        name: "@chdb/lib-linux-arm64-gnu",
        integrity: None,
    },
    Package {
        os: "macos",
        arch: "aarch64",
        name: "@chdb/lib-darwin-arm64",
        integrity: None,
    },
    Package {
        os: "macos",
        arch: "x86_64",
        name: "@chdb/lib-darwin-x64",
        integrity: None,
    },
];

/// `<tools>/clickhouse/<version>/libchdb.so`, on every platform.
pub fn library(tools: &Path) -> PathBuf {
    tools.join("clickhouse").join(VERSION).join("libchdb.so")
}

pub fn is_present(tools: &Path) -> bool {
    library(tools).is_file()
}

/// Fetches the package and puts the library in place in one step, so that a broken download is never taken for a library.
pub fn install(tools: &Path) -> Result<()> {
    let package = package_for(std::env::consts::OS, std::env::consts::ARCH)?;
    if find_program("npm").is_none() {
        bail!("needs npm (it comes with Node.js); or put a `clickhouse` executable on PATH");
    }
    let work = tools.join("clickhouse/incoming");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work)?;

    let archive = fetch(package, &work)?;
    let mut unpack = Command::new("tar");
    unpack.arg("-xzf").arg(&archive).current_dir(&work);
    hide(
        &mut unpack,
        &tools.join("logs/clickhouse-unpack.log"),
        DOWNLOAD_LIMIT,
    )?;

    let library = library(tools);
    fs::create_dir_all(library.parent().context("the library lies in a folder")?)?;
    fs::rename(work.join("package/libchdb.so"), &library)
        .context("the package holds no libchdb.so")?;
    fs::remove_dir_all(&work)?;
    Ok(())
}

fn package_for(os: &str, arch: &str) -> Result<&'static Package> {
    PACKAGES
        .iter()
        .find(|package| package.os == os && package.arch == arch)
        .with_context(|| {
            format!("the vendor has no library for {os} on {arch}: put a `clickhouse` executable on PATH, or set [clickhouse] url")
        })
}

/// Downloads the archive and answers where it is.
fn fetch(package: &Package, work: &Path) -> Result<PathBuf> {
    let spec = format!("{}@{VERSION}", package.name);
    let mut pack = Command::new("npm");
    pack.args(["pack", "--json", "--pack-destination"])
        .arg(work)
        .arg(&spec)
        .current_dir(work);
    let answer = capture(&mut pack)
        .with_context(|| format!("npm cannot fetch {spec}; try: npm pack {spec}"))?;
    let (file, integrity) = packed(&answer)?;
    match package.integrity {
        Some(pinned) if pinned != integrity => bail!("{spec} is not what it was: {integrity}"),
        _ => Ok(work.join(file)),
    }
}

/// File name and integrity from what `npm pack --json` prints.
fn packed(answer: &str) -> Result<(String, String)> {
    let answer: Value = serde_json::from_str(answer).context("npm pack did not answer in JSON")?;
    let field = |name: &str| {
        let value = answer[0][name].as_str();
        value
            .map(str::to_owned)
            .with_context(|| format!("npm pack names no {name}"))
    };
    Ok((field("filename")?, field("integrity")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_supported_platform_has_one_package() {
        assert_eq!(
            package_for("linux", "x86_64").unwrap().name,
            "@chdb/lib-linux-x64-gnu"
        );
        assert_eq!(
            package_for("macos", "aarch64").unwrap().name,
            "@chdb/lib-darwin-arm64"
        );
        let Err(error) = package_for("plan9", "x86_64") else {
            panic!("there is no such package");
        };
        assert!(
            error.to_string().contains("clickhouse` executable"),
            "{error}"
        );
    }

    /// Who installs from a release gets the engine that the tests ran on.
    #[test]
    fn the_released_script_fetches_the_same_package() {
        const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let hex = |base64: &str| {
            let digits = base64.trim_end_matches('=').chars();
            let bits: String = digits
                .map(|digit| format!("{:06b}", ALPHABET.find(digit).unwrap()))
                .collect();
            let bytes = bits.as_bytes().chunks_exact(8);
            let byte = |bits| u8::from_str_radix(std::str::from_utf8(bits).unwrap(), 2).unwrap();
            bytes
                .map(|bits| format!("{:02x}", byte(bits)))
                .collect::<String>()
        };
        let script = include_str!("../../collector/packaging/install-clickhouse.sh");
        assert!(script.contains(&format!("version={VERSION}\n")));
        for package in PACKAGES.iter().filter(|package| package.os == "linux") {
            let (_, rest) = script.split_once(package.name).expect(package.name);
            let sum = package
                .integrity
                .map(|integrity| hex(integrity.strip_prefix("sha512-").unwrap()));
            let line = format!("sha512={}\n", sum.unwrap_or_default());
            assert!(rest.contains(&line), "{line}");
        }
    }

    #[test]
    fn reads_what_npm_prints() {
        let answer = r#"[{"filename":"a-1.tgz","integrity":"sha512-x==","files":[]}]"#;
        assert_eq!(
            packed(answer).unwrap(),
            ("a-1.tgz".into(), "sha512-x==".into())
        );
        assert!(packed("[]").is_err());
        assert!(packed("npm warn").is_err());
    }
}

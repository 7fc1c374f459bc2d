//! Where things are: the repository, its build output, the tool cache.
//! Not here: what is inside them. Paths only, nothing is created.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

pub struct Workspace {
    /// Root of the repository.
    pub root: PathBuf,
    /// Where cargo puts what it builds: `CARGO_TARGET_DIR`, else `target/`.
    pub target: PathBuf,
    /// Tools that all clones on this machine share.
    pub tools: PathBuf,
}

impl Workspace {
    pub fn locate() -> Result<Workspace> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask lies in the root of the repository")?
            .to_path_buf();
        let target = env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |dir| root.join(dir));
        let tools = tool_cache(|name| env::var_os(name)).context(
            "no place for the tool cache: set HOME, or VITALSCOPE_TOOLS to a folder of your choice",
        )?;
        Ok(Workspace {
            root,
            target,
            tools,
        })
    }

    /// `PATH` with the tools in front: wasm-pack takes whatever `wasm-bindgen` and `wasm-opt` it finds first.
    pub fn path(&self) -> OsString {
        let first = [
            self.tools.join("bin"),
            self.root.join("js-shim/node_modules/.bin"),
        ];
        let rest = env::var_os("PATH").unwrap_or_default();
        let all = first.into_iter().chain(env::split_paths(&rest));
        env::join_paths(all).unwrap_or(rest)
    }
}

/// `$VITALSCOPE_TOOLS`, else `$XDG_CACHE_HOME/vitalscope/tools`, else `~/.cache/vitalscope/tools`.
/// The collector looks for the ClickHouse library by the same rule.
fn tool_cache(var: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| var(name).filter(|value| !value.is_empty());
    set("VITALSCOPE_TOOLS")
        .map(PathBuf::from)
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| Path::new(&dir).join("vitalscope/tools")))
        .or_else(|| set("HOME").map(|dir| Path::new(&dir).join(".cache/vitalscope/tools")))
}

/// First executable of that name on `PATH`.
pub fn find_program(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(vars: &[(&str, &str)], expected: Option<&str>) {
        let found = tool_cache(|name| {
            vars.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| OsString::from(value))
        });
        assert_eq!(found, expected.map(PathBuf::from));
    }

    #[test]
    fn tool_cache_follows_the_most_specific_variable() {
        check(
            &[
                ("HOME", "/h"),
                ("XDG_CACHE_HOME", "/x"),
                ("VITALSCOPE_TOOLS", "/t"),
            ],
            Some("/t"),
        );
        check(
            &[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")],
            Some("/x/vitalscope/tools"),
        );
        check(&[("HOME", "/h")], Some("/h/.cache/vitalscope/tools"));
        check(
            &[
                ("HOME", "/h"),
                ("XDG_CACHE_HOME", ""),
                ("VITALSCOPE_TOOLS", ""),
            ],
            Some("/h/.cache/vitalscope/tools"),
        );
        check(&[], None);
    }
}

//! Where the ClickHouse engine is on this machine, or the command that brings it. It starts nothing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The vendor's package version that `cargo xtask tools` installs and the tests run on (ClickHouse 26.7.2.1).
pub const VERSION: &str = "26.7.3-stable.1";
const LIBRARY: &str = "libchdb.so";
const EXECUTABLE: &str = "clickhouse";

/// What can run a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The vendor's shared library, loaded into the child process.
    Library(PathBuf),
    /// A `clickhouse` executable, run by the child process as `clickhouse local`.
    Executable(PathBuf),
}

/// Nothing found.
#[derive(Debug, thiserror::Error)]
#[error(
    "the ClickHouse engine is not installed. Install it with `cargo xtask tools` (from a source tree) or install-clickhouse.sh (it \
     came with the program), or set VITALSCOPE_CLICKHOUSE_LIBRARY to \
     libchdb.so, or put a `clickhouse` executable on PATH, or use a server of your own: [clickhouse] url = \
     \"http://HOST:8123\" in vitalscope.toml. Looked for: {looked_for}"
)]
pub struct Missing {
    looked_for: String,
}

/// Where to look, read from the environment once.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// `VITALSCOPE_CLICKHOUSE_LIBRARY`.
    pub library: Option<PathBuf>,
    /// `PATH`.
    pub path: Option<OsString>,
    /// Tool cache: `VITALSCOPE_TOOLS`, `$XDG_CACHE_HOME/vitalscope/tools` or `~/.cache/vitalscope/tools`.
    pub tools: Option<PathBuf>,
    /// Folder of the running binary; `../lib/vitalscope` of it is where install-clickhouse.sh puts the library.
    pub beside: Option<PathBuf>,
}

impl Places {
    pub fn of_this_machine() -> Places {
        let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let cache = folder("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| folder("HOME").map(|home| Path::new(&home).join(".cache")));
        Places {
            library: folder("VITALSCOPE_CLICKHOUSE_LIBRARY").map(PathBuf::from),
            path: std::env::var_os("PATH"),
            tools: folder("VITALSCOPE_TOOLS")
                .map(PathBuf::from)
                .or_else(|| cache.map(|cache| cache.join("vitalscope/tools"))),
            beside: std::env::current_exe()
                .ok()
                .and_then(|program| program.parent().map(PathBuf::from)),
        }
    }
}

/// The first engine found, the one named explicitly first.
///
/// # Errors
/// [`Missing`], whose text names the install command and every place that was looked at.
pub fn find(places: &Places) -> Result<Engine, Missing> {
    let executables = places
        .path
        .iter()
        .flat_map(std::env::split_paths)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(EXECUTABLE));
    let cached = places
        .tools
        .iter()
        .map(|tools| tools.join("clickhouse").join(VERSION).join(LIBRARY));
    let beside = places.beside.iter().flat_map(|folder| {
        let installed = folder.parent().map(|prefix| prefix.join("lib/vitalscope"));
        [Some(folder.clone()), installed]
            .into_iter()
            .flatten()
            .map(|folder| folder.join(LIBRARY))
    });
    let candidates = places
        .library
        .iter()
        .cloned()
        .map(Engine::Library)
        .chain(executables.map(Engine::Executable))
        .chain(cached.chain(beside).map(Engine::Library));
    let mut looked_for = Vec::new();
    for engine in candidates {
        let (Engine::Library(path) | Engine::Executable(path)) = &engine;
        if path.is_file() {
            return Ok(engine);
        }
        if let Engine::Library(path) = &engine {
            looked_for.push(path.display().to_string());
        }
    }
    Err(Missing {
        looked_for: looked_for.join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_library_wins_over_path_and_path_over_the_tool_cache() {
        let scratch =
            std::env::temp_dir().join(format!("vitalscope-library-{}", std::process::id()));
        let tools = scratch.join("tools");
        let cached = tools.join("clickhouse").join(VERSION).join(LIBRARY);
        let on_path = scratch.join("bin").join(EXECUTABLE);
        let named = scratch.join("named.so");
        for file in [&cached, &on_path, &named] {
            std::fs::create_dir_all(file.parent().expect("has a parent"))
                .expect("temporary folder");
            std::fs::write(file, "").expect("temporary file");
        }
        let mut places = Places {
            library: Some(named.clone()),
            path: Some(scratch.join("bin").into()),
            tools: Some(tools),
            beside: None,
        };
        assert_eq!(find(&places).ok(), Some(Engine::Library(named)));
        places.library = None;
        assert_eq!(find(&places).ok(), Some(Engine::Executable(on_path)));
        places.path = None;
        assert_eq!(find(&places).ok(), Some(Engine::Library(cached)));
        let installed = scratch.join("lib/vitalscope").join(LIBRARY);
        std::fs::create_dir_all(installed.parent().expect("has a parent"))
            .expect("temporary folder");
        std::fs::write(&installed, "").expect("temporary file");
        places.tools = None;
        places.beside = Some(scratch.join("bin"));
        assert_eq!(find(&places).ok(), Some(Engine::Library(installed)));
        std::fs::remove_dir_all(scratch).expect("was created above");
    }

    #[test]
    fn a_missing_engine_names_the_install_command_and_the_alternative() {
        let places = Places {
            tools: Some("/nowhere".into()),
            ..Places::default()
        };
        let text = find(&places).expect_err("nothing is there").to_string();
        for part in [
            "cargo xtask tools",
            "install-clickhouse.sh",
            "[clickhouse] url",
            "/nowhere/clickhouse/",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}

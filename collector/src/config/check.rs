//! What a configuration must fulfil beyond its types. Everything wrong is named by its key.

use std::path::PathBuf;

use anyhow::{bail, ensure};

use super::{App, Config, Ingest, Network, Private};
use crate::http::origin;

/// A spool below this cannot hold one full NDJSON request beside the segment being drained.
const MIN_SPOOL_BYTES: u64 = 64 * 1024 * 1024;
/// Beyond what one collector takes; no limit is 0.
const MAX_BEACONS_PER_S: u32 = 1_000_000;
/// Route prefixes of the public listener that the ingest path must not hide.
const TAKEN_PREFIXES: [&str; 4] = ["/agent", "/snippet.js", "/schema", "/demo"];

/// # Errors
/// The first thing that is wrong, with its key and what to write instead.
pub fn check(config: &Config) -> anyhow::Result<()> {
    private(&config.private)?;
    let (public, private) = (&config.public, &config.private);
    tls("public", &public.tls_certificate, &public.tls_key)?;
    tls("private", &private.tls_certificate, &private.tls_key)?;
    ingest(&config.ingest)?;
    let url = &config.clickhouse.url;
    ensure!(
        url == "embedded" || url.starts_with("http://") || url.starts_with("https://"),
        "clickhouse.url is \"embedded\" or an HTTP address such as \"http://127.0.0.1:8123\", not \"{url}\""
    );
    ensure!(
        !url.contains('@'),
        "clickhouse.url holds no user and password: set clickhouse.user and clickhouse.password (VITALSCOPE_CLICKHOUSE_PASSWORD)"
    );
    ensure!(
        is_identifier(&config.clickhouse.database),
        "clickhouse.database is a name of letters, digits and `_`"
    );
    if let Some(cluster) = &config.clickhouse.cluster {
        ensure!(
            is_cluster_name(cluster),
            "clickhouse.cluster is a name of letters, digits, `_`, `-` and `.`, as in remote_servers of your servers"
        );
        ensure!(
            url != "embedded",
            "clickhouse.cluster needs servers of your own: set clickhouse.url to the HTTP address of one of them"
        );
    }
    ensure!(
        config.spool.max_bytes >= MIN_SPOOL_BYTES,
        "spool.max_bytes is at least {MIN_SPOOL_BYTES}"
    );
    ensure!(
        config.retention.raw_days > 0,
        "retention.raw_days is at least 1"
    );
    ensure!(
        config.retention.rollup_months > 0,
        "retention.rollup_months is at least 1"
    );
    for (index, entry) in config.apps.iter().enumerate() {
        app(entry)?;
        ensure!(
            !config.apps[..index]
                .iter()
                .any(|earlier| earlier.name == entry.name),
            "apps: \"{}\" is listed twice",
            entry.name
        );
    }
    Ok(())
}

fn private(private: &Private) -> anyhow::Result<()> {
    let token = private.token.as_deref().unwrap_or("");
    if !private.listen.ip().is_loopback() && token.is_empty() {
        bail!(
            "private.listen = \"{}\" can be reached from other machines: set private.token (VITALSCOPE_PRIVATE_TOKEN), \
             or listen on 127.0.0.1",
            private.listen
        );
    }
    ensure!(
        private.token.is_none() || !token.is_empty(),
        "private.token is empty: leave it out, or set one"
    );
    Ok(())
}

/// What is in the files is seen when they are read.
fn tls(section: &str, certificate: &Option<PathBuf>, key: &Option<PathBuf>) -> anyhow::Result<()> {
    match (certificate, key) {
        (Some(_), None) => bail!("{section}.tls_certificate needs {section}.tls_key beside it"),
        (None, Some(_)) => bail!("{section}.tls_key needs {section}.tls_certificate beside it"),
        _ => Ok(()),
    }
}

fn ingest(ingest: &Ingest) -> anyhow::Result<()> {
    let path = &ingest.path;
    ensure!(
        path.len() > 1
            && path.starts_with('/')
            && !path.ends_with('/')
            && path
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte)),
        "ingest.path is a path such as \"/v1/views\", not \"{path}\""
    );
    ensure!(
        !TAKEN_PREFIXES.iter().any(|taken| path.starts_with(taken)),
        "ingest.path \"{path}\" is taken by another route"
    );
    rate("ingest.address_beacons_per_s", ingest.address_beacons_per_s)?;
    rate("ingest.app_beacons_per_s", ingest.app_beacons_per_s)?;
    if let Some(name) = &ingest.country_header {
        ensure!(
            axum::http::HeaderName::try_from(name.as_str()).is_ok(),
            "ingest.country_header \"{name}\" is no header name"
        );
        ensure!(
            !ingest.trusted_proxies.is_empty(),
            "ingest.country_header is believed only from ingest.trusted_proxies: list them"
        );
    }
    for network in &ingest.trusted_proxies {
        ensure!(
            network.parse::<Network>().is_ok(),
            "ingest.trusted_proxies: \"{network}\" is no address or network such as \"10.0.0.0/8\""
        );
    }
    Ok(())
}

fn app(app: &App) -> anyhow::Result<()> {
    ensure!(
        crate::ingest::is_app_name(&app.name),
        "apps: name \"{}\" is not 1 to {} printable characters without `/`",
        app.name,
        wire::limits::MAX_NAME_BYTES
    );
    for given in &app.origins {
        ensure!(
            origin::is_origin(given),
            "apps \"{}\": origin \"{given}\" is not of the form \"https://shop.example\" (scheme, host, port if unusual)",
            app.name
        );
    }
    rate("apps: beacons_per_s", app.beacons_per_s.unwrap_or(0))?;
    for route in &app.routes {
        ensure!(
            route.starts_with('/') && route.len() <= wire::limits::MAX_PATH_BYTES,
            "apps \"{}\": route \"{route}\" is no template such as \"/product/:id\"",
            app.name
        );
    }
    Ok(())
}

fn rate(key: &str, beacons_per_s: u32) -> anyhow::Result<()> {
    ensure!(
        beacons_per_s <= MAX_BEACONS_PER_S,
        "{key} is at most {MAX_BEACONS_PER_S}; 0 is no limit"
    );
    Ok(())
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.as_bytes()[0].is_ascii_digit()
}

fn is_cluster_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part of the message that names the key, or `Ok`.
    fn check(toml: &str) -> Result<(), String> {
        let config: Config = toml::from_str(toml).expect("the test's own TOML");
        super::check(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_right() {
        assert_eq!(check(""), Ok(()));
    }

    #[test]
    fn the_private_listener_needs_a_token_off_loopback() {
        let open = check("[private]\nlisten = \"0.0.0.0:8081\"").unwrap_err();
        assert!(open.contains("private.token"), "{open}");
        assert_eq!(
            check("[private]\nlisten = \"0.0.0.0:8081\"\ntoken = \"t\""),
            Ok(())
        );
        assert_eq!(check("[private]\nlisten = \"[::1]:8081\""), Ok(()));
    }

    #[test]
    fn everything_wrong_is_named_by_its_key() {
        for (toml, key) in [
            ("[clickhouse]\nurl = \"tcp://x\"", "clickhouse.url"),
            (
                "[clickhouse]\nurl = \"http://u:p@db:8123\"",
                "clickhouse.password",
            ),
            ("[clickhouse]\ndatabase = \"a;b\"", "clickhouse.database"),
            ("[public]\ntls_key = \"k.pem\"", "public.tls_certificate"),
            ("[private]\ntls_certificate = \"c.pem\"", "private.tls_key"),
            ("[clickhouse]\ncluster = \"main\"", "clickhouse.url"),
            (
                "[clickhouse]\nurl = \"http://db:8123\"\ncluster = \"it's\"",
                "clickhouse.cluster",
            ),
            ("[ingest]\npath = \"v1\"", "ingest.path"),
            ("[ingest]\npath = \"/agent.js\"", "ingest.path"),
            (
                "[ingest]\ncountry_header = \"cf-ipcountry\"",
                "ingest.trusted_proxies",
            ),
            (
                "[ingest]\ntrusted_proxies = [\"10.0.0.0/33\"]",
                "ingest.trusted_proxies",
            ),
            (
                "[ingest]\napp_beacons_per_s = 1000001",
                "ingest.app_beacons_per_s",
            ),
            (
                "[[apps]]\nname = \"a\"\nbeacons_per_s = 4000000000",
                "beacons_per_s",
            ),
            ("[spool]\nmax_bytes = 1", "spool.max_bytes"),
            ("[retention]\nraw_days = 0", "retention.raw_days"),
            ("[[apps]]\nname = \"\"", "name"),
            ("[[apps]]\nname = \"a\"\n[[apps]]\nname = \"a\"", "twice"),
            (
                "[[apps]]\nname = \"a\"\norigins = [\"shop.example\"]",
                "origin",
            ),
            (
                "[[apps]]\nname = \"a\"\norigins = [\"https://shop.example/\"]",
                "origin",
            ),
            ("[[apps]]\nname = \"a\"\nroutes = [\"x\"]", "route"),
        ] {
            let error = check(toml).expect_err(toml);
            assert!(error.contains(key), "{toml}: {error}");
        }
    }
}

//! What a page's Content-Security-Policy lets the agent do (CSP Level 3: directives fall back, every policy must allow).
//!
//! Left out: hashes, sandbox, trusted types. The agent's script tag needs none of them.

use url::Url;

/// One policy: directives by name, their sources as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy(Vec<(String, Vec<String>)>);

/// The policies of one header or meta element; a comma separates policies.
pub fn parse(text: &str) -> Vec<Policy> {
    text.split(',')
        .map(policy)
        .filter(|policy| !policy.0.is_empty())
        .collect()
}

fn policy(text: &str) -> Policy {
    let mut directives: Vec<(String, Vec<String>)> = Vec::new();
    for directive in text.split(';') {
        let mut words = directive.split_ascii_whitespace();
        let Some(name) = words.next() else { continue };
        let name = name.to_ascii_lowercase();
        // The first one counts.
        if !directives.iter().any(|(have, _)| *have == name) {
            directives.push((name, words.map(str::to_owned).collect()));
        }
    }
    Policy(directives)
}

impl Policy {
    /// Sources of the first of these directives that there is; None means that everything is allowed.
    fn sources(&self, names: &[&str]) -> Option<&[String]> {
        names.iter().find_map(|name| {
            let found = self.0.iter().find(|(have, _)| have == name)?;
            Some(found.1.as_slice())
        })
    }

    /// Whether a script tag with this address and nonce runs.
    pub fn allows_script(&self, page: &Url, script: &Url, nonce: Option<&str>) -> bool {
        let Some(sources) = self.sources(&["script-src-elem", "script-src", "default-src"]) else {
            return true;
        };
        let by_nonce = nonce.is_some_and(|nonce| sources.contains(&format!("'nonce-{nonce}'")));
        let hosts_count = !has(sources, "'strict-dynamic'");
        by_nonce || hosts_count && sources.iter().any(|source| matches(source, page, script))
    }

    /// Whether the page may send there.
    pub fn allows_connect(&self, page: &Url, endpoint: &Url) -> bool {
        let sources = self.sources(&["connect-src", "default-src"]);
        sources.is_none_or(|sources| sources.iter().any(|source| matches(source, page, endpoint)))
    }

    /// Whether WebAssembly may be compiled.
    pub fn allows_wasm(&self) -> bool {
        let sources = self.sources(&["script-src", "default-src"]);
        sources.is_none_or(|sources| {
            has(sources, "'wasm-unsafe-eval'") || has(sources, "'unsafe-eval'")
        })
    }
}

fn has(sources: &[String], keyword: &str) -> bool {
    sources
        .iter()
        .any(|source| source.eq_ignore_ascii_case(keyword))
}

/// Whether one source expression covers an address.
fn matches(source: &str, page: &Url, target: &Url) -> bool {
    if source.eq_ignore_ascii_case("'self'") {
        return same_origin_or_secure(page, target);
    }
    if source == "*" {
        return matches!(target.scheme(), "http" | "https") || target.scheme() == page.scheme();
    }
    if let Some(scheme) = source.strip_suffix(':') {
        return scheme_fits(scheme, target.scheme());
    }
    let (scheme, rest) = match source.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None => (page.scheme(), source),
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    scheme_fits(scheme, target.scheme())
        && host_fits(host, target.host_str().unwrap_or_default())
        && port_fits(port, target)
        && path_fits(path, target.path())
}

fn same_origin_or_secure(page: &Url, target: &Url) -> bool {
    page.origin() == target.origin()
        || page.host_str() == target.host_str()
            && page.scheme() == "http"
            && target.scheme() == "https"
            && target.port().is_none()
}

/// A source for `http` covers `https` as well.
fn scheme_fits(source: &str, target: &str) -> bool {
    source.eq_ignore_ascii_case(target) || source.eq_ignore_ascii_case("http") && target == "https"
}

fn host_fits(source: &str, target: &str) -> bool {
    match source.strip_prefix('*') {
        Some(suffix) if suffix.starts_with('.') => {
            target.len() > suffix.len()
                && target
                    .to_ascii_lowercase()
                    .ends_with(&suffix.to_ascii_lowercase())
        }
        _ => !source.is_empty() && source.eq_ignore_ascii_case(target),
    }
}

fn port_fits(source: Option<&str>, target: &Url) -> bool {
    match source {
        Some("*") => true,
        Some(port) => target
            .port_or_known_default()
            .is_some_and(|have| port == have.to_string()),
        None => target.port().is_none(),
    }
}

fn path_fits(source: &str, target: &str) -> bool {
    match source {
        "" | "/" => true,
        folder if folder.ends_with('/') => target.starts_with(folder),
        file => target == file,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://shop.example/cart";
    const SCRIPT: &str = "https://rum.example/agent.js";

    fn check(policy: &str, script: bool, connect: bool, wasm: bool) {
        let (page, target) = (Url::parse(PAGE).unwrap(), Url::parse(SCRIPT).unwrap());
        let policies = parse(policy);
        let found = (
            policies
                .iter()
                .all(|policy| policy.allows_script(&page, &target, Some("abc"))),
            policies
                .iter()
                .all(|policy| policy.allows_connect(&page, &target)),
            policies.iter().all(Policy::allows_wasm),
        );
        assert_eq!(found, (script, connect, wasm), "{policy}");
    }

    #[test]
    fn policies_allow_what_browsers_would() {
        check("", true, true, true);
        check("img-src 'self'", true, true, true);
        check("default-src 'self'", false, false, false);
        check("default-src https:", true, true, false);
        check(
            "default-src *; script-src https://rum.example 'wasm-unsafe-eval'",
            true,
            true,
            true,
        );
        check(
            "script-src 'nonce-abc' 'strict-dynamic' 'unsafe-eval'",
            true,
            true,
            true,
        );
        check(
            "script-src https://rum.example 'strict-dynamic'",
            false,
            true,
            false,
        );
        check("script-src *.example", true, true, false);
        check(
            "script-src rum.example/agent.js; connect-src rum.example/v1/",
            true,
            false,
            false,
        );
        check(
            "script-src rum.example:8443; connect-src rum.example:443",
            false,
            true,
            false,
        );
        check(
            "script-src-elem rum.example; script-src 'none'; connect-src 'none'",
            true,
            false,
            false,
        );
        check("connect-src *; connect-src 'none'", true, true, true);
        check(
            "script-src rum.example 'WASM-UNSAFE-EVAL', connect-src 'self'",
            true,
            false,
            true,
        );
    }

    #[test]
    fn self_is_the_pages_own_origin() {
        let (page, own) = (
            Url::parse(PAGE).unwrap(),
            Url::parse("https://shop.example/agent.js").unwrap(),
        );
        let policies = parse("default-src 'self'");
        assert!(
            policies[0].allows_script(&page, &own, None) && policies[0].allows_connect(&page, &own)
        );
        let page = Url::parse("http://shop.example/").unwrap();
        assert!(policies[0].allows_script(&page, &own, None));
    }
}

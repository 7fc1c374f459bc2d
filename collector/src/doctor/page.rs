//! A page that should carry the agent: whether its HTML has the script tag, for which app, and what its policy allows.

use axum::http::header;
use url::Url;

use super::csp::{self, Policy};
use super::html::{self, Tag};
use super::public::{Reached, at};
use super::visit::{Answer, Visitor};
use super::{Options, Report};

/// As many as browsers follow before a person would notice.
const MAX_REDIRECTS: usize = 5;
/// Below this share of sessions a quiet site shows nothing for hours.
const LOW_SAMPLE_RATE: f64 = 0.05;

pub async fn look(
    visitor: &Visitor,
    options: &Options,
    address: &Url,
    reached: Option<&Reached>,
    report: &mut Report,
) {
    let Some((url, answer)) = fetch(visitor, address, report).await else {
        return;
    };
    let tags = html::tags(&answer.text());
    let Some((tag, script)) = script_tag(&tags, &url, &options.public) else {
        return report.bad(
            "script-tag",
            format!("the HTML of {url} has no script tag for /agent.js of {}", options.public),
            format!(
                "add <script async src=\"{}\" data-app=\"…\"></script>; a page that adds the agent with its own code or from npm cannot be \
                 judged from here: look at the network panel of the browser",
                at(&options.public, "/agent.js")
            ),
        );
    };
    report.good("script-tag", format!("{url} loads {script}"));
    attributes(tag, options, report);
    integrity(tag, &script, reached, report);
    let endpoint = tag
        .get("data-endpoint")
        .and_then(|endpoint| url.join(endpoint).ok());
    let endpoint = endpoint.unwrap_or_else(|| script.clone());
    if url.scheme() == "https" && (script.scheme() == "http" || endpoint.scheme() == "http") {
        let advice = "browsers block that: name the agent and data-endpoint with https://";
        report.bad(
            "mixed-content",
            format!("the page is on https://, {endpoint} is not"),
            advice,
        );
    }
    let beacons = at(&endpoint, &format!("{}/", options.ingest_path));
    policies(
        &policies_of(&answer, &tags),
        &url,
        tag,
        &script,
        &beacons,
        report,
    );
}

async fn fetch(visitor: &Visitor, address: &Url, report: &mut Report) -> Option<(Url, Answer)> {
    let mut url = address.clone();
    for _ in 0..=MAX_REDIRECTS {
        let answer = match visitor.get(&url).await {
            Ok(answer) => answer,
            Err(failure) => {
                report.bad(
                    "page",
                    failure.to_string(),
                    "is this the address that visitors use?",
                );
                return None;
            }
        };
        let target = answer.header(header::LOCATION);
        match url.join(target) {
            Ok(next) if answer.status.is_redirection() && !target.is_empty() => url = next,
            _ if answer.status != 200 => {
                let advice =
                    "give an address that everyone may see, or look in the browser instead";
                report.bad(
                    "page",
                    format!("{url} is answered with {}", answer.status),
                    advice,
                );
                return None;
            }
            _ => return Some((url, answer)),
        }
    }
    report.bad(
        "page",
        format!("{address} redirects more than {MAX_REDIRECTS} times"),
        "give the final address",
    );
    None
}

/// The tag that loads the agent from this collector, and the address it names.
fn script_tag<'t>(tags: &'t [Tag], page: &Url, collector: &Url) -> Option<(&'t Tag, Url)> {
    let scripts = tags.iter().filter(|tag| tag.name == "script");
    let base = tags
        .iter()
        .find(|tag| tag.name == "base")
        .and_then(|tag| page.join(tag.get("href")?).ok());
    let base = base.as_ref().unwrap_or(page);
    let mut named = scripts.filter_map(|tag| Some((tag, base.join(tag.get("src")?).ok()?)));
    named.find(|(_, url)| {
        let path = url
            .path()
            .strip_prefix(collector.path().trim_end_matches('/'));
        let is_agent = path.is_some_and(|path| {
            path == "/agent.js" || path.starts_with("/agent/") && path.ends_with(".js")
        });
        is_agent
            && url.host_str() == collector.host_str()
            && url.port_or_known_default() == collector.port_or_known_default()
    })
}

fn attributes(tag: &Tag, options: &Options, report: &mut Report) {
    match (tag.get("data-app"), &options.app) {
        (None, _) => report.warn(
            "app-attribute",
            "the tag has no data-app",
            "the agent then waits for vitalscope('start', {…}): add data-app, or make sure that the page's code does that",
        ),
        (Some(found), Some(expected)) if found != expected => {
            report.bad("app-attribute", format!("the page sends for app {found:?}, not {expected:?}"), "change data-app");
        }
        (Some(found), _) => report.good("app-attribute", format!("data-app is {found:?}")),
    }
    match tag.get("data-consent") {
        Some("denied") => report.bad(
            "consent",
            "data-consent is denied: nothing is sent",
            "call vitalscope('setConsent', 'granted') once it is given",
        ),
        Some("pending") => report.warn(
            "consent",
            "data-consent is pending: nothing is sent until it is granted",
            "make sure that the page calls vitalscope('setConsent', 'granted')",
        ),
        _ => {}
    }
    let rate = tag
        .get("data-sample-rate")
        .and_then(|rate| rate.trim().parse::<f64>().ok());
    if let Some(rate) = rate.filter(|rate| *rate < LOW_SAMPLE_RATE) {
        let said = format!("data-sample-rate is {rate}: most of your own visits are not measured");
        report.warn(
            "sample-rate",
            said,
            "set it to 1 to see whether anything arrives",
        );
    }
}

fn integrity(tag: &Tag, script: &Url, reached: Option<&Reached>, report: &mut Report) {
    let Some(manifest) = reached.and_then(|reached| reached.manifest.as_ref()) else {
        return;
    };
    let expected = manifest["agent"]["integrity"].as_str().unwrap_or_default();
    let current = manifest["agent"]["path"].as_str().unwrap_or_default();
    let is_hashed = !script.path().ends_with("/agent.js");
    if is_hashed && !script.path().ends_with(current) {
        let said = format!(
            "the page asks for a build that this collector no longer has ({})",
            script.path()
        );
        report.bad(
            "page-integrity",
            said,
            format!("the current one is {current}, integrity=\"{expected}\""),
        );
        return;
    }
    let Some(named) = tag.get("integrity") else {
        return;
    };
    if !named.split_ascii_whitespace().any(|hash| hash == expected) {
        let advice = format!(
            "integrity=\"{expected}\", and src with the hash ({current}), which does not change with an upgrade"
        );
        report.bad(
            "page-integrity",
            "the page's integrity is that of another build: browsers refuse the script",
            advice,
        );
    } else if tag.get("crossorigin").is_none() {
        let advice = "add crossorigin=\"anonymous\"";
        report.bad(
            "page-integrity",
            "integrity needs crossorigin on a script of another origin",
            advice,
        );
    } else if !is_hashed {
        let said = "integrity on /agent.js breaks at the next upgrade of the collector";
        report.warn(
            "page-integrity",
            said,
            format!("use the address with the hash: {current}"),
        );
    } else {
        report.good("page-integrity", "the hash is that of the current build");
    }
}

fn policies_of(answer: &Answer, tags: &[Tag]) -> Vec<Policy> {
    let headers = answer.headers.get_all(header::CONTENT_SECURITY_POLICY);
    let headers = headers.iter().filter_map(|value| value.to_str().ok());
    let metas = tags.iter().filter(|tag| {
        tag.name == "meta"
            && tag
                .get("http-equiv")
                .is_some_and(|name| name.eq_ignore_ascii_case("content-security-policy"))
    });
    headers
        .chain(metas.filter_map(|tag| tag.get("content")))
        .flat_map(csp::parse)
        .collect()
}

fn policies(
    policies: &[Policy],
    page: &Url,
    tag: &Tag,
    script: &Url,
    beacons: &Url,
    report: &mut Report,
) {
    if policies.is_empty() {
        return report.good("csp", "the page has no Content-Security-Policy");
    }
    let origin = |url: &Url| url.origin().ascii_serialization();
    let mut sound = true;
    if !policies
        .iter()
        .all(|policy| policy.allows_script(page, script, tag.get("nonce")))
    {
        sound = false;
        let said = "the page's Content-Security-Policy forbids the script";
        report.bad(
            "csp-script",
            said,
            format!("script-src {} (or a nonce on the tag)", origin(script)),
        );
    }
    if !policies
        .iter()
        .all(|policy| policy.allows_connect(page, beacons))
    {
        sound = false;
        let said = "the page's Content-Security-Policy forbids to send beacons";
        report.bad(
            "csp-connect",
            said,
            format!("connect-src {}", origin(beacons)),
        );
    }
    if !policies.iter().all(Policy::allows_wasm) {
        sound = false;
        report.warn(
            "csp-wasm",
            "the page's Content-Security-Policy forbids WebAssembly",
            "vitals are then computed in the collector from raw entries: the same numbers, but sent only when the page hides, and without \
             onMeasurement and budgets of vitals; 'wasm-unsafe-eval' in script-src allows it",
        );
    }
    if sound {
        report.good(
            "csp",
            "the page's Content-Security-Policy allows script, beacons and WebAssembly",
        );
    }
}

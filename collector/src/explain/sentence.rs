//! The explanation in words: which part, which element, who carries it, what moved with it.

use super::{Blame, Dimension, Explanation, Moved, Subject};

/// What has at least half of the change is named as the cause.
const MAIN_SHARE: f64 = 0.5;
/// Below this share of the page views a thing counts as new.
const NEW_SHARE: f64 = 0.02;
/// Names are what strangers sent; a sentence holds this much of one.
const MAX_NAME_CHARS: usize = 80;
const MAX_NAMED: usize = 4;

/// `general` is `detect`'s: a verdict up to its bracket, then advice for the vital in general. The advice gives way to what is known.
pub fn recommendation(known: &Explanation, subject: &Subject, general: &str) -> String {
    let parts: Vec<String> = phase(known, subject)
        .into_iter()
        .chain(culprits(known, subject))
        .collect();
    let mut text = match general.split_once("). ") {
        Some((verdict, _)) if !parts.is_empty() && subject.sign > 0.0 => format!("{verdict})."),
        _ => general.to_owned(),
    };
    let carriers = known.dimensions.iter().filter_map(carrier);
    let moved = moved(&known.moved);
    for sentence in parts.into_iter().chain(carriers).chain(moved) {
        text.push(' ');
        text.push_str(&sentence);
    }
    text
}

fn phase(known: &Explanation, subject: &Subject) -> Option<String> {
    let main = known
        .blamed
        .iter()
        .find(|one| one.fact == "phase" && one.change_share >= MAIN_SHARE)?;
    let (before, after) = (milliseconds(main.before?), milliseconds(main.after?));
    let (name, advice) = words(&main.name);
    let went = format!("Most of it is {name}: {before} before, {after} since, on average.");
    Some(if subject.sign > 0.0 && !advice.is_empty() {
        format!("{went} {advice}")
    } else {
        went
    })
}

/// The thing of each kind that is most to blame.
fn culprits(known: &Explanation, subject: &Subject) -> Vec<String> {
    let kinds = ["element", "script", "type"].into_iter();
    kinds
        .filter_map(|kind| {
            let main = known
                .blamed
                .iter()
                .find(|one| one.fact == kind && one.change_share >= MAIN_SHARE)?;
            Some(culprit(main, subject))
        })
        .collect()
}

fn culprit(main: &Blame, subject: &Subject) -> String {
    let what = match main.fact.as_str() {
        "element" => "The element",
        "script" => "The script",
        _ => "The interaction",
    };
    let (name, share) = (quoted(&main.name), percent(main.share_after));
    match (main.before, main.after) {
        (Some(before), Some(after)) if main.share_before >= NEW_SHARE => {
            let values = format!("{} → {}", value(subject, before), value(subject, after));
            let grew = main.share_after > 1.5 * main.share_before;
            let frequent = if grew {
                format!(" instead of {}", percent(main.share_before))
            } else {
                String::new()
            };
            format!(
                "{what} {name} carries it: p75 {values}, in {share} of the page views{frequent}."
            )
        }
        _ => format!("{what} {name} is new there, in {share} of the page views."),
    }
}

fn carrier(dimension: &Dimension) -> Option<String> {
    let main = dimension
        .values
        .iter()
        .find(|one| one.name == dimension.carried_by && !one.name.is_empty())?;
    let (name, what) = (quoted(&main.name), dimension.dimension.replace('_', " "));
    let (change, views) = (
        percent(main.change_share.min(1.0)),
        percent(main.share_after),
    );
    Some(if dimension.cause == "mix" {
        let before = percent(main.share_before);
        format!(
            "By {what}, {name} is {views} of the page views instead of {before}; that makes {change} of the change."
        )
    } else {
        format!("By {what}, {name} has {change} of the change with {views} of the page views.")
    })
}

fn moved(moved: &[Moved]) -> Option<String> {
    let named: Vec<String> = moved
        .iter()
        .take(MAX_NAMED)
        .map(|one| {
            let change = (one.change_ratio - 1.0) * 100.0;
            format!("{} {change:+.0} %", plain(&one.vital))
        })
        .collect();
    (!named.is_empty()).then(|| format!("In the same hours moved: {}.", named.join(", ")))
}

/// A phase in words, and where to look when it grew.
fn words(phase: &str) -> (String, &'static str) {
    let (name, advice) = match phase {
        "ttfb_ms" => (
            "the time to first byte",
            "Look at the server, its caches, redirects and the CDN.",
        ),
        "load_delay_ms" => (
            "the delay before its resource loads",
            "Let the browser find it sooner: no lazy loading, a preload or fetchpriority, no script that inserts it.",
        ),
        "load_ms" => (
            "the loading of its resource",
            "Look at its size, its format and the host that serves it.",
        ),
        "render_delay_ms" | "render_ms" => (
            "the delay until it is painted",
            "Look for scripts and styles that block rendering, web fonts, and content that a script makes.",
        ),
        "input_delay_ms" => (
            "the wait before handlers run",
            "Something else holds the main thread: split or defer long scripts.",
        ),
        "processing_ms" => (
            "the event handlers",
            "Do less in them, or let the browser paint before the rest.",
        ),
        "presentation_ms" => (
            "the painting after the handlers",
            "Look for large style and layout work: many elements changed at once.",
        ),
        "script_ms" => (
            "one script",
            "Split it, or let the browser paint in between.",
        ),
        "waiting_ms" => ("waiting before the request", "Look for redirects."),
        "cache_ms" => (
            "the cache and the service worker",
            "Look at what the service worker does first.",
        ),
        "dns_ms" => ("the name lookup", "Look at the domain's DNS and its TTL."),
        "connection_ms" => (
            "connecting",
            "Look at TLS, HTTP/3 and the distance to the server.",
        ),
        "request_ms" => ("the server's answer", "Look at the backend and its caches."),
        other => {
            let name = other.trim_end_matches("_ms").replace('_', " ");
            return (name, "");
        }
    };
    (name.to_owned(), advice)
}

fn milliseconds(ms: f64) -> String {
    if ms < 1_000.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.1} s", ms / 1_000.0)
    }
}

fn value(subject: &Subject, value: f64) -> String {
    match subject.key.known_vital() {
        Some(wire::Vital::Cls) => format!("{value:.3}"),
        Some(wire::Vital::Memory) => format!("{:.1} MB", value / 1e6),
        _ => milliseconds(value),
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn quoted(name: &str) -> String {
    format!("“{}”", plain(name))
}

/// One line of at most so many characters, whatever it was.
pub fn plain(name: &str) -> String {
    let clean: String = name
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_NAME_CHARS)
        .collect();
    if name.chars().count() > MAX_NAME_CHARS {
        clean + "…"
    } else {
        clean
    }
}

#[cfg(test)]
mod tests {
    use super::super::windows::tests::subject;
    use super::*;

    const GENERAL: &str =
        "LCP on /p is 20 % worse (since release 2.0). Look at the largest element. Anything else.";

    fn blame(fact: &str, name: &str, before: Option<f64>, after: f64) -> Blame {
        Blame {
            fact: fact.into(),
            name: name.into(),
            before,
            after: Some(after),
            share_before: if before.is_some() { 0.4 } else { 0.0 },
            share_after: 0.5,
            change_share: 0.9,
        }
    }

    #[test]
    fn what_is_known_takes_the_place_of_general_advice() {
        let known = Explanation {
            blamed: vec![
                blame("phase", "load_delay_ms", Some(200.0), 1_100.0),
                blame("element", "#hero", Some(2_000.0), 2_900.0),
            ],
            moved: vec![Moved {
                kind: "operation",
                vital: "GET /api/cart".into(),
                p75_before: 1.0,
                p75_after: 2.0,
                change_ratio: 1.4,
            }],
            ..Explanation::default()
        };
        assert_eq!(
            known.recommendation(&subject("LCP", 1.0), GENERAL),
            "LCP on /p is 20 % worse (since release 2.0). Most of it is the delay before its resource loads: 200 ms before, 1.1 s since, on \
             average. Let the browser find it sooner: no lazy loading, a preload or fetchpriority, no script that inserts it. The element \
             “#hero” carries it: p75 2.0 s → 2.9 s, in 50 % of the page views. In the same hours moved: GET /api/cart +40 %."
        );
    }

    #[test]
    fn without_anything_known_the_general_advice_stays() {
        let subject = subject("LCP", 1.0);
        assert_eq!(
            Explanation::default().recommendation(&subject, GENERAL),
            GENERAL
        );
    }

    #[test]
    fn names_of_strangers_stay_short_and_plain() {
        let name = format!("a\nb{}", "x".repeat(500));
        let known = Explanation {
            blamed: vec![blame("script", &name, None, 5.0)],
            ..Explanation::default()
        };
        let text = known.recommendation(&subject("INP", 1.0), GENERAL);
        assert!(
            text.ends_with("…” is new there, in 50 % of the page views."),
            "{text}"
        );
        assert!(!text.contains('\n') && text.len() < 300, "{text}");
    }

    #[test]
    fn every_phase_that_an_agent_sends_has_words() {
        for vital in wire::Vital::ALL {
            let phases = wire::attribution::keys(vital)
                .iter()
                .filter(|key| key.ends_with("_ms"));
            for phase in phases.filter(|key| !key.ends_with("at_ms") && **key != "age_ms") {
                assert!(!words(phase).1.is_empty(), "{phase}");
            }
        }
    }
}

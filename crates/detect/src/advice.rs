//! What a finding says in words: what changed, since when, and where to look first. What the page blamed is not known here.

use wire::Vital;

use crate::finding::{Direction, Finding};
use crate::memory::Leak;
use crate::series::APP_LEVEL_ROUTE;

/// What is known, in one sentence, and where to look first. Attribution is not known here.
pub fn recommendation(finding: &Finding) -> String {
    if let Some(leak) = &finding.detail.leak {
        return of_leak(finding, leak);
    }
    let percent = (finding.change_ratio - 1.0).abs() * 100.0;
    let (what, whence) = (&finding.key.vital, &finding.release);
    let (place, since) = (place(finding), since(finding));
    let above = finding.detail.above_zero_clause();
    if finding.direction == Direction::Improvement {
        return format!(
            "{what} on {place} is {percent:.0} % better{above} ({since}). Nothing to do; note what helped."
        );
    }
    let first = match finding.key.known_vital() {
        Some(Vital::Fcp) => {
            "Look at render-blocking scripts and styles, web fonts, and whether TTFB rose with it."
        }
        Some(Vital::Lcp) => {
            "Look at the largest element: its image's size and priority, late discovery, render-blocking resources, TTFB."
        }
        Some(Vital::Cls) => {
            "Look for content inserted above what is shown: images or ads without dimensions, late banners, font swaps."
        }
        Some(Vital::Fid) => {
            "Look for long scripts during load: split them, defer them, or load less."
        }
        Some(Vital::Inp) => {
            "Look for long event handlers and rendering work after clicks and key presses."
        }
        Some(Vital::Ttfb) => "Look at the server, its caches and the CDN; redirects count too.",
        Some(Vital::Memory) => {
            "Look for listeners, timers and caches that outlive their page, and for larger data kept in memory."
        }
        None => "Look at what this operation calls and how much it processes.",
    };
    let elsewhere = if whence.is_empty() {
        " Without a release, check CDN, third parties and the backend."
    } else {
        ""
    };
    format!("{what} on {place} is {percent:.0} % worse{above} ({since}). {first}{elsewhere}")
}

/// Growth has no ratio: a leak is told in megabytes.
fn of_leak(finding: &Finding, leak: &Leak) -> String {
    let (place, since) = (place(finding), since(finding));
    let (before, after) = (leak.before_mb_per_hour, leak.after_mb_per_hour);
    let Leak {
        increase_mb_per_hour: by_hour,
        increase_mb_per_visit: by_visit,
        visit_minutes,
        ..
    } = leak;
    let (more, rest) = match finding.direction {
        Direction::Regression => (
            "more",
            "Look for listeners, timers and caches that outlive what made them, and for nodes that were taken out and are still held.",
        ),
        Direction::Improvement => ("less", "Nothing to do; note what helped."),
    };
    format!(
        "Memory of page views on {place} grows by {:.1} MB an hour {more} ({before:.1} before, {after:.1} now): {:.1} MB by the end of a \
         visit of {visit_minutes:.0} min ({since}). {rest}",
        by_hour.value.abs(),
        by_visit.value.abs()
    )
}

fn place(finding: &Finding) -> String {
    if finding.key.route == APP_LEVEL_ROUTE {
        "most routes".to_owned()
    } else {
        finding.key.route.clone()
    }
}

fn since(finding: &Finding) -> String {
    let (whence, beside) = (&finding.release, finding.detail.beside_clause());
    if whence.is_empty() {
        format!("no release began when it changed{beside}")
    } else {
        format!("since release {whence}{beside}")
    }
}

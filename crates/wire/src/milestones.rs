//! What the milestones of a navigation are called: by browsers, and here.

use alloc::borrow::Cow;

use crate::beacon::Details;

/// Milestones of a navigation as browsers call them, and by their names here. The agent says them as it reads them: a table costs a page
/// more than the collector.
const MILESTONES: [(&str, &str); 13] = [
    ("domainLookupStart", "dns_start_ms"),
    ("domainLookupEnd", "dns_end_ms"),
    ("connectStart", "connect_start_ms"),
    ("secureConnectionStart", "tls_start_ms"),
    ("connectEnd", "connect_end_ms"),
    ("workerStart", "worker_start_ms"),
    ("requestStart", "request_ms"),
    ("firstInterimResponseStart", "interim_response_ms"),
    ("finalResponseHeadersStart", "final_response_ms"),
    ("responseEnd", "response_end_ms"),
    ("domInteractive", "dom_interactive_ms"),
    ("domContentLoadedEventEnd", "dom_content_loaded_ms"),
    ("loadEventEnd", "load_ms"),
];

/// What a beacon says of its timing, under the names that are used from here on: borrowed where they are of this list.
pub fn named(mut timing: Details) -> Details {
    for (name, _) in &mut timing {
        let is_this = |(theirs, ours): &&(&str, &str)| name == theirs || name == ours;
        if let Some((_, ours)) = MILESTONES.iter().find(is_this) {
            *name = Cow::Borrowed(ours);
        }
    }
    timing
}

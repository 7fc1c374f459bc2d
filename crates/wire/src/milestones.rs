//! What the milestones of a navigation are called: by browsers, and here.

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

/// The name that is used from here on, where `name` is of this list, by either name.
pub fn known(name: &str) -> Option<&'static str> {
    let is_this = |(theirs, ours): &&(&str, &str)| name == *theirs || name == *ours;
    MILESTONES.iter().find(is_this).map(|(_, ours)| *ours)
}

//! What the kernel knows of this process, under the names that every Prometheus client library uses. Read from `/proc` at each scrape,
//! in microseconds; what cannot be read is left out.

use std::fs;

use rustix::process::{Resource, getrlimit};

/// One value with its name, kind and help.
pub type Sample = (&'static str, &'static str, &'static str, f64);

pub fn samples() -> Vec<Sample> {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let boot_s = fs::read_to_string("/proc/stat")
        .ok()
        .and_then(|text| boot_time_s(&text));
    let files = fs::read_dir("/proc/self/fd").map(|files| files.count() as f64);
    let ticks_per_s = rustix::param::clock_ticks_per_second() as f64;
    let page_bytes = rustix::param::page_size() as f64;
    let mut samples = Vec::new();
    let mut add = |name, kind, help, value: Option<f64>| {
        samples.extend(value.map(|value| (name, kind, help, value)));
    };
    let ticks = |field| number(&stat, field).map(|ticks| ticks / ticks_per_s);
    add(
        "process_cpu_seconds_total",
        "counter",
        "Processor time of the collector, without ClickHouse.",
        ticks(14).zip(ticks(15)).map(|(user, system)| user + system),
    );
    add(
        "process_resident_memory_bytes",
        "gauge",
        "Memory of the collector, without ClickHouse.",
        number(&stat, 24).map(|pages| pages * page_bytes),
    );
    add(
        "process_virtual_memory_bytes",
        "gauge",
        "Address space of the collector.",
        number(&stat, 23),
    );
    add(
        "process_threads",
        "gauge",
        "Threads of the collector.",
        number(&stat, 20),
    );
    add(
        "process_start_time_seconds",
        "gauge",
        "When the collector was started, in seconds since the epoch.",
        boot_s.zip(ticks(22)).map(|(boot, start)| boot + start),
    );
    // One of them is the folder that is being read.
    add(
        "process_open_fds",
        "gauge",
        "Open files and sockets.",
        files.ok().map(|count| count - 1.0),
    );
    add(
        "process_max_fds",
        "gauge",
        "Files and sockets that may be open.",
        getrlimit(Resource::Nofile).current.map(|max| max as f64),
    );
    samples
}

/// A field of `/proc/self/stat`, counted from 1 as in proc(5). The second one, a name in parentheses, may contain anything.
fn number(stat: &str, field: usize) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(field - 3)?.parse().ok()
}

fn boot_time_s(stat: &str) -> Option<f64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_described_completely() {
        let samples = samples();
        let get = |name: &str| {
            let found = samples.iter().find(|sample| sample.0 == name);
            found.unwrap_or_else(|| panic!("{name} in {samples:?}")).3
        };
        assert!(get("process_resident_memory_bytes") > 1e6);
        assert!(get("process_virtual_memory_bytes") > get("process_resident_memory_bytes"));
        assert!(get("process_open_fds") >= 3.0 && get("process_max_fds") > get("process_open_fds"));
        assert!(get("process_threads") >= 1.0);
        assert!(get("process_cpu_seconds_total") >= 0.0);
        let now_s = crate::clock::now_ms() as f64 / 1000.0;
        let age_s = now_s - get("process_start_time_seconds");
        assert!((-2.0..3600.0).contains(&age_s), "{age_s}");
    }

    #[test]
    fn a_program_may_be_called_anything() {
        assert_eq!(number("7 (a) b (c)) S 1 2", 4), Some(1.0));
        assert_eq!(number("", 4), None);
    }
}

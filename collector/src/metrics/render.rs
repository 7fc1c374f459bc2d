//! Prometheus text exposition. Every name appears here once, with its help.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use super::{Histogram, Limit, Metrics, Reason, SpoolGauges, lock};

pub fn render(metrics: &Metrics, spool: SpoolGauges) -> String {
    let counts = metrics.counts();
    let mut page = Page::default();
    page.family(
        "vitalscope_beacons_received_total",
        "counter",
        "Beacons whose request head was read.",
    );
    page.sample("", counts.received as f64);
    page.family(
        "vitalscope_beacons_rejected_total",
        "counter",
        "Beacons that were not kept, by reason.",
    );
    for reason in Reason::ALL {
        let count = counts.rejected.get(&reason).copied().unwrap_or(0);
        page.sample(&label("reason", reason.name()), count as f64);
    }
    page.family(
        "vitalscope_beacons_stored_total",
        "counter",
        "Beacons in ClickHouse, duplicates included.",
    );
    page.sample("", counts.stored as f64);
    page.family(
        "vitalscope_beacons_spooled",
        "gauge",
        "Beacons on disk and not yet in ClickHouse.",
    );
    page.sample("", counts.spooled as f64);
    page.family(
        "vitalscope_beacons_in_flight",
        "gauge",
        "Beacons being received.",
    );
    page.sample("", counts.in_flight as f64);
    page.family(
        "vitalscope_measurements_rejected_total",
        "counter",
        "Items refused inside beacons that were kept, by code.",
    );
    for (code, count) in lock(&metrics.measurements_rejected).iter() {
        page.sample(&label("code", code), *count as f64);
    }
    page.family(
        "vitalscope_rate_limited_total",
        "counter",
        "Requests answered 429, by whose limit it was.",
    );
    for limit in Limit::ALL {
        let count = metrics.limited[limit as usize].load(Ordering::Relaxed);
        page.sample(&label("limit", limit.name()), count as f64);
    }
    page.family(
        "vitalscope_names_overflowed_total",
        "counter",
        "Names beyond the number an app may bring, counted under (other), by what they name.",
    );
    for (kind, count) in lock(&metrics.overflowed).iter() {
        page.sample(&label("kind", kind), *count as f64);
    }
    page.spool(spool);
    page.histogram(
        "vitalscope_ack_seconds",
        "From the head of a request to its durable answer.",
        &metrics.ack_seconds,
    );
    page.histogram(
        "vitalscope_insert_seconds",
        "One insert into ClickHouse.",
        &metrics.insert_seconds,
    );
    page.family(
        "vitalscope_inserts_failed_total",
        "counter",
        "Inserts that ClickHouse refused or did not answer.",
    );
    page.sample("", metrics.inserts_failed_total() as f64);
    page.family(
        "vitalscope_store_needs_operator",
        "gauge",
        "1 while the store cannot write and waits for a person.",
    );
    page.sample(
        "",
        f64::from(u8::from(
            metrics.store_needs_operator.load(Ordering::Relaxed),
        )),
    );
    page.family(
        "vitalscope_findings_open",
        "gauge",
        "Open regressions, by severity.",
    );
    for (severity, count) in lock(&metrics.findings_open).iter() {
        page.sample(&label("severity", severity), *count as f64);
    }
    if let Some(rate) = *lock(&metrics.alarm_episodes_per_1000_series_days) {
        page.family(
            "vitalscope_alarm_episodes_per_1000_series_days",
            "gauge",
            "Alarms of the last evaluation, true ones included, per 1,000 days of all judged series.",
        );
        page.sample("", rate);
    }
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
    name: &'static str,
}

impl Page {
    fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.name = name;
        let _ = write!(
            self.text,
            "# HELP {name} {help}\n# TYPE {name} {kind}\n" // a String never refuses
        );
    }

    fn sample(&mut self, labels: &str, value: f64) {
        let _ = writeln!(self.text, "{}{labels} {value}", self.name);
    }

    fn spool(&mut self, spool: SpoolGauges) {
        self.family("vitalscope_spool_bytes", "gauge", "Size of the spool.");
        self.sample("", spool.bytes as f64);
        self.family(
            "vitalscope_spool_oldest_age_seconds",
            "gauge",
            "Age of the oldest beacon that is not in ClickHouse.",
        );
        self.sample("", spool.oldest_age_s);
        self.family(
            "vitalscope_spool_segments",
            "gauge",
            "Segment files of the spool.",
        );
        self.sample("", spool.segments as f64);
        self.family(
            "vitalscope_spool_torn_bytes",
            "gauge",
            "Unfinished bytes cut from the spool's end when it was opened.",
        );
        self.sample("", spool.torn_bytes as f64);
    }

    fn histogram(&mut self, name: &'static str, help: &str, histogram: &Histogram) {
        self.family(name, "histogram", help);
        let (rows, sum) = histogram.cumulative();
        let total = rows.last().map_or(0, |&(_, count)| count);
        for (edge, count) in rows {
            let edge = if edge.is_finite() {
                edge.to_string()
            } else {
                "+Inf".into()
            };
            let _ = writeln!(self.text, "{name}_bucket{{le=\"{edge}\"}} {count}");
        }
        let _ = writeln!(self.text, "{name}_sum {sum}\n{name}_count {total}");
    }
}

/// Label values here are our own names: nothing in them needs escaping.
fn label(name: &str, value: &str) -> String {
    format!("{{{name}=\"{value}\"}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scrape_reconciles_and_names_every_reason() {
        let metrics = Metrics::default();
        for _ in 0..5 {
            metrics.received();
        }
        metrics.rejected(Reason::Bot, 1);
        metrics.spooled(3);
        metrics.stored(2);
        metrics.measurement_rejected("out-of-range");
        metrics.read_spool_from(|| SpoolGauges {
            bytes: 7,
            ..SpoolGauges::default()
        });
        let text = metrics.render();
        for line in [
            "vitalscope_beacons_received_total 5",
            "vitalscope_beacons_rejected_total{reason=\"bot\"} 1",
            "vitalscope_beacons_rejected_total{reason=\"malformed\"} 0",
            "vitalscope_beacons_stored_total 2",
            "vitalscope_beacons_spooled 1",
            "vitalscope_beacons_in_flight 1",
            "vitalscope_measurements_rejected_total{code=\"out-of-range\"} 1",
            "vitalscope_spool_bytes 7",
            "vitalscope_ack_seconds_bucket{le=\"+Inf\"} 0",
        ] {
            assert!(text.lines().any(|have| have == line), "{line} in\n{text}");
        }
    }
}

//! Prometheus text exposition. Every name appears here once, with its help.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{
    FalseAlarmGauges, Histogram, Limit, Metrics, Reason, SpoolGauges, TableSize, Traffic, lock,
    process,
};

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
    page.spool(spool, metrics);
    page.histogram(
        "vitalscope_fsync_seconds",
        "One fdatasync of the spool, which many answers wait for together.",
        &metrics.fsync_seconds,
    );
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
        "vitalscope_blocks_sent_anew_total",
        "counter",
        "Blocks that ClickHouse took for known without having their rows.",
    );
    let sent_anew = metrics.blocks_sent_anew.load(Ordering::Relaxed);
    page.sample("", sent_anew as f64);
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
    if let Some(tables) = lock(&metrics.table_sizes).as_deref() {
        page.tables(tables);
    }
    page.traffic(metrics);
    page.family(
        "vitalscope_evaluation_seconds",
        "gauge",
        "How long the last evaluation of the history took.",
    );
    let evaluation_ms = metrics.evaluation_ms.load(Ordering::Relaxed);
    page.sample("", evaluation_ms as f64 / 1000.0);
    page.family(
        "vitalscope_findings_open",
        "gauge",
        "Open regressions that nobody muted, by severity.",
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
    page.false_alarms(*lock(&metrics.false_alarms));
    for (name, kind, help, value) in process::samples() {
        page.family(name, kind, help);
        page.sample("", value);
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

    fn spool(&mut self, spool: SpoolGauges, metrics: &Metrics) {
        self.family("vitalscope_spool_bytes", "gauge", "Size of the spool.");
        self.sample("", spool.bytes as f64);
        self.family(
            "vitalscope_spool_max_bytes",
            "gauge",
            "Size at which the spool takes no more beacons.",
        );
        self.sample("", spool.max_bytes as f64);
        if let Some(free_bytes) = spool.disk_free_bytes {
            self.family(
                "vitalscope_disk_free_bytes",
                "gauge",
                "Free space on the disk of the spool.",
            );
            self.sample("", free_bytes as f64);
        }
        self.family(
            "vitalscope_spool_oldest_age_seconds",
            "gauge",
            "Age of the oldest beacon that is not in ClickHouse.",
        );
        self.sample("", metrics.oldest_age().as_secs_f64());
        self.family(
            "vitalscope_insert_lag_seconds",
            "gauge",
            "How long the oldest beacon of the block stored last had waited since it was on disk.",
        );
        self.sample("", lock(&metrics.lag).last_wait().as_secs_f64());
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

    fn false_alarms(&mut self, measured: FalseAlarmGauges) {
        if let Some(rate) = measured.per_1000_series_days {
            self.family(
                "vitalscope_false_alarms_per_1000_series_days",
                "gauge",
                "Alarms that did not last, per 1,000 days of all series, on the 28 normal days of the last nightly replay; incidents and their days are left out.",
            );
            self.sample("", rate);
        }
        self.family(
            "vitalscope_detector_looks",
            "gauge",
            "What each look at the data costs: 4.6, or more after too many false alarms.",
        );
        self.sample("", measured.looks);
    }

    fn tables(&mut self, tables: &[TableSize]) {
        type Get = fn(&TableSize) -> u64;
        let families: [(&'static str, &str, Get); 2] = [
            (
                "vitalscope_clickhouse_table_bytes",
                "Size of a table on ClickHouse's disk.",
                |table| table.bytes,
            ),
            (
                "vitalscope_clickhouse_table_rows",
                "Rows of a table, superseded ones included.",
                |table| table.row_count,
            ),
        ];
        for (name, help, get) in families {
            self.family(name, "gauge", help);
            for table in tables {
                self.sample(&label("table", &table.name), get(table) as f64);
            }
        }
    }

    fn traffic(&mut self, metrics: &Metrics) {
        type Get = fn(&Traffic) -> &AtomicU64;
        let families: [(&'static str, &str, &str, Get); 5] = [
            (
                "vitalscope_connections_open",
                "gauge",
                "Open connections, by listener.",
                |traffic| &traffic.open,
            ),
            (
                "vitalscope_connections_refused_total",
                "counter",
                "Connections closed at once because their sender had too many.",
                |traffic| &traffic.refused,
            ),
            (
                "vitalscope_connections_failed_total",
                "counter",
                "Connections that broke off, or whose head was too slow, too large or no HTTP.",
                |traffic| &traffic.failed,
            ),
            (
                "vitalscope_http_received_bytes_total",
                "counter",
                "Bytes that came in, heads included, as they were on the wire.",
                |traffic| &traffic.received_bytes,
            ),
            (
                "vitalscope_http_sent_bytes_total",
                "counter",
                "Bytes that went out.",
                |traffic| &traffic.sent_bytes,
            ),
        ];
        let listeners = [
            ("public", &metrics.public_traffic),
            ("private", &metrics.private_traffic),
        ];
        for (name, kind, help, get) in families {
            self.family(name, kind, help);
            for (listener, traffic) in listeners {
                let value = get(traffic).load(Ordering::Relaxed);
                self.sample(&label("listener", listener), value as f64);
            }
        }
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

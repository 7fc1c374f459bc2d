//! The metrics of the real binary: well formed, complete, and documented.

use std::collections::BTreeSet;

use crate::engine;
use crate::serve::{exchange, serve};

const DOCUMENT: &str = include_str!("../../../docs/metrics.md");

/// Names of metrics in the first column of the document's tables.
fn documented() -> BTreeSet<String> {
    let cells = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = cells.filter_map(|line| line.split(" | ").next());
    cells
        .flat_map(|cell| cell.split('`'))
        .filter(|word| word.starts_with("vitalscope_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

/// Families of a scrape, each announced once and before its samples.
fn families(scrape: &str) -> BTreeSet<String> {
    let mut families = BTreeSet::new();
    let mut current = String::new();
    let mut samples = BTreeSet::new();
    for line in scrape.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("name and kind");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert!(families.insert(name.to_owned()), "{name} twice");
            current = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            let (_, help) = rest.split_once(' ').expect("name and help");
            assert!(help.ends_with('.') || help.contains(' '), "{line}");
        } else {
            let (sample, value) = line.rsplit_once(' ').expect("name and value");
            assert!(sample.starts_with(&current), "{line} under {current}");
            assert!(value.parse::<f64>().expect(line) >= 0.0, "{line}");
            assert!(samples.insert(sample.to_owned()), "{sample} twice");
        }
    }
    families
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scrape_is_complete_and_documented() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let served = serve(data.path(), &engine::access());
    assert_eq!(served.post(1), 204);
    let scrape = engine::eventually("stored, sized and judged", async || {
        let scrape = served.scrape();
        let get = |name: &str| scrape.get(name).copied().unwrap_or(0.0);
        let is_there = get("vitalscope_beacons_stored_total") == 1.0
            && scrape
                .keys()
                .any(|name| name.starts_with("vitalscope_clickhouse_table_bytes"))
            && get("vitalscope_evaluation_seconds") > 0.0;
        is_there.then_some(scrape)
    })
    .await;
    assert!(scrape["vitalscope_fsync_seconds_count"] >= 1.0);
    assert!(scrape["vitalscope_insert_lag_seconds"] < 30.0);
    assert_eq!(scrape["vitalscope_spool_oldest_age_seconds"], 0.0);
    assert!(scrape["vitalscope_disk_free_bytes"] > 1e6);
    assert_eq!(
        scrape["vitalscope_spool_max_bytes"],
        4.0 * 1024.0_f64.powi(3)
    );
    let received = "vitalscope_http_received_bytes_total{listener=\"public\"}";
    let sent = "vitalscope_http_sent_bytes_total{listener=\"public\"}";
    assert!((100.0..2_000.0).contains(&scrape[received]), "{scrape:?}");
    assert!((50.0..2_000.0).contains(&scrape[sent]), "{scrape:?}");
    // The scrape itself.
    let private = "vitalscope_connections_open{listener=\"private\"}";
    assert_eq!(scrape[private], 1.0);

    let (status, text) = exchange("GET", &served.addresses["metrics"], "");
    assert_eq!(status, 200);
    // There only when something happened that has not happened here.
    let rare = [
        "vitalscope_alarm_episodes_per_1000_series_days".to_owned(),
        "vitalscope_false_alarms_per_1000_series_days".to_owned(),
    ];
    let mut families = families(&text);
    families.extend(rare);
    assert_eq!(families, documented());
    assert!(served.end().success());
}

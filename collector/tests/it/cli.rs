//! Commands of the real binary on a real engine, with the synthetic shop whose regressions are known.

use std::path::Path;
use std::process::{Command, Output};

use detect::world::{DEFAULT_SEED, VIEW_DAYS, World};
use serde_json::Value;

use crate::engine;

fn vitalscope(data_dir: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vitalscope"))
        .args(words)
        .current_dir(data_dir)
        .env("VITALSCOPE_DATA_DIR", data_dir.join("data"))
        .output()
        .expect("the binary runs")
}

fn stdout(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_history_is_imported_judged_and_listed() {
    let folder = engine::scratch("cli");
    let end = 20_778 * 24;
    let world = World::shop(DEFAULT_SEED, end);
    let lines: Vec<String> = world
        .series_hours()
        .take_while(|line| line.hour < end - VIEW_DAYS * 24)
        .map(|line| line.to_json())
        .collect();
    let file = folder.join("history.ndjson");
    std::fs::write(&file, lines.join("\n")).expect("scratch file");
    let file = file.to_str().expect("is text");

    let imported = stdout(&vitalscope(&folder, &["import", file, "--json"]));
    let counts: Value = serde_json::from_str(&imported).expect("is JSON");
    assert_eq!(counts["series_hours"], lines.len());
    assert_eq!(counts["refused"], 0);

    let at = detect::world::timestamp(end - VIEW_DAYS * 24);
    // The known regressions of that part begin in its last week.
    let from = detect::world::timestamp(end - VIEW_DAYS * 24 - 7 * 24);
    let judge = ["detect", "--since", &from, "--at", &at];
    let first: Value =
        serde_json::from_str(&stdout(&vitalscope(&folder, &judge))).expect("is JSON");
    // The same file and the same moment again: nothing is added, nothing is found twice.
    stdout(&vitalscope(&folder, &["import", file]));
    let second: Value =
        serde_json::from_str(&stdout(&vitalscope(&folder, &judge))).expect("is JSON");
    assert_eq!(first["findings"], second["findings"]);

    let backtest = stdout(&vitalscope(
        &folder,
        &["backtest", file, "--from", &from, "--to", &at],
    ));
    let offline: Vec<Value> = backtest
        .lines()
        .map(|line| serde_json::from_str(line).expect("is JSON"))
        .collect();
    let (summary, offline) = offline.split_last().expect("has a summary");
    assert_eq!(
        first["findings"].as_array().expect("a list"),
        offline,
        "ClickHouse and the file give the same findings"
    );
    assert_eq!(summary["episodes"], first["summary"]["episodes"]);

    let listed = stdout(&vitalscope(&folder, &["findings", "--json"]));
    assert_eq!(listed.lines().count(), offline.len());
    for truth in world.truth() {
        let found = offline.iter().any(|finding| {
            finding["route"] == truth.route
                && finding["vital"] == truth.vital.name()
                && finding["release"] == truth.release
        });
        assert!(
            found,
            "{} on {} is not among {offline:#?}",
            truth.vital.name(),
            truth.route
        );
    }
    explained(&folder, &offline[0]);
    let baselines = stdout(&vitalscope(&folder, &["baseline", "list", "--json"]));
    assert!(baselines.lines().count() >= 6 * 6);
}

/// A finding of an imported history knows neither elements nor browsers, but what else moved on its route.
fn explained(folder: &Path, finding: &Value) {
    let id = finding["id"].as_str().expect("an id");
    let answer: Value =
        serde_json::from_str(&stdout(&vitalscope(folder, &["findings", id, "--json"])))
            .expect("is JSON");
    assert!(answer["explanation"]["windows"].is_object(), "{answer}");
    assert_eq!(answer["explanation"]["blamed"], Value::Array(Vec::new()));
    // What is stored says what `detect` said, and what moved with it.
    let general = finding["recommendation"].as_str().expect("text");
    let text = answer["finding"]["recommendation"].as_str().expect("text");
    let moved = answer["explanation"]["moved"].as_array().expect("a list");
    let is_said = |one: &Value| text.contains(one["vital"].as_str().expect("a name"));
    assert!(
        text.starts_with(general) && moved.iter().take(4).all(is_said),
        "{answer}"
    );
    let lines = stdout(&vitalscope(folder, &["findings", id]));
    assert_eq!(lines.lines().next(), Some(text));
}

#[test]
fn refused_lines_are_named_and_the_rest_is_imported() {
    let folder = engine::scratch("cli-refused");
    let good = r#"{"app":"shop","route":"/p","vital":"LCP","hour":"2026-10-01T13:00:00Z","values":[[1,1]]}"#;
    let file = folder.join("history.ndjson");
    std::fs::write(&file, format!("{good}\n\nnonsense\n{good}\n")).expect("scratch file");
    let output = vitalscope(
        &folder,
        &["import", file.to_str().expect("is text"), "--json"],
    );
    assert_eq!(output.status.code(), Some(1));
    let counts: Value = serde_json::from_slice(&output.stdout).expect("is JSON");
    assert_eq!(
        (counts["series_hours"].as_u64(), counts["refused"].as_u64()),
        (Some(2), Some(1))
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains("line 3:"));
}

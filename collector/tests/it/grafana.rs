//! The Grafana dashboards as data, and every query in them on a real engine with Grafana's macros expanded.
//!
//! The macros are those of `grafana-clickhouse-datasource` 4: `$__conditionalAll` is resolved in the browser, where the variables are;
//! variables come next; the rest is expanded by the plugin's backend. Done here in the same order, once with every variable at All and
//! once with each at values of its own, a hostile one among them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use collector::store::calibration::{self, CalibrationRow};
use collector::store::{Store, queries};
use detect::histogram::{Histogram, Scheme};
use serde_json::Value;

use crate::shop::{self, HOSTILE};
use crate::visits;

const DATASOURCE: &str = "grafana-clickhouse-datasource";
/// Their cost grows with traffic, so every read of them names a time.
const BIG_VIEWS: [&str; 7] = [
    "measurements",
    "page_views",
    "operations",
    "rollups",
    "rollups_minute",
    "rollups_by_dimension",
    "rollups_by_attribution",
];
/// The other views that users may read.
const SMALL_VIEWS: [&str; 7] = [
    "baselines",
    "findings",
    "deploys",
    "alerts",
    "evaluations",
    "false_alarms",
    "buckets",
];
const DAY_S: i64 = 86_400;

/// What a query must answer with.
#[derive(Debug)]
enum Shape {
    /// `time`, at most one text that names the line, and numbers.
    Series,
    /// One row with one number.
    Stat,
    /// These columns.
    Table(BTreeSet<String>),
    Annotation,
    /// One column of values to choose from.
    Variable,
}

#[derive(Debug)]
struct Query {
    place: String,
    sql: String,
    shape: Shape,
}

struct Dashboard {
    file: String,
    json: Value,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards/grafana")
}

// tidy: reads all of dashboards/grafana
fn dashboards() -> Vec<Dashboard> {
    let mut found: Vec<Dashboard> = std::fs::read_dir(folder().join("dashboards"))
        .expect("the folder exists")
        .flatten()
        .map(|entry| {
            let text = std::fs::read_to_string(entry.path()).expect("dashboards are UTF-8");
            Dashboard {
                file: entry.file_name().to_string_lossy().into_owned(),
                json: serde_json::from_str(&text).expect("dashboards are JSON"),
            }
        })
        .collect();
    found.sort_by(|a, b| a.file.cmp(&b.file));
    assert!(found.len() >= 4, "{}", found.len());
    found
}

fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value
        .pointer(path)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or("")
}

impl Dashboard {
    fn panels(&self) -> impl Iterator<Item = &Value> {
        list(&self.json, "/panels")
            .iter()
            .filter(|panel| panel["type"] != "row")
    }

    fn variables(&self) -> &[Value] {
        list(&self.json, "/templating/list")
    }

    fn reads_clickhouse(&self) -> bool {
        text(&self.variables()[0], "/query") == DATASOURCE
    }

    fn queries(&self) -> Vec<Query> {
        let mut all = Vec::new();
        let mut push = |name: &str, target: &Value, shape: Shape| {
            let place = format!("{}, {name}", self.file);
            assert_eq!(target["editorType"], "sql", "{place}");
            let format = if matches!(shape, Shape::Series) { 0 } else { 1 };
            assert_eq!(target["format"], format, "{place}");
            all.push(Query {
                place,
                sql: text(target, "/rawSql").to_owned(),
                shape,
            });
        };
        for panel in self.panels() {
            let title = text(panel, "/title");
            for target in list(panel, "/targets") {
                let shape = match text(panel, "/type") {
                    "timeseries" => Shape::Series,
                    "stat" => Shape::Stat,
                    "table" => Shape::Table(
                        list(panel, "/fieldConfig/overrides")
                            .iter()
                            .map(|column| text(column, "/matcher/options").to_owned())
                            .collect(),
                    ),
                    other => panic!("{title}: no check for {other}"),
                };
                push(title, target, shape);
            }
        }
        for variable in self.variables().iter().filter(|one| one["type"] == "query") {
            push(text(variable, "/name"), &variable["query"], Shape::Variable);
        }
        for annotation in list(&self.json, "/annotations/list") {
            push(
                text(annotation, "/name"),
                &annotation["target"],
                Shape::Annotation,
            );
        }
        all
    }
}

/// The values that variables have. `None` is All.
type Chosen<'a> = &'a [(&'a str, Option<Vec<&'a str>>)];

/// A stretch of time as the plugin sees it.
#[derive(Clone, Copy)]
struct Time {
    from_s: i64,
    to_s: i64,
    interval_s: i64,
}

/// The arguments in the parenthesis that begins at `open`, cut at commas that are in no inner one, and where it ends.
fn arguments(sql: &str, open: usize) -> (Vec<&str>, usize) {
    let (mut depth, mut from, mut found) = (0, open + 1, Vec::new());
    for (at, sign) in sql[open..]
        .char_indices()
        .map(|(at, sign)| (open + at, sign))
    {
        match sign {
            '(' => depth += 1,
            ')' if depth == 1 => {
                found.push(sql[from..at].trim());
                return (found, at + 1);
            }
            ')' => depth -= 1,
            ',' if depth == 1 => {
                found.push(sql[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    panic!("a macro does not end: {sql}");
}

/// Replaces every `$__name(…)`, innermost last, and `$__name` alone.
fn replace(mut sql: String, name: &str, make: impl Fn(&[&str]) -> String) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut from = 0;
    while let Some(at) = sql[from..].find(name).map(|at| from + at) {
        let end = at + name.len();
        if sql[end..].starts_with(is_word) {
            from = end;
            continue;
        }
        let (text, end) = if sql[end..].starts_with('(') {
            let (arguments, end) = arguments(&sql, end);
            (make(&arguments), end)
        } else {
            (make(&[]), end)
        };
        sql.replace_range(at..end, &text);
        from = at;
    }
    sql
}

fn expand(sql: &str, chosen: Chosen<'_>, time: Time) -> String {
    let values = |name: &str| {
        let name = name.trim_start_matches('$');
        chosen
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("no variable {name}: {sql}"))
            .1
            .as_deref()
    };
    let sql = replace(sql.to_owned(), "$__conditionalAll", |arguments| {
        let [condition, variable] = arguments else {
            panic!("two arguments: {arguments:?}");
        };
        match values(variable) {
            None => "1=1".into(),
            Some(_) => (*condition).to_owned(),
        }
    });
    let mut sql = sql;
    while let Some(at) = sql.find("${") {
        let end = at + sql[at..].find('}').expect("a variable ends") + 1;
        let name = sql[at + 2..end - 1]
            .strip_suffix(":singlequote")
            .expect("every variable is quoted");
        let quoted: Vec<String> = values(name)
            .expect("All is nowhere a value")
            .iter()
            .map(|value| format!("'{}'", value.replace('\'', "\\'")))
            .collect();
        sql.replace_range(at..end, &quoted.join(","));
    }
    let Time {
        from_s,
        to_s,
        interval_s,
    } = time;
    let between = |make: fn(i64) -> String| {
        move |arguments: &[&str]| {
            let column = arguments[0];
            format!(
                "{column} >= {} AND {column} <= {}",
                make(from_s),
                make(to_s)
            )
        }
    };
    let seconds = |at: i64| format!("toDateTime({at})");
    let millis = |at: i64| format!("fromUnixTimestamp64Milli({})", at * 1000);
    let sql = replace(sql, "$__timeFilter", between(seconds));
    let sql = replace(sql, "$__timeFilter_ms", between(millis));
    let sql = replace(sql, "$__fromTime", |_| seconds(from_s));
    let sql = replace(sql, "$__toTime", |_| seconds(to_s));
    let sql = replace(sql, "$__interval_s", |_| interval_s.to_string());
    let sql = replace(sql, "$__timeInterval", |arguments| {
        format!(
            "toStartOfInterval(toDateTime({}), INTERVAL {interval_s} second)",
            arguments[0]
        )
    });
    assert!(!sql.contains("$__"), "a macro is left: {sql}");
    sql
}

/// Column names, their types, and the rows.
struct Answer {
    columns: Vec<(String, String)>,
    rows: Vec<Value>,
}

async fn ask(store: &Store, place: &str, sql: &str) -> Answer {
    let query = store.client().query(&sql.replace('?', "??"));
    let mut cursor = query
        .fetch_bytes("JSONCompactEachRowWithNamesAndTypes")
        .expect("the query is sent");
    let bytes = cursor
        .collect()
        .await
        .unwrap_or_else(|error| panic!("{place}: {error}\n{sql}"));
    let text = String::from_utf8(bytes.to_vec()).expect("JSON is UTF-8");
    let mut lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let names = lines.next().expect("names come first");
    let types = lines.next().expect("types come second");
    let words = |line: &Value| -> Vec<String> {
        list(line, "")
            .iter()
            .map(|word| word.as_str().unwrap_or("").to_owned())
            .collect()
    };
    Answer {
        columns: words(&names).into_iter().zip(words(&types)).collect(),
        rows: lines.collect(),
    }
}

fn is_number(kind: &str) -> bool {
    let kind = kind
        .trim_start_matches("Nullable(")
        .trim_start_matches("LowCardinality(");
    kind.starts_with("UInt") || kind.starts_with("Int") || kind.starts_with("Float")
}

fn is_text(kind: &str) -> bool {
    kind.contains("String")
}

fn judge(query: &Query, answer: &Answer) {
    let Query { place, shape, .. } = query;
    let columns = &answer.columns;
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    match shape {
        Shape::Series => {
            assert_eq!(names[0], "time", "{place}");
            assert!(columns[0].1.contains("DateTime"), "{place}: {columns:?}");
            let labels = columns[1..]
                .iter()
                .filter(|(_, kind)| is_text(kind))
                .count();
            let numbers = columns[1..]
                .iter()
                .filter(|(_, kind)| is_number(kind))
                .count();
            assert!(labels <= 1 && numbers >= 1, "{place}: {columns:?}");
            assert_eq!(1 + labels + numbers, columns.len(), "{place}: {columns:?}");
            assert!(
                labels == 0 || numbers == 1,
                "{place}: a label names one number"
            );
            let times: Vec<&str> = answer.rows.iter().map(|row| text(row, "/0")).collect();
            assert!(times.is_sorted(), "{place}: Grafana wants times in order");
        }
        Shape::Stat => {
            assert_eq!(columns.len(), 1, "{place}: {columns:?}");
            assert!(is_number(&columns[0].1), "{place}: {columns:?}");
            assert_eq!(answer.rows.len(), 1, "{place}");
        }
        Shape::Table(expected) => {
            let found: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(
                &found, expected,
                "{place}: what the panel says of its columns"
            );
        }
        Shape::Annotation => {
            let known = ["time", "timeEnd", "title", "text", "tags"];
            assert!(
                names.iter().all(|name| known.contains(name)),
                "{place}: {names:?}"
            );
            assert!(
                names.contains(&"time") && names.contains(&"text"),
                "{place}"
            );
        }
        Shape::Variable => assert_eq!(columns.len(), 1, "{place}: {columns:?}"),
    }
}

/// Every view that is read is one of the contract's, and every read of a big one names a time.
fn reads(query: &Query) {
    // What is joined to an array of the row itself is no source.
    let sql = query.sql.replace("array join", "");
    let words: Vec<&str> = sql.split_whitespace().collect();
    let sources: Vec<&str> = words
        .windows(2)
        .filter(|pair| ["from", "join"].contains(&pair[0]) && !pair[1].starts_with('('))
        .map(|pair| pair[1].trim_end_matches([')', ',']))
        .collect();
    assert!(!sources.is_empty(), "{}", query.place);
    let known = |source: &&str| BIG_VIEWS.contains(source) || SMALL_VIEWS.contains(source);
    assert!(sources.iter().all(known), "{}: {sources:?}", query.place);
    let big = sources
        .iter()
        .filter(|source| BIG_VIEWS.contains(source))
        .count();
    let times = query.sql.matches("$__timeFilter").count()
        + query.sql.matches(">= now() - interval").count();
    assert!(times >= big, "{}: reads all of {sources:?}", query.place);
}

/// The shop, its last hours told by real beacons, and what the detector says of itself.
async fn store() -> Store {
    let store = shop::store().await;
    visits::add(&store).await;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    for night in 0..3 {
        let row = CalibrationRow {
            day_number: now_ms / 86_400_000 - night,
            from_ms: now_ms - 28 * 86_400_000,
            to_ms: now_ms,
            series: 40,
            series_days: 1000.0,
            alarms: 1,
            looks_before: 4.0,
            looks: 4.0,
            duration_ms: 900,
            measured_at_ms: now_ms,
        };
        calibration::keep(&store, &row).await.expect("is kept");
    }
    let evaluation = "insert into evaluation_rows select now64(3), now() - interval 14 day, now(), 42, 588, 1, 2, 350";
    let query = store.client().query(evaluation);
    query.execute().await.expect("is kept");
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_runs_and_finds_what_its_panel_shows() {
    let store = store().await;
    let now_s = jiff::Timestamp::now().as_second();
    let time = Time {
        from_s: now_s - 30 * DAY_S,
        to_s: now_s + 60,
        interval_s: 3600,
    };
    let one = |value| Some(vec![value]);
    let all: Chosen<'_> = &[
        ("app", one("shop")),
        ("vital", one("LCP")),
        ("environment", None),
        ("route", None),
        ("device", None),
        ("country", None),
        ("release", None),
    ];
    let some: Chosen<'_> = &[
        ("app", one("shop")),
        ("vital", one("LCP")),
        ("environment", one("production")),
        ("route", Some(vec!["/product/:id", HOSTILE])),
        ("device", Some(vec!["mobile", "desktop"])),
        ("country", Some(vec!["DE", "it's"])),
        ("release", Some(vec![visits::NEW_RELEASE, "2.0.0"])),
    ];
    let mut count = 0;
    for dashboard in dashboards().iter().filter(|one| one.reads_clickhouse()) {
        for query in dashboard.queries() {
            reads(&query);
            for chosen in [all, some] {
                let sql = expand(&query.sql, chosen, time);
                let answer = ask(&store, &query.place, &sql).await;
                judge(&query, &answer);
                let filtered = std::ptr::eq(chosen, some);
                assert!(
                    filtered || !answer.rows.is_empty(),
                    "{} finds nothing:\n{sql}",
                    query.place
                );
                count += 1;
            }
            check(&store, &query, all, time).await;
        }
    }
    println!("{count} queries ran");
    assert!(count > 120, "{count}");
}

/// What can be worked out on paper for some of them.
async fn check(store: &Store, query: &Query, all: Chosen<'_>, time: Time) {
    // The last six hours hold the visits and thirty of the shop's own views.
    let recent = Time {
        from_s: time.to_s - 7 * 3600,
        ..time
    };
    let rows = async |time: Time| {
        ask(store, &query.place, &expand(&query.sql, all, time))
            .await
            .rows
    };
    match query.place.as_str() {
        "vitals.json, CLS" => {
            let values: Vec<f64> = (0..visits::VIEWS)
                .map(|i| (i % 20) as f64 / 100.0)
                .collect();
            assert_eq!(
                rows(recent).await[0][0],
                exact_p75(values),
                "{}",
                query.place
            );
        }
        "vitals.json, Operations" => {
            let rows = rows(recent).await;
            assert_eq!(rows[0][0], visits::OPERATION);
            assert_eq!(rows[0][1].as_str().or(Some("120")), Some("120"));
            assert_eq!(rows[0][5], 0.1, "every tenth call fails");
        }
        "vitals.json, CLS: what moved" => assert_eq!(rows(recent).await[0][1], "div.banner"),
        "data-health.json, Measurements and operations that pages dropped, by reason" => {
            let rows = rows(recent).await;
            assert!(rows.iter().all(|row| row[1] == "buffer-full"), "{rows:?}");
        }
        "data-health.json, Newest beacon" => {
            let age_s = rows(time).await[0][0].clone();
            let age_s: f64 = age_s
                .as_f64()
                .or_else(|| age_s.as_str()?.parse().ok())
                .expect("a number");
            assert!((0.0..600.0).contains(&age_s), "{age_s}");
        }
        "regressions.json, False alarms per 1,000 series-days" => {
            assert_eq!(rows(time).await[0][0], 1.0);
        }
        "regressions.json, Critical" => {
            let open = rows(time).await[0][0].clone();
            assert!(open == 2 || open == "2", "one is resolved: {open}");
        }
        "vitals.json, p75 by day" => by_day(store, &rows(time).await, time).await,
        _ => {}
    }
}

/// ClickHouse's own rule.
fn exact_p75(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() as f64 * 0.75) as usize]
}

/// What SQL reads from the buckets is what the API reads from them.
async fn by_day(store: &Store, rows: &[Value], time: Time) {
    let scope = queries::Scope {
        app: "shop".into(),
        environment: "production".into(),
        from_ms: time.from_s * 1000,
        to_ms: time.to_s * 1000,
        ..queries::Scope::default()
    };
    let steps = queries::vitals_by_step(store, &scope, "", "", DAY_S)
        .await
        .expect("answers");
    let mut compared = 0;
    for row in rows {
        let (day, vital, p75) = (
            text(row, "/0"),
            text(row, "/1"),
            row[2].as_f64().expect("a number"),
        );
        let at: jiff::Timestamp = format!("{}Z", day.replace(' ', "T"))
            .parse()
            .expect("a time");
        let step = steps
            .iter()
            .find(|step| step.vital == vital && step.at_ms == at.as_millisecond());
        let step = step.unwrap_or_else(|| panic!("the API has no {vital} on {day}"));
        let vital = wire::Vital::from_name(vital).expect("is one");
        let mut histogram = Histogram::new(Scheme::of_vital(vital));
        for &(index, count) in &step.buckets {
            histogram.add(index, count);
        }
        let expected = histogram.quantile(0.75).expect("is not empty").value;
        assert!(
            (p75 - expected).abs() < 1e-6 * expected,
            "{row}: the API says {expected}"
        );
        compared += 1;
    }
    assert!(compared > 80, "{compared}");
}

/// Every edge of the view is the detector's own.
#[tokio::test(flavor = "multi_thread")]
async fn the_view_of_the_buckets_has_the_edges_of_the_detector() {
    let store = crate::engine::store().await;
    let rows: Vec<(String, String, u16, f64, f64)> = store
        .client()
        .query("select kind, vital, bucket, low, high from buckets order by kind, vital, bucket")
        .fetch_all()
        .await
        .expect("answers");
    let mut schemes: Vec<(&str, &str, Scheme)> = wire::Vital::ALL
        .into_iter()
        .map(|vital| ("vital", vital.name(), Scheme::of_vital(vital)))
        .collect();
    schemes.push(("vital", detect::series::MEMORY_GROWTH, Scheme::Growth));
    schemes.push(("operation", "", Scheme::OPERATION));
    let mut expected: Vec<(&str, &str, u16, f64, f64)> = schemes
        .into_iter()
        .flat_map(|(kind, vital, scheme)| {
            (0..scheme.bucket_count() as u16).map(move |bucket| {
                // Bucket 1 also holds what lies between zero and its lower edge.
                let reaches_zero = bucket == 1 && scheme != Scheme::Growth;
                let low = if reaches_zero {
                    0.0
                } else {
                    scheme.lower_edge(bucket)
                };
                (kind, vital, bucket, low, scheme.upper_edge(bucket))
            })
        })
        .collect();
    expected.sort_by(|a, b| (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)));
    assert_eq!(rows.len(), expected.len());
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs();
    for (row, edge) in rows.iter().zip(expected) {
        assert_eq!(
            (row.0.as_str(), row.1.as_str(), row.2),
            (edge.0, edge.1, edge.2)
        );
        assert!(
            near(row.3, edge.3) && near(row.4, edge.4),
            "{row:?} is {edge:?}"
        );
    }
}

/// What Grafana itself would complain about, or worse, not.
#[test]
fn names_are_unique_and_every_reference_resolves() {
    let metrics = include_str!("../../../docs/metrics.md");
    let mut uids = BTreeSet::new();
    for dashboard in dashboards() {
        let Dashboard { file, json } = &dashboard;
        let uid = text(json, "/uid");
        assert!(!uid.is_empty() && uid.len() <= 40, "{file}: {uid}");
        assert!(uids.insert(uid.to_owned()), "{file}: {uid} twice");
        assert!(json["schemaVersion"].as_u64() >= Some(39), "{file}");
        assert_eq!(
            list(json, "/__inputs").len(),
            1,
            "{file}: one data source to ask for"
        );
        let names: BTreeSet<&str> = dashboard
            .variables()
            .iter()
            .map(|one| text(one, "/name"))
            .collect();
        assert_eq!(names.len(), dashboard.variables().len(), "{file}");
        assert_eq!(dashboard.variables()[0]["type"], "datasource", "{file}");
        let mut ids = BTreeSet::new();
        for panel in list(json, "/panels") {
            assert!(
                ids.insert(panel["id"].as_u64().expect("a number")),
                "{file}: {}",
                panel["title"]
            );
        }
        for panel in dashboard.panels() {
            let title = text(panel, "/title");
            let mut references = BTreeSet::new();
            assert_eq!(
                panel["datasource"]["uid"], "${datasource}",
                "{file}: {title}"
            );
            for target in list(panel, "/targets") {
                assert!(references.insert(text(target, "/refId")), "{file}: {title}");
                assert_eq!(target["datasource"], panel["datasource"], "{file}: {title}");
                for word in
                    text(target, "/expr").split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                {
                    if word.starts_with("vitalscope_") || word.starts_with("process_") {
                        let family = word.strip_suffix("_bucket").unwrap_or(word);
                        assert!(
                            metrics.contains(&format!("`{family}`")),
                            "{file}: {title}: no metric {family}"
                        );
                    }
                }
            }
            assert!(!references.is_empty(), "{file}: {title} asks nothing");
        }
        let whole = json.to_string();
        for reference in whole
            .split("${")
            .skip(1)
            .filter_map(|rest| rest.split('}').next())
        {
            let name = reference.split(':').next().unwrap_or("");
            let known =
                names.contains(name) || name.starts_with("__field") || name.starts_with("DS_");
            assert!(known, "{file}: no variable {reference}");
        }
    }
    for (file, needed) in [
        (
            "datasources/vitalscope.yaml",
            &["grafana-clickhouse-datasource", "prometheus"][..],
        ),
        ("dashboards/vitalscope.yaml", &["type: file"][..]),
    ] {
        let text = std::fs::read_to_string(folder().join("provisioning").join(file)).expect(file);
        assert!(
            text.starts_with("# ") && text.contains("\napiVersion: 1\n"),
            "{file}"
        );
        assert!(needed.iter().all(|word| text.contains(word)), "{file}");
    }
}

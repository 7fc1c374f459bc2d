//! The dashboard's files as served, and the SQL recipes on a real engine.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use axum::http::{Method, StatusCode, header};
use collector::store::Store;
use serde_json::Value;

use crate::shop::{self, answer, private, request};

/// The whole page, compressed: a dashboard about speed has to be fast itself.
const MAX_PAGE_BYTES: usize = 120_000;

fn dashboards() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards")
}

/// Every file below `folder`, as paths relative to it.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)
        .expect("the folder exists")
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            found.extend(
                files(&entry.path())
                    .into_iter()
                    .map(|file| format!("{name}/{file}")),
            );
        } else {
            found.push(name);
        }
    }
    found.sort();
    found
}

fn source(file: &str) -> String {
    std::fs::read_to_string(dashboards().join("web").join(file)).expect("sources are UTF-8")
}

#[tokio::test]
async fn every_file_is_served_typed_and_kept_by_browsers() {
    let router = private(shop::nowhere());
    let mut total = 0;
    for file in files(&dashboards().join("web")) {
        let path = if file == "index.html" {
            "/".to_owned()
        } else {
            format!("/assets/{file}")
        };
        let response = answer(&router, request(Method::GET, &path, "")).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let tag = response.headers()[header::ETAG].clone();
        assert_eq!(
            response.headers()[header::X_CONTENT_TYPE_OPTIONS],
            "nosniff"
        );
        let mut again = request(Method::GET, &path, "");
        again.headers_mut().insert(header::IF_NONE_MATCH, tag);
        assert_eq!(
            answer(&router, again).await.status(),
            StatusCode::NOT_MODIFIED,
            "{path}"
        );
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder
            .write_all(shop::text(response).await.as_bytes())
            .expect("memory takes all");
        total += encoder.finish().expect("memory takes all").len();
    }
    println!("the dashboard is {total} bytes after gzip");
    assert!(total <= MAX_PAGE_BYTES, "{total}");
    for path in [
        "/assets/nothing.js",
        "/assets/../Cargo.toml",
        "/assets/%2e%2e/sql/p75_by_route.sql",
    ] {
        assert_eq!(
            answer(&router, request(Method::GET, path, ""))
                .await
                .status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

/// What the content security policy forbids is not even tried, and nothing turns text into markup.
#[test]
fn nothing_is_inline_foreign_or_parsed_as_markup() {
    let page = source("index.html");
    assert!(
        !page.contains("<style") && !page.contains(" style=") && !page.contains(" onload="),
        "inline code"
    );
    for tag in page.split("<script").skip(1) {
        assert!(
            tag.trim_start()
                .split('>')
                .next()
                .is_some_and(|head| head.contains("src=\"/assets/")),
            "{tag}"
        );
    }
    for file in files(&dashboards().join("web"))
        .iter()
        .filter(|file| !file.starts_with("vendor/"))
    {
        let text = source(file);
        for forbidden in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "https://",
            "//cdn",
        ] {
            assert!(!text.contains(forbidden), "{file} has {forbidden}");
        }
        let addresses = text.matches("http://").count();
        let known = text.matches("http://www.w3.org/2000/svg").count()
            + text.matches("http://${location.hostname}").count();
        assert_eq!(addresses, known, "{file} loads from elsewhere");
    }
}

/// A module that is found only behind another one costs a way to the server more.
#[test]
fn every_module_is_asked_for_at_once() {
    let page = source("index.html");
    let is_module = |file: &&String| {
        let is_foreign =
            file.starts_with("vendor/") || ["app.js", "theme.js"].contains(&file.as_str());
        file.ends_with(".js") && !is_foreign
    };
    for file in files(&dashboards().join("web")).iter().filter(is_module) {
        let link = format!("<link rel=\"modulepreload\" href=\"/assets/{file}\">");
        assert!(page.contains(&link), "index.html has no {link}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recipe_runs_and_finds_something() {
    recipes(&shop::store().await).await;
}

/// Runs every recipe and checks one fact of each.
pub async fn recipes(store: &Store) {
    let folder = dashboards().join("sql");
    let recipes = files(&folder);
    assert!(recipes.len() >= 8, "{recipes:?}");
    for recipe in recipes {
        let sql = std::fs::read_to_string(folder.join(&recipe)).expect("recipes are UTF-8");
        assert!(
            sql.starts_with("-- "),
            "{recipe} begins with what it answers"
        );
        let query = store.client().query(&sql.replace('?', "??"));
        let query = query
            .param("app", "shop")
            .param("days", 7)
            .param("release", "2.0.0");
        let mut cursor = query
            .fetch_bytes("JSONEachRow")
            .expect("the recipe is sent");
        let bytes = cursor
            .collect()
            .await
            .unwrap_or_else(|error| panic!("{recipe}: {error}"));
        let text = String::from_utf8(bytes.to_vec()).expect("JSON is UTF-8");
        let rows: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        println!(
            "{recipe}: {} rows, first {}",
            rows.len(),
            rows.first().unwrap_or(&Value::Null)
        );
        assert!(!rows.is_empty(), "{recipe} finds nothing");
        check(&recipe, &rows);
    }
}

/// One fact per recipe that can be worked out from the shop's page views.
fn check(recipe: &str, rows: &[Value]) {
    let first = &rows[0];
    match recipe {
        "inp_culprits.sql" => assert_eq!(
            (&first["element"], &first["mean_processing_ms"]),
            (&"#buy".into(), &250.into())
        ),
        "leak_suspects.sql" => assert_eq!(
            (
                &first["median_growth_mb_per_hour"],
                &first["grown_mb_at_median_age"]
            ),
            (&12.into(), &6.into())
        ),
        "p75_over_months.sql" => {
            assert_eq!(first["vital"], "CLS");
            // Three quarters of the page views have 0.02: the end of its bucket, which is 8 % wide.
            let p75 = first["p75"].as_f64().expect("a number");
            assert!((0.02..0.0216).contains(&p75), "{first}");
        }
        "p75_by_route.sql" => assert_eq!(
            (&first["route"], &first["vital"]),
            (&"/product/:id".into(), &"INP".into())
        ),
        "release_before_after.sql" => {
            assert_eq!(first["vital"], "LCP");
            assert!(
                first["change_ratio"]
                    .as_f64()
                    .is_some_and(|ratio| (1.9..2.1).contains(&ratio)),
                "{first}"
            );
        }
        "retention.sql" => {
            let kept = |what: &str| rows.iter().find(|row| row["what"] == what);
            let views = kept("page_views").expect("are kept");
            assert_eq!(
                (&views["kept_rows"], &views["age_days"]),
                (&600.into(), &5.into())
            );
            assert!(kept("rollups").is_some() && kept("operations").is_none());
        }
        "slowest_lcp_elements.sql" => assert_eq!(first["element"], "<img src=x onerror=alert(1)>"),
        "traffic_by_browser.sql" => assert_eq!(
            (&first["browser"], &first["share"]),
            (&"Chrome 156".into(), &0.75.into())
        ),
        "worst_pages_by_impact.sql" => assert_eq!(
            (&first["route"], &first["vital"]),
            (&"/product/:id".into(), &"LCP".into())
        ),
        other => panic!("{other} has no check"),
    }
}

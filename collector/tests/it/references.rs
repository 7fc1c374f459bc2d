//! Decisions about baselines, made by command and by API, steer what the next evaluation judges by.

use std::path::Path;
use std::process::Command;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use collector::history;
use collector::store::import::Import;
use collector::store::{Access, Store};
use collector::watch;
use detect::Strategy;
use serde_json::Value;

use crate::engine;
use crate::shop::{answer, get, private};

const HOUR_S: i64 = 3600;
const DAY_S: i64 = 24 * HOUR_S;

/// A collector whose one series has seventy days of past, up to now.
struct Scene {
    access: Access,
    store: Store,
    router: Router,
    strategy: Strategy,
    /// An hour ahead: what is decided while the test runs was decided before it.
    at: jiff::Timestamp,
}

impl Scene {
    async fn new(strategy: Strategy) -> Scene {
        let access = engine::access();
        let store = Store::new(access.clone());
        store.migrate(&Default::default()).await.expect("migrates");
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
        let end = at.as_second().div_euclid(HOUR_S);
        let mut import = Import::new(store.clone(), 1);
        for hour in end - 70 * 24..end {
            // Forty page views around a second, different in every hour.
            let values: Vec<String> = (0..40)
                .map(|i| format!("[{}, 1]", 900 + (hour * 7919 + i * 104_729).rem_euclid(200)))
                .collect();
            let line = format!(
                r#"{{"app":"shop","environment":"production","route":"/","vital":"LCP","hour":"{}","values":[{}]}}"#,
                history::timestamp(hour),
                values.join(",")
            );
            let line = history::parse(line.as_bytes()).expect("is a line");
            import.push(&line).await.expect("is taken");
        }
        import.flush().await.expect("is taken");
        Scene {
            access,
            router: private(store.clone()),
            store,
            strategy,
            at,
        }
    }

    async fn evaluate(&self) -> watch::Evaluation {
        watch::evaluate(&self.store, self.strategy, None, self.at)
            .await
            .expect("judges")
    }

    /// The baseline in force and the candidate, as the API shows them.
    async fn baselines(&self) -> (Value, Option<Value>) {
        let (status, mut rows) = get(&self.router, "/api/v1/baselines?app=shop").await;
        assert_eq!(status, StatusCode::OK);
        let rows = rows["rows"].as_array_mut().expect("a list");
        let candidate = rows.iter().position(|row| row["candidate"] == true);
        let candidate = candidate.map(|place| rows.remove(place));
        assert_eq!(rows.len(), 1, "{rows:?}");
        (rows.remove(0), candidate)
    }

    async fn post(&self, id: &Value, verdict: &str) -> StatusCode {
        let id = id.as_str().expect("an id");
        let request = Request::post(format!("/api/v1/baselines/{id}/{verdict}"))
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from("{}"))
            .expect("a valid request");
        answer(&self.router, request).await.status()
    }

    /// The real command, on the same database.
    fn command(&self, words: &[&str]) -> std::process::Output {
        Command::new(env!("CARGO_BIN_EXE_vitalscope"))
            .args(words)
            .current_dir(engine::scratch("references"))
            .env("VITALSCOPE_DATA_DIR", Path::new("data"))
            .env("VITALSCOPE_CLICKHOUSE_URL", &self.access.url)
            .env("VITALSCOPE_CLICKHOUSE_DATABASE", &self.access.database)
            .env("VITALSCOPE_CLICKHOUSE_USER", &self.access.user)
            .env("VITALSCOPE_CLICKHOUSE_PASSWORD", &self.access.password)
            .env("VITALSCOPE_DETECTION_BASELINE", self.strategy.name())
            .output()
            .expect("the binary runs")
    }

    fn decide(&self, verdict: &str, id: &Value) {
        let output = self.command(&["baseline", verdict, id.as_str().expect("an id")]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }

    /// Writes an approval of the window that began so many days ago, as somebody made it half a day later.
    async fn approved_before(&self, days_ago: i64) -> (i64, i64) {
        let day = self.at.as_second().div_euclid(DAY_S) * DAY_S - days_ago * DAY_S;
        let (from, to) = (day - 31 * DAY_S, day - 3 * DAY_S);
        let statement = format!(
            "insert into baseline_decision_rows values ('old', false, fromUnixTimestamp64Milli({at}), 1, 'shop', 'production', '/', 'vital', \
             'LCP', 'approved', fromUnixTimestamp({from}), fromUnixTimestamp({to}), '')",
            at = (day + DAY_S / 2) * 1000,
        );
        let written = self.store.client().query(&statement).execute().await;
        written.expect("is taken");
        (from * 1000, to * 1000)
    }
}

fn window(baseline: &Value) -> (i64, i64) {
    let get = |name: &str| baseline[name].as_i64().expect(name);
    (get("from_ms"), get("to_ms"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_baseline_falls_back_at_the_next_evaluation() {
    let scene = Scene::new(Strategy::RollingWindow).await;
    scene.evaluate().await;
    let (rolling, candidate) = scene.baselines().await;
    assert_eq!((&rolling["state"], candidate), (&"approved".into(), None));
    assert_eq!(rolling["strategy"], "rolling_window");
    assert_eq!(
        (&rolling["hours_used"], &rolling["hours_left_out"]),
        (&672.into(), &0.into())
    );

    assert_eq!(scene.post(&rolling["id"], "reject").await, StatusCode::OK);
    // It shows at once, and is acted upon at the next evaluation.
    let (shown, _) = scene.baselines().await;
    assert_eq!(
        (&shown["state"], window(&shown)),
        (&"rejected".into(), window(&rolling))
    );
    let judged = scene.evaluate().await.replay.series_days;
    let (rejected, _) = scene.baselines().await;
    assert_eq!(rejected["state"], "rejected");
    assert_eq!(
        (&rejected["hours_used"], &rejected["hours_left_out"]),
        (&0.into(), &672.into())
    );
    let why = rejected["left_out_reasons"].as_str().expect("text");
    assert!(why.contains("672 hours left out: rejected"), "{why}");
    // Today it is not judged any more; the days before were judged by what was known then.
    assert!(judged <= 14.0, "{judged}");

    // There is one that was approved before, with hours from before everything that is read for everybody.
    let old = scene.approved_before(30).await;
    let judged_again = scene.evaluate().await.replay.series_days;
    let (fallback, refused) = scene.baselines().await;
    assert_eq!(
        (&fallback["state"], window(&fallback)),
        (&"approved".into(), old)
    );
    assert_eq!(fallback["hours_used"], 672);
    assert!(judged_again > judged);

    // The word is taken back: the rolling window again.
    let refused = refused.expect("is shown");
    assert_eq!(
        (&refused["state"], window(&refused)),
        (&"rejected".into(), window(&rolling))
    );
    scene.decide("approve", &refused["id"]);
    scene.evaluate().await;
    let (in_force, candidate) = scene.baselines().await;
    assert_eq!(
        (&in_force["state"], window(&in_force)),
        (&"approved".into(), window(&rolling))
    );
    assert_eq!(candidate, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_approves_is_the_reference_until_another_is() {
    let scene = Scene::new(Strategy::ManualApproval).await;
    assert_eq!(scene.evaluate().await.replay.series_days, 0.0);
    let (proposed, candidate) = scene.baselines().await;
    assert_eq!((&proposed["state"], candidate), (&"proposed".into(), None));

    // A week-old word: the reference is that one, and the newest window waits.
    let old = scene.approved_before(7).await;
    assert!(scene.evaluate().await.replay.series_days > 6.0);
    let (in_force, candidate) = scene.baselines().await;
    assert_eq!(
        (&in_force["state"], window(&in_force)),
        (&"approved".into(), old)
    );
    let candidate = candidate.expect("waits");
    assert_eq!(
        (&candidate["state"], window(&candidate)),
        (&"proposed".into(), window(&proposed))
    );
    let listed = scene.command(&["baseline", "list", "--app", "shop"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("candidate"), "{listed}");

    scene.decide("approve", &candidate["id"]);
    scene.evaluate().await;
    let (in_force, none) = scene.baselines().await;
    assert_eq!(
        (&in_force["state"], window(&in_force)),
        (&"approved".into(), window(&candidate))
    );
    assert_eq!(none, None, "it waits no more");

    assert_eq!(scene.post(&in_force["id"], "reject").await, StatusCode::OK);
    scene.evaluate().await;
    let (in_force, _) = scene.baselines().await;
    assert_eq!(window(&in_force), old);
}

#[tokio::test(flavor = "multi_thread")]
async fn automatic_approvals_are_kept_and_found_again() {
    let scene = Scene::new(Strategy::AutomatedStable).await;
    let first = scene.evaluate().await.replay;
    assert!(first.approvals.len() > 7, "{:?}", first.approvals);
    let kept = "select count() from baseline_decision_rows final where automatic and decision = 'approved'";
    let kept = async || crate::writer::count(&scene.store, kept).await;
    assert_eq!(kept().await, first.approvals.len() as u64);
    let (in_force, _) = scene.baselines().await;
    assert_eq!(
        (&in_force["state"], &in_force["strategy"]),
        (&"approved".into(), &"automated_stable".into())
    );
    let second = scene.evaluate().await.replay;
    assert_eq!(kept().await, first.approvals.len() as u64);
    assert_eq!(first.findings, second.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_learning_cannot_be_approved() {
    let store = engine::store().await;
    let row = "insert into baseline_rows (id, version, app, route, kind, vital, state, updated_at) values ('young', 1, 'shop', '/', 'vital', 'LCP', 'learning', now64(3))";
    store.client().query(row).execute().await.expect("is taken");
    let request = Request::post("/api/v1/baselines/young/approve")
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from("{}"))
        .expect("a valid request");
    assert_eq!(
        answer(&private(store), request).await.status(),
        StatusCode::CONFLICT
    );
}

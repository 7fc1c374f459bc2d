//! Histories that no detector was made for, through import, ClickHouse and an evaluation: a clear state, never a panic, a number that is
//! none, or a finding that is none.

use std::fmt::Write as _;

use collector::history;
use collector::store::import::Import;
use collector::store::{Store, queries};
use collector::watch;
use detect::{Finding, Hour};

use crate::engine;
use crate::writer::count;

const STRATEGY: detect::Strategy = detect::Strategy::RollingWindow;
const END: Hour = 20_750 * 24;
const FIRST: Hour = END - 45 * 24;

async fn import(
    store: &Store,
    app: &str,
    vital: &str,
    hours: impl Iterator<Item = (Hour, String)>,
) {
    let mut import = Import::new(store.clone(), 1);
    for (hour, values) in hours {
        let line = format!(
            r#"{{"app":"{app}","environment":"production","route":"/","vital":"{vital}","stratum":"mobile/fast/network","release":"1","hour":"{}","values":[{values}]}}"#,
            history::timestamp(hour)
        );
        let parsed = history::parse(line.as_bytes()).expect("is a line");
        import.push(&parsed).await.expect("is taken");
    }
    import.flush().await.expect("is taken");
}

/// Sixty values around 1,500 ms, a little different each hour, `times` each.
fn spread(hour: Hour, times: u64) -> String {
    let mut out = String::new();
    for step in 0..60 {
        let place = f64::from(step) + (hour as f64 * 0.618).fract();
        let scatter = ((hour * 7_919 % 97) as f64 / 97.0 - 0.5) * 0.03;
        let value = 1_500.0 * (place / 30.0 - 1.0 + scatter).exp();
        let comma = if step > 0 { "," } else { "" };
        let _ = write!(out, "{comma}[{value:.1},{times}]");
    }
    out
}

async fn judge(store: &Store, hour: Hour) -> Vec<Finding> {
    let at = jiff::Timestamp::from_second(hour * 3600).expect("is a time");
    let evaluation = watch::evaluate(store, STRATEGY, None, at)
        .await
        .expect("judges");
    evaluation.replay.findings
}

/// State and first reason of the baseline of an app's only series.
async fn baseline(store: &Store, app: &str) -> (String, String, u64) {
    let rows = queries::baselines(store, app, "production", "").await;
    let rows = rows.expect("answers");
    assert_eq!(rows.len(), 1, "{app}: {rows:#?}");
    let row = &rows[0];
    let numbers = [row.p50, row.p75, row.p95, row.mean, row.stddev];
    let detectable = row.minimum_detectable_ratio.unwrap_or(0.0);
    assert!(
        numbers
            .iter()
            .chain([&detectable])
            .all(|number| number.is_finite()),
        "{row:#?}"
    );
    (row.state.clone(), row.left_out_reasons.clone(), row.n)
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_histories_have_clear_states_and_no_findings() {
    let store = engine::store().await;
    assert_eq!(judge(&store, END).await, []);
    let all = || FIRST..END;
    let one = |value: f64, n: u64| format!("[{value},{n}]");

    import(
        &store,
        "one-hour",
        "LCP",
        [(END - 1, spread(0, 1))].into_iter(),
    )
    .await;
    let gaps = all().filter(|hour| hour.div_euclid(24) % 3 == 0);
    import(
        &store,
        "gaps",
        "LCP",
        gaps.map(|hour| (hour, spread(hour, 1))),
    )
    .await;
    let young = END - 13 * 24..END;
    import(
        &store,
        "young",
        "LCP",
        young.map(|hour| (hour, spread(hour, 1))),
    )
    .await;
    import(
        &store,
        "equal",
        "LCP",
        all().map(|hour| (hour, one(1_234.0, 40))),
    )
    .await;
    import(
        &store,
        "zero-shifts",
        "CLS",
        all().map(|hour| (hour, one(0.0, 40))),
    )
    .await;
    import(
        &store,
        "zero-times",
        "LCP",
        all().map(|hour| (hour, one(0.0, 40))),
    )
    .await;
    import(
        &store,
        "overflow",
        "LCP",
        all().map(|hour| (hour, one(600_000.0, 40))),
    )
    .await;
    // 60 values of 25,000 each hour: a thousand million page views in the baseline.
    import(
        &store,
        "billion",
        "LCP",
        all().map(|hour| (hour, spread(hour, 25_000))),
    )
    .await;
    // As clocks do that are off by half a century, and by one.
    let astray = [0, 1, 24, 600_000]
        .into_iter()
        .map(|hour| (hour, spread(hour, 1)));
    import(&store, "astray", "LCP", astray).await;
    let sane = all().map(|hour| (hour, spread(hour, 1)));
    import(&store, "astray", "LCP", sane).await;
    // Two imports that overlap and disagree: of each hour the later counts.
    let first = FIRST..END - 10 * 24;
    import(
        &store,
        "overlap",
        "LCP",
        first.map(|hour| (hour, one(9_000.0, 60))),
    )
    .await;
    let second = all().map(|hour| (hour, spread(hour, 1)));
    import(&store, "overlap", "LCP", second).await;

    let findings = judge(&store, END).await;
    assert!(findings.is_empty(), "{findings:#?}");
    let check = async |app: &str, state: &str, reason: &str| {
        let (found, why, n) = baseline(&store, app).await;
        assert_eq!(found, state, "{app}: {why}");
        assert!(why.contains(reason), "{app}: {why}");
        n
    };
    check("one-hour", "learning", "learning: 0 of 20 days").await;
    check("gaps", "learning", "learning: 10 of 20 days").await;
    check("young", "learning", "learning: 9 of 20 days").await;
    for app in ["equal", "zero-shifts", "zero-times", "overflow"] {
        assert_eq!(check(app, "approved", "").await, 28 * 24 * 40);
    }
    assert_eq!(
        check("billion", "approved", "").await,
        28 * 24 * 60 * 25_000
    );
    assert_eq!(check("astray", "approved", "").await, 28 * 24 * 60);
    // The values of the later import alone.
    assert_eq!(check("overlap", "approved", "").await, 28 * 24 * 60);
}

/// The server's clock goes back by days and forward again: nothing is found twice, nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_went_back_changes_nothing() {
    let store = engine::store().await;
    let step = END - 5 * 24;
    let slower = |hour: Hour| if hour >= step { 1.3 } else { 1.0 };
    let hours = (FIRST..END).map(|hour| {
        let mut values = String::new();
        for step in 0..60 {
            let place = f64::from(step) + (hour as f64 * 0.618).fract();
            let comma = if step > 0 { "," } else { "" };
            let value = 1_500.0 * slower(hour) * (place / 30.0 - 1.0).exp();
            let _ = write!(values, "{comma}[{value:.1},1]");
        }
        (hour, values)
    });
    import(&store, "shop", "LCP", hours).await;
    let ids = |findings: &[Finding]| {
        let ids = findings.iter().map(|one| (one.id.clone(), one.state));
        ids.collect::<Vec<_>>()
    };
    let first = ids(&judge(&store, END).await);
    assert_eq!(first.len(), 1);
    // Before the change there was nothing to find, and what is known of later is not taken back.
    assert_eq!(judge(&store, step - 24).await, []);
    assert_eq!(count(&store, "select count() from findings").await, 1);
    // An hour at which it had just been opened; then where it was.
    judge(&store, step + 30).await;
    assert_eq!(ids(&judge(&store, END).await), first);
    assert_eq!(count(&store, "select count() from findings").await, 1);
}

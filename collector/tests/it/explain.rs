//! What can be said about a finding beyond its numbers, from real page views: what is to blame, who carries the change, what moved with it.

use collector::explain::{Subject, explain};
use collector::ingest::Accepted;
use collector::store::{Store, rollup};
use detect::{Kind, SeriesKey};
use wire::{Measurement, Scalar, Vital};

use crate::engine;
use crate::rollup::{HOUR_MS, insert};
use crate::shop::{get, private};
use crate::writer::accepted;

const DAYS_BEFORE: u64 = 7;

/// A midnight nine days ago.
fn first_ms() -> u64 {
    collector::clock::now_ms() / (24 * HOUR_MS) * 24 * HOUR_MS - (DAYS_BEFORE + 2) * 24 * HOUR_MS
}

fn change_ms() -> u64 {
    first_ms() + DAYS_BEFORE * 24 * HOUR_MS
}

fn measurement(vital: Vital, value: f64, facts: &[(&str, Scalar)]) -> Measurement {
    Measurement {
        vital,
        value,
        attribution: facts
            .iter()
            .map(|(name, value)| ((*name).to_owned().into(), value.clone()))
            .collect(),
    }
}

/// Page views of a slot.
const VIEWS: u64 = 40;

/// Eight days, every second hour, forty page views. Since the change the hero of Firefox waits a second longer before it loads, the
/// server answers slower to everybody, and nothing else differs.
fn page_views() -> Vec<Accepted> {
    let mut views = Vec::new();
    for slot in 0..(DAYS_BEFORE + 1) * 12 {
        let at_ms = first_ms() + slot * 2 * HOUR_MS;
        let is_after = at_ms >= change_ms();
        for number in 0..VIEWS {
            let mut view = accepted((slot * VIEWS + number) as u32, 0, 0.0);
            let is_firefox = number % 4 == 0;
            let delay_ms = if is_after && is_firefox {
                1_200.0
            } else {
                200.0
            };
            let ttfb_ms = if is_after { 360.0 } else { 300.0 };
            // As page views scatter, and in every hour alike: visitors on slow connections wait twice as long as others.
            let quantile = ((number * 7 % VIEWS) as f64 + 0.5) / VIEWS as f64;
            let factor = (0.4 * detect::distribution::normal_quantile(quantile)).exp();
            let lcp_ms = (ttfb_ms + delay_ms + 500.0) * factor;
            let load_ms = lcp_ms - ttfb_ms - delay_ms;
            let element = if number % 2 == 0 { "#hero" } else { "#text" };
            view.started_ms = at_ms + number * 1_000;
            view.received_ms = view.started_ms + 5_000;
            view.browser = if is_firefox {
                "Firefox 153"
            } else {
                "Chrome 156"
            }
            .into();
            view.beacon.start_ms = view.started_ms;
            view.beacon.measurements = vec![
                measurement(
                    Vital::Lcp,
                    lcp_ms,
                    &[
                        ("element", Scalar::Text(element.into())),
                        ("ttfb_ms", Scalar::Number(ttfb_ms)),
                        ("load_delay_ms", Scalar::Number(delay_ms)),
                        ("load_ms", Scalar::Number(load_ms)),
                    ],
                ),
                measurement(Vital::Ttfb, ttfb_ms, &[]),
                measurement(Vital::Inp, 80.0 + 8.0 * (number % 5) as f64, &[]),
            ];
            views.push(view);
        }
    }
    views
}

async fn store() -> Store {
    let store = engine::store().await;
    insert(&store, 1, &page_views()).await;
    rollup::run_once(&store).await.expect("recomputes");
    store
}

fn subject(view: &Accepted) -> Subject {
    Subject {
        key: SeriesKey {
            app: view.app.clone(),
            environment: view.beacon.environment.clone(),
            route: view.beacon.route.clone(),
            kind: Kind::Vital,
            vital: "LCP".into(),
        },
        sign: 1.0,
        change_ms: change_ms() as i64,
        change_low_ms: (change_ms() - HOUR_MS) as i64,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cause_is_named() {
    let store = store().await;
    let subject = subject(&page_views()[0]);
    let until_ms = (change_ms() + 24 * HOUR_MS) as i64;
    let known = explain(&store, &subject, until_ms).await.expect("answers");
    let named: Vec<(&str, &str)> = known
        .blamed
        .iter()
        .map(|one| (one.fact.as_str(), one.name.as_str()))
        .collect();
    // A quarter of the views waits 1,000 ms longer: 250 on average, against 60 of the server.
    assert_eq!(
        named[..2],
        [("phase", "load_delay_ms"), ("element", "#hero")],
        "{known:#?}"
    );
    let browser = known
        .dimensions
        .iter()
        .find(|one| one.dimension == "browser")
        .expect("two browsers");
    assert_eq!(browser.carried_by, "Firefox 153", "{browser:#?}");
    let moved: Vec<&str> = known.moved.iter().map(|one| one.vital.as_str()).collect();
    assert_eq!(moved, ["TTFB"], "{:#?}", known.moved);
    assert!(
        (known.moved[0].change_ratio - 1.2).abs() < 0.04,
        "{:#?}",
        known.moved
    );

    // Nothing has closed since the change: nothing is claimed.
    let early = explain(&store, &subject, change_ms() as i64)
        .await
        .expect("answers");
    assert_eq!((early.windows, early.blamed.len()), (None, 0));
    // Of the whole app it is the same, for there is one route.
    let mut everywhere = subject.clone();
    everywhere.key.route = "*".into();
    let all = explain(&store, &everywhere, until_ms)
        .await
        .expect("answers");
    assert_eq!(
        (all.blamed, all.dimensions),
        (known.blamed, known.dimensions)
    );
    assert_eq!(all.moved.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_shows_its_explanation() {
    let store = store().await;
    let view = &page_views()[0];
    let seconds = change_ms() / 1000;
    let finding = format!(
        "insert into finding_rows (id, version, app, environment, route, kind, vital, direction, state, severity, change_ratio, change_point, \
         change_point_low, change_point_high, opened_at, resolved_at, recommendation) values ('f', 1, '{}', '{}', '{}', 'vital', 'LCP', \
         'regression', 'resolved', 'critical', 1.3, {seconds}, {seconds}, {seconds}, {seconds}, {}, 'LCP is worse.')",
        view.app,
        view.beacon.environment,
        view.beacon.route,
        seconds + 86_400,
    );
    store
        .client()
        .query(&finding)
        .execute()
        .await
        .expect("is taken");
    let (_, found) = get(&private(store), "/api/v1/findings/f").await;
    let explanation = &found["explanation"];
    assert_eq!(
        explanation["blamed"][0]["name"], "load_delay_ms",
        "{explanation}"
    );
    assert_eq!(explanation["moved"][0]["vital"], "TTFB");
    assert_eq!(explanation["dimensions"][0]["carried_by"], "Firefox 153");
    assert_eq!(explanation["windows"]["of_day_s"], 86_400);
}

/// An open finding is explained at each evaluation anew; what was said before does not pile up.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_finding_is_explained_once() {
    let store = store().await;
    let view = &page_views()[0];
    let (seconds, opened) = (change_ms() / 1000, change_ms() / 1000 - 20 * 86_400);
    let finding = format!(
        "insert into finding_rows (id, version, app, environment, route, kind, vital, direction, state, severity, change_ratio, change_point, \
         change_point_low, change_point_high, opened_at, recommendation) values ('f', 1, '{}', '{}', '{}', 'vital', 'LCP', \
         'regression', 'confirmed', 'critical', 1.3, {seconds}, {seconds}, {seconds}, {opened}, 'LCP is worse. In the same hours moved: TTFB.')",
        view.app, view.beacon.environment, view.beacon.route,
    );
    store
        .client()
        .query(&finding)
        .execute()
        .await
        .expect("is taken");
    let read = async || {
        let strategy = detect::Strategy::RollingWindow;
        collector::watch::evaluate(&store, strategy, None, jiff::Timestamp::now())
            .await
            .expect("judges");
        crate::writer::text(&store, "select recommendation from findings where id = 'f'").await
    };
    let text = read().await;
    assert!(
        text.starts_with("LCP on /product/:id is 30 % worse (no release began when it changed). Most of it is the delay before its resource loads:"),
        "{text}"
    );
    assert!(
        text.contains("“#hero” carries it") && text.contains("“Firefox 153” has"),
        "{text}"
    );
    assert_eq!(
        text.matches("In the same hours moved: TTFB +1").count(),
        1,
        "{text}"
    );
    assert_eq!(read().await, text);
}

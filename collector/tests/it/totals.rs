//! Totals equal a recount of what they sum up, whatever arrived in which order; scores are what the rule says.

use std::collections::{BTreeMap, BTreeSet};

use collector::ingest::Accepted;
use collector::store::queries::{self, RouteVitalRow, Scope, Side, Strata, Visitors};
use collector::store::{Store, rollup};
use wire::{Measurement, Vital};

use crate::details::{EDGE_MS, random, rng};
use crate::engine;
use crate::rollup::insert;
use crate::writer::accepted;

const DAY_MS: i64 = 86_400_000;

/// Rows as texts.
async fn texts(store: &Store, sql: &str) -> BTreeSet<String> {
    let query = store.client().query(sql);
    let rows: Vec<String> = query.fetch_all().await.expect("answers");
    let texts: BTreeSet<String> = rows.iter().cloned().collect();
    assert_eq!(texts.len(), rows.len(), "a key has one row");
    texts
}

fn key(time: &str) -> String {
    format!(
        "toString((toString(app), toString(environment), toString(vital), toString(route), toString(dimension), toString(value), \
         toUnixTimestamp({time}), buckets))"
    )
}

async fn totals(store: &Store, grain: &str, dimension: &str) -> BTreeSet<String> {
    let sql = format!(
        "select {} from rollup_totals final where n > 0 and kind = 'vital' and grain = '{grain}' and dimension {dimension} \
         and n = arraySum(mapValues(buckets))",
        key("hour")
    );
    texts(store, &sql).await
}

/// Of everybody, from the measurements themselves.
async fn recount(store: &Store, grain: &str) -> BTreeSet<String> {
    let time = match grain.split_once('-').expect("says of what").1 {
        "hour" => "toStartOfHour(started_at)",
        "quarter" => "toDateTime(intDiv(toUnixTimestamp(started_at), 21600) * 21600, 'UTC')",
        _ => "toStartOfDay(started_at)",
    };
    let routes = if grain.starts_with("app") {
        "'*'"
    } else {
        "toString(m.route)"
    };
    // A page may call its own route what we call all of them: that is no route of a list.
    let left_out = if grain.starts_with("app") {
        ""
    } else {
        "where m.route != '*'"
    };
    let sql = format!(
        "select {} from (select app, environment, vital, {routes} as route, '' as dimension, '' as value, {time} as time, \
         sumMap(map(bucket, toUInt64(1))) as buckets from measurements as m {left_out} group by app, environment, vital, route, time)",
        key("time")
    );
    texts(store, &sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_equal_a_recount_after_every_change() {
    let store = engine::store().await;
    let mut rng = rng(11);
    for round in 0..4 {
        let beacons: Vec<Accepted> = (0..300).map(|_| random(&mut rng)).collect();
        insert(&store, round * 1_000, &beacons).await;
        rollup::run_once(&store).await.expect("recomputes");
        for grain in [
            "route-hour",
            "app-hour",
            "route-quarter",
            "route-day",
            "app-day",
        ] {
            let found = totals(&store, grain, "= ''").await;
            assert!(!found.is_empty(), "{grain}");
            assert_eq!(
                found,
                recount(&store, grain).await,
                "{grain}, round {round}"
            );
        }
        for (grain, time, route) in [
            ("app-hour", "toStartOfHour(hour)", "'*'"),
            ("app-day", "toStartOfDay(hour)", "'*'"),
            ("route-day", "toStartOfDay(hour)", "toString(r.route)"),
        ] {
            let left_out = if grain == "route-day" {
                "and r.route != '*'"
            } else {
                ""
            };
            let by_stratum = format!(
                "select {} from (select app, environment, vital, {route} as route, 'stratum' as dimension, concat(stratum, ' ', release) as value, \
                 {time} as start, sumMap(r.buckets) as buckets from rollups as r where kind = 'vital' {left_out} group by app, environment, vital, route, value, start)",
                key("start")
            );
            let found = totals(&store, grain, "= 'stratum'").await;
            assert!(!found.is_empty());
            let expected = texts(&store, &by_stratum).await;
            assert_eq!(found, expected, "{grain} by stratum, round {round}");
        }
        let by_value = format!(
            "select {} from (select app, environment, vital, route, dimension, value, toStartOfDay(hour) as day, sumMap(d.buckets) as buckets \
             from rollups_by_dimension as d where kind = 'vital' and route != '*' group by app, environment, vital, route, dimension, value, day)",
            key("day")
        );
        let found = totals(&store, "route-day", "not in ('', 'stratum')").await;
        assert!(!found.is_empty());
        assert_eq!(found, texts(&store, &by_value).await, "round {round}");
    }
}

/// Histograms by what they are of, in order.
type Histograms = BTreeMap<(String, String), BTreeMap<u16, u64>>;

/// Of each route and vital, from the rollups themselves.
async fn by_hand(store: &Store, scope: &Scope, strata: &Strata) -> Histograms {
    let sql = "select toString(route) as route, toString(vital) as vital, sum(r.n) as n, sumMap(r.buckets) as buckets from rollups as r where app = ? and environment = ? and kind = 'vital' \
         and (? = '' or splitByChar('/', stratum)[1] = ?) and (? = '' or splitByChar('/', stratum)[2] = ?) and (? = '' or release = ?) \
         group by route, vital";
    let query = [&strata.device, &strata.connection, &strata.release]
        .into_iter()
        .fold(
            store
                .client()
                .query(sql)
                .bind(&scope.app)
                .bind(&scope.environment),
            |query, part| query.bind(part).bind(part),
        );
    let rows: Vec<RouteVitalRow> = query.fetch_all().await.expect("answers");
    by_key(rows)
}

fn by_key(rows: Vec<RouteVitalRow>) -> Histograms {
    rows.into_iter()
        .map(|row| ((row.route, row.vital), row.buckets.into_iter().collect()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_reads_the_same_from_every_table() {
    let store = engine::store().await;
    let mut rng = rng(12);
    let beacons: Vec<Accepted> = (0..600).map(|_| random(&mut rng)).collect();
    insert(&store, 0, &beacons).await;
    rollup::run_once(&store).await.expect("recomputes");
    let release = "select toString(release) from rollups where app = 'shop' and environment = 'production' and stratum like 'mobile%' limit 1";
    let release: String = store
        .client()
        .query(release)
        .fetch_one()
        .await
        .expect("answers");
    let part = |device: &str, connection: &str, release: &str| Strata {
        device: device.into(),
        connection: connection.into(),
        delivery: String::new(),
        release: release.into(),
    };
    for strata in [
        part("mobile", "", ""),
        part("", "slow", ""),
        part("", "unknown", ""),
        part("desktop", "fast", ""),
        part("", "", &release),
        part("mobile", "", &release),
    ] {
        // Days: both ends are those of a day. Hours: of the same stretch.
        for whole_days in [true, false] {
            let scope = Scope {
                app: "shop".into(),
                environment: "production".into(),
                from_ms: 0,
                to_ms: EDGE_MS as i64 / DAY_MS * DAY_MS + 2 * DAY_MS,
                whole_days,
                until_now: false,
                visitors: Visitors::Strata(strata.clone()),
            };
            let mut expected = by_hand(&store, &scope, &strata).await;
            let mut app: BTreeMap<String, BTreeMap<u16, u64>> = BTreeMap::new();
            for ((_, vital), buckets) in &expected {
                let sum = app.entry(vital.clone()).or_default();
                buckets
                    .iter()
                    .for_each(|(bucket, n)| *sum.entry(*bucket).or_default() += n);
            }
            let steps = queries::vitals_by_step(&store, &scope, "", "", 10 * DAY_MS / 1000).await;
            let found: BTreeMap<String, BTreeMap<u16, u64>> = steps
                .expect("answers")
                .into_iter()
                .map(|step| (step.vital, step.buckets.into_iter().collect()))
                .collect();
            assert!(!found.is_empty(), "{strata:?}, {whole_days}");
            assert_eq!(found, app, "the app, {strata:?}, {whole_days}");

            let rows = queries::vitals_by_route(&store, &scope)
                .await
                .expect("answers");
            // All routes are no route of a list.
            expected.retain(|(route, _), _| route != "*");
            assert_eq!(by_key(rows), expected, "routes, {strata:?}, {whole_days}");
        }
    }
    // What is new is in the hours before it is in the days of its parts.
    let forget = "delete from rollup_totals where dimension != '' and grain = 'route-day'";
    let query = store.client().query(forget);
    query.execute().await.expect("is done");
    let strata = part("", "", &release);
    let scope = Scope {
        app: "shop".into(),
        environment: "production".into(),
        from_ms: 0,
        to_ms: EDGE_MS as i64 / DAY_MS * DAY_MS + 2 * DAY_MS,
        whole_days: true,
        until_now: false,
        visitors: Visitors::Strata(strata.clone()),
    };
    let mut expected = by_hand(&store, &scope, &strata).await;
    expected.retain(|(route, _), _| route != "*");
    assert!(!expected.is_empty());
    let rows = queries::vitals_by_route(&store, &scope).await;
    assert_eq!(by_key(rows.expect("answers")), expected, "a new release");
    let side = Side {
        scope: &scope,
        release: &release,
        route: "",
        vital: "",
    };
    let rows = queries::vitals_by_stratum(&store, side).await;
    assert!(!rows.expect("answers").is_empty(), "a new release compared");
}

/// Page views with their vitals' histograms and the sum of their points, of each route; from the totals of hours.
async fn hours_by_hand(store: &Store, scope: &Scope) -> (Histograms, BTreeMap<String, u64>) {
    let hours = format!(
        "from rollup_totals as t final where grain = 'route-hour' and t.n > 0 and app = '{}' and environment = '{}' \
         and toUnixTimestamp(hour) * 1000 >= {} and toUnixTimestamp(hour) * 1000 < {}",
        scope.app, scope.environment, scope.from_ms, scope.to_ms
    );
    let client = store.client();
    let vitals = format!(
        "select toString(route) as route, toString(vital) as vital, sum(t.n) as n, sumMap(t.buckets) as buckets {hours} \
         and kind = 'vital' group by route, vital"
    );
    let points = format!(
        "select toString(route) as route, sum(arraySum(arrayMap((points, n) -> points * n, mapKeys(buckets), mapValues(buckets)))) {hours} \
         and kind = 'score' group by route"
    );
    let vitals = client.query(&vitals).fetch_all().await.expect("answers");
    let points: Vec<(String, u64)> = client.query(&points).fetch_all().await.expect("answers");
    (by_key(vitals), points.into_iter().collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_some_hours_is_the_sum_of_these_hours() {
    const HOUR_MS: i64 = 3_600_000;
    const HOURS: i64 = 55;
    let store = engine::store().await;
    let mut rng = rng(13);
    let midnight_ms = EDGE_MS as i64 / DAY_MS * DAY_MS;
    let beacons: Vec<Accepted> = (0..HOURS)
        .cycle()
        .take(2_000)
        .map(|hour| {
            let mut beacon = random(&mut rng);
            beacon.started_ms = (midnight_ms + hour * HOUR_MS) as u64 + 1_000;
            beacon.beacon.start_ms = beacon.started_ms;
            beacon
        })
        .collect();
    insert(&store, 0, &beacons).await;
    rollup::run_once(&store).await.expect("recomputes");
    for from in [0, 1, 5, 6, 7, 20] {
        // The last of them end when nothing has come yet after it.
        for (to, until_now) in [
            (from + 1, false),
            (from + 4, false),
            (from + 24, false),
            (30, false),
            (HOURS, false),
            (HOURS, true),
        ] {
            let scope = Scope {
                app: "shop".into(),
                environment: "production".into(),
                from_ms: midnight_ms + from * HOUR_MS,
                // Within an hour, which counts as a whole.
                to_ms: midnight_ms + to * HOUR_MS - HOUR_MS / 2,
                until_now,
                ..Scope::default()
            };
            let (vitals, points) = hours_by_hand(&store, &scope).await;
            let what = format!("from {from} to {to}, {until_now}");
            assert!(!vitals.is_empty() && !points.is_empty(), "{what}");
            let rows = queries::vitals_by_route(&store, &scope).await;
            assert_eq!(by_key(rows.expect("answers")), vitals, "{what}");
            let scores = queries::scores(&store, &scope, "").await;
            let scores = scores.expect("answers").into_iter();
            let found: BTreeMap<_, _> = scores.map(|row| (row.route, row.points)).collect();
            assert_eq!(found, points, "{what}");
        }
    }
}

/// More routes than a comparison has.
const ROUTES: u32 = 205;

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_of_a_comparison_have_the_routes_that_are_busy_for_everybody() {
    let store = engine::store().await;
    let page_view = |number: u32, route: u32, release: &str| {
        let mut beacon = accepted(number, 0, 1_000.0);
        beacon.beacon.route = format!("/{route:03}");
        beacon.beacon.release = release.into();
        beacon
    };
    // Of the old release the later routes have more page views, of the new one each has one.
    let mut numbers = 0..;
    let mut beacons = Vec::new();
    for route in 0..ROUTES {
        for release in std::iter::repeat_n("old", route as usize / 10 + 1).chain(["new"]) {
            beacons.push(page_view(numbers.next().expect("endless"), route, release));
        }
    }
    insert(&store, 0, &beacons).await;
    rollup::run_once(&store).await.expect("recomputes");
    let day_ms = EDGE_MS as i64 / DAY_MS * DAY_MS;
    for whole_days in [true, false] {
        let scope = Scope {
            app: "shop".into(),
            environment: "production".into(),
            from_ms: day_ms,
            to_ms: day_ms + DAY_MS,
            whole_days,
            ..Scope::default()
        };
        for release in ["old", "new"] {
            let side = Side {
                scope: &scope,
                release,
                route: "",
                vital: "LCP",
            };
            let rows = queries::vitals_by_stratum(&store, side).await;
            let found: BTreeSet<String> = rows
                .expect("answers")
                .into_iter()
                .map(|row| row.route)
                .collect();
            // The ten quietest are alike: the first of them by name are in.
            let expected = (0..5).chain(10..ROUTES);
            let expected: BTreeSet<String> = expected.map(|route| format!("/{route:03}")).collect();
            assert_eq!(found, expected, "{release}, {whole_days}");
        }
    }
}

/// Page views with these vitals, each on a route of its own, have these points in the view `scores`.
async fn check(cases: &[(Vec<(Vital, f64)>, f64)]) {
    let store = engine::store().await;
    let beacons: Vec<Accepted> = (0..)
        .zip(cases)
        .map(|(view, (vitals, _))| {
            let mut beacon = accepted(view, 0, 0.0);
            beacon.beacon.route = format!("/{view}");
            let measured = vitals.iter().map(|&(vital, value)| Measurement {
                vital,
                value,
                attribution: Vec::new(),
            });
            beacon.beacon.measurements = measured.collect();
            beacon
        })
        .collect();
    insert(&store, 0, &beacons).await;
    rollup::run_once(&store).await.expect("recomputes");
    for (view, (vitals, expected)) in cases.iter().enumerate() {
        let sql = format!("select score from scores where route = '/{view}'");
        let query = store.client().query(&sql);
        let found: Vec<f64> = query.fetch_all().await.expect("answers");
        assert_eq!(found, [*expected], "{vitals:?}");
    }
    let all = "select n from scores where route = '*'";
    let all: Vec<u64> = store
        .client()
        .query(all)
        .fetch_all()
        .await
        .expect("answers");
    assert_eq!(all, [cases.len() as u64], "the app has all page views");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_view_has_the_points_of_its_vitals() {
    use Vital::{Cls, Fcp, Inp, Lcp, Ttfb};
    let mut cases = vec![
        (vec![(Cls, 0.0)], 100.0),
        (vec![(Lcp, 60_000.0)], 0.0),
        // The weights are 30, 30, 25 and 15, of those that are there.
        (vec![(Lcp, 4000.0), (Inp, 200.0)], 70.0),
        (
            vec![(Lcp, 2500.0), (Inp, 200.0), (Cls, 0.25), (Fcp, 1800.0)],
            80.0,
        ),
        (
            vec![(Lcp, 2500.0), (Inp, 200.0), (Cls, 0.1), (Fcp, 3000.0)],
            84.0,
        ),
        // What does not count changes nothing.
        (vec![(Lcp, 2500.0), (Ttfb, 9000.0)], 90.0),
    ];
    // 90 where good ends, 50 where poor begins, for every vital that counts.
    for vital in [Lcp, Inp, Cls, Fcp] {
        let (good, poor) = vital.thresholds().expect("has limits");
        cases.push((vec![(vital, good)], 90.0));
        cases.push((vec![(vital, poor)], 50.0));
    }
    check(&cases).await;
}

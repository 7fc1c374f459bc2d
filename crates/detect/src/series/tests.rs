//! Rows in, hours out; releases told apart; hostile rows.

use super::*;

fn key(kind: Kind, vital: &str) -> SeriesKey {
    SeriesKey {
        app: "shop".into(),
        environment: "production".into(),
        route: "/".into(),
        kind,
        vital: vital.into(),
    }
}

fn row(
    hour: Hour,
    release: &'static str,
    buckets: &'static [(u16, u64)],
) -> SeriesHourRow<'static> {
    SeriesHourRow {
        stratum: "mobile/fast/network",
        release,
        hour,
        buckets,
    }
}

#[test]
fn a_key_knows_its_scheme() {
    assert_eq!(key(Kind::Vital, "CLS").scheme(), Scheme::LayoutShift);
    assert_eq!(key(Kind::Vital, "MEMORY_GROWTH").scheme(), Scheme::Growth);
    assert_eq!(
        key(Kind::Operation, "MEMORY_GROWTH").scheme(),
        Scheme::OPERATION
    );
    assert_eq!(key(Kind::Operation, "CLS").scheme(), Scheme::OPERATION);
    assert_eq!(key(Kind::Vital, "NEWER").known_vital(), None);
    assert_eq!(Kind::from_name("operation"), Some(Kind::Operation));
    assert_eq!(Kind::from_name("span"), None);
}

#[test]
fn rows_in_any_order_give_sorted_hours() {
    let mut history = History::new(key(Kind::Vital, "LCP"));
    history.add(row(12, "2", &[(90, 5)]));
    history.add(row(10, "1", &[(91, 2), (92, 1)]));
    history.add(row(12, "1", &[(90, 1)]));
    history.add(row(11, "1", &[]));
    assert_eq!(
        (history.first_hour(), history.last_hour()),
        (Some(10), Some(12))
    );
    let hours: Vec<Hour> = history.strata()[0]
        .hours(0..100)
        .map(|(hour, _)| hour)
        .collect();
    assert_eq!(hours, [10, 12, 12]);
    let all = history.histograms(0..100, |_| true);
    assert_eq!(all["mobile/fast/network"].counts()[90], 6);
    assert!(history.histograms(0..100, |hour| hour == 11).is_empty());
    let first = &history.releases()[1];
    assert_eq!(
        (first.name.as_str(), first.first_hour(), first.last_hour()),
        ("1", Some(10), Some(12))
    );
    assert_eq!((first.n(10..12), first.n(20..20)), (3, 0));
}

#[test]
fn releases_of_one_hour_are_told_apart() {
    let mut history = History::new(key(Kind::Vital, "LCP"));
    history.add(row(10, "1", &[(90, 5)]));
    history.add(row(10, "2", &[(91, 2)]));
    history.add(row(12, "2", &[(91, 1), (93, 1)]));
    let new = history.release_histograms("2", 0..100);
    let hours: Vec<(Hour, u64)> = new.iter().map(|(key, one)| (key.0, one.n())).collect();
    assert_eq!(hours, [(10, 2), (12, 2)]);
    let old = history.release_histograms("1", 10..11);
    assert_eq!(old[&(10, "mobile/fast/network")].counts()[90], 5);
    assert!(history.release_histograms("3", 0..100).is_empty());
}

#[test]
fn rows_longer_than_a_span_keep_every_cell() {
    let buckets = vec![(90, 1); 70_000];
    let mut history = History::new(key(Kind::Vital, "LCP"));
    history.add(SeriesHourRow {
        buckets: &buckets,
        ..row(10, "1", &[])
    });
    let all = history.release_histograms("1", 0..100);
    assert_eq!(all[&(10, "mobile/fast/network")].n(), 70_000);
    assert_eq!(
        history.histograms(0..100, |_| true)["mobile/fast/network"].n(),
        70_000
    );
}

#[test]
fn hostile_rows_are_bounded() {
    let mut history = History::new(key(Kind::Vital, "INP"));
    history.add(row(i64::MAX, "1", &[(1, 1)]));
    assert_eq!(history.first_hour(), None);
    history.add(row(1, "1", &[(65_000, 40_000_000)]));
    let last = Scheme::Grid.bucket_count() - 1;
    assert_eq!(
        history.histograms(1..2, |_| true)["mobile/fast/network"].counts()[last],
        40_000_000
    );
}

//! What the plain numbers of an opening and of a call mean; streams of them are in `recorded.rs`.

use vitals::replay::{self, NUMBERS, hear};
use vitals::{Opening, PageView, Start, Supported};
use wire::{NavigationType, Vital};

fn call(view: &mut PageView, kind: u32, numbers: &[f64]) {
    let mut all = [f64::NAN; NUMBERS];
    all[..numbers.len()].copy_from_slice(numbers);
    hear(view, kind, all);
}

fn document() -> PageView {
    replay::open(0, 0.0, f64::NAN, 0.0, 15)
}

#[test]
fn an_opening_says_what_was_known() {
    type Set = fn(&mut Start);
    let flags: [Set; 8] = [
        |start| start.supported.paint = true,
        |start| start.supported.lcp = true,
        |start| start.supported.layout_shift = true,
        |start| start.supported.interactions = true,
        |start| start.was_discarded = true,
        |start| start.had_ttfb = true,
        |start| start.has_painted = true,
        |start| start.fid_closed = true,
    ];
    for (bit, set) in flags.into_iter().enumerate() {
        let mut start = Start {
            at_ms: 5.0,
            interaction_count: 2.0,
            ..Start::default()
        };
        set(&mut start);
        let opened = replay::open(0, 5.0, f64::NAN, 2.0, 1 << bit);
        assert_eq!(format!("{opened:?}"), said(start), "bit {bit}");
    }
    for (number, opening) in [
        (0, Opening::Document),
        (1, Opening::Restored),
        (2, Opening::Route),
        (3, Opening::Native),
    ] {
        let start = Start {
            opening,
            at_ms: 7.0,
            first_hidden_ms: Some(9.0),
            interaction_count: 1.0,
            supported: Supported {
                paint: true,
                ..Supported::default()
            },
            ..Start::default()
        };
        let opened = replay::open(number, 7.0, 9.0, 1.0, 1);
        assert_eq!(format!("{opened:?}"), said(start));
    }
}

/// Text, because what is unknown is NaN, which equals nothing.
fn said(start: Start) -> String {
    format!("{:?}", PageView::open(start))
}

#[test]
fn a_navigation_says_how_it_came() {
    for (number, expected) in [
        (0.0, NavigationType::Navigate),
        (1.0, NavigationType::Reload),
        (2.0, NavigationType::BackForward),
        (f64::NAN, NavigationType::Navigate),
    ] {
        let mut view = document();
        call(
            &mut view,
            7,
            &[number, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 90.0, 100.0],
        );
        assert_eq!(view.navigation_type(), expected);
    }
}

#[test]
fn without_an_activation_start_the_time_origin_counts() {
    let mut view = document();
    let unknown = f64::NAN;
    call(&mut view, 0, &[300.0]);
    call(
        &mut view,
        7,
        &[
            0.0, unknown, unknown, unknown, unknown, unknown, unknown, 90.0, 500.0,
        ],
    );
    call(&mut view, 9, &[]);
    assert_eq!(view.value(Vital::Fcp), Some(300.0));
    assert_eq!(view.value(Vital::Ttfb), Some(90.0));
    let parts = view.attribution(Vital::Ttfb, 90.0);
    assert_eq!(parts[..5], [0.0, 0.0, 0.0, 0.0, 90.0]);
}

#[test]
fn a_resource_is_known_by_its_end() {
    let load = |numbers: &[f64]| {
        let mut view = document();
        call(
            &mut view,
            7,
            &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 90.0, 500.0],
        );
        call(&mut view, 1, numbers);
        let facts = view.attribution(Vital::Lcp, 400.0);
        [facts[3], facts[4], facts[5]]
    };
    assert_eq!(load(&[400.0, 100.0, 300.0]), [10.0, 200.0, 100.0]);
    assert_eq!(load(&[400.0]), [0.0, 0.0, 310.0]);
    assert_eq!(load(&[400.0, 100.0, 0.0]), [0.0, 0.0, 310.0]);
}

#[test]
fn a_source_of_memory_is_one_of_two() {
    for (source, label) in [(1.0, 1.0), (2.0, 2.0), (f64::NAN, 1.0)] {
        let mut view = document();
        call(&mut view, 13, &[source, 1000.0, 5.0]);
        assert_eq!(view.attribution(Vital::Memory, 1000.0)[0], label);
    }
}

#[test]
fn a_kind_of_a_later_version_says_nothing() {
    for kind in 15..40 {
        let mut view = document();
        call(&mut view, kind, &[1.0; NUMBERS]);
        assert_eq!(format!("{view:?}"), format!("{:?}", document()));
    }
}

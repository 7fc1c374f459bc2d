//! When a vital counts, when it is final and when it is absent: one line a rule.

use vitals::attribution::address;
use vitals::{
    Entry, EventEntry, LcpEntry, MemorySource, Navigation, PageView, ResourceTiming, ShiftEntry,
    Start, Supported,
};
use wire::encode::details_json;
use wire::{NavigationType, Vital};

const ALL: Supported = Supported {
    paint: true,
    lcp: true,
    layout_shift: true,
    interactions: true,
};

fn navigation(response_start_ms: f64, activation_start_ms: f64) -> Navigation {
    Navigation {
        response_start_ms,
        activation_start_ms,
        ..Navigation::default()
    }
}

fn start(navigation: Navigation) -> Start<'static> {
    Start {
        now_ms: 5000.0,
        navigation: Some(navigation),
        supported: ALL,
        ..Start::default()
    }
}

fn document() -> PageView {
    PageView::open(start(navigation(100.0, 0.0)))
}

fn lcp(start_ms: f64, element: &str) -> Entry {
    Entry::Lcp(LcpEntry {
        start_ms,
        element: element.into(),
        ..LcpEntry::default()
    })
}

fn first_input(start_ms: f64, delay_ms: f64) -> Entry {
    Entry::FirstInput(EventEntry {
        start_ms,
        duration_ms: 16.0,
        processing_start_ms: start_ms + delay_ms,
        processing_end_ms: start_ms + delay_ms,
        interaction_id: 7,
        name: "pointerdown".into(),
        target: "#buy".into(),
    })
}

fn values(view: &PageView) -> Vec<(&'static str, f64)> {
    view.measurements()
        .into_iter()
        .map(|measurement| (measurement.vital.name(), measurement.value))
        .collect()
}

#[test]
fn nothing_is_invented() {
    assert_eq!(values(&document()), []);
    let mut bare = PageView::open(Start {
        now_ms: 5000.0,
        ..Start::default()
    });
    bare.on_load(None, 5000.0);
    for entry in [Entry::Fcp { start_ms: 10.0 }, first_input(100.0, 3.0)] {
        bare.on_entry(&entry);
    }
    // Neither paint, layout-shift nor interaction ids are supported here: FID is all there is.
    assert_eq!(values(&bare), [("FID", 3.0)]);
    assert_eq!(
        (bare.interactions(), bare.interactions_seen()),
        (None, None)
    );
}

#[test]
fn an_unusable_navigation_entry_is_as_good_as_none() {
    for response_start_ms in [-1.0, 0.0, 5000.0, 1e12] {
        let mut view = PageView::open(start(navigation(response_start_ms, 300.0)));
        view.on_entry(&Entry::Fcp { start_ms: 400.0 });
        view.on_load(Some(navigation(response_start_ms, 300.0)), 5000.0);
        assert_eq!(
            values(&view),
            [("FCP", 400.0), ("CLS", 0.0)],
            "{response_start_ms}"
        );
        assert_eq!(
            values(&view.restored(9000.0, false)),
            [("CLS", 0.0)],
            "no TTFB on later restores either"
        );
    }
    // It became usable by the time the page had loaded.
    let mut view = PageView::open(Start {
        navigation: None,
        ..start(navigation(0.0, 0.0))
    });
    view.on_load(Some(navigation(80.0, 0.0)), 5000.0);
    assert_eq!(values(&view), [("TTFB", 80.0)]);
}

#[test]
fn ttfb_waits_for_the_load_event() {
    let mut view = document();
    assert_eq!(view.value(Vital::Ttfb), None);
    view.on_load(Some(navigation(100.0, 0.0)), 900.0);
    assert_eq!(view.value(Vital::Ttfb), Some(100.0));
    assert_eq!(view.restored(9000.0, false).value(Vital::Ttfb), Some(0.0));
    assert_eq!(
        view.restored(9000.0, false)
            .restored(9500.0, false)
            .value(Vital::Ttfb),
        Some(0.0)
    );
    assert_eq!(view.soft(9000.0).value(Vital::Ttfb), None);
}

#[test]
fn prerendered_time_does_not_count() {
    let mut view = PageView::open(Start {
        hidden_at_ms: &[0.0],
        ..start(navigation(50.0, 2471.5))
    });
    view.on_entry(&Entry::Fcp { start_ms: 2508.0 });
    view.on_entry(&lcp(2600.0, "#hero"));
    view.on_entry(&first_input(3000.0, 4.0));
    view.on_load(Some(navigation(50.0, 2471.5)), 5000.0);
    assert_eq!(view.navigation_type(), NavigationType::Prerender);
    assert_eq!(
        values(&view),
        [
            ("FCP", 36.5),
            ("LCP", 128.5),
            ("CLS", 0.0),
            ("FID", 4.0),
            ("INP", 16.0),
            ("TTFB", 0.0)
        ]
    );
}

#[test]
fn navigation_types_have_an_order() {
    let back = Navigation {
        navigation_type: NavigationType::BackForward,
        ..navigation(100.0, 0.0)
    };
    let of = |start: Start<'_>| PageView::open(start).navigation_type();
    assert_eq!(of(start(back)), NavigationType::BackForward);
    assert_eq!(
        of(Start {
            was_discarded: true,
            ..start(back)
        }),
        NavigationType::Restore
    );
    assert_eq!(
        of(Start {
            was_discarded: true,
            ..start(navigation(100.0, 50.0))
        }),
        NavigationType::Prerender
    );
    assert_eq!(
        of(Start {
            navigation: None,
            ..start(back)
        }),
        NavigationType::Navigate
    );
    assert_eq!(
        document().restored(1.0, false).soft(2.0).navigation_type(),
        NavigationType::SoftNavigation
    );
    assert_eq!(
        document().soft(1.0).restored(2.0, false).navigation_type(),
        NavigationType::BackForwardCache
    );
}

#[test]
fn a_hidden_page_paints_for_nobody() {
    let paint = |view: &mut PageView| {
        view.on_entry(&Entry::Fcp { start_ms: 300.0 });
        view.on_entry(&lcp(300.0, "h1"));
        view.on_entry(&Entry::Shift(ShiftEntry {
            start_ms: 310.0,
            value: 0.1,
            ..ShiftEntry::default()
        }));
        view.on_entry(&first_input(400.0, 5.0));
        view.on_load(None, 5000.0);
    };
    for hidden_at_ms in [&[0.0][..], &[300.0], &[250.0, 900.0]] {
        let mut view = PageView::open(Start {
            hidden_at_ms,
            ..start(navigation(100.0, 0.0))
        });
        paint(&mut view);
        // INP and TTFB are not discarded, CLS waits for a paint that counts.
        assert_eq!(
            values(&view),
            [("INP", 16.0), ("TTFB", 100.0)],
            "{hidden_at_ms:?}"
        );
        let mut restored = view.restored(9000.0, false);
        restored.on_restored_paint(9050.0);
        assert_eq!(
            values(&restored),
            [("FCP", 50.0), ("LCP", 50.0), ("CLS", 0.0), ("TTFB", 0.0)]
        );
    }
    let mut seen = PageView::open(Start {
        hidden_at_ms: &[300.1],
        ..start(navigation(100.0, 0.0))
    });
    paint(&mut seen);
    assert_eq!(
        values(&seen),
        [
            ("FCP", 300.0),
            ("LCP", 300.0),
            ("CLS", 0.1),
            ("INP", 16.0),
            ("TTFB", 100.0)
        ]
    );
}

#[test]
fn a_restore_into_the_background_has_no_paints() {
    let mut hidden = document().restored(9000.0, true);
    hidden.on_restored_paint(9050.0);
    assert_eq!(values(&hidden), []);
    let mut left = document().restored(9000.0, false);
    left.on_hidden(9010.0);
    left.on_restored_paint(60_000.0);
    assert_eq!(values(&left), []);
}

#[test]
fn the_newest_candidate_wins_until_the_page_is_used() {
    type Finish = fn(&mut PageView);
    let finals: [(&str, Finish); 3] = [
        ("input", PageView::on_input),
        ("hidden", |view| view.on_hidden(500.0)),
        ("visible", PageView::on_visible),
    ];
    for (name, finish) in finals {
        let mut view = document();
        view.on_entry(&lcp(200.0, "h1"));
        view.on_entry(&lcp(300.0, "#hero"));
        view.on_entry(&lcp(250.0, "p"));
        assert_eq!(
            view.value(Vital::Lcp),
            Some(250.0),
            "the last one, not the latest or largest"
        );
        assert!(!view.is_lcp_final());
        finish(&mut view);
        view.on_entry(&lcp(400.0, "#late"));
        assert_eq!(view.value(Vital::Lcp), Some(250.0), "{name}");
        assert!(view.is_lcp_final());
    }
    assert!(document().soft(10.0).is_lcp_final());
}

#[test]
fn paints_are_of_the_document_only() {
    let mut soft = document().soft(1000.0);
    for entry in [Entry::Fcp { start_ms: 1100.0 }, lcp(1100.0, "h1")] {
        soft.on_entry(&entry);
    }
    soft.on_restored_paint(1200.0);
    soft.on_restored_input("keydown", 1.0, 2.0);
    soft.on_load(None, 5000.0);
    assert_eq!(values(&soft), []);
    assert!(soft.owns(1000.0) && !soft.owns(999.9));
}

#[test]
fn the_first_input_comes_once_and_not_after_hiding() {
    let mut view = document();
    view.on_entry(&first_input(200.0, 0.5));
    view.on_entry(&first_input(300.0, 9.0));
    assert_eq!(view.value(Vital::Fid), Some(0.5));
    let mut hidden = document();
    hidden.on_hidden(100.0);
    hidden.on_entry(&first_input(200.0, 9.0));
    assert_eq!(hidden.value(Vital::Fid), None);
    // A first input after a route change is that view's; after the document's own it is nobody's.
    let mut soft = document().soft(100.0);
    soft.on_entry(&first_input(200.0, 9.0));
    assert_eq!(soft.value(Vital::Fid), Some(9.0));
    let mut late = view.soft(400.0);
    late.on_entry(&first_input(500.0, 9.0));
    assert_eq!(late.value(Vital::Fid), None);
    for (delay_ms, listened_ms, expected) in [
        (2.2, 100.0, Some(2.2)),
        (-1.0, 100.0, None),
        (101.0, 100.0, None),
    ] {
        let mut restored = view.restored(1000.0, false);
        restored.on_restored_input("mousedown", delay_ms, listened_ms);
        assert_eq!(restored.value(Vital::Fid), expected, "{delay_ms}");
    }
}

#[test]
fn what_no_page_can_have_is_absent_and_counted() {
    let mut view = document();
    view.on_entry(&Entry::Event(EventEntry {
        start_ms: 1.0,
        duration_ms: 700_000.0,
        interaction_id: 7,
        ..EventEntry::default()
    }));
    assert_eq!(view.value(Vital::Inp), None);
    assert_eq!(view.implausible().collect::<Vec<_>>(), [Vital::Inp]);
    assert_eq!(
        (view.interactions(), view.interactions_seen()),
        (Some(1), Some(1))
    );
}

#[test]
fn blame_adds_up() {
    let navigation = Navigation {
        fetch_start_ms: 10.0,
        ..navigation(100.0, 0.0)
    };
    let mut view = PageView::open(start(navigation));
    view.on_load(Some(navigation), 5000.0);
    view.on_entry(&Entry::Fcp { start_ms: 150.0 });
    view.on_entry(&Entry::Lcp(LcpEntry {
        start_ms: 400.0,
        element: "#hero".into(),
        url: address("https://cdn.example.org/hero.png?token=1"),
        resource: Some(ResourceTiming {
            request_ms: 180.0,
            response_end_ms: 330.0,
        }),
    }));
    view.on_entry(&Entry::Shift(ShiftEntry {
        start_ms: 200.0,
        value: 0.1,
        had_recent_input: false,
        source: "#ad".into(),
    }));
    view.on_entry(&first_input(500.0, 4.0));
    view.on_memory(MemorySource::UsedJsHeap, 1000.0, 600.0);
    let blame = |vital| {
        let all = view.measurements();
        details_json(
            &all.iter()
                .find(|measurement| measurement.vital == vital)
                .expect("measured")
                .attribution,
        )
    };
    assert_eq!(blame(Vital::Fcp), r#"{"ttfb_ms":100,"render_ms":50}"#);
    assert_eq!(
        blame(Vital::Lcp),
        concat!(
            r##"{"element":"#hero","url":"https://cdn.example.org/hero.png","ttfb_ms":100,"load_delay_ms":80,"##,
            r#""load_ms":150,"render_delay_ms":70}"#
        )
    );
    assert_eq!(
        blame(Vital::Cls),
        r##"{"shift":0.1,"shift_at_ms":200,"element":"#ad"}"##
    );
    assert_eq!(
        blame(Vital::Fid),
        r##"{"type":"pointerdown","element":"#buy"}"##
    );
    assert_eq!(
        blame(Vital::Ttfb),
        r#"{"waiting_ms":10,"cache_ms":0,"dns_ms":0,"connection_ms":0,"request_ms":90}"#
    );
    let mut restored = view.restored(9000.0, false);
    restored.on_restored_paint(9030.0);
    for measurement in restored.measurements() {
        assert!(
            measurement.attribution.is_empty(),
            "{} of a restored view has nothing to blame",
            measurement.vital.name()
        );
    }
}

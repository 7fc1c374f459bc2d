//! When a vital counts, when it is final and when it is absent: one line a rule.

use vitals::memory::Sample;
use vitals::{
    Entry, EventEntry, FrameEntry, Label, LcpEntry, MemorySource, Navigation, Opening, PageView,
    ShiftEntry, Start, Supported,
};
use wire::attribution::WORDS;
use wire::encode::details_json;
use wire::{NavigationType, Vital};

const ALL: Supported = Supported {
    paint: true,
    lcp: true,
    layout_shift: true,
    interactions: true,
};

/// The page's own texts, after the engine's words.
const TEXTS: [&str; 9] = [
    "h1",
    "p",
    "#hero",
    "#late",
    "#buy",
    "#ad",
    "pointerdown",
    "https://cdn.example.org/hero.png",
    "https://cdn.example.org/shop.js",
];

fn label(text: &str) -> Label {
    let place = TEXTS.iter().position(|known| *known == text);
    Label((WORDS.len() + place.expect("a text of the table")) as f64)
}

fn text(label: Label) -> &'static str {
    let place = label.0 as usize;
    WORDS
        .get(place)
        .unwrap_or_else(|| &TEXTS[place - WORDS.len()])
}

fn navigation(response_start_ms: f64, activation_start_ms: f64) -> Navigation {
    Navigation {
        response_start_ms,
        activation_start_ms,
        ..Navigation::default()
    }
}

fn start() -> Start {
    Start {
        interaction_count: f64::NAN,
        supported: ALL,
        ..Start::default()
    }
}

/// A document with a navigation entry, as of 5 s.
fn opened(start: Start, navigation: Navigation) -> PageView {
    let mut view = PageView::open(start);
    view.on_navigation(&navigation, 5000.0);
    view
}

fn document() -> PageView {
    opened(start(), navigation(100.0, 0.0))
}

/// A later page view of a document that has painted and whose TTFB was known.
fn later(opening: Opening, at_ms: f64) -> Start {
    Start {
        opening,
        at_ms,
        had_ttfb: true,
        has_painted: true,
        ..start()
    }
}

fn restored(at_ms: f64) -> PageView {
    PageView::open(later(Opening::Restored, at_ms))
}

fn route(at_ms: f64) -> PageView {
    PageView::open(later(Opening::Route, at_ms))
}

fn paint(start_ms: f64) -> Entry {
    Entry::Fcp { start_ms }
}

fn lcp(start_ms: f64, element: &str) -> Entry {
    Entry::Lcp(LcpEntry {
        start_ms,
        element: label(element),
        ..LcpEntry::default()
    })
}

fn shift(start_ms: f64, value: f64) -> Entry {
    Entry::Shift(ShiftEntry {
        start_ms,
        value,
        source: label("#ad"),
        ..ShiftEntry::default()
    })
}

fn event(start_ms: f64, duration_ms: f64) -> EventEntry {
    EventEntry {
        start_ms,
        duration_ms,
        processing_start_ms: start_ms,
        processing_end_ms: start_ms,
        interaction_id: 7.0,
        ..EventEntry::default()
    }
}

fn first_input(start_ms: f64, delay_ms: f64) -> Entry {
    Entry::FirstInput(EventEntry {
        processing_start_ms: start_ms + delay_ms,
        processing_end_ms: start_ms + delay_ms,
        name: label("pointerdown"),
        target: label("#buy"),
        ..event(start_ms, 16.0)
    })
}

fn sample(source: MemorySource, bytes: f64, at_ms: f64) -> Sample {
    Sample {
        source,
        bytes,
        at_ms,
        total_bytes: f64::NAN,
        limit_bytes: f64::NAN,
    }
}

fn values(view: &PageView) -> Vec<(&'static str, f64)> {
    view.measurements(text)
        .into_iter()
        .map(|measurement| (measurement.vital.name(), measurement.value))
        .collect()
}

fn blame(view: &PageView, vital: Vital) -> String {
    let all = view.measurements(text);
    let measurement = all.iter().find(|measurement| measurement.vital == vital);
    details_json(&measurement.expect("measured").attribution)
}

#[test]
fn nothing_is_invented() {
    assert_eq!(values(&document()), []);
    let mut bare = PageView::open(Start::default());
    bare.on_load();
    for entry in [
        paint(10.0),
        lcp(20.0, "h1"),
        shift(30.0, 0.1),
        first_input(100.0, 3.0),
    ] {
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
    for response_start_ms in [-1.0, 0.0, 5000.0, 1e12, f64::NAN] {
        let mut view = opened(start(), navigation(response_start_ms, 300.0));
        view.on_entry(&paint(400.0));
        view.on_load();
        view.on_navigation(&navigation(response_start_ms, 300.0), 5000.0);
        assert_eq!(
            values(&view),
            [("FCP", 400.0), ("CLS", 0.0)],
            "{response_start_ms}"
        );
        // Then no TTFB is known, on later restores either.
        let restored = PageView::open(Start {
            had_ttfb: view.value(Vital::Ttfb).is_some(),
            ..later(Opening::Restored, 9000.0)
        });
        assert_eq!(values(&restored), [("CLS", 0.0)]);
    }
    // It became usable by the time the page had loaded, and what was known stays.
    let mut view = opened(start(), navigation(0.0, 0.0));
    view.on_load();
    assert_eq!(values(&view), []);
    view.on_navigation(&navigation(80.0, 0.0), 5000.0);
    view.on_navigation(&navigation(0.0, 0.0), 6000.0);
    assert_eq!(values(&view), [("TTFB", 80.0)]);
}

#[test]
fn ttfb_waits_for_the_load_event() {
    let mut view = document();
    assert_eq!(view.value(Vital::Ttfb), None);
    view.on_load();
    assert_eq!(view.value(Vital::Ttfb), Some(100.0));
    // Later page views load nothing, if the document's own was known.
    for (opening, expected) in [
        (Opening::Restored, Some(0.0)),
        (Opening::Native, Some(0.0)),
        (Opening::Route, None),
    ] {
        let known = later(opening, 9000.0);
        assert_eq!(PageView::open(known).value(Vital::Ttfb), expected);
        let unknown = Start {
            had_ttfb: false,
            ..known
        };
        assert_eq!(PageView::open(unknown).value(Vital::Ttfb), None);
    }
}

#[test]
fn prerendered_time_does_not_count() {
    let mut view = opened(start(), navigation(50.0, 2471.5));
    view.on_entry(&paint(2508.0));
    view.on_entry(&lcp(2600.0, "#hero"));
    view.on_entry(&first_input(3000.0, 4.0));
    view.on_load();
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
    // The entry may come after the paint.
    let mut late = PageView::open(start());
    late.on_entry(&paint(2508.0));
    late.on_navigation(&navigation(50.0, 2471.5), 5000.0);
    assert_eq!(late.value(Vital::Fcp), Some(36.5));
}

#[test]
fn navigation_types_have_an_order() {
    let back = Navigation {
        navigation_type: NavigationType::BackForward,
        ..navigation(100.0, 0.0)
    };
    let discarded = Start {
        was_discarded: true,
        ..start()
    };
    let of = |start, navigation| opened(start, navigation).navigation_type();
    assert_eq!(of(start(), back), NavigationType::BackForward);
    assert_eq!(of(discarded, back), NavigationType::Restore);
    assert_eq!(
        of(discarded, navigation(100.0, 50.0)),
        NavigationType::Prerender
    );
    let unusable = Navigation {
        response_start_ms: 0.0,
        ..back
    };
    assert_eq!(of(start(), unusable), NavigationType::Navigate);
    for (opening, expected) in [
        (Opening::Restored, NavigationType::BackForwardCache),
        (Opening::Route, NavigationType::SoftNavigation),
        (Opening::Native, NavigationType::SoftNavigation),
    ] {
        let start = Start {
            was_discarded: true,
            ..later(opening, 1.0)
        };
        assert_eq!(of(start, navigation(100.0, 50.0)), expected);
    }
}

#[test]
fn a_hidden_page_paints_for_nobody() {
    let paint = |view: &mut PageView| {
        for entry in [
            paint(300.0),
            lcp(300.0, "h1"),
            shift(310.0, 0.1),
            first_input(400.0, 5.0),
        ] {
            view.on_entry(&entry);
        }
        view.on_load();
    };
    for first_hidden_ms in [0.0, 250.0, 300.0] {
        let start = Start {
            first_hidden_ms: Some(first_hidden_ms),
            ..start()
        };
        let mut view = opened(start, navigation(100.0, 0.0));
        paint(&mut view);
        // INP and TTFB are not discarded, CLS waits for a paint that counts.
        assert_eq!(
            values(&view),
            [("INP", 16.0), ("TTFB", 100.0)],
            "{first_hidden_ms}"
        );
        let mut restored = PageView::open(Start {
            has_painted: false,
            ..later(Opening::Restored, 9000.0)
        });
        assert_eq!(values(&restored), [("TTFB", 0.0)], "not painted so far");
        restored.on_entry(&self::paint(9050.0));
        assert_eq!(
            values(&restored),
            [("FCP", 50.0), ("LCP", 50.0), ("CLS", 0.0), ("TTFB", 0.0)]
        );
    }
    let seen = Start {
        first_hidden_ms: Some(300.1),
        ..start()
    };
    let mut seen = opened(seen, navigation(100.0, 0.0));
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
    let unpainted = Start {
        had_ttfb: false,
        has_painted: false,
        ..later(Opening::Restored, 9000.0)
    };
    let mut hidden = PageView::open(Start {
        first_hidden_ms: Some(0.0),
        ..unpainted
    });
    hidden.on_entry(&paint(9050.0));
    assert_eq!(values(&hidden), []);
    let mut left = PageView::open(unpainted);
    left.on_hidden(9010.0);
    left.on_entry(&paint(60_000.0));
    assert_eq!(values(&left), []);
}

#[test]
fn the_newest_candidate_wins_until_the_page_is_used() {
    type Finish = fn(&mut PageView);
    // Becoming visible again is told as an input.
    let finals: [(&str, Finish); 2] = [
        ("input", PageView::on_input),
        ("hidden", |view| view.on_hidden(500.0)),
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
    assert!(route(10.0).is_lcp_final());
    assert!(!PageView::open(later(Opening::Native, 10.0)).is_lcp_final());
}

#[test]
fn a_route_change_has_no_paints_until_the_browser_tells_them() {
    let mut view = route(1000.0);
    for entry in [paint(1100.0), lcp(1200.0, "h1"), shift(1250.0, 0.1)] {
        view.on_entry(&entry);
    }
    view.on_load();
    assert_eq!(values(&view), [("CLS", 0.1)]);
    assert_eq!(view.since_ms(), 1000.0);
    // The browser's soft navigation began with the interaction: everything counts from there.
    view.on_native(940.0, f64::NAN);
    assert_eq!(
        values(&view),
        [("FCP", 160.0), ("LCP", 260.0), ("CLS", 0.1), ("TTFB", 0.0)]
    );
    assert_eq!(view.navigation_type(), NavigationType::SoftNavigation);
    assert_eq!(blame(&view, Vital::Fcp), r#"{"ttfb_ms":0,"render_ms":160}"#);
    assert_eq!(
        blame(&view, Vital::Lcp),
        r#"{"element":"h1","ttfb_ms":0,"load_delay_ms":0,"load_ms":0,"render_delay_ms":260}"#
    );
    assert_eq!(blame(&view, Vital::Ttfb), "{}");
    assert_eq!(
        blame(&view, Vital::Cls),
        r##"{"shift":0.1,"shift_at_ms":310,"element":"#ad","load_state":"complete"}"##
    );
}

#[test]
fn a_soft_navigation_that_the_browser_tells_at_once_is_measured_like_a_load() {
    let mut view = PageView::open(later(Opening::Native, 1000.0));
    for entry in [
        paint(1100.0),
        lcp(1200.0, "h1"),
        Entry::Event(event(1000.0, 48.0)),
    ] {
        view.on_entry(&entry);
    }
    assert_eq!(
        values(&view),
        [
            ("FCP", 100.0),
            ("LCP", 200.0),
            ("CLS", 0.0),
            ("INP", 48.0),
            ("TTFB", 0.0)
        ]
    );
    view.on_hidden(1300.0);
    view.on_entry(&lcp(1400.0, "#late"));
    assert_eq!(view.value(Vital::Lcp), Some(200.0));
}

#[test]
fn a_later_view_counts_interactions_that_were_too_quick_to_be_seen() {
    let counting = |opening| {
        let mut view = PageView::open(Start {
            interaction_count: 4.0,
            ..later(opening, 1000.0)
        });
        assert_eq!(view.value(Vital::Inp), None);
        view.on_interaction_count(5.0);
        (view.value(Vital::Inp), view.interactions())
    };
    for opening in [Opening::Restored, Opening::Route, Opening::Native] {
        assert_eq!(counting(opening), (Some(8.0), Some(1)));
    }
    // In a document the browser gives a first-input entry for it.
    assert_eq!(counting(Opening::Document), (None, Some(1)));
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
    for (fid_closed, expected) in [(false, Some(9.0)), (true, None)] {
        let mut soft = PageView::open(Start {
            fid_closed,
            ..later(Opening::Route, 100.0)
        });
        soft.on_entry(&first_input(200.0, 9.0));
        assert_eq!(soft.value(Vital::Fid), expected);
    }
    for (delay_ms, listened_ms, expected) in [
        (2.2, 100.0, Some(2.2)),
        (-1.0, 100.0, None),
        (101.0, 100.0, None),
        (f64::NAN, 100.0, None),
    ] {
        let mut restored = restored(1000.0);
        restored.on_restored_input(label("pointerdown"), delay_ms, listened_ms);
        restored.on_restored_input(label("pointerdown"), 1.0, 200.0);
        assert_eq!(restored.value(Vital::Fid), expected, "{delay_ms}");
    }
}

#[test]
fn what_no_page_can_have_is_absent() {
    let mut view = document();
    view.on_entry(&Entry::Event(event(1.0, 700_000.0)));
    assert_eq!(view.value(Vital::Inp), None);
    assert_eq!(view.raw_value(Vital::Inp), Some(700_000.0), "but told");
    assert_eq!(
        (view.interactions(), view.interactions_seen()),
        (Some(1), Some(1))
    );
}

#[test]
fn a_load_state_says_how_far_the_document_was() {
    for (at_ms, expected) in [
        (299.0, "loading"),
        (300.0, "dom-interactive"),
        (450.0, "dom-content-loaded"),
        (900.0, "complete"),
    ] {
        let mut view = document();
        view.on_entry(&paint(150.0));
        view.on_entry(&shift(at_ms, 0.1));
        view.on_entry(&Entry::Event(event(at_ms, 16.0)));
        // Unknown so far, then not reached, then all there.
        for vital in [Vital::Cls, Vital::Inp] {
            assert!(blame(&view, vital).contains(r#""load_state":"loading""#));
        }
        view.on_milestones([0.0; 3]);
        assert!(blame(&view, Vital::Cls).contains(r#""load_state":"loading""#));
        view.on_milestones([300.0, 400.0, 800.0]);
        for vital in [Vital::Cls, Vital::Inp] {
            let blame = blame(&view, vital);
            assert!(
                blame.ends_with(&format!(r#""load_state":"{expected}"}}"#)),
                "{at_ms}: {blame}"
            );
        }
    }
}

#[test]
fn memory_names_its_source() {
    for (source, name) in [
        (MemorySource::UsedJsHeap, "used-js-heap"),
        (MemorySource::UserAgentSpecific, "user-agent-specific"),
    ] {
        let mut view = restored(9000.0);
        view.on_memory(&sample(source, 1000.0, 9250.0));
        assert_eq!(
            blame(&view, Vital::Memory),
            format!(
                r#"{{"source":"{name}","first_bytes":1000,"peak_bytes":1000,"samples":1,"age_ms":250}}"#
            )
        );
    }
}

#[test]
fn blame_adds_up() {
    let navigation = Navigation {
        fetch_start_ms: 10.0,
        ..navigation(100.0, 0.0)
    };
    let mut view = opened(start(), navigation);
    view.on_load();
    view.on_milestones([180.0, 450.0, 0.0]);
    view.on_entry(&paint(150.0));
    view.on_entry(&Entry::Lcp(LcpEntry {
        start_ms: 400.0,
        element: label("#hero"),
        url: label("https://cdn.example.org/hero.png"),
        request_ms: 180.0,
        response_end_ms: 330.0,
    }));
    view.on_entry(&shift(200.0, 0.1));
    view.on_entry(&first_input(500.0, 4.0));
    view.on_entry(&Entry::Frame(FrameEntry {
        start_ms: 490.0,
        duration_ms: 60.0,
        script_ms: 55.0,
        script: label("https://cdn.example.org/shop.js"),
    }));
    view.on_memory(&sample(MemorySource::UsedJsHeap, 1000.0, 600.0));
    for (vital, expected) in [
        (Vital::Fcp, r#"{"ttfb_ms":100,"render_ms":50}"#),
        (
            Vital::Lcp,
            concat!(
                r##"{"element":"#hero","url":"https://cdn.example.org/hero.png","ttfb_ms":100,"load_delay_ms":80,"##,
                r#""load_ms":150,"render_delay_ms":70}"#
            ),
        ),
        (
            Vital::Cls,
            r##"{"shift":0.1,"shift_at_ms":200,"element":"#ad","load_state":"dom-interactive"}"##,
        ),
        (Vital::Fid, r##"{"type":"pointerdown","element":"#buy"}"##),
        (
            Vital::Inp,
            concat!(
                r#"{"type":"pointerdown","at_ms":500,"input_delay_ms":4,"processing_ms":0,"presentation_ms":12,"#,
                r##""element":"#buy","script":"https://cdn.example.org/shop.js","script_ms":55,"##,
                r#""load_state":"dom-content-loaded"}"#
            ),
        ),
        (
            Vital::Ttfb,
            r#"{"waiting_ms":10,"cache_ms":0,"dns_ms":0,"connection_ms":0,"request_ms":90}"#,
        ),
    ] {
        assert_eq!(blame(&view, vital), expected);
    }
    let mut restored = restored(9000.0);
    restored.on_entry(&paint(9030.0));
    for measurement in restored.measurements(text) {
        assert!(
            measurement.attribution.is_empty(),
            "{} of a restored view has nothing to blame",
            measurement.vital.name()
        );
    }
}

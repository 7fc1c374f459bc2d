//! The engine against straightforward oracles, and against numbers that no browser gives, over many generated streams.

use proptest::prelude::*;
use vitals::attribution::{known, written};
use vitals::cls::Cls;
use vitals::inp::Inp;
use vitals::replay::{self, NUMBERS};
use vitals::{EventEntry, PageView, ShiftEntry, is_plausible};
use wire::attribution::{LOADING, WORDS, keys};
use wire::{Scalar, Vital};

/// Six properties, together more than the 100,000 streams that the measurement semantics ask for.
const CASES: u32 = 25_000;

/// Paint, largest paint, layout shift and interaction ids.
const SUPPORTED: u32 = 0b1111;

/// The kinds of calls, as [`replay`] lists them.
const PAINT: u32 = 0;
const LARGEST_PAINT: u32 = 1;
const SHIFT: u32 = 2;
const EVENT: u32 = 3;
const FIRST_INPUT: u32 = 4;
const FRAME: u32 = 5;
const NAVIGATION: u32 = 7;
const MILESTONES: u32 = 8;
const LOAD: u32 = 9;
const INPUT: u32 = 10;
const HIDDEN: u32 = 11;
const MEMORY: u32 = 13;

fn hear(view: &mut PageView, kind: u32, numbers: &[f64]) {
    let mut all = [f64::NAN; NUMBERS];
    all[..numbers.len()].copy_from_slice(numbers);
    replay::hear(view, kind, all);
}

/// Every run of shifts that the rules join, summed; the largest sum.
fn worst_window(shifts: &[(f64, f64, bool)]) -> f64 {
    let mut windows: Vec<Vec<(f64, f64)>> = Vec::new();
    for &(at_ms, value, had_recent_input) in shifts {
        if had_recent_input {
            continue;
        }
        let open = windows.last_mut().filter(|window| {
            let sum: f64 = window.iter().map(|shift| shift.1).sum();
            sum != 0.0
                && at_ms - window[window.len() - 1].0 < 1000.0
                && at_ms - window[0].0 < 5000.0
        });
        match open {
            Some(window) => window.push((at_ms, value)),
            None => windows.push(vec![(at_ms, value)]),
        }
    }
    windows
        .iter()
        .map(|window| window.iter().map(|shift| shift.1).sum())
        .fold(0.0, f64::max)
}

/// The longest duration of each interaction, sorted; then the table's rule. Exact while nothing that was cut could come back.
fn slow_interaction(entries: &[(u32, f64)], count: u32) -> Option<f64> {
    let mut latencies: Vec<(u32, f64)> = Vec::new();
    for &(id, duration_ms) in entries.iter().filter(|(id, _)| *id > 0) {
        let ten_slowest_ms = {
            let mut sorted: Vec<f64> = latencies.iter().map(|latency| latency.1).collect();
            sorted.sort_by(|a, b| b.total_cmp(a));
            sorted.get(9).copied()
        };
        match latencies.iter_mut().find(|latency| latency.0 == id) {
            Some(latency) => latency.1 = latency.1.max(duration_ms),
            None if ten_slowest_ms.is_none_or(|tenth| duration_ms > tenth) => {
                latencies.push((id, duration_ms))
            }
            None => {}
        }
        latencies.sort_by(|a, b| b.1.total_cmp(&a.1));
        latencies.truncate(10);
    }
    let index = (count / 50) as usize;
    Some(latencies[index.min(latencies.len().checked_sub(1)?)].1)
}

/// What the browser counts since the page view began; without a count, as many as fit between the least and the greatest id.
fn interactions(ids: &[u32], base: Option<u32>, native: Option<u32>) -> u32 {
    match (base, native) {
        (Some(base), Some(native)) => native.saturating_sub(base),
        _ => match (ids.iter().min(), ids.iter().max()) {
            (Some(least), Some(greatest)) => (greatest - least) / 7 + 1,
            _ => 0,
        },
    }
}

/// One thing that decides whether a paint or an input counts.
#[derive(Clone, Copy, Debug)]
enum Step {
    Paint(f64),
    LargestPaint(f64),
    FirstInput(f64, f64),
    Input,
    Hidden(f64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few different times, so that the strict comparisons meet equal ones.
    let at = || (0_u32..40).prop_map(|at| f64::from(at) * 10.0);
    let step = prop_oneof![
        2 => at().prop_map(Step::Paint),
        4 => at().prop_map(Step::LargestPaint),
        2 => (at(), at()).prop_map(|(at, delay)| Step::FirstInput(at, delay)),
        1 => Just(Step::Input),
        1 => at().prop_map(Step::Hidden),
    ];
    prop::collection::vec(step, 0..12)
}

/// What counts of the steps: first paint, largest paint, first input delay, in document time.
fn what_counts(steps: &[Step], first_hidden: f64) -> [Option<f64>; 3] {
    let hidden_before = |place: usize| {
        let hidden = steps[..place].iter().filter_map(|step| match step {
            Step::Hidden(at) => Some(*at),
            _ => None,
        });
        hidden.fold(first_hidden, f64::min)
    };
    let ends = |step: &&Step| matches!(step, Step::Input | Step::Hidden(_));
    let loading = steps.iter().take_while(|step| !ends(step)).count();
    let largest = (0..loading).rev().find_map(|place| match steps[place] {
        Step::LargestPaint(at) if at < hidden_before(place) => Some(at),
        _ => None,
    });
    let paint = (0..steps.len()).find_map(|place| match steps[place] {
        Step::Paint(at) => Some(Some(at).filter(|at| *at < hidden_before(place))),
        _ => None,
    });
    let input = (0..steps.len()).find_map(|place| match steps[place] {
        Step::FirstInput(at, delay) => Some(Some(delay).filter(|_| at < hidden_before(place))),
        Step::Hidden(_) => Some(None),
        _ => None,
    });
    [paint.flatten(), largest, input.flatten()]
}

/// The median slope of all pairs of the floor, bytes a minute: of the samples that follow a larger one, thinned evenly to eight.
fn rise(samples: &[(f64, f64)]) -> Option<f64> {
    let pairs = samples.iter().zip(samples.iter().skip(1));
    let floor: Vec<(f64, f64)> = pairs
        .filter(|(before, after)| after.1 < before.1)
        .map(|(_, after)| *after)
        .collect();
    let mut stride = 1;
    while floor.len().div_ceil(stride) > 8 {
        stride *= 2;
    }
    let kept: Vec<(f64, f64)> = floor.into_iter().step_by(stride).collect();
    if kept.len() < 3 {
        return None;
    }
    let mut slopes = Vec::new();
    for (place, later) in kept.iter().enumerate() {
        for earlier in &kept[..place] {
            slopes.push((later.1 - earlier.1) / (later.0 - earlier.0) * 60_000.0);
        }
    }
    slopes.sort_by(f64::total_cmp);
    let middle = slopes.len() / 2;
    Some(if slopes.len() % 2 > 0 {
        slopes[middle]
    } else {
        (slopes[middle - 1] + slopes[middle]) / 2.0
    })
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.0..5000.0_f64,
        2 => (0_u32..40).prop_map(f64::from),
        1 => any::<f64>(),
        1 => prop::sample::select(vec![
            f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 0.0, -0.0, -1.0, 1e18, 4_294_967_296.0,
        ]),
    ]
}

fn any_calls() -> impl Strategy<Value = Vec<(u32, [f64; NUMBERS])>> {
    let call = (0_u32..17, prop::array::uniform9(any_number()));
    prop::collection::vec(call, 0..24)
}

/// What must be true of every page view, whatever it heard.
fn check_invariants(view: &PageView) {
    for vital in Vital::ALL {
        let Some(value) = view.value(vital) else {
            continue;
        };
        assert!(is_plausible(vital, value), "{vital:?} is {value}");
        let facts = view.attribution(vital, value);
        for (key, fact) in keys(vital).iter().zip(facts) {
            if *key == "$load_state" && !fact.is_nan() {
                let states = f64::from(LOADING)..=(WORDS.len() - 1) as f64;
                assert!(states.contains(&fact), "{vital:?}: {fact}");
            }
        }
    }
    assert!(view.interactions().is_some() == view.interactions_seen().is_some());
    for measurement in view.measurements(|_| "text") {
        assert!(measurement.value.is_finite());
        for (key, fact) in measurement.attribution {
            let finite = !matches!(fact, Scalar::Number(number) if !number.is_finite());
            assert!(finite, "{key}: {fact:?}");
        }
    }
}

/// The parts of a value, which are never negative and add up to it.
fn check_parts(view: &PageView, vital: Vital, places: std::ops::Range<usize>) {
    let Some(value) = view.value(vital) else {
        return;
    };
    let parts = &view.attribution(vital, value)[places];
    if parts[0].is_nan() {
        assert!(parts.iter().all(|part| part.is_nan()), "{parts:?}");
        return;
    }
    let sum: f64 = parts.iter().sum();
    assert!(
        (sum - value).abs() < 1e-6,
        "{vital:?}: {parts:?} of {value}"
    );
    assert!(parts.iter().all(|part| *part >= 0.0), "{parts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cls_is_the_worst_window(
        steps in prop::collection::vec((0_u32..2500, 0_u32..50, prop::bool::weighted(0.2)), 0..30)
    ) {
        let mut at_ms = 0.0;
        let shifts: Vec<(f64, f64, bool)> = steps
            .iter()
            .map(|&(step, value, had_recent_input)| {
                // Steps around the two limits are the interesting ones.
                at_ms += if step > 2000 { 999.0 + f64::from(step % 3) } else { f64::from(step) };
                (at_ms, f64::from(value) / 256.0, had_recent_input)
            })
            .collect();
        let mut cls = Cls::EMPTY;
        let mut previous = 0.0;
        for &(start_ms, value, had_recent_input) in &shifts {
            cls.on_entry(&ShiftEntry { start_ms, value, had_recent_input, ..ShiftEntry::default() });
            prop_assert!(cls.value() >= previous, "CLS never falls");
            previous = cls.value();
        }
        prop_assert_eq!(cls.value(), worst_window(&shifts));
        let largest = shifts.iter().filter(|shift| !shift.2).map(|shift| shift.1).fold(0.0, f64::max);
        let blamed = written(|facts| cls.attribution(0.0, facts))[0];
        prop_assert_eq!(blamed.is_nan(), cls.value() == 0.0);
        prop_assert!(blamed.is_nan() || blamed <= largest);
    }

    #[test]
    fn inp_is_the_tables_candidate(
        entries in prop::collection::vec((0_u32..25, 2_u32..30, any::<bool>()), 0..60),
        base in prop::option::of(0_u32..100),
        native in prop::option::of(0_u32..700),
        assume_unseen in any::<bool>(),
    ) {
        let entries: Vec<(u32, f64, bool)> =
            entries.iter().map(|&(id, step, twice)| (id * 7, f64::from(step) * 8.0, twice)).collect();
        let mut inp = Inp::new(base.map_or(f64::NAN, f64::from), assume_unseen);
        for &(id, duration_ms, twice) in &entries {
            let entry = EventEntry { interaction_id: id.into(), duration_ms, ..EventEntry::default() };
            inp.on_entry(&entry);
            // The snippet and the agent may both have seen it.
            if twice {
                inp.on_entry(&entry);
            }
            inp.on_entry(&EventEntry { interaction_id: if twice { f64::NAN } else { -7.0 }, ..entry });
        }
        if let Some(native) = native {
            inp.on_interaction_count(native.into());
        }
        let pairs: Vec<(u32, f64)> = entries.iter().map(|entry| (entry.0, entry.1)).collect();
        let mut ids: Vec<u32> = pairs.iter().map(|entry| entry.0).filter(|id| *id > 0).collect();
        let count = interactions(&ids, base, native);
        prop_assert_eq!(inp.count(), count);
        let unseen = (assume_unseen && count > 0).then_some(8.0);
        let expected = slow_interaction(&pairs, count);
        prop_assert_eq!(known(inp.value_ms()), expected.or(unseen));
        prop_assert_eq!(written(|facts| inp.attribution(0.0, facts))[1].is_nan(), expected.is_none());
        ids.sort_unstable();
        ids.dedup();
        // Sixteen ids are remembered, and those of the slowest ten; one that comes back later counts again.
        prop_assert!(inp.seen() >= ids.len() as u32);
        prop_assert!(ids.len() > 16 || inp.seen() == ids.len() as u32);
    }

    #[test]
    fn paints_and_inputs_count_until_the_page_is_hidden_or_used(
        steps in steps(),
        first_hidden in prop::option::of((0_u32..40).prop_map(|at| f64::from(at) * 10.0)),
        opening in 0_u32..4,
        start in prop::sample::select(vec![0.0, 50.0, 200.0]),
        navigation_place in 0_usize..12,
        fid_closed in any::<bool>(),
    ) {
        // A document begins with its activation, any other page view where it was opened.
        let opened_at = if opening == 0 { 0.0 } else { start };
        let flags = SUPPORTED | u32::from(fid_closed) << 7;
        let mut view = replay::open(opening, opened_at, first_hidden.unwrap_or(f64::NAN), 0.0, flags);
        let navigation = |view: &mut PageView| {
            hear(view, NAVIGATION, &[0.0, start, 0.0, 0.0, 0.0, 0.0, 0.0, 20.0, 900.0]);
            hear(view, LOAD, &[]);
        };
        for (place, step) in steps.iter().enumerate() {
            if place == navigation_place {
                navigation(&mut view);
            }
            match *step {
                Step::Paint(at) => hear(&mut view, PAINT, &[at]),
                Step::LargestPaint(at) => hear(&mut view, LARGEST_PAINT, &[at]),
                Step::FirstInput(at, delay) => hear(&mut view, FIRST_INPUT, &[at, 16.0, at + delay]),
                Step::Input => hear(&mut view, INPUT, &[]),
                Step::Hidden(at) => hear(&mut view, HIDDEN, &[at]),
            }
        }
        if navigation_place >= steps.len() {
            navigation(&mut view);
        }
        let since = |at: f64| (at - start).max(0.0);
        let [paint, largest, input] = what_counts(&steps, first_hidden.unwrap_or(f64::INFINITY));
        let (paint_ms, largest_ms) = match opening {
            1 => (paint.map(since), paint.map(since)),
            2 => (None, None),
            _ => (paint.map(since), largest.map(since)),
        };
        prop_assert_eq!(view.value(Vital::Fcp), paint_ms);
        prop_assert_eq!(view.value(Vital::Lcp), largest_ms);
        prop_assert_eq!(view.value(Vital::Fid), input.filter(|_| !fid_closed));
        prop_assert_eq!(view.value(Vital::Cls), paint.map(|_| 0.0));
        let ttfb = (opening == 0).then(|| (20.0 - start).max(0.0));
        prop_assert_eq!(view.value(Vital::Ttfb), ttfb);
    }

    #[test]
    fn the_floor_rises_by_the_median_of_all_slopes(
        steps in prop::collection::vec((1_u32..60, 1_u32..5000), 0..50)
    ) {
        let mut at_ms = 0.0;
        let samples: Vec<(f64, f64)> = steps.iter().map(|&(seconds, bytes)| {
            at_ms += f64::from(seconds) * 1000.0;
            (at_ms, f64::from(bytes))
        }).collect();
        let mut view = replay::open(0, 0.0, f64::NAN, f64::NAN, 0);
        for &(at_ms, bytes) in &samples {
            hear(&mut view, MEMORY, &[1.0, bytes, at_ms]);
        }
        prop_assert_eq!(view.value(Vital::Memory), samples.last().map(|sample| sample.1));
        let facts = view.attribution(Vital::Memory, 0.0);
        match rise(&samples) {
            Some(rise) => prop_assert!((facts[8] - rise).abs() <= 1e-9 * rise.abs(), "{} instead of {rise}", facts[8]),
            None => prop_assert!(facts[8].is_nan()),
        }
        if let Some(peak) = samples.iter().map(|sample| sample.1).reduce(f64::max) {
            prop_assert_eq!((facts[1], facts[2], facts[3]), (samples[0].1, peak, samples.len() as f64));
        }
    }

    #[test]
    fn any_numbers_are_survived(
        opening in any::<u32>(),
        start in prop::array::uniform3(any_number()),
        flags in any::<u32>(),
        calls in any_calls(),
    ) {
        let mut view = replay::open(opening % 5, start[0], start[1], start[2], flags);
        check_invariants(&view);
        for (kind, numbers) in calls {
            replay::hear(&mut view, kind, numbers);
        }
        check_invariants(&view);
    }

    #[test]
    fn what_to_blame_adds_up(
        opening in 0_u32..4,
        flags in (0_u32..256).prop_map(|flags| flags | SUPPORTED),
        calls in prop::collection::vec(
            (prop::sample::select(vec![PAINT, LARGEST_PAINT, SHIFT, EVENT, FIRST_INPUT, FRAME, NAVIGATION, MILESTONES, LOAD]),
             prop::array::uniform9(prop_oneof![9 => 0.0..5000.0_f64, 1 => Just(f64::NAN)])),
            0..24,
        ),
    ) {
        let mut view = replay::open(opening, 0.0, f64::NAN, 0.0, flags);
        for (kind, mut numbers) in calls {
            // Few interactions, so that they have several entries each, at known times; and navigation entries that can be used.
            if kind == EVENT || kind == FIRST_INPUT {
                numbers[0] = numbers[0].max(0.0);
                numbers[1] = numbers[1].max(8.0);
                numbers[4] = (numbers[4] / 500.0).floor() * 7.0;
            } else if kind == NAVIGATION {
                numbers[8] = 9999.0;
            }
            replay::hear(&mut view, kind, numbers);
        }
        check_invariants(&view);
        check_parts(&view, Vital::Fcp, 0..2);
        if opening != 1 {
            check_parts(&view, Vital::Lcp, 2..6);
        }
        check_parts(&view, Vital::Ttfb, 0..5);
        check_parts(&view, Vital::Inp, 2..5);
    }
}

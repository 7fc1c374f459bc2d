//! What is named and what is not, and the simulations behind the figures in the module's head.

use super::*;
use crate::histogram::Scheme;
use crate::simulate::{PHI, Rng, share_interval, visit};

/// (dimension, value, share, log offset). The dimensions are independent of each other.
const VALUES: [(&str, &str, f64, f64); 13] = [
    ("device", "mobile", 0.55, 0.4),
    ("device", "desktop", 0.45, 0.0),
    ("country", "DE", 0.34, 0.0),
    ("country", "FR", 0.2, 0.1),
    ("country", "PL", 0.16, 0.0),
    ("country", "NL", 0.12, -0.1),
    ("country", "US", 0.1, 0.3),
    ("country", "JP", 0.08, 0.5),
    ("browser", "Chrome", 0.6, 0.0),
    ("browser", "Safari", 0.3, 0.1),
    ("browser", "Firefox", 0.1, 0.0),
    ("release", "1.0", 0.5, 0.0),
    ("release", "1.1", 0.5, 0.0),
];

/// What happened: a shift of one value's page views (or of all), and how many points of share move from desktop to mobile.
#[derive(Clone, Copy, Default)]
struct Event {
    all: f64,
    value: Option<(&'static str, f64)>,
    to_mobile: f64,
}

/// One histogram for each of [`VALUES`].
fn side(rng: &mut Rng, visits: u32, event: Event) -> Vec<Histogram> {
    let mut out = vec![Histogram::new(Scheme::Milliseconds); VALUES.len()];
    for _ in 0..visits {
        let mut mu = 1_600.0_f64.ln() + event.all;
        let mut chosen = Vec::new();
        for values in VALUES.chunk_by(|a, b| a.0 == b.0) {
            let share = |one: &(&str, &str, f64, f64)| match one.1 {
                "mobile" => one.2 + event.to_mobile,
                "desktop" => one.2 - event.to_mobile,
                _ => one.2,
            };
            let index = rng.pick(values.iter().map(share));
            mu += values[index].3;
            let moved = event.value.filter(|(value, _)| *value == values[index].1);
            mu += moved.map_or(0.0, |(_, shift)| shift);
            chosen.extend(VALUES.iter().position(|one| one.1 == values[index].1));
        }
        let (value, length) = visit(rng, mu);
        chosen
            .iter()
            .for_each(|index| out[*index].record(value, length));
    }
    out
}

const QUESTION: Question = Question {
    direction: Direction::Regression,
    inflation: PHI,
    alpha: 0.05,
    margin: 0.0,
};

/// What is named for an event in `after` visits, against `before` visits without it.
fn named(rng: &mut Rng, before: u32, after: u32, event: Event) -> Vec<(String, Cause)> {
    let before = side(rng, before, Event::default());
    let after = side(rng, after, event);
    let slices = VALUES.iter().zip(before.iter().zip(&after));
    let slices: Vec<Slice<'_>> = slices
        .map(|(value, (before, after))| Slice {
            dimension: value.0,
            value: value.1,
            before,
            after,
        })
        .collect();
    let carriers = drill(&slices, QUESTION);
    carriers
        .iter()
        .map(|one| (one.value.to_owned(), one.cause))
        .collect()
}

/// Of `trials`: in how many `wanted` was named first, and in how many anything else was named.
fn counted(
    seed: u64,
    trials: u64,
    after: u32,
    event: Event,
    wanted: (&str, Cause),
) -> (usize, usize) {
    let (mut first, mut others) = (0, 0);
    for trial in 0..trials {
        let mut rng = Rng::new(&[seed, trial, u64::from(after)]);
        let names = named(&mut rng, 10 * after, after, event);
        let is_wanted = |one: &(String, Cause)| (one.0.as_str(), one.1) == wanted;
        first += usize::from(names.first().is_some_and(is_wanted));
        others += usize::from(names.iter().any(|one| !is_wanted(one)));
    }
    (first, others)
}

const NOBODY: (&str, Cause) = ("", Cause::Shift);

fn moved(value: &'static str, change: f64) -> Event {
    Event {
        value: Some((value, change.ln())),
        ..Event::default()
    }
}

#[test]
fn noise_and_a_change_of_all_are_carried_by_nobody() {
    let (_, others) = counted(1, 100, 1_500, Event::default(), NOBODY);
    assert!(others <= 12, "{others} of 100");
    let all = Event {
        all: 1.2_f64.ln(),
        ..Event::default()
    };
    let (_, others) = counted(1, 100, 1_500, all, NOBODY);
    assert!(others <= 12, "{others} of 100");
}

#[test]
fn the_value_that_carries_a_change_is_named_first() {
    let (first, _) = counted(2, 20, 3_000, moved("US", 1.3), ("US", Cause::Shift));
    assert!(first >= 18, "{first} of 20");
    let mix = Event {
        to_mobile: 0.2,
        ..Event::default()
    };
    let before = named(&mut Rng::new(&[3]), 20_000, 3_000, mix);
    let mut first_two = before[..2].to_vec();
    first_two.sort();
    let expected = ["desktop", "mobile"].map(|value| (value.to_owned(), Cause::Mix));
    assert_eq!(first_two, expected);
}

#[test]
#[ignore = "minutes; prints the figures of the module's head"]
fn error_rate_and_power() {
    for after in [500, 1_500, 5_000] {
        let trials = if after > 2_000 { 300 } else { 1_000 };
        let (_, others) = counted(4, trials, after, Event::default(), NOBODY);
        let interval = share_interval(others, trials as usize);
        println!("{after} visits, nothing: {others} of {trials} {interval:.4?}");
        let all = Event {
            all: 1.2_f64.ln(),
            ..Event::default()
        };
        let (_, others) = counted(5, trials, after, all, NOBODY);
        println!("{after} visits, all x1.2: {others} of {trials}");
        for (value, change) in [
            ("US", 1.1),
            ("US", 1.2),
            ("US", 1.5),
            ("mobile", 1.1),
            ("mobile", 1.2),
            ("1.1", 1.1),
        ] {
            let found = counted(6, 100, after, moved(value, change), (value, Cause::Shift));
            println!(
                "{after} visits, {value} x{change}: first {}, others {} of 100",
                found.0, found.1
            );
        }
        let mix = Event {
            to_mobile: 0.1,
            ..Event::default()
        };
        let (mut both, mut others) = (0, 0);
        for trial in 0..100 {
            let mut rng = Rng::new(&[7, trial, u64::from(after)]);
            let names = named(&mut rng, 10 * after, after, mix);
            let is_device = |one: &&(String, Cause)| one.0 == "mobile" || one.0 == "desktop";
            both += usize::from(names.iter().filter(is_device).count() == 2);
            others += usize::from(names.iter().any(|one| !is_device(&one)));
        }
        println!("{after} visits, 10 points to mobile: both {both}, others {others} of 100");
    }
}

fn flat(n: u64, index: u16) -> Histogram {
    let mut out = Histogram::new(Scheme::Milliseconds);
    (0..20).for_each(|step| out.add(index + step, n));
    out
}

fn slice<'a>(value: &'a str, before: &'a Histogram, after: &'a Histogram) -> Slice<'a> {
    Slice {
        dimension: "country",
        value,
        before,
        after,
    }
}

#[test]
fn the_mix_adds_up_and_a_new_value_is_mix() {
    let (fast, slow, none) = (flat(500, 60), flat(500, 80), flat(0, 60));
    let slices = [slice("A", &fast, &fast), slice("B", &none, &slow)];
    let found = drill(&slices, QUESTION);
    assert_eq!((found[0].value, found[0].cause), ("B", Cause::Mix));
    assert!(found[0].at_least > 0.0 && found[0].contribution > found[0].at_least);
    assert_eq!(
        (found[0].before_share, found[0].after_share, found[0].shift),
        (0.0, 0.5, 0.0)
    );
}

#[test]
fn odd_slices_are_survived() {
    assert!(drill(&[], QUESTION).is_empty());
    let (some, none) = (flat(5, 60), flat(0, 60));
    assert!(drill(&[slice("A", &none, &none)], QUESTION).is_empty());
    assert!(
        drill(
            &[slice("A", &none, &some), slice("B", &some, &none)],
            QUESTION
        )
        .len()
            <= MAX_NAMED
    );
    let other_scheme = Histogram::new(Scheme::Grid);
    assert!(drill(&[slice("A", &some, &other_scheme)], QUESTION).is_empty());
    let strange = Question {
        inflation: f64::NAN,
        alpha: f64::NAN,
        margin: f64::NAN,
        ..QUESTION
    };
    let names: Vec<String> = (0..300).map(|i| i.to_string()).collect();
    let (early, late) = (flat(50, 60), flat(50, 75));
    let many: Vec<Slice<'_>> = names
        .iter()
        .enumerate()
        .map(|(i, name)| slice(name, &early, if i % 2 == 0 { &late } else { &early }))
        .collect();
    for question in [QUESTION, strange] {
        let found = drill(&many, question);
        assert!(found.len() <= MAX_NAMED);
        assert!(
            found
                .iter()
                .all(|one| one.contribution.is_finite() && one.at_least.is_finite())
        );
    }
    assert_eq!(drill(&many, QUESTION).len(), MAX_NAMED);
}

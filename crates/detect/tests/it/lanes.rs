//! The tests beside the scan, on arbitrary histograms: they answer or say nothing, and never with what is no number.

use detect::compare::StratumPair;
use detect::concurrent::{Lane, Neutral, Settings, latest_pair};
use detect::drift::{Approved, DayMemory, DayShift};
use detect::drill::{MAX_NAMED, Question, Slice, drill};
use detect::memory::leak;
use detect::sparse::{rank_test, samples};
use detect::two_part::{TwoPart, TwoPartSum};
use detect::world::{Sampling, Truth, World};
use detect::{Direction, Histogram, Hour, Scheme};
use proptest::collection::vec;
use proptest::prelude::*;
use wire::Vital;

use crate::worlds::histories;

/// 2026-11-21T02:00Z, a Saturday.
const END_HOUR: Hour = 498_674;

fn scheme() -> impl Strategy<Value = Scheme> {
    prop_oneof![
        Just(Scheme::Milliseconds),
        Just(Scheme::Grid),
        Just(Scheme::LayoutShift),
        Just(Scheme::Bytes),
        Just(Scheme::Growth),
    ]
}

/// Counts from single views to more than any site has.
fn cells() -> impl Strategy<Value = Vec<(u16, u64)>> {
    vec(
        (
            0..300_u16,
            prop_oneof![0..3_u64, 1..1_000_u64, Just(u64::MAX / 512)],
        ),
        0..6,
    )
}

fn histogram(scheme: Scheme, cells: &[(u16, u64)]) -> Histogram {
    let mut out = Histogram::new(scheme);
    cells
        .iter()
        .for_each(|(index, count)| out.add(*index, *count));
    out
}

/// Visits of the shop have one or two page views: E[views^2] / E[views].
const SHOP_PHI: f64 = 1.9 / 1.3;

#[test]
fn a_rollout_of_three_hours_is_judged_from_its_history() {
    let truth = |route, change_ratio| Truth {
        route,
        vital: Vital::Lcp,
        direction: Direction::Regression,
        change_ratio,
        release: "1.4.1",
        hour: END_HOUR,
        until_hour: Hour::MAX,
    };
    let world = World::new(11, END_HOUR, Sampling::Independent).with(truth("/product/:id", 2.0));
    let lcp = world.series_hours().filter(|line| line.vital == Vital::Lcp);
    let settings = Settings {
        phi: SHOP_PHI,
        alpha: 0.01,
        margin: 0.0,
        neutral: Neutral::default(),
    };
    let mut decided = Vec::new();
    for history in histories(lcp) {
        for (release, start) in world.releases().skip(1) {
            let range = start - 24..start + 48;
            let (older, newer) = latest_pair(&history, range.clone()).expect("two releases");
            assert_eq!(newer, release);
            let lane = Lane::of_history(&history, older, newer, range, settings);
            let found = lane.standing().expect("a rollout of three hours");
            // The fourth hour is the newer's alone.
            assert_eq!(
                (found.first_hour, found.last_common_hour),
                (start, start + 2)
            );
            if let Some(decision) = found.first_significant {
                decided.push((
                    history.key.route.clone(),
                    newer.to_owned(),
                    decision.direction,
                ));
            }
        }
    }
    let expected = (
        "/product/:id".to_owned(),
        "1.4.1".to_owned(),
        Direction::Regression,
    );
    assert_eq!(decided, [expected]);
}

proptest! {
    #[test]
    fn lanes_stay_finite(scheme in scheme(), hours in vec((0..400_i64, cells(), cells()), 0..6), phi in 0.0..9.0_f64) {
        let settings = Settings { phi, alpha: 0.01, margin: 0.0, neutral: Neutral::default() };
        let mut lane = Lane::new(scheme, settings);
        for (hour, older, newer) in &hours {
            let pair = StratumPair { baseline: histogram(scheme, older), current: histogram(scheme, newer) };
            lane.observe(*hour, [("a", &pair), ("b", &pair)].into_iter());
            if let Some(found) = lane.standing() {
                prop_assert!((0.0..=1.0).contains(&found.p_value), "{found:?}");
                prop_assert!(found.shift.low <= found.shift.value && found.shift.value <= found.shift.high, "{found:?}");
            }
        }
        let lanes: Vec<&Lane> = std::iter::repeat_n(&lane, 6).collect();
        if let Some(neutral) = Neutral::learn(&lanes) {
            let settings = Settings { neutral, ..settings };
            let mut lane = Lane::new(scheme, settings);
            for (hour, older, newer) in &hours {
                let pair = StratumPair { baseline: histogram(scheme, older), current: histogram(scheme, newer) };
                lane.observe(*hour, [("a", &pair)].into_iter());
            }
            prop_assert!(lane.standing().is_none_or(|found| !found.p_value.is_nan() && !found.shift.value.is_nan()));
        }
    }

    #[test]
    fn parts_and_leaks_stay_finite(scheme in scheme(), before in cells(), after in cells()) {
        let (before, after) = (histogram(scheme, &before), histogram(scheme, &after));
        if let Some(parts) = TwoPart::new(before.counts(), &scheme.inverse_widths()) {
            let mut sum = TwoPartSum::default();
            let cells = after.counts().iter().enumerate();
            sum.add(&parts, cells.map(|(index, count)| (index as u16, u32::try_from(*count).unwrap_or(u32::MAX))));
            let scores = sum.scores();
            for score in [scores.share, scores.size] {
                prop_assert!(score.shift.is_finite() && score.variance.is_finite() && score.variance >= 0.0, "{scores:?}");
            }
        }
        if let Some(found) = leak(&before, &after, 2.0, 12.0) {
            let increase = found.increase_mb_per_hour;
            prop_assert!((0.0..=1.0).contains(&found.p_value) && increase.low <= increase.high, "{found:?}");
        }
        if let (Some(before), Some(after)) = (samples(&before), samples(&after)) {
            prop_assert!(rank_test(&before, &after).is_none_or(|found| !found.p_two_sided.is_nan()));
        }
    }

    #[test]
    fn drills_stay_bounded_and_finite(scheme in scheme(), values in vec((cells(), cells()), 0..9)) {
        let sides: Vec<(Histogram, Histogram)> = values
            .iter()
            .map(|(before, after)| (histogram(scheme, before), histogram(scheme, after)))
            .collect();
        let names: Vec<String> = (0..sides.len()).map(|index| index.to_string()).collect();
        let slices: Vec<Slice<'_>> = sides
            .iter()
            .zip(&names)
            .enumerate()
            .map(|(index, ((before, after), value))| Slice {
                dimension: if index % 2 == 0 { "device" } else { "country" },
                value,
                before,
                after,
            })
            .collect();
        let question = Question { direction: Direction::Regression, inflation: 1.0, alpha: 0.05, margin: 0.0 };
        let found = drill(&slices, question);
        prop_assert!(found.len() <= MAX_NAMED);
        for one in found {
            prop_assert!(one.at_least > 0.0 && one.contribution.is_finite() && one.shift.is_finite(), "{one:?}");
        }
    }

    #[test]
    fn drifts_stay_finite(shifts in vec(prop_oneof![-1.0..1.0_f64, Just(0.0), Just(f64::NAN), Just(1e300)], 0..70), threshold in -2.0..2.0_f64) {
        let days: Vec<DayShift> = shifts
            .iter()
            .enumerate()
            .map(|(day, shift)| DayShift { day: day as i64, shift: *shift })
            .collect();
        let cut = days.len() / 2;
        let memory = DayMemory::fit(&[&days[..cut]]);
        if let Some(approved) = Approved::new(&days[..cut], memory) {
            for day in &days[cut..] {
                if let Some(drift) = approved.judge(&days[cut..], day.day) {
                    prop_assert!((0.0..=1.0).contains(&drift.p_day), "{drift:?}");
                    if let Some(forecast) = approved.forecast(&drift, &days[cut..], threshold) {
                        prop_assert!(forecast.earliest <= forecast.day, "{forecast:?}");
                    }
                }
            }
        }
    }
}

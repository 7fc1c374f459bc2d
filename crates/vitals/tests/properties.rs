//! The two folds against straightforward oracles, over many generated streams.

use proptest::prelude::*;
use vitals::attribution::gather;
use vitals::cls::Cls;
use vitals::inp::Inp;
use vitals::{EventEntry, ShiftEntry};

/// Together more than the 100,000 streams that the measurement semantics ask for.
const CASES: u32 = 60_000;

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
fn slow_interaction(entries: &[(u64, f64)], count: u64) -> Option<f64> {
    let mut latencies: Vec<(u64, f64)> = Vec::new();
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
    let index = usize::try_from(count / 50)
        .expect("small")
        .min(latencies.len().checked_sub(1)?);
    Some(latencies[index].1)
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
        let mut cls = Cls::default();
        let mut previous = 0.0;
        for &(start_ms, value, had_recent_input) in &shifts {
            cls.on_entry(&ShiftEntry { start_ms, value, had_recent_input, source: String::new() });
            prop_assert!(cls.value() >= previous, "CLS never falls");
            previous = cls.value();
        }
        prop_assert_eq!(cls.value(), worst_window(&shifts));
    }

    #[test]
    fn inp_is_the_tables_candidate(
        entries in prop::collection::vec((0_u64..25, 2_u32..30), 0..60),
        count in 0_u64..700,
    ) {
        let entries: Vec<(u64, f64)> = entries.iter().map(|&(id, step)| (id * 7, f64::from(step) * 8.0)).collect();
        let mut inp = Inp::default();
        for &(interaction_id, duration_ms) in &entries {
            inp.on_entry(&EventEntry { interaction_id, duration_ms, ..EventEntry::default() });
        }
        inp.on_interaction_count(count);
        prop_assert_eq!(inp.value_ms(), slow_interaction(&entries, count));
        prop_assert_eq!(gather(|facts| inp.attribution(0.0, facts)).is_empty(), inp.value_ms().is_none());
    }
}

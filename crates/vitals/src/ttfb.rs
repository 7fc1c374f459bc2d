//! Time To First Byte: from the (activated) navigation to the first byte of the answer, and where that time went.

use crate::attribution::Facts;
use crate::entry::Navigation;

/// `responseStart` as the browser gives it, which is the interim answer where 103 Early Hints were sent.
pub fn value_ms(navigation: &Navigation) -> f64 {
    since_activation(navigation, navigation.response_start_ms)
}

/// Five phases that sum to the value. Browsers give stamps out of order (Firefox 153 has a negative `fetchStart` on local
/// loads), so each phase ends no earlier than it began and no later than the first byte.
pub fn attribution(navigation: &Navigation, facts: &mut Facts) {
    let worker = navigation.worker_start_ms;
    let ends = [
        if worker > 0.0 {
            worker
        } else {
            navigation.fetch_start_ms
        },
        navigation.domain_lookup_start_ms,
        navigation.connect_start_ms,
        navigation.connect_end_ms,
        navigation.response_start_ms,
    ];
    let value = value_ms(navigation);
    let mut begun = 0.0;
    for place in 0..ends.len() {
        let end = since_activation(navigation, ends[place])
            .min(value)
            .max(begun);
        facts[place] = end - begun;
        begun = end;
    }
}

fn since_activation(navigation: &Navigation, at_ms: f64) -> f64 {
    (at_ms - navigation.activation_start_ms).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::written;

    fn check(navigation: Navigation, expected_ms: f64, expected_phases_ms: [f64; 5]) {
        assert_eq!(value_ms(&navigation), expected_ms);
        assert_eq!(
            written(|facts| attribution(&navigation, facts))[..5],
            expected_phases_ms
        );
    }

    #[test]
    fn phases_sum_to_the_value() {
        let plain = Navigation {
            fetch_start_ms: 5.0,
            domain_lookup_start_ms: 8.0,
            connect_start_ms: 20.0,
            connect_end_ms: 70.0,
            response_start_ms: 200.0,
            ..Navigation::default()
        };
        check(plain, 200.0, [5.0, 3.0, 12.0, 50.0, 130.0]);
        check(
            Navigation {
                worker_start_ms: 7.0,
                ..plain
            },
            200.0,
            [7.0, 1.0, 12.0, 50.0, 130.0],
        );
        check(
            Navigation {
                fetch_start_ms: -13.0,
                ..plain
            },
            200.0,
            [0.0, 8.0, 12.0, 50.0, 130.0],
        );
        // Connection reused: the stamps that do not apply are 0.
        check(
            Navigation {
                domain_lookup_start_ms: 0.0,
                connect_start_ms: 0.0,
                connect_end_ms: 0.0,
                ..plain
            },
            200.0,
            [5.0, 0.0, 0.0, 0.0, 195.0],
        );
        check(
            Navigation {
                activation_start_ms: 50.0,
                ..plain
            },
            150.0,
            [0.0, 0.0, 0.0, 20.0, 130.0],
        );
        check(
            Navigation {
                activation_start_ms: 500.0,
                ..plain
            },
            0.0,
            [0.0; 5],
        );
    }
}

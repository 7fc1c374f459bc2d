//! Every value has a bucket, every bucket its edges, in all schemes.

use super::*;

const SCHEMES: [Scheme; 4] = [
    Scheme::Milliseconds,
    Scheme::Grid,
    Scheme::LayoutShift,
    Scheme::Bytes,
];

#[test]
fn edges_rise_and_hold_their_own_bucket() {
    for scheme in SCHEMES {
        for index in 1..scheme.bucket_count() as u16 {
            let (lower, upper) = (scheme.lower_edge(index), scheme.upper_edge(index));
            assert!(lower < upper, "{scheme:?} {index}");
            assert_eq!(
                scheme.bucket_index(scheme.midpoint(index)),
                index,
                "{scheme:?}"
            );
        }
    }
}

#[test]
fn outside_values_have_a_bucket_too() {
    for scheme in SCHEMES {
        assert_eq!(scheme.bucket_index(f64::NAN), 0);
        assert_eq!(scheme.bucket_index(-1.0), 0);
        assert_eq!(scheme.bucket_index(1e-300), 1);
        assert_eq!(
            usize::from(scheme.bucket_index(f64::INFINITY)),
            scheme.bucket_count() - 1
        );
    }
}

#[test]
fn growth_has_a_sign() {
    let growth = Scheme::Growth;
    for index in 0..growth.bucket_count() as u16 {
        assert_eq!(growth.bucket_index(growth.midpoint(index)), index);
        assert_eq!(growth.midpoint(index), -growth.midpoint(254 - index));
        assert!(growth.lower_edge(index) < growth.upper_edge(index));
        assert!(index == 0 || growth.lower_edge(index) == growth.upper_edge(index - 1));
    }
    let ends = [f64::NEG_INFINITY, f64::NAN, 0.0, 9_999.0, f64::INFINITY];
    assert_eq!(
        ends.map(|value| growth.bucket_index(value)),
        [0, 127, 127, 127, 254]
    );
    assert_eq!((growth.zero_index(), Scheme::Bytes.zero_index()), (127, 0));
    let mut histogram = Histogram::new(growth);
    histogram.record(-1e6, 3);
    assert!(
        histogram
            .quantile(0.5)
            .is_some_and(|found| found.high < -0.9e6)
    );
}

#[test]
fn each_vital_has_its_scheme() {
    assert_eq!(Scheme::of_vital(Vital::Lcp), Scheme::OPERATION);
    assert_eq!(Scheme::of_vital(Vital::Fid), Scheme::Grid);
    assert_eq!(Scheme::of_vital(Vital::Cls), Scheme::LayoutShift);
    assert_eq!(Scheme::of_vital(Vital::Memory), Scheme::Bytes);
}

#[test]
fn a_grid_value_is_alone_in_its_bucket_up_to_192_ms() {
    for step in 1..24_u16 {
        let value = 8.0 * f64::from(step);
        let index = Scheme::Grid.bucket_index(value);
        assert_eq!(
            (
                Scheme::Grid.lower_edge(index),
                Scheme::Grid.upper_edge(index)
            ),
            (value - 4.0, value + 4.0)
        );
    }
}

#[test]
fn empty_and_zero_histograms_answer() {
    let mut histogram = Histogram::new(Scheme::LayoutShift);
    assert_eq!(histogram.quantile(0.75), None);
    assert_eq!(histogram.mean_and_stddev(), None);
    histogram.record(0.0, 10);
    assert_eq!(
        histogram.quantile(0.75),
        Some(Quantile {
            value: 0.0,
            low: 0.0,
            high: 0.0
        })
    );
    assert_eq!(histogram.mean_and_stddev(), Some((0.0, 0.0)));
    histogram.add(9_999, 1);
    assert_eq!(histogram.counts()[151], 1);
}

#[test]
fn widths_are_used_only_where_they_mean_something() {
    let widths = Scheme::Milliseconds.inverse_widths();
    assert_eq!((widths[0], widths[151]), (0.0, 0.0));
    assert!((widths[77] - 1.0 / 1.08_f64.ln()).abs() < 1e-9);
    assert_eq!(Scheme::Grid.inverse_widths()[1], 0.0);
}

//! Order statistics: quantiles, medians and the two trend estimates that rest on them. NaN never enters: callers pass
//! finite numbers.

/// Quantile by linear interpolation between order statistics; 0 when empty. Reorders the slice.
pub fn quantile(values: &mut [f64], p: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let position = p.clamp(0.0, 1.0) * (values.len() - 1) as f64;
    let (index, share) = (position.floor() as usize, position.fract());
    let (_, low, above) = values.select_nth_unstable_by(index, f64::total_cmp);
    let low = *low;
    if share == 0.0 {
        return low;
    }
    let high = above.iter().copied().fold(f64::INFINITY, f64::min);
    // Written from the nearer end, as the usual libraries do: the other form differs in the last bit.
    if share < 0.5 {
        low + (high - low) * share
    } else {
        high - (high - low) * (1.0 - share)
    }
}

/// The middle value, or the mean of the middle two; 0 when empty. Reorders the slice.
pub fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// The smallest value whose cumulative weight reaches half of the total; 0 when empty. Sorts the pairs.
pub fn weighted_median(pairs: &mut [(f64, f64)]) -> f64 {
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let half = 0.5 * pairs.iter().map(|(_, weight)| weight).sum::<f64>();
    let mut cumulated = 0.0;
    for &(value, weight) in pairs.iter() {
        cumulated += weight;
        if cumulated >= half {
            return value;
        }
    }
    pairs.last().map_or(0.0, |pair| pair.0)
}

/// Median of the slopes of all pairs of points (Theil 1950, Sen 1968): units of `y` per unit of `t`. Quadratic in the
/// number of points, so meant for dozens, not thousands.
pub fn theil_sen(t: &[f64], y: &[f64]) -> f64 {
    let mut slopes = Vec::new();
    for i in 0..t.len().min(y.len()) {
        for j in i + 1..t.len().min(y.len()) {
            if t[j] != t[i] {
                slopes.push((y[j] - y[i]) / (t[j] - t[i]));
            }
        }
    }
    median(&mut slopes)
}

/// Mann-Kendall trend statistic as a normal deviate, with continuity correction (Kendall 1975). 0 below two points.
pub fn mann_kendall_z(y: &[f64]) -> f64 {
    let n = y.len() as f64;
    if y.len() < 2 {
        return 0.0;
    }
    let mut sum = 0.0;
    for i in 0..y.len() {
        for j in i + 1..y.len() {
            sum += sign(y[j] - y[i]);
        }
    }
    (sum - sign(sum)) / (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt()
}

/// Mean time and smallest value of each full block of `block` samples: the heap after garbage collection.
/// Warm-up and collection make every raw heap series look like a leak; its floor does not.
pub fn memory_floor(t: &[f64], y: &[f64], block: usize) -> (Vec<f64>, Vec<f64>) {
    let block = block.max(1);
    let times = t
        .chunks_exact(block)
        .map(|chunk| chunk.iter().sum::<f64>() / block as f64);
    let floors = y
        .chunks_exact(block)
        .map(|chunk| chunk.iter().copied().fold(f64::INFINITY, f64::min));
    (times.collect(), floors.collect())
}

fn sign(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&mut [4.0, 1.0, 3.0, 2.0], 0.5), 2.5);
        assert_eq!(quantile(&mut [4.0, 1.0, 3.0, 2.0], 1.0), 4.0);
        assert_eq!(quantile(&mut [1.0, 2.0], 0.75), 1.75);
        assert_eq!(quantile(&mut [], 0.5), 0.0);
    }

    #[test]
    fn weighted_median_takes_the_value_at_half_the_weight() {
        assert_eq!(
            weighted_median(&mut [(3.0, 1.0), (1.0, 1.0), (2.0, 1.0)]),
            2.0
        );
        assert_eq!(weighted_median(&mut [(3.0, 9.0), (1.0, 1.0)]), 3.0);
        assert_eq!(weighted_median(&mut [(7.0, f64::NAN)]), 7.0);
        assert_eq!(weighted_median(&mut []), 0.0);
    }

    #[test]
    fn trends_of_short_and_flat_series_are_zero() {
        assert_eq!(theil_sen(&[1.0], &[2.0]), 0.0);
        assert_eq!(theil_sen(&[1.0, 1.0], &[2.0, 3.0]), 0.0);
        assert_eq!(mann_kendall_z(&[1.0]), 0.0);
        assert_eq!(mann_kendall_z(&[2.0; 9]), 0.0);
        assert!(mann_kendall_z(&[4.0, 3.0, 2.0, 1.0]) < 0.0);
    }
}

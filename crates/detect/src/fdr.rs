//! False discoveries across all series of an app: how many alarms one evaluation may raise.

/// Expected false alarms per app and day that `series_count` series may cause: a share of app-days, and never more than so many
/// per series. Without the second limit a small app would spend a large app's budget on few series.
pub fn app_budget(series_count: usize, rate_per_app: f64, rate_per_series: f64) -> f64 {
    rate_per_app.min(series_count as f64 * rate_per_series)
}

/// Which p-values are rejected by the step-up procedure of Benjamini and Hochberg (1995) at rate `q`. `cap` limits the
/// threshold to `cap * q / S`: true alarms would otherwise loosen it for everyone else.
pub fn benjamini_hochberg(p: &[f64], q: f64, cap: Option<f64>) -> Vec<bool> {
    let series_count = p.len() as f64;
    let mut sorted = p.to_vec();
    sorted.sort_by(f64::total_cmp);
    let step = |rank: usize| q * (rank + 1) as f64 / series_count;
    let last = (0..sorted.len())
        .rev()
        .find(|rank| sorted[*rank] <= step(*rank));
    let threshold = last.map_or(-1.0, step);
    let threshold = cap.map_or(threshold, |cap| threshold.min(cap * q / series_count));
    p.iter().map(|p| *p <= threshold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_of_a_small_app_is_small() {
        assert_eq!(app_budget(300, 0.03, 1.0 / 1500.0), 0.03);
        assert!((app_budget(6, 0.03, 1.0 / 1500.0) - 0.004).abs() < 1e-15);
    }

    #[test]
    fn nothing_is_rejected_of_nothing() {
        assert!(benjamini_hochberg(&[], 0.03, Some(3.0)).is_empty());
        assert_eq!(benjamini_hochberg(&[1.0, 1.0], 0.03, None), [false, false]);
    }
}

//! The smallest change that a series could show.

/// Log shift found with the power of `z_beta` at the threshold of `z_alpha`, in a window of `n` page views: `a` is the day-level
/// variance that no traffic averages away, `phi` the design effect, `view_variance` one page view's.
pub fn minimum_detectable(
    a: f64,
    phi: f64,
    view_variance: f64,
    n: f64,
    z_alpha: f64,
    z_beta: f64,
) -> f64 {
    (z_alpha + z_beta) * (a + phi * view_variance / n.max(1e-9)).max(0.0).sqrt()
}

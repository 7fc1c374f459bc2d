//! Two releases live in the same hours: a bound that holds at every look.
//!
//! Only the bound is here. The lane that scores a new release against the old one hour by hour needs histograms kept per
//! release, and calibration against releases known to be neutral: a new release's visitors have cold caches.

/// Radius of the confidence sequence of a sum whose variance is `variance` so far (normal mixture, Robbins 1970): the sum stays
/// inside at all times with probability `1 - alpha`. `rho` is the variance at which the bound is tightest.
pub fn confidence_sequence_radius(variance: f64, alpha: f64, rho: f64) -> f64 {
    ((variance + rho) * (((variance + rho) / rho).ln() + 2.0 * (1.0 / alpha).ln())).sqrt()
}

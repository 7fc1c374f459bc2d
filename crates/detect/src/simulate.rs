//! Draws for the modules' own simulations; compiled for tests only.
//!
//! Harsher than [`crate::world`] in what matters to a test's error rate: visits of 1, 2 or 4 page views fall into one bucket,
//! so page views are far from independent. What is measured here is evidence about a method, not about real traffic.

use crate::histogram::Histogram;
pub use crate::world::Rng;

/// (page views, share) of visits.
const VISITS: [(u32, f64); 3] = [(1, 0.60), (2, 0.25), (4, 0.15)];
/// Mean page views of a visit.
pub const VIEWS_PER_VISIT: f64 = 1.7;
/// Variance of sums of page views relative to independent ones: E[views^2] / E[views].
pub const PHI: f64 = 4.0 / 1.7;
/// Standard deviation of ln values, and the cached third of page views: share and how much faster.
const SIGMA: f64 = 0.7;
const CACHED: (f64, f64) = (0.3, -0.8);

/// One load time in ms around the median `exp(mu)`.
pub fn load_time_ms(rng: &mut Rng, mu: f64) -> f64 {
    let cached = if rng.uniform() < CACHED.0 {
        CACHED.1
    } else {
        0.0
    };
    (mu + cached + SIGMA * rng.normal()).exp()
}

/// The page views of one visit and the load time that they share.
pub fn visit(rng: &mut Rng, mu: f64) -> (f64, u64) {
    let value = load_time_ms(rng, mu);
    let length = VISITS[rng.pick(VISITS.iter().map(|visit| visit.1))].0;
    (value, u64::from(length))
}

/// Adds about `views` page views around the median `exp(mu)` ms.
pub fn add_views(rng: &mut Rng, views: f64, mu: f64, out: &mut Histogram) {
    for _ in 0..rng.poisson(views / VIEWS_PER_VISIT) {
        let (value, length) = visit(rng, mu);
        out.record(value, length);
    }
}

/// A stationary first-order autoregression of standard deviation `stddev`.
pub fn autoregression(rng: &mut Rng, length: usize, stddev: f64, rho: f64) -> Vec<f64> {
    let mut last = stddev * rng.normal();
    (0..length)
        .map(|_| {
            let now = last;
            last = rho * last + stddev * (1.0 - rho * rho).sqrt() * rng.normal();
            now
        })
        .collect()
}

/// Exact (Clopper and Pearson) 95 % interval of a share, for what a simulation counted.
pub fn share_interval(hits: usize, trials: usize) -> (f64, f64) {
    let (hits, trials) = (hits as f64, trials as f64);
    let bound = |a: f64, b: f64, p: f64| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            if statrs::function::beta::beta_reg(a, b, middle) < p {
                low = middle
            } else {
                high = middle
            }
        }
        low
    };
    let low = if hits == 0.0 {
        0.0
    } else {
        bound(hits, trials - hits + 1.0, 0.025)
    };
    let high = if hits == trials {
        1.0
    } else {
        bound(hits + 1.0, trials - hits, 0.975)
    };
    (low, high)
}

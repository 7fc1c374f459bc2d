//! Exact 95 % intervals of counts and shares. A rate without one says nothing.

use statrs::function::beta::beta_reg;
use statrs::function::gamma::gamma_lr;

/// The point where a rising function reaches `level`.
fn reach(level: f64, mut high: f64, rising: impl Fn(f64) -> f64) -> f64 {
    let mut low = 0.0;
    for _ in 0..80 {
        let middle = (low + high) / 2.0;
        if rising(middle) < level {
            low = middle
        } else {
            high = middle
        }
    }
    (low + high) / 2.0
}

/// Of the mean of a Poisson count (Garwood 1936).
pub fn poisson(count: u64) -> (f64, f64) {
    let high = 10.0 * (count as f64 + 10.0);
    let low = if count == 0 {
        0.0
    } else {
        reach(0.025, high, |mean| gamma_lr(count as f64, mean.max(1e-12)))
    };
    let up = reach(0.975, high, |mean| {
        gamma_lr(count as f64 + 1.0, mean.max(1e-12))
    });
    (low, up)
}

/// Of a share (Clopper and Pearson 1934).
pub fn share(hits: u64, of: u64) -> (f64, f64) {
    let (k, n) = (hits as f64, of as f64);
    if of == 0 {
        return (0.0, 1.0);
    }
    let low = if hits == 0 {
        0.0
    } else {
        reach(0.025, 1.0, |p| beta_reg(k, n - k + 1.0, p))
    };
    let high = if hits == of {
        1.0
    } else {
        reach(0.975, 1.0, |p| beta_reg(k + 1.0, n - k, p))
    };
    (low, high)
}

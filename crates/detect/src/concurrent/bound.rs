//! A bound on a growing sum that holds at every look, because it bounds a likelihood ratio whose expectation never exceeds one
//! (Ville 1939): mixtures of normal alternatives against none.

/// Log shifts that the alternatives expect, as one over their variances: one for shifts of a sixth, which an hour can show, and
/// one for 3 %, which take days. Having both costs a quarter of a standard deviation over the better.
const RHO: [f64; 2] = [40.0, 1_500.0];

/// Radius of the confidence sequence of a sum whose variance is `variance` so far (normal mixture, Robbins 1970): the sum stays
/// inside at all times with probability `1 - alpha`. The bound is tightest where the variance is some nine times `rho`.
pub fn confidence_sequence_radius(variance: f64, alpha: f64, rho: f64) -> f64 {
    Mixture { rho, spread: 0.0 }.radius(variance, alpha)
}

/// The likelihood ratio that judges a lane: the mean over its mixtures.
#[derive(Clone, Copy)]
pub struct Bound([Mixture; 2]);

impl Bound {
    /// `spread`: variance of the log shift between releases that change nothing.
    pub fn new(spread: f64) -> Bound {
        Bound(RHO.map(|rho| Mixture { rho, spread }))
    }

    /// ln of the ratio at a sum whose variance is `variance`.
    pub fn ln_evidence(&self, sum: f64, variance: f64) -> f64 {
        let [a, b] = self.0.map(|one| one.ln_evidence(sum, variance));
        let (small, large) = (a.min(b), a.max(b));
        large + ((1.0 + (small - large).exp()) / 2.0).ln()
    }

    /// The sum at which the ratio reaches `1 / alpha`, by bisection: below, no mixture alone is there; above, one is by itself.
    pub fn radius(&self, variance: f64, alpha: f64) -> f64 {
        let smallest = |alpha: f64| {
            let [a, b] = self.0.map(|one| one.radius(variance, alpha));
            a.min(b)
        };
        let (mut low, mut high) = (smallest(alpha), smallest(alpha / 2.0));
        // The two differ by a few per cent; 40 halvings reach the last bits.
        for _ in 0..40 {
            let middle = (low + high) / 2.0;
            if self.ln_evidence(middle, variance) < -alpha.ln() {
                low = middle
            } else {
                high = middle
            }
        }
        high
    }
}

/// Log shifts of variance `1 / rho` against none, where releases that change nothing still differ with variance `spread`.
#[derive(Clone, Copy)]
struct Mixture {
    rho: f64,
    spread: f64,
}

impl Mixture {
    /// (what the alternative's variance is, relative to what the null's is; the factor on the squared sum) at `variance`.
    fn parts(self, variance: f64) -> (f64, f64) {
        let null = 1.0 + variance * self.spread;
        let alternative = null + variance / self.rho;
        (alternative / null, 1.0 / (self.rho * alternative * null))
    }

    fn radius(self, variance: f64, alpha: f64) -> f64 {
        let (ratio, factor) = self.parts(variance);
        ((ratio.ln() + 2.0 * (1.0 / alpha).ln()) / factor).sqrt()
    }

    fn ln_evidence(self, sum: f64, variance: f64) -> f64 {
        let (ratio, factor) = self.parts(variance);
        0.5 * (sum * sum * factor - ratio.ln())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Rng;

    #[test]
    fn the_radius_is_where_the_evidence_suffices() {
        for (spread, variance, alpha) in [(0.0, 300.0, 0.05), (1e-4, 2e4, 1e-3), (0.0, 0.0, 0.5)] {
            let bound = Bound::new(spread);
            let radius = bound.radius(variance, alpha);
            let reached = bound.ln_evidence(radius, variance) + f64::ln(alpha);
            assert!(reached.abs() < 1e-6, "{spread} {variance}: {reached}");
        }
    }

    #[test]
    fn random_walks_stay_inside() {
        // Steps of variance 10 up to 50,000: at every look, over releases that differ by 1 % and over none.
        for spread in [0.0, 1e-4] {
            let bound = Bound::new(spread);
            let left = (0..400).filter(|walk| {
                let mut rng = Rng::new(&[1, *walk]);
                let own = f64::sqrt(spread) * rng.normal();
                let (mut sum, mut variance) = (0.0, 0.0);
                (0..5_000).any(|_| {
                    sum += 10.0 * own + 10.0_f64.sqrt() * rng.normal();
                    variance += 10.0;
                    bound.ln_evidence(sum, variance) >= -(0.05_f64.ln())
                })
            });
            let left = left.count();
            assert!(left <= 30, "{left} of 400 at {spread}");
        }
    }
}

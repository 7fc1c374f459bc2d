//! Distributions of ln values as tables of quantiles: a draw is one random word and one interpolation.
//!
//! The tails are cut at one in eight thousand, which no rank statistic sees.

use detect::distribution::normal_cdf;
use detect::world::Rng;
use statrs::function::gamma::gamma_lr;

/// Steps of a table: a power of two, so that the top bits of a random word choose one.
const BITS: u32 = 12;
const STEPS: usize = 1 << BITS;

/// A distribution of ln values around 0.
pub struct Law {
    quantiles: Vec<f64>,
}

impl Law {
    /// From a distribution function of the ln value.
    fn new(cdf: impl Fn(f64) -> f64) -> Law {
        let quantile = |p: f64| {
            let (mut low, mut high) = (-12.0, 12.0);
            for _ in 0..50 {
                let middle = (low + high) / 2.0;
                if cdf(middle) < p {
                    low = middle
                } else {
                    high = middle
                }
            }
            (low + high) / 2.0
        };
        let at = |step: usize| (step as f64).clamp(0.5, STEPS as f64 - 0.5) / STEPS as f64;
        Law {
            quantiles: (0..=STEPS).map(|step| quantile(at(step))).collect(),
        }
    }

    /// Log-normal with a faster part: (share, ln offset).
    pub fn log_normal(sigma: f64, faster: (f64, f64)) -> Law {
        Law::new(move |x| {
            (1.0 - faster.0) * normal_cdf(x / sigma) + faster.0 * normal_cdf((x - faster.1) / sigma)
        })
    }

    /// Gamma with mean 1.
    pub fn gamma(shape: f64) -> Law {
        Law::new(move |x| gamma_lr(shape, (x.exp() * shape).max(1e-300)))
    }

    /// A mixture of Weibull distributions: (share, shape, scale).
    pub fn weibull(parts: &[(f64, f64, f64)]) -> Law {
        let part = |x: f64, shape: f64, scale: f64| -(-(x.exp() / scale).powf(shape)).exp_m1();
        Law::new(|x| {
            parts
                .iter()
                .map(|(share, shape, scale)| share * part(x, *shape, *scale))
                .sum()
        })
    }

    /// The value at a random word, of which the top 44 bits are used.
    pub fn at(&self, word: u64) -> f64 {
        let step = (word >> (64 - BITS)) as usize;
        let share = (word << BITS >> 32) as f64 / (1_u64 << 32) as f64;
        let low = self.quantiles[step];
        low + share * (self.quantiles[step + 1] - low)
    }
}

/// Where noise comes from.
#[derive(Clone, Copy)]
pub enum Tail {
    Normal,
    /// Student's t with so many degrees of freedom, scaled to variance 1.
    Student(u32),
    Laplace,
}

impl Tail {
    /// A draw with mean 0 and variance 1.
    pub fn draw(self, rng: &mut Rng) -> f64 {
        match self {
            Tail::Normal => rng.normal(),
            Tail::Student(df) => {
                let squares: f64 = (0..df).map(|_| rng.normal().powi(2)).sum();
                rng.normal() / (squares / f64::from(df)).sqrt()
                    * ((f64::from(df) - 2.0) / f64::from(df)).sqrt()
            }
            Tail::Laplace => {
                let u = rng.uniform() - 0.5;
                -u.signum() * (1.0 - 2.0 * u.abs()).max(1e-300).ln() / std::f64::consts::SQRT_2
            }
        }
    }
}

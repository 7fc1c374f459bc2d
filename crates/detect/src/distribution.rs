//! Tails of the distributions that the method uses, and the trigamma function. Nothing here knows what a series is.

use statrs::function::{
    beta::beta_reg,
    erf::{erfc, erfc_inv},
};

/// Upper tail of Student's t with `df` degrees of freedom: P(T > t), in 0..=1 for every input.
pub fn student_t_upper(t: f64, df: f64) -> f64 {
    if t.is_nan() || df.is_nan() || df <= 0.0 {
        return 1.0;
    }
    if t.is_infinite() {
        return if t > 0.0 { 0.0 } else { 1.0 };
    }
    let both = beta_reg(df / 2.0, 0.5, (df / (df + t * t)).clamp(0.0, 1.0));
    (if t > 0.0 {
        both / 2.0
    } else {
        1.0 - both / 2.0
    })
    .clamp(0.0, 1.0)
}

/// The value that Student's t exceeds with probability `p`, by bisection: for what is shown to people, not for decisions. Within
/// 0 to 1e6; `p` above one half gives 0.
pub fn student_t_upper_quantile(p: f64, df: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1e6);
    // 80 halvings of a million reach the last bit of values around one.
    for _ in 0..80 {
        let middle = (low + high) / 2.0;
        if student_t_upper(middle, df) > p {
            low = middle
        } else {
            high = middle
        }
    }
    low
}

/// What Student's t exceeds as often as a normal variable exceeds `z`, to about 1 % from 20 degrees of freedom on (Fisher's expansion);
/// for what is shown of every series.
pub fn student_t_deviate(z: f64, df: f64) -> f64 {
    let (square, df) = (z * z, df.max(1.0));
    let first = z * (square + 1.0) / 4.0;
    let second = z * ((5.0 * square + 16.0) * square + 3.0) / 96.0;
    z + first / df + second / (df * df)
}

/// Standard normal distribution function.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z / std::f64::consts::SQRT_2)
}

/// The deviate below which a standard normal variable lies with probability `p`; finite for every `p`.
pub fn normal_quantile(p: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * p.clamp(1e-300, 1.0 - 1e-16))
}

/// Second derivative of ln Gamma, for x > 0: recurrence up to 15, then the asymptotic series (Abramowitz and Stegun 6.4.12).
pub fn trigamma(x: f64) -> f64 {
    let (mut x, mut sum) = (x.max(1e-8), 0.0);
    while x < 15.0 {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let r = 1.0 / (x * x);
    // Bernoulli numbers B2 to B12; the first omitted term is below 1e-16 at 15.
    let series = r
        * (1.0 / 6.0
            + r * (-1.0 / 30.0
                + r * (1.0 / 42.0 + r * (-1.0 / 30.0 + r * (5.0 / 66.0 - r * 691.0 / 2730.0)))));
    sum + 1.0 / x + r / 2.0 + series / x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heavier_tails_need_larger_deviates() {
        for df in [20.0, 24.0, 60.0, 120.0] {
            let exact = student_t_upper_quantile(1.0 - normal_cdf(4.0), df);
            assert!(
                (student_t_deviate(4.0, df) / exact - 1.0).abs() < 0.01,
                "{df}"
            );
        }
    }

    #[test]
    fn tails_match_tables() {
        // Quantiles from standard tables.
        for (t, df, p) in [
            (1.8124611228107335, 10.0, 0.05),
            (63.65674116287399, 1.0, 0.005),
            (0.0, 7.0, 0.5),
        ] {
            assert!((student_t_upper(t, df) / p - 1.0).abs() < 1e-10, "{t} {df}");
            assert!(
                (student_t_upper(-t, df) - (1.0 - p)).abs() < 1e-10,
                "{t} {df}"
            );
        }
        assert!((normal_cdf(1.959963984540054) - 0.975).abs() < 1e-10);
    }

    #[test]
    fn quantiles_invert_the_distribution() {
        for p in [1e-6, 0.1, 0.5, 0.975, 0.999] {
            assert!(
                (normal_cdf(normal_quantile(p)) / p - 1.0).abs() < 1e-9,
                "{p}"
            );
        }
        assert!(normal_quantile(0.0).is_finite() && normal_quantile(1.0).is_finite());
    }

    #[test]
    fn upper_quantiles_invert_the_tail() {
        for (p, df) in [(0.05, 10.0), (1e-6, 3.0), (1e-9, 120.0)] {
            let t = student_t_upper_quantile(p, df);
            assert!((student_t_upper(t, df) / p - 1.0).abs() < 1e-9, "{p} {df}");
        }
        assert_eq!(student_t_upper_quantile(0.9, 5.0), 0.0);
        assert!(student_t_upper_quantile(0.0, f64::NAN).is_finite());
    }

    #[test]
    fn tails_are_total() {
        for (t, df, p) in [
            (f64::NAN, 5.0, 1.0),
            (1.0, 0.0, 1.0),
            (f64::INFINITY, 5.0, 0.0),
            (f64::NEG_INFINITY, 5.0, 1.0),
        ] {
            assert_eq!(student_t_upper(t, df), p);
        }
    }

    #[test]
    fn trigamma_matches_known_values() {
        let pi2 = std::f64::consts::PI.powi(2);
        for (x, expected) in [(1.0, pi2 / 6.0), (0.5, pi2 / 2.0), (2.0, pi2 / 6.0 - 1.0)] {
            assert!((trigamma(x) - expected).abs() < 1e-13, "{x}");
        }
    }
}

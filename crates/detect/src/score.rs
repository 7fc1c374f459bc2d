//! One hour against the baseline, stratum by stratum: the estimated log shift of the whole distribution.
//!
//! Inside a stratum a page view scores its mid-rank (ridit, Bross 1958) among the baseline's values, so the mean score of an
//! hour is P(X > baseline) + P(tie) / 2, the Mann-Whitney statistic exactly, ties included. Strata are added up with the
//! hour's own counts: a change of the mix of strata changes the weights, not the expectation, so it cancels.
//!
//! Known loss: where most values tie (CLS at zero) a rank score sees less than a test of the zero share and of the rest
//! apart does: `two_part` has that one.

/// Mid-rank scores of one stratum's baseline.
#[derive(Clone, Debug)]
pub struct Ridits {
    /// Score minus 1/2 of a value in each bucket.
    pub centred: Vec<f64>,
    /// Variance of one page view's score under the baseline.
    pub variance: f64,
    /// Slope of the mean score per unit of log shift.
    pub slope: f64,
}

impl Ridits {
    /// `inverse_widths`: 1 / log width per bucket, 0 for buckets without one. `None` when the baseline is empty.
    pub fn new(baseline: &[u64], inverse_widths: &[f64]) -> Option<Ridits> {
        let total = baseline.iter().map(|count| *count as f64).sum::<f64>();
        if total <= 0.0 {
            return None;
        }
        let mut ridits = Ridits {
            centred: Vec::with_capacity(baseline.len()),
            variance: 0.0,
            slope: 0.0,
        };
        let mut below = 0.0;
        for (&count, &inverse_width) in baseline.iter().zip(inverse_widths) {
            let share = count as f64 / total;
            below += count as f64;
            let centred = below / total - share / 2.0 - 0.5;
            ridits.variance += share * centred * centred;
            ridits.slope += share * share * inverse_width;
            ridits.centred.push(centred);
        }
        Some(ridits)
    }
}

/// The score of one hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// P(X > baseline) + P(tie) / 2 over the page views scored; 1/2 when there are none.
    pub theta: f64,
    /// Estimated log shift: 0.1 is about 10 % up.
    pub shift: f64,
    /// Its variance if page views were independent.
    pub variance: f64,
    /// Page views scored. A stratum without baseline is left out: each of its views would count as -1/2.
    pub n: f64,
}

/// Sums of one hour over its strata.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScoreSum {
    n: f64,
    centred: f64,
    slope: f64,
    variance: f64,
}

impl ScoreSum {
    /// Adds page views of one stratum as (bucket, count) cells; buckets past the baseline's count as its last.
    pub fn add(&mut self, ridits: &Ridits, cells: impl Iterator<Item = (u16, u32)>) {
        let Some(last) = ridits.centred.len().checked_sub(1) else {
            return;
        };
        let (mut n, mut centred) = (0.0, 0.0);
        for (index, count) in cells {
            let count = f64::from(count);
            n += count;
            centred += count * ridits.centred[usize::from(index).min(last)];
        }
        self.n += n;
        self.centred += centred;
        self.slope += n * ridits.slope;
        self.variance += n * ridits.variance;
    }

    pub fn score(&self) -> Score {
        let slope = self.slope.max(1e-9);
        Score {
            theta: 0.5 + self.centred / self.n.max(1.0),
            shift: self.centred / slope,
            variance: self.variance / (slope * slope),
            n: self.n,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_scores_one_half_against_itself() {
        let baseline = [40_u64, 10, 20, 30];
        let ridits = Ridits::new(&baseline, &[0.0, 13.0, 13.0, 0.0]).expect("not empty");
        let mut sum = ScoreSum::default();
        sum.add(
            &ridits,
            baseline
                .iter()
                .enumerate()
                .map(|(index, count)| (index as u16, *count as u32)),
        );
        assert!((sum.score().theta - 0.5).abs() < 1e-15);
        assert_eq!(sum.score().n, 100.0);
    }

    #[test]
    fn nothing_scores_as_nothing() {
        assert!(Ridits::new(&[0, 0], &[1.0, 1.0]).is_none());
        assert!(Ridits::new(&[], &[]).is_none());
        assert_eq!(
            ScoreSum::default().score(),
            Score {
                theta: 0.5,
                shift: 0.0,
                variance: 0.0,
                n: 0.0
            }
        );
    }
}

//! A small deterministic generator and the draws a world needs. Not for secrets.

/// xoshiro256++ (Blackman and Vigna 2019), seeded through splitmix64: the same seed gives the same world on every machine.
#[derive(Clone, Debug)]
pub struct Rng {
    state: [u64; 4],
}

/// Above this mean a Poisson draw is the sum of two halves, so that exp(-mean) never underflows.
const MAX_POISSON_STEP: f64 = 30.0;

impl Rng {
    /// A stream of its own for each list of words: (seed, purpose, hour, ...).
    pub fn new(words: &[u64]) -> Rng {
        let mut mixed = words.iter().fold(0x9e37_79b9_7f4a_7c15, |hash: u64, word| {
            splitmix(hash ^ word).wrapping_add(*word)
        });
        let mut state = [0; 4];
        for slot in &mut state {
            mixed = mixed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            *slot = splitmix(mixed);
        }
        Rng { state }
    }

    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let out = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        out
    }

    /// Uniform in 0..1, 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal (Box and Muller; the second of the pair is not kept, so that a draw has no memory).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Normal noise without tails: a world's days differ, but none is a story of its own.
    pub fn mild(&mut self, stddev: f64) -> f64 {
        stddev * self.normal().clamp(-2.0, 2.0)
    }

    pub fn poisson(&mut self, mean: f64) -> u32 {
        if mean.is_nan() || mean <= 0.0 {
            return 0;
        }
        if mean > MAX_POISSON_STEP {
            return self.poisson(mean / 2.0) + self.poisson(mean / 2.0);
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.uniform(), 0);
        while product > limit {
            product *= self.uniform();
            count += 1;
        }
        count
    }

    /// An index drawn by weight; the last when rounding leaves none.
    pub fn pick(&mut self, weights: impl Iterator<Item = f64> + Clone) -> usize {
        let mut left = self.uniform() * weights.clone().sum::<f64>();
        let mut last = 0;
        for (index, weight) in weights.enumerate() {
            last = index;
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
        last
    }
}

fn splitmix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_their_moments() {
        let mut rng = Rng::new(&[1, 2]);
        let moments = |draws: &[f64]| {
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            (
                mean,
                draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / draws.len() as f64,
            )
        };
        let normal: Vec<f64> = (0..20_000).map(|_| rng.normal()).collect();
        let (mean, variance) = moments(&normal);
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05);
        for expected in [0.3, 12.0, 200.0] {
            let poisson: Vec<f64> = (0..20_000)
                .map(|_| f64::from(rng.poisson(expected)))
                .collect();
            let (mean, variance) = moments(&poisson);
            assert!(
                (mean / expected - 1.0).abs() < 0.03 && (variance / expected - 1.0).abs() < 0.06,
                "{expected}"
            );
        }
        assert_eq!((rng.poisson(0.0), rng.poisson(f64::NAN)), (0, 0));
    }

    #[test]
    fn streams_repeat_and_differ() {
        assert_eq!(Rng::new(&[7, 1]).bits(), Rng::new(&[7, 1]).bits());
        assert_ne!(Rng::new(&[7, 1]).bits(), Rng::new(&[1, 7]).bits());
        let mut rng = Rng::new(&[3]);
        let picks = (0..3_000)
            .filter(|_| rng.pick([1.0, 2.0].into_iter()) == 1)
            .count();
        assert!((1_850..2_150).contains(&picks));
        assert_eq!(rng.pick([0.0].into_iter()), 0);
    }
}

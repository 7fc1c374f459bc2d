//! Log-spaced buckets and the histogram over them: the shape in which every value of a series is kept.
//!
//! One definition, shared by the collector's rows, offline histories and the detector. The index is stored with the row,
//! because a database's logarithm may differ from ours in the last bit at an edge. Counts are unweighted page views.
//!
//! Not here: what a histogram means for a series (`score`), or how two of them are compared (`compare`).

use std::sync::LazyLock;

use wire::Vital;

/// Width of a bucket: 8 % moves the rank score by a thirtieth of its own noise, so finer buckets would buy nothing.
const RATIO: f64 = 1.08;
/// Overflow bucket of the logarithmic schemes; for milliseconds it begins at 103 s, past every real page load.
const LAST_LOG_BUCKET: u16 = 151;
/// INP and FID come on a grid of 8 ms; an edge between two grid values splits none of them.
const GRID_MS: f64 = 8.0;
/// Below this the grid scheme has one bucket per grid step; above, steps of 8 % rounded to the grid.
const GRID_FINE_STEPS: u32 = 25;
/// Where the grid scheme's overflow starts.
const GRID_LIMIT_MS: f64 = 100_000.0;

/// Lower edges of the grid scheme's buckets 1, 2, ...
static GRID_EDGES: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let mut edges = vec![0.0];
    edges.extend((0..GRID_FINE_STEPS).map(|step| GRID_MS * f64::from(step) + 4.0));
    let mut edge = edges[edges.len() - 1];
    while edge < GRID_LIMIT_MS {
        let next = GRID_MS * ((edge * RATIO - 4.0) / GRID_MS).round_ties_even() + 4.0;
        edge = next.max(edge + GRID_MS);
        edges.push(edge);
    }
    edges
});

/// How values of one vital or operation are sorted into buckets. Bucket 0 holds exact zeros, the last one overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// FCP, LCP, TTFB and operations: from 1 ms.
    Milliseconds,
    /// INP and FID: edges between the 8 ms grid values.
    Grid,
    /// CLS: from 0.0001.
    LayoutShift,
    /// MEMORY: from 100 kB.
    Bytes,
}

impl Scheme {
    /// The scheme of custom timings.
    pub const OPERATION: Scheme = Scheme::Milliseconds;

    pub const fn of_vital(vital: Vital) -> Scheme {
        match vital {
            Vital::Cls => Scheme::LayoutShift,
            Vital::Inp | Vital::Fid => Scheme::Grid,
            Vital::Memory => Scheme::Bytes,
            Vital::Fcp | Vital::Lcp | Vital::Ttfb => Scheme::Milliseconds,
        }
    }

    /// Number of buckets, the zero and the overflow bucket included. Always below 256.
    pub fn bucket_count(self) -> usize {
        match self {
            Scheme::Grid => GRID_EDGES.len() + 1,
            _ => usize::from(LAST_LOG_BUCKET) + 1,
        }
    }

    /// The bucket of `value` (in the vital's unit). Total: negative and NaN count as zero, infinity as overflow.
    pub fn bucket_index(self, value: f64) -> u16 {
        if value.is_nan() || value <= 0.0 {
            return 0;
        }
        match self {
            Scheme::Grid => GRID_EDGES.partition_point(|edge| *edge <= value) as u16,
            _ => {
                let index = 1.0 + ((value / self.origin()).ln() / RATIO.ln()).floor();
                index.clamp(1.0, f64::from(LAST_LOG_BUCKET)) as u16
            }
        }
    }

    /// Smallest value of bucket `index`. Bucket 1 also takes everything between zero and its edge.
    pub fn lower_edge(self, index: u16) -> f64 {
        match (self, index) {
            (_, 0) => 0.0,
            (Scheme::Grid, _) => GRID_EDGES[usize::from(index - 1).min(GRID_EDGES.len() - 1)],
            _ => self.origin() * RATIO.powi(i32::from(index.min(LAST_LOG_BUCKET)) - 1),
        }
    }

    /// End of bucket `index`. Overflow has none; it is drawn 8 % wide, and its values are never interpolated past that.
    pub fn upper_edge(self, index: u16) -> f64 {
        if index == 0 {
            0.0
        } else if usize::from(index) + 1 >= self.bucket_count() {
            self.lower_edge(index) * RATIO
        } else {
            self.lower_edge(index + 1)
        }
    }

    /// Geometric middle of the bucket: what one of its values is taken to be where only the bucket is known.
    pub fn midpoint(self, index: u16) -> f64 {
        let (lower, upper) = (self.lower_edge(index), self.upper_edge(index));
        if lower > 0.0 {
            (lower * upper).sqrt()
        } else {
            upper / 2.0
        }
    }

    /// `1 / ln(upper / lower)` per bucket, 0 where that means nothing (zero bucket, overflow, a bucket that begins at zero):
    /// how fast the rank score moves per unit of log shift inside the bucket.
    pub fn inverse_widths(self) -> Vec<f64> {
        let last = self.bucket_count() as u16 - 1;
        (0..=last)
            .map(|index| {
                let lower = self.lower_edge(index);
                if lower > 0.0 && index < last {
                    1.0 / (self.upper_edge(index) / lower).ln()
                } else {
                    0.0
                }
            })
            .collect()
    }

    const fn origin(self) -> f64 {
        match self {
            Scheme::Milliseconds | Scheme::Grid => 1.0,
            Scheme::LayoutShift => 1e-4,
            Scheme::Bytes => 1e5,
        }
    }
}

/// A quantile read from buckets: the interpolated value and the edges of the bucket it lies in, which bound its error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// Counts per bucket of one scheme.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    scheme: Scheme,
    counts: Vec<u64>,
}

impl Histogram {
    pub fn new(scheme: Scheme) -> Histogram {
        Histogram {
            scheme,
            counts: vec![0; scheme.bucket_count()],
        }
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Counts by bucket index, zero bucket first.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    pub fn record(&mut self, value: f64, count: u64) {
        self.add(self.scheme.bucket_index(value), count);
    }

    /// An index past the scheme counts as overflow: it can only come from a newer, finer scheme.
    pub fn add(&mut self, index: u16, count: u64) {
        let last = self.counts.len() - 1;
        let slot = &mut self.counts[usize::from(index).min(last)];
        *slot = slot.saturating_add(count);
    }

    /// Adds the other's counts. Associative and commutative. Panics when the schemes differ: that is our own bug.
    pub fn merge(&mut self, other: &Histogram) {
        assert_eq!(
            self.scheme, other.scheme,
            "histograms of two schemes cannot be merged"
        );
        for (slot, count) in self.counts.iter_mut().zip(&other.counts) {
            *slot = slot.saturating_add(*count);
        }
    }

    pub fn n(&self) -> u64 {
        self.counts
            .iter()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The `p` quantile (p in 0..=1) by linear interpolation inside its bucket; `None` when empty.
    pub fn quantile(&self, p: f64) -> Option<Quantile> {
        let n = self.n();
        if n == 0 {
            return None;
        }
        let rank = p.clamp(0.0, 1.0) * n as f64;
        let mut below = 0.0;
        let mut found = None;
        for (index, &count) in self
            .counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
        {
            let share = ((rank - below) / count as f64).clamp(0.0, 1.0);
            found = Some((index as u16, share));
            below += count as f64;
            if below >= rank {
                break;
            }
        }
        found.map(|(index, share)| {
            let (low, high) = (self.scheme.lower_edge(index), self.scheme.upper_edge(index));
            // Bucket 1 of a logarithmic scheme also holds smaller values, so its error reaches down to zero.
            let low = if index == 1 { 0.0 } else { low };
            Quantile {
                value: low + (high - low) * share,
                low,
                high,
            }
        })
    }

    /// Mean and standard deviation with every value at its bucket's midpoint: good to about half a bucket, 4 %.
    pub fn mean_and_stddev(&self) -> Option<(f64, f64)> {
        let n = self.n() as f64;
        if n == 0.0 {
            return None;
        }
        let cells = || {
            self.counts
                .iter()
                .enumerate()
                .filter(|(_, count)| **count > 0)
        };
        let mean = cells()
            .map(|(index, &count)| count as f64 * self.scheme.midpoint(index as u16))
            .sum::<f64>()
            / n;
        let square = |index: usize| (self.scheme.midpoint(index as u16) - mean).powi(2);
        let variance = cells()
            .map(|(index, &count)| count as f64 * square(index))
            .sum::<f64>()
            / (n - 1.0).max(1.0);
        Some((mean, variance.sqrt()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMES: [Scheme; 4] = [
        Scheme::Milliseconds,
        Scheme::Grid,
        Scheme::LayoutShift,
        Scheme::Bytes,
    ];

    #[test]
    fn edges_rise_and_hold_their_own_bucket() {
        for scheme in SCHEMES {
            for index in 1..scheme.bucket_count() as u16 {
                let (lower, upper) = (scheme.lower_edge(index), scheme.upper_edge(index));
                assert!(lower < upper, "{scheme:?} {index}");
                assert_eq!(
                    scheme.bucket_index(scheme.midpoint(index)),
                    index,
                    "{scheme:?}"
                );
            }
        }
    }

    #[test]
    fn outside_values_have_a_bucket_too() {
        for scheme in SCHEMES {
            assert_eq!(scheme.bucket_index(f64::NAN), 0);
            assert_eq!(scheme.bucket_index(-1.0), 0);
            assert_eq!(scheme.bucket_index(1e-300), 1);
            assert_eq!(
                usize::from(scheme.bucket_index(f64::INFINITY)),
                scheme.bucket_count() - 1
            );
        }
    }

    #[test]
    fn each_vital_has_its_scheme() {
        assert_eq!(Scheme::of_vital(Vital::Lcp), Scheme::OPERATION);
        assert_eq!(Scheme::of_vital(Vital::Fid), Scheme::Grid);
        assert_eq!(Scheme::of_vital(Vital::Cls), Scheme::LayoutShift);
        assert_eq!(Scheme::of_vital(Vital::Memory), Scheme::Bytes);
    }

    #[test]
    fn a_grid_value_is_alone_in_its_bucket_up_to_192_ms() {
        for step in 1..24_u16 {
            let value = 8.0 * f64::from(step);
            let index = Scheme::Grid.bucket_index(value);
            assert_eq!(
                (
                    Scheme::Grid.lower_edge(index),
                    Scheme::Grid.upper_edge(index)
                ),
                (value - 4.0, value + 4.0)
            );
        }
    }

    #[test]
    fn empty_and_zero_histograms_answer() {
        let mut histogram = Histogram::new(Scheme::LayoutShift);
        assert_eq!(histogram.quantile(0.75), None);
        assert_eq!(histogram.mean_and_stddev(), None);
        histogram.record(0.0, 10);
        assert_eq!(
            histogram.quantile(0.75),
            Some(Quantile {
                value: 0.0,
                low: 0.0,
                high: 0.0
            })
        );
        assert_eq!(histogram.mean_and_stddev(), Some((0.0, 0.0)));
        histogram.add(9_999, 1);
        assert_eq!(histogram.counts()[151], 1);
    }

    #[test]
    fn widths_are_used_only_where_they_mean_something() {
        let widths = Scheme::Milliseconds.inverse_widths();
        assert_eq!((widths[0], widths[151]), (0.0, 0.0));
        assert!((widths[77] - 1.0 / 1.08_f64.ln()).abs() < 1e-9);
        assert_eq!(Scheme::Grid.inverse_widths()[1], 0.0);
    }
}

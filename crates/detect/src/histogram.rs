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
/// Growth has a sign, so its buckets grow from zero in both directions: so many on each side, and 255 fit into a byte.
const GROWTH_SIDE: u16 = 127;
/// Growth below this (10 kB a minute) counts as none: it is far below what a collection leaves behind. With 8 % a bucket the
/// last one begins at 163 MB a minute.
const GROWTH_ORIGIN: f64 = 1e4;
/// Growth is counted per this many bytes where a bucket has a width.
const GROWTH_UNIT: f64 = 1e6;
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

/// How values of one vital or operation are sorted into buckets. Bucket 0 holds exact zeros, the last one overflow; only growth, which
/// has a sign, has its zeros in the middle and an overflow on both sides.
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
    /// Growth of a heap, bytes per minute of either sign: from 10 kB.
    Growth,
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
            Scheme::Growth => 2 * usize::from(GROWTH_SIDE) + 1,
            _ => usize::from(LAST_LOG_BUCKET) + 1,
        }
    }

    /// The bucket of exact zeros.
    pub const fn zero_index(self) -> u16 {
        match self {
            Scheme::Growth => GROWTH_SIDE,
            _ => 0,
        }
    }

    /// The bucket of `value` (in the vital's unit). Total: NaN counts as zero, and so does what is negative where nothing can
    /// be; infinity counts as overflow.
    pub fn bucket_index(self, value: f64) -> u16 {
        if self == Scheme::Growth {
            return growth_index(value);
        }
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
            (Scheme::Growth, _) => growth_edges(index).0,
            (_, 0) => 0.0,
            (Scheme::Grid, _) => GRID_EDGES[usize::from(index - 1).min(GRID_EDGES.len() - 1)],
            _ => self.origin() * RATIO.powi(i32::from(index.min(LAST_LOG_BUCKET)) - 1),
        }
    }

    /// End of bucket `index`. Overflow has none; it is drawn 8 % wide, and its values are never interpolated past that.
    pub fn upper_edge(self, index: u16) -> f64 {
        if self == Scheme::Growth {
            growth_edges(index).1
        } else if index == 0 {
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
        if lower * upper > 0.0 {
            lower.signum() * (lower * upper).sqrt()
        } else {
            (lower + upper) / 2.0
        }
    }

    /// `1 / ln(upper / lower)` per bucket, 0 where that means nothing (zero bucket, overflow, a bucket that begins at zero):
    /// how fast the rank score moves per unit of log shift inside the bucket. Growth shifts by addition: there it is `1 / width`
    /// per MB a minute, and 0 in both overflows.
    pub fn inverse_widths(self) -> Vec<f64> {
        let last = self.bucket_count() as u16 - 1;
        if self == Scheme::Growth {
            let width =
                |index: u16| (self.upper_edge(index) - self.lower_edge(index)) / GROWTH_UNIT;
            let has_width = |index: u16| index > 0 && index < last && index != GROWTH_SIDE;
            return (0..=last)
                .map(|index| {
                    if has_width(index) {
                        1.0 / width(index)
                    } else {
                        0.0
                    }
                })
                .collect();
        }
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
            Scheme::Growth => GROWTH_ORIGIN,
        }
    }
}

fn growth_index(value: f64) -> u16 {
    if value.is_nan() || value.abs() < GROWTH_ORIGIN {
        return GROWTH_SIDE;
    }
    let step = 1.0 + ((value.abs() / GROWTH_ORIGIN).ln() / RATIO.ln()).floor();
    let step = step.clamp(1.0, f64::from(GROWTH_SIDE)) as u16;
    if value > 0.0 {
        GROWTH_SIDE + step
    } else {
        GROWTH_SIDE - step
    }
}

/// Both edges of a growth bucket; an overflow is drawn 8 % wide like any other.
fn growth_edges(index: u16) -> (f64, f64) {
    let index = index.min(2 * GROWTH_SIDE);
    let edge = |step: u16| GROWTH_ORIGIN * RATIO.powi(i32::from(step));
    match index.checked_sub(GROWTH_SIDE) {
        Some(0) => (-GROWTH_ORIGIN, GROWTH_ORIGIN),
        Some(step) => (edge(step - 1), edge(step)),
        None => (-edge(GROWTH_SIDE - index), -edge(GROWTH_SIDE - index - 1)),
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

    /// Of counts by bucket; those past the scheme's buckets must be zero.
    pub(crate) fn of_counts(scheme: Scheme, counts: &[u64]) -> Histogram {
        let mut histogram = Histogram::new(scheme);
        histogram
            .counts
            .iter_mut()
            .zip(counts)
            .for_each(|(slot, count)| *slot = *count);
        histogram
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
            let reaches_zero = index == 1 && self.scheme != Scheme::Growth;
            let low = if reaches_zero { 0.0 } else { low };
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
mod tests;

//! A histogram of durations with fixed buckets, counted without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper edges in seconds: from below one fsync to beyond any patience.
pub const EDGES_S: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

#[derive(Debug, Default)]
pub struct Histogram {
    /// One more than there are edges: the last one has no upper edge.
    buckets: [AtomicU64; EDGES_S.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    pub fn observe(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = EDGES_S.partition_point(|&edge| edge < seconds);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// (upper edge in seconds, count up to it), the last edge infinite, and the sum in seconds.
    pub fn cumulative(&self) -> (Vec<(f64, u64)>, f64) {
        let mut count = 0;
        let edges = EDGES_S.into_iter().chain([f64::INFINITY]);
        let rows = edges
            .zip(&self.buckets)
            .map(|(edge, bucket)| {
                count += bucket.load(Ordering::Relaxed);
                (edge, count)
            })
            .collect();
        (rows, self.sum_us.load(Ordering::Relaxed) as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_an_edge_belongs_to_it() {
        let histogram = Histogram::default();
        for ms in [1, 2, 40_000] {
            histogram.observe(Duration::from_millis(ms));
        }
        let (rows, sum) = histogram.cumulative();
        assert_eq!(rows[0], (0.001, 1));
        assert_eq!(rows[1], (0.0025, 2));
        assert_eq!(rows[13], (30.0, 2));
        assert_eq!(rows[14], (f64::INFINITY, 3));
        assert!((sum - 40.003).abs() < 1e-9);
    }
}

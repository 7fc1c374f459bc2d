//! One window length over all series of a panel: its means, their last thirds, and the null they are judged by.

use crate::noise::{Fitted, HourSums, WindowMean, WindowNull};
use crate::season::Cumulated;

/// Rows have one element an hour, from panel index `kept_from` on.
pub(super) struct ScanWindow {
    pub(super) null: WindowNull,
    /// Panel index of element 0 of the rows below.
    pub(super) kept_from: usize,
    pub(super) means: Vec<WindowMean>,
    pub(super) tails: Vec<WindowMean>,
    pub(super) views: Vec<Vec<f64>>,
}

/// What the windows of every length are made of: one element per series.
pub(super) struct Sums {
    pub(super) hours: Vec<HourSums>,
    pub(super) views: Vec<Cumulated>,
}

impl ScanWindow {
    /// The null is fitted on all hours; rows are kept from `kept_from` on, because earlier ones would be most of the memory of a large app.
    pub(super) fn new(
        length: usize,
        sums: &Sums,
        kept_from: usize,
        baseline: &[Vec<bool>],
        fitted: Fitted<'_>,
    ) -> ScanWindow {
        let means_of = |length: usize, first: usize| -> Vec<WindowMean> {
            sums.hours
                .iter()
                .map(|one| one.means(length, first))
                .collect()
        };
        let null = WindowNull::fit(&means_of(length, 0), baseline, length, fitted);
        let views = sums.views.iter();
        ScanWindow {
            null,
            kept_from,
            means: means_of(length, kept_from),
            tails: means_of((length / 3).max(1), kept_from),
            views: views
                .map(|one| one.windows(length, kept_from).collect())
                .collect(),
        }
    }

    /// Mean of the window that ends with panel index `h`, and its standard deviation under the null.
    pub(super) fn mean_and_stddev(&self, i: usize, h: usize) -> (f64, f64) {
        let h = h - self.kept_from;
        (
            self.means[i].mean[h],
            self.null.stddev(i, self.means[i].weight[h]),
        )
    }
}

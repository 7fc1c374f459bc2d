//! One window length over all series of a panel: its means, their last thirds, and the null they are judged by.

use super::Panel;
use crate::noise::{Fitted, WindowMean, WindowNull};
use crate::season::rolling_sum;

/// Rows have one element an hour, from panel index `kept_from` on.
pub(super) struct ScanWindow {
    pub(super) null: WindowNull,
    /// Panel index of element 0 of the rows below.
    pub(super) kept_from: usize,
    pub(super) means: Vec<WindowMean>,
    pub(super) tails: Vec<WindowMean>,
    pub(super) views: Vec<Vec<f64>>,
}

impl ScanWindow {
    pub(super) fn new(
        length: usize,
        residual: &[Vec<f64>],
        weight: &[Vec<f64>],
        panel: &Panel,
        baseline: &[Vec<bool>],
        fitted: Fitted<'_>,
    ) -> ScanWindow {
        let means_of = |length: usize| -> Vec<WindowMean> {
            residual
                .iter()
                .zip(weight)
                .map(|(residual, weight)| WindowMean::new(residual, weight, length))
                .collect()
        };
        let means = means_of(length);
        let null = WindowNull::fit(&means, baseline, length, fitted);
        let views = panel
            .series
            .iter()
            .map(|one| rolling_sum(one.n.iter().copied(), length))
            .collect();
        ScanWindow {
            null,
            kept_from: 0,
            means,
            tails: means_of((length / 3).max(1)),
            views,
        }
    }

    pub(super) fn keep_from(mut self, index: usize) -> ScanWindow {
        let cut = |row: &mut Vec<f64>| {
            row.drain(..index.min(row.len()));
            row.shrink_to_fit();
        };
        for window in self.means.iter_mut().chain(&mut self.tails) {
            cut(&mut window.mean);
            cut(&mut window.weight);
        }
        self.views.iter_mut().for_each(cut);
        self.kept_from = index;
        self
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

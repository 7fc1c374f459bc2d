//! Two simple rules on the same data, for comparison: what most tools do with a vital's history.
//!
//! Both look at the last 24 h, every hour, for slower only, and have the same baseline days as the detector.

use detect::History;
use detect::distribution::normal_quantile;

use crate::traffic::{LEAD_HOURS, Plan};

const WINDOW: usize = 24;
const MIN_VIEWS: f64 = 30.0;
const BASELINE_DAYS: usize = 28;

/// Hours of a plan at which each rule speaks.
#[derive(Default)]
pub struct Alarms {
    /// The mean of 24 h is two standard deviations of daily means, and 15 %, over the mean of the days.
    pub z: Vec<usize>,
    /// Mann-Whitney on page views, p < 0.001.
    pub rank: Vec<usize>,
}

pub fn alarms(history: &History, plan: &Plan) -> Alarms {
    let hours = plan.hours();
    let scheme = history.key.scheme();
    let buckets = scheme.bucket_count();
    let middle: Vec<f64> = (0..buckets as u16)
        .map(|index| scheme.midpoint(index))
        .collect();
    let mut counts = vec![vec![0.0; buckets]; hours];
    let first = plan.hour(0);
    for stratum in history.strata() {
        for (hour, cells) in stratum.hours(first..plan.hour(hours)) {
            let row = &mut counts[(hour - first) as usize];
            cells.for_each(|(index, count)| row[usize::from(index)] += f64::from(count));
        }
    }
    let sums: Vec<(f64, f64)> = counts
        .iter()
        .map(|row| {
            let sum = row.iter().zip(&middle).map(|(n, value)| n * value).sum();
            (row.iter().sum(), sum)
        })
        .collect();
    let mut out = Alarms::default();
    let limit = normal_quantile(0.999);
    for day in (LEAD_HOURS..hours).step_by(24) {
        let baseline = day - LEAD_HOURS..day - LEAD_HOURS + BASELINE_DAYS * 24;
        let (mean, stddev) = daily(&sums[baseline.clone()]);
        let mut past = vec![0.0; buckets];
        for row in &counts[baseline] {
            past.iter_mut().zip(row).for_each(|(sum, n)| *sum += n);
        }
        for h in day..day + 24 {
            let window = h + 1 - WINDOW..h + 1;
            let n: f64 = sums[window.clone()].iter().map(|sum| sum.0).sum();
            let current = sums[window.clone()].iter().map(|sum| sum.1).sum::<f64>() / n.max(1.0);
            if n < MIN_VIEWS {
                continue;
            }
            if current >= mean + 2.0 * stddev && current >= 1.15 * mean {
                out.z.push(h);
            }
            let mut now = vec![0.0; buckets];
            for row in &counts[window] {
                now.iter_mut().zip(row).for_each(|(sum, n)| *sum += n);
            }
            if mann_whitney(&past, &now) > limit {
                out.rank.push(h);
            }
        }
    }
    out
}

/// Mean and standard deviation of daily means.
fn daily(sums: &[(f64, f64)]) -> (f64, f64) {
    let means: Vec<f64> = sums
        .chunks(24)
        .map(|day| {
            let (n, sum) = day
                .iter()
                .fold((0.0, 0.0), |all, hour| (all.0 + hour.0, all.1 + hour.1));
            sum / n.max(1.0)
        })
        .collect();
    let mean = means.iter().sum::<f64>() / means.len() as f64;
    let square: f64 = means.iter().map(|one| (one - mean).powi(2)).sum();
    (mean, (square / (means.len() as f64 - 1.0)).sqrt())
}

/// Normal deviate with correction for ties.
fn mann_whitney(past: &[f64], now: &[f64]) -> f64 {
    let (m, n): (f64, f64) = (past.iter().sum(), now.iter().sum());
    let (mut below, mut rank, mut ties) = (0.0, 0.0, 0.0);
    for (past, now) in past.iter().zip(now) {
        rank += now * (below + past / 2.0) / m;
        below += past;
        ties += (past + now).powi(3);
    }
    let all = n + m;
    let variance = (all + 1.0) / (12.0 * n * m) * (1.0 - ties / all.powi(3));
    (rank / n - 0.5) / variance.sqrt()
}

/// Alarms that came after at least 24 h without one.
pub fn episodes(alarms: &[usize]) -> u64 {
    let mut last = None;
    let mut count = 0;
    for &hour in alarms {
        count += u64::from(last.is_none_or(|last| hour - last >= 24));
        last = Some(hour);
    }
    count
}

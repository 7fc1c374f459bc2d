//! The two parts, and their error rate and power beside the plain score.

use super::*;
use crate::distribution::normal_cdf;
use crate::histogram::{Histogram, Scheme};
use crate::noise::{FitLoss, Fitted};
use crate::policy::Policy;
use crate::scan::{Panel, PanelSeries, Scan};
use crate::season::COLUMNS;
use crate::simulate::{Rng, VIEWS_PER_VISIT, autoregression, share_interval, visit};

/// A change: factor on the odds of a shift, factor on its size.
type Change = (f64, f64);

const NOTHING: Change = (1.0, 1.0);
const CHANGES: [Change; 5] = [
    (1.0, 1.15),
    (1.0, 1.3),
    (1.3, 1.0),
    (1.15, 1.15),
    (1.3, 0.87),
];
/// 60 % of page views do not shift.
const LN_ODDS: f64 = -0.405_465;

/// One visit of a layout-shift series: all its page views shift alike.
fn add_visit(rng: &mut Rng, views: u64, ln_odds: f64, ln_size: f64, out: &mut Histogram) {
    let share = 1.0 / (1.0 + (-ln_odds).exp());
    let value = if rng.uniform() < share {
        (0.045_f64.ln() + ln_size + 0.9 * rng.normal()).exp()
    } else {
        0.0
    };
    out.record(value, views);
}

/// `n` independent page views.
fn views(rng: &mut Rng, n: u32, change: Change) -> Histogram {
    let mut out = Histogram::new(Scheme::LayoutShift);
    let (ln_odds, ln_size) = (LN_ODDS + change.0.ln(), change.1.ln());
    (0..n).for_each(|_| add_visit(rng, 1, ln_odds, ln_size, &mut out));
    out
}

fn cells(histogram: &Histogram) -> impl Iterator<Item = (u16, u32)> + '_ {
    let cells = histogram.counts().iter().enumerate();
    cells.map(|(index, count)| (index as u16, *count as u32))
}

/// Of `trials` windows of 400 page views, how many reject one-sidedly at 0.05: (plain, two parts).
fn rejected(seed: u64, trials: u64, change: Change) -> (usize, usize) {
    let widths = Scheme::LayoutShift.inverse_widths();
    let baseline = views(&mut Rng::new(&[seed]), 200_000, NOTHING);
    let plain = Ridits::new(baseline.counts(), &widths).expect("views");
    let parts = TwoPart::new(baseline.counts(), &widths).expect("views");
    let p = |score: Score| normal_cdf(-score.shift / score.variance.sqrt());
    let (mut by_plain, mut by_parts) = (0, 0);
    for trial in 0..trials {
        let window = views(&mut Rng::new(&[seed, 1, trial]), 400, change);
        let mut sum = ScoreSum::default();
        sum.add(&plain, cells(&window));
        by_plain += usize::from(p(sum.score()) <= 0.05);
        let mut sum = TwoPartSum::default();
        sum.add(&parts, cells(&window));
        let scores = sum.scores();
        let p = combine(Parts {
            share: p(scores.share),
            size: p(scores.size),
        });
        by_parts += usize::from(p <= 0.05);
    }
    (by_plain, by_parts)
}

#[test]
fn a_change_of_size_is_seen_more_often_in_two_parts() {
    let (plain, parts) = rejected(1, 1_000, NOTHING);
    assert!(
        (30..=72).contains(&plain) && (30..=72).contains(&parts),
        "{plain} {parts}"
    );
    let (plain, parts) = rejected(1, 300, (1.0, 1.3));
    assert!(parts > plain + 60, "{plain} {parts}");
}

const DAYS: usize = 45;
const JUDGED_FROM: usize = 31 * 24;

/// Episodes of the scan at one in 1,500 series-days over a group of twelve series of 45 days, the last 14 judged; the change
/// begins with day 38 on four of them. (plain, two parts): [false episodes, found among the four within a week].
fn scanned(seed: u64, views_per_hour: f64, change: Change) -> [[usize; 2]; 2] {
    let widths = Scheme::LayoutShift.inverse_widths();
    let policy = Policy::default();
    let mut panels: [Panel; 3] = Default::default();
    for series in 0..12_u64 {
        let mut rng = Rng::new(&[seed, series]);
        let mut noise = |stddev: f64| {
            let hours = autoregression(&mut rng, DAYS * 24, stddev, 0.7);
            let days = autoregression(&mut rng, DAYS, stddev, 0.0);
            (0..DAYS * 24)
                .map(|h| hours[h] + days[h / 24])
                .collect::<Vec<_>>()
        };
        let (odds, size) = (noise(0.02), noise(0.02));
        let hours: Vec<Histogram> = (0..DAYS * 24)
            .map(|h| {
                let turn = std::f64::consts::TAU * (h as f64 - 9.0) / 24.0;
                let visits = views_per_hour * (1.0 + 0.6 * turn.sin()) / VIEWS_PER_VISIT;
                let mut hour = Histogram::new(Scheme::LayoutShift);
                let change = if series < 4 && h >= 38 * 24 {
                    change
                } else {
                    NOTHING
                };
                let ln_odds = LN_ODDS + odds[h] + change.0.ln() + 0.05 * turn.cos();
                let ln_size = size[h] + change.1.ln() + 0.05 * turn.sin();
                for _ in 0..rng.poisson(visits) {
                    let (_, length) = visit(&mut rng, 0.0);
                    add_visit(&mut rng, length, ln_odds, ln_size, &mut hour);
                }
                hour
            })
            .collect();
        let mut baseline = Histogram::new(Scheme::LayoutShift);
        hours[..28 * 24]
            .iter()
            .for_each(|hour| baseline.merge(hour));
        let plain = Ridits::new(baseline.counts(), &widths).expect("views");
        let parts = TwoPart::new(baseline.counts(), &widths).expect("views");
        let mut rows: [PanelSeries; 3] = Default::default();
        for (h, hour) in hours.iter().enumerate() {
            let (mut one, mut two) = (ScoreSum::default(), TwoPartSum::default());
            one.add(&plain, cells(hour));
            two.add(&parts, cells(hour));
            let scores = two.scores();
            for (row, score) in rows
                .iter_mut()
                .zip([one.score(), scores.share, scores.size])
            {
                row.shift.push(score.shift);
                row.variance.push(score.variance);
                row.n.push(score.n);
                row.baseline.push(h < 28 * 24);
            }
        }
        for (panel, row) in panels.iter_mut().zip(rows) {
            panel.app_baseline = row.baseline.clone();
            panel.series.push(row);
        }
    }
    let [plain, share, size] = panels.map(|panel| Scan::new(&panel, JUDGED_FROM, &policy));
    let mut out = [[0; 2]; 2];
    for i in 0..12 {
        let mut last = [None::<usize>; 2];
        let mut found = [false; 2];
        for h in JUDGED_FROM..DAYS * 24 {
            let verdict = |scan: &Scan| scan.verdict(i, h, Direction::Regression, &policy);
            let parts = Parts {
                share: verdict(&share),
                size: verdict(&size),
            };
            for (way, p) in [verdict(&plain).p_day, louder(parts).1.p_day]
                .into_iter()
                .enumerate()
            {
                if p > 1.0 / 1_500.0 {
                    continue;
                }
                let is_new = last[way].is_none_or(|last| h - last >= 24);
                last[way] = Some(h);
                if i < 4 && h >= 38 * 24 {
                    found[way] = true;
                } else {
                    out[way][0] += usize::from(is_new);
                }
            }
        }
        for way in 0..2 {
            out[way][1] += usize::from(found[way]);
        }
    }
    out
}

#[test]
#[ignore = "half a minute; prints the figures of the module's head"]
fn error_rate_and_power() {
    for change in [NOTHING].into_iter().chain(CHANGES) {
        // Twenty baselines: the luck of one would be in all its windows.
        let (mut plain, mut parts) = (0, 0);
        for baseline in 0..20 {
            let found = rejected(1_000 + baseline, 500, change);
            plain += found.0;
            parts += found.1;
        }
        let interval = share_interval(parts, 10_000);
        println!("window {change:?}: plain {plain}, parts {parts} of 10000 {interval:.4?}");
    }
    for views in [20.0, 150.0] {
        let mut sum = [0; 2];
        for seed in 0..100 {
            let found = scanned(3 + seed, views, NOTHING);
            (0..2).for_each(|way| sum[way] += found[way][0]);
        }
        println!(
            "scan {views}/h: false plain {}, parts {} in {} series-days",
            sum[0],
            sum[1],
            100 * 12 * 14
        );
        for change in CHANGES {
            let mut sum = [0; 2];
            for seed in 0..10 {
                let found = scanned(100 + seed, views, change);
                (0..2).for_each(|way| sum[way] += found[way][1]);
            }
            println!(
                "scan {views}/h {change:?}: plain {}, parts {} of 40",
                sum[0], sum[1]
            );
        }
    }
}

#[test]
fn the_baseline_scores_nothing_against_itself() {
    let counts = [60_u64, 10, 20, 10];
    let parts = TwoPart::new(&counts, &[0.0, 13.0, 13.0, 13.0]).expect("views");
    let mut sum = TwoPartSum::default();
    let cells = counts.iter().enumerate();
    sum.add(
        &parts,
        cells.map(|(index, count)| (index as u16, *count as u32)),
    );
    let found = sum.scores();
    assert!(found.share.shift.abs() < 0.02 && found.size.shift.abs() < 1e-12);
    assert_eq!((found.share.n, found.size.n), (100.0, 40.0));
}

#[test]
fn one_sided_baselines_are_survived() {
    assert!(TwoPart::new(&[], &[]).is_none() && TwoPart::new(&[0, 0], &[0.0, 1.0]).is_none());
    for counts in [[50, 0, 0], [0, 50, 0]] {
        let parts = TwoPart::new(&counts, &[0.0, 13.0, 13.0]).expect("views");
        let mut sum = TwoPartSum::default();
        assert_eq!(
            (sum.scores().share.n, sum.scores().share.variance),
            (0.0, 0.0)
        );
        sum.add(&parts, [(0, 5), (1, 5), (9, u32::MAX)].into_iter());
        let found = sum.scores();
        for score in [found.share, found.size] {
            assert!(
                score.shift.is_finite() && score.variance.is_finite(),
                "{found:?}"
            );
        }
    }
}

const ALONE: Fitted<'_> = Fitted {
    loss: FitLoss::SeenColumns,
    kept: &[[1.0; COLUMNS]],
    independent: 1.0,
    tau2: 1e-4,
};

#[test]
fn windows_are_judged_by_their_own_placebos() {
    let mut rng = Rng::new(&[9]);
    let residual = autoregression(&mut rng, 700, 0.1, 0.0);
    let weight = vec![100.0; 700];
    let baseline = vec![(0..700).map(|h| h < 672).collect::<Vec<bool>>()];
    let means = [WindowMean::new(&residual, &weight, 24)];
    let null = WindowNull::fit(&means, &baseline, 24, ALONE);
    let mut raised = residual.clone();
    raised[672..].iter_mut().for_each(|one| *one += 0.3);
    let raised = [WindowMean::new(&raised, &weight, 24)];
    let calm = PartWindows {
        null: &null,
        means: &means,
    };
    let loud = PartWindows {
        null: &null,
        means: &raised,
    };
    let p = |share, size, i| window_p(&Parts { share, size }, i, 699, Direction::Regression);
    assert!(p(calm, calm, 0) > 0.01 && p(calm, loud, 0) < 1e-6);
    assert_eq!(p(calm, loud, 0), p(loud, calm, 0));
    assert_eq!(p(calm, calm, 5), 1.0);
    assert_eq!(
        louder(Parts {
            share: Verdict::NONE,
            size: Verdict::NONE
        })
        .1
        .p_day,
        1.0
    );
}

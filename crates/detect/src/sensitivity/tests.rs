//! What is called detectable is detected, in a group of simulated series.

use super::*;
use crate::BaselineState;
use crate::distribution::student_t_upper;
use crate::noise::{FitLoss, Fitted, WindowMean};
use crate::season::{COLUMNS, columns_at, fit_weight, remove_seasonality};
use crate::series::{Hour, Kind, SeriesKey};
use crate::simulate::{PHI, Rng, autoregression};

const BASELINE_HOURS: usize = 28 * 24;
const SERIES: usize = 12;
const DEMAND: Demand = Demand {
    rate: 1.0 / 3_000.0,
    looks: 4.0,
    window_share: 0.25,
    power: 0.9,
};

/// Page views an hour of a third of the series each: noise is pooled over quiet and busy ones, as in an app.
const TIERS: [f64; 3] = [15.0, 150.0, 1_500.0];

/// A group of series, each of 28 days and then the hours of one window.
struct Group {
    panels: Vec<PanelSeries>,
    noise: HourNoise,
    windows: Vec<WindowMean>,
    null: WindowNull,
}

impl Group {
    fn new(rng: &mut Rng, window_hours: usize) -> Group {
        let length = BASELINE_HOURS + window_hours;
        let columns: Vec<_> = (0..length).map(|h| columns_at(h as Hour)).collect();
        let mut panels = Vec::new();
        for i in 0..SERIES {
            let hours = autoregression(rng, length, 0.025, 0.7);
            let days = autoregression(rng, length / 24 + 1, 0.01, 0.0);
            let mut one = PanelSeries::default();
            for h in 0..length {
                let n = f64::from(rng.poisson(TIERS[i % 3])).max(1.0);
                let variance = 0.6 / n;
                let sampling = (PHI * variance).sqrt() * rng.normal();
                one.shift.push(hours[h] + days[h / 24] + sampling);
                one.variance.push(variance);
                one.n.push(n);
                one.baseline.push(h < BASELINE_HOURS);
            }
            let rows = one.variance.iter().zip(&one.n);
            let weight: Vec<f64> = rows
                .map(|(variance, n)| fit_weight(*variance, *n))
                .collect();
            one.shift = remove_seasonality(&columns, &one.shift, &weight, &one.baseline);
            panels.push(one);
        }
        let baseline_hours = panels.iter().flat_map(|one| {
            let rows = one.shift.iter().zip(&one.variance);
            rows.take(BASELINE_HOURS)
                .map(|(shift, variance)| (*shift, *variance))
        });
        let noise = HourNoise::fit(&baseline_hours.collect::<Vec<_>>());
        let windows: Vec<WindowMean> = panels
            .iter()
            .map(|one| {
                let rows = one.variance.iter().zip(&one.n);
                let weight: Vec<f64> = rows
                    .map(|(variance, n)| noise.weight(*variance, *n))
                    .collect();
                WindowMean::new(&one.shift, &weight, window_hours)
            })
            .collect();
        let baseline: Vec<Vec<bool>> = panels.iter().map(|one| one.baseline.clone()).collect();
        let null = WindowNull::fit(
            &windows,
            &baseline,
            window_hours,
            Fitted {
                loss: FitLoss::SeenColumns,
                kept: &vec![[1.0; COLUMNS]; panels.len()],
                independent: panels.len() as f64,
                tau2: noise.tau2,
            },
        );
        Group {
            panels,
            noise,
            windows,
            null,
        }
    }

    fn members(&self) -> impl Iterator<Item = (WindowNoise, Traffic, f64, f64)> + '_ {
        (0..SERIES).map(|i| {
            let noise = WindowNoise::of(&self.null, i).expect("a member");
            let traffic = Traffic::of(&self.panels[i], self.noise).expect("page views");
            let at = self.windows[i].mean.len() - 1;
            let stddev = self.null.stddev(i, self.windows[i].weight[at]);
            (noise, traffic, self.windows[i].mean[at], stddev)
        })
    }
}

/// Of `groups` groups and by tier: the share of series whose first full window after a change of the detectable size alarms, and
/// the mean detectable ratio.
fn found(seed: u64, groups: u64, window_hours: usize) -> [(f64, f64); 3] {
    let mut out = [(0.0, 0.0); 3];
    for group in 0..groups {
        let mut rng = Rng::new(&[seed, group, window_hours as u64]);
        let group = Group::new(&mut rng, window_hours);
        for (i, (noise, traffic, mean, stddev)) in group.members().enumerate() {
            let ratio = noise.detectable_ratio(&traffic, 1.0, DEMAND);
            let p = student_t_upper((mean + ratio.ln()) / stddev, noise.df);
            let is_alarm = p_day(p, window_hours, DEMAND.looks, DEMAND.window_share) <= DEMAND.rate;
            out[i % 3].0 += f64::from(u8::from(is_alarm));
            out[i % 3].1 += ratio;
        }
    }
    let series = groups as f64 * (SERIES / 3) as f64;
    out.map(|(alarms, ratios)| (alarms / series, ratios / series))
}

#[test]
fn what_is_detectable_is_detected() {
    for (share, ratio) in found(1, 60, 24) {
        assert!((0.82..0.99).contains(&share), "{share} at {ratio}");
    }
}

#[test]
#[ignore = "a minute; prints the figures of the module's head"]
fn detectable_ratios() {
    for window_hours in [3, 12, 24, 72] {
        for ((share, ratio), views) in found(2, 250, window_hours).into_iter().zip(TIERS) {
            println!("{views}/h, {window_hours} h: x{ratio:.3}, found {share:.3}");
        }
    }
}

#[test]
fn traffic_and_chance_agree_with_the_ratio() {
    let group = Group::new(&mut Rng::new(&[3]), 24);
    for (noise, traffic, ..) in group.members() {
        let usual = noise.detectable_ratio(&traffic, 1.0, DEMAND);
        let more = noise.detectable_ratio(&traffic, 4.0, DEMAND);
        assert!(1.0 < more && more < usual, "{more} {usual}");
        let needed = noise
            .traffic_needed(&traffic, more, DEMAND)
            .expect("reachable");
        assert!((needed - 4.0).abs() < 1e-6, "{needed}");
        assert!((noise.chance(&traffic, usual, DEMAND) - 0.9).abs() < 1e-6);
        assert_eq!(noise.traffic_needed(&traffic, 1.001, DEMAND), None);
    }
}

fn baseline(minimum_detectable_ratio: Option<f64>) -> Baseline {
    let [app, environment, route, vital] = ["shop", "", "/", "LCP"].map(str::to_owned);
    Baseline {
        is_candidate: false,
        key: SeriesKey {
            app,
            environment,
            route,
            kind: Kind::Vital,
            vital,
        },
        strategy: "rolling_window",
        state: BaselineState::Approved,
        p50: 1_500.0,
        p75: 2_000.0,
        p95: 4_000.0,
        mean: 1_700.0,
        stddev: 900.0,
        n: 28_000,
        hours_used: 672,
        hours_left_out: 0,
        reasons: Vec::new(),
        from_hour: 0,
        to_hour: 672,
        minimum_detectable_ratio,
    }
}

#[test]
fn a_baseline_says_what_it_could_show() {
    let found = visible(&baseline(Some(0.1))).expect("learned");
    assert!((found.p75_to - 2_200.0).abs() < 1e-9 && found.views_per_day == 1_000.0);
    assert_eq!(visible(&baseline(None)), None);
    let chance = |ratio: f64| chance_within_a_day(&baseline(Some(0.1)), ratio).expect("learned");
    assert!((chance(1.1) - 0.9).abs() < 1e-3 && chance(1.02) < 0.01 && chance(1.3) > 0.999);
    assert!((chance(1.0 / 1.1) - 0.9).abs() < 1e-3 && chance(1.0) < 1e-4);
    for ratio in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!((0.0..=1.0).contains(&chance(ratio)), "{ratio}");
    }
}

#[test]
fn strange_noise_is_survived() {
    let noise = WindowNoise {
        window_hours: 0,
        constant: 0.0,
        factor: 0.0,
        df: 0.0,
    };
    let traffic = Traffic {
        hour: HourNoise {
            tau2: 0.0,
            phi: 0.0,
        },
        view_variance: 0.0,
        views_per_hour: 0.0,
    };
    let ratio = noise.detectable_ratio(&traffic, 0.0, DEMAND);
    assert!(ratio.is_finite() && ratio >= 1.0);
    assert_eq!(noise.traffic_needed(&traffic, 1.1, DEMAND), None);
    assert_eq!(Traffic::of(&PanelSeries::default(), traffic.hour), None);
    let demand = Demand {
        rate: f64::NAN,
        looks: 0.0,
        window_share: 0.0,
        power: 2.0,
    };
    assert!((0.0..=1.0).contains(&noise.chance(&traffic, 1.1, demand)));
}

//! The numeric oracle: an independent implementation (numpy and scipy) wrote inputs and results of every step into
//! `testdata/`; this one must agree to 1e-9, and exactly where the result is an hour, an index or a decision.

use std::path::Path;

use detect::change_point::change_point;
use detect::compare::standardised_quantile;
use detect::concurrent::confidence_sequence_radius;
use detect::distribution::student_t_upper;
use detect::fdr::{app_budget, benjamini_hochberg};
use detect::finding::Direction;
use detect::histogram::Scheme;
use detect::lifecycle::{Lifecycle, Signal, Transition};
use detect::noise::{FitLoss, Fitted, HourNoise, WindowMean, WindowNull};
use detect::order::{mann_kendall_z, memory_floor, theil_sen};
use detect::policy::Policy;
use detect::scan::{Panel, PanelSeries, Scan, WINDOWS, p_day};
use detect::score::{Ridits, ScoreSum};
use detect::season::{
    COLUMNS, columns, common_mode, fit_weight, remove_common_mode, remove_seasonality,
};
use detect::sensitivity::minimum_detectable;
use serde_json::Value;

const TOLERANCE: f64 = 1e-9;

struct Fixture(Value);

impl Fixture {
    fn read(name: &str) -> Fixture {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("testdata")
            .join(name);
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Fixture(serde_json::from_str(&text).expect("fixtures are JSON"))
    }

    fn input(&self, name: &str) -> &Value {
        &self.0["inputs"][name]
    }

    fn expect(&self, name: &str) -> &Value {
        &self.0["expect"][name]
    }
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("not a number: {value}"))
}

fn list(value: &Value) -> &Vec<Value> {
    value
        .as_array()
        .unwrap_or_else(|| panic!("not a list: {value}"))
}

fn row(value: &Value) -> Vec<f64> {
    list(value).iter().map(number).collect()
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    list(value).iter().map(row).collect()
}

fn hours(value: &Value) -> Vec<i64> {
    list(value)
        .iter()
        .map(|hour| hour.as_i64().expect("an hour"))
        .collect()
}

fn check(what: &str, got: f64, expected: f64) {
    let scale = expected.abs().max(1.0);
    assert!(
        (got - expected).abs() <= TOLERANCE * scale,
        "{what}: {got} is not {expected}"
    );
}

fn check_relative(what: &str, got: f64, expected: f64) {
    assert!(
        (got - expected).abs() <= TOLERANCE * expected.abs(),
        "{what}: {got} is not {expected}"
    );
}

fn check_row(what: &str, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
        check(&format!("{what}[{index}]"), *got, *expected);
    }
}

/// Counts `[series][hour][stratum]` as sparse cells.
type Counts = Vec<Vec<Vec<Vec<(u16, u32)>>>>;

fn counts(value: &Value) -> Counts {
    let cell = |cell: &Value| {
        (
            cell[0].as_u64().expect("bucket") as u16,
            cell[1].as_u64().expect("count") as u32,
        )
    };
    let stratum = |cells: &Value| list(cells).iter().map(cell).collect();
    let hour = |strata: &Value| list(strata).iter().map(stratum).collect();
    list(value)
        .iter()
        .map(|series| list(series).iter().map(hour).collect())
        .collect()
}

/// Baseline counts `[stratum][bucket]` of one series over its first hours.
fn baseline(
    series: &[Vec<Vec<(u16, u32)>>],
    baseline_hours: usize,
    buckets: usize,
) -> Vec<Vec<u64>> {
    let mut out = vec![vec![0; buckets]; series[0].len()];
    for hour in &series[..baseline_hours] {
        for (stratum, cells) in hour.iter().enumerate() {
            cells.iter().for_each(|(bucket, count)| {
                out[stratum][usize::from(*bucket)] += u64::from(*count)
            });
        }
    }
    out
}

fn ridits(baseline: &[Vec<u64>], g: f64) -> Vec<Option<Ridits>> {
    baseline
        .iter()
        .map(|counts| Ridits::new(counts, &vec![1.0 / g; counts.len()]))
        .collect()
}

fn score_series(
    series: &[Vec<Vec<(u16, u32)>>],
    ridits: &[Option<Ridits>],
) -> Vec<detect::score::Score> {
    let score = |hour: &Vec<Vec<(u16, u32)>>| {
        let mut sum = ScoreSum::default();
        for (cells, ridits) in hour.iter().zip(ridits) {
            if let Some(ridits) = ridits {
                sum.add(ridits, cells.iter().copied());
            }
        }
        sum.score()
    };
    series.iter().map(score).collect()
}

#[test]
fn buckets() {
    let fixture = Fixture::read("01_buckets.json");
    for (name, scheme) in [
        ("ms", Scheme::Milliseconds),
        ("cls", Scheme::LayoutShift),
        ("inp", Scheme::Grid),
    ] {
        let expected = hours(fixture.expect(name));
        for (value, expected) in row(fixture.input(name)).into_iter().zip(expected) {
            assert_eq!(
                i64::from(scheme.bucket_index(value)),
                expected,
                "{name} {value}"
            );
        }
    }
    let edges: Vec<f64> = (1..Scheme::Grid.bucket_count())
        .map(|index| Scheme::Grid.lower_edge(index as u16))
        .collect();
    assert_eq!(edges, row(fixture.expect("inp_edges")));
}

#[test]
fn hourly_scores() {
    for name in ["02_score.json", "03_score_ties.json", "04_score_gaps.json"] {
        let fixture = Fixture::read(name);
        let (g, all) = (number(fixture.input("g")), counts(fixture.input("counts")));
        let [buckets, baseline_hours] =
            ["buckets", "baseline_hours"].map(|key| number(fixture.input(key)) as usize);
        for (i, series) in all.iter().enumerate() {
            let ridits = ridits(&baseline(series, baseline_hours, buckets), g);
            for (k, ridits) in ridits.iter().enumerate() {
                let Some(ridits) = ridits else {
                    assert_eq!(number(&fixture.expect("m")[i][k]), 0.0);
                    continue;
                };
                let ranks: Vec<f64> = ridits.centred.iter().map(|rank| rank + 0.5).collect();
                check_row(name, &ranks, &row(&fixture.expect("ridits")[i][k]));
                check(name, ridits.variance, number(&fixture.expect("v")[i][k]));
            }
            let scores = score_series(series, &ridits);
            let column = |pick: fn(&detect::score::Score) -> f64| {
                scores.iter().map(pick).collect::<Vec<f64>>()
            };
            check_row(
                name,
                &column(|s| s.theta),
                &row(&fixture.expect("theta")[i]),
            );
            check_row(name, &column(|s| s.shift), &row(&fixture.expect("x")[i]));
            check_row(
                name,
                &column(|s| s.variance),
                &row(&fixture.expect("s2")[i]),
            );
            check_row(name, &column(|s| s.n), &row(&fixture.expect("n")[i]));
        }
    }
}

#[test]
fn residuals() {
    let fixture = Fixture::read("05_residuals.json");
    let [x, s2, n] = ["x", "s2", "n"].map(|key| rows(fixture.input(key)));
    let (count, baseline_hours) = (x[0].len(), number(fixture.input("baseline_hours")) as usize);
    let seasonal: Vec<_> = (0..count as i64).map(columns).collect();
    for (expected, columns) in rows(fixture.expect("columns_first_30"))
        .iter()
        .zip(&seasonal)
    {
        check_row("columns", columns, expected);
    }
    let baseline: Vec<bool> = (0..count).map(|h| h < baseline_hours).collect();
    let weight: Vec<Vec<f64>> = (0..x.len())
        .map(|i| (0..count).map(|h| fit_weight(s2[i][h], n[i][h])).collect())
        .collect();
    let mut residual = Vec::new();
    for i in 0..x.len() {
        residual.push(remove_seasonality(&seasonal, &x[i], &weight[i], &baseline));
        check_row("weights", &weight[i], &row(&fixture.expect("weights")[i]));
        check_row(
            "deseasonalised",
            &residual[i],
            &row(&fixture.expect("deseasonalised")[i]),
        );
    }
    let common = common_mode(&residual, &weight, &vec![baseline.clone(); x.len()]);
    check_row("common", &common, &row(fixture.expect("common")));
    for i in 0..x.len() {
        let slope = remove_common_mode(&mut residual[i], &weight[i], &baseline, &common);
        check("slope", slope, number(&fixture.expect("slope")[i]));
        check_row("r", &residual[i], &row(&fixture.expect("r")[i]));
    }
}

#[test]
fn windows() {
    let fixture = Fixture::read("06_windows.json");
    let [r, s2, n] = ["r", "s2", "n"].map(|key| rows(fixture.input(key)));
    let baseline_hours = number(fixture.input("baseline_hours")) as usize;
    let in_baseline: Vec<bool> = (0..r[0].len()).map(|h| h < baseline_hours).collect();
    let mut hours = Vec::new();
    for i in 0..r.len() {
        hours.extend(
            (0..baseline_hours)
                .filter(|h| n[i][*h] > 0.0)
                .map(|h| (r[i][h], s2[i][h])),
        );
    }
    let noise = HourNoise::fit(&hours);
    check("tau2", noise.tau2, number(fixture.expect("tau2")));
    check("phi", noise.phi, number(fixture.expect("phi")));
    let weight: Vec<Vec<f64>> = (0..r.len())
        .map(|i| {
            (0..r[i].len())
                .map(|h| noise.weight(s2[i][h], n[i][h]))
                .collect()
        })
        .collect();
    for window_hours in WINDOWS {
        let expected = fixture.expect(&format!("W{window_hours}"));
        let means: Vec<WindowMean> = r
            .iter()
            .zip(&weight)
            .map(|(r, w)| WindowMean::new(r, w, window_hours))
            .collect();
        let null = WindowNull::fit(
            &means,
            &vec![in_baseline.clone(); r.len()],
            window_hours,
            Fitted {
                loss: FitLoss::AllColumns,
                kept: &vec![[1.0; COLUMNS]; r.len()],
                independent: f64::INFINITY,
                tau2: noise.tau2,
            },
        );
        for (name, got) in [("a", null.a), ("c", null.c), ("d0", null.prior_df)] {
            check(name, got, number(&expected[name]));
        }
        check_row("disp", &null.dispersion, &row(&expected["disp"]));
        for i in 0..r.len() {
            check_row("w", &weight[i], &row(&fixture.expect("w")[i]));
            check_row("D", &means[i].mean, &row(&expected["D"][i]));
            for h in 0..r[i].len() {
                let t = means[i].mean[h] / null.stddev(i, means[i].weight[h]);
                check("T", t, number(&expected["T"][i][h]));
                check_relative(
                    "p",
                    student_t_upper(t, null.t_df[i]),
                    number(&expected["p"][i][h]),
                );
            }
        }
    }
}

#[test]
fn false_discoveries() {
    let fixture = Fixture::read("07_bh.json");
    let (p, q, cap) = (
        rows(fixture.input("p")),
        number(fixture.input("q")),
        number(fixture.input("cap")),
    );
    for h in 0..p[0].len() {
        let column: Vec<f64> = p.iter().map(|row| row[h]).collect();
        for (name, cap) in [("reject", None), ("reject_capped", Some(cap))] {
            let expected: Vec<bool> = rows(fixture.expect(name))
                .iter()
                .map(|row| row[h] == 1.0)
                .collect();
            assert_eq!(benjamini_hochberg(&column, q, cap), expected, "{name} {h}");
        }
    }
}

#[test]
fn change_points() {
    let fixture = Fixture::read("08_onset.json");
    for (index, case) in list(fixture.input("cases")).iter().enumerate() {
        let at = number(&case["t"]) as usize;
        let found = change_point(&row(&case["r"]), &row(&case["w"]), at, 0, 7.0);
        assert_eq!(Some(found.hour), fixture.expect("onset")[index].as_i64());
        assert_eq!(found.set, hours(&fixture.expect("sets")[index]));
    }
}

#[test]
fn small_formulas() {
    let fixture = Fixture::read("09_small_formulas.json");
    let input = |name: &str| number(fixture.input(name));
    let whole = |name: &str| -> Vec<Vec<u64>> {
        rows(fixture.input(name))
            .iter()
            .map(|row| row.iter().map(|count| *count as u64).collect())
            .collect()
    };
    let (base, window) = (whole("base"), whole("window"));
    let edges: Vec<f64> = (0..=base[0].len())
        .map(|k| input("lower") + input("g") * k as f64)
        .collect();
    let strata: Vec<(f64, &[u64])> = base
        .iter()
        .zip(&window)
        .map(|(base, window)| (base.iter().sum::<u64>() as f64, &window[..]))
        .collect();
    let found = standardised_quantile(&strata, &edges, 0.75, input("inflate"), 1.645)
        .expect("views on both sides");
    check_row(
        "p75",
        &[found.value, found.low, found.high],
        &row(fixture.expect("p75")),
    );
    let radius = row(fixture.input("V"))
        .into_iter()
        .map(|v| confidence_sequence_radius(v, input("alpha"), input("rho")));
    check_row(
        "radius",
        &radius.collect::<Vec<_>>(),
        &row(fixture.expect("radius")),
    );
    let mde = row(fixture.input("n"))
        .into_iter()
        .map(|n| minimum_detectable(input("a"), input("phi"), input("sigma2"), n, 4.0, 1.28));
    check_row("mde", &mde.collect::<Vec<_>>(), &row(fixture.expect("mde")));
    let (t, y) = (row(fixture.input("t")), row(fixture.input("y")));
    let warm = t.iter().position(|t| *t >= 10.0).expect("later samples");
    let (floor_t, floor_y) = memory_floor(&t[warm..], &y[warm..], 6);
    check_row("floor_t", &floor_t, &row(fixture.expect("floor_t")));
    check_row("floor_y", &floor_y, &row(fixture.expect("floor_y")));
    check(
        "theil_sen",
        theil_sen(&floor_t, &floor_y),
        number(fixture.expect("theil_sen")),
    );
    check(
        "mann_kendall_z",
        mann_kendall_z(&floor_y),
        number(fixture.expect("mann_kendall_z")),
    );
}

/// The whole decision, from counts to confirmed alarms.
#[test]
fn end_to_end() {
    for name in ["10_end_to_end_null.json", "11_end_to_end_step.json"] {
        let fixture = Fixture::read(name);
        let all = counts(fixture.input("counts"));
        let (g, q) = (number(fixture.input("g")), number(fixture.input("q")));
        let [buckets, baseline_hours, decided] =
            ["buckets", "baseline_hours", "first_decided_hour"]
                .map(|key| number(fixture.input(key)) as usize);
        let hours_count = all[0].len();
        let in_baseline: Vec<bool> = (0..hours_count).map(|h| h < baseline_hours).collect();
        // Fixture hour 0 is a Monday; the panel counts from the Unix epoch, a Thursday.
        let mut panel = Panel {
            first_hour: 96,
            app_baseline: in_baseline.clone(),
            series: Vec::new(),
        };
        for series in &all {
            let scores = score_series(
                series,
                &ridits(&baseline(series, baseline_hours, buckets), g),
            );
            let column = |pick: fn(&detect::score::Score) -> f64| {
                scores.iter().map(pick).collect::<Vec<f64>>()
            };
            let (shift, variance, n) =
                (column(|s| s.shift), column(|s| s.variance), column(|s| s.n));
            panel.series.push(PanelSeries {
                shift,
                variance,
                n,
                baseline: in_baseline.clone(),
                has_incident: false,
            });
        }
        let policy = Policy {
            common_mode_min_routes: all.len(),
            fit_loss: FitLoss::AllColumns,
            window_shares: [0.25; WINDOWS.len()],
            looks_factor_with_common_mode: 1.0,
            looks: 4.0,
            ..Policy::default()
        };
        let scan = Scan::new(&panel, 0, &policy);
        check("tau2", scan.noise.tau2, number(fixture.expect("tau2")));
        check("phi", scan.noise.phi, number(fixture.expect("phi")));
        check(
            "q",
            app_budget(all.len(), policy.rate_per_app, policy.rate_per_series),
            q,
        );
        for i in 0..all.len() {
            check_row("r", &scan.residual[i], &row(&fixture.expect("r")[i]));
        }
        let mut alarms = vec![Vec::new(); all.len()];
        for h in decided..hours_count {
            let at = h - decided;
            let verdicts: Vec<_> = (0..all.len())
                .map(|i| scan.verdict(i, h, Direction::Regression, &policy))
                .collect();
            for (i, verdict) in verdicts.iter().enumerate() {
                for window in WINDOWS {
                    check(
                        "T",
                        scan.standing(i, h, window).1,
                        number(&fixture.expect("T")[window.to_string()][i][at]),
                    );
                }
                check(
                    "T6",
                    scan.standing(i, h, 6).1,
                    number(&fixture.expect("T6")[i][at]),
                );
                check_relative(
                    "p_day",
                    verdict.p_day,
                    number(&fixture.expect("p_day")[i][at]),
                );
                check("size", verdict.size, number(&fixture.expect("size")[i][at]));
            }
            let p: Vec<f64> = verdicts.iter().map(|verdict| verdict.p_day).collect();
            for (i, rejected) in benjamini_hochberg(&p, q, None).into_iter().enumerate() {
                if rejected && verdicts[i].size >= policy.min_shift {
                    alarms[i].push(h as i64);
                }
            }
            let app = scan
                .app
                .verdict(h, Direction::Regression, &policy, |_| true);
            check_relative("p_app", app.p_day, number(&fixture.expect("p_app")[at]));
        }
        for (i, alarms) in alarms.iter().enumerate() {
            assert_eq!(
                *alarms,
                hours(&fixture.expect("alarm_hours")[i]),
                "{name} {i}"
            );
            let confirmed = hours(&fixture.expect("confirmed_hours")[i])
                .into_iter()
                .min();
            assert_eq!(
                first_confirmed(&scan, i, alarms, decided, &policy),
                confirmed,
                "{name} {i}"
            );
            if let Some(first) = alarms.first() {
                let found =
                    change_point(&scan.residual[i], &scan.weight[i], *first as usize, 0, 7.0);
                assert_eq!(Some(found.hour), fixture.expect("onset")[i].as_i64());
            }
        }
    }
}

fn first_confirmed(
    scan: &Scan,
    i: usize,
    alarms: &[i64],
    from: usize,
    policy: &Policy,
) -> Option<i64> {
    let mut lifecycle = Lifecycle::default();
    (from..scan.residual[i].len()).find_map(|h| {
        let alarm = alarms.contains(&(h as i64)).then(|| {
            let (_, since) = detect::evidence::locate(&scan.residual[i], &scan.weight[i], h, 0);
            scan.verdict(i, h, Direction::Regression, policy)
                .size
                .max(since)
        });
        let ((mean_6, t_6), (mean_24, t_24)) = (scan.standing(i, h, 6), scan.standing(i, h, 24));
        let signal = Signal {
            alarm,
            mean_6,
            t_6,
            mean_24,
            t_24,
        };
        (lifecycle.on_hour(h as i64, &signal, policy) == Some(Transition::Confirmed))
            .then_some(h as i64)
    })
}

#[test]
fn looks_are_paid_for() {
    assert!((p_day(0.001, 24, 4.0, 0.25) - 0.016).abs() < 1e-15);
    assert!((p_day(0.001, 3, 4.0, 0.25) - 0.128).abs() < 1e-15);
}

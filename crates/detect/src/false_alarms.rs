//! How often the detector cries wolf on the user's own past, and how much more it then pays for each look.
//!
//! The days that are normal by definition, those of the newest baseline without its incidents, are replayed as if they were now. What
//! alarms there and does not last is a false alarm. A false alarm that does last cannot be told from an incident and is left out with its
//! hours: in worlds without any change about a third of all alarms lasted, so the true rate is up to half as high again.

use std::ops::Range;

use statrs::function::gamma::gamma_lr;

use crate::backtest::{Past, Replay, resume_decided};
use crate::finding::{Finding, State};
use crate::policy::Policy;
use crate::series::{APP_LEVEL_ROUTE, History, Hour, SeriesKey};

/// The promise: false alarms per 1,000 series-days.
pub const TARGET_PER_1000: f64 = 1.0;
/// What a look costs at least, whatever was measured: the factor that the method was calibrated with.
pub const MIN_LOOKS: f64 = 4.6;
/// And at most: at sixteen times the usual price only gross changes are found, and more looks would not mend what is wrong.
pub const MAX_LOOKS: f64 = 64.0;
/// One night's measurement at most doubles the price: the nights overlap, so the next one tells whether that was enough.
const MAX_STEP: f64 = 2.0;

/// What a replay of normal days counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FalseAlarms {
    /// Days that series were judged, outside incidents.
    pub series_days: f64,
    pub alarms: u64,
}

impl FalseAlarms {
    /// None when nothing was judged.
    pub fn per_1000_series_days(&self) -> Option<f64> {
        (self.series_days > 0.0).then(|| 1000.0 * self.alarms as f64 / self.series_days)
    }

    /// Exact 95 % interval of the rate (Garwood 1936).
    pub fn interval_per_1000(&self) -> Option<(f64, f64)> {
        let (low, high) = poisson_interval(self.alarms);
        let scale = 1000.0 / self.series_days;
        (self.series_days > 0.0).then_some((low * scale, high * scale))
    }

    /// What a look costs from now on, when it cost `looks` in this measurement: more while the rate is significantly over the target, less
    /// again when it is significantly below.
    pub fn looks_after(&self, looks: f64) -> f64 {
        let Some((low, high)) = self.interval_per_1000() else {
            return looks;
        };
        let rate = self.per_1000_series_days().unwrap_or(0.0) / TARGET_PER_1000;
        let after = if low > TARGET_PER_1000 {
            looks * rate.clamp(1.0, MAX_STEP)
        } else if high < TARGET_PER_1000 {
            looks / MAX_STEP
        } else {
            looks
        };
        after.clamp(MIN_LOOKS, MAX_LOOKS)
    }
}

/// The normal days of a moment: those of the rolling baseline of its day.
pub fn placebo_hours(now_hour: Hour, policy: &Policy) -> Range<Hour> {
    let day = now_hour.div_euclid(24) * 24;
    day - policy.lead_hours()..day - policy.gap_days * 24
}

/// Replays `hours` and counts. `past` is what was known before them.
pub fn measure(
    histories: &[History],
    policy: &Policy,
    past: Past<'_>,
    hours: &Range<Hour>,
) -> FalseAlarms {
    let replay = resume_decided(histories, policy, past, hours.start, hours.end);
    let keys: Vec<&SeriesKey> = histories.iter().map(|history| &history.key).collect();
    count(&replay, &keys, hours)
}

fn count(replay: &Replay, keys: &[&SeriesKey], hours: &Range<Hour>) -> FalseAlarms {
    let incidents: Vec<(&SeriesKey, Range<Hour>)> = replay
        .findings
        .iter()
        .filter(|finding| finding.confirmed_hour.is_some())
        .map(|finding| (&finding.key, incident_hours(finding, hours)))
        .filter(|(_, incident)| !incident.is_empty())
        .collect();
    let left_out = |key: &SeriesKey, hour: Hour| {
        let of_key = |(of, incident): &(&SeriesKey, Range<Hour>)| {
            concerns(of, key) && incident.contains(&hour)
        };
        incidents.iter().any(of_key)
    };
    let left_out_hours: usize = keys
        .iter()
        .filter(|key| incidents.iter().any(|(of, _)| concerns(of, key)))
        .map(|key| hours.clone().filter(|hour| left_out(key, *hour)).count())
        .sum();
    let is_false = |finding: &&Finding| {
        let opened = finding.opened_hour - 1;
        let is_new = hours.contains(&opened);
        is_new && finding.confirmed_hour.is_none() && !left_out(&finding.key, opened)
    };
    FalseAlarms {
        series_days: (replay.series_days - left_out_hours as f64 / 24.0).max(0.0),
        alarms: replay.findings.iter().filter(is_false).count() as u64,
    }
}

/// An incident of the app level is one of all its routes.
fn concerns(incident: &SeriesKey, key: &SeriesKey) -> bool {
    let is_level = incident.route == APP_LEVEL_ROUTE;
    let wider = SeriesKey {
        route: incident.route.clone(),
        ..key.clone()
    };
    (is_level || incident.route == key.route) && *incident == wider
}

fn incident_hours(finding: &Finding, hours: &Range<Hour>) -> Range<Hour> {
    let end = match finding.state {
        State::Resolved => finding.resolved_hour.unwrap_or(hours.end),
        _ => hours.end,
    };
    finding.change_point_low_hour.max(hours.start)..end.min(hours.end)
}

/// Exact 95 % interval of the mean of a Poisson count.
fn poisson_interval(count: u64) -> (f64, f64) {
    let k = count as f64;
    let mean_where = |level: f64, shape: f64| {
        let (mut low, mut high) = (0.0, 10.0 * (k + 10.0));
        for _halving in 0..80 {
            let middle = (low + high) / 2.0;
            if gamma_lr(shape, middle) < level {
                low = middle;
            } else {
                high = middle;
            }
        }
        (low + high) / 2.0
    };
    let low = if count == 0 {
        0.0
    } else {
        mean_where(0.025, k)
    };
    (low, mean_where(0.975, k + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(alarms: u64, series_days: f64) -> FalseAlarms {
        FalseAlarms {
            series_days,
            alarms,
        }
    }

    #[test]
    fn the_interval_is_garwoods() {
        let near = |(low, high): (f64, f64), expected: (f64, f64)| {
            let is_near = (low - expected.0).abs() < 0.001 && (high - expected.1).abs() < 0.001;
            assert!(is_near, "{low} {high}");
        };
        near(poisson_interval(0), (0.0, 3.6889));
        near(poisson_interval(1), (0.0253, 5.5716));
        near(poisson_interval(9), (4.1154, 17.0848));
        // The reference's own figure: 9 in 25,200 series-days.
        let (low, high) = of(9, 25_200.0).interval_per_1000().expect("was judged");
        near((low, high), (0.1633, 0.6780));
        assert_eq!(of(0, 0.0).interval_per_1000(), None);
    }

    #[test]
    fn looks_cost_more_while_there_are_too_many_and_never_less_than_they_did() {
        for (alarms, series_days, looks, expected) in [
            (0, 0.0, MIN_LOOKS, MIN_LOOKS),
            (0, 100_000.0, MIN_LOOKS, MIN_LOOKS),
            // Over the target, but by chance.
            (3, 1_500.0, MIN_LOOKS, MIN_LOOKS),
            (9, 6_000.0, MIN_LOOKS, MIN_LOOKS),
            (40, 30_000.0, MIN_LOOKS, MIN_LOOKS),
            // Significantly: by the rate, at most twofold.
            (45, 30_000.0, MIN_LOOKS, 1.5 * MIN_LOOKS),
            (30, 3_000.0, MIN_LOOKS, 2.0 * MIN_LOOKS),
            (30, 3_000.0, 48.0, 64.0),
            // Significantly below: back, step by step.
            (3, 30_000.0, 8.0, MIN_LOOKS),
            (3, 30_000.0, 6.0, MIN_LOOKS),
        ] {
            let after = of(alarms, series_days).looks_after(looks);
            assert_eq!(after, expected, "{alarms} in {series_days} at {looks}");
        }
    }
}

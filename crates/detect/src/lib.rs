//! Histories in, findings out: what is normal for every route and vital, and when a release made it worse. Pure: no I/O, no
//! clock, no randomness; the same history gives the same findings, live, from a database or from a file.
//!
//! # The path of a history
//!
//! 1. Every value lands in an 8 % wide bucket ([`histogram`]); a [`series::History`] keeps the buckets of each hour and stratum.
//! 2. The 28 days that ended 3 days ago, without incidents, are normal ([`baseline`]). Each hour is scored against them stratum by
//!    stratum ([`score`]): the rank statistic of Mann and Whitney, turned into an estimated log shift. A changed mix of devices
//!    or connections cancels.
//! 3. Daily and weekly cycles, which routes learn from each other ([`seasons`]), and what all routes do together are taken out
//!    ([`season`]).
//! 4. What chance looks like is measured on the series' own past: every window of the baseline is a placebo ([`noise`]).
//! 5. Windows of 3, 12, 24 and 72 h are scanned under one budget of looks ([`scan`]), and all series of an app under one
//!    budget of false discoveries ([`fdr`]).
//! 6. An alarm becomes a [`finding::Finding`]: unconfirmed at once, confirmed when it lasts, transient otherwise, resolved when it
//!    is over ([`lifecycle`]); with a size and interval ([`evidence`], [`compare`]), the hours in which it may have begun ([`change_point`]),
//!    and the release that fits, or none ([`release`]).
//!
//! Beside the scan of hours: CLS with many zeros is scanned in two parts ([`two_part`]), growth of heaps as what it is ([`memory`]),
//! thin series run by run ([`runs`], [`sparse`]), and releases that are live in the same hours beside each other ([`concurrent`]).
//! They share the budget; a finding says which of them decided ([`detail`]). What moves slowly is listed ([`drifting`], [`drift`]).
//!
//! # The stated error rate
//!
//! The budget is one false alarm per 1,500 series-days, four fifths of it for regressions, and a sixth more for the app-level series.
//! Measured by `cargo xtask calibrate` (`benches/calibrate`) on apps of 30 and 45 routes in which nothing happens, 50,400
//! series-days each, alarms of both directions per 1,000 with exact 95 % intervals: log-normal 0.66 (0.45 to 0.92), the same with
//! heavy-tailed days 0.91 (0.67 to 1.22), two worlds of other families 0.85 (0.62 to 1.15) and 0.44 (0.27 to 0.66). Apps of 1 to
//! 12 routes stayed at or below 0.87 (0.55 to 1.32). When one route in five regresses, 1.0 % of the confirmed findings are false.
//! `docs/detection.md` has the whole table.
//!
//! That is made-up traffic. [`backtest::Replay`] counts the episodes on the user's own history. Ratios near the minimum detectable
//! change of a series are found late or not at all: [`baseline::Baseline`] states it for each.

pub mod advice;
pub mod app_level;
pub mod backtest;
pub mod baseline;
pub mod change_point;
pub mod compare;
pub mod concurrent;
pub mod describe;
pub mod detail;
pub mod distribution;
pub mod drift;
pub mod drifting;
pub mod drill;
pub mod evidence;
pub mod false_alarms;
pub mod fdr;
pub mod finding;
pub mod histogram;
pub mod lifecycle;
pub mod memory;
pub mod noise;
pub mod order;
pub mod policy;
pub mod reference;
pub mod release;
pub mod runs;
pub mod scan;
pub mod score;
pub mod season;
pub mod seasons;
pub mod sensitivity;
pub mod series;
pub mod sparse;
pub mod trend;
pub mod two_part;
pub mod world;

mod replay;
#[cfg(test)]
mod simulate;

pub use backtest::{Past, Replay, replay, resume, resume_decided};
pub use describe::{Baseline, BaselineState};
pub use detail::{Detail, Lane};
pub use finding::{Direction, Finding, Severity, State};
pub use histogram::{Histogram, Scheme};
pub use policy::Policy;
pub use reference::{Decision, Ruling, Strategy};
pub use series::{History, Hour, Kind, SeriesHourRow, SeriesKey};

/// One evaluation looks back this far, so that a finding's whole life is judged again with data that came late.
pub const EVALUATION_DAYS: i64 = 14;

/// The findings of one evaluation at the instant `now_hour` (the hours before it have closed): a replay of the last 14 days.
/// Findings that began earlier are continued only by [`resume`].
pub fn detect(histories: &[History], policy: &Policy, now_hour: Hour) -> Vec<Finding> {
    // From a UTC midnight: two evaluations of one day then begin alike.
    let from = (now_hour - EVALUATION_DAYS * 24).div_euclid(24) * 24;
    replay(histories, policy, from, now_hour).findings
}

//! Which past hours are normal, what they look like, and whether they suffice.
//!
//! A day's baseline is the 28 days that end 3 days before it, without the hours of confirmed incidents and those that a person
//! rejected. While an incident is open the baseline stands still, or the incident would become normal.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::histogram::{Histogram, Scheme};
use crate::policy::Policy;
use crate::scan::PanelSeries;
use crate::score::{Ridits, Score, ScoreSum};
use crate::series::{History, Hour};
use crate::two_part::{Parts, TwoPart, TwoPartSum};

pub use crate::describe::{Baseline, BaselineState};

/// The hours that define one series' normal.
#[derive(Clone, Debug, PartialEq)]
pub struct BaselineHours {
    pub window: Range<Hour>,
    /// Hours of confirmed incidents.
    pub incidents: Vec<Range<Hour>>,
    /// Hours of which a person said that they are not normal.
    pub rejected: Vec<Range<Hour>>,
}

impl BaselineHours {
    /// The baseline of the day that begins at `day`.
    pub fn of_day(day: Hour, policy: &Policy) -> BaselineHours {
        BaselineHours {
            window: day - policy.lead_hours()..day - policy.gap_days * 24,
            incidents: Vec::new(),
            rejected: Vec::new(),
        }
    }

    pub fn contains(&self, hour: Hour) -> bool {
        let is_in = |ranges: &[Range<Hour>]| ranges.iter().any(|range| range.contains(&hour));
        self.window.contains(&hour) && !is_in(&self.incidents) && !is_in(&self.rejected)
    }

    /// Days that count: most of a day's hours must be in, or what is left of it says little about a day.
    fn stable_days(&self, days: &BTreeSet<Hour>) -> usize {
        let is_stable = |day: &&Hour| {
            let hours = *day * 24..(*day + 1) * 24;
            let inside = hours.clone().filter(|hour| self.window.contains(hour));
            let used = hours.filter(|hour| self.contains(*hour)).count();
            2 * used >= inside.count()
        };
        days.iter().filter(is_stable).count()
    }
}

/// Why a series is not judged yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learning {
    pub day_count: usize,
    pub n: u64,
}

/// A baseline ready to judge by.
#[derive(Clone, Debug)]
pub struct Learned {
    pub hours: BaselineHours,
    /// Its page views, of all strata.
    pub all: Histogram,
    /// How many they are, and how many of them are zero.
    pub n: u64,
    pub zeros: u64,
    /// Index into `ridits` for each stratum of the history; `None` where the baseline says nothing about it.
    stratum: Vec<Option<usize>>,
    ridits: Vec<Ridits>,
    /// The same in two parts, where values may be zero.
    parts: Vec<TwoPart>,
}

/// Learns what is normal, or says how far it is from that.
pub fn learn(
    history: &History,
    hours: &BaselineHours,
    policy: &Policy,
) -> Result<Learned, Learning> {
    let scheme = history.key.scheme();
    let widths = scheme.inverse_widths();
    let mut days = BTreeSet::new();
    let (mut total, mut zeros) = (0_u64, 0_u64);
    let may_be_zero = scheme == Scheme::LayoutShift;
    let (mut ridits, mut parts) = (Vec::new(), Vec::new());
    let mut stratum = Vec::new();
    let mut all = Histogram::new(scheme);
    let mut rare = Histogram::new(scheme);
    let mut is_rare = Vec::new();
    for one in history.strata() {
        let mut last_day = None;
        let counts = one.counts(hours.window.clone(), |hour| {
            let is_in = hours.contains(hour);
            let day = hour.div_euclid(24);
            // Rows come in order: a day is new once.
            if is_in && last_day != Some(day) {
                days.insert(day);
                last_day = Some(day);
            }
            is_in
        });
        let histogram = Histogram::of_counts(scheme, &counts);
        all.merge(&histogram);
        let n = histogram.n();
        total = total.saturating_add(n);
        zeros = zeros.saturating_add(histogram.counts()[usize::from(scheme.zero_index())]);
        is_rare.push(n < policy.min_stratum_views);
        if n < policy.min_stratum_views {
            rare.merge(&histogram);
            stratum.push(None);
        } else {
            stratum.push(Ridits::new(histogram.counts(), &widths).map(|learned| {
                parts.extend(
                    may_be_zero
                        .then(|| TwoPart::new(histogram.counts(), &widths))
                        .flatten(),
                );
                ridits.push(learned);
                ridits.len() - 1
            }));
        }
    }
    let day_count = hours.stable_days(&days);
    if day_count < policy.min_baseline_days || total < policy.min_baseline_views {
        return Err(Learning {
            day_count,
            n: total,
        });
    }
    // Rare strata share one baseline; together they may still be too few to say anything.
    if rare.n() >= policy.min_stratum_views
        && let Some(pooled) = Ridits::new(rare.counts(), &widths)
    {
        parts.extend(
            may_be_zero
                .then(|| TwoPart::new(rare.counts(), &widths))
                .flatten(),
        );
        ridits.push(pooled);
        let pooled = ridits.len() - 1;
        stratum
            .iter_mut()
            .zip(&is_rare)
            .filter(|(_, rare)| **rare)
            .for_each(|(slot, _)| *slot = Some(pooled));
    }
    Ok(Learned {
        hours: hours.clone(),
        all,
        n: total,
        zeros,
        stratum,
        ridits,
        parts,
    })
}

impl Learned {
    /// Scores the hours of `range`; `history` must be the one it was learned from.
    pub fn score_hours(
        &self,
        history: &History,
        range: Range<Hour>,
        has_incident: bool,
    ) -> PanelSeries {
        let mut sums = vec![ScoreSum::default(); length(&range)];
        for (stratum, ridits) in history.strata().iter().zip(&self.stratum) {
            let Some(ridits) = ridits.map(|index| &self.ridits[index]) else {
                continue;
            };
            for (hour, cells) in stratum.hours(range.clone()) {
                sums[(hour - range.start) as usize].add(ridits, cells);
            }
        }
        let scores = sums.iter().map(ScoreSum::score);
        self.panel_series(history, range, has_incident, scores)
    }

    /// The same in two parts; of a series whose values cannot be zero, nothing.
    pub fn score_parts(
        &self,
        history: &History,
        range: Range<Hour>,
        has_incident: bool,
    ) -> Parts<PanelSeries> {
        let mut sums = vec![TwoPartSum::default(); length(&range)];
        for (stratum, part) in history.strata().iter().zip(&self.stratum) {
            let Some(part) = part.and_then(|index| self.parts.get(index)) else {
                continue;
            };
            for (hour, cells) in stratum.hours(range.clone()) {
                sums[(hour - range.start) as usize].add(part, cells);
            }
        }
        let scores: Vec<Parts<Score>> = sums.iter().map(TwoPartSum::scores).collect();
        let of = |score: fn(&Parts<Score>) -> Score| {
            let scores = scores.iter().map(score);
            self.panel_series(history, range.clone(), has_incident, scores)
        };
        Parts {
            share: of(|one| one.share),
            size: of(|one| one.size),
        }
    }

    fn panel_series(
        &self,
        history: &History,
        range: Range<Hour>,
        has_incident: bool,
        scores: impl Iterator<Item = Score>,
    ) -> PanelSeries {
        // Before a series' first page view there was no series: those hours are not part of its normal.
        let first = history.first_hour().unwrap_or(range.end);
        let mut out = PanelSeries {
            has_incident,
            ..PanelSeries::default()
        };
        for (hour, score) in range.zip(scores) {
            out.shift.push(score.shift);
            out.variance.push(score.variance);
            out.n.push(score.n);
            out.baseline
                .push(hour >= first && self.hours.contains(hour));
        }
        out
    }
}

fn length(range: &Range<Hour>) -> usize {
    (range.end - range.start).max(0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::{Kind, SeriesHourRow, SeriesKey};

    #[test]
    fn rare_strata_share_a_baseline() {
        let [app, environment, route, vital] =
            ["shop", "production", "/", "LCP"].map(str::to_owned);
        let mut history = History::new(SeriesKey {
            app,
            environment,
            route,
            kind: Kind::Vital,
            vital,
        });
        for hour in 0..45 * 24 {
            history.add(SeriesHourRow {
                stratum: "mobile/fast/network",
                release: "1",
                hour,
                buckets: &[(90, 5)],
            });
            if hour % 8 == 0 {
                for stratum in [
                    "desktop/slow/cache",
                    "desktop/slow/restored",
                    "unknown/unknown/network",
                ] {
                    history.add(SeriesHourRow {
                        stratum,
                        release: "1",
                        hour,
                        buckets: &[(95, 1), (99, 1)],
                    });
                }
            }
        }
        let policy = Policy::default();
        let hours = BaselineHours::of_day(40 * 24, &policy);
        let n_of = |policy: &Policy| {
            let learned = learn(&history, &hours, policy).expect("45 days suffice");
            learned.score_hours(&history, 40 * 24..40 * 24 + 1, false).n[0]
        };
        // Each rare stratum has 168 page views in 28 days, too few alone; together they have enough.
        assert_eq!(n_of(&policy), 11.0);
        assert_eq!(
            n_of(&Policy {
                min_stratum_views: 1_000,
                ..policy
            }),
            5.0
        );
    }
}

//! What people see of each series' baseline when a replay ends: which hours are in it, how the series stands against it, and the
//! candidate that waits to take its place.

use super::AppReplay;
use super::group::Group;
use super::today::Today;
use super::track::{Series, Source};
use crate::baseline::{BaselineHours, Learned, learn};
use crate::describe::{Baseline, Standing, all_views, describe};
use crate::reference::{Strategy, overlap};
use crate::runs::Runs;
use crate::series::Hour;

fn runs(source: Source, runs: &Runs) -> Standing {
    let minimum_detectable_ratio = runs.minimum_detectable_ratio();
    if source == Source::Frozen {
        return Standing::Frozen {
            minimum_detectable_ratio,
        };
    }
    Standing::Runs {
        count: runs.baseline_runs,
        minimum_detectable_ratio,
    }
}

impl AppReplay<'_, '_> {
    /// The baseline of each series, at the end of the hour `last` of `day`.
    pub(super) fn describe_baselines(&self, day: Hour, last: Hour) -> Vec<Baseline> {
        let mut baselines = Vec::new();
        for group in &self.groups {
            for (index, series) in group.series.iter().enumerate() {
                let describe_unlearned = |hours, standing| {
                    let all = all_views(series.history, hours);
                    describe(series.history, hours, &all, standing, self.policy)
                };
                if let Some(day) = &series.runs {
                    baselines.push(describe_unlearned(
                        &day.hours,
                        runs(series.source, &day.runs),
                    ));
                    continue;
                }
                let (Ok(learned), Some(today)) = (&series.learned, &group.today) else {
                    let (hours, standing) = self.not_judged(series, day);
                    baselines.push(describe_unlearned(&hours, standing));
                    continue;
                };
                let standing = self.standing(group, today, index, last);
                // Whoever has learned a baseline has seen its page views.
                let learned_baseline = describe(
                    series.history,
                    &learned.hours,
                    &learned.all,
                    standing,
                    self.policy,
                );
                baselines.push(learned_baseline);
                if let Some((hours, standing)) = self.candidate(series, learned, day) {
                    baselines.push(Baseline {
                        is_candidate: true,
                        ..describe_unlearned(&hours, standing)
                    });
                }
            }
        }
        baselines
    }

    fn standing(&self, group: &Group<'_>, today: &Today, index: usize, last: Hour) -> Standing {
        let member = today
            .members
            .iter()
            .position(|member| *member == index)
            .unwrap_or(0);
        let minimum_detectable_ratio = today.minimum_detectable_ratio(member);
        match group.series[index].source {
            Source::Frozen => Standing::Frozen {
                minimum_detectable_ratio,
            },
            Source::Approved => Standing::Held {
                minimum_detectable_ratio,
            },
            Source::Rolling | Source::Nothing => Standing::Calm {
                t_72: today.t_72(member, last),
                minimum_detectable_ratio,
            },
        }
    }

    /// A series without a baseline in force: the rolling window is learning, or waits for approval.
    fn not_judged(&self, series: &Series<'_>, day: Hour) -> (BaselineHours, Standing) {
        let hours = self.rolling(series, day);
        let standing = match learn(series.history, &hours, self.policy) {
            Ok(_) => Standing::Waiting,
            Err(learning) => Standing::Learning(learning),
        };
        (hours, standing)
    }

    /// The rolling window, where it is not what is judged by and could be: it waits for approval, or was rejected.
    fn candidate(
        &self,
        series: &Series<'_>,
        learned: &Learned,
        day: Hour,
    ) -> Option<(BaselineHours, Standing)> {
        let is_ready = |hours: &BaselineHours| learn(series.history, hours, self.policy).is_ok();
        let mut hours = self.rolling(series, day);
        if hours.window == learned.hours.window {
            return None;
        }
        let needs_approval = self.policy.strategy != Strategy::RollingWindow;
        if needs_approval && is_ready(&hours) {
            return Some((hours, Standing::Waiting));
        }
        let rejected = std::mem::take(&mut hours.rejected);
        let is_rejected = rejected.iter().any(|one| overlap(one, &hours.window));
        (is_rejected && is_ready(&hours)).then_some((hours, Standing::Refused))
    }

    fn rolling(&self, series: &Series<'_>, day: Hour) -> BaselineHours {
        let track = &series.track;
        track.rolling(day, &track.ruled(day), self.policy)
    }
}

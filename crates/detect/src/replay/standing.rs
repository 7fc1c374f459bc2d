//! What people see of each series' baseline when a replay ends: which hours are in it, and how the series stands against it.

use super::AppReplay;
use super::group::Group;
use crate::baseline::{Baseline, BaselineHours, Learning, Standing, describe};
use crate::series::Hour;

impl AppReplay<'_, '_> {
    /// One baseline for each series, at the end of the hour `last` of `day`.
    pub(super) fn describe_baselines(&self, day: Hour, last: Hour) -> Vec<Baseline> {
        let mut baselines = Vec::new();
        for group in &self.groups {
            for (index, series) in group.series.iter().enumerate() {
                let (hours, standing) = self.standing(group, index, day, last);
                baselines.push(describe(series.history, &hours, standing, self.policy));
            }
        }
        baselines
    }

    fn standing(
        &self,
        group: &Group<'_>,
        index: usize,
        day: Hour,
        last: Hour,
    ) -> (BaselineHours, Standing) {
        let series = &group.series[index];
        let (learned, today) = match (&series.learned, &group.today) {
            (Ok(learned), Some(today)) => (learned, today),
            (learned, _) => {
                let nothing = Learning { day_count: 0, n: 0 };
                let learning = learned.as_ref().err().copied().unwrap_or(nothing);
                return (
                    BaselineHours::of_day(day, self.policy),
                    Standing::Learning(learning),
                );
            }
        };
        let member = today
            .members
            .iter()
            .position(|member| *member == index)
            .unwrap_or(0);
        let minimum_detectable_ratio = today.minimum_detectable_ratio(member);
        let standing = if series.track.frozen.is_some() {
            Standing::Frozen {
                minimum_detectable_ratio,
            }
        } else {
            let (_, t_72) = today.scan.standing(member, today.scan.index(last), 72);
            Standing::Calm {
                t_72,
                minimum_detectable_ratio,
            }
        };
        (learned.hours.clone(), standing)
    }
}

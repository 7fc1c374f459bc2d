//! What a finding says beyond one ratio, as the JSON that the column `detail` holds and the command line prints.
//!
//! Written and read by this program alone; what a reader of the view may rely on are the names. A later version may know more: what is
//! not known here is left out, and what cannot be read is no detail.

use detect::compare::Bounded;
use detect::detail::{AboveZero, Beside, Detail, Lane};
use detect::memory::Leak;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DetailJson {
    /// `hours`, `share`, `size`, `runs` or `releases`: which comparison decided.
    pub lane: String,
    /// Of a series with many zeros: the page views above zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above_zero: Option<AboveZeroJson>,
    /// Of a growing heap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leak: Option<LeakJson>,
    /// The release beside an older one, in the hours in which both were live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beside: Option<BesideJson>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AboveZeroJson {
    pub share_before: f64,
    pub share_after: f64,
    pub p75_before: f64,
    pub p75_after: f64,
}

/// A value with its 90 % interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoundedJson {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeakJson {
    /// Median growth of page views.
    pub before_mb_per_hour: f64,
    pub after_mb_per_hour: f64,
    pub increase_mb_per_hour: BoundedJson,
    /// What that comes to by the end of a visit of `visit_minutes`, the middle of those that tell their growth.
    pub increase_mb_per_visit: BoundedJson,
    pub visit_minutes: f64,
    pub before_n: u64,
    pub after_n: u64,
    pub p_value: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BesideJson {
    pub older: String,
    pub newer: String,
    /// Newer over older; the interval holds at every look.
    pub ratio: BoundedJson,
    pub p_value: f64,
    /// Seconds since the epoch; the end is excluded.
    pub from_s: i64,
    pub to_s: i64,
    pub older_n: u64,
    pub newer_n: u64,
}

impl DetailJson {
    pub fn of(detail: &Detail) -> DetailJson {
        DetailJson {
            lane: detail.lane.name().to_owned(),
            above_zero: detail.above_zero.map(|one| AboveZeroJson {
                share_before: one.share_before,
                share_after: one.share_after,
                p75_before: one.p75_before,
                p75_after: one.p75_after,
            }),
            leak: detail.leak.map(|one| LeakJson {
                before_mb_per_hour: one.before_mb_per_hour,
                after_mb_per_hour: one.after_mb_per_hour,
                increase_mb_per_hour: one.increase_mb_per_hour.into(),
                increase_mb_per_visit: one.increase_mb_per_visit.into(),
                visit_minutes: one.visit_minutes,
                before_n: one.before_n,
                after_n: one.after_n,
                p_value: one.p_value,
            }),
            beside: detail.beside.as_ref().map(|one| BesideJson {
                older: one.older.clone(),
                newer: one.newer.clone(),
                ratio: one.ratio.into(),
                p_value: one.p_value,
                from_s: one.from_hour * 3600,
                to_s: one.to_hour * 3600,
                older_n: one.older_n,
                newer_n: one.newer_n,
            }),
        }
    }

    /// The text of the column.
    pub fn text(detail: &Detail) -> String {
        // Plain structs of numbers and strings: they can be written.
        serde_json::to_string(&DetailJson::of(detail)).unwrap_or_default()
    }

    /// What the column says. Findings of earlier versions have an empty text.
    pub fn read(text: &str) -> Detail {
        let found = serde_json::from_str::<DetailJson>(text);
        found.map_or_else(|_| Detail::default(), DetailJson::into_detail)
    }

    fn into_detail(self) -> Detail {
        Detail {
            lane: Lane::from_name(&self.lane).unwrap_or_default(),
            above_zero: self.above_zero.map(|one| AboveZero {
                share_before: one.share_before,
                share_after: one.share_after,
                p75_before: one.p75_before,
                p75_after: one.p75_after,
            }),
            leak: self.leak.map(|one| Leak {
                before_mb_per_hour: one.before_mb_per_hour,
                after_mb_per_hour: one.after_mb_per_hour,
                increase_mb_per_hour: one.increase_mb_per_hour.into(),
                increase_mb_per_visit: one.increase_mb_per_visit.into(),
                visit_minutes: one.visit_minutes,
                before_n: one.before_n,
                after_n: one.after_n,
                p_value: one.p_value,
            }),
            beside: self.beside.map(|one| Beside {
                older: one.older,
                newer: one.newer,
                ratio: one.ratio.into(),
                p_value: one.p_value,
                from_hour: one.from_s.div_euclid(3600),
                to_hour: one.to_s.div_euclid(3600),
                older_n: one.older_n,
                newer_n: one.newer_n,
            }),
        }
    }
}

impl From<Bounded> for BoundedJson {
    fn from(bounded: Bounded) -> BoundedJson {
        let Bounded { value, low, high } = bounded;
        BoundedJson { value, low, high }
    }
}

impl From<BoundedJson> for Bounded {
    fn from(json: BoundedJson) -> Bounded {
        let BoundedJson { value, low, high } = json;
        Bounded { value, low, high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let bounded = |value: f64| Bounded {
            value,
            low: value / 2.0,
            high: value * 2.0,
        };
        let all = Detail {
            lane: Lane::Size,
            above_zero: Some(AboveZero {
                share_before: 0.4,
                share_after: 0.5,
                p75_before: 0.1,
                p75_after: 0.2,
            }),
            leak: Some(Leak {
                before_mb_per_hour: 0.1,
                after_mb_per_hour: 12.1,
                increase_mb_per_hour: bounded(12.0),
                increase_mb_per_visit: bounded(6.0),
                visit_minutes: 30.0,
                before_n: 300,
                after_n: 60,
                p_value: 1e-6,
            }),
            beside: Some(Beside {
                older: "1".into(),
                newer: "2".into(),
                ratio: bounded(1.1),
                p_value: 1e-3,
                from_hour: 498_000,
                to_hour: 498_009,
                older_n: 10,
                newer_n: 20,
            }),
        };
        for detail in [Detail::default(), all] {
            assert_eq!(DetailJson::read(&DetailJson::text(&detail)), detail);
        }
        assert_eq!(DetailJson::text(&Detail::default()), r#"{"lane":"hours"}"#);
        for odd in ["", "{}", "[]", r#"{"lane":"tea leaves","new":1}"#] {
            assert_eq!(DetailJson::read(odd), Detail::default(), "{odd}");
        }
    }
}

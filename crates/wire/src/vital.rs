//! The seven vitals: name, unit, range, thresholds. A new vital starts here.

/// One of the page's measured qualities. The order is the order in which people read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "decode",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "UPPERCASE")
)]
pub enum Vital {
    /// First Contentful Paint, ms.
    Fcp,
    /// Largest Contentful Paint, ms.
    Lcp,
    /// Cumulative Layout Shift, unitless.
    Cls,
    /// First Input Delay, ms.
    Fid,
    /// Interaction to Next Paint, ms.
    Inp,
    /// Time To First Byte, ms.
    Ttfb,
    /// Size of the JavaScript heap, bytes.
    Memory,
}

/// A value's class. The limits are Google's published Core Web Vitals thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rating {
    Good,
    NeedsImprovement,
    Poor,
}

/// What a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Milliseconds,
    /// A layout shift score has no unit.
    Score,
    Bytes,
}

impl Vital {
    pub const ALL: [Vital; 7] = [
        Vital::Fcp,
        Vital::Lcp,
        Vital::Cls,
        Vital::Fid,
        Vital::Inp,
        Vital::Ttfb,
        Vital::Memory,
    ];

    /// The name on the wire, in SQL and on the dashboard.
    pub const fn name(self) -> &'static str {
        match self {
            Vital::Fcp => "FCP",
            Vital::Lcp => "LCP",
            Vital::Cls => "CLS",
            Vital::Fid => "FID",
            Vital::Inp => "INP",
            Vital::Ttfb => "TTFB",
            Vital::Memory => "MEMORY",
        }
    }

    pub fn from_name(name: &str) -> Option<Vital> {
        Vital::ALL.into_iter().find(|vital| vital.name() == name)
    }

    pub const fn unit(self) -> Unit {
        match self {
            Vital::Cls => Unit::Score,
            Vital::Memory => Unit::Bytes,
            _ => Unit::Milliseconds,
        }
    }

    /// The largest value a beacon may carry; the smallest is 0. Values outside are refused, never clamped.
    pub const fn max_value(self) -> f64 {
        match self.unit() {
            Unit::Milliseconds => crate::limits::MAX_DURATION_MS,
            Unit::Score => crate::limits::MAX_CLS,
            Unit::Bytes => crate::limits::MAX_MEMORY_BYTES,
        }
    }

    /// The largest good value and the largest value that still only needs improvement, in the vital's unit.
    /// MEMORY has none: no standard says how much is too much.
    pub const fn thresholds(self) -> Option<(f64, f64)> {
        match self {
            Vital::Fcp => Some((1800.0, 3000.0)),
            Vital::Lcp => Some((2500.0, 4000.0)),
            Vital::Cls => Some((0.1, 0.25)),
            Vital::Fid => Some((100.0, 300.0)),
            Vital::Inp => Some((200.0, 500.0)),
            Vital::Ttfb => Some((800.0, 1800.0)),
            Vital::Memory => None,
        }
    }

    /// Strictly greater leaves a class, so a value on the limit keeps the better rating.
    pub fn rating(self, value: f64) -> Option<Rating> {
        let (good, needs_improvement) = self.thresholds()?;
        Some(if value > needs_improvement {
            Rating::Poor
        } else if value > good {
            Rating::NeedsImprovement
        } else {
            Rating::Good
        })
    }
}

impl Rating {
    pub const fn name(self) -> &'static str {
        match self {
            Rating::Good => "good",
            Rating::NeedsImprovement => "needs-improvement",
            Rating::Poor => "poor",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for vital in Vital::ALL {
            assert_eq!(Vital::from_name(vital.name()), Some(vital));
        }
        assert_eq!(Vital::from_name("lcp"), None);
    }

    #[test]
    fn a_value_on_the_limit_keeps_the_better_rating() {
        for vital in Vital::ALL {
            let Some((good, needs_improvement)) = vital.thresholds() else {
                assert_eq!(vital.rating(1e9), None);
                continue;
            };
            assert_eq!(vital.rating(0.0), Some(Rating::Good));
            assert_eq!(vital.rating(good), Some(Rating::Good));
            assert_eq!(vital.rating(good * 1.0001), Some(Rating::NeedsImprovement));
            assert_eq!(
                vital.rating(needs_improvement),
                Some(Rating::NeedsImprovement)
            );
            assert_eq!(vital.rating(needs_improvement * 1.0001), Some(Rating::Poor));
        }
    }
}

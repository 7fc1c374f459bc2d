//! One visitor's visit in one tab, and whether it is sampled. Kept in sessionStorage, in memory where that is denied; never a
//! cookie, and nothing is stored before consent.

use crate::page::{self, number, text};

/// A visit ends after this much time without a page view.
const IDLE_MS: f64 = 30.0 * 60.0 * 1000.0;
/// A visit never lasts longer.
const LONGEST_MS: f64 = 4.0 * 60.0 * 60.0 * 1000.0;

#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub id: String,
    begun_ms: f64,
}

impl Session {
    /// A visit that is known to no one yet.
    pub fn begin(clock_ms: f64) -> Session {
        Session {
            id: page::random_hex(16),
            begun_ms: clock_ms,
        }
    }

    /// The stored visit if it still runs, else a new one.
    pub fn resume(clock_ms: f64) -> Session {
        page::stored()
            .filter(|stored| is_running(number(stored, 1), number(stored, 2), clock_ms))
            .map(|stored| Session {
                id: text(&stored, 0),
                begun_ms: number(&stored, 1),
            })
            .filter(|session| is_id(&session.id))
            .unwrap_or_else(|| Session::begin(clock_ms))
    }

    /// Stores the visit and when it was last active.
    pub fn store(&self, clock_ms: f64) {
        page::store(&self.id, self.begun_ms, clock_ms);
    }

    pub fn is_sampled(&self, sample_rate: f64) -> bool {
        is_sampled(&self.id, sample_rate)
    }
}

fn is_running(begun_ms: f64, seen_ms: f64, clock_ms: f64) -> bool {
    (0.0..IDLE_MS).contains(&(clock_ms - seen_ms))
        && (0.0..LONGEST_MS).contains(&(clock_ms - begun_ms))
}

fn is_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The decision depends on the session alone, so it is the same on every page and can be checked by anyone: FNV-1a (32 bit) of
/// the id, as a fraction of its range.
fn is_sampled(id: &str, sample_rate: f64) -> bool {
    let hash = id.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    // The last byte hardly moves the high bits of FNV-1a; one more round of mixing spreads it.
    let mixed = (hash ^ hash >> 15).wrapping_mul(0x2c1b_3c6d);
    f64::from(mixed ^ mixed >> 13) / 4_294_967_296.0 < sample_rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_ends_when_idle_or_long() {
        for (begun_ms, seen_ms, clock_ms, expected) in [
            (1000.0, 1000.0, 1000.0, true),
            (0.0, 0.0, IDLE_MS - 1.0, true),
            (0.0, 0.0, IDLE_MS, false),
            (0.0, LONGEST_MS - 1.0, LONGEST_MS, false),
            // A clock that was set back.
            (5000.0, 5000.0, 4000.0, false),
            (f64::NAN, 0.0, 10.0, false),
        ] {
            assert_eq!(
                is_running(begun_ms, seen_ms, clock_ms),
                expected,
                "{begun_ms} {seen_ms} {clock_ms}"
            );
        }
    }

    #[test]
    fn the_sampled_share_is_the_rate() {
        assert!(!is_sampled("8f14e45fceea167a", 0.0));
        assert!(is_sampled("8f14e45fceea167a", 1.0));
        for rate in [0.01, 0.1, 0.5] {
            let sampled = (0_u64..20_000)
                .filter(|number| {
                    is_sampled(
                        &format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                        rate,
                    )
                })
                .count();
            let share = sampled as f64 / 20_000.0;
            assert!((share - rate).abs() < 0.01, "{share} instead of {rate}");
        }
    }
}

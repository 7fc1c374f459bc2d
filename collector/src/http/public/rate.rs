//! How many beacons an app or an address may send: a bucket for each that holds [`BURST`] worth of beacons and refills at its rate.
//!
//! Buckets live in a table of fixed size and have no names in it: a key, hashed with a seed of this process, selects two cells, and
//! counts as the emptier one. So a million addresses take no more memory than one, no address is ever stored, nothing has to be
//! evicted, and an honest key is held back only where both of its cells are shared with floods (a count-min sketch, updated
//! conservatively: Estan and Varghese, "New directions in traffic measurement and accounting", 2002).

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What an idle sender may send at once, in time at its rate: a tab that comes back online, a page that ends.
pub const BURST: Duration = Duration::from_secs(10);
/// Locks of their own, so that senders rarely wait for each other.
const SHARDS: usize = 64;
/// 128 Ki cells of 8 bytes, 1 MiB: ten honest addresses a cell when a million send at once.
const CELLS_PER_SHARD: usize = 2048;

/// Time between two beacons of a sender that keeps exactly to its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    period_ns: u64,
}

impl Rate {
    /// None for 0: no limit.
    pub fn per_s(beacons: u32) -> Option<Rate> {
        let period_ns = 1_000_000_000_u64.checked_div(u64::from(beacons))?;
        Some(Rate { period_ns })
    }
}

/// See the module. A cell says when its bucket will be full again, in ns on the caller's clock.
#[derive(Debug)]
pub struct Buckets {
    seed: RandomState,
    shards: Box<[Mutex<Vec<u64>>]>,
}

impl Default for Buckets {
    fn default() -> Buckets {
        let shard = || Mutex::new(vec![0; CELLS_PER_SHARD]);
        Buckets {
            seed: RandomState::new(),
            shards: (0..SHARDS).map(|_| shard()).collect(),
        }
    }
}

impl Buckets {
    /// How long `key` has to wait before it may send; zero when it may now.
    pub fn wait(&self, key: impl Hash, rate: Rate, now: Duration) -> Duration {
        let full_ns = self.at(key, |full_ns| full_ns);
        let taken_ns = full_ns.saturating_sub(nanos(now));
        let after = taken_ns.saturating_add(rate.period_ns);
        Duration::from_nanos(after.saturating_sub(nanos(BURST)))
    }

    /// Takes `count` beacons out of the bucket of `key`, also where it has not as many: it may send again when they are paid for.
    pub fn charge(&self, key: impl Hash, rate: Rate, count: u64, now: Duration) {
        let cost_ns = rate.period_ns.saturating_mul(count);
        self.at(key, |full_ns| {
            full_ns.max(nanos(now)).saturating_add(cost_ns)
        });
    }

    /// Raises the two cells of `key` to what `change` makes of the smaller one, and returns it.
    fn at(&self, key: impl Hash, change: impl FnOnce(u64) -> u64) -> u64 {
        let hash = self.seed.hash_one(key);
        let index = |shift: u32, count: usize| (hash >> shift) as usize % count;
        let shard = &self.shards[index(0, SHARDS)];
        let mut cells = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let (one, two) = (index(8, CELLS_PER_SHARD), index(32, CELLS_PER_SHARD));
        let changed = change(cells[one].min(cells[two]));
        cells[one] = cells[one].max(changed);
        cells[two] = cells[two].max(changed);
        changed
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(buckets: &Buckets, key: u64, rate: Rate, now: Duration) -> bool {
        let may = buckets.wait(key, rate, now).is_zero();
        if may {
            buckets.charge(key, rate, 1, now);
        }
        may
    }

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let (buckets, rate) = (Buckets::default(), Rate::per_s(5).expect("is a rate"));
        let mut now = Duration::from_secs(1000);
        let passed = (0..200).filter(|_| take(&buckets, 7, rate, now)).count();
        assert_eq!(passed, 50);
        assert_eq!(buckets.wait(7_u64, rate, now), Duration::from_millis(200));
        assert!(take(&buckets, 8, rate, now), "another one is not held back");
        let mut passed = 0;
        for _ in 0..1000 {
            now += Duration::from_millis(10);
            passed += usize::from(take(&buckets, 7, rate, now));
        }
        assert_eq!(passed, 50, "ten seconds at five a second");
        now += Duration::from_secs(60);
        let passed = (0..200).filter(|_| take(&buckets, 7, rate, now)).count();
        assert_eq!(passed, 50, "an idle bucket fills up and no further");
    }

    #[test]
    fn what_was_too_much_is_paid_for() {
        let (buckets, rate) = (Buckets::default(), Rate::per_s(100).expect("is a rate"));
        let now = Duration::from_secs(5);
        buckets.charge(1_u64, rate, 10_000, now);
        let wait = buckets.wait(1_u64, rate, now);
        assert_eq!(wait, Duration::from_millis(90_010));
        assert!(!take(&buckets, 1, rate, now + Duration::from_secs(90)));
        assert!(take(&buckets, 1, rate, now + wait));
    }

    #[test]
    fn a_million_addresses_take_no_memory_and_leave_others_alone() {
        let (buckets, rate) = (Buckets::default(), Rate::per_s(500).expect("is a rate"));
        let size = |buckets: &Buckets| -> usize {
            let shards = buckets.shards.iter();
            shards
                .map(|shard| shard.lock().expect("not poisoned").capacity() * size_of::<u64>())
                .sum()
        };
        let before = size(&buckets);
        let now = Duration::from_secs(9);
        for address in 0..1_000_000_u64 {
            buckets.charge(address, rate, 1, now);
        }
        assert_eq!(size(&buckets), before);
        let honest = (2_000_000..2_010_000).filter(|&address| take(&buckets, address, rate, now));
        assert_eq!(honest.count(), 10_000);
    }

    #[test]
    fn no_rate_is_no_limit_and_no_number_overflows() {
        assert_eq!(Rate::per_s(0), None);
        let (buckets, rate) = (Buckets::default(), Rate::per_s(1).expect("is a rate"));
        buckets.charge(1, rate, u64::MAX, Duration::MAX);
        assert!(buckets.wait(1, rate, Duration::ZERO) > BURST);
    }
}

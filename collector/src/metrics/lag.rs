//! How long beacons wait between the spool and ClickHouse, to the second, or to a thousandth of a long outage. The spool itself knows the age of a segment's first record
//! only, which at a low rate is hours more. Pure: time is an argument, and it is monotonic, so a clock that jumps makes no beacon old.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Beacons that came within this time are told apart no further. It doubles whenever there are too many marks.
const FINEST_RESOLUTION: Duration = Duration::from_secs(1);
/// Marks kept; when there are more, neighbours become one, as old as the older.
const MAX_MARKS: usize = 1024;

/// Beacons come and leave in one order, so counting is enough.
#[derive(Debug, Default)]
pub struct Lag {
    marks: VecDeque<Mark>,
    resolution: Duration,
    spooled: u64,
    left: u64,
    last_wait: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    /// Beacons spooled until then, these included.
    upto: u64,
    since: Instant,
}

impl Lag {
    /// Of an earlier process, `count` beacons wait since `since` at the latest.
    pub fn resumed(count: u64, since: Instant) -> Lag {
        let mut lag = Lag::default();
        if count > 0 {
            lag.on_spooled(count, since);
        }
        lag
    }

    pub fn on_spooled(&mut self, count: u64, now: Instant) {
        self.spooled += count;
        if self.marks.is_empty() {
            self.resolution = FINEST_RESOLUTION;
        }
        match self.marks.back_mut() {
            Some(last) if now.saturating_duration_since(last.since) < self.resolution => {
                last.upto = self.spooled;
            }
            _ => self.marks.push_back(Mark {
                upto: self.spooled,
                since: now,
            }),
        }
        if self.marks.len() > MAX_MARKS {
            self.thin_out();
        }
    }

    /// The newest were not taken by the spool after all.
    pub fn on_refused(&mut self, count: u64) {
        self.spooled = self.spooled.saturating_sub(count).max(self.left);
        while let Some(last) = self.marks.pop_back() {
            let before = self.marks.back().map_or(self.left, |mark| mark.upto);
            if before < self.spooled {
                let upto = last.upto.min(self.spooled);
                self.marks.push_back(Mark { upto, ..last });
                return;
            }
        }
    }

    /// The oldest are in ClickHouse, or were set aside.
    pub fn on_left(&mut self, count: u64, now: Instant) {
        self.last_wait = self.oldest_age(now);
        self.left += count;
        while self
            .marks
            .front()
            .is_some_and(|mark| mark.upto <= self.left)
        {
            self.marks.pop_front();
        }
    }

    /// How long the oldest beacon that waits has waited; zero when none does.
    pub fn oldest_age(&self, now: Instant) -> Duration {
        let oldest = self.marks.front();
        oldest.map_or(Duration::ZERO, |mark| {
            now.saturating_duration_since(mark.since)
        })
    }

    /// How long the oldest of those that left last had waited.
    pub fn last_wait(&self) -> Duration {
        self.last_wait
    }

    fn thin_out(&mut self) {
        self.resolution *= 2;
        let marks: Vec<Mark> = self.marks.drain(..).collect();
        self.marks = marks
            .chunks(2)
            .map(|pair| Mark {
                upto: pair[pair.len() - 1].upto,
                since: pair[0].since,
            })
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_that_waits_has_the_age() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let age = |lag: &Lag, seconds| lag.oldest_age(at(seconds)).as_secs();
        let mut lag = Lag::resumed(2, at(0));
        lag.on_spooled(3, at(10));
        lag.on_spooled(3, at(20));
        assert_eq!(age(&lag, 30), 30);
        lag.on_left(1, at(30));
        assert_eq!((age(&lag, 30), lag.last_wait().as_secs()), (30, 30));
        lag.on_left(1, at(30));
        assert_eq!(age(&lag, 30), 20);
        lag.on_refused(1);
        lag.on_left(3, at(31));
        assert_eq!((age(&lag, 31), lag.last_wait().as_secs()), (11, 21));
        lag.on_refused(2);
        assert_eq!(age(&lag, 31), 0, "nothing waits any more");
        lag.on_spooled(1, at(40));
        assert_eq!(age(&lag, 41), 1);
        assert_eq!(age(&Lag::default(), 5), 0);
    }

    #[test]
    fn days_without_clickhouse_take_a_thousand_marks() {
        let start = Instant::now();
        let mut lag = Lag::default();
        for second in 0..100_000 {
            lag.on_spooled(10, start + Duration::from_secs(second));
            assert!(lag.marks.len() <= MAX_MARKS);
        }
        let end = start + Duration::from_secs(100_000);
        assert_eq!(lag.oldest_age(end).as_secs(), 100_000);
        lag.on_left(500_000, end);
        let age = lag.oldest_age(end).as_secs();
        assert!((50_000..50_200).contains(&age), "{age}");
        lag.on_left(500_000, end);
        assert_eq!(lag.oldest_age(end), Duration::ZERO);
    }
}

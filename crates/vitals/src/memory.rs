//! MEMORY: the newest sample of the JavaScript heap, in bytes. Good for trends; browsers share one heap between frames and
//! round it, so it is no absolute claim.
//!
//! A heap grows until it is collected, so a single sample says little about a leak. A sample below the one before it follows a
//! collection: those samples are the floor, and how fast the floor rises is what a leak is judged by. The rise is the median of the
//! slopes of all pairs of floor samples (Theil 1950, Sen 1968), which no single odd sample can move.

use crate::attribution::{Facts, write};

/// Floor samples kept. When they are full every second one goes and only every second new one is taken, and so on: a view of a
/// minute and one of a day are described with the same few.
const MAX_FLOOR: usize = 8;
/// Pairs of them.
const MAX_SLOPES: usize = MAX_FLOOR * (MAX_FLOOR - 1) / 2;
/// Fewer floor samples say nothing about a slope.
const MIN_FLOOR: usize = 3;
const MINUTE_MS: f64 = 60_000.0;

/// Where samples come from. Two sources count different things; one page view never mixes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemorySource {
    /// `performance.memory.usedJSHeapSize`.
    UsedJsHeap,
    /// `performance.measureUserAgentSpecificMemory()`, only in cross-origin isolated pages.
    UserAgentSpecific,
}

/// One reading; sizes that the source does not tell are NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub source: MemorySource,
    pub bytes: f64,
    pub at_ms: f64,
    pub total_bytes: f64,
    pub limit_bytes: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// Samples so far.
    count: u32,
    newest: Sample,
    first_bytes: f64,
    peak_bytes: f64,
    floor: Floor,
    /// What the other source said, where it is not the value.
    page_bytes: f64,
}

/// Samples right after a collection.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Floor {
    /// (time, bytes), oldest first.
    samples: [(f64, f64); MAX_FLOOR],
    kept: usize,
    newest_bytes: f64,
    seen: u32,
    /// Every this many is kept, as a power of two.
    stride_log2: u32,
}

impl Memory {
    /// No sample so far.
    pub const EMPTY: Memory = Memory {
        count: 0,
        newest: Sample {
            source: MemorySource::UsedJsHeap,
            bytes: 0.0,
            at_ms: 0.0,
            total_bytes: 0.0,
            limit_bytes: 0.0,
        },
        first_bytes: 0.0,
        peak_bytes: 0.0,
        floor: Floor {
            samples: [(0.0, 0.0); MAX_FLOOR],
            kept: 0,
            newest_bytes: 0.0,
            seen: 0,
            stride_log2: 0,
        },
        page_bytes: 0.0,
    };

    /// A sample from another source than the first is a figure of its own; one that is no size is ignored.
    pub fn on_sample(&mut self, sample: &Sample) {
        // 0 is what browsers say when they will not tell.
        if sample.bytes.is_nan() || sample.bytes <= 0.0 {
            return;
        }
        if self.count == 0 {
            self.first_bytes = sample.bytes;
        } else if self.newest.source != sample.source {
            self.page_bytes = sample.bytes;
            return;
        } else if sample.bytes < self.newest.bytes {
            self.floor.push(sample.at_ms, sample.bytes);
        }
        self.peak_bytes = self.peak_bytes.max(sample.bytes);
        self.count += 1;
        self.newest = *sample;
    }

    /// NaN without a value.
    pub fn value_bytes(&self) -> f64 {
        if self.count > 0 {
            self.newest.bytes
        } else {
            f64::NAN
        }
    }

    /// `since_ms` is the start of the page view.
    pub fn attribution(&self, since_ms: f64, facts: &mut Facts) {
        if self.count == 0 {
            return;
        }
        let newest = &self.newest;
        let source = match newest.source {
            MemorySource::UsedJsHeap => wire::attribution::USED_JS_HEAP,
            MemorySource::UserAgentSpecific => wire::attribution::USER_AGENT_SPECIFIC,
        };
        let floor = &self.floor;
        write(
            facts,
            [
                f64::from(source),
                self.first_bytes,
                self.peak_bytes,
                f64::from(self.count),
                (newest.at_ms - since_ms).max(0.0),
                newest.total_bytes,
                newest.limit_bytes,
                if floor.kept > 0 {
                    floor.newest_bytes
                } else {
                    f64::NAN
                },
                floor.bytes_per_minute(),
                if self.page_bytes > 0.0 {
                    self.page_bytes
                } else {
                    f64::NAN
                },
            ],
        );
    }
}

impl Floor {
    fn push(&mut self, at_ms: f64, bytes: f64) {
        self.newest_bytes = bytes;
        let due = self.seen.trailing_zeros() >= self.stride_log2;
        self.seen += 1;
        if !due {
            return;
        }
        if self.kept == MAX_FLOOR {
            self.kept = MAX_FLOOR / 2;
            for place in 0..self.kept {
                self.samples[place] = self.samples[2 * place];
            }
            self.stride_log2 += 1;
        }
        self.samples[self.kept] = (at_ms, bytes);
        self.kept += 1;
    }

    /// The Theil-Sen slope; NaN while there is too little to say.
    fn bytes_per_minute(&self) -> f64 {
        if self.kept < MIN_FLOOR {
            return f64::NAN;
        }
        let mut slopes = [0.0; MAX_SLOPES];
        let mut count = 0;
        let samples = &self.samples[..self.kept];
        for (place, &(later_ms, later)) in samples.iter().enumerate() {
            for &(earlier_ms, earlier) in &samples[..place] {
                let slope = (later - earlier) / (later_ms - earlier_ms) * MINUTE_MS;
                let mut at = count;
                while at > 0 && slopes[at - 1] > slope {
                    slopes[at] = slopes[at - 1];
                    at -= 1;
                }
                slopes[at] = slope;
                count += 1;
            }
        }
        (slopes[count / 2] + slopes[(count - 1) / 2]) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::{known, written};

    fn sample(source: MemorySource, bytes: f64, at_ms: f64) -> Sample {
        Sample {
            source,
            bytes,
            at_ms,
            total_bytes: f64::NAN,
            limit_bytes: 4e9,
        }
    }

    fn heap(bytes: &[f64]) -> Memory {
        let mut memory = Memory::EMPTY;
        for (minute, &bytes) in bytes.iter().enumerate() {
            let at_ms = minute as f64 * MINUTE_MS;
            memory.on_sample(&sample(MemorySource::UsedJsHeap, bytes, at_ms));
        }
        memory
    }

    #[test]
    fn the_newest_sample_of_one_source_is_the_value() {
        let mut memory = Memory::EMPTY;
        assert_eq!(known(memory.value_bytes()), None);
        assert!(written(|facts| memory.attribution(0.0, facts))[0].is_nan());
        for (source, bytes, at_ms) in [
            (MemorySource::UsedJsHeap, 0.0, 10.0),
            (MemorySource::UsedJsHeap, f64::NAN, 10.0),
            (MemorySource::UsedJsHeap, 1000.0, 100.0),
            (MemorySource::UserAgentSpecific, 5.0, 150.0),
            (MemorySource::UsedJsHeap, 3000.0, 200.0),
            (MemorySource::UsedJsHeap, 2000.0, 300.0),
        ] {
            memory.on_sample(&sample(source, bytes, at_ms));
        }
        assert_eq!(known(memory.value_bytes()), Some(2000.0));
        let facts = written(|facts| memory.attribution(50.0, facts));
        let source = f64::from(wire::attribution::USED_JS_HEAP);
        assert_eq!(facts[..5], [source, 1000.0, 3000.0, 3.0, 250.0]);
        assert_eq!(facts[6..8], [4e9, 2000.0], "limit and floor");
        assert!(facts[5].is_nan() && facts[8].is_nan(), "{facts:?}");
    }

    #[test]
    fn the_floor_is_what_collections_leave() {
        let growth = |bytes: &[f64]| written(|facts| heap(bytes).attribution(0.0, facts))[8];
        assert!(growth(&[10.0, 20.0, 5.0, 20.0, 5.0]).is_nan(), "two floors");
        // A saw with a level floor leaks nothing, however high its teeth.
        assert_eq!(
            growth(&[50.0, 90.0, 50.0, 99.0, 50.0, 80.0, 50.0, 70.0, 50.0]),
            0.0
        );
        // The floor rises by 10 every two minutes.
        assert_eq!(
            growth(&[9.0, 90.0, 10.0, 99.0, 20.0, 98.0, 30.0, 97.0, 40.0]),
            5.0
        );
        // One odd floor does not move the median.
        assert_eq!(
            growth(&[
                9.0, 90.0, 10.0, 99.0, 20.0, 98.0, 30.0, 97.0, 40.0, 96.0, 0.5, 95.0, 60.0
            ]),
            5.0
        );
    }

    #[test]
    fn a_day_of_floors_is_described_with_a_few() {
        let saw: Vec<f64> = (0..4000)
            .map(|minute| {
                if minute % 2 == 0 {
                    f64::from(minute) * 3.0 + 7.0
                } else {
                    1e6
                }
            })
            .collect();
        let memory = heap(&saw);
        assert!(memory.floor.kept <= MAX_FLOOR);
        let oldest_ms = memory.floor.samples[0].0;
        let newest_ms = memory.floor.samples[memory.floor.kept - 1].0;
        assert!(
            newest_ms - oldest_ms > 1000.0 * MINUTE_MS,
            "they span the view"
        );
        assert_eq!(written(|facts| memory.attribution(0.0, facts))[8], 3.0);
    }

    extern crate alloc;
    use alloc::vec::Vec;
}

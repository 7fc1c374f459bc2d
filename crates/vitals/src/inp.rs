//! Interaction to Next Paint: the latency of a slow interaction, the slowest but one for every 50. Only the ten slowest are
//! kept, which is exact up to 500 interactions and what the reference library does.

use crate::attribution::{Facts, write};
use crate::entry::{EventEntry, FrameEntry, Label};

/// Interactions kept, the slowest ones.
const MAX_INTERACTIONS: usize = 10;
/// One outlier is forgiven for this many interactions.
const INTERACTIONS_PER_OUTLIER: u32 = 50;
/// The smallest latency: what an interaction had that was too quick to be reported at all.
const MIN_LATENCY_MS: f64 = 8.0;
/// Browsers step their ids by this, so that pages do not count with them.
const ID_STEP: f64 = 7.0;
/// Entries that end this close together were presented in the same frame: durations are rounded to 8 ms.
const FRAME_MS: f64 = 8.0;
/// Ids remembered to tell a new interaction from another entry of a recent one.
const RECENT_IDS: usize = 16;
/// Long frames remembered: a frame and the interactions in it are reported in either order, within a few frames.
const RECENT_FRAMES: usize = 10;

/// The interactions of one page view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inp {
    counter: Counter,
    kept: usize,
    seen: u32,
    next_frame: usize,
    /// Whether an interaction that nothing was seen of counts: in a restored or soft page view no `first-input` comes for it.
    assume_unseen: bool,
    /// Slowest first.
    slowest: [Interaction; MAX_INTERACTIONS],
    recent_ids: [f64; RECENT_IDS],
    frames: [FrameEntry; RECENT_FRAMES],
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Interaction {
    /// The slowest entry, its processing joined with that of its frame.
    event: EventEntry,
    script_ms: f64,
    script: Label,
}

/// How many interactions there were: what the browser counts, else an estimate from its ids. NaN: not known.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Counter {
    /// The browser's count when the page view began.
    base: f64,
    native: f64,
    /// 0 while there is none.
    least_id: f64,
    greatest_id: f64,
}

impl Inp {
    /// Not begun.
    pub(crate) const EMPTY: Inp = Inp {
        counter: Counter {
            base: 0.0,
            native: 0.0,
            least_id: 0.0,
            greatest_id: 0.0,
        },
        kept: 0,
        seen: 0,
        next_frame: 0,
        assume_unseen: false,
        slowest: [Interaction::EMPTY; MAX_INTERACTIONS],
        recent_ids: [0.0; RECENT_IDS],
        frames: [FrameEntry::EMPTY; RECENT_FRAMES],
    };

    /// Nothing seen. `count_before`: the browser's count when the page view began; NaN where it counts none.
    pub fn new(count_before: f64, assume_unseen: bool) -> Inp {
        let mut inp = Inp::EMPTY;
        inp.begin(count_before, assume_unseen);
        inp
    }

    pub(crate) fn begin(&mut self, count_before: f64, assume_unseen: bool) {
        self.counter.base = count_before;
        self.counter.native = f64::NAN;
        self.assume_unseen = assume_unseen;
    }

    /// `event` and `first-input` entries alike; those without an interaction are ignored. Answers whether the entry now stands for
    /// its interaction, so that its target may be asked for.
    pub fn on_entry(&mut self, entry: &EventEntry) -> bool {
        let id = entry.interaction_id;
        if id.is_nan() || id <= 0.0 {
            return false;
        }
        self.counter.on_id(id);
        let mut place = 0;
        while place < self.kept && self.slowest[place].event.interaction_id != id {
            place += 1;
        }
        let is_new = place == self.kept;
        if is_new {
            self.count_seen(id);
            if place < MAX_INTERACTIONS {
                self.kept += 1;
            } else if entry.duration_ms > self.slowest[MAX_INTERACTIONS - 1].event.duration_ms {
                place = MAX_INTERACTIONS - 1;
            } else {
                return false;
            }
            self.slowest[place] = Interaction::EMPTY;
        }
        let interaction = &mut self.slowest[place];
        let takes_over = is_new || entry.duration_ms > interaction.event.duration_ms;
        interaction.on_entry(entry, takes_over);
        for frame in &self.frames {
            interaction.on_frame(frame);
        }
        // Only this one can be out of order, and only too far back. The earlier of two equally slow ones stays in front.
        while place > 0
            && self.slowest[place - 1].event.duration_ms < self.slowest[place].event.duration_ms
        {
            self.slowest.swap(place - 1, place);
            place -= 1;
        }
        takes_over
    }

    /// A long animation frame: the interactions in it waited for its script.
    pub fn on_frame(&mut self, frame: &FrameEntry) {
        self.frames[self.next_frame] = *frame;
        self.next_frame = (self.next_frame + 1) % RECENT_FRAMES;
        for interaction in &mut self.slowest[..self.kept] {
            interaction.on_frame(frame);
        }
    }

    /// `performance.interactionCount`, read with every batch: the value can change without a new entry.
    pub fn on_interaction_count(&mut self, count: f64) {
        self.counter.native = count;
    }

    /// Interactions before the browser's count was this were another page view's.
    pub fn count_from(&mut self, count_before: f64) {
        self.counter.base = count_before;
    }

    pub fn count(&self) -> u32 {
        self.counter.total()
    }

    pub fn seen(&self) -> u32 {
        self.seen
    }

    /// Follows the slow interaction also downwards, when one more outlier is forgiven. NaN without a value.
    pub fn value_ms(&self) -> f64 {
        match self.candidate() {
            Some(interaction) => interaction.event.duration_ms,
            None if self.assume_unseen && self.count() > 0 => MIN_LATENCY_MS,
            None => f64::NAN,
        }
    }

    /// When the interaction began that the value is of, in document time; NaN if there is none.
    pub fn at_ms(&self) -> f64 {
        match self.candidate() {
            Some(interaction) => interaction.event.start_ms,
            None => f64::NAN,
        }
    }

    /// What the interaction was, three phases that sum to its latency, and the script it waited for.
    pub fn attribution(&self, since_ms: f64, facts: &mut Facts) {
        let Some(Interaction {
            event,
            script_ms,
            script,
        }) = self.candidate()
        else {
            return;
        };
        let start = event.start_ms;
        let painted = start + event.duration_ms;
        // Modal dialogs end processing long after the paint (web-vitals issue 492).
        let processing_start = event.processing_start_ms.max(start).min(painted);
        let processing_end = event.processing_end_ms.max(processing_start).min(painted);
        write(
            facts,
            [
                event.name.fact(),
                (start - since_ms).max(0.0),
                processing_start - start,
                processing_end - processing_start,
                painted - processing_end,
                event.target.fact(),
                script.fact(),
                if script.0 > 0.0 { *script_ms } else { f64::NAN },
            ],
        );
    }

    fn kept(&self) -> &[Interaction] {
        &self.slowest[..self.kept]
    }

    fn candidate(&self) -> Option<&Interaction> {
        let outliers = (self.count() / INTERACTIONS_PER_OUTLIER) as usize;
        self.kept().get(outliers.min(self.kept.wrapping_sub(1)))
    }

    /// An interaction that is not among the kept ones; it may have gone from there.
    fn count_seen(&mut self, id: f64) {
        for recent in &self.recent_ids {
            if *recent == id {
                return;
            }
        }
        self.recent_ids[self.seen as usize % RECENT_IDS] = id;
        self.seen += 1;
    }
}

impl Interaction {
    const EMPTY: Interaction = Interaction {
        event: EventEntry::EMPTY,
        script_ms: 0.0,
        script: Label::NONE,
    };

    /// Another entry of this interaction: the slowest stands for it, one of the same frame adds its processing time.
    fn on_entry(&mut self, entry: &EventEntry, takes_over: bool) {
        let before = self.event;
        let gap_ms = entry.start_ms + entry.duration_ms - (before.start_ms + before.duration_ms);
        if takes_over {
            self.event = *entry;
            if entry.target == Label::NONE {
                self.event.target = before.target;
            }
        }
        let is_known = before.interaction_id == entry.interaction_id;
        if is_known && gap_ms.abs() <= FRAME_MS {
            self.event.processing_start_ms =
                before.processing_start_ms.min(entry.processing_start_ms);
            self.event.processing_end_ms = before.processing_end_ms.max(entry.processing_end_ms);
        }
    }

    /// Takes the script of a frame that overlaps, if it ran longer than the one known.
    fn on_frame(&mut self, frame: &FrameEntry) {
        let overlaps = frame.start_ms < self.event.start_ms + self.event.duration_ms
            && frame.start_ms + frame.duration_ms > self.event.start_ms;
        if overlaps && frame.script_ms > self.script_ms {
            self.script_ms = frame.script_ms;
            self.script = frame.script;
        }
    }
}

impl Counter {
    fn on_id(&mut self, id: f64) {
        if self.least_id == 0.0 || id < self.least_id {
            self.least_id = id;
        }
        self.greatest_id = self.greatest_id.max(id);
    }

    /// In this page view. What is below zero or no number counts as none.
    fn total(&self) -> u32 {
        let native = self.native - self.base;
        let estimate = (self.greatest_id - self.least_id) / ID_STEP + 1.0;
        let count = if !native.is_nan() {
            native
        } else if self.least_id > 0.0 {
            estimate
        } else {
            0.0
        };
        count as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::{known, written};

    fn entry(interaction_id: u32, start_ms: f64, duration_ms: f64) -> EventEntry {
        let processing_start_ms = start_ms + 2.0;
        let processing_end_ms = start_ms + duration_ms / 2.0;
        EventEntry {
            start_ms,
            duration_ms,
            processing_start_ms,
            processing_end_ms,
            interaction_id: interaction_id.into(),
            ..EventEntry::default()
        }
    }

    fn check(entries: &[(u32, f64)], native: Option<u32>, expected: Option<f64>) {
        let mut inp = Inp::new(0.0, false);
        for (index, &(id, duration_ms)) in entries.iter().enumerate() {
            inp.on_entry(&entry(id, index as f64 * 1000.0, duration_ms));
        }
        if let Some(count) = native {
            inp.on_interaction_count(count.into());
        }
        assert_eq!(known(inp.value_ms()), expected, "{entries:?} {native:?}");
    }

    #[test]
    fn the_slowest_interaction_but_one_for_every_fifty() {
        check(&[], None, None);
        check(&[], Some(3), None);
        check(&[(0, 500.0)], Some(0), None);
        check(&[(7, 16.0), (14, 120.0), (21, 64.0)], Some(3), Some(120.0));
        check(&[(7, 16.0), (14, 120.0), (21, 64.0)], Some(49), Some(120.0));
        check(&[(7, 16.0), (14, 120.0), (21, 64.0)], Some(50), Some(64.0));
        check(
            &[(7, 16.0), (14, 120.0), (21, 64.0)],
            Some(5000),
            Some(16.0),
        );
        check(&[(7, 40.0), (7, 120.0), (7, 80.0)], Some(1), Some(120.0));
        // Without a native count the ids tell it: (350 - 7) / 7 + 1 = 50 interactions.
        check(&[(7, 16.0), (350, 120.0)], None, Some(16.0));
        check(&[(7, 16.0), (343, 120.0)], None, Some(120.0));
    }

    #[test]
    fn ten_are_kept() {
        let entries: Vec<(u32, f64)> = (1..=12).map(|n| (n * 7, n as f64 * 8.0)).collect();
        check(&entries, Some(450), Some(24.0));
        check(&entries, Some(100_000), Some(24.0));
    }

    #[test]
    fn a_following_view_starts_from_nothing_and_counts_on() {
        let mut inp = Inp::new(0.0, false);
        inp.on_entry(&entry(7, 0.0, 120.0));
        inp.on_interaction_count(4.0);
        assert_eq!((inp.count(), inp.seen()), (4, 1));
        let mut next = Inp::new(4.0, true);
        assert_eq!(
            (next.count(), next.seen(), known(next.value_ms())),
            (0, 0, None)
        );
        next.on_interaction_count(5.0);
        assert_eq!(known(next.value_ms()), Some(8.0), "too quick to be seen");
        assert_eq!(known(next.at_ms()), None);
        assert!(
            written(|facts| next.attribution(0.0, facts))
                .iter()
                .all(|fact| fact.is_nan())
        );
        next.on_entry(&entry(35, 0.0, 24.0));
        assert_eq!(known(next.value_ms()), Some(24.0));
    }

    #[test]
    fn a_count_that_is_none_is_estimated_or_nothing() {
        let count = |base: f64, native: f64, ids: &[u32]| {
            let mut inp = Inp::new(base, true);
            for &id in ids {
                inp.on_entry(&entry(id, 0.0, 16.0));
            }
            inp.on_interaction_count(native);
            inp.count()
        };
        assert_eq!(count(3.0, 5.0, &[]), 2);
        // A browser that counts none: the ids tell it, from this page view's first.
        assert_eq!(count(f64::NAN, f64::NAN, &[700, 714]), 3);
        assert_eq!(count(3.0, f64::NAN, &[700]), 1);
        assert_eq!(count(f64::NAN, f64::NAN, &[]), 0);
        // A count that ran backwards, and one beyond all pages.
        assert_eq!(count(5.0, 3.0, &[7]), 0);
        assert_eq!(count(0.0, 1e30, &[7]), u32::MAX);
    }

    #[test]
    fn entries_without_an_interaction_say_nothing() {
        for interaction_id in [0.0, -7.0, f64::NAN] {
            let mut inp = Inp::new(f64::NAN, true);
            inp.on_entry(&EventEntry {
                interaction_id,
                ..entry(0, 100.0, 300.0)
            });
            assert_eq!(
                (inp.count(), inp.seen(), known(inp.value_ms())),
                (0, 0, None)
            );
        }
    }

    #[test]
    fn seen_counts_interactions_not_entries() {
        let mut inp = Inp::new(0.0, false);
        for id in [7, 7, 14, 7, 21, 14] {
            inp.on_entry(&entry(id, 0.0, 16.0));
        }
        assert_eq!(inp.seen(), 3);
        for id in 1..=40 {
            inp.on_entry(&entry(id * 700, 0.0, 16.0));
        }
        assert_eq!(inp.seen(), 43);
    }

    /// Name, start and the three phases, element, script and its time.
    fn check_blame(inp: &Inp, expected: [f64; 8]) {
        let facts = written(|facts| inp.attribution(0.0, facts));
        for (place, (fact, expected)) in facts.into_iter().zip(expected).enumerate() {
            let equal = fact == expected || fact.is_nan() && expected.is_nan();
            assert!(equal, "{place}: {fact} instead of {expected}");
        }
    }

    #[test]
    fn phases_are_clamped_to_the_latency() {
        let mut inp = Inp::new(0.0, false);
        inp.on_entry(&EventEntry {
            start_ms: 1000.0,
            duration_ms: 104.0,
            processing_start_ms: 1010.0,
            processing_end_ms: 9000.0,
            interaction_id: 7.0,
            name: Label(8.0),
            target: Label(9.0),
        });
        let none = f64::NAN;
        check_blame(&inp, [8.0, 1000.0, 10.0, 94.0, 0.0, 9.0, 0.0, none]);
    }

    #[test]
    fn entries_of_one_frame_share_their_processing_time() {
        let mut inp = Inp::new(0.0, false);
        inp.on_entry(&EventEntry {
            target: Label(9.0),
            name: Label(7.0),
            ..entry(7, 1000.0, 96.0)
        });
        inp.on_entry(&EventEntry {
            processing_end_ms: 1090.0,
            name: Label(8.0),
            ..entry(7, 1000.0, 104.0)
        });
        let none = f64::NAN;
        check_blame(&inp, [8.0, 1000.0, 2.0, 88.0, 14.0, 9.0, 0.0, none]);
        // An entry of another frame is slower: its processing is all its own.
        inp.on_entry(&EventEntry {
            name: Label(10.0),
            target: Label(11.0),
            ..entry(7, 2000.0, 200.0)
        });
        check_blame(&inp, [10.0, 2000.0, 2.0, 98.0, 100.0, 11.0, 0.0, none]);
    }

    #[test]
    fn the_longest_script_of_an_overlapping_frame_is_to_blame() {
        let frame = |start_ms, duration_ms, script_ms, script| FrameEntry {
            start_ms,
            duration_ms,
            script_ms,
            script: Label(script),
        };
        let frames = [
            frame(900.0, 100.0, 99.0, 20.0),
            frame(990.0, 60.0, 30.0, 21.0),
            frame(1050.0, 60.0, 50.0, 22.0),
            frame(1100.0, 80.0, 10.0, 23.0),
            frame(1104.0, 200.0, 190.0, 24.0),
        ];
        let click = EventEntry {
            name: Label(8.0),
            ..entry(7, 1000.0, 104.0)
        };
        // Frames and interactions are reported in either order.
        for early in 0..=frames.len() {
            let mut inp = Inp::new(0.0, false);
            frames[..early].iter().for_each(|frame| inp.on_frame(frame));
            inp.on_entry(&click);
            frames[early..].iter().for_each(|frame| inp.on_frame(frame));
            check_blame(&inp, [8.0, 1000.0, 2.0, 50.0, 52.0, 0.0, 22.0, 50.0]);
        }
        // Ten are remembered: this one is told too early.
        let mut inp = Inp::new(0.0, false);
        inp.on_frame(&frames[2]);
        for _ in 0..RECENT_FRAMES {
            inp.on_frame(&frames[0]);
        }
        inp.on_entry(&click);
        assert_eq!(written(|facts| inp.attribution(0.0, facts))[6], 0.0);
    }

    extern crate alloc;
    use alloc::vec::Vec;
}

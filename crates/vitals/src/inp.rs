//! Interaction to Next Paint: the latency of a slow interaction, the slowest but one for every 50. Only the ten slowest are
//! kept, which is exact up to 500 interactions and what the reference library does.

use alloc::string::String;
use alloc::vec::Vec;

use wire::Facts;

use crate::entry::EventEntry;

/// Interactions kept, the slowest ones.
const MAX_INTERACTIONS: usize = 10;
/// One outlier is forgiven for this many interactions.
const INTERACTIONS_PER_OUTLIER: u64 = 50;
/// The smallest latency: what an interaction had that was too quick to be reported at all.
const MIN_LATENCY_MS: f64 = 8.0;
/// Browsers step their ids by this, so that pages do not count with them.
const ID_STEP: u64 = 7;
/// Entries that end this close together were presented in the same frame: durations are rounded to 8 ms.
const FRAME_MS: f64 = 8.0;
/// Ids remembered to tell a new interaction from another entry of a recent one.
const RECENT_IDS: usize = 16;

/// The interactions of one page view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inp {
    /// Slowest first.
    slowest: Vec<Interaction>,
    counter: Counter,
    /// Whether an interaction that nothing was seen of counts: in a restored or soft page view no `first-input` comes for it.
    assume_unseen: bool,
    seen: u64,
    recent_ids: [u64; RECENT_IDS],
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Interaction {
    id: u64,
    start_ms: f64,
    latency_ms: f64,
    processing_start_ms: f64,
    processing_end_ms: f64,
    name: String,
    target: String,
}

/// How many interactions there were: what the browser counts, else an estimate from its ids.
#[derive(Clone, Debug, Default, PartialEq)]
struct Counter {
    native: Option<u64>,
    ids: Option<(u64, u64)>,
    base: u64,
}

impl Inp {
    /// The interactions of the page view that follows: nothing seen, counting from here.
    pub fn successor(&self) -> Inp {
        let counter = Counter {
            base: self.counter.total(),
            ..self.counter.clone()
        };
        Inp {
            counter,
            assume_unseen: true,
            ..Inp::default()
        }
    }

    /// `event` and `first-input` entries alike; those without an interaction are ignored.
    pub fn on_entry(&mut self, entry: &EventEntry) {
        let id = entry.interaction_id;
        if id == 0 {
            return;
        }
        self.counter.on_id(id);
        self.count_seen(id);
        let slow_enough = self.slowest.len() < MAX_INTERACTIONS
            || self
                .slowest
                .last()
                .is_some_and(|last| entry.duration_ms > last.latency_ms);
        let mut place = match self
            .slowest
            .iter()
            .position(|interaction| interaction.id == id)
        {
            Some(place) => {
                self.slowest[place].on_entry(entry);
                place
            }
            None if slow_enough => {
                self.slowest.push(Interaction::begin(entry));
                self.slowest.len() - 1
            }
            None => return,
        };
        // Only this one can be out of order, and only too far back. The earlier of two equally slow ones stays in front.
        while place > 0 && self.slowest[place - 1].latency_ms < self.slowest[place].latency_ms {
            self.slowest.swap(place - 1, place);
            place -= 1;
        }
        self.slowest.truncate(MAX_INTERACTIONS);
    }

    /// `performance.interactionCount`, read with every batch: the value can change without a new entry.
    pub fn on_interaction_count(&mut self, count: u64) {
        self.counter.native = Some(count);
    }

    pub fn count(&self) -> u64 {
        self.counter.total().saturating_sub(self.counter.base)
    }

    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Follows the slow interaction also downwards, when one more outlier is forgiven.
    pub fn value_ms(&self) -> Option<f64> {
        match self.candidate() {
            Some(interaction) => Some(interaction.latency_ms),
            None if self.assume_unseen && self.count() > 0 => Some(MIN_LATENCY_MS),
            None => None,
        }
    }

    /// What the interaction was and three phases that sum to its latency.
    pub fn attribution(&self, since_ms: f64, facts: &mut dyn Facts) {
        let Some(interaction) = self.candidate() else {
            return;
        };
        let start = interaction.start_ms;
        let painted = start + interaction.latency_ms;
        // Modal dialogs end processing long after the paint (web-vitals issue 492).
        let processing_start = interaction.processing_start_ms.max(start).min(painted);
        let processing_end = interaction
            .processing_end_ms
            .max(processing_start)
            .min(painted);
        facts.text("type", &interaction.name);
        facts.number("at_ms", (start - since_ms).max(0.0));
        facts.number("input_delay_ms", processing_start - start);
        facts.number("processing_ms", processing_end - processing_start);
        facts.number("presentation_ms", painted - processing_end);
        facts.text("element", &interaction.target);
    }

    fn candidate(&self) -> Option<&Interaction> {
        let outliers = (self.count() / INTERACTIONS_PER_OUTLIER) as usize;
        self.slowest
            .get(outliers.min(self.slowest.len().saturating_sub(1)))
    }

    fn count_seen(&mut self, id: u64) {
        if self.recent_ids.contains(&id)
            || self.slowest.iter().any(|interaction| interaction.id == id)
        {
            return;
        }
        self.recent_ids[self.seen as usize % RECENT_IDS] = id;
        self.seen += 1;
    }
}

impl Interaction {
    fn begin(entry: &EventEntry) -> Interaction {
        Interaction {
            id: entry.interaction_id,
            start_ms: entry.start_ms,
            latency_ms: entry.duration_ms,
            processing_start_ms: entry.processing_start_ms,
            processing_end_ms: entry.processing_end_ms,
            name: entry.name.clone(),
            target: entry.target.clone(),
        }
    }

    /// Another entry of this interaction: a slower one takes over, one of the same frame adds its processing time.
    fn on_entry(&mut self, entry: &EventEntry) {
        let painted = self.start_ms + self.latency_ms;
        let same_frame = (entry.start_ms + entry.duration_ms - painted).abs() <= FRAME_MS;
        let (first_ms, last_ms) = (self.processing_start_ms, self.processing_end_ms);
        if entry.duration_ms > self.latency_ms {
            let target = core::mem::take(&mut self.target);
            *self = Interaction::begin(entry);
            if self.target.is_empty() {
                self.target = target;
            }
        }
        if same_frame {
            self.processing_start_ms = first_ms.min(entry.processing_start_ms);
            self.processing_end_ms = last_ms.max(entry.processing_end_ms);
        }
    }
}

impl Counter {
    fn on_id(&mut self, id: u64) {
        let (least, greatest) = self.ids.unwrap_or((id, id));
        self.ids = Some((least.min(id), greatest.max(id)));
    }

    fn total(&self) -> u64 {
        let estimated = || {
            self.ids
                .map_or(0, |(least, greatest)| (greatest - least) / ID_STEP + 1)
        };
        self.native.unwrap_or_else(estimated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::gather;

    fn entry(interaction_id: u64, start_ms: f64, duration_ms: f64) -> EventEntry {
        let processing_start_ms = start_ms + 2.0;
        let processing_end_ms = start_ms + duration_ms / 2.0;
        EventEntry {
            start_ms,
            duration_ms,
            processing_start_ms,
            processing_end_ms,
            interaction_id,
            ..EventEntry::default()
        }
    }

    fn check(entries: &[(u64, f64)], native: Option<u64>, expected: Option<f64>) {
        let mut inp = Inp::default();
        for (index, &(id, duration_ms)) in entries.iter().enumerate() {
            inp.on_entry(&entry(id, index as f64 * 1000.0, duration_ms));
        }
        if let Some(count) = native {
            inp.on_interaction_count(count);
        }
        assert_eq!(inp.value_ms(), expected, "{entries:?} {native:?}");
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
        let entries: Vec<(u64, f64)> = (1..=12).map(|n| (n * 7, n as f64 * 8.0)).collect();
        check(&entries, Some(450), Some(24.0));
        check(&entries, Some(100_000), Some(24.0));
    }

    #[test]
    fn a_successor_starts_from_nothing_and_counts_on() {
        let mut inp = Inp::default();
        inp.on_entry(&entry(7, 0.0, 120.0));
        inp.on_interaction_count(4);
        assert_eq!((inp.count(), inp.seen()), (4, 1));
        let mut next = inp.successor();
        assert_eq!((next.count(), next.seen(), next.value_ms()), (0, 0, None));
        next.on_interaction_count(5);
        assert_eq!(next.value_ms(), Some(8.0), "too quick to be seen");
        assert!(gather(|facts| next.attribution(0.0, facts)).is_empty());
        next.on_entry(&entry(35, 0.0, 24.0));
        assert_eq!(next.value_ms(), Some(24.0));
    }

    #[test]
    fn seen_counts_interactions_not_entries() {
        let mut inp = Inp::default();
        for id in [7, 7, 14, 7, 21, 14] {
            inp.on_entry(&entry(id, 0.0, 16.0));
        }
        assert_eq!(inp.seen(), 3);
        for id in 1..=40 {
            inp.on_entry(&entry(id * 700, 0.0, 16.0));
        }
        assert_eq!(inp.seen(), 43);
    }

    #[test]
    fn phases_are_clamped_to_the_latency() {
        let mut inp = Inp::default();
        inp.on_entry(&EventEntry {
            start_ms: 1000.0,
            duration_ms: 104.0,
            processing_start_ms: 1010.0,
            processing_end_ms: 9000.0,
            interaction_id: 7,
            name: "click".into(),
            target: "#buy".into(),
        });
        assert_eq!(
            wire::encode::details_json(&gather(|facts| inp.attribution(0.0, facts))),
            r##"{"type":"click","at_ms":1000,"input_delay_ms":10,"processing_ms":94,"presentation_ms":0,"element":"#buy"}"##
        );
    }

    #[test]
    fn entries_of_one_frame_share_their_processing_time() {
        let mut inp = Inp::default();
        inp.on_entry(&EventEntry {
            target: "#buy".into(),
            name: "pointerup".into(),
            ..entry(7, 1000.0, 96.0)
        });
        inp.on_entry(&EventEntry {
            processing_end_ms: 1090.0,
            name: "click".into(),
            ..entry(7, 1000.0, 104.0)
        });
        assert_eq!(
            wire::encode::details_json(&gather(|facts| inp.attribution(0.0, facts))),
            r##"{"type":"click","at_ms":1000,"input_delay_ms":2,"processing_ms":88,"presentation_ms":14,"element":"#buy"}"##
        );
    }
}

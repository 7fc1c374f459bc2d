//! One page view: a document's life, a restore from the back/forward cache, or a route change. It decides which vitals exist,
//! when they count and when they are final; how each is computed is its own module's business.

use alloc::vec::Vec;

use wire::attribution::{LOADING, keys, round};
use wire::{Details, Measurement, NavigationType, Scalar, Vital};

use crate::attribution::{Facts, known, written};
use crate::cls::Cls;
use crate::entry::{Entry, EventEntry, FrameEntry, Label, LcpEntry, Navigation, ShiftEntry};
use crate::fcp::{self, Fcp};
use crate::fid::Fid;
use crate::inp::Inp;
use crate::lcp::Lcp;
use crate::memory::{Memory, Sample};
use crate::start::{Opening, Start, flag};
use crate::ttfb;
use crate::visibility::FirstHidden;

/// In this order in memory, small things first: what is near takes shorter instructions in WebAssembly. A blank one is all zeros, which
/// takes none at all.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct PageView {
    opening: Opening,
    /// Bits of [`flag`].
    flags: u32,
    since_ms: f64,
    first_hidden: FirstHidden,
    fcp: Fcp,
    fid: Fid,
    lcp: Lcp,
    cls: Cls,
    /// The document's usable navigation entry, once [`flag::NAVIGATION`].
    navigation: Navigation,
    /// `domInteractive`, `domContentLoadedEventStart`, `domComplete`; what is not reached is 0 or NaN.
    milestones_ms: [f64; 3],
    memory: Memory,
    inp: Inp,
}

impl PageView {
    /// A document of which nothing is known.
    pub const BLANK: PageView = PageView {
        opening: Opening::Document,
        flags: 0,
        since_ms: 0.0,
        first_hidden: FirstHidden::EVER,
        fcp: Fcp::EMPTY,
        fid: Fid::new(false),
        lcp: Lcp::EMPTY,
        cls: Cls::EMPTY,
        navigation: Navigation::EMPTY,
        milestones_ms: [0.0; 3],
        memory: Memory::EMPTY,
        inp: Inp::EMPTY,
    };

    pub fn open(start: Start) -> PageView {
        let mut view = PageView::BLANK;
        view.begin(
            start.opening,
            start.at_ms,
            start.first_hidden_ms.unwrap_or(f64::NAN),
            start.interaction_count,
            start.flags(),
        );
        view
    }

    /// Writes what is known at the start over a blank page view; `first_hidden_ms` is NaN where it was not hidden so far.
    pub fn begin(
        &mut self,
        opening: Opening,
        at_ms: f64,
        first_hidden_ms: f64,
        interaction_count: f64,
        flags: u32,
    ) {
        self.opening = opening;
        self.flags = flags;
        self.since_ms = at_ms;
        self.first_hidden = FirstHidden::known(first_hidden_ms);
        self.fid = Fid::new(self.is(flag::FID_CLOSED));
        self.inp
            .begin(interaction_count, opening != Opening::Document);
    }

    /// Document time that values and offsets of this page view count from.
    pub fn since_ms(&self) -> f64 {
        self.since_ms
    }

    fn is(&self, flag: u32) -> bool {
        self.flags & flag > 0
    }

    fn navigation(&self) -> Option<&Navigation> {
        self.is(flag::NAVIGATION).then_some(&self.navigation)
    }

    /// The reference library's precedence: a prerendered page is one however it was navigated to.
    pub fn navigation_type(&self) -> NavigationType {
        match (self.opening, self.navigation()) {
            (Opening::Restored, _) => NavigationType::BackForwardCache,
            (Opening::Route | Opening::Native, _) => NavigationType::SoftNavigation,
            (_, Some(navigation)) if navigation.activation_start_ms > 0.0 => {
                NavigationType::Prerender
            }
            _ if self.is(flag::WAS_DISCARDED) => NavigationType::Restore,
            (_, Some(navigation)) => navigation.navigation_type,
            _ => NavigationType::Navigate,
        }
    }

    /// A timeline entry. The caller gives each page view the entries that started in it. Answers whether the entry may be blamed for
    /// a value from now on: only then its label has to name anything.
    pub fn on_entry(&mut self, entry: &Entry) -> bool {
        match entry {
            Entry::Fcp { start_ms } => self.on_paint(*start_ms),
            Entry::Lcp(entry) => self.on_lcp(entry),
            Entry::Shift(entry) => return self.on_shift(entry),
            Entry::Event(entry) => return self.on_event(entry),
            Entry::FirstInput(entry) => return self.on_first_input(entry),
            Entry::Frame(frame) => self.on_frame(frame),
        }
        true
    }

    pub(crate) fn on_paint(&mut self, at_ms: f64) {
        self.fcp.on_paint(at_ms, self.first_hidden);
        if self.fcp.is_painted() {
            self.flags |= flag::HAS_PAINTED;
        }
    }

    pub(crate) fn on_lcp(&mut self, entry: &LcpEntry) {
        self.lcp.on_entry(entry, self.first_hidden);
    }

    pub(crate) fn on_shift(&mut self, entry: &ShiftEntry) -> bool {
        self.cls.on_entry(entry)
    }

    pub(crate) fn on_event(&mut self, entry: &EventEntry) -> bool {
        self.inp.on_entry(entry)
    }

    pub(crate) fn on_first_input(&mut self, entry: &EventEntry) -> bool {
        self.inp.on_entry(entry) | self.fid.on_first_input(entry, self.first_hidden)
    }

    pub(crate) fn on_frame(&mut self, frame: &FrameEntry) {
        self.inp.on_frame(frame);
    }

    /// The document's navigation entry as of now. One that says nothing leaves what was known.
    pub fn on_navigation(&mut self, navigation: &Navigation, now_ms: f64) {
        if navigation.is_usable(now_ms) {
            self.flags |= flag::NAVIGATION;
            self.navigation = *navigation;
            if self.opening == Opening::Document {
                self.since_ms = navigation.activation_start_ms;
            }
        }
    }

    /// How far the document is: `domInteractive`, `domContentLoadedEventStart`, `domComplete`, 0 before they are reached.
    pub fn on_milestones(&mut self, milestones_ms: [f64; 3]) {
        self.milestones_ms = milestones_ms;
    }

    /// The document has loaded and its navigation entry is complete (one task after the `load` event).
    pub fn on_load(&mut self) {
        self.flags |= flag::LOADED;
    }

    /// The first input of a restored page view, with the time it waited and the time since listening began, ms.
    pub fn on_restored_input(&mut self, name: Label, delay_ms: f64, listened_ms: f64) {
        self.fid.on_restored_input(name, delay_ms, listened_ms);
    }

    /// A trusted key press or click, or another change of visibility: what paints from here on is no longer loading.
    pub fn on_input(&mut self) {
        self.lcp.finish();
    }

    /// The page becomes hidden. Feed what the observers still hold before this.
    pub fn on_hidden(&mut self, at_ms: f64) {
        self.lcp.finish();
        self.fid.close();
        self.first_hidden.on_hidden(at_ms);
    }

    pub fn on_interaction_count(&mut self, count: f64) {
        self.inp.on_interaction_count(count);
    }

    pub fn on_memory(&mut self, sample: &Sample) {
        self.memory.on_sample(sample);
    }

    /// The browser saw the soft navigation that a route change had told: it began at `at_ms`, with the interaction. From here on its
    /// interactions are counted from `count_before`.
    pub fn on_native(&mut self, at_ms: f64, count_before: f64) {
        self.opening = Opening::Native;
        self.since_ms = at_ms;
        self.inp.count_from(count_before);
    }

    /// Whether the largest paint is decided.
    pub fn is_lcp_final(&self) -> bool {
        self.lcp.is_finished() || self.opening == Opening::Route
    }

    /// Interactions in this page view as the browser counts them, where the browser has any.
    pub fn interactions(&self) -> Option<u32> {
        self.is(flag::INTERACTIONS).then(|| self.inp.count())
    }

    /// Interactions whose latency was seen.
    pub fn interactions_seen(&self) -> Option<u32> {
        self.is(flag::INTERACTIONS).then(|| self.inp.seen())
    }

    /// The vital as of now, in its unit. Implausible values (a machine that slept) are absent; see [`is_plausible`].
    pub fn value(&self, vital: Vital) -> Option<f64> {
        self.raw_value(vital)
            .filter(|&value| is_plausible(vital, value))
    }

    /// The vital as computed, also where no page can have such a value.
    pub fn raw_value(&self, vital: Vital) -> Option<f64> {
        known(self.value_or_nan(vital))
    }

    /// What [`PageView::raw_value`] gives, NaN without a value.
    pub fn value_or_nan(&self, vital: Vital) -> f64 {
        let opening = self.opening;
        // A route change paints too, but only the browser knows which paint is its own.
        let has_paints = opening != Opening::Route;
        let (value, exists) = match vital {
            Vital::Fcp | Vital::Lcp => (
                // A restored page shows all it has at once: its largest paint is its first.
                if vital == Vital::Fcp || opening == Opening::Restored {
                    self.fcp.value_ms(self.since_ms)
                } else {
                    self.lcp.value_ms(self.since_ms)
                },
                has_paints
                    && self.is(if vital == Vital::Fcp {
                        flag::PAINT
                    } else {
                        flag::LCP
                    }),
            ),
            Vital::Cls => (
                self.cls.value(),
                self.is(flag::LAYOUT_SHIFT) && self.is(flag::HAS_PAINTED),
            ),
            Vital::Fid => (self.fid.value_ms(), true),
            Vital::Inp => (self.inp.value_ms(), self.is(flag::INTERACTIONS)),
            Vital::Ttfb if opening == Opening::Document => (self.ttfb_ms(), self.is(flag::LOADED)),
            Vital::Ttfb => (0.0, has_paints && self.is(flag::HAD_TTFB)),
            Vital::Memory => (self.memory.value_bytes(), true),
        };
        if exists { value } else { f64::NAN }
    }

    /// From the navigation to the first byte; NaN while it is not known.
    fn ttfb_ms(&self) -> f64 {
        if self.is(flag::NAVIGATION) {
            ttfb::value_ms(&self.navigation)
        } else {
            f64::NAN
        }
    }

    /// What to blame for `value`, which is the vital's own as of now; numbers in the order of [`wire::attribution::keys`].
    pub fn attribution(&self, vital: Vital, value: f64) -> Facts {
        written(|facts| self.write_attribution(vital, value, facts))
    }

    /// Writes what [`PageView::attribution`] gives over a list that knows nothing.
    pub fn write_attribution(&self, vital: Vital, value: f64, facts: &mut Facts) {
        let since_ms = self.since_ms;
        let ttfb_ms = match self.opening {
            Opening::Document => self.ttfb_ms(),
            Opening::Native => 0.0,
            Opening::Restored | Opening::Route => f64::NAN,
        };
        match vital {
            Vital::Fcp => fcp::attribution(value, ttfb_ms, facts),
            Vital::Lcp => self.lcp.attribution(since_ms, ttfb_ms, facts),
            Vital::Cls => {
                self.cls.attribution(since_ms, facts);
                facts[3] = self.load_state(self.cls.largest_at_ms());
            }
            Vital::Fid => self.fid.attribution(facts),
            Vital::Inp => {
                self.inp.attribution(since_ms, facts);
                facts[8] = self.load_state(self.inp.at_ms());
            }
            Vital::Ttfb if self.opening == Opening::Document => {
                ttfb::attribution(&self.navigation, facts);
            }
            Vital::Ttfb => {}
            Vital::Memory => self.memory.attribution(since_ms, facts),
        }
    }

    /// How far the document was at a time: `loading`, `dom-interactive`, `dom-content-loaded` or `complete`, as a fact; NaN if there is no
    /// such time.
    fn load_state(&self, at_ms: f64) -> f64 {
        let mut state = LOADING;
        for milestone_ms in &self.milestones_ms {
            let is_reached = (*milestone_ms > 0.0) & (at_ms >= *milestone_ms);
            state += u32::from(is_reached | (self.opening != Opening::Document));
        }
        if at_ms.is_nan() {
            at_ms
        } else {
            f64::from(state)
        }
    }

    /// Every vital that has a value, rounded as on the wire, with what to blame. `text` reads the caller's table.
    pub fn measurements<'t>(&self, text: impl Fn(Label) -> &'t str) -> Vec<Measurement> {
        let measure = |vital: Vital| {
            let value = self.value(vital)?;
            let facts = keys(vital).iter().zip(self.attribution(vital, value));
            let known = facts.filter_map(|(&key, fact)| match key.strip_prefix('$') {
                // Offsets of absurd stamps overflow; such a fact is as good as unknown, and JSON has no word for it.
                _ if !fact.is_finite() => None,
                Some(name) => {
                    let text = text(Label(fact));
                    (!text.is_empty()).then(|| (name.into(), Scalar::Text(text.into())))
                }
                None => Some((key.into(), Scalar::Number(round(fact)))),
            });
            Some(Measurement {
                vital,
                value: round(value),
                attribution: known.collect::<Details>(),
            })
        };
        Vital::ALL.into_iter().filter_map(measure).collect()
    }
}

/// The range that a beacon may carry.
pub fn is_plausible(vital: Vital, value: f64) -> bool {
    value >= 0.0 && value <= vital.max_value()
}

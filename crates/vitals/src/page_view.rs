//! One page view: a document's life, a restore from the back/forward cache, or a route change. It decides which vitals exist,
//! when they count and when they are final; how each is computed is its own module's business.

use alloc::vec::Vec;

use wire::attribution::{LOADING, keys, round};
use wire::{Details, Measurement, NavigationType, Scalar, Vital};

use crate::attribution::{Facts, written};
use crate::cls::Cls;
use crate::entry::{Entry, Label, Navigation};
use crate::fcp::{self, Fcp};
use crate::fid::Fid;
use crate::inp::Inp;
use crate::lcp::Lcp;
use crate::memory::{Memory, Sample};
use crate::ttfb;
use crate::visibility::FirstHidden;

/// What began the page view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    #[default]
    Document,
    /// A `pageshow` from the back/forward cache.
    Restored,
    /// A route change that the page told or made. Its paints are unknown, so they are absent.
    Route,
    /// A soft navigation that the browser itself saw.
    Native,
}

/// What is known when measuring of a page view begins. A prerendering document is opened when it is activated, not before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Start {
    pub opening: Opening,
    /// Document time at which the page view began; 0 for a document.
    pub at_ms: f64,
    /// When the page was first hidden in it, so far.
    pub first_hidden_ms: Option<f64>,
    /// `performance.interactionCount` when it began; NaN where the browser counts none.
    pub interaction_count: f64,
    pub supported: Supported,
    /// `document.wasDiscarded`.
    pub was_discarded: bool,
    /// The document's TTFB was known before this page view.
    pub had_ttfb: bool,
    /// The document has painted before: only then CLS exists.
    pub has_painted: bool,
    /// No first input can come any more.
    pub fid_closed: bool,
}

/// What the browser can tell. Where it cannot, the vital is absent, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Supported {
    pub paint: bool,
    pub lcp: bool,
    pub layout_shift: bool,
    /// Event entries carry an `interactionId`.
    pub interactions: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PageView {
    opening: Opening,
    started_ms: f64,
    supported: Supported,
    was_discarded: bool,
    had_ttfb: bool,
    has_painted: bool,
    /// The document's usable navigation entry, once known.
    navigation: Option<Navigation>,
    loaded: bool,
    /// `domInteractive`, `domContentLoadedEventStart`, `domComplete`; what is not reached is 0 or NaN.
    milestones_ms: [f64; 3],
    first_hidden: FirstHidden,
    fcp: Fcp,
    lcp: Lcp,
    cls: Cls,
    fid: Fid,
    inp: Inp,
    memory: Memory,
}

impl PageView {
    /// A document of which nothing is known.
    pub const BLANK: PageView = PageView {
        opening: Opening::Document,
        started_ms: 0.0,
        supported: Supported {
            paint: false,
            lcp: false,
            layout_shift: false,
            interactions: false,
        },
        was_discarded: false,
        had_ttfb: false,
        has_painted: false,
        navigation: None,
        loaded: false,
        milestones_ms: [f64::NAN; 3],
        first_hidden: FirstHidden::NEVER,
        fcp: Fcp::Open,
        lcp: Lcp::EMPTY,
        cls: Cls::EMPTY,
        fid: Fid::new(false),
        inp: Inp::EMPTY,
        memory: Memory::EMPTY,
    };

    pub fn open(start: Start) -> PageView {
        let mut view = PageView::BLANK;
        view.begin(start);
        view
    }

    /// Writes what is known at the start over a blank page view.
    pub fn begin(&mut self, start: Start) {
        self.opening = start.opening;
        self.started_ms = start.at_ms;
        self.supported = start.supported;
        self.was_discarded = start.was_discarded;
        self.had_ttfb = start.had_ttfb;
        self.has_painted = start.has_painted;
        self.first_hidden = FirstHidden::known(start.first_hidden_ms);
        self.fid = Fid::new(start.fid_closed);
        self.inp
            .begin(start.interaction_count, start.opening != Opening::Document);
    }

    /// Document time that values and offsets of this page view count from.
    pub fn since_ms(&self) -> f64 {
        match (self.opening, &self.navigation) {
            (Opening::Document, Some(navigation)) => navigation.activation_start_ms,
            _ => self.started_ms,
        }
    }

    /// The reference library's precedence: a prerendered page is one however it was navigated to.
    pub fn navigation_type(&self) -> NavigationType {
        match (self.opening, self.navigation) {
            (Opening::Restored, _) => NavigationType::BackForwardCache,
            (Opening::Route | Opening::Native, _) => NavigationType::SoftNavigation,
            (_, Some(navigation)) if navigation.activation_start_ms > 0.0 => {
                NavigationType::Prerender
            }
            _ if self.was_discarded => NavigationType::Restore,
            (_, Some(navigation)) => navigation.navigation_type,
            _ => NavigationType::Navigate,
        }
    }

    /// A timeline entry. The caller gives each page view the entries that started in it. Answers whether the entry may be blamed for
    /// a value from now on: only then its label has to name anything.
    #[inline(always)]
    pub fn on_entry(&mut self, entry: &Entry) -> bool {
        match entry {
            Entry::Fcp { start_ms } => {
                self.fcp.on_paint(*start_ms, self.first_hidden);
                self.has_painted |= self.fcp.is_painted();
            }
            Entry::Lcp(entry) => self.lcp.on_entry(entry, self.first_hidden),
            Entry::Shift(entry) => return self.cls.on_entry(entry),
            Entry::Event(entry) => return self.inp.on_entry(entry),
            Entry::FirstInput(entry) => {
                let is_kept = self.inp.on_entry(entry);
                return self.fid.on_first_input(entry, self.first_hidden) || is_kept;
            }
            Entry::Frame(frame) => self.inp.on_frame(frame),
        }
        true
    }

    /// The document's navigation entry as of now. One that says nothing leaves what was known.
    pub fn on_navigation(&mut self, navigation: Navigation, now_ms: f64) {
        self.navigation = navigation.usable(now_ms).or(self.navigation);
    }

    /// How far the document is: `domInteractive`, `domContentLoadedEventStart`, `domComplete`, 0 before they are reached.
    pub fn on_milestones(&mut self, milestones_ms: [f64; 3]) {
        self.milestones_ms = milestones_ms;
    }

    /// The document has loaded and its navigation entry is complete (one task after the `load` event).
    pub fn on_load(&mut self) {
        self.loaded = true;
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
        self.fid.on_hidden();
        self.first_hidden.on_hidden(at_ms);
    }

    pub fn on_interaction_count(&mut self, count: f64) {
        self.inp.on_interaction_count(count);
    }

    pub fn on_memory(&mut self, sample: Sample) {
        self.memory.on_sample(sample);
    }

    /// The browser saw the soft navigation that a route change had told: it began at `at_ms`, with the interaction. From here on its
    /// interactions are counted from `count_before`.
    pub fn on_native(&mut self, at_ms: f64, count_before: f64) {
        self.opening = Opening::Native;
        self.started_ms = at_ms;
        self.inp.count_from(count_before);
    }

    /// Whether the largest paint is decided.
    pub fn is_lcp_final(&self) -> bool {
        self.lcp.is_finished() || self.opening == Opening::Route
    }

    /// Interactions in this page view as the browser counts them, where the browser has any.
    pub fn interactions(&self) -> Option<u32> {
        self.supported.interactions.then(|| self.inp.count())
    }

    /// Interactions whose latency was seen.
    pub fn interactions_seen(&self) -> Option<u32> {
        self.supported.interactions.then(|| self.inp.seen())
    }

    /// The vital as of now, in its unit. Implausible values (a machine that slept) are absent; see [`is_plausible`].
    pub fn value(&self, vital: Vital) -> Option<f64> {
        self.raw_value(vital)
            .filter(|&value| is_plausible(vital, value))
    }

    /// The vital as computed, also where no page can have such a value.
    pub fn raw_value(&self, vital: Vital) -> Option<f64> {
        let supported = self.supported;
        let fcp_ms = self.fcp.value_ms(self.since_ms());
        // A route change paints too, but only the browser knows which paint is its own.
        let has_paints = self.opening != Opening::Route;
        let (value, exists) = match vital {
            Vital::Fcp => (fcp_ms, supported.paint && has_paints),
            // A restored page shows all it has at once: its largest paint is its first.
            Vital::Lcp if self.opening == Opening::Restored => (fcp_ms, supported.lcp),
            Vital::Lcp => (
                self.lcp.value_ms(self.since_ms()),
                supported.lcp && has_paints,
            ),
            Vital::Cls => (
                Some(self.cls.value()),
                supported.layout_shift && self.has_painted,
            ),
            Vital::Fid => (self.fid.value_ms(), true),
            Vital::Inp => (self.inp.value_ms(), supported.interactions),
            Vital::Ttfb => match self.opening {
                Opening::Document => (self.document_ttfb_ms(), self.loaded),
                Opening::Restored | Opening::Native => (Some(0.0), self.had_ttfb),
                Opening::Route => (None, false),
            },
            Vital::Memory => (self.memory.value_bytes(), true),
        };
        value.filter(|_| exists)
    }

    fn document_ttfb_ms(&self) -> Option<f64> {
        self.navigation.as_ref().map(ttfb::value_ms)
    }

    /// What to blame for `value`, which is the vital's own as of now; numbers in the order of [`wire::attribution::keys`].
    pub fn attribution(&self, vital: Vital, value: f64) -> Facts {
        written(|facts| self.write_attribution(vital, value, facts))
    }

    /// Writes what [`PageView::attribution`] gives over a list that knows nothing.
    pub fn write_attribution(&self, vital: Vital, value: f64, facts: &mut Facts) {
        let since_ms = self.since_ms();
        let document = match &self.navigation {
            Some(navigation) if self.opening == Opening::Document => Some(navigation),
            _ => None,
        };
        let ttfb_ms = match (document, self.opening) {
            (Some(navigation), _) => Some(ttfb::value_ms(navigation)),
            (_, Opening::Native) => Some(0.0),
            _ => None,
        };
        match (vital, ttfb_ms, document) {
            (Vital::Fcp, Some(ttfb_ms), _) => fcp::attribution(value, ttfb_ms, facts),
            (Vital::Lcp, ..) => self.lcp.attribution(since_ms, ttfb_ms, facts),
            (Vital::Cls, ..) => {
                self.cls.attribution(since_ms, facts);
                facts[3] = self.load_state(self.cls.largest_at_ms());
            }
            (Vital::Fid, ..) => self.fid.attribution(facts),
            (Vital::Inp, ..) => {
                self.inp.attribution(since_ms, facts);
                facts[8] = self.load_state(self.inp.at_ms());
            }
            (Vital::Ttfb, _, Some(navigation)) => ttfb::attribution(navigation, facts),
            (Vital::Memory, ..) => self.memory.attribution(since_ms, facts),
            (Vital::Fcp | Vital::Ttfb, ..) => {}
        }
    }

    /// How far the document was at a time: `loading`, `dom-interactive`, `dom-content-loaded` or `complete`, as a fact.
    fn load_state(&self, at_ms: Option<f64>) -> f64 {
        let Some(at_ms) = at_ms else {
            return f64::NAN;
        };
        let mut state = LOADING;
        for milestone_ms in self.milestones_ms {
            if self.opening != Opening::Document || milestone_ms > 0.0 && at_ms >= milestone_ms {
                state += 1;
            }
        }
        f64::from(state)
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
                    let text = text(Label(fact as u32));
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

//! One page view: a document's life, a restore from the back/forward cache, or a route change. It decides which vitals exist,
//! when they count and when they are final; how each is computed is its own module's business.

use alloc::vec::Vec;

use wire::{Facts, Measurement, NavigationType, Vital};

use crate::attribution::gather;
use crate::cls::Cls;
use crate::entry::{Entry, Navigation};
use crate::fcp::{self, Fcp};
use crate::fid::Fid;
use crate::inp::Inp;
use crate::lcp::Lcp;
use crate::memory::{Memory, MemorySource};
use crate::ttfb;
use crate::visibility::FirstHidden;

/// What is known when measuring of a document begins, in ms since its time origin. A prerendering document is opened when it
/// is activated, not before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Start<'a> {
    pub now_ms: f64,
    pub hidden: bool,
    /// When the page became hidden so far, ascending.
    pub hidden_at_ms: &'a [f64],
    /// `document.wasDiscarded`.
    pub was_discarded: bool,
    pub navigation: Option<Navigation>,
    pub supported: Supported,
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

#[derive(Clone, Debug, PartialEq)]
pub struct PageView {
    opening: Opening,
    /// Document time at which this page view began; 0 for a document.
    started_ms: f64,
    navigation_type: NavigationType,
    /// The usable navigation entry, once known.
    navigation: Option<Navigation>,
    loaded: bool,
    /// Whether the document's TTFB was known when it was left for the back/forward cache.
    had_ttfb: bool,
    /// CLS exists once this document has painted.
    has_painted: bool,
    supported: Supported,
    first_hidden: FirstHidden,
    fcp: Fcp,
    lcp: Lcp,
    cls: Cls,
    fid: Fid,
    inp: Inp,
    memory: Memory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    Document,
    Restored,
    Soft,
}

impl PageView {
    pub fn open(start: Start<'_>) -> PageView {
        let navigation = start
            .navigation
            .and_then(|navigation| navigation.usable(start.now_ms));
        let activation_start_ms =
            navigation.map_or(0.0, |navigation| navigation.activation_start_ms);
        let navigation_type = match navigation {
            Some(navigation) if navigation.activation_start_ms > 0.0 => NavigationType::Prerender,
            _ if start.was_discarded => NavigationType::Restore,
            Some(navigation) => navigation.navigation_type,
            None => NavigationType::Navigate,
        };
        PageView {
            navigation,
            first_hidden: FirstHidden::known(start.hidden_at_ms, activation_start_ms, start.hidden),
            ..PageView::blank(
                Opening::Document,
                0.0,
                navigation_type,
                start.supported,
                Inp::default(),
            )
        }
    }

    /// Nothing known, nothing measured.
    #[inline(never)]
    fn blank(
        opening: Opening,
        started_ms: f64,
        navigation_type: NavigationType,
        supported: Supported,
        inp: Inp,
    ) -> PageView {
        PageView {
            opening,
            started_ms,
            navigation_type,
            navigation: None,
            loaded: false,
            had_ttfb: false,
            has_painted: false,
            supported,
            first_hidden: FirstHidden::NEVER,
            fcp: Fcp::Open,
            lcp: Lcp::default(),
            cls: Cls::default(),
            fid: Fid::default(),
            inp,
            memory: Memory::default(),
        }
    }

    /// The page view that a `pageshow` from the back/forward cache at `at_ms` begins.
    pub fn restored(&self, at_ms: f64, hidden: bool) -> PageView {
        let mut next = self.successor(Opening::Restored, at_ms);
        next.had_ttfb |= self.value(Vital::Ttfb).is_some();
        if hidden {
            next.first_hidden = FirstHidden::FROM_START;
        }
        next
    }

    /// The page view that a route change at `at_ms` begins. Its paints are unknown; a first input still to come is its own.
    pub fn soft(&self, at_ms: f64) -> PageView {
        let mut next = self.successor(Opening::Soft, at_ms);
        if self.fid.is_closed() || self.opening == Opening::Restored {
            next.fid = Fid::closed();
        }
        next
    }

    /// What the document has learnt goes on, everything measured begins anew.
    fn successor(&self, opening: Opening, at_ms: f64) -> PageView {
        let navigation_type = match opening {
            Opening::Soft => NavigationType::SoftNavigation,
            Opening::Document | Opening::Restored => NavigationType::BackForwardCache,
        };
        PageView {
            navigation: self.navigation,
            loaded: self.loaded,
            had_ttfb: self.had_ttfb,
            has_painted: self.has_painted,
            ..PageView::blank(
                opening,
                at_ms,
                navigation_type,
                self.supported,
                self.inp.successor(),
            )
        }
    }

    /// Document time that values and offsets of this page view count from.
    pub fn since_ms(&self) -> f64 {
        match self.opening {
            Opening::Document => self
                .navigation
                .map_or(0.0, |navigation| navigation.activation_start_ms),
            Opening::Restored | Opening::Soft => self.started_ms,
        }
    }

    /// Whether an entry that starts at `at_ms` belongs to this page view rather than to the one before.
    pub fn owns(&self, at_ms: f64) -> bool {
        at_ms >= self.started_ms
    }

    pub fn navigation_type(&self) -> NavigationType {
        self.navigation_type
    }

    /// A timeline entry. The caller gives each page view the entries that it [`owns`](PageView::owns).
    pub fn on_entry(&mut self, entry: &Entry) {
        let is_document = self.opening == Opening::Document;
        match entry {
            Entry::Fcp { start_ms } if is_document => {
                self.fcp
                    .on_paint(*start_ms, self.since_ms(), self.first_hidden);
                self.has_painted |= self.fcp.value_ms().is_some();
            }
            Entry::Lcp(entry) if is_document => self.lcp.on_entry(entry, self.first_hidden),
            Entry::Fcp { .. } | Entry::Lcp(_) => {}
            Entry::Shift(entry) => self.cls.on_entry(entry),
            Entry::Event(entry) => self.inp.on_entry(entry),
            Entry::FirstInput(entry) => {
                self.inp.on_entry(entry);
                self.fid.on_first_input(entry, self.first_hidden);
            }
        }
    }

    /// The document has loaded and its navigation entry is complete (one task after the `load` event).
    pub fn on_load(&mut self, navigation: Option<Navigation>, now_ms: f64) {
        if self.opening == Opening::Document {
            self.loaded = true;
            self.navigation = navigation
                .and_then(|navigation| navigation.usable(now_ms))
                .or(self.navigation);
        }
    }

    /// A restored page view has painted: the second animation frame after `pageshow`. A page hidden meanwhile paints when it
    /// is shown again, which measures nothing.
    pub fn on_restored_paint(&mut self, at_ms: f64) {
        if self.opening == Opening::Restored {
            self.fcp.on_paint(at_ms, self.started_ms, self.first_hidden);
            self.has_painted |= self.fcp.value_ms().is_some();
            self.lcp.finish();
        }
    }

    /// The first input of a restored page view, with the time it waited and the time since listening began, ms.
    pub fn on_restored_input(&mut self, name: &str, delay_ms: f64, listened_ms: f64) {
        if self.opening == Opening::Restored {
            self.fid.on_restored_input(name, delay_ms, listened_ms);
        }
    }

    /// A trusted key press or click.
    pub fn on_input(&mut self) {
        self.lcp.finish();
    }

    /// The page becomes hidden. Feed what the observers still hold before this.
    pub fn on_hidden(&mut self, at_ms: f64) {
        self.lcp.finish();
        self.fid.on_hidden();
        self.first_hidden.on_hidden(at_ms);
    }

    /// The page becomes visible again.
    pub fn on_visible(&mut self) {
        self.lcp.finish();
    }

    pub fn on_interaction_count(&mut self, count: u64) {
        self.inp.on_interaction_count(count);
    }

    pub fn on_memory(&mut self, source: MemorySource, bytes: f64, at_ms: f64) {
        self.memory.on_sample(source, bytes, at_ms);
    }

    /// Whether the largest paint is decided.
    pub fn is_lcp_final(&self) -> bool {
        self.lcp.is_finished() || self.opening != Opening::Document
    }

    /// Interactions in this page view as the browser counts them, where the browser has any.
    pub fn interactions(&self) -> Option<u64> {
        self.supported.interactions.then(|| self.inp.count())
    }

    /// Interactions whose latency was seen.
    pub fn interactions_seen(&self) -> Option<u64> {
        self.supported.interactions.then(|| self.inp.seen())
    }

    /// The vital as of now, in its unit. Implausible values (a machine that slept) are absent; see [`PageView::implausible`].
    pub fn value(&self, vital: Vital) -> Option<f64> {
        self.raw_value(vital)
            .filter(|&value| is_plausible(vital, value))
    }

    /// Vitals that have a value no page can have.
    pub fn implausible(&self) -> impl Iterator<Item = Vital> + '_ {
        Vital::ALL.into_iter().filter(|&vital| {
            self.raw_value(vital)
                .is_some_and(|value| !is_plausible(vital, value))
        })
    }

    /// Every vital that has a value, with what to blame.
    pub fn measurements(&self) -> Vec<Measurement> {
        let measure = |vital| {
            self.value(vital)
                .map(|value| self.measurement(vital, value))
        };
        Vital::ALL.into_iter().filter_map(measure).collect()
    }

    pub fn measurement(&self, vital: Vital, value: f64) -> Measurement {
        Measurement {
            vital,
            value,
            attribution: gather(|facts| self.attribution(vital, value, facts)),
        }
    }

    /// The vital as computed, also where no page can have such a value.
    pub fn raw_value(&self, vital: Vital) -> Option<f64> {
        match vital {
            Vital::Fcp => self.fcp.value_ms().filter(|_| self.supported.paint),
            // A restored page shows all it has at once: its largest paint is its first.
            Vital::Lcp if self.opening == Opening::Restored => {
                self.fcp.value_ms().filter(|_| self.supported.lcp)
            }
            Vital::Lcp => self.lcp.value_ms(self.since_ms()),
            Vital::Cls => {
                (self.has_painted && self.supported.layout_shift).then(|| self.cls.value())
            }
            Vital::Fid => self.fid.value_ms(),
            Vital::Inp => self.inp.value_ms().filter(|_| self.supported.interactions),
            Vital::Ttfb => match self.opening {
                Opening::Document if self.loaded => self.ttfb_ms(),
                Opening::Restored if self.had_ttfb => Some(0.0),
                _ => None,
            },
            Vital::Memory => self.memory.value_bytes(),
        }
    }

    fn ttfb_ms(&self) -> Option<f64> {
        self.navigation
            .as_ref()
            .filter(|_| self.opening == Opening::Document)
            .map(ttfb::value_ms)
    }

    /// What to blame for `value`, which is the vital's own as of now.
    pub fn attribution(&self, vital: Vital, value: f64, facts: &mut dyn Facts) {
        let since_ms = self.since_ms();
        let document = self
            .navigation
            .as_ref()
            .filter(|_| self.opening == Opening::Document);
        match vital {
            Vital::Fcp => {
                if let Some(ttfb_ms) = self.ttfb_ms() {
                    fcp::attribution(value, ttfb_ms, facts);
                }
            }
            Vital::Lcp => self.lcp.attribution(since_ms, self.ttfb_ms(), facts),
            Vital::Cls => self.cls.attribution(since_ms, facts),
            Vital::Fid => self.fid.attribution(facts),
            Vital::Inp => self.inp.attribution(since_ms, facts),
            Vital::Ttfb => {
                if let Some(navigation) = document {
                    ttfb::attribution(navigation, facts);
                }
            }
            Vital::Memory => self.memory.attribution(since_ms, facts),
        }
    }
}

/// The range that a beacon may carry.
pub fn is_plausible(vital: Vital, value: f64) -> bool {
    (0.0..=vital.max_value()).contains(&value)
}

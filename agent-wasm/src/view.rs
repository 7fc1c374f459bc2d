//! One page view as it is sent: its engine, its identity, its route and its operations. Every beacon says all that is known of
//! the view, so that any one that arrives is enough.

use std::borrow::Cow;

use vitals::PageView;
use wire::encode::{Encoded, encode};
use wire::limits::MAX_PATH_BYTES;
use wire::{Beacon, Measurement, Operation, Overhead, PageContext, Vital, route};

use crate::config::Config;
use crate::page::{self, cut};

pub struct View {
    pub engine: PageView,
    /// Distinguishes the views of this document for the transport.
    pub number: u32,
    pub id: String,
    /// The location's path when the view began; never sent as it is unless the page asks for it.
    pub raw_path: String,
    pub route: String,
    pub context: PageContext,
    pub operations: Vec<Operation>,
    /// Own cost so far.
    pub overhead: Overhead,
    /// Whether something changed since the last beacon.
    pub is_changed: bool,
    next_seq: u32,
    /// Client clock at the start of the view, ms since the epoch.
    start_clock_ms: u64,
    /// The value of each vital as last told.
    told: [Option<f64>; Vital::ALL.len()],
    implausible_count: usize,
}

/// A vital that has a new value, and by how much it changed.
pub struct Change {
    pub measurement: Measurement,
    pub delta: f64,
}

impl View {
    pub fn new(engine: PageView, number: u32, context: PageContext, now_ms: f64) -> View {
        let start_clock_ms = (page::clock_ms() - now_ms + engine.since_ms()) as u64;
        View {
            engine,
            number,
            id: page::uuid(),
            raw_path: page::path(),
            route: String::new(),
            context,
            operations: Vec::new(),
            overhead: Overhead::default(),
            is_changed: true,
            next_seq: 0,
            start_clock_ms,
            told: [None; Vital::ALL.len()],
            implausible_count: 0,
        }
    }

    /// Names the route; an empty name is found from the path.
    pub fn name(&mut self, name: &str, config: &Config) {
        let named = if name.is_empty() {
            route::route(&self.raw_path, config.templates())
        } else {
            cut(name.into(), MAX_PATH_BYTES)
        };
        if named != self.route {
            self.route = named;
            self.is_changed = true;
        }
    }

    /// The vitals whose values changed since this was last asked.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (vital, told) in Vital::ALL.into_iter().zip(&mut self.told) {
            let value = self.engine.value(vital);
            if value == *told {
                continue;
            }
            let before = core::mem::replace(told, value).unwrap_or(0.0);
            self.is_changed = true;
            if let Some(value) = value {
                changes.push(Change {
                    measurement: self.engine.measurement(vital, value),
                    delta: value - before,
                });
            }
        }
        changes
    }

    /// Vitals that have come to a value no page can have since this was last asked.
    pub fn take_implausible(&mut self) -> usize {
        let count = self.engine.implausible().count();
        let news = count.saturating_sub(self.implausible_count);
        self.implausible_count = count;
        news
    }

    pub fn has_news(&self) -> bool {
        self.is_changed || !self.operations.is_empty()
    }

    /// The next beacon, with `measurements` and every operation that waits.
    pub fn seal(
        &mut self,
        measurements: Vec<Measurement>,
        drops: Vec<(Cow<'static, str>, u64)>,
        session: &str,
        config: &Config,
    ) -> Encoded {
        // Lent to the beacon, not copied.
        let mut context = core::mem::take(&mut self.context);
        let count = |count: Option<u64>| count.map(|count| count as u32);
        context.interactions = count(self.engine.interactions());
        context.interactions_seen = count(self.engine.interactions_seen());
        let path = if config.send_raw_path {
            cut(self.raw_path.clone(), MAX_PATH_BYTES)
        } else {
            route::scrub(&self.raw_path, config.templates())
        };
        let beacon = Beacon {
            view: self.id.clone(),
            seq: self.next_seq,
            session: session.into(),
            sent_ms: page::clock_ms() as u64,
            start_ms: self.start_clock_ms,
            navigation_type: self.engine.navigation_type(),
            path,
            route: self.route.clone(),
            release: config.release.clone(),
            environment: config.environment.clone(),
            context,
            measurements,
            operations: core::mem::take(&mut self.operations),
            drops,
            overhead: self.overhead,
        };
        let encoded = encode(&beacon);
        self.context = beacon.context;
        self.next_seq += 1;
        self.is_changed = false;
        self.overhead.bytes = self
            .overhead
            .bytes
            .saturating_add(encoded.bytes().len() as u32);
        encoded
    }
}

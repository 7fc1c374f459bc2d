//! What an accepted beacon becomes: one row for its page view, one per vital, one per operation; one for a start that is not the
//! page's own, for what the agent gave up, for the timing and for the resources, where it tells them.
//! Pure; where rows go is [`super::writer`]'s business, and the columns are in [`super::tables`].

use detect::Scheme;
use detect::series::MEMORY_GROWTH;
use wire::resources::Resources;
use wire::{Measurement, Operation, Scalar, Vital};

use super::block::{Block, Rows};
use super::column_text::{json_text, plain_text, resources_text};
use super::row_binary::RowBinary;
use super::row_key::RowKey;
use super::tables::{DROPS, MEASUREMENTS, OPERATIONS, PAGE_VIEWS, RESOURCES, STARTS, TIMING};
use crate::ingest::{Accepted, Engine};

const DAY_MS: u64 = 86_400_000;
/// A page may report this long after it started, and a clock may be ahead by a day; other starts share one partition.
const MAX_DAYS_BEFORE: u64 = 7;
const MAX_DAYS_AFTER: u64 = 1;
/// Bits of the version that order arrivals of one sequence number: a trillion spool records.
const ARRIVAL_BITS: u32 = 40;
/// Larger sequence numbers are no honest page; they all count as this one.
const MAX_SEQ: u64 = (1 << (64 - ARRIVAL_BITS)) - 1;

/// A start on our clock that is no further from the one on the page's is taken for the same: clocks that are set by the network are
/// less apart. Any other has a row, so that one can tell where a page view counted before a later beacon moved it.
pub const OWN_START_MS: u64 = 2_500;

/// The accepted beacon names no page view.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a UUID")]
pub struct NotAView(String);

/// Rows of many beacons, one list per table.
#[derive(Debug)]
pub struct BeaconRows {
    page_views: Rows,
    starts: Rows,
    drops: Rows,
    timing: Rows,
    resources: Rows,
    measurements: Rows,
    operations: Rows,
}

impl Default for BeaconRows {
    fn default() -> BeaconRows {
        BeaconRows {
            page_views: Rows::new(&PAGE_VIEWS),
            starts: Rows::new(&STARTS),
            drops: Rows::new(&DROPS),
            timing: Rows::new(&TIMING),
            resources: Rows::new(&RESOURCES),
            measurements: Rows::new(&MEASUREMENTS),
            operations: Rows::new(&OPERATIONS),
        }
    }
}

impl BeaconRows {
    /// Adds a beacon. `record` is its number in the spool: of two arrivals of one sequence, the lower number counts.
    ///
    /// # Errors
    /// [`NotAView`]; nothing is added then.
    pub fn push(&mut self, record: u64, accepted: &Accepted) -> Result<(), NotAView> {
        let row = Shared::of(record, accepted)?;
        row.page_view(self.page_views.row(row.key.day));
        if accepted.started_ms.abs_diff(accepted.beacon.start_ms) > OWN_START_MS {
            row.start(self.starts.row(row.key.day));
        }
        if !accepted.beacon.drops.is_empty() {
            row.drops(self.drops.row(row.key.day));
        }
        let timing = row.numbers();
        if !timing.is_empty() {
            row.timing(&timing, self.timing.row(row.key.day));
        }
        if let Some(resources) = &accepted.beacon.context.resources {
            row.resources(resources, self.resources.row(row.key.day));
        }
        for measurement in &accepted.beacon.measurements {
            row.measurement(measurement, self.measurements.row(row.key.day));
            if let Some(growth) = growth(measurement) {
                row.growth(growth, self.measurements.row(row.key.day));
            }
        }
        for operation in &accepted.beacon.operations {
            row.operation(operation, self.operations.row(row.key.day));
        }
        Ok(())
    }

    /// Rows of all tables.
    pub fn count(&self) -> u64 {
        self.all().map(Rows::count).iter().sum()
    }

    pub fn bytes(&self) -> usize {
        self.all().map(Rows::bytes).iter().sum()
    }

    /// Partitions of the table that has most of them.
    pub fn partitions(&self) -> usize {
        self.all()
            .map(Rows::partitions)
            .into_iter()
            .max()
            .unwrap_or(0)
    }

    pub fn seal(self) -> Vec<Block> {
        [
            self.page_views,
            self.starts,
            self.drops,
            self.timing,
            self.resources,
            self.measurements,
            self.operations,
        ]
        .into_iter()
        .filter_map(Rows::seal)
        .collect()
    }

    fn all(&self) -> [&Rows; 7] {
        [
            &self.page_views,
            &self.starts,
            &self.drops,
            &self.timing,
            &self.resources,
            &self.measurements,
            &self.operations,
        ]
    }
}

/// What the rows of one beacon have in common.
struct Shared<'a> {
    accepted: &'a Accepted,
    key: RowKey<'a>,
}

impl<'a> Shared<'a> {
    fn of(record: u64, accepted: &'a Accepted) -> Result<Shared<'a>, NotAView> {
        let beacon = &accepted.beacon;
        let digits = beacon.view.replace('-', "");
        let view = u128::from_str_radix(&digits, 16)
            .ok()
            .filter(|_| digits.len() == 32)
            .ok_or_else(|| NotAView(beacon.view.clone()))?;
        let key = RowKey {
            app: &accepted.app,
            view,
            start_ms: beacon.start_ms,
            version: version(beacon.seq, record),
            day: partition_day(beacon.start_ms, accepted.received_ms),
        };
        Ok(Shared { accepted, key })
    }

    /// The first ten columns of the tables that tell the whole context.
    fn head(&self, row: &mut Vec<u8>) {
        let beacon = &self.accepted.beacon;
        self.key.put(row);
        row.put_text(&beacon.environment);
        row.put_text(&beacon.release);
        row.put_text(&beacon.route);
        row.put_text(&beacon.session);
        row.put_u64(self.accepted.received_ms);
    }

    fn client(&self, row: &mut Vec<u8>) {
        let accepted = self.accepted;
        for text in [
            &accepted.device,
            &accepted.browser,
            &accepted.os,
            &accepted.country,
        ] {
            row.put_text(text);
        }
        row.put_text(&accepted.beacon.context.connection);
    }

    fn engine(&self) -> &'static str {
        match self.accepted.engine {
            Engine::Wasm => "wasm",
            Engine::Collector => "collector",
        }
    }

    fn page_view(&self, row: &mut Vec<u8>) {
        let (accepted, beacon) = (self.accepted, &self.accepted.beacon);
        let context = &beacon.context;
        self.head(row);
        row.put_u32(beacon.seq);
        row.put_text(&beacon.path);
        row.put_text(beacon.navigation_type.name());
        row.put_u64(accepted.started_ms);
        self.client(row);
        row.put_text(self.engine());
        row.put_text(&accepted.stratum);
        row.put_text(&context.referrer);
        row.put_length(context.custom.len());
        for (key, value) in &context.custom {
            row.put_text(key);
            row.put_text(&plain_text(value));
        }
        row.put_f64(context.sample_rate.unwrap_or(1.0));
        row.put_u32(context.interactions.unwrap_or(0));
        row.put_u32(context.interactions_seen.unwrap_or(0));
        row.put_u32(beacon.overhead.entries_dropped);
        row.put_f64(beacon.overhead.main_ms);
        row.put_u32(beacon.overhead.bytes);
        // What goes on changing; the milestones have a table of their own.
        let long_tasks = context.long_tasks.map(f64::from);
        let busy = [
            ("long_tasks", long_tasks),
            ("blocking_ms", context.blocking_ms),
        ];
        row.put_length(busy.iter().filter(|(_, value)| value.is_some()).count());
        for (key, value) in busy {
            if let Some(value) = value {
                row.put_text(key);
                row.put_f64(value);
            }
        }
    }

    fn start(&self, row: &mut Vec<u8>) {
        self.key.put(row);
        row.put_u32(self.accepted.beacon.seq);
        row.put_u64(self.accepted.received_ms);
        row.put_u64(self.accepted.started_ms);
    }

    fn drops(&self, row: &mut Vec<u8>) {
        let beacon = &self.accepted.beacon;
        self.key.put(row);
        row.put_u32(beacon.seq);
        row.put_u64(self.accepted.received_ms);
        row.put_length(beacon.drops.len());
        for (reason, count) in &beacon.drops {
            row.put_text(reason);
            row.put_u64(*count);
        }
    }

    /// The timing, without what is no number.
    fn numbers(&self) -> Vec<(&'a str, f64)> {
        let timing = self.accepted.beacon.context.timing.iter();
        timing
            .filter_map(|(key, value)| match value {
                Scalar::Number(number) => Some((key.as_ref(), *number)),
                _ => None,
            })
            .collect()
    }

    fn timing(&self, timing: &[(&str, f64)], row: &mut Vec<u8>) {
        self.key.put(row);
        row.put_u64(self.accepted.received_ms);
        row.put_length(timing.len());
        for (key, at_ms) in timing {
            row.put_text(key);
            row.put_f64(*at_ms);
        }
    }

    fn resources(&self, resources: &Resources, row: &mut Vec<u8>) {
        self.key.put(row);
        row.put_u64(self.accepted.received_ms);
        row.put_u32(resources.count);
        row.put_f64(resources.bytes);
        row.put_text(&resources_text(resources));
    }

    fn measurement(&self, measurement: &Measurement, row: &mut Vec<u8>) {
        let (accepted, beacon) = (self.accepted, &self.accepted.beacon);
        let vital = measurement.vital;
        self.head(row);
        row.put_text(vital.name());
        row.put_text(&beacon.path);
        row.put_text(beacon.navigation_type.name());
        row.put_f64(measurement.value);
        row.put_u16(Scheme::of_vital(vital).bucket_index(measurement.value));
        row.put_text(
            vital
                .rating(measurement.value)
                .map_or("", wire::Rating::name),
        );
        row.put_u64(accepted.started_ms);
        self.client(row);
        row.put_text(&json_text(&measurement.attribution));
        row.put_text(self.engine());
        row.put_text(&stratum(
            &accepted.stratum,
            vital,
            beacon.context.interactions,
        ));
    }

    /// The leak series: one more vital, with nothing to blame but what MEMORY says beside it.
    fn growth(&self, bytes_per_min: f64, row: &mut Vec<u8>) {
        let (accepted, beacon) = (self.accepted, &self.accepted.beacon);
        self.head(row);
        row.put_text(MEMORY_GROWTH);
        row.put_text(&beacon.path);
        row.put_text(beacon.navigation_type.name());
        row.put_f64(bytes_per_min);
        row.put_u16(Scheme::Growth.bucket_index(bytes_per_min));
        row.put_text("");
        row.put_u64(accepted.started_ms);
        self.client(row);
        row.put_text("");
        row.put_text(self.engine());
        row.put_text(&accepted.stratum);
    }

    fn operation(&self, operation: &Operation, row: &mut Vec<u8>) {
        let accepted = self.accepted;
        self.head(row);
        row.put_u32(accepted.beacon.seq);
        row.put_u32(operation.position);
        row.put_text(&operation.name);
        row.put_f64(operation.duration_ms);
        row.put_u16(Scheme::OPERATION.bucket_index(operation.duration_ms));
        row.put_u8(operation.success.into());
        row.put_text(&operation.error_type);
        row.put_optional_f64(operation.memory_bytes);
        row.put_optional_f64(operation.input_size);
        row.put_text(&json_text(&operation.detail));
        // An offset beyond the longest page view is not believed, like every other clock of a client.
        let offset_ms = operation
            .at_ms
            .clamp(0.0, (MAX_DAYS_BEFORE * DAY_MS) as f64);
        row.put_u64(accepted.started_ms + offset_ms as u64);
        row.put_text(&accepted.stratum);
    }
}

/// Bytes per minute of the heap's floor, where MEMORY tells it. A number beyond every heap is none.
fn growth(measurement: &Measurement) -> Option<f64> {
    let is_growth =
        |fact: &&(std::borrow::Cow<'static, str>, Scalar)| fact.0 == "growth_bytes_per_min";
    let facts = measurement.attribution.iter();
    match facts.clone().find(is_growth)?.1 {
        Scalar::Number(growth) if measurement.vital == Vital::Memory => {
            (growth.abs() <= Vital::Memory.max_value()).then_some(growth)
        }
        _ => None,
    }
}

/// The newest sequence wins; of one sequence the first arrival. Not the clock: it jumps.
fn version(seq: u32, record: u64) -> u64 {
    let arrival_mask = (1 << ARRIVAL_BITS) - 1;
    (u64::from(seq).min(MAX_SEQ) << ARRIVAL_BITS) | (arrival_mask - (record & arrival_mask))
}

/// Days since 1970 of a plausible start, else 0: a wrong clock must not open a partition of its own.
fn partition_day(start_ms: u64, received_ms: u64) -> u16 {
    let oldest = received_ms.saturating_sub(MAX_DAYS_BEFORE * DAY_MS);
    let newest = received_ms.saturating_add(MAX_DAYS_AFTER * DAY_MS);
    if (oldest..=newest).contains(&start_ms) {
        u16::try_from(start_ms / DAY_MS).unwrap_or(0)
    } else {
        0
    }
}

/// INP and FID are split by interactions too: INP is a maximum, so longer visits look slower.
fn stratum(of_view: &str, vital: Vital, interactions: Option<u32>) -> String {
    match (vital, interactions.unwrap_or(0)) {
        (Vital::Inp | Vital::Fid, 0..=4) => format!("{of_view}/1-4"),
        (Vital::Inp | Vital::Fid, 5..=19) => format!("{of_view}/5-19"),
        (Vital::Inp | Vital::Fid, 20..) => format!("{of_view}/20+"),
        _ => of_view.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_order_sequences_then_arrivals() {
        let order = [version(0, 9), version(0, 2), version(1, 500), version(1, 4)];
        assert!(order.is_sorted());
        assert!(version(u32::MAX, 1) >= version(MAX_SEQ as u32, 1));
    }

    #[test]
    fn only_plausible_starts_get_a_partition() {
        let now = 20_000 * DAY_MS + 5;
        let check =
            |start_ms: u64, day: u16| assert_eq!(partition_day(start_ms, now), day, "{start_ms}");
        check(now, 20_000);
        check(now - 7 * DAY_MS, 19_993);
        check(now - 7 * DAY_MS - 1, 0);
        check(now + DAY_MS, 20_001);
        check(now + DAY_MS + 1, 0);
        check(0, 0);
        check(u64::MAX, 0);
    }

    #[test]
    fn interactions_split_only_the_interaction_vitals() {
        let check = |vital, count, expected: &str| assert_eq!(stratum("a", vital, count), expected);
        check(Vital::Lcp, Some(7), "a");
        check(Vital::Inp, None, "a/1-4");
        check(Vital::Inp, Some(5), "a/5-19");
        check(Vital::Fid, Some(20), "a/20+");
    }
}

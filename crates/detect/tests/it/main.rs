//! The detector as its users see it: against the numeric fixtures, on arbitrary histories, and in worlds with known truth.

mod decisions;
mod drifts;
mod false_alarms;
mod fixtures;
mod lanes;
mod lanes_replayed;
mod properties;
mod side_by_side;
mod worlds;

//! Two listeners with no route in common: [`public`] takes beacons and serves the agent, [`private`] shows data to people.

pub mod private;
pub mod public;

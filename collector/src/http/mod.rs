//! Two listeners with no route in common: [`public`] takes beacons and serves the agent, [`private`] shows data to people.

pub mod connections;
pub mod error;
pub mod lanes;
pub mod listen;
pub mod origin;
pub mod private;
pub mod public;
pub mod sender;
pub mod tls;
mod watched;

pub use error::Problem;

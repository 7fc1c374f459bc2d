//! What the agent and the collector agree on: the seven vitals, the beacon, route templates and every limit that both ends
//! keep. No I/O, no clock, no global state; `no_std`, because the agent ships it to browsers.
//!
//! # Beacon v1
//!
//! One beacon is one JSON object with absolute values: (`view`, `seq`) names it, a later `seq` replaces what an earlier one
//! said of the same vital, so a beacon that arrives twice changes nothing. Unknown fields are ignored, so that old agents and
//! new collectors meet. Golden beacons of every released version live in `testdata/`: an old agent must decode for ever.
//!
//! A page where WebAssembly did not run sends [`raw`] entries in place of values, all since the view began.
//!
//! Numbers are written in fixed point ([`encode`]): formatting a float costs more bytes of wasm than all the rest of this crate.
#![no_std]

extern crate alloc;

pub mod attribution;
pub mod beacon;
#[cfg(feature = "decode")]
pub mod decode;
pub mod encode;
#[cfg(feature = "decode")]
mod fields;
#[cfg(feature = "decode")]
mod json;
pub mod limits;
#[cfg(feature = "decode")]
mod milestones;
pub mod navigation;
#[cfg(feature = "decode")]
pub mod raw;
pub mod resources;
pub mod route;
#[cfg(feature = "decode")]
mod shim;
pub mod vital;

pub use beacon::{Beacon, Details, Measurement, Operation, Overhead, PageContext, Scalar};
pub use navigation::NavigationType;
#[cfg(feature = "decode")]
pub use raw::RawEntries;
pub use resources::Resources;
pub use vital::{Rating, Vital};

//! What to blame: numbers in a fixed order per vital, whose names both homes take from [`wire::attribution`]. A number that is
//! not known is NaN, and a [`Label`] is the number of a text in the caller's table, 0 where there is none.

use wire::attribution::MAX_FACTS;

use crate::entry::Label;

/// The facts of one measurement, in the order of [`wire::attribution::keys`].
pub type Facts = [f64; MAX_FACTS];

/// Nothing known.
pub const NO_FACTS: Facts = [f64::NAN; MAX_FACTS];

/// Writes the first facts; the rest stays unknown. Written in place, because copies of lists are what WebAssembly is bad at.
pub fn write<const N: usize>(facts: &mut Facts, known: [f64; N]) {
    facts[..N].copy_from_slice(&known);
}

impl Label {
    /// As a fact: 0 where there is no text.
    pub fn fact(self) -> f64 {
        self.0
    }
}

/// The number, unless it is NaN, which stands for none.
pub fn known(number: f64) -> Option<f64> {
    Some(number).filter(|number| !number.is_nan())
}

/// What `write` writes over a list that knows nothing.
pub fn written(write: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = NO_FACTS;
    write(&mut facts);
    facts
}

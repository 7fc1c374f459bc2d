//! How the allocator behaves that the binary is linked with (`main.rs`): what is freed goes back to the system soon. A batch on its way
//! to ClickHouse is some ten megabytes that come and go, and mimalloc would keep several of them for later.

use libmimalloc_sys::{mi_option_set, mi_option_t};

/// Place of `purge_delay` among mimalloc's options: `mi_option_e` in its header, the same in versions 2 and 3.
const PURGE_DELAY: mi_option_t = 15;
/// While a spool drains the peak was 69 MB with a third of this, 102 MB with three times as much, 169 MB with the default of a second, at
/// the same speed. Sooner, beacons pay for it: pages that were just given back are asked for again.
const PURGE_AFTER_MS: std::ffi::c_long = 30;

/// To be called once, at the start.
pub fn give_back_soon() {
    // SAFETY: sets one number of a table that mimalloc has from the beginning; an unknown place is ignored.
    unsafe { mi_option_set(PURGE_DELAY, PURGE_AFTER_MS) };
}

#[cfg(test)]
mod tests {
    use libmimalloc_sys::mi_option_get;

    use super::*;

    /// Tells by its default that the place is still the one that is meant.
    #[test]
    fn the_delay_is_where_it_is_expected() {
        // SAFETY: reads one number of the same table.
        let read = || unsafe { mi_option_get(PURGE_DELAY) };
        assert_eq!(read(), 1000);
        give_back_soon();
        assert_eq!(read(), PURGE_AFTER_MS);
    }
}

//! The names of what to blame, in the order in which the engine gives the numbers. A name that begins with `$` is a text: its
//! number is a place in a table that begins with [`WORDS`] and goes on with the page's own texts. The agent has the same lists in
//! JavaScript; `testdata/attribution.json` holds both together.

use crate::Vital;

/// Names of the longest list.
pub const MAX_FACTS: usize = 10;

/// The engine's own words, by their places in the table of texts.
pub const WORDS: [&str; 7] = [
    "",
    "used-js-heap",
    "user-agent-specific",
    "loading",
    "dom-interactive",
    "dom-content-loaded",
    "complete",
];
pub const USED_JS_HEAP: u32 = 1;
pub const USER_AGENT_SPECIFIC: u32 = 2;
pub const LOADING: u32 = 3;

/// The names of a vital's facts, `$` before those that are texts.
pub const fn keys(vital: Vital) -> &'static [&'static str] {
    match vital {
        Vital::Fcp => &["ttfb_ms", "render_ms"],
        Vital::Lcp => &[
            "$element",
            "$url",
            "ttfb_ms",
            "load_delay_ms",
            "load_ms",
            "render_delay_ms",
        ],
        Vital::Cls => &["shift", "shift_at_ms", "$element", "$load_state"],
        Vital::Fid => &["$type", "$element"],
        Vital::Inp => &[
            "$type",
            "at_ms",
            "input_delay_ms",
            "processing_ms",
            "presentation_ms",
            "$element",
            "$script",
            "script_ms",
            "$load_state",
        ],
        Vital::Ttfb => &[
            "waiting_ms",
            "cache_ms",
            "dns_ms",
            "connection_ms",
            "request_ms",
        ],
        Vital::Memory => &[
            "$source",
            "first_bytes",
            "peak_bytes",
            "samples",
            "age_ms",
            "total_bytes",
            "limit_bytes",
            "floor_bytes",
            "growth_bytes_per_min",
            "page_bytes",
        ],
    }
}

/// `name` as a key in code, where the vital has such a fact.
pub fn known(vital: Vital, name: &str) -> Option<&'static str> {
    let plain = |key: &&'static str| key.strip_prefix('$').unwrap_or(key);
    keys(vital).iter().map(plain).find(|key| *key == name)
}

/// Six decimals, half up: finer than any browser's clock or layout, and coarse enough to drop the noise of their arithmetic. Both
/// homes round with this, so that the same entries give the same text. Large numbers are whole bytes and stay as they are.
pub fn round(value: f64) -> f64 {
    const SCALE: f64 = 1e6;
    /// Above this a double has no six decimals left to round.
    const LARGEST: f64 = 4_294_967_296.0;
    if (0.0..LARGEST).contains(&value) {
        // `as` truncates: `core` has no `floor`.
        (value * SCALE + 0.5) as u64 as f64 / SCALE
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_list_is_longer_than_the_engine_writes() {
        for vital in Vital::ALL {
            assert!(keys(vital).len() <= MAX_FACTS, "{}", vital.name());
        }
        assert_eq!(WORDS[USED_JS_HEAP as usize], "used-js-heap");
        assert_eq!(WORDS[LOADING as usize], "loading");
    }

    #[test]
    fn rounding_keeps_six_decimals_and_whole_bytes() {
        for (value, expected) in [
            (8.799_999_952_316_284, 8.8),
            (0.000_000_4, 0.0),
            (0.327_656_25, 0.327_656),
            (123_456_789.0, 123_456_789.0),
            (1_125_899_906_842_624.0, 1_125_899_906_842_624.0),
            (-1.5, -1.5),
            (600_000.0, 600_000.0),
        ] {
            assert_eq!(round(value), expected, "{value}");
        }
        assert!(round(f64::NAN).is_nan());
    }
}

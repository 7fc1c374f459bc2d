//! What a page view loaded, summed up in the page: a list of everything would be larger than the beacon. Bytes are those that
//! came over the network, as far as the servers let the page see them.

use alloc::string::String;
use alloc::vec::Vec;

#[cfg(feature = "decode")]
use {
    crate::fields::{count, cut, number},
    crate::json::{Json, Object},
    crate::limits::*,
};

#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "decode", derive(serde::Serialize, serde::Deserialize))]
pub struct Resources {
    pub count: u32,
    pub bytes: f64,
    /// Of them, those that came from the browser's cache.
    pub cached: u32,
    /// By initiator type: `script`, `img`, `fetch`.
    pub types: Vec<Share>,
    /// By host, the heaviest.
    pub hosts: Vec<Share>,
    /// Address and duration in ms, the slowest first.
    pub slowest: Vec<(String, f64)>,
}

/// The resources of one type or host.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "decode", derive(serde::Serialize, serde::Deserialize))]
pub struct Share {
    pub name: String,
    pub count: u32,
    pub bytes: f64,
}

/// Reads `context.resources`. What has another shape is left out, like every optional field.
#[cfg(feature = "decode")]
pub(crate) fn read(object: &Object<'_>) -> Resources {
    Resources {
        count: count(object, "count").unwrap_or(0),
        bytes: number(object, "bytes").filter(is_size).unwrap_or(0.0),
        cached: count(object, "cached").unwrap_or(0),
        types: shares(object.get("types"), MAX_RESOURCE_TYPES),
        hosts: shares(object.get("hosts"), MAX_RESOURCE_HOSTS),
        slowest: slowest(object.get("slowest")),
    }
}

#[cfg(feature = "decode")]
fn shares(value: Option<&Json<'_>>, max: usize) -> Vec<Share> {
    let shares = value.and_then(Json::as_object).unwrap_or(Object::EMPTY);
    let read = |(name, pair): (&str, &Json<'_>)| {
        let [count, bytes] = pair.as_list()? else {
            return None;
        };
        Some(Share {
            name: cut(name, MAX_TEXT_BYTES),
            count: u32::try_from(count.as_u64()?).ok()?,
            bytes: bytes.as_f64().filter(is_size)?,
        })
    };
    shares.iter().filter_map(read).take(max).collect()
}

#[cfg(feature = "decode")]
fn slowest(value: Option<&Json<'_>>) -> Vec<(String, f64)> {
    let pairs = value.and_then(Json::as_list).into_iter().flatten();
    let read = |pair: &Json<'_>| {
        let [address, duration_ms] = pair.as_list()? else {
            return None;
        };
        let duration_ms = duration_ms
            .as_f64()
            .filter(|ms| (0.0..=MAX_DURATION_MS).contains(ms))?;
        Some((cut(address.as_str()?, MAX_TEXT_BYTES), duration_ms))
    };
    pairs.filter_map(read).take(MAX_SLOWEST_RESOURCES).collect()
}

#[cfg(feature = "decode")]
fn is_size(bytes: &f64) -> bool {
    (0.0..=MAX_MEMORY_BYTES).contains(bytes)
}

//! Fields of a beacon's objects, each as what it is to be. One that has the wrong type is read as one that is not there.

use alloc::borrow::Cow;
use alloc::string::String;

use crate::beacon::{Details, Scalar};
use crate::json::{Json, Object};
use crate::limits::MAX_TEXT_BYTES;

/// A whole number of 0 to `max`, however JSON wrote it.
pub(crate) fn whole(value: &Json<'_>, max: f64) -> Option<u64> {
    value
        .as_f64()
        .filter(|number| (0.0..=max).contains(number))
        .map(|number| number as u64)
}

pub(crate) fn number(object: &Object<'_>, name: &str) -> Option<f64> {
    object.get(name).and_then(Json::as_f64)
}

pub(crate) fn count(object: &Object<'_>, name: &str) -> Option<u32> {
    object
        .get(name)
        .and_then(|value| whole(value, f64::from(u32::MAX)))
        .map(|count| count as u32)
}

pub(crate) fn text(object: &Object<'_>, name: &str, max_bytes: usize) -> String {
    object
        .get(name)
        .and_then(Json::as_str)
        .map(|text| cut(text, max_bytes))
        .unwrap_or_default()
}

/// Facts whose keys are the page's own.
pub(crate) fn invented(_name: &str) -> Option<&'static str> {
    None
}

/// A key that the format knows (`known` gives it) is borrowed from the code, not copied: most are.
pub(crate) fn details(
    object: &Object<'_>,
    name: &str,
    max_keys: usize,
    known: impl Fn(&str) -> Option<&'static str>,
) -> Details {
    let Some(Json::Object(facts)) = object.get(name) else {
        return Details::new();
    };
    facts
        .iter()
        .filter_map(|(key, value)| {
            let scalar = match value {
                Json::Text(text) => Scalar::Text(cut(text, MAX_TEXT_BYTES)),
                Json::Number(number) => Scalar::Number(*number),
                Json::Flag(flag) => Scalar::Flag(*flag),
                _ => return None,
            };
            let key = match known(key) {
                Some(key) => Cow::Borrowed(key),
                None => Cow::Owned(cut(key, MAX_TEXT_BYTES)),
            };
            Some((key, scalar))
        })
        .take(max_keys)
        .collect()
}

pub(crate) fn cut(text: &str, max_bytes: usize) -> String {
    String::from(&text[..text.floor_char_boundary(max_bytes)])
}

/// The usual five groups of hex digits, in lower case.
pub(crate) fn uuid(text: &str) -> Option<String> {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    let mut groups = text.split('-');
    let fits = GROUPS.iter().all(|&length| {
        groups.next().is_some_and(|group| {
            group.len() == length && group.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    });
    (fits && groups.next().is_none()).then(|| text.to_ascii_lowercase())
}

//! JSON as it lies in the bytes: texts without escapes are borrowed, objects are lists. Most of what a beacon says is looked at once
//! and copied once; a tree of owned maps would cost the collector more than everything else it does with a beacon.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

/// Room that lists and objects begin with: most of a beacon's need no more.
const USUAL_ITEMS: usize = 8;
/// Up to this many keys an object is searched from key to key; a larger one is sorted, or a hostile one would cost its square.
const MAX_SEARCHED_KEYS: usize = 32;

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Json<'b> {
    #[default]
    Null,
    Flag(bool),
    Number(f64),
    Text(Cow<'b, str>),
    List(Vec<Json<'b>>),
    Object(Object<'b>),
}

/// Keys and values in the order in which they came (sorted, when there are very many). Of a key that comes twice the last value counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object<'b>(Vec<(Cow<'b, str>, Json<'b>)>);

impl<'b> Json<'b> {
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Json::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// A whole number from 0.
    pub fn as_u64(&self) -> Option<u64> {
        let number = self.as_f64()?;
        (number >= 0.0 && number % 1.0 == 0.0).then_some(number as u64)
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_list(&self) -> Option<&[Json<'b>]> {
        match self {
            Json::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_object(&self) -> Option<&Object<'b>> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The value of a key, where this is an object.
    pub fn get(&self, name: &str) -> Option<&Json<'b>> {
        self.as_object()?.get(name)
    }
}

impl<'b> Object<'b> {
    pub const EMPTY: &'static Object<'static> = &Object(Vec::new());

    pub fn get(&self, name: &str) -> Option<&Json<'b>> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        Some(value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json<'b>)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor)
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Json<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Json::Flag(flag))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Json::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Json::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Json::Number(number as f64))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(text.into())))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::with_capacity(USUAL_ITEMS);
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut object: Vec<(Cow<'de, str>, Json<'de>)> = Vec::with_capacity(USUAL_ITEMS);
        while let Some(Key(key)) = entries.next_key()? {
            let value = entries.next_value()?;
            let searched = &mut object[..];
            let searched = match searched.len() <= MAX_SEARCHED_KEYS {
                true => searched,
                false => &mut [],
            };
            match searched.iter_mut().find(|(known, _)| *known == key) {
                Some(known) => known.1 = value,
                None => object.push((key, value)),
            }
        }
        if object.len() > MAX_SEARCHED_KEYS {
            object.reverse(); // of equal keys the sort keeps the order, and the first of them stays
            object.sort_by(|(a, _), (b, _)| a.cmp(b));
            object.dedup_by(|(a, _), (b, _)| a == b);
        }
        Ok(Json::Object(Object(object)))
    }
}

/// A key, borrowed where it has no escapes.
struct Key<'b>(Cow<'b, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Key(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Key(Cow::Owned(text.into())))
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn read(text: &str) -> Json<'_> {
        serde_json::from_str(text).expect(text)
    }

    #[test]
    fn values_are_read_as_what_they_are() {
        let value = read(r#"{"a":null,"b":true,"c":-1.5,"d":"x","e":"\"","f":[1,2],"g":{}}"#);
        assert_eq!(value.get("a"), Some(&Json::Null));
        assert_eq!(value.get("b").and_then(Json::as_bool), Some(true));
        assert_eq!(value.get("c").and_then(Json::as_f64), Some(-1.5));
        assert_eq!(value.get("d"), Some(&Json::Text(Cow::Borrowed("x"))));
        assert_eq!(value.get("e").and_then(Json::as_str), Some("\""));
        assert_eq!(
            value.get("f").and_then(Json::as_list).map(<[_]>::len),
            Some(2)
        );
        assert_eq!(
            value.get("g").and_then(Json::as_object),
            Some(Object::EMPTY)
        );
        assert_eq!(value.get("h"), None);
        for (text, whole) in [("7", Some(7)), ("7.5", None), ("-7", None), ("\"7\"", None)] {
            assert_eq!(read(text).as_u64(), whole, "{text}");
        }
        assert!(serde_json::from_str::<Json<'_>>("1e999").is_err());
    }

    #[test]
    fn the_last_of_equal_keys_counts_in_small_and_large_objects() {
        assert_eq!(read(r#"{"a":1,"b":2,"a":3}"#), read(r#"{"a":3,"b":2}"#));
        let many: Vec<String> = (0..1000).map(|n| format!("\"k{}\":{n}", n % 500)).collect();
        let text = format!("{{{}}}", many.join(","));
        let value = read(&text);
        let object = value.as_object().expect("an object");
        assert_eq!(object.iter().count(), 500);
        assert!(object.iter().all(|(key, value)| {
            let number: f64 = key[1..].parse().expect("a number");
            value.as_f64() == Some(number + 500.0)
        }));
    }
}

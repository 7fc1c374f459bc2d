//! JSON as it lies in the bytes: texts without escapes are borrowed, objects are lists. Most of what a beacon says is looked at once
//! and copied once; a tree of owned maps would cost the collector more than everything else it does with a beacon.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

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
        let mut value = Json::Null;
        deserializer.deserialize_any(Place(&mut value))?;
        Ok(value)
    }
}

/// Where a value goes. Values are written where they stay: handed up from level to level, each was copied several times, in parts,
/// and a processor waits for parts that were just written.
struct Place<'p, 'b>(&'p mut Json<'b>);

impl<'de> DeserializeSeed<'de> for Place<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        *self.0 = Json::Null;
        Ok(())
    }

    fn visit_bool<E>(self, flag: bool) -> Result<(), E> {
        *self.0 = Json::Flag(flag);
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        *self.0 = Json::Number(number);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        *self.0 = Json::Number(number as f64);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        *self.0 = Json::Number(number as f64);
        Ok(())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        *self.0 = Json::Text(Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        *self.0 = Json::Text(Cow::Owned(text.into()));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut list = Vec::with_capacity(USUAL_ITEMS);
        while items.next_element_seed(NextPlace(&mut list))?.is_some() {}
        *self.0 = Json::List(list);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut object: Vec<(Cow<'de, str>, Json<'de>)> = Vec::with_capacity(USUAL_ITEMS);
        let mut key = Cow::Borrowed("");
        while entries.next_key_seed(Key(&mut key))?.is_some() {
            let searched = match object.len() <= MAX_SEARCHED_KEYS {
                true => &object[..],
                false => &[],
            };
            let known = searched.iter().position(|(known, _)| *known == key);
            let at = known.unwrap_or_else(|| {
                object.push((core::mem::take(&mut key), Json::Null));
                object.len() - 1
            });
            entries.next_value_seed(Place(&mut object[at].1))?;
        }
        if object.len() > MAX_SEARCHED_KEYS {
            object.reverse(); // of equal keys the sort keeps the order, and the first of them stays
            object.sort_by(|(a, _), (b, _)| a.cmp(b));
            object.dedup_by(|(a, _), (b, _)| a == b);
        }
        *self.0 = Json::Object(Object(object));
        Ok(())
    }
}

/// The end of a list, where an item that is there goes.
struct NextPlace<'p, 'b>(&'p mut Vec<Json<'b>>);

impl<'de> DeserializeSeed<'de> for NextPlace<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let place = self.0.push_mut(Json::Null);
        deserializer.deserialize_any(Place(place))
    }
}

/// Where a key goes, borrowed where it has no escapes.
struct Key<'p, 'b>(&'p mut Cow<'b, str>);

impl<'de> DeserializeSeed<'de> for Key<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        *self.0 = Cow::Borrowed(text);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        *self.0 = Cow::Owned(text.into());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

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

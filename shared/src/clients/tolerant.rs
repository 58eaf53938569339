//! Reading JSON from senders that put `[]`, null or a number where an object or a text belongs. Only the wanted fields
//! are read; the rest of a record is skipped without being held.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// An object, or nothing where something else stands.
pub(super) struct Tolerant<T>(pub(super) Option<T>);

/// An array of objects; what is none is left out. A lone object is an array of one, anything else is empty.
pub(super) struct TolerantList<T>(pub(super) Vec<T>);

/// A text; a number or boolean becomes one, anything else nothing.
#[derive(Default)]
pub(super) struct Scalar(pub(super) Option<String>);

impl<T> Default for Tolerant<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Default for TolerantList<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl Scalar {
    pub(super) fn text(&self) -> Option<&str> {
        self.0.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }
}

/// What any JSON value amounts to.
enum Anything<T> {
    Object(T),
    List(Vec<Tolerant<T>>),
    Scalar(String),
    Nothing,
}

struct Reading<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Reading<T> {
    type Value = Anything<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Anything::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = seq.next_element()? {
            list.push(element);
        }
        Ok(Anything::List(list))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Anything::Scalar(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Anything::Scalar(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Anything::Scalar(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Anything::Scalar(number.to_string()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Anything::Scalar(value.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Anything::Nothing)
    }
}

/// An object with no field of interest.
struct Any;

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Tolerant<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match deserializer.deserialize_any(Reading(PhantomData))? {
            Anything::Object(object) => Self(Some(object)),
            Anything::List(_) | Anything::Scalar(_) | Anything::Nothing => Self(None),
        })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TolerantList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match deserializer.deserialize_any(Reading(PhantomData))? {
            Anything::Object(object) => Self(vec![object]),
            Anything::List(list) => Self(list.into_iter().filter_map(|element| element.0).collect()),
            Anything::Scalar(_) | Anything::Nothing => Self(Vec::new()),
        })
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match deserializer.deserialize_any(Reading::<Any>(PhantomData))? {
            Anything::Scalar(text) => Self(Some(text)),
            Anything::Object(_) | Anything::List(_) | Anything::Nothing => Self(None),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Inner {
        #[serde(default)]
        name: Scalar,
    }

    #[derive(Deserialize)]
    struct Outer {
        #[serde(default)]
        one: Tolerant<Inner>,
        #[serde(default)]
        many: TolerantList<Inner>,
    }

    fn shown(json: &str) -> (Option<String>, Vec<Option<String>>) {
        let outer: Outer = serde_json::from_str(json).unwrap();
        (outer.one.0.and_then(|i| i.name.0), outer.many.0.into_iter().map(|i| i.name.0).collect())
    }

    #[test]
    fn a_well_formed_record_is_read() {
        let read = shown(r#"{"one":{"name":"a","x":{"y":[1]}},"many":[{"name":"b"},{"name":1},{"name":1.5},{}]}"#);
        assert_eq!(read.0.as_deref(), Some("a"));
        assert_eq!(read.1, [Some("b".to_owned()), Some("1".to_owned()), Some("1.5".to_owned()), None]);
    }

    #[test]
    fn anything_else_is_nothing_and_does_not_spoil_its_neighbours() {
        for odd in ["null", "[]", "[[],{}]", "\"\"", "7", "true", "-1"] {
            let (one, _) = shown(&format!("{{\"one\":{odd},\"many\":{odd}}}"));
            assert_eq!(one, None, "{odd}");
        }
        assert_eq!(shown(r#"{"many":[null,[],3,{"name":["x"]},{"name":"b"}]}"#).1, [None, Some("b".to_owned())]);
        assert_eq!(shown(r#"{"many":{"name":"lone"}}"#).1, [Some("lone".to_owned())]);
    }
}

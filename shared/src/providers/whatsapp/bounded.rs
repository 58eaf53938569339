//! JSON of strangers, read within bounds: what is not to be kept is left out while reading, and was never in memory.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::reading::RefusalCode;

/// Most values in one event. A small object of JSON is a large one in memory; a real event has a few hundred.
const MOST_PARTS: usize = 20_000;
/// Deepest nesting. What is kept, and what is told, holds the event some levels further down, and has to be read again
/// by readers that give up at 128.
const MOST_LEVELS: usize = 64;

/// Reads one value, without the members that `left_out` names, wherever they stand.
pub(super) fn read(raw: &str, left_out: fn(&str) -> bool) -> Result<Value, RefusalCode> {
    let parts_left = Cell::new(MOST_PARTS);
    let mut json = serde_json::Deserializer::from_str(raw);
    let read = Part { parts_left: &parts_left, levels_left: MOST_LEVELS, left_out }
        .deserialize(&mut json)
        .and_then(|value| json.end().map(|()| value));
    read.map_err(|_| if parts_left.get() == 0 { RefusalCode::EventTooLarge } else { RefusalCode::InvalidJson })
}

/// As [`read`], with everything kept.
pub(super) fn read_whole(raw: &str) -> Result<Value, RefusalCode> {
    read(raw, |_| false)
}

#[derive(Clone, Copy)]
struct Part<'a> {
    parts_left: &'a Cell<usize>,
    levels_left: usize,
    left_out: fn(&str) -> bool,
}

impl Part<'_> {
    fn one_deeper<E: Error>(self) -> Result<Self, E> {
        let levels_left = self.levels_left.checked_sub(1).ok_or_else(|| E::custom("nested too deep"))?;
        Ok(Self { levels_left, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.parts_left.get().checked_sub(1).filter(|left| *left > 0);
        self.parts_left.set(left.unwrap_or(0));
        match left {
            Some(_) => deserializer.deserialize_any(self),
            None => Err(D::Error::custom("too many parts")),
        }
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.one_deeper()?;
        let mut array = Vec::new();
        while let Some(element) = seq.next_element_seed(inner)? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.one_deeper()?;
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if (self.left_out)(&key) {
                map.next_value::<IgnoredAny>()?;
            } else {
                object.insert(key, map.next_value_seed(inner)?);
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_left_out_is_left_out_wherever_it_stands() {
        let raw = r#"{"a":[{"secret":{"b":1},"c":2}],"secret":"x","d":{"secret":null}}"#;
        assert_eq!(read(raw, |key| key == "secret").unwrap(), json!({"a": [{"c": 2}], "d": {}}));
    }

    #[test]
    fn too_many_parts_and_too_deep_a_nesting_are_refused() {
        assert_eq!(read_whole(&format!("[{}0]", "0,".repeat(30_000))), Err(RefusalCode::EventTooLarge));
        let nested = |n: usize| read_whole(&format!("{}{}", "[".repeat(n), "]".repeat(n)));
        assert!(nested(MOST_LEVELS).is_ok());
        assert_eq!(nested(MOST_LEVELS + 1), Err(RefusalCode::InvalidJson));
        for bad in ["", "{", "[1]]", r#""\ud800""#, "1e999"] {
            assert_eq!(read_whole(bad), Err(RefusalCode::InvalidJson), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn it_reads_what_the_library_reads(raw in "[\\[\\]{}\",:0-9.truefalsn-]{0,40}") {
            let theirs = serde_json::from_str::<Value>(&raw).ok();
            prop_assert_eq!(read_whole(&raw).ok(), theirs);
        }
    }
}

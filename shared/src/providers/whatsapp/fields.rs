//! Looking at JSON that may be anything.

use serde_json::Value;

/// Longest identifier taken: WhatsApp's have some sixty characters.
const LONGEST_ID: usize = 256;

/// The text at a JSON pointer, if there is one and it says something.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The first text among several pointers.
pub(super) fn first_text<'a>(value: &'a Value, pointers: &[&str]) -> Option<&'a str> {
    pointers.iter().find_map(|pointer| text(value, pointer))
}

/// The identifier at a JSON pointer: visible ASCII, not too long.
pub(super) fn id<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    text(value, pointer).filter(|id| is_id(id))
}

/// Whether a text can be an identifier.
pub(super) fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Whether `true` stands there.
pub(super) fn is_true(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer) == Some(&Value::Bool(true))
}

/// A number that may have been written as one, as a text, or as the two halves of a 64-bit one.
pub(super) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) if (1..=19).contains(&text.len()) => text.parse().ok(),
        Value::Object(long) => {
            // JavaScript has no 64-bit numbers; protobuf's `Long` is two signed halves.
            let half = |name: &str| long.get(name).and_then(Value::as_i64).and_then(|half| i32::try_from(half).ok());
            let (low, high) = (half("low")?, half("high")?);
            Some((i64::from(high) << 32) | (i64::from(low) & 0xffff_ffff))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_read_in_every_spelling() {
        for spelling in
            [json!(1_749_416_383), json!("1749416383"), json!({"low": 1_749_416_383, "high": 0, "unsigned": true})]
        {
            assert_eq!(whole(&spelling), Some(1_749_416_383), "{spelling}");
        }
        assert_eq!(whole(&json!({"low": -1, "high": 0, "unsigned": true})), Some(4_294_967_295));
        for odd in [json!(null), json!(1.5), json!("1e9"), json!({"low": 1}), json!([]), json!("")] {
            assert_eq!(whole(&odd), None, "{odd}");
        }
    }
}

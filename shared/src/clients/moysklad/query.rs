//! Addresses and filters.

use url::Url;

use crate::clients::exchange::under;
use crate::sync::ports::{Comparison, Condition, MoyskladError};

/// Longest address: MoySklad takes 8 KB with all headers.
const LONGEST: usize = 6_000;

/// The address of these segments with these parameters. Everything but unreserved characters is encoded, a space as
/// `%20`: a `+` could mean itself.
pub(super) fn address(base: &Url, segments: &[&str], pairs: &[(&str, String)]) -> Result<Url, MoyskladError> {
    let mut url = under(base, segments);
    if !pairs.is_empty() {
        let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        url.set_query(Some(&query.join("&")));
    }
    if url.as_str().len() > LONGEST { Err(MoyskladError::Misconfigured) } else { Ok(url) }
}

/// The text of a filter: conditions are parted by `;`, and a `;` inside a value is written `\;`.
pub(super) fn filter(conditions: &[Condition]) -> Result<String, MoyskladError> {
    let mut parts = Vec::with_capacity(conditions.len());
    for Condition { field, comparison, value } in conditions {
        // A backslash in front of the `;` that ends the value would make it part of the value, and no way to write one
        // is documented.
        if value.is_empty() || value.ends_with('\\') || value.contains("\\;") {
            return Err(MoyskladError::Misconfigured);
        }
        let comparison = match comparison {
            Comparison::Is => "=",
            Comparison::AtLeast => ">=",
        };
        parts.push(format!("{field}{comparison}{}", value.replace(';', "\\;")));
    }
    Ok(parts.join(";"))
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_one_value_whatever_stands_in_it() {
        let conditions = [Condition::is("name", "a;b=c&d #ж+"), Condition::is("code", "1")];
        let filter = filter(&conditions).unwrap();
        assert_eq!(filter, "name=a\\;b=c&d #ж+;code=1");
        let base = Url::parse("https://api.example.com/api/remap/1.2").unwrap();
        let url = address(&base, &["entity", "product"], &[("filter", filter)]).unwrap();
        assert_eq!(
            url.as_str(),
            "https://api.example.com/api/remap/1.2/entity/product?filter=name%3Da%5C%3Bb%3Dc%26d%20%23%D0%B6%2B%3Bcode%3D1"
        );
        assert_eq!(url.query_pairs().next().unwrap().1, "name=a\\;b=c&d #ж+;code=1");
    }

    #[test]
    fn a_value_that_cannot_be_written_is_not_guessed() {
        for bad in ["", "ends with \\", "has \\; in it"] {
            assert_eq!(filter(&[Condition::is("name", bad)]), Err(MoyskladError::Misconfigured), "{bad}");
        }
        let long = [("filter", "ж".repeat(2_000))];
        let base = Url::parse("https://api.example.com").unwrap();
        assert_eq!(address(&base, &[], &long), Err(MoyskladError::Misconfigured));
    }
}

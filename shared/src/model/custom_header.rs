//! A header that a subscription adds to its deliveries.

use serde::{Deserialize, Serialize};

/// Most headers of one subscription.
pub const MAX_HEADERS: usize = 20;
/// Longest name.
pub const MAX_NAME_BYTES: usize = 100;
/// Longest value: room for a large bearer token.
pub const MAX_VALUE_BYTES: usize = 2048;
/// All names and values together. Many servers refuse more than 8 KB of headers; the rest is ours.
pub const MAX_TOTAL_BYTES: usize = 4096;

/// Names the platform sets itself, or that belong to the connection and not to the message.
const RESERVED: &[&str] = &[
    "accept-encoding",
    "connection",
    "date",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-webhook-signature",
];
/// What names may not start with.
const RESERVED_PREFIXES: &[&str] = &[":", "content-", "proxy-", "webhook-"];

/// A header's name in lower case, and its value: in the clear as `String`, or sealed.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomHeader<V> {
    /// The name, as it goes on the wire.
    pub name: HeaderName,
    /// The value. Often a credential.
    pub value: V,
}

impl<V> std::fmt::Debug for CustomHeader<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CustomHeader").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A header name that a subscription may set: lower case, and none of ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HeaderName(String);

/// Why a header is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Empty, too long, or with letters that HTTP does not allow in a name.
    #[error("a header name has 1 to {MAX_NAME_BYTES} letters, digits and `-`")]
    Name,
    /// One that the platform, or the connection, sets.
    #[error("this header is set by the platform or belongs to the connection")]
    Reserved,
    /// Too long, or with letters that could end the header.
    #[error(
        "a header value has at most {MAX_VALUE_BYTES} printable ASCII characters and neither starts nor ends with a space"
    )]
    Value,
}

impl HeaderName {
    /// Reads a name, in any case.
    ///
    /// # Errors
    /// The name is malformed, or reserved.
    pub fn parse(text: &str) -> Result<Self, HeaderError> {
        let name = text.to_ascii_lowercase();
        if RESERVED.contains(&name.as_str()) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            return Err(HeaderError::Reserved);
        }
        let sane = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b == b'.';
        if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(sane) {
            return Err(HeaderError::Name);
        }
        Ok(Self(name))
    }

    /// The name, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HeaderName {
    type Error = HeaderError;

    fn try_from(text: String) -> Result<Self, HeaderError> {
        Self::parse(&text)
    }
}

impl From<HeaderName> for String {
    fn from(name: HeaderName) -> String {
        name.0
    }
}

/// Whether a text can be a header's value: nothing in it can end the line or be read in two ways.
///
/// # Errors
/// It cannot.
pub fn check_value(text: &str) -> Result<(), HeaderError> {
    let sane = text.len() <= MAX_VALUE_BYTES && text.bytes().all(|b| (b' '..=b'~').contains(&b)) && text.trim() == text;
    if sane { Ok(()) } else { Err(HeaderError::Value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ours_and_of_the_connection_are_refused_in_any_case() {
        for reserved in [
            "webhook-id",
            "Webhook-Signature",
            "WEBHOOK-anything",
            "Host",
            "Content-Length",
            "content-type",
            "Content-Encoding",
            "Transfer-Encoding",
            "Connection",
            "Keep-Alive",
            "Proxy-Authorization",
            "TE",
            "Trailer",
            "Upgrade",
            "User-Agent",
            "X-Webhook-Signature",
            "Expect",
            ":authority",
        ] {
            assert_eq!(HeaderName::parse(reserved), Err(HeaderError::Reserved), "{reserved}");
        }
    }

    #[test]
    fn names_that_http_does_not_know_are_refused() {
        for bad in ["", "a b", "a:b", "a\r\nb", "é", "a\0"] {
            assert_eq!(HeaderName::parse(bad), Err(HeaderError::Name), "{bad:?}");
        }
        assert_eq!(HeaderName::parse(&"a".repeat(MAX_NAME_BYTES + 1)), Err(HeaderError::Name));
    }

    #[test]
    fn ordinary_names_are_kept_in_lower_case() {
        for good in ["Authorization", "X-Team", "x_api.key-1"] {
            assert_eq!(HeaderName::parse(good).unwrap().as_str(), good.to_ascii_lowercase());
        }
    }

    #[test]
    fn a_value_cannot_smuggle_a_second_header() {
        for bad in ["a\r\nHost: b", "a\nb", "a\0", "é", " a", "a ", "\t"] {
            assert_eq!(check_value(bad), Err(HeaderError::Value), "{bad:?}");
        }
        assert!(check_value(&"a".repeat(MAX_VALUE_BYTES + 1)).is_err());
        assert!(check_value("Bearer abc def==").is_ok());
        assert!(check_value("").is_ok());
    }
}

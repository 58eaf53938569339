//! A request of one event or of many, read without being taken apart: a bad event does not spoil its neighbours.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Most bytes in a request. API Gateway lets 10 MB through, Lambda 6 MB as text; this is said in our own words.
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Most bytes in one event: it is stored in one item, which may hold 400 KB with everything else.
pub const MAX_EVENT_BYTES: usize = 256 * 1024;

/// What is wrong with a request as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Above what its provider may send at once: [`MAX_BODY_BYTES`] or less.
    #[error("the body is larger than is taken")]
    BodyTooLarge,
    /// Not JSON.
    #[error("the body is not JSON")]
    InvalidJson,
    /// An array without elements.
    #[error("the array is empty")]
    EmptyBatch,
    /// More than its provider may send at once.
    #[error("more events in one request than are taken")]
    TooManyEvents,
}

impl BodyError {
    /// A stable word.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::BodyTooLarge => "body_too_large",
            Self::InvalidJson => "invalid_json",
            Self::EmptyBatch => "empty_batch",
            Self::TooManyEvents => "too_many_events",
        }
    }
}

/// The elements of an array, unread.
pub(super) struct Elements<'a> {
    /// As many as are taken.
    pub(super) raw: Vec<&'a RawValue>,
    /// Whether there were more.
    pub(super) more: bool,
}

/// The elements of an array, and no more than `most`: a body of a million zeros stays cheap.
///
/// # Errors
/// It is no JSON array.
pub(super) fn elements(body: &[u8], most: usize) -> Result<Elements<'_>, BodyError> {
    struct Bounded(usize);

    impl<'de> Visitor<'de> for Bounded {
        type Value = Elements<'de>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Elements<'de>, A::Error> {
            let mut raw = Vec::new();
            while raw.len() < self.0 {
                match seq.next_element()? {
                    Some(element) => raw.push(element),
                    None => return Ok(Elements { raw, more: false }),
                }
            }
            let mut more = false;
            while seq.next_element::<IgnoredAny>()?.is_some() {
                more = true;
            }
            Ok(Elements { raw, more })
        }
    }

    let mut json = serde_json::Deserializer::from_slice(body);
    let elements = json.deserialize_seq(Bounded(most)).map_err(|_| BodyError::InvalidJson)?;
    json.end().map_err(|_| BodyError::InvalidJson)?;
    Ok(elements)
}

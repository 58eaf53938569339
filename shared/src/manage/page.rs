//! One page of a list.

use serde::Serialize;
use utoipa::ToSchema;

/// Entries on a page, unless asked otherwise.
pub const DEFAULT_LIMIT: u32 = 50;
/// Entries that can be asked for. A hundred rows are one batch read.
pub const LIMIT: std::ops::RangeInclusive<u32> = 1..=100;

/// A page, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Page<T> {
    /// The entries.
    pub data: Vec<T>,
    /// Where the next page begins; none where this is the last.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The page with every entry turned into another.
    #[must_use]
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        Page { data: self.data.into_iter().map(each).collect(), next_cursor: self.next_cursor }
    }
}

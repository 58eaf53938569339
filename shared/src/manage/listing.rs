//! Lists of rows: by day, newest first; and of those that failed.

use std::fmt;
use std::future::Future;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use crate::model::ids::TenantId;
use crate::model::row::{RowKey, WorkRow};
use crate::work::StoreError;

/// A place in a list, to the microsecond. Without a row it lies before all rows of its time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    at: Timestamp,
    row: Option<RowKey>,
}

impl Place {
    /// The place of a row listed at `at`.
    #[must_use]
    pub fn of(at: Timestamp, row: RowKey) -> Self {
        Self { at: to_micros(at), row: Some(row) }
    }

    /// The place before all rows listed at `at` or later.
    #[must_use]
    pub fn before(at: Timestamp) -> Self {
        Self { at: to_micros(at), row: None }
    }

    /// Its time.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The row that is there.
    #[must_use]
    pub const fn row(&self) -> Option<&RowKey> {
        self.row.as_ref()
    }
}

/// Lists are kept to the microsecond; a place between two would be found twice or never.
fn to_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

/// Which list a cursor goes on in: the two are in the order of different times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// All rows, by when they were made.
    ByDay,
    /// Those that failed, by when they ended.
    Failed,
}

/// Where a list goes on: what a `next_cursor` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// In which list.
    pub list: ListKind,
    /// Behind which place.
    pub place: Place,
}

/// The text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct CursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = match self.list {
            ListKind::ByDay => 'd',
            ListKind::Failed => 'f',
        };
        let row = self.place.row.as_ref().map_or_else(String::new, ToString::to_string);
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("{list}{}#{row}", self.place.at.as_microsecond())))
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        let text = String::from_utf8(bytes).map_err(|_| CursorError)?;
        let (list, text) = match text.split_at_checked(1).ok_or(CursorError)? {
            ("d", rest) => (ListKind::ByDay, rest),
            ("f", rest) => (ListKind::Failed, rest),
            _ => return Err(CursorError),
        };
        let (at, row) = text.split_once('#').ok_or(CursorError)?;
        let micros = at.parse().map_err(|_| CursorError)?;
        let at = Timestamp::from_microsecond(micros).map_err(|_| CursorError)?;
        let row = if row.is_empty() { None } else { Some(row.parse().map_err(|_| CursorError)?) };
        Ok(Self { list, place: Place { at, row } })
    }
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Not older than this.
    pub since: Timestamp,
    /// Before this place, which is itself not in it.
    pub before: Place,
}

/// The lists of a tenant's rows. Places may be a little older than the rows they lead to.
pub trait Listing: Send + Sync {
    /// The newest places in a window of the rows `R` of the UTC day `day` is in, at most `limit`; fewer only if there
    /// are no more.
    fn listed<R: WorkRow>(
        &self,
        tenant: &TenantId,
        day: Timestamp,
        window: &Window,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Place>, StoreError>> + Send;

    /// The same of the rows that failed, by when they ended.
    fn failed<R: WorkRow>(
        &self,
        tenant: &TenantId,
        window: &Window,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Place>, StoreError>> + Send;

    /// The rows at these places, at most a hundred, in any order, read strongly. Those that are gone are not there.
    fn rows<R: WorkRow>(&self, places: &[Place]) -> impl Future<Output = Result<Vec<R>, StoreError>> + Send;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_that_is_no_cursor_is_refused() {
        let text = |plain: &str| URL_SAFE_NO_PAD.encode(plain);
        for bad in [
            String::new(),
            "!".into(),
            text(""),
            text("d"),
            text("x1#"),
            text("d1"),
            text("dx#"),
            text("d1#nothing/1"),
            text("é1#"),
        ] {
            assert_eq!(bad.parse::<Cursor>(), Err(CursorError), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_cursor_is_read_back(micros in 0_i64..1 << 50, of_a_row: bool, failed: bool) {
            let at = Timestamp::from_microsecond(micros).unwrap();
            let place = if of_a_row { Place::of(at, "event/evt_1".parse().unwrap()) } else { Place::before(at) };
            let cursor = Cursor { list: if failed { ListKind::Failed } else { ListKind::ByDay }, place };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
    }
}

//! What was called, how much went over the wire, and what AWS would have billed for it.

use std::collections::BTreeMap;
use std::fmt;

/// Running totals.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// By operation, as the protocol names it. A call of `Query` is a page.
    pub calls: BTreeMap<String, Calls>,
    /// By table and index.
    pub units: BTreeMap<Place, Units>,
}

/// The calls of one operation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// How many.
    pub count: u64,
    /// Of those, how many were not answered with 200: conditions that did not hold, above all.
    pub refused: u64,
    /// Bytes of the requests' bodies.
    pub request_bytes: u64,
    /// Bytes of the answers' bodies.
    pub response_bytes: u64,
    /// Items that were looked at, whether or not a filter let them through.
    pub items: u64,
}

/// A table, or one of its indexes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The table.
    pub table: String,
    /// The index, if it is none of the table itself.
    pub index: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table)?;
        self.index.iter().try_for_each(|index| write!(f, ".{index}"))
    }
}

/// Capacity units, as DynamoDB bills them on demand.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Units {
    /// Of reads: 4 KB each, half where the read is eventually consistent.
    pub read: f64,
    /// Of writes: 1 KB each, twice that in a transaction.
    pub write: f64,
}

/// What one call used.
#[derive(Debug, Default)]
pub(super) struct Used {
    pub(super) units: Vec<(Place, Units)>,
    pub(super) items: u64,
}

impl Counts {
    pub(super) fn add(&mut self, operation: &str, refused: bool, bytes: (usize, usize), used: Used) {
        if !self.calls.contains_key(operation) {
            self.calls.insert(operation.to_owned(), Calls::default());
        }
        if let Some(calls) = self.calls.get_mut(operation) {
            calls.count += 1;
            calls.refused += u64::from(refused);
            calls.request_bytes += bytes.0 as u64;
            calls.response_bytes += bytes.1 as u64;
            calls.items += used.items;
        }
        for (place, units) in used.units {
            let there = self.units.entry(place).or_default();
            there.read += units.read;
            there.write += units.write;
        }
    }

    /// All calls of all services.
    #[must_use]
    pub fn total(&self) -> Calls {
        self.calls.values().fold(Calls::default(), |sum, one| Calls {
            count: sum.count + one.count,
            refused: sum.refused + one.refused,
            request_bytes: sum.request_bytes + one.request_bytes,
            response_bytes: sum.response_bytes + one.response_bytes,
            items: sum.items + one.items,
        })
    }

    /// How often an operation was called.
    #[must_use]
    pub fn of(&self, operation: &str) -> u64 {
        self.calls.get(operation).map_or(0, |calls| calls.count)
    }

    /// What all tables were billed, indexes included.
    #[must_use]
    pub fn billed(&self) -> Units {
        self.units
            .values()
            .fold(Units::default(), |sum, one| Units { read: sum.read + one.read, write: sum.write + one.write })
    }
}

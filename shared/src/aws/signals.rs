//! Slots and breakers in DynamoDB.

use jiff::{SignedDuration, Timestamp};

use super::expression::Update;
use super::items::{from_item, millis, n, time, to_item};
use super::keys;
use super::rows::Changed;
use super::store::Store;
use crate::limits::{Breaker, Breakers, Slot, Slots};
use crate::work::StoreError;

const NEXT_FREE: &str = "next_free";
const VERSION: &str = "version";
/// Changes of mind before a slot is given up on: each means that another worker took the one we saw.
const TRIES: usize = 20;

impl Slots for Store {
    async fn take_slot(&self, name: &str, spacing: SignedDuration, now: Timestamp) -> Result<Slot, StoreError> {
        let table = &self.tables.signals;
        let end_of = |at: Timestamp| at.saturating_add(spacing).unwrap_or(at);
        // Nobody waits: the usual case, one write.
        let mut at = now;
        let mut update =
            Update::default().set(NEXT_FREE, millis(end_of(at))).only_if_absent_or(NEXT_FREE, "<=", millis(now));
        for _ in 0..TRIES {
            match self.update(table, keys::slot(name), update).await? {
                Changed::Now(_) => return Ok(Slot { at }),
                Changed::Refused(item) => {
                    let seen = item.and_then(|item| time(&item, NEXT_FREE)).unwrap_or(now);
                    at = seen.max(now);
                    update = Update::default().set(NEXT_FREE, millis(end_of(at))).only_if(NEXT_FREE, "=", millis(seen));
                }
            }
        }
        Err(StoreError::Unavailable(format!("no slot of {name} could be had: too many want one")))
    }
}

impl Breakers for Store {
    async fn breaker(&self, name: &str) -> Result<Breaker, StoreError> {
        let item = self.get_item(&self.tables.signals, keys::breaker(name), false).await?;
        Ok(item.map(from_item).transpose()?.unwrap_or_default())
    }

    async fn set_breaker(&self, name: &str, seen: &Breaker, to: &Breaker) -> Result<bool, StoreError> {
        let mut update = Update::default().only_if_absent_or(VERSION, "=", n(seen.version));
        for gone in ["since", "open_until"] {
            let absent = match gone {
                "since" => to.since.is_none(),
                _ => to.open_until.is_none(),
            };
            if absent {
                update = update.remove(gone);
            }
        }
        for (name, value) in to_item(to)? {
            update = update.set(&name, value);
        }
        Ok(matches!(self.update(&self.tables.signals, keys::breaker(name), update).await?, Changed::Now(_)))
    }
}

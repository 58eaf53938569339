//! What the guards remember, in DynamoDB. What is past its time says nothing to them, so a row that is not yet
//! deleted is read as any other.

use jiff::{SignedDuration, Timestamp};

use super::super::expression::Update;
use super::super::items::{EXPIRES_AT, PK, REV, from_item, n, number, seconds, to_item};
use super::super::keys;
use super::super::queries::every_item;
use super::super::rows::Changed;
use super::super::store::Store;
use crate::model::ids::TenantId;
use crate::model::moysklad::{AccountId, EntityRef};
use crate::sync::guards::{LoopGuard, REMEMBERED_FOR, Written};
use crate::sync::store::GuardRows;
use crate::work::StoreError;

const OPEN_SINCE: &str = "open_since";

/// What we wrote is kept this much longer than it is remembered.
const SPARE: SignedDuration = SignedDuration::from_hours(1);
/// How long a loop guard is kept after its last change: long after quiet has closed it.
const GUARD_KEPT_FOR: SignedDuration = SignedDuration::from_hours(2);

impl GuardRows for Store {
    async fn written(&self, tenant: &TenantId, entity: EntityRef) -> Result<Option<Written>, StoreError> {
        self.get(&self.tables.sync, keys::written(tenant, entity)).await?.map(from_item).transpose()
    }

    async fn put_written(&self, tenant: &TenantId, entity: EntityRef, written: &Written) -> Result<(), StoreError> {
        let mut item = to_item(written)?;
        if let Some(last) = written.last_at() {
            item.insert(EXPIRES_AT.to_owned(), seconds(later(last, REMEMBERED_FOR + SPARE)));
        }
        self.put(&self.tables.sync, keys::written(tenant, entity), item).await
    }

    async fn loop_guard(&self, tenant: &TenantId, entity: EntityRef) -> Result<Option<LoopGuard>, StoreError> {
        self.get(&self.tables.sync, keys::loop_guard(tenant, entity)).await?.map(from_item).transpose()
    }

    async fn put_loop_guard(&self, guard: &LoopGuard) -> Result<bool, StoreError> {
        let update = match guard.rev {
            0 => return Ok(false),
            1 => Update::default().only_if_not_there(PK),
            rev => Update::default().only_if(REV, "=", n(rev - 1)),
        };
        // A guard that was closed knows no change any more, and is kept as long as it would have been.
        let mut update = match guard.last_change() {
            Some(last) => update.set(EXPIRES_AT, seconds(later(last, GUARD_KEPT_FOR))),
            None => update,
        };
        if guard.open_since.is_none() {
            update = update.remove(OPEN_SINCE);
        }
        for (name, value) in to_item(guard)? {
            update = update.set(&name, value);
        }
        let key = keys::loop_guard(&guard.tenant, guard.entity);
        Ok(matches!(self.update(&self.tables.sync, key, update).await?, Changed::Now(_)))
    }

    async fn loop_guards(
        &self,
        tenant: &TenantId,
        account: AccountId,
        limit: usize,
    ) -> Result<Vec<LoopGuard>, StoreError> {
        let query = self.query(&self.tables.sync, &keys::guards(tenant, account), Some(keys::LOOP_PLACE));
        let mut items = every_item(query).await?;
        // What is only waiting to be deleted takes no place of what has changed lately.
        items.sort_by_key(|item| std::cmp::Reverse(number(item, EXPIRES_AT)));
        items.into_iter().take(limit).map(from_item).collect()
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

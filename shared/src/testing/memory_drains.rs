//! The rows of accounts in memory.

use jiff::Timestamp;

use super::memory_rows::{MemoryStore, object, typed};
use crate::model::event::{Event, RawBody};
use crate::model::ids::TenantId;
use crate::model::job::JobStatus;
use crate::model::moysklad::{AccountId, DrainJob};
use crate::model::row::{RowKey, WorkRow as _};
use crate::sync::jobs;
use crate::sync::store::{Drains, Notices};
use crate::work::{Ring, Rows, StoreError};

impl Drains for MemoryStore {
    async fn ask_drain(&self, tenant: &TenantId, account: AccountId, now: Timestamp) -> Result<Ring, StoreError> {
        let key = RowKey::Drain(tenant.clone(), account);
        let begun = self.begin_turn::<DrainJob>(&key, JobStatus::Waiting.name(), now).await?;
        let mut inner = self.lock_to_write()?;
        let first = jobs::drain(tenant, account, now, self.timing());
        let Some(stored) = inner.rows.get_mut(&key) else {
            inner.rows.insert(key, object(&first)?);
            return Ok(Ring::of(&first));
        };
        let mut job: DrainJob = typed(stored)?;
        job.asked += 1;
        if begun.is_none() && job.work.not_before > now {
            job.work.not_before = now;
            job.work.due_at = Some(self.timing().due_at(now));
        }
        let ring = Ring::of(&job);
        debug_assert_eq!(job.key(), key, "the row is the account's");
        *stored = object(&job)?;
        Ok(ring)
    }
}

impl Notices for MemoryStore {
    async fn notice_of(&self, event: &Event) -> Result<Option<RawBody>, StoreError> {
        let inner = self.lock()?;
        let bodies = inner.bodies.get(&event.id);
        Ok(bodies.and_then(|bodies| bodies.first()).map(|(_, body)| body.clone()))
    }
}

//! What keeping accounts in step remembers, in the one store in memory: its accounts are those of the directory.

use jiff::Timestamp;

use super::MemoryStore;
use super::memory_sync::MemorySync;
use crate::manage::moysklad::book::MoyskladAccounts;
use crate::model::ids::TenantId;
use crate::model::moysklad::{Account, AccountId, Dirty, EntityRef, Mapping, Tally};
use crate::sync::guards::{LoopGuard, Written};
use crate::sync::plan::Mark;
use crate::sync::store::{Accounts, DirtyRows, GuardRows, Mappings, Tallies};
use crate::work::StoreError;

impl MemoryStore {
    /// What is remembered, to look at it.
    #[must_use]
    pub const fn sync(&self) -> &MemorySync {
        &self.sync
    }
}

impl Accounts for MemoryStore {
    async fn accounts(&self, tenant: &TenantId) -> Result<Vec<Account>, StoreError> {
        self.accounts_of(tenant).await
    }
}

impl DirtyRows for MemoryStore {
    async fn mark(
        &self,
        tenant: &TenantId,
        mark: &Mark,
        not_before: Timestamp,
        now: Timestamp,
    ) -> Result<Dirty, StoreError> {
        self.sync.mark(tenant, mark, not_before, now).await
    }

    async fn due(
        &self,
        tenant: &TenantId,
        target: AccountId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Dirty>, StoreError> {
        self.sync.due(tenant, target, now, limit).await
    }

    async fn next_due(&self, tenant: &TenantId, target: AccountId) -> Result<Option<Timestamp>, StoreError> {
        self.sync.next_due(tenant, target).await
    }

    async fn n_dirty(&self, tenant: &TenantId, target: AccountId) -> Result<u64, StoreError> {
        self.sync.n_dirty(tenant, target).await
    }

    async fn finish(&self, row: &Dirty) -> Result<bool, StoreError> {
        self.sync.finish(row).await
    }

    async fn put_off(&self, row: &Dirty, not_before: Timestamp, error: &str) -> Result<bool, StoreError> {
        self.sync.put_off(row, not_before, error).await
    }

    async fn set_aside(&self, row: &Dirty, not_before: Timestamp, error: &str) -> Result<bool, StoreError> {
        self.sync.set_aside(row, not_before, error).await
    }
}

impl Mappings for MemoryStore {
    async fn mapping(
        &self,
        tenant: &TenantId,
        origin: EntityRef,
        target: AccountId,
    ) -> Result<Option<Mapping>, StoreError> {
        self.sync.mapping(tenant, origin, target).await
    }

    async fn mapping_of(&self, tenant: &TenantId, counterpart: EntityRef) -> Result<Option<Mapping>, StoreError> {
        self.sync.mapping_of(tenant, counterpart).await
    }

    async fn put_mapping(&self, mapping: &Mapping) -> Result<bool, StoreError> {
        self.sync.put_mapping(mapping).await
    }
}

impl GuardRows for MemoryStore {
    async fn written(&self, tenant: &TenantId, entity: EntityRef) -> Result<Option<Written>, StoreError> {
        self.sync.written(tenant, entity).await
    }

    async fn put_written(&self, tenant: &TenantId, entity: EntityRef, written: &Written) -> Result<(), StoreError> {
        self.sync.put_written(tenant, entity, written).await
    }

    async fn loop_guard(&self, tenant: &TenantId, entity: EntityRef) -> Result<Option<LoopGuard>, StoreError> {
        self.sync.loop_guard(tenant, entity).await
    }

    async fn put_loop_guard(&self, guard: &LoopGuard) -> Result<bool, StoreError> {
        self.sync.put_loop_guard(guard).await
    }

    async fn loop_guards(
        &self,
        tenant: &TenantId,
        account: AccountId,
        limit: usize,
    ) -> Result<Vec<LoopGuard>, StoreError> {
        self.sync.loop_guards(tenant, account, limit).await
    }
}

impl Tallies for MemoryStore {
    async fn tally(
        &self,
        tenant: &TenantId,
        account: AccountId,
        tally: &Tally,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.sync.tally(tenant, account, tally, now).await
    }

    async fn tallies(
        &self,
        tenant: &TenantId,
        account: AccountId,
        since: Timestamp,
    ) -> Result<Vec<(Timestamp, Tally)>, StoreError> {
        self.sync.tallies(tenant, account, since).await
    }
}

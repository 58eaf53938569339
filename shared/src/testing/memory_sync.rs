//! What keeping accounts in step remembers, in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::memory_moysklad::{BASE, MemoryAccount, MemoryMoysklad};
use crate::model::ids::TenantId;
use crate::model::moysklad::{Account, AccountId, Dirty, EntityRef, Mapping, Tally};
use crate::sync::guards::{LoopGuard, Written};
use crate::sync::plan::Mark;
use crate::sync::store::{Accounts, Clients, DirtyRows, GuardRows, Mappings, Tallies, counterpart_of};
use crate::sync::worker::{Listener, Told};
use crate::work::{Hold, StoreError};

type MappingKey = (TenantId, EntityRef, AccountId);

#[derive(Debug, Clone, Default)]
struct Inner {
    accounts: Vec<Account>,
    dirty: BTreeMap<MappingKey, Dirty>,
    mappings: BTreeMap<MappingKey, Mapping>,
    written: BTreeMap<(TenantId, EntityRef), Written>,
    guards: BTreeMap<(TenantId, EntityRef), LoopGuard>,
    tallies: BTreeMap<(TenantId, AccountId, Timestamp), Tally>,
    writes_left: Option<u32>,
}

/// A store that lives as long as the test. Its clones are one.
#[derive(Debug, Clone, Default)]
pub struct MemorySync(Arc<Mutex<Inner>>);

impl MemorySync {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a write, or goes down at it.
    fn to_write(&self) -> Result<MutexGuard<'_, Inner>, StoreError> {
        let mut inner = self.lock();
        match inner.writes_left {
            Some(0) => Err(StoreError::Unavailable("the worker died".into())),
            left => {
                inner.writes_left = left.map(|left| left - 1);
                Ok(inner)
            }
        }
    }

    /// Lets so many more writes through and then goes down, as the store does for a worker that dies.
    pub fn die_after(&self, writes: u32) {
        self.lock().writes_left = Some(writes);
    }

    /// Comes back, with all that was written.
    pub fn revive(&self) {
        self.lock().writes_left = None;
    }

    /// Sets an account up, in place of one of its identifier.
    pub fn put_account(&self, account: Account) {
        let mut inner = self.lock();
        inner.accounts.retain(|other| other.id != account.id);
        inner.accounts.push(account);
    }

    /// A store of its own, with everything that this one holds now.
    #[must_use]
    pub fn copied(&self) -> Self {
        Self(Arc::new(Mutex::new(self.lock().clone())))
    }

    /// Every dirty row.
    #[must_use]
    pub fn all_dirty(&self) -> Vec<Dirty> {
        self.lock().dirty.values().cloned().collect()
    }

    /// Every mapping.
    #[must_use]
    pub fn all_mappings(&self) -> Vec<Mapping> {
        self.lock().mappings.values().cloned().collect()
    }
}

impl Accounts for MemorySync {
    async fn accounts(&self, tenant: &TenantId) -> Result<Vec<Account>, StoreError> {
        Ok(self.lock().accounts.iter().filter(|account| account.tenant == *tenant).cloned().collect())
    }
}

fn key(row: &Dirty) -> MappingKey {
    (row.tenant.clone(), row.origin, row.target)
}

impl DirtyRows for MemorySync {
    async fn mark(
        &self,
        tenant: &TenantId,
        mark: &Mark,
        not_before: Timestamp,
        now: Timestamp,
    ) -> Result<Dirty, StoreError> {
        let mut inner = self.to_write()?;
        let row = match inner.dirty.get(&(tenant.clone(), mark.origin, mark.target)) {
            Some(row) => row.again(&mark.groups, not_before),
            None => {
                let row = Dirty::new(tenant.clone(), mark.target, mark.origin, mark.groups.clone(), now);
                Dirty { not_before, ..row }
            }
        };
        let row = Dirty { because: mark.because.clone().or(row.because), ..row };
        inner.dirty.insert(key(&row), row.clone());
        Ok(row)
    }

    async fn due(
        &self,
        tenant: &TenantId,
        target: AccountId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Dirty>, StoreError> {
        let inner = self.lock();
        let mut due: Vec<Dirty> = inner
            .dirty
            .values()
            .filter(|row| row.tenant == *tenant && row.target == target && row.not_before <= now)
            .cloned()
            .collect();
        due.sort_by_key(Dirty::place);
        due.truncate(limit);
        Ok(due)
    }

    async fn next_due(&self, tenant: &TenantId, target: AccountId) -> Result<Option<Timestamp>, StoreError> {
        let inner = self.lock();
        let rows = inner.dirty.values().filter(|row| row.tenant == *tenant && row.target == target);
        Ok(rows.map(|row| row.not_before).min())
    }

    async fn n_dirty(&self, tenant: &TenantId, target: AccountId) -> Result<u64, StoreError> {
        let inner = self.lock();
        let rows = inner.dirty.values().filter(|row| row.tenant == *tenant && row.target == target);
        Ok(u64::try_from(rows.count()).unwrap_or(u64::MAX))
    }

    async fn finish(&self, row: &Dirty) -> Result<bool, StoreError> {
        let mut inner = self.to_write()?;
        let same = inner.dirty.get(&key(row)).is_some_and(|stored| stored.version == row.version);
        if same {
            inner.dirty.remove(&key(row));
        }
        Ok(same)
    }

    async fn put_off(&self, row: &Dirty, not_before: Timestamp, error: &str) -> Result<bool, StoreError> {
        self.wait(row, not_before, error, 1)
    }

    async fn set_aside(&self, row: &Dirty, not_before: Timestamp, error: &str) -> Result<bool, StoreError> {
        self.wait(row, not_before, error, 0)
    }
}

impl MemorySync {
    fn wait(&self, row: &Dirty, not_before: Timestamp, error: &str, failures: u32) -> Result<bool, StoreError> {
        let mut inner = self.to_write()?;
        let Some(stored) = inner.dirty.get_mut(&key(row)).filter(|stored| stored.version == row.version) else {
            return Ok(false);
        };
        stored.not_before = not_before;
        stored.failures += failures;
        stored.error = Some(error.to_owned());
        Ok(true)
    }
}

impl Mappings for MemorySync {
    async fn mapping(
        &self,
        tenant: &TenantId,
        origin: EntityRef,
        target: AccountId,
    ) -> Result<Option<Mapping>, StoreError> {
        Ok(self.lock().mappings.get(&(tenant.clone(), origin, target)).cloned())
    }

    async fn mapping_of(&self, tenant: &TenantId, counterpart: EntityRef) -> Result<Option<Mapping>, StoreError> {
        let inner = self.lock();
        let stands = |mapping: &&Mapping| {
            mapping.tenant == *tenant
                && mapping.counterpart.is_some_and(|id| counterpart_of(mapping, id) == counterpart)
        };
        Ok(inner.mappings.values().find(stands).cloned())
    }

    async fn put_mapping(&self, mapping: &Mapping) -> Result<bool, StoreError> {
        let mut inner = self.to_write()?;
        let key = (mapping.tenant.clone(), mapping.origin, mapping.target);
        let before = inner.mappings.get(&key).map_or(0, |mapping| mapping.rev);
        let stands_for_another = mapping.counterpart.is_some_and(|id| {
            let others = inner.mappings.values().filter(|other| {
                other.tenant == mapping.tenant && other.target == mapping.target && other.origin != mapping.origin
            });
            let mut theirs = others.filter_map(|other| other.counterpart.map(|id| counterpart_of(other, id)));
            theirs.any(|theirs| theirs == counterpart_of(mapping, id))
        });
        let next = mapping.rev == before + 1 && !stands_for_another;
        if next {
            inner.mappings.insert(key, mapping.clone());
        }
        Ok(next)
    }
}

impl GuardRows for MemorySync {
    async fn written(&self, tenant: &TenantId, entity: EntityRef) -> Result<Option<Written>, StoreError> {
        Ok(self.lock().written.get(&(tenant.clone(), entity)).cloned())
    }

    async fn put_written(&self, tenant: &TenantId, entity: EntityRef, written: &Written) -> Result<(), StoreError> {
        self.to_write()?.written.insert((tenant.clone(), entity), written.clone());
        Ok(())
    }

    async fn loop_guard(&self, tenant: &TenantId, entity: EntityRef) -> Result<Option<LoopGuard>, StoreError> {
        Ok(self.lock().guards.get(&(tenant.clone(), entity)).cloned())
    }

    async fn put_loop_guard(&self, guard: &LoopGuard) -> Result<bool, StoreError> {
        let mut inner = self.to_write()?;
        let key = (guard.tenant.clone(), guard.entity);
        let before = inner.guards.get(&key).map_or(0, |guard| guard.rev);
        let next = guard.rev == before + 1;
        if next {
            inner.guards.insert(key, guard.clone());
        }
        Ok(next)
    }

    async fn loop_guards(
        &self,
        tenant: &TenantId,
        account: AccountId,
        limit: usize,
    ) -> Result<Vec<LoopGuard>, StoreError> {
        let inner = self.lock();
        let own = inner.guards.values().filter(|guard| guard.tenant == *tenant && guard.entity.account == account);
        Ok(own.take(limit).cloned().collect())
    }
}

impl Tallies for MemorySync {
    async fn tally(
        &self,
        tenant: &TenantId,
        account: AccountId,
        tally: &Tally,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if *tally == Tally::default() {
            return Ok(());
        }
        let mut inner = self.to_write()?;
        let counted = inner.tallies.entry((tenant.clone(), account, hour_of(now))).or_default();
        *counted = counted.and(*tally);
        Ok(())
    }

    async fn tallies(
        &self,
        tenant: &TenantId,
        account: AccountId,
        since: Timestamp,
    ) -> Result<Vec<(Timestamp, Tally)>, StoreError> {
        let inner = self.lock();
        let hours = inner.tallies.range((tenant.clone(), account, hour_of(since))..);
        let own = hours.take_while(|((of, id, _), _)| of == tenant && *id == account);
        Ok(own.map(|((_, _, hour), tally)| (*hour, *tally)).collect())
    }
}

/// The start of an hour.
fn hour_of(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(3_600) * 3_600).unwrap_or(at)
}

impl Clients for MemoryMoysklad {
    type Client = MemoryAccount;

    fn client(&self, account: &Account) -> Option<MemoryAccount> {
        Some(self.account(account.id))
    }

    fn base(&self) -> &str {
        BASE
    }
}

/// Listens to no drain, and holds none up.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Listener for Nobody {
    async fn told(&self, _told: &Told<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn held(&self) -> Result<Option<Hold>, StoreError> {
        Ok(None)
    }
}

//! The directory in memory.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::MemoryStore;
use super::memory_rows::Inner;
use crate::manage::connections::Connections;
use crate::manage::directory::{Change, Directory, Entry, EntryName};
use crate::manage::moysklad::book::{MoyskladAccounts, Place};
use crate::model::api_key::ApiKey;
use crate::model::ids::{ConnectionId, KeyId, SourceId, TenantId};
use crate::model::moysklad::{Account, AccountId};
use crate::model::source::Source;
use crate::model::tenant::Tenant;
use crate::model::whatsapp::{Connection, WhatsappNumber};
use crate::work::StoreError;

/// Tenants, keys, sources, connections and accounts; cards lie beside.
#[derive(Debug, Default)]
pub(super) struct Shelves {
    tenants: BTreeMap<TenantId, Tenant>,
    keys: BTreeMap<(TenantId, KeyId), ApiKey>,
    sources: BTreeMap<SourceId, Source>,
    connections: BTreeMap<ConnectionId, Connection>,
    accounts: BTreeMap<AccountId, Account>,
}

impl Shelves {
    fn holder_of(&self, number: &WhatsappNumber) -> Option<&Connection> {
        self.connections.values().find(|row| row.phone_number.same_line(number))
    }

    pub(super) fn note_use(&mut self, tenant: &TenantId, key: &KeyId, hour: Timestamp) {
        if let Some(key) = self.keys.get_mut(&(tenant.clone(), key.clone())) {
            key.last_used_at = key.last_used_at.max(Some(hour));
        }
    }
}

impl MemoryStore {
    /// Links a number, whoever has it.
    ///
    /// # Panics
    /// When the store is down.
    pub fn put_connection(&self, connection: Connection) {
        let mut inner = self.lock().expect("the store answers");
        inner.directory.connections.insert(connection.id.clone(), connection);
    }
}

impl Connections for MemoryStore {
    async fn connection(&self, tenant: &TenantId, id: &ConnectionId) -> Result<Option<Connection>, StoreError> {
        Ok(self.lock()?.directory.connections.get(id).filter(|row| row.tenant == *tenant).cloned())
    }

    async fn connections_of(&self, tenant: &TenantId) -> Result<Vec<Connection>, StoreError> {
        Ok(self.lock()?.directory.connections.values().filter(|row| row.tenant == *tenant).cloned().collect())
    }

    async fn holder_of(&self, number: &WhatsappNumber) -> Result<Option<Connection>, StoreError> {
        Ok(self.lock()?.directory.holder_of(number).cloned())
    }

    async fn connections(&self, before: Option<&ConnectionId>, limit: usize) -> Result<Vec<Connection>, StoreError> {
        let inner = self.lock()?;
        let rows = inner.directory.connections.values().rev();
        Ok(rows.filter(|row| before.is_none_or(|before| row.id < *before)).take(limit).cloned().collect())
    }
}

impl MoyskladAccounts for MemoryStore {
    async fn account(&self, tenant: &TenantId, id: AccountId) -> Result<Option<Account>, StoreError> {
        Ok(self.lock()?.directory.accounts.get(&id).filter(|row| row.tenant == *tenant).cloned())
    }

    async fn claimed_account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        Ok(self.lock()?.directory.accounts.get(&id).cloned())
    }

    async fn accounts_of(&self, tenant: &TenantId) -> Result<Vec<Account>, StoreError> {
        Ok(self.lock()?.directory.accounts.values().filter(|row| row.tenant == *tenant).cloned().collect())
    }

    async fn all_accounts(&self, before: Option<&Place>, limit: usize) -> Result<Vec<Account>, StoreError> {
        let mut rows: Vec<Account> = self.lock()?.directory.accounts.values().cloned().collect();
        rows.retain(|row| before.is_none_or(|before| Place::of(row) < *before));
        rows.sort_by_key(|row| std::cmp::Reverse(Place::of(row)));
        rows.truncate(limit);
        Ok(rows)
    }
}

impl Directory for MemoryStore {
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        Ok(self.lock()?.directory.tenants.get(id).cloned())
    }

    async fn tenants(&self, before: Option<&TenantId>, limit: usize) -> Result<Vec<Tenant>, StoreError> {
        let inner = self.lock()?;
        let rows = inner.directory.tenants.values().rev().filter(|row| before.is_none_or(|before| row.id < *before));
        Ok(rows.take(limit).cloned().collect())
    }

    async fn keys_of(&self, tenant: &TenantId) -> Result<Vec<ApiKey>, StoreError> {
        Ok(self.lock()?.directory.keys.values().filter(|key| key.tenant == *tenant).cloned().collect())
    }

    async fn source(&self, id: &SourceId) -> Result<Option<Source>, StoreError> {
        Ok(self.lock()?.directory.sources.get(id).cloned())
    }

    async fn sources(&self, before: Option<&SourceId>, limit: usize) -> Result<Vec<Source>, StoreError> {
        let inner = self.lock()?;
        let rows = inner.directory.sources.values().rev().filter(|row| before.is_none_or(|before| row.id < *before));
        Ok(rows.take(limit).cloned().collect())
    }

    async fn sources_of(&self, tenant: &TenantId) -> Result<Vec<Source>, StoreError> {
        Ok(self.lock()?.directory.sources.values().filter(|source| source.tenant == *tenant).cloned().collect())
    }

    async fn commit(&self, changes: &[Change]) -> Result<bool, StoreError> {
        let mut inner = self.lock()?;
        if !changes.iter().all(|change| may(&inner, change)) {
            return Ok(false);
        }
        for change in changes {
            match change {
                Change::Create(entry) | Change::Replace(entry) | Change::Put(entry) => put(&mut inner, entry.clone()),
                Change::Drop(name) => take_away(&mut inner, name),
            }
        }
        Ok(true)
    }
}

fn may(inner: &Inner, change: &Change) -> bool {
    let shelves = &inner.directory;
    match change {
        Change::Create(Entry::Tenant(row)) => !shelves.tenants.contains_key(&row.id),
        Change::Create(Entry::Key(row)) => !shelves.keys.contains_key(&(row.tenant.clone(), row.id.clone())),
        Change::Create(Entry::Source(row)) => !shelves.sources.contains_key(&row.id),
        Change::Create(Entry::Connection(row)) => shelves.holder_of(&row.phone_number).is_none(),
        Change::Create(Entry::Account(row)) => !shelves.accounts.contains_key(&row.id),
        Change::Create(Entry::Card(card)) => !inner.cards.contains_key(&card.hash),
        Change::Replace(Entry::Tenant(row)) => shelves.tenants.get(&row.id).is_some_and(|old| old.rev + 1 == row.rev),
        Change::Replace(Entry::Source(row)) => shelves.sources.get(&row.id).is_some_and(|old| old.rev + 1 == row.rev),
        Change::Replace(Entry::Account(row)) => {
            shelves.accounts.get(&row.id).is_some_and(|old| old.tenant == row.tenant && old.rev + 1 == row.rev)
        }
        Change::Replace(Entry::Connection(row)) => shelves.connections.contains_key(&row.id),
        Change::Replace(Entry::Key(_) | Entry::Card(_)) => false,
        Change::Drop(EntryName::Connection(_, id, number)) => {
            shelves.holder_of(number).is_none_or(|holder| holder.id == *id)
        }
        Change::Drop(EntryName::Account(tenant, id, rev)) => {
            shelves.accounts.get(id).is_none_or(|row| row.tenant == *tenant && row.rev == *rev)
        }
        Change::Put(_) | Change::Drop(_) => true,
    }
}

fn put(inner: &mut Inner, entry: Entry) {
    let shelves = &mut inner.directory;
    match entry {
        Entry::Tenant(row) => drop(shelves.tenants.insert(row.id.clone(), row)),
        Entry::Key(row) => drop(shelves.keys.insert((row.tenant.clone(), row.id.clone()), row)),
        Entry::Source(row) => drop(shelves.sources.insert(row.id.clone(), row)),
        Entry::Connection(row) => drop(shelves.connections.insert(row.id.clone(), row)),
        Entry::Account(row) => drop(shelves.accounts.insert(row.id, row)),
        Entry::Card(card) => drop(inner.cards.insert(card.hash.clone(), card)),
    }
}

fn take_away(inner: &mut Inner, name: &EntryName) {
    let shelves = &mut inner.directory;
    match name {
        EntryName::Tenant(id) => {
            shelves.tenants.remove(id);
            inner.subscriptions.retain(|_, sub| sub.tenant != *id);
        }
        EntryName::Key(tenant, id) => drop(shelves.keys.remove(&(tenant.clone(), id.clone()))),
        EntryName::Source(_, id) => drop(shelves.sources.remove(id)),
        EntryName::Connection(_, id, _) => drop(shelves.connections.remove(id)),
        EntryName::Account(_, id, _) => drop(shelves.accounts.remove(id)),
        EntryName::Card(hash) => drop(inner.cards.remove(hash)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::directory_exam;

    #[tokio::test]
    async fn the_directory_in_memory_passes_the_exam() {
        directory_exam::all(&MemoryStore::default(), "memory").await;
    }
}

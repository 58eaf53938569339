//! The directory in DynamoDB: what belongs together is written in one transaction.

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use jiff::SignedDuration;
use serde::de::DeserializeOwned;

use super::connections::{HOLDER, claim};
use super::failure::store_error;
use super::items::{
    EXPIRES_AT, Item, KIND_INDEX, KIND_PK, KIND_SK, PK, REV, SK, from_item, n, s, seconds, text, to_item,
};
use super::keys::{self, Key};
use super::moysklad::book::claim_on;
use super::store::Store;
use super::transact::{NEW, Transacted, as_key, bad, called_off, placed, refused_at};
use crate::auth::Card;
use crate::manage::directory::{Change, Directory, Entry, EntryName};
use crate::model::api_key::ApiKey;
use crate::model::ids::{SourceId, TenantId};
use crate::model::source::Source;
use crate::model::tenant::Tenant;
use crate::work::StoreError;

/// How long the card of a credential that is valid no more is kept.
const SPENT_CARD_KEPT: SignedDuration = SignedDuration::from_hours(24);

impl Directory for Store {
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        self.get(&self.tables.directory, keys::tenant(id)).await?.map(from_item).transpose()
    }

    async fn tenants(&self, before: Option<&TenantId>, limit: usize) -> Result<Vec<Tenant>, StoreError> {
        self.of_kind(keys::TENANTS, before.map(TenantId::as_str), limit).await
    }

    async fn keys_of(&self, tenant: &TenantId) -> Result<Vec<ApiKey>, StoreError> {
        let partition = keys::tenant(tenant).pk;
        let items = self.query_all(&self.tables.directory, &partition, Some(keys::KEY_PLACE)).await?;
        items.into_iter().map(from_item).collect()
    }

    async fn source(&self, id: &SourceId) -> Result<Option<Source>, StoreError> {
        self.get(&self.tables.directory, keys::source(id)).await?.map(from_item).transpose()
    }

    async fn sources(&self, before: Option<&SourceId>, limit: usize) -> Result<Vec<Source>, StoreError> {
        self.of_kind(keys::SOURCES, before.map(SourceId::as_str), limit).await
    }

    async fn sources_of(&self, tenant: &TenantId) -> Result<Vec<Source>, StoreError> {
        let partition = keys::tenant(tenant).pk;
        let names = self.query_all(&self.tables.directory, &partition, Some(keys::SOURCE_PLACE)).await?;
        let mut sources = Vec::with_capacity(names.len());
        for name in &names {
            let id = text(name, SK).and_then(|place| place.strip_prefix(keys::SOURCE_PLACE)?.parse().ok());
            if let Some(id) = id {
                sources.extend(self.source(&id).await?);
            }
        }
        Ok(sources)
    }

    async fn commit(&self, changes: &[Change]) -> Result<bool, StoreError> {
        let mut actions = Vec::new();
        for change in changes {
            match change {
                Change::Create(entry) => self.put_entry(&mut actions, entry, Condition::New)?,
                Change::Replace(entry) => self.put_entry(&mut actions, entry, Condition::Next)?,
                Change::Put(entry) => self.put_entry(&mut actions, entry, Condition::None)?,
                Change::Drop(name) => {
                    if let EntryName::Tenant(id) = name {
                        self.drop_subscriptions(id).await?;
                    }
                    for key in entry_keys(name) {
                        actions.push(self.delete_action(key, Unless::Never)?);
                    }
                    match name {
                        EntryName::Connection(_, id, number) => {
                            let held = Unless::HeldByAnother(id.as_str());
                            actions.push(self.delete_action(keys::number_claim(number), held)?);
                        }
                        EntryName::Account(tenant, id, rev) => {
                            let (row, claim) = (keys::moysklad_account(tenant, *id), keys::moysklad_claim(*id));
                            actions.push(self.delete_action(row, Unless::ChangedSince(*rev))?);
                            actions.push(self.delete_action(claim, Unless::HeldByAnother(tenant.as_str()))?);
                        }
                        EntryName::Tenant(_) | EntryName::Key(..) | EntryName::Source(..) | EntryName::Card(_) => {}
                    }
                }
            }
        }
        self.transact(actions).await
    }
}

/// What must be true of the item that is put over.
#[derive(Clone, Copy)]
enum Condition {
    /// There is none.
    New,
    /// Its `rev` is one less.
    Next,
    /// There is one.
    There,
    /// Nothing.
    None,
}

/// What keeps an item from being taken away.
#[derive(Clone, Copy)]
enum Unless<'a> {
    /// Nothing.
    Never,
    /// It is a claim of somebody else's.
    HeldByAnother(&'a str),
    /// It is no longer of this `rev`.
    ChangedSince(u32),
}

impl Store {
    pub(super) async fn of_kind<T: DeserializeOwned>(
        &self,
        kind: &str,
        before: Option<&str>,
        limit: usize,
    ) -> Result<Vec<T>, StoreError> {
        let mut query = self
            .db
            .query()
            .table_name(&self.tables.directory)
            .index_name(KIND_INDEX)
            .expression_attribute_values(":kind", s(kind))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        query = match before {
            Some(before) => query
                .key_condition_expression("kind_pk = :kind AND kind_sk < :before")
                .expression_attribute_values(":before", s(before)),
            None => query.key_condition_expression("kind_pk = :kind"),
        };
        let page = query.send().await.map_err(|error| store_error("Query", &error))?;
        let named = page
            .items()
            .iter()
            .filter_map(|item| Some(Key { pk: text(item, PK)?.to_owned(), sk: text(item, SK)?.to_owned() }));
        let items = self.get_many(&self.tables.directory, &named.collect::<Vec<_>>(), false).await?;
        items.into_iter().map(from_item).collect()
    }

    fn put_entry(
        &self,
        actions: &mut Vec<TransactWriteItem>,
        entry: &Entry,
        condition: Condition,
    ) -> Result<(), StoreError> {
        let (key, item) = stored(entry)?;
        if let (Entry::Connection(connection), Condition::New) = (entry, condition) {
            let number = keys::number_claim(&connection.phone_number);
            actions.push(self.put_action(number, claim(connection)?, condition)?);
        }
        if let (Entry::Account(account), Condition::New) = (entry, condition) {
            actions.push(self.put_action(keys::moysklad_claim(account.id), claim_on(account)?, condition)?);
        }
        if let Entry::Source(source) = entry {
            let name = keys::tenant_source(&source.tenant, &source.id);
            actions.push(self.put_action(name, Item::new(), Condition::None)?);
        }
        let condition = match (entry, condition) {
            (Entry::Connection(_), Condition::Next) => Condition::There,
            (_, condition) => condition,
        };
        actions.push(self.put_action(key, item, condition)?);
        Ok(())
    }

    fn put_action(&self, key: Key, item: Item, condition: Condition) -> Result<TransactWriteItem, StoreError> {
        let mut put = Put::builder().table_name(&self.tables.directory);
        put = match condition {
            Condition::New => put.condition_expression(NEW),
            Condition::Next => {
                let rev = super::items::number(&item, REV).unwrap_or_default();
                put.condition_expression("rev = :rev").expression_attribute_values(":rev", n(rev - 1))
            }
            Condition::There => put.condition_expression("attribute_exists(pk)"),
            Condition::None => put,
        };
        let put = put.set_item(Some(placed(key, item))).build().map_err(bad)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Takes an item away, unless something keeps it.
    fn delete_action(&self, key: Key, unless: Unless<'_>) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder().table_name(&self.tables.directory).set_key(Some(as_key(key)));
        let delete = match unless {
            Unless::Never => delete,
            Unless::HeldByAnother(holder) => delete
                .condition_expression("attribute_not_exists(pk) OR #holder = :me")
                .expression_attribute_names("#holder", HOLDER)
                .expression_attribute_values(":me", s(holder)),
            Unless::ChangedSince(rev) => delete
                .condition_expression("attribute_not_exists(pk) OR rev = :rev")
                .expression_attribute_values(":rev", n(rev)),
        };
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(bad)?).build())
    }

    async fn transact(&self, actions: Vec<TransactWriteItem>) -> Result<bool, StoreError> {
        if actions.is_empty() {
            return Ok(true);
        }
        match self.write_all(actions).await? {
            Transacted::Done => Ok(true),
            Transacted::Cancelled(reasons) if refused_at(&reasons).is_some() => Ok(false),
            Transacted::Cancelled(reasons) => Err(called_off(&reasons)),
        }
    }

    async fn drop_subscriptions(&self, tenant: &TenantId) -> Result<(), StoreError> {
        let partition = keys::subscriptions(tenant);
        for item in self.query_all(&self.tables.directory, &partition, None).await? {
            if let (Some(pk), Some(sk)) = (text(&item, PK), text(&item, SK)) {
                self.delete(&self.tables.directory, Key { pk: pk.to_owned(), sk: sk.to_owned() }).await?;
            }
        }
        Ok(())
    }
}

fn stored(entry: &Entry) -> Result<(Key, Item), StoreError> {
    Ok(match entry {
        Entry::Tenant(tenant) => {
            (keys::tenant(&tenant.id), of_kind(to_item(tenant)?, keys::TENANTS, tenant.id.as_str()))
        }
        Entry::Key(key) => (keys::api_key(&key.tenant, key.id.as_str()), to_item(key)?),
        Entry::Source(source) => {
            (keys::source(&source.id), of_kind(to_item(source)?, keys::SOURCES, source.id.as_str()))
        }
        Entry::Connection(connection) => (
            keys::connection(&connection.tenant, &connection.id),
            of_kind(to_item(connection)?, keys::CONNECTIONS, connection.id.as_str()),
        ),
        Entry::Account(account) => (
            keys::moysklad_account(&account.tenant, account.id),
            of_kind(to_item(account)?, keys::MOYSKLAD_ACCOUNTS, &keys::moysklad_listed(account.created_at, account.id)),
        ),
        Entry::Card(card) => (keys::card(&card.hash), card_item(card)?),
    })
}

fn of_kind(mut item: Item, kind: &str, place: &str) -> Item {
    item.insert(KIND_PK.into(), s(kind));
    item.insert(KIND_SK.into(), s(place));
    item
}

fn card_item(card: &Card) -> Result<Item, StoreError> {
    let mut item = to_item(card)?;
    if let Some(spent) = card.valid_until.and_then(|until| until.checked_add(SPENT_CARD_KEPT).ok()) {
        item.insert(EXPIRES_AT.into(), seconds(spent));
    }
    Ok(item)
}

fn entry_keys(name: &EntryName) -> Vec<Key> {
    match name {
        EntryName::Tenant(id) => vec![keys::tenant(id)],
        EntryName::Key(tenant, id) => vec![keys::api_key(tenant, id.as_str())],
        EntryName::Source(tenant, id) => vec![keys::source(id), keys::tenant_source(tenant, id)],
        EntryName::Connection(tenant, id, _) => vec![keys::connection(tenant, id)],
        EntryName::Account(..) => Vec::new(),
        EntryName::Card(hash) => vec![keys::card(hash)],
    }
}

//! MoySklad accounts in DynamoDB: a row in its tenant's partition, and the tenant's claim on the account.

use serde::{Deserialize, Serialize};

use super::super::items::{Item, from_item, to_item};
use super::super::keys;
use super::super::store::Store;
use crate::manage::moysklad::book::{MoyskladAccounts, Place};
use crate::model::ids::TenantId;
use crate::model::moysklad::{Account, AccountId};
use crate::work::StoreError;

/// A claim on an account, by its tenant.
#[derive(Serialize, Deserialize)]
struct Claim {
    holder: TenantId,
}

/// The claim of a tenant on an account of its.
pub(in crate::aws) fn claim_on(account: &Account) -> Result<Item, StoreError> {
    to_item(&Claim { holder: account.tenant.clone() })
}

impl MoyskladAccounts for Store {
    async fn account(&self, tenant: &TenantId, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.get(&self.tables.directory, keys::moysklad_account(tenant, id)).await?.map(from_item).transpose()
    }

    async fn claimed_account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        match self.get(&self.tables.directory, keys::moysklad_claim(id)).await? {
            Some(item) => {
                let Claim { holder } = from_item(item)?;
                self.account(&holder, id).await
            }
            None => Ok(None),
        }
    }

    async fn accounts_of(&self, tenant: &TenantId) -> Result<Vec<Account>, StoreError> {
        let partition = keys::tenant(tenant).pk;
        let items = self.query_all(&self.tables.directory, &partition, Some(keys::MOYSKLAD_PLACE)).await?;
        items.into_iter().map(from_item).collect()
    }

    async fn all_accounts(&self, before: Option<&Place>, limit: usize) -> Result<Vec<Account>, StoreError> {
        let before = before.map(|place| keys::moysklad_listed(place.made_at(), place.account()));
        self.of_kind(keys::MOYSKLAD_ACCOUNTS, before.as_deref(), limit).await
    }
}

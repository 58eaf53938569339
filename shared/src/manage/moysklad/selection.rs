//! Which accounts a call is about: one, several, or all of a tenant's or of everybody's, page by page.

use serde_json::Value;

use super::account_body::{account_id, tenant_id};
use super::book::{MoyskladAccounts, Place};
use crate::manage::json_fields::{BodyError, JsonFields};
use crate::manage::page::DEFAULT_LIMIT;
use crate::manage::query_fields::QueryFields;
use crate::manage::refusal::Refusal;
use crate::model::ids::TenantId;
use crate::model::moysklad::{Account, AccountId};
use crate::work::StoreError;

/// Most accounts that can be named.
const MOST_NAMED: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Which {
    One(AccountId),
    Several(Vec<AccountId>),
    All { before: Option<Place>, limit: usize },
}

/// Which accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    which: Which,
    tenant: Option<TenantId>,
}

/// Whether there are accounts behind those that were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// They were named: what is not reached is named again.
    Named,
    /// They are a page of all, and the last.
    None,
    /// They are a page of all, and not the last.
    Pages,
}

impl Rest {
    pub(super) const fn is_paged(self) -> bool {
        !matches!(self, Self::Named)
    }

    pub(super) const fn is_more(self) -> bool {
        matches!(self, Self::Pages)
    }
}

/// The accounts that were found; of one that was named and is not there, its name.
#[derive(Debug, Clone)]
pub(super) struct Selected {
    pub(super) accounts: Vec<(AccountId, Option<Account>)>,
    pub(super) rest: Rest,
}

impl Selected {
    /// The accounts, and where the next page begins.
    pub(super) fn page(self) -> (Vec<Account>, Option<String>) {
        let more = self.rest.is_more();
        let accounts: Vec<Account> = self.accounts.into_iter().filter_map(|(_, account)| account).collect();
        let next = accounts.last().filter(|_| more).map(|account| Place::of(account).to_string());
        (accounts, next)
    }
}

impl Selection {
    /// Reads the body of a call that may be about many.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn read(mut fields: JsonFields) -> Result<Self, BodyError> {
        let selection = Self::take(&mut fields);
        fields.refuse_rest();
        fields.finish(selection)
    }

    /// As `read`, with whether errors are to be passed over.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn read_forcible(mut fields: JsonFields) -> Result<(Self, bool), BodyError> {
        let force = fields.boolean("force").unwrap_or(false);
        let selection = Self::take(&mut fields);
        fields.refuse_rest();
        fields.finish(selection.map(|selection| (selection, force)))
    }

    fn take(fields: &mut JsonFields) -> Option<Self> {
        let named = ["account_id", "account_ids", "all"].into_iter().filter(|name| !fields.is_missing(name)).count();
        let tenant = tenant_id(fields);
        let cursor = fields.text("cursor").and_then(|text| {
            let refused = || fields.refused("cursor", "invalid_cursor", "this is no `next_cursor` of an answer");
            text.parse().ok().or_else(refused)
        });
        let one = account_id(fields, "account_id").map(Which::One);
        let several = several(fields).map(Which::Several);
        let all = match fields.boolean("all") {
            Some(false) => fields.refused("all", "invalid_value", "true, or not at all"),
            all => all.map(|_| Which::All { before: cursor, limit: usize::try_from(DEFAULT_LIMIT).unwrap_or(1) }),
        };
        match named {
            1 => one.or(several).or(all).map(|which| Self { which, tenant }),
            0 => fields.refused("account_id", "missing", "name one account, or `account_ids`, or say `\"all\":true`"),
            _ => fields.refused("account_id", "contradictory", "one of account_id, account_ids and all"),
        }
    }

    /// Takes the parameters of a query: `account_id`, or a page of all.
    pub(super) fn of_query(fields: &mut QueryFields) -> Self {
        let tenant = fields.parsed("tenant_id", "unknown_tenant", "there is no such tenant");
        let one = fields.parsed("account_id", "invalid_account", "MoySklad's own identifier of the account, a UUID");
        let limit = fields.limit();
        let before = fields.parsed("cursor", "invalid_cursor", "this is no `next_cursor` of this list");
        Self { which: one.map_or(Which::All { before, limit }, Which::One), tenant }
    }

    /// Reads a query that says which accounts, and nothing else.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn parse(query: Option<&str>) -> Result<Self, BodyError> {
        let mut fields = QueryFields::read(query);
        let selection = Self::of_query(&mut fields);
        fields.finish(selection)
    }

    /// Looks the accounts up.
    ///
    /// # Errors
    /// The one that was named is not there, or another tenant's; or the store does not answer.
    pub(super) async fn find(self, book: &impl MoyskladAccounts) -> Result<Selected, Refusal> {
        let Self { which, tenant } = self;
        let tenant = tenant.as_ref();
        match which {
            Which::One(id) => {
                let account = find(book, tenant, id).await?.ok_or(Refusal::NotFound)?;
                Ok(Selected { accounts: vec![(id, Some(account))], rest: Rest::Named })
            }
            Which::Several(ids) => {
                let mut accounts = Vec::with_capacity(ids.len());
                for id in ids {
                    accounts.push((id, find(book, tenant, id).await?));
                }
                Ok(Selected { accounts, rest: Rest::Named })
            }
            Which::All { before, limit } => {
                let mut accounts = page(book, tenant, before.as_ref(), limit + 1).await?;
                let rest = if accounts.len() > limit { Rest::Pages } else { Rest::None };
                accounts.truncate(limit);
                Ok(Selected { accounts: accounts.into_iter().map(|one| (one.id, Some(one))).collect(), rest })
            }
        }
    }
}

/// An account; one that is not the tenant's, where a tenant is said, is as good as none.
///
/// # Errors
/// When the store does not answer.
pub async fn find(
    book: &impl MoyskladAccounts,
    tenant: Option<&TenantId>,
    id: AccountId,
) -> Result<Option<Account>, StoreError> {
    match tenant {
        Some(tenant) => book.account(tenant, id).await,
        None => book.claimed_account(id).await,
    }
}

async fn page(
    book: &impl MoyskladAccounts,
    tenant: Option<&TenantId>,
    before: Option<&Place>,
    limit: usize,
) -> Result<Vec<Account>, StoreError> {
    let Some(tenant) = tenant else { return book.all_accounts(before, limit).await };
    let mut accounts = book.accounts_of(tenant).await?;
    accounts.retain(|account| before.is_none_or(|before| Place::of(account) < *before));
    accounts.sort_by_key(|account| std::cmp::Reverse(Place::of(account)));
    accounts.truncate(limit);
    Ok(accounts)
}

fn several(fields: &mut JsonFields) -> Option<Vec<AccountId>> {
    let path = "account_ids";
    match fields.take(path)? {
        Value::Array(texts) if (1..=MOST_NAMED).contains(&texts.len()) => {
            let mut ids: Vec<AccountId> = Vec::with_capacity(texts.len());
            let mut all_are = true;
            for (n, text) in texts.iter().enumerate() {
                match text.as_str().and_then(|text| text.parse().ok()) {
                    Some(id) if ids.contains(&id) => {}
                    Some(id) => ids.push(id),
                    None => {
                        all_are = false;
                        let detail = "MoySklad's own identifier of an account, a UUID";
                        fields.refuse(format!("{path}[{n}]"), "invalid_account", detail);
                    }
                }
            }
            all_are.then_some(ids)
        }
        Value::Array(_) => fields.refused(path, "out_of_range", format!("1 to {MOST_NAMED} accounts")),
        _ => fields.refused(path, "invalid_type", "this must be an array of accounts"),
    }
}

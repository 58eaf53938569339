//! Accounts: made with their sources, changed, listed, taken away.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::account_body::{AccountPatch, ApiToken, NewAccount};
use super::book::MoyskladAccounts;
use super::desk::{Desk, HookClients, Trouble};
use super::doorbell::{sealed, source_for};
use super::rows::ensure_polls;
use super::selection::{Selection, find};
use super::webhooks::{Done, delete_ours};
use crate::manage::chance::Chance;
use crate::manage::directory::{Change, ChangeError, Directory, Entry, EntryName};
use crate::manage::json_fields::BodyError;
use crate::manage::page::Page;
use crate::manage::query_fields::QueryFields;
use crate::manage::refusal::{Conflict, Refusal};
use crate::manage::sources::{self, SourceError};
use crate::model::field_error::FieldError;
use crate::model::ids::{SourceId, TenantId};
use crate::model::moysklad::{Account, AccountId, Role, Settings};
use crate::model::sealed::Sealed;
use crate::work::{Rows, StoreError, Timing};

/// What an account is to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MoyskladRole)]
pub enum RoleShown {
    /// Its catalogue is its children's.
    Main,
    /// It has its catalogue from a main account, and gives it its orders.
    Child,
}

/// An account. Its token is never shown, nor its doorbell's.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = MoyskladAccount)]
pub struct AccountView {
    /// MoySklad's own identifier of it.
    pub account_id: AccountId,
    /// Whose.
    pub tenant_id: TenantId,
    /// What people call it.
    pub name: Option<String>,
    /// What it is to the others.
    pub role: RoleShown,
    /// Of a child: its main account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub main_account_id: Option<AccountId>,
    /// Of a child: what is carried between the two, and how.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub settings: Option<Settings>,
    /// Whether anything is carried to or from it.
    pub enabled: bool,
    /// The source that its webhooks come in by.
    pub source_id: SourceId,
    /// When it was made.
    pub created_at: Timestamp,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        let (role, main_account_id, settings) = match account.role {
            Role::Main => (RoleShown::Main, None, None),
            Role::Child { main, settings } => (RoleShown::Child, Some(main), Some(*settings)),
        };
        Self {
            account_id: account.id,
            tenant_id: account.tenant,
            name: account.name,
            role,
            main_account_id,
            settings,
            enabled: account.enabled,
            source_id: account.source,
            created_at: account.created_at,
        }
    }
}

fn seal_token(account: &Account, token: &ApiToken, chance: &Chance<'_>) -> Sealed {
    chance.keys.seal(token.expose().as_bytes(), &account.tenant, &account.seal_name(), chance.bytes())
}

/// Sets an account up, with a source of its own, in one write.
///
/// # Errors
/// It is set up already, its tenant or its main account is not there, or the store does not answer.
pub async fn create(
    store: &(impl Directory + Rows),
    new: NewAccount,
    chance: &Chance<'_>,
    timing: &Timing,
    now: Timestamp,
) -> Result<Account, Refusal> {
    let NewAccount { tenant, id, role, token, name, enabled } = new;
    let source = source_for(id, &tenant, name.as_ref());
    let (opened, mut changes) = sources::prepare(store, source, false, chance, now).await.map_err(refused)?;
    if store.claimed_account(id).await?.is_some() {
        return Err(Conflict::AccountTaken.into());
    }
    let unsealed = Sealed::from_text("");
    let source = opened.source.id;
    let mut account =
        Account { id, tenant, source, name, role, enabled, token: unsealed, doorbell: None, created_at: now, rev: 0 };
    account.token = seal_token(&account, &token, chance);
    account.doorbell = Some(sealed(&account, &opened.token, chance));
    changes.extend(main_of(store, &account).await?.map(touched));
    changes.push(Change::Create(Entry::Account(account.clone())));
    if !store.commit(&changes).await? {
        let taken = store.claimed_account(id).await?.is_some();
        return Err(if taken { Conflict::AccountTaken.into() } else { Refusal::Changed });
    }
    ensure_polls(store, &account, timing, now).await?;
    tracing::info!(account.id = %id, tenant.id = %account.tenant, source.id = %account.source, "a MoySklad account was set up");
    Ok(account)
}

/// Changes an account.
///
/// # Errors
/// There is none, what it would be cannot be, it was changed at the same time, or the store does not answer.
pub async fn change(
    store: &(impl Directory + Rows),
    (tenant, id): (Option<&TenantId>, AccountId),
    patch: AccountPatch,
    chance: &Chance<'_>,
    timing: &Timing,
    now: Timestamp,
) -> Result<Account, Refusal> {
    let before = find(store, tenant, id).await?.ok_or(Refusal::NotFound)?;
    let role = patch.role_of(&before)?;
    let mut account = Account { role, rev: before.rev + 1, ..before.clone() };
    account.name = patch.name.or(account.name);
    account.enabled = patch.enabled.unwrap_or(account.enabled);
    if let Some(token) = &patch.token {
        account.token = seal_token(&account, token, chance);
    }
    let mut changes = Vec::new();
    let main = |account: &Account| account.as_child().map(|(main, _)| main);
    if main(&account) != main(&before) {
        if main(&before).is_none() && has_children(store, &before).await? {
            return Err(Conflict::HasChildren.into());
        }
        changes.extend(main_of(store, &account).await?.map(touched));
    }
    changes.push(Change::Replace(Entry::Account(account.clone())));
    if !store.commit(&changes).await? {
        return Err(Refusal::Changed);
    }
    ensure_polls(store, &account, timing, now).await?;
    tracing::info!(account.id = %id, tenant.id = %account.tenant, account.enabled = account.enabled, "a MoySklad account was changed");
    Ok(account)
}

/// The main account that a child is to have; nothing for a main account.
async fn main_of(store: &impl Directory, account: &Account) -> Result<Option<Account>, Refusal> {
    let Some((main, _)) = account.as_child() else { return Ok(None) };
    let is_main = |main: &Account| main.as_child().is_none() && main.id != account.id;
    match store.account(&account.tenant, main).await?.filter(is_main) {
        Some(main) => Ok(Some(main)),
        None => {
            let detail = "there is no such main account of this tenant";
            let error = FieldError::new("main_account_id", "unknown_account", detail);
            Err(BodyError::Fields(vec![error]).into())
        }
    }
}

/// A main account that gets a child is written as well: nobody takes it away, or makes a child of it, meanwhile.
fn touched(main: Account) -> Change {
    Change::Replace(Entry::Account(Account { rev: main.rev + 1, ..main }))
}

async fn has_children(store: &impl Directory, account: &Account) -> Result<bool, StoreError> {
    let accounts = store.accounts_of(&account.tenant).await?;
    Ok(accounts.iter().filter_map(Account::as_child).any(|(main, _)| main == account.id))
}

fn refused(error: SourceError) -> Refusal {
    match error {
        SourceError::Unacceptable(errors) => BodyError::Fields(errors).into(),
        SourceError::NumberLinked => Conflict::NumberLinked.into(),
        SourceError::Change(ChangeError::Store(error)) => error.into(),
        SourceError::Change(_) => Refusal::Changed,
    }
}

/// A page of accounts, newest first.
///
/// # Errors
/// The query is not acceptable, or the store does not answer.
pub async fn list(store: &impl MoyskladAccounts, query: Option<&str>) -> Result<Page<AccountView>, Refusal> {
    let (accounts, next_cursor) = Selection::parse(query)?.find(store).await?.page();
    Ok(Page { data: accounts.into_iter().map(AccountView::from).collect(), next_cursor })
}

/// Reads whose an account has to be, if that is said.
///
/// # Errors
/// With everything that is wrong with the query.
pub fn tenant_of(query: Option<&str>) -> Result<Option<TenantId>, BodyError> {
    let mut fields = QueryFields::read(query);
    let tenant = fields.parsed("tenant_id", "unknown_tenant", "there is no such tenant");
    fields.finish(tenant)
}

/// As `tenant_of`, with whether errors at MoySklad are to be passed over.
///
/// # Errors
/// With everything that is wrong with the query.
pub fn removal(query: Option<&str>) -> Result<(Option<TenantId>, bool), BodyError> {
    let mut fields = QueryFields::read(query);
    let tenant = fields.parsed("tenant_id", "unknown_tenant", "there is no such tenant");
    let force = fields.parsed("force", "invalid_value", "this must be true or false").unwrap_or(false);
    fields.finish((tenant, force))
}

/// What became of an account that was taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MoyskladAccountGone)]
pub struct Gone {
    /// Which account.
    pub account_id: AccountId,
    /// How many of its webhooks were deleted at MoySklad.
    pub webhooks_deleted: usize,
    /// How many were left there. They ring at a door that is closed, until MoySklad switches them off. Null where MoySklad
    /// could not be asked.
    pub webhooks_left: Option<usize>,
    /// Why: a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
}

/// Takes an account away: its webhooks at MoySklad first, then its source and itself. What its work was ends by itself.
/// With `force` it goes whatever MoySklad says.
///
/// # Errors
/// There is none, it has children, MoySklad does not do it, it was changed at the same time, or the store does not answer.
pub async fn remove<S: Directory, C: HookClients>(
    desk: &Desk<'_, S, C>,
    tenant: Option<&TenantId>,
    id: AccountId,
    force: bool,
) -> Result<Gone, Refusal> {
    let store = desk.store;
    let account = find(store, tenant, id).await?.ok_or(Refusal::NotFound)?;
    if account.as_child().is_none() && has_children(store, &account).await? {
        return Err(Conflict::HasChildren.into());
    }
    let gone = match delete_ours(desk, &account, force).await {
        Ok((done, stopped)) => {
            let n_of = |result| done.iter().filter(|one| one.result == result).count();
            let why = done.iter().find_map(|one| one.error.clone());
            let error = stopped.as_ref().map(ToString::to_string).or(why);
            let left = stopped.is_none().then(|| n_of(Done::Failed));
            Gone { account_id: id, webhooks_deleted: n_of(Done::Deleted), webhooks_left: left, error }
        }
        Err(Trouble::Store(error)) => return Err(error.into()),
        Err(trouble) => {
            Gone { account_id: id, webhooks_deleted: 0, webhooks_left: None, error: Some(trouble.to_string()) }
        }
    };
    if let Some(error) = gone.error.clone().filter(|_| !force) {
        return Err(Refusal::Upstream(error));
    }
    let mut changes = drops(&account);
    if let Some(source) = store.source(&account.source).await? {
        changes.extend(sources::drops(&source));
    }
    if !store.commit(&changes).await? {
        return Err(Refusal::Changed);
    }
    tracing::info!(account.id = %id, tenant.id = %account.tenant, webhooks.left = gone.webhooks_left, "a MoySklad account was taken away");
    Ok(gone)
}

/// What takes an account away, but for its source.
pub(in crate::manage) fn drops(account: &Account) -> Vec<Change> {
    vec![Change::Drop(EntryName::Account(account.tenant.clone(), account.id, account.rev))]
}

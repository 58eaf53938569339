//! An account's webhooks: set up, listed, deleted.

use serde::Serialize;
use utoipa::ToSchema;

use super::desk::{Desk, HookClients, Reach, Told, Trouble, each, number, word};
use super::doorbell;
use super::hooks::{Known, Plan, Whose, wanted};
use super::rows::ensure_polls;
use super::selection::Selection;
use crate::manage::directory::Directory;
use crate::manage::page::Page;
use crate::manage::refusal::Refusal;
use crate::manage::sources::address;
use crate::model::moysklad::{Account, AccountId, Action, EntityId, EntityKind};
use crate::sync::ports::{Hook, Hooks, MoyskladError};
use crate::work::Rows;

/// MoySklad's number for more than five of a kind and action.
const TOO_MANY: u32 = 30_007;

/// What became of one webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MoyskladHookOutcome)]
pub enum Done {
    /// It was there.
    Kept,
    /// It was made.
    Made,
    /// It was there, and rings again.
    Enabled,
    /// It was deleted: it is not wanted, or has an old address.
    Deleted,
    /// Nothing: `error` says why.
    Failed,
}

/// One webhook, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MoyskladHookDone)]
pub struct HookDone {
    /// Of which kind of entity it tells.
    pub entity_type: String,
    /// Of what being done.
    pub action: String,
    /// What became of it.
    pub result: Done,
    /// Why nothing: a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
    /// MoySklad's number for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub code: Option<u32>,
}

impl HookDone {
    fn of(told: (EntityKind, Action), result: Done) -> Self {
        let (entity_type, action) = (told.0.name().to_owned(), told.1.name().to_owned());
        Self { entity_type, action, result, error: None, code: None }
    }

    fn of_hook(hook: &Hook, result: Done) -> Self {
        let (entity_type, action) = (hook.entity_type.clone(), hook.action.clone());
        Self { entity_type, action, result, error: None, code: None }
    }

    fn or(self, outcome: Result<(), MoyskladError>) -> Self {
        match outcome {
            Ok(()) => self,
            Err(error) => Self { result: Done::Failed, error: Some(word(error)), code: number(error), ..self },
        }
    }
}

/// What was done with an account's webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MoyskladHooksDone)]
pub struct HooksDone {
    /// Which account.
    pub account_id: AccountId,
    /// How far the call came with it.
    pub status: Reach,
    /// Why it was given up: a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
    /// What became of each of ours.
    pub webhooks: Vec<HookDone>,
}

impl Told for HooksDone {
    fn without(account_id: AccountId, status: Reach, error: Option<String>) -> Self {
        Self { account_id, status, error, webhooks: Vec::new() }
    }
}

impl HooksDone {
    /// Done, unless one of them failed.
    fn of(account_id: AccountId, webhooks: Vec<HookDone>, stopped: Option<&Trouble>) -> Self {
        let failed = webhooks.iter().find(|one| one.result == Done::Failed).and_then(|one| one.error.clone());
        let error = stopped.map(ToString::to_string).or(failed);
        Self { account_id, status: if error.is_none() { Reach::Done } else { Reach::Failed }, error, webhooks }
    }
}

/// Gives each account the webhooks it is to have. Doing it twice does nothing more.
///
/// # Errors
/// The one account that was named is not there, or the store does not answer.
pub async fn set_up<S: Directory + Rows, C: HookClients>(
    desk: &Desk<'_, S, C>,
    selection: Selection,
) -> Result<Page<HooksDone>, Refusal> {
    let selected = selection.find(desk.store).await?;
    Ok(each(desk, selected, |account| set_up_one(desk, account)).await)
}

async fn set_up_one<S: Directory + Rows, C: HookClients>(
    desk: &Desk<'_, S, C>,
    account: Account,
) -> Result<HooksDone, Trouble> {
    let client = desk.client(&account)?;
    desk.in_time()?;
    // Asked first: where the token is refused, nothing of ours is changed.
    let hooks = client.hooks().await?;
    let accounts = desk.store.accounts_of(&account.tenant).await?;
    let bell = doorbell::ensure(desk, account).await?;
    let account = &bell.account;
    ensure_polls(desk.store, account, desk.timing, (desk.clock)()).await?;
    let url = address(desk.base, &bell.source, bell.token.expose());
    let known = Known::new(desk.prefix(), Some(&bell.source), None).and(bell.formerly.iter().cloned());
    let wanted = wanted(account, &accounts);
    let plan = Plan::new(hooks, &wanted, &known);

    let mut done: Vec<HookDone> = plan.kept.iter().map(|told| HookDone::of(*told, Done::Kept)).collect();
    let stopped = carry_out(desk, &client, &url, plan, &mut done).await.err();
    let made = done.iter().filter(|one| one.result == Done::Made).count();
    let deleted = done.iter().filter(|one| one.result == Done::Deleted).count();
    tracing::info!(account.id = %account.id, tenant.id = %account.tenant, made, deleted, "webhooks were set up");
    Ok(HooksDone::of(account.id, done, stopped.as_ref()))
}

async fn carry_out<S, C: HookClients>(
    desk: &Desk<'_, S, C>,
    client: &C::Client,
    url: &str,
    plan: Plan,
    done: &mut Vec<HookDone>,
) -> Result<(), Trouble> {
    for (hook, told) in &plan.enable {
        desk.in_time()?;
        done.push(HookDone::of(*told, Done::Enabled).or(client.enable_hook(hook.id, true).await));
    }
    for hook in &plan.in_the_way {
        desk.in_time()?;
        let deleted = client.delete_hook(hook.id).await;
        done.push(HookDone::of_hook(hook, Done::Deleted).or(deleted));
    }
    desk.in_time()?;
    let made = make(client, url, &plan.make).await?;
    let refused = |one: &&HookDone| one.code == Some(TOO_MANY);
    let crowded: Vec<_> = plan.make.iter().zip(&made).filter(|(_, one)| refused(one)).map(|(told, _)| *told).collect();
    let mut n_gone = 0;
    let mut gone = Vec::new();
    for hook in &plan.superfluous {
        desk.in_time()?;
        let deleted = client.delete_hook(hook.id).await;
        n_gone += usize::from(deleted.is_ok());
        gone.push(HookDone::of_hook(hook, Done::Deleted).or(deleted));
    }
    if crowded.is_empty() || n_gone == 0 {
        done.extend(made.into_iter().chain(gone));
        return Ok(());
    }
    // Our own old ones may have been among the five that there may be.
    done.extend(made.into_iter().filter(|one| !refused(&one)).chain(gone));
    desk.in_time()?;
    done.extend(make(client, url, &crowded).await?);
    Ok(())
}

async fn make(client: &impl Hooks, url: &str, wanted: &[(EntityKind, Action)]) -> Result<Vec<HookDone>, MoyskladError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let made = client.make_hooks(url, wanted).await?;
    Ok(wanted.iter().zip(made).map(|(told, made)| HookDone::of(*told, Done::Made).or(made.map(drop))).collect())
}

/// Deletes our webhooks of each account. `force` goes on after errors, and takes along what stands at an address like
/// ours whose token nobody knows any more.
///
/// # Errors
/// The one account that was named is not there, or the store does not answer.
pub async fn delete_all<S: Directory, C: HookClients>(
    desk: &Desk<'_, S, C>,
    selection: Selection,
    force: bool,
) -> Result<Page<HooksDone>, Refusal> {
    let selected = selection.find(desk.store).await?;
    let one = |account: Account| async move {
        let (done, stopped) = delete_ours(desk, &account, force).await?;
        tracing::warn!(account.id = %account.id, tenant.id = %account.tenant, n = done.len(), "webhooks were deleted");
        Ok(HooksDone::of(account.id, done, stopped.as_ref()))
    };
    Ok(each(desk, selected, one).await)
}

/// Deletes an account's webhooks that are ours: what became of each, and what stopped it.
pub(super) async fn delete_ours<S: Directory, C: HookClients>(
    desk: &Desk<'_, S, C>,
    account: &Account,
    force: bool,
) -> Result<(Vec<HookDone>, Option<Trouble>), Trouble> {
    let client = desk.client(account)?;
    desk.in_time()?;
    let hooks = client.hooks().await?;
    let source = desk.store.source(&account.source).await?;
    let token = doorbell::token_of(account, desk.chance);
    let known = Known::new(desk.prefix(), source.as_ref(), token.as_ref());
    let goes = |hook: &&Hook| match known.whose(&hook.url) {
        Whose::Current | Whose::Old => true,
        Whose::Unknown => force,
        Whose::Other => false,
    };
    let mut done = Vec::new();
    for hook in hooks.iter().filter(goes) {
        if let Err(trouble) = desk.in_time() {
            return Ok((done, Some(trouble)));
        }
        let deleted = client.delete_hook(hook.id).await;
        done.push(HookDone::of_hook(hook, Done::Deleted).or(deleted));
        if deleted.is_err() && !force {
            break;
        }
    }
    Ok((done, None))
}

/// A webhook of an account, as it is shown: never its address, which is what opens the door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MoyskladHook)]
pub struct HookView {
    /// MoySklad's identifier of it.
    pub id: EntityId,
    /// Of which kind of entity it tells.
    pub entity_type: String,
    /// Of what being done.
    pub action: String,
    /// Whether it rings.
    pub enabled: bool,
    /// Whether it names the fields that changed.
    pub diff_type: Option<String>,
    /// Whether it is ours.
    pub ours: bool,
    /// Whose it is, told apart further.
    pub whose: Whose,
}

/// An account's webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MoyskladHooks)]
pub struct HooksView {
    /// Which account.
    pub account_id: AccountId,
    /// How far the call came with it.
    pub status: Reach,
    /// Why it was given up: a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
    /// All of them, also others'.
    pub webhooks: Vec<HookView>,
}

impl Told for HooksView {
    fn without(account_id: AccountId, status: Reach, error: Option<String>) -> Self {
        Self { account_id, status, error, webhooks: Vec::new() }
    }
}

/// Lists the webhooks of each account.
///
/// # Errors
/// The one account that was named is not there, or the store does not answer.
pub async fn list<S: Directory, C: HookClients>(
    desk: &Desk<'_, S, C>,
    selection: Selection,
) -> Result<Page<HooksView>, Refusal> {
    let selected = selection.find(desk.store).await?;
    let one = |account: Account| async move {
        let hooks = desk.client(&account)?.hooks().await?;
        let source = desk.store.source(&account.source).await?;
        let token = doorbell::token_of(&account, desk.chance);
        let known = Known::new(desk.prefix(), source.as_ref(), token.as_ref());
        let shown = |hook: Hook| {
            let whose = known.whose(&hook.url);
            let ours = matches!(whose, Whose::Current | Whose::Old);
            let Hook { id, entity_type, action, enabled, diff_type, .. } = hook;
            HookView { id, entity_type, action, enabled, diff_type, ours, whose }
        };
        let webhooks = hooks.into_iter().map(shown).collect();
        Ok(HooksView { account_id: account.id, status: Reach::Done, error: None, webhooks })
    };
    Ok(each(desk, selected, one).await)
}

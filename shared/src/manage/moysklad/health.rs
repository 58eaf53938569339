//! Whether an account is well, and if not, what is wrong with it. Nothing is mended here.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::desk::{Desk, HookClients, Reach, Told, Trouble, each, word};
use super::doorbell::token_of;
use super::hooks::{Known, Whose, tells_of, wanted};
use super::loops::MOST_GUARDS;
use super::rows::polled;
use super::selection::Selection;
use crate::manage::directory::Directory;
use crate::manage::event_list;
use crate::manage::event_walk::Subjects;
use crate::manage::listing::Listing;
use crate::manage::page::Page;
use crate::manage::refusal::Refusal;
use crate::model::moysklad::{Account, AccountId, Action, DrainJob, EntityKind, ReconciliationJob};
use crate::model::row::RowKey;
use crate::model::source::Source;
use crate::sync::ports::{Hook, Hooks, MoyskladError};
use crate::sync::store::GuardRows;
use crate::work::{Rows, StoreError};

/// How far back the newest event is looked for.
const HEARD_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Something that is wrong with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MoyskladIllness)]
pub enum Illness {
    /// Its token cannot be opened: the stack key it was sealed with is gone. Give it its token again.
    TokenUnreadable,
    /// MoySklad does not believe its token.
    TokenRefused,
    /// Its token's owner may not look at webhooks.
    RightsMissing,
    /// MoySklad did not answer, or not as it should: `error` says how.
    Unreachable,
    /// The platform's own address cannot be one that webhooks ring at.
    NoPublicUrl,
    /// Its source was taken away.
    SourceMissing,
    /// Its source lets nothing in.
    SourceDisabled,
    /// The token of its doorbell is not its source's: the source was rotated. Set its webhooks up.
    DoorbellStale,
    /// Webhooks are missing.
    WebhooksMissing,
    /// Webhooks are switched off: MoySklad does so where they were never answered.
    WebhooksDisabled,
    /// There are several of one kind and action.
    WebhooksDuplicate,
    /// There are some of ours that are not wanted, ring at an old address, or do not name the fields that changed.
    WebhooksStale,
    /// There is no main account of a child's.
    MainMissing,
    /// Its main account is switched off.
    MainDisabled,
    /// Entities of it change too often, and are left alone.
    LoopsOpen,
    /// It is not polled for what its webhooks miss.
    PollMissing,
    /// A poll did not come to its end.
    PollTrouble,
    /// It is left alone though it is to be written.
    DrainTrouble,
}

/// A kind and an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MoyskladHookName)]
pub struct HookName {
    /// Of which kind of entity it tells.
    pub entity_type: EntityKind,
    /// Of what being done.
    pub action: Action,
}

impl From<(EntityKind, Action)> for HookName {
    fn from((entity_type, action): (EntityKind, Action)) -> Self {
        Self { entity_type, action }
    }
}

/// How an account's webhooks are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MoyskladHooksHealth)]
pub struct HooksHealth {
    /// How many there should be.
    pub wanted: usize,
    /// Those that are missing.
    pub missing: Vec<HookName>,
    /// Those that do not ring.
    pub disabled: Vec<HookName>,
    /// Those there are several of.
    pub duplicate: Vec<HookName>,
    /// How many of ours should go.
    pub stale: usize,
}

/// A poll that is in trouble.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MoyskladPollTrouble)]
pub struct PollTrouble {
    /// For what it polls.
    pub entity_type: EntityKind,
    /// What the matter is: a stable word.
    pub trouble: String,
    /// Everything changed before this is known to be in.
    pub since: Option<Timestamp>,
}

/// How an account is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MoyskladHealth)]
pub struct Health {
    /// Which account.
    pub account_id: AccountId,
    /// How far the call came with it.
    pub status: Reach,
    /// Why it was given up, or what MoySklad did: a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
    /// Whether nothing is wrong. False where it was not found out.
    pub ok: bool,
    /// Whether anything is carried to or from it.
    pub enabled: Option<bool>,
    /// All that is wrong.
    pub problems: Vec<Illness>,
    /// Its webhooks, if MoySklad told of them.
    pub webhooks: Option<HooksHealth>,
    /// When the newest event of its came in; null if none did within seven days.
    pub last_event_at: Option<Timestamp>,
    /// Entities that are left alone because they change too often.
    pub open_loops: usize,
    /// Polls that are in trouble.
    pub polls: Vec<PollTrouble>,
    /// Why it is not written: a stable word.
    pub drain_trouble: Option<String>,
}

impl Told for Health {
    fn without(account_id: AccountId, status: Reach, error: Option<String>) -> Self {
        Self {
            account_id,
            status,
            error,
            ok: false,
            enabled: None,
            problems: Vec::new(),
            webhooks: None,
            last_event_at: None,
            open_loops: 0,
            polls: Vec::new(),
            drain_trouble: None,
        }
    }
}

/// Looks each account over.
///
/// # Errors
/// The one account that was named is not there, or the store does not answer.
pub async fn check<S, C>(desk: &Desk<'_, S, C>, selection: Selection) -> Result<Page<Health>, Refusal>
where
    S: Directory + Rows + Listing + Subjects + GuardRows,
    C: HookClients,
{
    let selected = selection.find(desk.store).await?;
    Ok(each(desk, selected, |account| check_one(desk, account)).await)
}

async fn check_one<S, C>(desk: &Desk<'_, S, C>, account: Account) -> Result<Health, Trouble>
where
    S: Directory + Rows + Listing + Subjects + GuardRows,
    C: HookClients,
{
    let (store, now) = (desk.store, (desk.clock)());
    let mut health = Health { enabled: Some(account.enabled), ..Health::without(account.id, Reach::Done, None) };
    let (source, accounts) = futures::try_join!(store.source(&account.source), store.accounts_of(&account.tenant))?;
    health.of_the_source(&account, source.as_ref(), desk);
    health.of_the_main(&account, &accounts);
    health.of_the_webhooks(&account, source.as_ref(), &accounts, desk).await?;
    health.of_the_rows(&account, store).await?;
    let guards = store.loop_guards(&account.tenant, account.id, MOST_GUARDS).await?;
    health.open_loops = guards.iter().filter(|guard| guard.is_open(now)).count();
    health.suffers_from(Illness::LoopsOpen, health.open_loops > 0);
    health.last_event_at = last_event(store, &account, now).await?;
    health.ok = health.problems.is_empty();
    Ok(health)
}

impl Health {
    fn suffers_from(&mut self, illness: Illness, does: bool) {
        if does {
            self.problems.push(illness);
        }
    }

    fn of_the_source<S, C>(&mut self, account: &Account, source: Option<&Source>, desk: &Desk<'_, S, C>) {
        let Some(source) = source else { return self.suffers_from(Illness::SourceMissing, true) };
        self.suffers_from(Illness::SourceDisabled, !source.enabled);
        let is_its = token_of(account, desk.chance).is_some_and(|token| token.hash() == source.token.hash);
        self.suffers_from(Illness::DoorbellStale, !is_its);
    }

    fn of_the_main(&mut self, account: &Account, accounts: &[Account]) {
        let Some((main, _)) = account.as_child() else { return };
        match accounts.iter().find(|other| other.id == main && other.as_child().is_none()) {
            None => self.suffers_from(Illness::MainMissing, true),
            Some(main) => self.suffers_from(Illness::MainDisabled, !main.enabled),
        }
    }

    async fn of_the_webhooks<S, C: HookClients>(
        &mut self,
        account: &Account,
        source: Option<&Source>,
        accounts: &[Account],
        desk: &Desk<'_, S, C>,
    ) -> Result<(), Trouble> {
        let asked = match desk.client(account) {
            Ok(client) => {
                desk.in_time()?;
                client.hooks().await.map_err(Trouble::from)
            }
            Err(trouble) => Err(trouble),
        };
        let hooks = match asked {
            Ok(hooks) => hooks,
            Err(trouble) => {
                let illness = match &trouble {
                    Trouble::TokenUnreadable => Illness::TokenUnreadable,
                    Trouble::NoClient(_) => Illness::NoPublicUrl,
                    Trouble::Moysklad(MoyskladError::CredentialsRefused) => Illness::TokenRefused,
                    Trouble::Moysklad(MoyskladError::RightsMissing) => Illness::RightsMissing,
                    Trouble::Moysklad(_) => Illness::Unreachable,
                    Trouble::OutOfTime | Trouble::Conflict | Trouble::UnknownTenant | Trouble::Store(_) => {
                        return Err(trouble);
                    }
                };
                self.error = Some(match trouble {
                    Trouble::Moysklad(error) => word(error),
                    other => other.to_string(),
                });
                self.problems.push(illness);
                return Ok(());
            }
        };
        let token = token_of(account, desk.chance);
        let known = Known::new(desk.prefix(), source, token.as_ref());
        let told = HooksHealth::of(&hooks, &wanted(account, accounts), &known);
        self.suffers_from(Illness::WebhooksMissing, !told.missing.is_empty());
        self.suffers_from(Illness::WebhooksDisabled, !told.disabled.is_empty());
        self.suffers_from(Illness::WebhooksDuplicate, !told.duplicate.is_empty());
        self.suffers_from(Illness::WebhooksStale, told.stale > 0);
        self.webhooks = Some(told);
        Ok(())
    }

    async fn of_the_rows(&mut self, account: &Account, store: &impl Rows) -> Result<(), StoreError> {
        let mut missing = false;
        for kind in polled(account) {
            let key = RowKey::Reconciliation(account.tenant.clone(), account.id, kind);
            match store.read::<ReconciliationJob>(&key).await? {
                Some(job) if !job.work.ended() => {
                    let since = Some(job.since);
                    let told = |trouble| PollTrouble { entity_type: kind, trouble, since };
                    self.polls.extend(job.trouble.map(told));
                }
                Some(_) | None => missing = true,
            }
        }
        self.suffers_from(Illness::PollMissing, missing);
        self.suffers_from(Illness::PollTrouble, !self.polls.is_empty());
        let drain = store.read::<DrainJob>(&RowKey::Drain(account.tenant.clone(), account.id)).await?;
        self.drain_trouble = drain.filter(|job| !job.work.ended()).and_then(|job| job.trouble);
        self.suffers_from(Illness::DrainTrouble, self.drain_trouble.is_some());
        Ok(())
    }
}

impl HooksHealth {
    fn of(hooks: &[Hook], wanted: &[(EntityKind, Action)], known: &Known) -> Self {
        let mut health = Self { wanted: wanted.len(), ..Self::default() };
        let mut there = Vec::new();
        for hook in hooks {
            let told = tells_of(hook).filter(|told| wanted.contains(told));
            match (known.whose(&hook.url), told) {
                (Whose::Unknown | Whose::Other, _) => {}
                (Whose::Current, Some(told)) if there.contains(&told) => health.duplicate.push(told.into()),
                (Whose::Current, Some(told)) => {
                    there.push(told);
                    if !hook.enabled {
                        health.disabled.push(told.into());
                    }
                    if told.1 == Action::Update && hook.diff_type.as_deref() != Some("FIELDS") {
                        health.stale += 1;
                    }
                }
                (Whose::Current | Whose::Old, _) => health.stale += 1,
            }
        }
        health.missing = wanted.iter().filter(|told| !there.contains(told)).map(|told| (*told).into()).collect();
        health
    }
}

/// When the newest event of an account's source came in.
async fn last_event(
    store: &(impl Listing + Subjects + Directory),
    account: &Account,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let since = now.saturating_sub(HEARD_WITHIN).unwrap_or(Timestamp::MIN);
    let Account { tenant, source, .. } = account;
    let query = format!("tenant={tenant}&source={source}&since={since}&limit=1");
    match event_list::list(store, Some(&query), now).await {
        Ok(page) => Ok(page.data.first().map(|event| event.received_at)),
        Err(Refusal::Store(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

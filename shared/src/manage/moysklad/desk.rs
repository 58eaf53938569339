//! What a call on accounts works with, and how it goes through many of them: five at a time, as long as there is time.

use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::book::{MoyskladAccounts, Place};
use super::selection::Selected;
use crate::manage::chance::Chance;
use crate::manage::page::Page;
use crate::model::event::Provider;
use crate::model::moysklad::{Account, AccountId};
use crate::providers::doorbell;
use crate::sync::ports::{Hooks, MoyskladError};
use crate::work::{StoreError, Timing};

/// Accounts at work at a time.
const PARALLEL: usize = 5;
/// After this no further account is begun. With what was begun it answers within the 30 seconds API Gateway waits.
const BEGIN_WITHIN: SignedDuration = SignedDuration::from_secs(15);
/// After this no further call to MoySklad is begun. A call and its wait for a place in the limit are shorter than what is
/// left then.
const CALL_WITHIN: SignedDuration = SignedDuration::from_secs(19);

/// Why there is no client of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoClient {
    /// The platform's own address cannot be one that webhooks ring at.
    #[error("no_public_url")]
    NoPublicUrl,
    /// A setting is missing or wrong.
    #[error("misconfigured")]
    Misconfigured,
}

/// The clients of accounts.
pub trait HookClients: Send + Sync {
    /// One account's.
    type Client: Hooks;

    /// The client of an account with this token, whose writes stay silent towards webhooks below `prefix`.
    ///
    /// # Errors
    /// When none can be made.
    fn client(&self, account: &Account, token: &str, prefix: &str) -> Result<Self::Client, NoClient>;
}

/// What a call works with.
pub struct Desk<'a, S, C> {
    /// The platform's memory.
    pub store: &'a S,
    /// The way to MoySklad.
    pub clients: &'a C,
    /// What secrets and names are made with.
    pub chance: &'a Chance<'a>,
    /// Where the platform is reached from outside; no slash at the end.
    pub base: &'a str,
    /// How rows are timed.
    pub timing: &'a Timing,
    /// The clock.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// When the call came in.
    pub since: Timestamp,
}

/// Why an account was not done with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Its token, or its doorbell's, cannot be opened: the stack key it was sealed with is gone.
    #[error("token_unreadable")]
    TokenUnreadable,
    /// There is no client of it.
    #[error(transparent)]
    NoClient(#[from] NoClient),
    /// MoySklad did not do it.
    #[error("{}", word(*.0))]
    Moysklad(#[from] MoyskladError),
    /// The time is up.
    #[error("out_of_time")]
    OutOfTime,
    /// It was changed at the same time.
    #[error("conflict")]
    Conflict,
    /// Its tenant is gone.
    #[error("unknown_tenant")]
    UnknownTenant,
    /// The store did not answer.
    #[error("unavailable")]
    Store(#[from] StoreError),
}

/// A stable word for what went wrong at MoySklad: its own numbers for webhooks are told apart.
#[must_use]
pub fn word(error: MoyskladError) -> String {
    let of_webhooks = number(error).and_then(|number| match number {
        30_000 => Some("entity_type_unknown"),
        30_001 => Some("method_not_supported"),
        30_002 => Some("action_unknown"),
        30_003 => Some("webhook_exists"),
        30_004 => Some("admin_rights_needed"),
        30_005 => Some("url_not_accepted"),
        30_006 => Some("not_in_tariff"),
        30_007 => Some("too_many_webhooks"),
        30_008 => Some("action_not_supported"),
        30_009 => Some("diff_type_not_supported"),
        30_010 => Some("url_too_long"),
        _ => None,
    });
    of_webhooks.map_or_else(|| error.to_string(), str::to_owned)
}

/// MoySklad's number for what went wrong.
#[must_use]
pub const fn number(error: MoyskladError) -> Option<u32> {
    match error {
        MoyskladError::Refused { code, .. } | MoyskladError::Conflict { code } => code,
        _ => None,
    }
}

impl<S, C: HookClients> Desk<'_, S, C> {
    /// What the addresses of all our doorbells for MoySklad begin with.
    pub(super) fn prefix(&self) -> String {
        format!("{}{}/", self.base, doorbell(Provider::Moysklad).unwrap_or_default())
    }

    /// The client of an account.
    pub(super) fn client(&self, account: &Account) -> Result<C::Client, Trouble> {
        let token = self.chance.keys.open_text(&account.token, &account.tenant, &account.seal_name());
        let token = token.map_err(|error| {
            tracing::error!(account.id = %account.id, %error, "an account's token cannot be read");
            Trouble::TokenUnreadable
        })?;
        Ok(self.clients.client(account, &token, &self.prefix())?)
    }

    /// Whether another call to MoySklad may be begun.
    pub(super) fn in_time(&self) -> Result<(), Trouble> {
        if self.left(CALL_WITHIN) { Ok(()) } else { Err(Trouble::OutOfTime) }
    }

    fn left(&self, within: SignedDuration) -> bool {
        (self.clock)().duration_since(self.since) < within
    }
}

/// How far a call came with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MoyskladReach)]
pub enum Reach {
    /// To its end.
    Done,
    /// It was given up: `error` says why.
    Failed,
    /// The time was up before it was begun.
    NotReached,
}

/// What is told of an account.
pub trait Told {
    /// Nothing but how far the call came with it.
    fn without(account: AccountId, reach: Reach, error: Option<String>) -> Self;
}

/// Does the same with each of the accounts that were selected, each for itself.
pub(super) async fn each<S, C, T, F>(desk: &Desk<'_, S, C>, selected: Selected, act: impl Fn(Account) -> F) -> Page<T>
where
    S: MoyskladAccounts,
    C: HookClients,
    T: Told,
    F: Future<Output = Result<T, Trouble>>,
{
    let Selected { accounts, rest } = selected;
    let act = &act;
    let one = |(id, account): (AccountId, Option<Account>)| async move {
        let place = account.as_ref().map(Place::of);
        if !desk.left(BEGIN_WITHIN) {
            return (place, false, T::without(id, Reach::NotReached, None));
        }
        let told = match account {
            None => T::without(id, Reach::Failed, Some("not_found".to_owned())),
            Some(account) => act(account).await.unwrap_or_else(|trouble| {
                tracing::warn!(account.id = %id, error = %trouble, "an account was not done with");
                T::without(id, Reach::Failed, Some(trouble.to_string()))
            }),
        };
        (place, true, told)
    };
    let begun = accounts.into_iter().map(one).collect::<Vec<_>>();
    // They are begun in their order, so whatever was not reached is at the end.
    let all: Vec<_> = stream::iter(begun).buffered(PARALLEL).collect().await;
    let cut = all.iter().any(|(_, reached, _)| !reached);
    let last = all.iter().filter(|(_, reached, _)| *reached).filter_map(|(place, ..)| place.clone()).next_back();
    let next_cursor = last.filter(|_| rest.is_paged() && (cut || rest.is_more())).map(|place| place.to_string());
    Page { data: all.into_iter().map(|(.., told)| told).collect(), next_cursor }
}

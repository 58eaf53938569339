//! An account's dirty rows, worked off by the one worker that has claimed the account.

use std::collections::BTreeMap;
use std::future::Future;

use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};

use super::carry::{Carrier, Outcome, Trouble};
use super::course::Taken;
use super::together::{MOST_TOGETHER, goes_together};
use crate::model::ids::TenantId;
use crate::model::moysklad::{Account, AccountId, Direction, Dirty, EntityKind, Settings};
use crate::sync::dictionary::Translation;
use crate::sync::plan::Reason;
use crate::sync::ports::{Dictionaries, MoyskladError};
use crate::sync::store::{Clients, SyncStore};
use crate::work::{Hold, StoreError};

/// Entities at work at a time: as many calls as MoySklad takes at once.
const PARALLEL: usize = 5;
/// Rows taken before the line is looked at again, where each goes by itself: an order that comes meanwhile waits for no
/// more, or for as many as go together.
const AT_A_TIME: usize = 10;
/// Fewer than this go by themselves.
pub(super) const FEW: usize = 4;
/// Tries of a row before it is given up until something changes again.
const MOST_TRIES: u32 = 6;
/// The wait after a row's first failure; it doubles with each.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(30);
/// The wait after trouble that is the account's.
const ACCOUNT_WAIT: SignedDuration = SignedDuration::from_secs(15);
/// The shortest wait of the row at which that happened: a little longer, so that others go first.
const ASIDE: SignedDuration = SignedDuration::from_secs(20);
/// The wait where a person has to mend something: a token, an account that is switched off.
const LONG_WAIT: SignedDuration = SignedDuration::from_mins(10);

/// An account to be drained. Whoever calls has claimed it: two workers in one account would make things twice.
pub struct Drain<'a, L> {
    /// Whose accounts.
    pub tenant: &'a TenantId,
    /// The account to be written.
    pub target: AccountId,
    /// After this no call is begun: the invocation's deadline, less the longest call.
    pub last_call: Timestamp,
    /// The clock.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// Who is told what came of each row.
    pub listener: &'a L,
}

/// Who a drain is done for.
pub trait Listener: Send + Sync {
    /// Is told what came of a row, before the row goes: a worker that dies between the two tells it again.
    fn told(&self, told: &Told<'_>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// What the account waits behind now, if anything. Asked before each handful of rows.
    fn held(&self) -> impl Future<Output = Result<Option<Hold>, StoreError>> + Send;
}

/// What came of a row.
#[derive(Debug)]
pub struct Told<'a> {
    /// The row.
    pub row: &'a Dirty,
    /// What came of it.
    pub result: &'a Result<Outcome, Trouble>,
    /// Whether it will be tried again without a new reason.
    pub again: bool,
}

/// How an account was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drained {
    /// There is nothing to do.
    Clean,
    /// There is nothing to do before then.
    Later(Timestamp),
    /// There is more to do, and no time left: ring again now.
    Unfinished,
    /// MoySklad does not bear it now: ring again then.
    Troubled(MoyskladError, Timestamp),
    /// It was switched off.
    Held(Hold),
}

/// The way from one account to another.
struct Link<'a> {
    from: &'a Account,
    settings: &'a Settings,
}

enum After {
    Done,
    Stop(Drained),
}

/// Works an account's rows off: orders first, each entity as it is now. Dying anywhere loses nothing: a row goes when
/// all is done, and what was made is found again by its `syncId`, or by what it is like.
///
/// # Errors
/// When the store could not be asked.
pub async fn drain<S: SyncStore, C: Clients, L: Listener>(
    store: &S,
    clients: &C,
    asked: &Drain<'_, L>,
) -> Result<Drained, StoreError> {
    drain_by(store, clients, asked, FEW).await
}

/// The same, where rows go together that are so many at least.
pub(super) async fn drain_by<S: SyncStore, C: Clients, L: Listener>(
    store: &S,
    clients: &C,
    asked: &Drain<'_, L>,
    few: usize,
) -> Result<Drained, StoreError> {
    let Drain { tenant, target, last_call, clock, .. } = asked;
    let accounts = store.accounts(tenant).await?;
    let mut translations: BTreeMap<AccountId, Translation> = BTreeMap::new();
    let one_at_a_time = tokio::sync::Mutex::new(());
    let taken = Taken::default();
    loop {
        let now = clock();
        let due = store.due(tenant, *target, now, MOST_TOGETHER).await?;
        let Some(first) = due.first() else {
            return Ok(store.next_due(tenant, *target).await?.map_or(Drained::Clean, Drained::Later));
        };
        if now > *last_call {
            return Ok(Drained::Unfinished);
        }
        if let Some(hold) = asked.listener.held().await? {
            return Ok(Drained::Held(hold));
        }
        let (kind, origin) = (first.origin.kind, first.origin.account);
        let mut rows: Vec<Dirty> =
            due.into_iter().take_while(|row| row.origin.kind == kind && row.origin.account == origin).collect();
        let together = goes_together(kind) && rows.len() >= few;
        if !together {
            rows.truncate(AT_A_TIME);
        }
        let link = match link(&accounts, *target, origin) {
            Ok(link) => link,
            Err(waits) => {
                leave(store, asked, &rows, waits, now).await?;
                continue;
            }
        };
        let to = accounts.iter().find(|account| account.id == *target).and_then(|to| clients.client(to));
        let (Some(from), Some(to)) = (clients.client(link.from), to) else {
            return Ok(Drained::Troubled(MoyskladError::Misconfigured, later(now, LONG_WAIT)));
        };
        if let std::collections::btree_map::Entry::Vacant(entry) = translations.entry(origin) {
            match translation(&from, &to, link.settings).await {
                Ok(translation) => entry.insert(translation),
                Err(error) => return Ok(Drained::Troubled(error, later(clock(), wait_of(error)))),
            };
        }
        let carrier = Carrier {
            store,
            tenant,
            from: &from,
            to: &to,
            target: *target,
            direction: kind.direction(),
            settings: link.settings,
            translation: &translations[&origin],
            base: clients.base(),
            clock: *clock,
            last_call: *last_call,
            one_at_a_time: &one_at_a_time,
            taken: &taken,
        };
        let carrier = &carrier;
        let after: Vec<Result<After, StoreError>> = if together {
            let results = carrier.carry_together(&rows).await;
            let told = rows.into_iter().zip(results).filter_map(|(row, result)| Some((row, result?)));
            stream::iter(Vec::from_iter(told))
                .map(|(row, result)| async move { record(store, asked, &row, result).await })
                .buffer_unordered(PARALLEL)
                .collect()
                .await
        } else {
            // A folder may lie in one that is being made beside it, and of two alike the second must see the first.
            let parallel = if kind.direction() == Direction::Down { 1 } else { PARALLEL };
            stream::iter(rows)
                .map(|row| async move {
                    let result = carrier.carry(row.origin, &row.groups, 0).await;
                    record(store, asked, &row, result).await
                })
                .buffer_unordered(parallel)
                .collect()
                .await
        };
        let mut stop = None;
        for after in after {
            if let After::Stop(drained) = after? {
                stop = stop.or(Some(drained));
            }
        }
        if let Some(drained) = stop {
            return Ok(drained);
        }
    }
}

/// Writes down what came of a row.
async fn record<S: SyncStore, L: Listener>(
    store: &S,
    asked: &Drain<'_, L>,
    row: &Dirty,
    result: Result<Outcome, Trouble>,
) -> Result<After, StoreError> {
    let now = (asked.clock)();
    let tell = async |again| asked.listener.told(&Told { row, result: &result, again }).await;
    let error = match &result {
        Ok(Outcome::Nothing(_) | Outcome::Written { .. }) => {
            tell(false).await?;
            store.finish(row).await?;
            return Ok(After::Done);
        }
        Ok(Outcome::Blocked(blocked)) => blocked.code().to_owned(),
        Err(Trouble::OutOfTime) => return Ok(After::Stop(Drained::Unfinished)),
        Err(Trouble::Store(error)) => return Err(error.clone()),
        Err(Trouble::Moysklad(error)) if error.is_of_the_account() => {
            // What it says of the row cannot be told. Standing first in the line it would be tried first for ever, and
            // one that MoySklad cannot answer to would keep all others from being carried.
            if error.may_be_of_the_entity() {
                let age = now.duration_since(row.since).clamp(ASIDE, LONG_WAIT);
                store.set_aside(row, later(now, age), &error.to_string()).await?;
            }
            tell(true).await?;
            return Ok(After::Stop(Drained::Troubled(*error, later(now, wait_of(*error)))));
        }
        Err(trouble) => trouble.to_string(),
    };
    if row.failures + 1 >= MOST_TRIES {
        tell(false).await?;
        store.finish(row).await?;
    } else {
        let wait = FIRST_WAIT.saturating_mul(1 << row.failures.min(10));
        store.put_off(row, later(now, wait), &error).await?;
        tell(true).await?;
    }
    Ok(After::Done)
}

/// Rows whose way is closed: an account that is gone takes them along, one that is switched off lets them wait.
async fn leave<S: SyncStore, L: Listener>(
    store: &S,
    asked: &Drain<'_, L>,
    rows: &[Dirty],
    waits: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    for row in rows {
        if waits {
            store.set_aside(row, later(now, LONG_WAIT), "account_disabled").await?;
        } else {
            let nothing = Ok(Outcome::Nothing(Reason::NotCarried));
            asked.listener.told(&Told { row, result: &nothing, again: false }).await?;
            store.finish(row).await?;
        }
    }
    Ok(())
}

/// The way from `origin` to `target`; where there is none now, whether it may open again.
fn link(accounts: &[Account], target: AccountId, origin: AccountId) -> Result<Link<'_>, bool> {
    let of = |id| accounts.iter().find(|account| account.id == id).ok_or(false);
    let (from, to) = (of(origin)?, of(target)?);
    let settings = match (from.as_child(), to.as_child()) {
        (None, Some((main, settings))) if main == origin => settings,
        (Some((main, settings)), None) if main == target => settings,
        _ => return Err(false),
    };
    if from.enabled && to.enabled { Ok(Link { from, settings }) } else { Err(true) }
}

async fn translation<C: Dictionaries>(from: &C, to: &C, settings: &Settings) -> Result<Translation, MoyskladError> {
    let carried: Vec<EntityKind> = EntityKind::ALL.into_iter().filter(|kind| settings.carries(*kind)).collect();
    let (ours, theirs) = (from.dictionary(&carried).await?, to.dictionary(&carried).await?);
    Ok(Translation::new(&ours, &theirs, settings))
}

fn wait_of(error: MoyskladError) -> SignedDuration {
    match error {
        MoyskladError::RateLimited { after } => after,
        MoyskladError::CredentialsRefused | MoyskladError::RightsMissing | MoyskladError::Misconfigured => LONG_WAIT,
        _ => ACCOUNT_WAIT,
    }
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.saturating_add(wait).unwrap_or(now)
}

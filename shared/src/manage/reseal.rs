//! Sealing anew what an older stack key sealed, so that the key can be taken away.
//!
//! What is kept sealed for long are subscriptions' secrets, the values of their headers, what WhatsApp senders prove
//! themselves with, and the tokens of MoySklad accounts and of their doorbells. What a look-up or a data subject's job has sealed goes when its work ends.

use futures::stream::{self, StreamExt};
use jiff::Timestamp;

use super::chance::Chance;
use super::directory::{Change, ChangeError, Directory, Entry};
use super::json_fields::{BodyError, JsonFields};
use super::sources;
use super::subscription_book::Booked;
use super::subscriptions::Subscriptions;
use crate::model::custom_header::CustomHeader;
use crate::model::ids::TenantId;
use crate::model::moysklad::Account;
use crate::model::sealed::Sealed;
use crate::model::source::Source;
use crate::model::subscription::{PreviousSecret, SigningSecrets, Subscription};
use crate::model::whatsapp::Sender;
use crate::signing::seal::OpenError;
use crate::work::StoreError;

/// Subscriptions after which a call begins no further tenant: with the last tenant's it answers well within API
/// Gateway's 30 seconds.
const MOST_LOOKED_AT: usize = 200;
/// Most tenants of a call: those without subscriptions cost a read as well.
const MOST_TENANTS: usize = 100;
/// Subscriptions written at a time.
const PARALLEL: usize = 8;
/// How often a subscription is read anew, because somebody changed it in between.
const TRIES: u32 = 4;

/// What a call did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Subscriptions, sources and accounts sealed anew.
    pub resealed: usize,
    /// Subscriptions, sources and accounts looked at.
    pub looked_at: usize,
    /// Subscriptions, sources and accounts that still need an older key, or one that is gone.
    pub left: usize,
    /// Where the next call goes on; nothing at the end.
    pub next: Option<TenantId>,
}

/// The cursor in a body.
///
/// # Errors
/// It is none, or there is more in the body.
pub fn cursor(mut fields: JsonFields) -> Result<Option<TenantId>, BodyError> {
    let cursor = fields.text("cursor").and_then(|text| {
        let refused = || fields.refused("cursor", "invalid_cursor", "this is no `next_cursor` of an answer");
        text.parse().ok().or_else(refused)
    });
    fields.refuse_rest();
    fields.finish(Some(cursor))
}

/// Seals anew what is stale, tenant by tenant, from behind `before` on. Doing it twice does nothing more.
///
/// # Errors
/// When the store does not answer. What was written is written; the same call may be made again.
pub async fn reseal(
    store: &(impl Directory + Subscriptions),
    before: Option<&TenantId>,
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<Resealed, StoreError> {
    let mut done = Resealed::default();
    let tenants = store.tenants(before, MOST_TENANTS + 1).await?;
    let more = tenants.len() > MOST_TENANTS;
    let mut tenants = tenants.into_iter().take(MOST_TENANTS).peekable();
    while let Some(tenant) = tenants.next() {
        let of_tenant = store.subscribers(&tenant.id).await?;
        done.looked_at += of_tenant.len();
        let fates = of_tenant.into_iter().map(|sub| reseal_one(store, sub, chance, now));
        let fates: Vec<_> = stream::iter(fates.collect::<Vec<_>>()).buffer_unordered(PARALLEL).collect().await;
        for fate in fates {
            done.note(&fate?);
        }
        for source in store.sources_of(&tenant.id).await? {
            if source.whatsapp.as_ref().is_some_and(|setup| setup.sender.secret().is_some()) {
                done.looked_at += 1;
                done.note(&reseal_source(store, source, chance).await?);
            }
        }
        for account in store.accounts_of(&tenant.id).await? {
            done.looked_at += 1;
            done.note(&reseal_account(store, account, chance).await?);
        }
        let all = tenants.peek().is_none() && !more;
        if !all && (done.looked_at >= MOST_LOOKED_AT || tenants.peek().is_none()) {
            done.next = Some(tenant.id);
            break;
        }
    }
    Ok(done)
}

enum Fate {
    Fresh,
    Resealed,
    Left,
}

impl Resealed {
    const fn note(&mut self, fate: &Fate) {
        match fate {
            Fate::Fresh => {}
            Fate::Resealed => self.resealed += 1,
            Fate::Left => self.left += 1,
        }
    }
}

async fn reseal_source(store: &impl Directory, mut source: Source, chance: &Chance<'_>) -> Result<Fate, StoreError> {
    for _ in 0..TRIES {
        let (tenant, id) = (source.tenant.clone(), source.id.clone());
        let sealed = match source.whatsapp.as_mut().map(|setup| &mut setup.sender) {
            Some(Sender::CloudApi { app_secret, .. }) => app_secret,
            Some(Sender::Gateway { secret: Some(secret), .. }) => secret,
            Some(Sender::Gateway { secret: None, .. }) | None => return Ok(Fate::Fresh),
        };
        if !chance.keys.is_stale(sealed) {
            return Ok(Fate::Fresh);
        }
        match chance.keys.open(sealed, &tenant, id.as_str()) {
            Ok(plain) => *sealed = chance.keys.seal(&plain, &tenant, id.as_str(), chance.bytes()),
            Err(error) => {
                tracing::error!(source.id = %id, %error, "a sealed value cannot be read");
                return Ok(Fate::Left);
            }
        }
        match sources::replace(store, source, None, Vec::new()).await {
            Ok(_) => return Ok(Fate::Resealed),
            Err(ChangeError::Store(error)) => return Err(error),
            Err(_) => {}
        }
        match store.source(&id).await? {
            Some(changed) => source = changed,
            None => return Ok(Fate::Fresh),
        }
    }
    Ok(Fate::Left)
}

async fn reseal_account(store: &impl Directory, mut account: Account, chance: &Chance<'_>) -> Result<Fate, StoreError> {
    for _ in 0..TRIES {
        let anew = |sealed: &Sealed, name: &str| {
            let plain = chance.keys.open(sealed, &account.tenant, name)?;
            Ok::<_, OpenError>(chance.keys.seal(&plain, &account.tenant, name, chance.bytes()))
        };
        let doorbell = account.doorbell.as_ref();
        if !chance.keys.is_stale(&account.token) && !doorbell.is_some_and(|sealed| chance.keys.is_stale(sealed)) {
            return Ok(Fate::Fresh);
        }
        let token = anew(&account.token, &account.seal_name());
        let doorbell = doorbell.map(|sealed| anew(sealed, &account.doorbell_seal_name())).transpose();
        let (token, doorbell) = match token.and_then(|token| Ok((token, doorbell?))) {
            Ok(both) => both,
            Err(error) => {
                tracing::error!(account.id = %account.id, %error, "a sealed value cannot be read");
                return Ok(Fate::Left);
            }
        };
        let after = Account { token, doorbell, rev: account.rev + 1, ..account.clone() };
        if store.commit(&[Change::Replace(Entry::Account(after))]).await? {
            return Ok(Fate::Resealed);
        }
        match store.account(&account.tenant, account.id).await? {
            Some(changed) => account = changed,
            None => return Ok(Fate::Fresh),
        }
    }
    Ok(Fate::Left)
}

async fn reseal_one(
    store: &impl Subscriptions,
    mut subscription: Subscription,
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<Fate, StoreError> {
    for _ in 0..TRIES {
        let after = match sealed_anew(&subscription, chance, now) {
            Ok(Some(after)) => after,
            Ok(None) => return Ok(Fate::Fresh),
            Err(error) => {
                tracing::error!(subscription.id = %subscription.id, %error, "a sealed value cannot be read");
                return Ok(Fate::Left);
            }
        };
        match store.replace(&subscription, &after).await? {
            Booked::Done => return Ok(Fate::Resealed),
            Booked::Taken { .. } => return Ok(Fate::Left),
            Booked::Changed => {}
        }
        match store.subscription_of(&subscription.tenant, &subscription.id).await? {
            Ok(changed) => subscription = changed,
            Err(_gone) => return Ok(Fate::Fresh),
        }
    }
    Ok(Fate::Left)
}

/// The subscription with all that is stale sealed anew; nothing if nothing is. Its time of change goes with it: a change
/// that began before must not put the old seals back.
fn sealed_anew(
    subscription: &Subscription,
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<Option<Subscription>, OpenError> {
    let Subscription { tenant, id, secrets, headers, .. } = subscription;
    let previous = secrets.previous.as_ref();
    let mut values = std::iter::once(&secrets.current)
        .chain(previous.map(|previous| &previous.sealed))
        .chain(headers.iter().map(|header| &header.value));
    if !values.any(|value| chance.keys.is_stale(value)) {
        return Ok(None);
    }
    let anew = |value: &Sealed| {
        if !chance.keys.is_stale(value) {
            return Ok(value.clone());
        }
        let plain = chance.keys.open(value, tenant, id.as_str())?;
        Ok(chance.keys.seal(&plain, tenant, id.as_str(), chance.bytes()))
    };
    // One that signs no more needs no seal.
    let previous = previous.filter(|previous| now < previous.valid_until);
    let previous = previous
        .map(|previous| Ok(PreviousSecret { sealed: anew(&previous.sealed)?, valid_until: previous.valid_until }))
        .transpose()?;
    let secrets = SigningSecrets { current: anew(&secrets.current)?, hint: secrets.hint.clone(), previous };
    let header =
        |header: &CustomHeader<Sealed>| Ok(CustomHeader { name: header.name.clone(), value: anew(&header.value)? });
    let headers = headers.iter().map(header).collect::<Result<_, _>>()?;
    Ok(Some(Subscription { secrets, headers, updated_at: now, ..subscription.clone() }))
}

#[cfg(test)]
#[path = "reseal_tests.rs"]
mod tests;

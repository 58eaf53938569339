//! The doorbell of an account: the source its webhooks ring at, and the token that stands in their address.

use super::desk::{Desk, HookClients, Trouble};
use crate::auth::Credential;
use crate::manage::chance::Chance;
use crate::manage::directory::{Change, ChangeError, Directory, Entry};
use crate::manage::source_settings::Settings;
use crate::manage::sources::{self, DEFAULT_OVERLAP, NewSource, SourceError};
use crate::model::event::Provider;
use crate::model::moysklad::{Account, AccountId};
use crate::model::sealed::Sealed;
use crate::model::source::{Source, SourceToken};

/// A doorbell that opens: the account and source as they are now, and the token.
#[derive(Debug)]
pub(super) struct Doorbell {
    pub(super) account: Account,
    pub(super) source: Source,
    pub(super) token: Credential,
    /// The hashes of all tokens that its webhooks may have been told with until now.
    pub(super) formerly: Vec<String>,
}

/// The source that is made for an account.
pub(super) fn source_for(account: AccountId, tenant: &crate::model::ids::TenantId, name: Option<&String>) -> NewSource {
    let settings = Settings { account_id: Some(account), ..Settings::default() };
    NewSource { settings, name: name.cloned(), ..NewSource::plain(Provider::Moysklad, tenant.clone()) }
}

/// The token of an account's doorbell, sealed for it.
pub(super) fn sealed(account: &Account, token: &Credential, chance: &Chance<'_>) -> Sealed {
    chance.keys.seal(token.expose().as_bytes(), &account.tenant, &account.doorbell_seal_name(), chance.bytes())
}

/// The token of an account's doorbell, as far as it is known.
pub(super) fn token_of(account: &Account, chance: &Chance<'_>) -> Option<Credential> {
    let opened = chance.keys.open_text(account.doorbell.as_ref()?, &account.tenant, &account.doorbell_seal_name());
    Credential::presented(&opened.ok()?)
}

/// The account's doorbell, with a token that is its source's current one. Where it has none, or the source was rotated
/// behind its back, the source gets a new one, and the one that its webhooks have opens as long as it would have, else the
/// one before for a day more; a source that was taken away is made again.
pub(super) async fn ensure<S: Directory, C: HookClients>(
    desk: &Desk<'_, S, C>,
    account: Account,
) -> Result<Doorbell, Trouble> {
    let (store, now) = (desk.store, (desk.clock)());
    let known = token_of(&account, desk.chance);
    let mut formerly: Vec<String> = known.iter().map(Credential::hash).collect();
    let next = |source: &Source, token: &Credential| Account {
        source: source.id.clone(),
        doorbell: Some(sealed(&account, token, desk.chance)),
        rev: account.rev + 1,
        ..account.clone()
    };
    let Some(mut source) = store.source(&account.source).await? else {
        let new = source_for(account.id, &account.tenant, account.name.as_ref());
        let (opened, mut changes) =
            sources::prepare(store, new, false, desk.chance, now).await.map_err(|error| match error {
                SourceError::Change(ChangeError::Store(error)) => Trouble::Store(error),
                SourceError::Unacceptable(_) => Trouble::UnknownTenant,
                SourceError::NumberLinked | SourceError::Change(_) => Trouble::Conflict,
            })?;
        let after = next(&opened.source, &opened.token);
        changes.push(Change::Replace(Entry::Account(after.clone())));
        if !store.commit(&changes).await? {
            return Err(Trouble::Conflict);
        }
        tracing::info!(account.id = %account.id, source.id = %opened.source.id, "an account's source was made again");
        return Ok(Doorbell { account: after, source: opened.source, token: opened.token, formerly });
    };
    formerly.extend(source.token.hashes().map(str::to_owned));
    if let Some(token) = known.as_ref().filter(|token| token.hash() == source.token.hash) {
        return Ok(Doorbell { account, source, token: token.clone(), formerly });
    }
    let token = Credential::generate("", desk.chance.bytes());
    let before = std::mem::replace(&mut source.token, SourceToken::first(String::new()));
    let told = known.map(|token| token.hash());
    source.token = match before.previous.clone().filter(|previous| Some(&previous.hash) == told.as_ref()) {
        Some(previous) => SourceToken { hash: token.hash(), previous: Some(previous) },
        None => before.rotated(token.hash(), now, DEFAULT_OVERLAP),
    };
    let after = next(&source, &token);
    // Both in one write: a token that is the source's and nobody's to know would be of no use.
    let together = vec![Change::Replace(Entry::Account(after.clone()))];
    let source = sources::replace(store, source, Some(&before), together).await.map_err(|error| match error {
        ChangeError::Store(error) => Trouble::Store(error),
        ChangeError::Unknown => Trouble::UnknownTenant,
        ChangeError::Conflict | ChangeError::Default | ChangeError::TooMany(_) => Trouble::Conflict,
    })?;
    tracing::info!(account.id = %account.id, source.id = %source.id, "an account's doorbell has a new address");
    Ok(Doorbell { account: after, source, token, formerly })
}

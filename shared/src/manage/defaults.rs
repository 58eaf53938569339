//! What exists from the start: one tenant, one C2S source, and the poll for what its webhooks miss.

use jiff::Timestamp;

use super::directory::{Change, Directory, Entry};
use super::sources::cards;
use crate::auth::Credential;
use crate::model::event::Provider;
use crate::model::ids::SourceId;
use crate::model::job::{JobStatus, Poll};
use crate::model::row::{Queue, RowKey, WorkState};
use crate::model::source::{Source, SourceToken};
use crate::model::tenant::Tenant;
use crate::work::{Rows, StoreError, Timing, home_shard};

/// Makes what is missing and touches nothing that is there: a default source that was changed, or whose token was
/// rotated, stays so.
///
/// # Errors
/// When the store does not answer. What is missing then, the next call makes.
pub async fn ensure(
    store: &(impl Directory + Rows),
    c2s_token: &Credential,
    timing: &Timing,
    now: Timestamp,
) -> Result<(), StoreError> {
    let tenant = Tenant::default_tenant(now);
    store.commit(&[Change::Create(Entry::Tenant(tenant.clone()))]).await?;

    let source = source(&tenant, c2s_token, now);
    let card = cards(&source, &tenant).map(|card| Change::Create(Entry::Card(card)));
    let changes: Vec<_> = [Change::Create(Entry::Source(source.clone()))].into_iter().chain(card).collect();
    if store.commit(&changes).await? {
        tracing::info!(source.id = %source.id, "the default source was made");
    }

    let key = RowKey::Poll(source.id.clone());
    let work = WorkState::starting(Queue::Lead, now, timing.due_at(now), home_shard(&key));
    let poll = Poll {
        source: source.id,
        tenant: tenant.id,
        provider: Provider::C2s,
        since: now,
        status: JobStatus::Waiting,
        missed: 0,
        work,
    };
    store.insert(&poll).await?;
    Ok(())
}

fn source(tenant: &Tenant, token: &Credential, now: Timestamp) -> Source {
    Source {
        id: SourceId::default_c2s(),
        tenant: tenant.id.clone(),
        provider: Provider::C2s,
        name: Some("default".into()),
        enabled: true,
        allowed_cidrs: Vec::new(),
        business_hours: None,
        token: SourceToken::first(token.hash()),
        whatsapp: None,
        moysklad: None,
        created_at: now,
        rev: 0,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::auth::{Denied, Door};
    use crate::manage::sources;
    use crate::model::ids::TenantId;
    use crate::testing::MemoryStore;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + seconds).unwrap()
    }

    fn token() -> Credential {
        Credential::presented("a-token-from-the-template").unwrap()
    }

    #[tokio::test]
    async fn the_default_source_opens_by_the_stacks_token_however_often_it_is_ensured() {
        let store = MemoryStore::default();
        for n in 0..2 {
            ensure(&store, &token(), &Timing::default(), at(n)).await.unwrap();
        }
        let caller = Door::new(store.clone()).source(Some(&token()), Provider::C2s, None, at(1)).await.unwrap();
        assert_eq!((caller.source, caller.tenant), (SourceId::default_c2s(), TenantId::default_tenant()));
        let poll: Poll = store.read(&RowKey::Poll(SourceId::default_c2s())).await.unwrap().unwrap();
        assert_eq!(poll.since, at(0));
    }

    #[tokio::test]
    async fn a_token_that_was_rotated_away_is_not_let_in_again() {
        let store = MemoryStore::default();
        ensure(&store, &token(), &Timing::default(), at(0)).await.unwrap();
        sources::rotate(&store, &SourceId::default_c2s(), Duration::ZERO, [1; 32], at(1)).await.unwrap();
        ensure(&store, &token(), &Timing::default(), at(2)).await.unwrap();
        let door = Door::new(store);
        assert_eq!(door.source(Some(&token()), Provider::C2s, None, at(2)).await, Err(Denied::Unauthorized));
    }
}

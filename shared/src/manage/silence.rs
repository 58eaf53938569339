//! Silence: a source from which nothing came for an hour in which it should have. No failure is counted anywhere then;
//! only the absence tells.

use jiff::{SignedDuration, Timestamp};

use super::directory::Directory;
use super::list_walk::walk;
use super::listing::{ListKind, Listing, Place, Window};
use crate::model::event::Event;
use crate::model::ids::SourceId;
use crate::model::source::Source;
use crate::work::StoreError;

/// How long nothing may come in business hours.
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Sources read at a time.
const PAGE: usize = 100;

/// The sources that are silent: in their business hours for an hour already, and nothing came from them in it.
///
/// # Errors
/// When the store does not answer.
pub async fn silent_sources(store: &(impl Directory + Listing), now: Timestamp) -> Result<Vec<SourceId>, StoreError> {
    let mut silent = Vec::new();
    let mut before = None;
    loop {
        let page = store.sources(before.as_ref(), PAGE).await?;
        for source in page.iter().filter(|source| should_speak(source, now)) {
            if !spoke(store, source, now).await? {
                silent.push(source.id.clone());
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => before = Some(last.id.clone()),
            _ => return Ok(silent),
        }
    }
}

fn should_speak(source: &Source, now: Timestamp) -> bool {
    let an_hour_ago = now.saturating_sub(HOUR).unwrap_or(now);
    let hours = source.business_hours.as_ref();
    source.enabled
        && source.created_at <= an_hour_ago
        && hours.is_some_and(|hours| hours.cover(now) && hours.cover(an_hour_ago))
}

async fn spoke(store: &impl Listing, source: &Source, now: Timestamp) -> Result<bool, StoreError> {
    let since = now.saturating_sub(HOUR).unwrap_or(now);
    let window = Window { since, before: Place::before(now.saturating_add(HOUR).unwrap_or(now)) };
    for tenant in source.tenants() {
        let window = window.clone();
        let page = walk::<Event>(store, tenant, ListKind::ByDay, window, 1, |event| event.source == source.id).await?;
        // A page that was cut short has not seen everything: rather silent about silence than a false alarm.
        if !page.data.is_empty() || page.next_cursor.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Credential;
    use crate::manage::defaults;
    use crate::manage::directory::{Change, Entry};
    use crate::testing::MemoryStore;
    use crate::testing::samples::{lead_event, serving};
    use crate::work::{Rows, Timing};

    /// Monday 2030-03-18, 12:00 in São Paulo.
    fn noon() -> Timestamp {
        "2030-03-18T15:00:00Z".parse().unwrap()
    }

    async fn store_with_hours(from: &str, to: &str) -> MemoryStore {
        let store = MemoryStore::default();
        let long_ago = noon() - SignedDuration::from_hours(48);
        let token = Credential::presented("token").unwrap();
        defaults::ensure(&store, &token, &Timing::default(), long_ago).await.unwrap();
        let mut source = store.source(&SourceId::default_c2s()).await.unwrap().unwrap();
        let hours = serde_json::json!({"from": from, "to": to, "zone": "America/Sao_Paulo"});
        source.business_hours = Some(serde_json::from_value(hours).unwrap());
        source.rev += 1;
        assert!(store.commit(&[Change::Replace(Entry::Source(source))]).await.unwrap());
        store
    }

    #[tokio::test]
    async fn a_source_that_said_nothing_for_an_hour_of_its_hours_is_silent() {
        let store = store_with_hours("09:00", "18:00").await;
        assert_eq!(silent_sources(&store, noon()).await, Ok(vec![SourceId::default_c2s()]));
        let heard = lead_event("1", noon() - SignedDuration::from_mins(59), &Timing::default());
        store.insert(&heard).await.unwrap();
        assert_eq!(silent_sources(&store, noon()).await, Ok(vec![]));
    }

    #[tokio::test]
    async fn a_source_of_several_clients_has_spoken_when_it_spoke_for_one() {
        let (store, client) = (store_with_hours("09:00", "18:00").await, "ten_client".parse().unwrap());
        let source = store.source(&SourceId::default_c2s()).await.unwrap().unwrap();
        let serving = serving(Source { rev: source.rev + 1, ..source }, std::slice::from_ref(&client));
        assert!(store.commit(&[Change::Replace(Entry::Source(serving))]).await.unwrap());
        assert_eq!(silent_sources(&store, noon()).await.unwrap().len(), 1);
        let heard = lead_event("1", noon() - SignedDuration::from_mins(59), &Timing::default());
        store.insert(&Event { tenant: client, ..heard }).await.unwrap();
        assert_eq!(silent_sources(&store, noon()).await, Ok(vec![]));
    }

    #[tokio::test]
    async fn outside_its_hours_and_in_their_first_hour_nobody_is_silent() {
        for (from, to) in [("13:00", "18:00"), ("11:30", "18:00"), ("08:00", "11:59")] {
            let store = store_with_hours(from, to).await;
            assert_eq!(silent_sources(&store, noon()).await, Ok(vec![]), "{from} to {to}");
        }
    }
}

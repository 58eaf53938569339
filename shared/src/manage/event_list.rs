//! Events, listed for an operator.

use jiff::{SignedDuration, Timestamp};

use super::directory::Directory;
use super::event_filter::{EventFilter, EventOrder};
use super::event_walk::{EventWalk, Scope, Subjects};
use super::listing::{Listing, Window};
use super::page::Page;
use super::refusal::Refusal;
use crate::model::event::Event;
use crate::model::ids::{SourceId, TenantId};
use crate::work::StoreError;

/// Tenants and sources looked through.
pub(super) const MOST: usize = 1_000;
/// A tenant's clock and ours: events are not older than their tenant, by more than this.
const LEEWAY: SignedDuration = SignedDuration::from_hours(24);
/// Longer than this no event is kept, whatever the settings.
const LONGEST_KEPT: SignedDuration = SignedDuration::from_hours(24 * 400);

/// The events the query asks for, newest first.
///
/// # Errors
/// The query is not acceptable, or the store does not answer.
pub async fn list(
    store: &(impl Listing + Subjects + Directory),
    query: Option<&str>,
    now: Timestamp,
) -> Result<Page<Event>, Refusal> {
    let filter = EventFilter::parse(query)?;
    let (scope, oldest) = scope(store, &filter, now).await?;
    let since = match filter.order() {
        EventOrder::Occurred => Timestamp::MIN,
        EventOrder::Received | EventOrder::Failed => filter.since.unwrap_or(oldest).max(oldest),
    };
    let mut walk = EventWalk::new(store, scope, Window { since, before: filter.begin(now) });
    let (mut found, mut n_read) = (Vec::new(), 0);
    // As many as the page lacks while no event was left out, whatever comes from the first that was.
    let lacking = |found: usize, read: usize| if found == read { filter.limit + 1 - found } else { usize::MAX };
    while let Some(events) = walk.next(lacking(found.len(), n_read)).await? {
        n_read += events.len();
        found.extend(events.into_iter().filter(|(_, event)| filter.wants(event, now)));
        // One more than asked for: then there is a next page.
        if found.len() > filter.limit {
            break;
        }
    }
    let more = found.len() > filter.limit;
    found.truncate(filter.limit);
    let next = if more { found.last().map(|(place, _)| place.clone()) } else { walk.cut_at().cloned() };
    let next_cursor = next.map(|place| filter.cursor(place));
    Ok(Page { data: found.into_iter().map(|(_, event)| event).collect(), next_cursor })
}

/// Where to look, and how far back.
async fn scope(store: &impl Directory, filter: &EventFilter, now: Timestamp) -> Result<(Scope, Timestamp), StoreError> {
    if let Some(subject) = &filter.subject {
        let sources = match &filter.source {
            Some(source) => vec![source.clone()],
            None => source_ids(store).await?,
        };
        return Ok((Scope::Subject(sources, subject.clone()), Timestamp::MIN));
    }
    let tenant = match (&filter.tenant, &filter.source) {
        (Some(tenant), _) => Some(tenant.clone()),
        // A source that was taken away may have been anybody's, and an operator's may bring events for anybody.
        (None, Some(source)) => {
            store.source(source).await?.filter(|source| !source.may_serve_others()).map(|source| source.tenant)
        }
        (None, None) => None,
    };
    let (tenants, oldest) = tenants(store, tenant, now).await?;
    Ok(match filter.order() {
        EventOrder::Failed => (Scope::Failed(tenants), oldest),
        EventOrder::Received | EventOrder::Occurred => (Scope::Days(tenants), oldest),
    })
}

/// One tenant, or all, and since when there has been any of them.
pub(super) async fn tenants(
    store: &impl Directory,
    only: Option<TenantId>,
    now: Timestamp,
) -> Result<(Vec<TenantId>, Timestamp), StoreError> {
    let kept = now.saturating_sub(LONGEST_KEPT).unwrap_or(Timestamp::MIN);
    let rows = match only {
        Some(id) => match store.tenant(&id).await? {
            Some(tenant) => vec![tenant],
            // It was taken away; what came in for it may still be here.
            None => return Ok((vec![id], kept)),
        },
        None => {
            let mut rows = Vec::new();
            loop {
                let page =
                    store.tenants(rows.last().map(|tenant: &crate::model::tenant::Tenant| &tenant.id), 100).await?;
                let last = page.len() < 100;
                rows.extend(page);
                if last || rows.len() >= MOST {
                    break rows;
                }
            }
        }
    };
    let oldest = rows.iter().map(|tenant| tenant.created_at).min().unwrap_or(now);
    let oldest = oldest.saturating_sub(LEEWAY).unwrap_or(oldest).max(kept);
    Ok((rows.into_iter().map(|tenant| tenant.id).collect(), oldest))
}

async fn source_ids(store: &impl Directory) -> Result<Vec<SourceId>, StoreError> {
    let mut ids: Vec<SourceId> = Vec::new();
    loop {
        let page = store.sources(ids.last(), 100).await?;
        let last = page.len() < 100;
        ids.extend(page.into_iter().map(|source| source.id));
        if last || ids.len() >= MOST {
            return Ok(ids);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Credential;
    use crate::manage::defaults;
    use crate::manage::directory::{Change, Entry};
    use crate::manage::tenants::{TenantFields, create};
    use crate::model::event::EventStatus;
    use crate::model::source::Source;
    use crate::testing::MemoryStore;
    use crate::testing::samples::{lead_event, serving};
    use crate::work::{Rows, Timing};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + seconds).unwrap()
    }

    #[tokio::test]
    async fn what_an_operators_source_brought_to_several_clients_is_all_found_by_the_source() {
        let (store, now) = (store_with(4).await, at(4 * 3_600));
        assert_eq!(all(&store, "source=src_default", now).await.len(), 2, "the default tenant's alone");
        let source = store.source(&SourceId::default_c2s()).await.unwrap().unwrap();
        let serving = serving(Source { rev: source.rev + 1, ..source }, &["ten_other".parse().unwrap()]);
        assert!(store.commit(&[Change::Replace(Entry::Source(serving))]).await.unwrap());
        assert_eq!(all(&store, "source=src_default", now).await.len(), 4);
    }

    /// Two tenants with an event an hour each, `n` in all.
    async fn store_with(n: i64) -> MemoryStore {
        let store = MemoryStore::default();
        let token = Credential::presented("token").unwrap();
        defaults::ensure(&store, &token, &Timing::default(), at(-1)).await.unwrap();
        let other: TenantId = "ten_other".parse().unwrap();
        create(&store, other.clone(), TenantFields::default(), at(-1)).await.unwrap();
        for hour in 0..n {
            let mut event = lead_event(&format!("lead-{hour}"), at(3_600 * hour), &Timing::default());
            if hour % 2 == 1 {
                event.tenant = other.clone();
                event.status = EventStatus::Completed;
            }
            store.insert(&event).await.unwrap();
        }
        store
    }

    async fn page(store: &MemoryStore, query: &str, now: Timestamp) -> (Vec<String>, Option<String>) {
        let page = list(store, Some(query), now).await.unwrap();
        (page.data.into_iter().map(|event| event.subject.unwrap()).collect(), page.next_cursor)
    }

    async fn all(store: &MemoryStore, query: &str, now: Timestamp) -> Vec<String> {
        let (mut found, mut cursor) = page(store, query, now).await;
        while let Some(at) = cursor {
            let (more, next) = page(store, &format!("{query}&cursor={at}"), now).await;
            found.extend(more);
            cursor = next;
        }
        found
    }

    fn leads(hours: impl Iterator<Item = i64>) -> Vec<String> {
        hours.map(|hour| format!("lead-{hour}")).collect()
    }

    #[tokio::test]
    async fn the_events_of_all_tenants_are_one_list_over_the_days() {
        let store = store_with(70).await;
        let now = at(3_600 * 70);
        for limit in [1, 3, 50, 100] {
            assert_eq!(all(&store, &format!("limit={limit}"), now).await, leads((0..70).rev()), "{limit}");
        }
    }

    #[tokio::test]
    async fn a_filter_leaves_out_and_never_changes_the_order() {
        let store = store_with(70).await;
        let now = at(3_600 * 70);
        let odd = || leads((0..70).rev().filter(|hour| hour % 2 == 1));
        assert_eq!(all(&store, "status=completed&limit=7", now).await, odd());
        assert_eq!(all(&store, "tenant=ten_other&limit=7", now).await, odd());
        assert_eq!(all(&store, "lead_id=lead-8&source=src_default", now).await, ["lead-8"]);
        assert_eq!(all(&store, "entity_id=lead-8", now).await, ["lead-8"]);
        let window = format!("since={}&until={}&limit=2", at(3_600 * 10), at(3_600 * 13));
        assert_eq!(all(&store, &window, now).await, leads((10..13).rev()));
    }

    #[tokio::test]
    async fn no_more_events_are_read_than_were_asked_for() {
        let store = store_with(70).await;
        let tenants = vec![TenantId::default_tenant(), "ten_other".parse().unwrap()];
        let window = Window { since: at(0), before: crate::manage::listing::Place::before(at(3_600 * 70)) };
        let mut walk = EventWalk::new(&store, Scope::Days(tenants), window);
        let mut next = async |most| walk.next(most).await.unwrap().unwrap().into_iter().map(|(_, event)| event);
        assert_eq!(next(3).await.map(|event| event.subject.unwrap()).collect::<Vec<_>>(), leads((67..70).rev()));
        assert_eq!(next(2).await.map(|event| event.subject.unwrap()).collect::<Vec<_>>(), leads((65..67).rev()));
    }

    #[tokio::test]
    async fn a_long_walk_without_a_find_is_cut_with_a_cursor_that_goes_on() {
        let store = store_with(5).await;
        // Two years of silence after a handful of events.
        let now = at(3_600 * 24 * 390);
        let (first, cursor) = page(&store, "limit=10", now).await;
        assert!(first.is_empty() && cursor.is_some());
        assert_eq!(all(&store, "limit=10", now).await, leads((0..5).rev()));
    }

    #[tokio::test]
    async fn an_empty_platform_has_an_empty_list_and_no_cursor() {
        assert_eq!(page(&MemoryStore::default(), "", at(0)).await, (Vec::new(), None));
    }
}

//! What stands behind the `?`: filters, pages, selections.

use jiff::{SignedDuration, Timestamp};

use super::now;
use crate::manage::delivery_filter::DeliveryFilter;
use crate::manage::event_filter::EventFilter;
use crate::manage::json_fields::BodyError;
use crate::manage::listing::{Cursor, ListKind, Place};
use crate::manage::moysklad::resync::Wish;
use crate::manage::moysklad::selection::Selection;
use crate::manage::page::LIMIT;
use crate::manage::query_fields::QueryFields;

/// How far ahead of ours a clock may be that wrote a row.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);

pub(super) fn play(input: &[u8]) {
    let Ok(query) = std::str::from_utf8(input) else { return };
    let query = Some(query);
    let newest = Place::before(now() + CLOCK_SKEW);
    let oldest = now() - KEPT;
    let is_page = |limit: usize| LIMIT.contains(&u32::try_from(limit).unwrap_or(u32::MAX));
    if let Some(filter) = told(DeliveryFilter::parse(query)) {
        assert!(is_page(filter.limit) && filter.wait.as_secs() <= 20);
        let window = filter.window(now(), oldest);
        assert!(window.since >= oldest && window.before <= newest, "no walk is longer than what is kept");
        assert!(filter.cursor.is_none_or(|cursor| cursor.place >= window.before));
    }
    if let Some(filter) = told(EventFilter::parse(query)) {
        assert!(is_page(filter.limit) && filter.begin(now()) <= Place::before(Timestamp::MAX));
        if filter.subject.is_none() {
            assert!(filter.begin(now()) <= newest);
        }
    }
    if let Some((limit, _)) = told(QueryFields::page::<Cursor>(query)) {
        assert!(is_page(limit));
    }
    told(Selection::parse(query));
    told(Wish::parse(query));
}

/// What was made of it; otherwise the caller hears why.
fn told<T>(read: Result<T, BodyError>) -> Option<T> {
    match read {
        Ok(made) => Some(made),
        Err(BodyError::NotJson) => panic!("a query is no JSON"),
        Err(BodyError::Fields(errors)) => {
            // Fifty parameters are looked at, and each filter has a dozen of its own.
            assert!((1..=100).contains(&errors.len()));
            None
        }
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let cursor = |list| Cursor { list, place: Place::before(now()) };
    let texts = [
        format!(
            "status=delivered&event=invoice.*&since=2025-01-20T10:00:00+03:00&limit=3&wait_s=2&cursor={}",
            cursor(ListKind::ByDay)
        ),
        format!("status=failed&cursor={}", cursor(ListKind::Failed)),
        "tenant=ten_default&source=src_default&provider=c2s&status=failed&until=2025-01-20T10%3A00%3A00Z".to_owned(),
        "subject=lead-1&since=2025-01-20T10:00:00Z&limit=100".to_owned(),
        format!("tenant_id=ten_default&account_id={}&limit=1", super::ACCOUNT),
        "a=1&a=2&&=&%ff=%00&limit=".to_owned(),
    ];
    texts.into_iter().map(String::into_bytes).collect()
}

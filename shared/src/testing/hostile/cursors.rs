//! What a caller hands back: cursors, places, and the names of rows, which also stand in bells.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use crate::manage::listing::{Cursor, ListKind, Place};
use crate::manage::moysklad::book;
use crate::model::ids::{DeliveryId, EventId, SourceId, SubscriptionId, TenantId};
use crate::model::row::RowKey;

use super::now;

/// Longest identifier that is one.
const LONGEST_ID: usize = 80;

pub(super) fn play(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    read_back::<Cursor>(text);
    read_back::<book::Place>(text);
    let key = read_back::<RowKey>(text);
    if let Some(key) = key {
        for list in [ListKind::ByDay, ListKind::Failed] {
            read_back::<Cursor>(&Cursor { list, place: Place::of(now(), key.clone()) }.to_string())
                .expect("a cursor that we made");
        }
    }
    for id in [
        read_back::<EventId>(text).map(String::from),
        read_back::<DeliveryId>(text).map(String::from),
        read_back::<SourceId>(text).map(String::from),
        read_back::<SubscriptionId>(text).map(String::from),
        read_back::<TenantId>(text).map(String::from),
    ] {
        let sane = |id: &str| id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        assert!(id.is_none_or(|id| id.len() <= LONGEST_ID && sane(&id)), "an identifier holds nothing of a key's");
    }
    // The parts of ids are looked for wherever an id stands.
    if let Ok(id) = text.parse::<DeliveryId>() {
        let _ = id.event();
    }
    if let Ok(id) = text.parse::<EventId>() {
        let _ = id.parent();
        read_back::<EventId>(&id.child(1).to_string());
    }
}

/// Whatever is read is read back the same from what we write for it.
fn read_back<T: FromStr + Display + PartialEq + Debug>(text: &str) -> Option<T> {
    let read: T = text.parse().ok()?;
    let again = read.to_string().parse().ok();
    assert_eq!(again.as_ref(), Some(&read), "{text}");
    Some(read)
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let event = EventId::derive(&["hostile"]);
    let delivery = DeliveryId::derive(&event, now(), &"sub_1".parse().expect("an identifier"));
    let account = super::ACCOUNT;
    let rows = [
        format!("event/{event}"),
        format!("event/{}", event.child(2)),
        format!("delivery/{delivery}"),
        "poll/src_default".to_owned(),
        "data-subject/job_1".to_owned(),
        format!("drain/ten_default/{account}"),
        format!("reconciliation/ten_default/{account}/product"),
        format!("resync/ten_default/{account}"),
    ];
    let keys = rows.iter().filter_map(|row| row.parse::<RowKey>().ok());
    let cursors = keys.map(|key| Cursor { list: ListKind::Failed, place: Place::of(now(), key) }.to_string());
    let ids = [event.to_string(), delivery.to_string(), format!("{}_{account}", now().as_microsecond())];
    let before = Cursor { list: ListKind::ByDay, place: Place::before(now()) }.to_string();
    let texts = cursors.chain(rows.iter().cloned()).chain(ids).chain([before]);
    texts.map(String::into_bytes).collect()
}

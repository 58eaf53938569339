//! Events recorded once: two conditional puts at a time, the row and the body beside it.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::expression::Update;
use super::items::{DUE_SHARD, ERASED, EXPIRES_AT, Item, PK, SK, from_item, millis, n, number, s, seconds, size, text};
use super::keys;
use super::packed;
use super::rows::Changed;
use super::store::Store;
use crate::intake::{Inbox, Recorded};
use crate::model::event::{Event, EventStatus, RawBody};
use crate::model::row::WorkRow;
use crate::work::{Ring, StoreError};

/// Bodies kept of one event beside the first.
const MAX_VARIANTS: u32 = 5;
/// A write is billed by the kilobyte, and the event's row is written three times: a body that fits into it beside
/// what the row will have at its end costs nothing, one that lies beside it an item of its own.
const ROW_BYTES: usize = 1024;
/// What a row gains from its first write to its last: when and to what its work came.
const ROW_GROWTH: usize = 128;
/// Looks at whether a variant's event has ended, before its sender is asked to come again.
const COUNT_TRIES: u32 = 3;

pub(super) const BODY: &str = "body";
const HEADERS: &str = "headers";
const RECEIVED_AT: &str = "received_at";
const DIGEST: &str = "digest";
const EVENT: &str = "event";
const VARIANTS: &str = "variants";
const PUT: &str = "put";
/// The digests of the variants that were counted.
const COUNTED: &str = "counted";

impl Inbox for Store {
    async fn record_event(&self, event: &Event, body: &RawBody) -> Result<Recorded, StoreError> {
        let mut row = Self::row_item(event)?;
        // A put whose answer was lost is sent again by the SDK, and meets itself: by this it knows itself, or a new
        // event would be called a duplicate and not be rung for.
        let put = format!("{:016x}", rand::random::<u64>());
        row.insert(PUT.into(), s(&put));
        let table = &self.tables.events;
        if let Some(inside) = inside(event, &row, &body.bytes)? {
            row.insert(BODY.into(), inside);
            return match self.put_new(table, keys::row(&event.key()), row).await? {
                None => Ok(Recorded::New),
                Some(stored) if text(&stored, PUT) == Some(&put) => Ok(Recorded::New),
                Some(stored) => self.met(event, &stored, body_item(event, body, self.body_kept_for)?).await,
            };
        }
        let beside = body_item(event, body, self.body_kept_for)?;
        // Both at once: an event whose body could not be written is refused, and its retry writes what is missing.
        let (stored, body_there) = tokio::join!(
            self.put_new(table, keys::row(&event.key()), row),
            self.put_new(table, keys::body(event), beside.clone()),
        );
        let (stored, _) = (stored?, body_there?);
        let Some(stored) = stored else { return Ok(Recorded::New) };
        if text(&stored, PUT) == Some(&put) {
            return Ok(Recorded::New);
        }
        self.met(event, &stored, beside).await
    }
}

/// The body as an attribute of the row itself, where it fits. Not where events of a subject are read together: their
/// bodies lie in the subject's partition.
fn inside(event: &Event, row: &Item, body: &[u8]) -> Result<Option<AttributeValue>, StoreError> {
    if event.subject.is_some() || !event.provider.speaks_for_itself() {
        return Ok(None);
    }
    let room = ROW_BYTES.saturating_sub(size(row) + BODY.len() + ROW_GROWTH);
    if let Some(packed) = packed::as_it_is(body, room) {
        return Ok(Some(blob(packed)));
    }
    let small = packed::small(body)?;
    Ok((small.len() <= room).then(|| blob(small)))
}

impl Store {
    /// What a copy of an event is that was recorded before.
    async fn met(&self, event: &Event, stored: &Item, beside: Item) -> Result<Recorded, StoreError> {
        if text(stored, DIGEST).is_none_or(|digest| digest == event.digest) {
            return Ok(Recorded::Duplicate);
        }
        if !event.provider.keeps_variants() {
            return Ok(Recorded::Conflict);
        }
        if stored.contains_key(ERASED) {
            return Ok(Recorded::Duplicate);
        }
        self.keep_variant(event, beside).await
    }

    /// The body, then its count, and with the count the next turn where the work has ended: one write, so that nobody
    /// can die in between. Counted while the work goes on, it is seen by the record that would end it.
    async fn keep_variant(&self, event: &Event, item: Item) -> Result<Recorded, StoreError> {
        let table = &self.tables.events;
        let key = keys::variant(event, &event.digest);
        // A body that is there already may be one whose sender died before it was counted.
        self.put_new(table, key.clone(), item).await?;
        for _ in 0..COUNT_TRIES {
            let count = counting(event, self.next_turn(&event.key(), EventStatus::Received.name(), event.received_at));
            let refused = match self.update(table, keys::row(&event.key()), count).await? {
                Changed::Now(row) => {
                    return Ok(Recorded::Variant { ring: Some(Ring::of(&from_item::<Event>(row)?)) });
                }
                Changed::Refused(row) => row.unwrap_or_default(),
            };
            let counted = refused.get(COUNTED).and_then(|digests| digests.as_ss().ok());
            if counted.is_some_and(|digests| digests.contains(&event.digest)) {
                return Ok(Recorded::Duplicate);
            }
            let full = number(&refused, VARIANTS).is_some_and(|n| n >= i64::from(MAX_VARIANTS));
            if full || refused.contains_key(ERASED) || !refused.contains_key(PK) {
                self.delete(table, key).await?;
                return Ok(Recorded::Duplicate);
            }
            let count = counting(event, Update::default().only_if_there(DUE_SHARD));
            if let Changed::Now(_) = self.update(table, keys::row(&event.key()), count).await? {
                return Ok(Recorded::Variant { ring: None });
            }
        }
        Err(StoreError::Unavailable("an event whose work ends and begins too fast".into()))
    }

    /// The bodies of an event: the first, then its variants. Nothing where they were erased or forgotten.
    ///
    /// # Errors
    /// When the store does not answer or holds what cannot be unpacked.
    pub async fn bodies(&self, event: &Event) -> Result<Vec<RawBody>, StoreError> {
        let key = keys::body(event);
        if event.subject.is_none() {
            let places = [keys::row(&event.key()), key];
            let items = self.get_many(&self.tables.events, &places, true).await?;
            return items.iter().filter(|item| item.contains_key(BODY)).map(read_body).collect();
        }
        let items = self.query_all(&self.tables.events, &key.pk, Some(&key.sk)).await?;
        items.iter().filter(|item| item.contains_key(BODY)).map(read_body).collect()
    }

    /// The newest events of a subject by the provider's time, with their bodies, at most `limit`: one strong query.
    ///
    /// # Errors
    /// When the store does not answer or holds what cannot be unpacked.
    pub async fn subject_bodies(
        &self,
        source: &crate::model::ids::SourceId,
        subject: &str,
        limit: i32,
    ) -> Result<Vec<SubjectBody>, StoreError> {
        let page = self
            .db
            .query()
            .table_name(&self.tables.events)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(keys::subject(source, subject)))
            .scan_index_forward(false)
            .limit(limit)
            .send()
            .await
            .map_err(|error| super::failure::store_error("Query", &error))?;
        let mut bodies = Vec::new();
        for item in page.items() {
            if item.contains_key(BODY)
                && let Some(event) = text(item, EVENT).and_then(|id| id.parse().ok())
                && let Some(received_at) = super::items::time(item, RECEIVED_AT)
            {
                bodies.push(SubjectBody { event, received_at, body: read_body(item)? });
            }
        }
        Ok(bodies)
    }
}

/// A body found in its subject's partition.
#[derive(Debug, Clone)]
pub struct SubjectBody {
    /// The event it is of.
    pub event: crate::model::ids::EventId,
    /// When it came in.
    pub received_at: Timestamp,
    /// What came in.
    pub body: RawBody,
}

/// The update that also counts this variant, unless it is counted or there are enough.
fn counting(event: &Event, update: Update) -> Update {
    update
        .add(VARIANTS, n(1))
        .add(COUNTED, AttributeValue::Ss(vec![event.digest.clone()]))
        .only_if_absent_or(VARIANTS, "<", n(MAX_VARIANTS))
        .only_if_not_among(COUNTED, s(&event.digest))
}

fn body_item(event: &Event, body: &RawBody, kept_for: SignedDuration) -> Result<Item, StoreError> {
    let headers = body.headers.iter().map(|(name, value)| (name.clone(), s(value))).collect();
    let kept_until = event.received_at.saturating_add(kept_for).unwrap_or(Timestamp::MAX);
    let key = keys::variant(event, &event.digest);
    let mut item = Item::from([
        (EVENT.to_owned(), s(event.id.as_str())),
        (HEADERS.to_owned(), AttributeValue::M(headers)),
        (RECEIVED_AT.to_owned(), millis(event.received_at)),
        (DIGEST.to_owned(), s(&event.digest)),
        (EXPIRES_AT.to_owned(), seconds(kept_until)),
    ]);
    // The longest of its places.
    let place = PK.len() + key.pk.len() + SK.len() + key.sk.len();
    let room = ROW_BYTES.saturating_sub(size(&item) + BODY.len() + place);
    let packed = match packed::as_it_is(&body.bytes, room) {
        Some(packed) => packed,
        None => packed::small(&body.bytes)?,
    };
    item.insert(BODY.to_owned(), blob(packed));
    Ok(item)
}

fn blob(bytes: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

/// The bytes of a body, if the item holds one that can be unpacked.
pub(super) fn unpacked(item: &Item) -> Option<Bytes> {
    read_body(item).ok().map(|body| body.bytes)
}

/// The body an item holds.
pub(super) fn read_body(item: &Item) -> Result<RawBody, StoreError> {
    let packed = item
        .get(BODY)
        .and_then(|value| value.as_b().ok())
        .ok_or_else(|| StoreError::Corrupt("a body without bytes".into()))?;
    let bytes = packed::unpacked(packed.as_ref())?;
    let headers = item
        .get(HEADERS)
        .and_then(|value| value.as_m().ok())
        .map(|headers| {
            headers.iter().filter_map(|(name, value)| Some((name.clone(), value.as_s().ok()?.clone()))).collect()
        })
        .unwrap_or_default();
    Ok(RawBody { bytes: Bytes::from(bytes), headers })
}

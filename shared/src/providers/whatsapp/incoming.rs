//! An event of a request that was let in becomes its connection's.

use jiff::Timestamp;
use serde_json::Value;

use super::MAX_EVENTS;
use super::line::{Stated, Unstated, find};
use super::reading::{Ignored, Reading, Refusal, RefusalCode, RequestError};
use super::stored::{Kind, Spoken, Stored, VERSION};
use super::time;
use crate::auth::SourceCaller;
use crate::model::event::RawBody;
use crate::model::event_type::EventType;
use crate::model::ids::EventId;
use crate::model::row::Queue;
use crate::model::whatsapp::Line;
use crate::providers::Incoming;
use crate::providers::batch::{BodyError, MAX_EVENT_BYTES};

/// An event as it stood in a request.
pub(super) struct Item {
    pub(super) spoken: Spoken,
    pub(super) kind: Kind,
    pub(super) stated: Stated,
    pub(super) contact: Option<Value>,
    pub(super) event: Value,
}

/// What stood at a place in a request.
pub(super) enum Found {
    Event(Box<Item>),
    Refused(RefusalCode),
    Ignored(Ignored),
}

impl From<Result<Item, RefusalCode>> for Found {
    fn from(read: Result<Item, RefusalCode>) -> Self {
        read.map_or_else(Self::Refused, |item| Self::Event(Box::new(item)))
    }
}

/// Whose doorbell it was, and when.
pub(super) struct Arrival<'a> {
    pub(super) caller: &'a SourceCaller,
    pub(super) lines: &'a [Line],
    pub(super) headers: &'a [(String, String)],
    pub(super) unstated: Unstated,
    pub(super) now: Timestamp,
}

/// A request that is being read. Each event is made what is kept of it before the next one is looked at, so that no more
/// than one stands in memory taken apart.
pub(super) struct Taking<'a> {
    arrival: &'a Arrival<'a>,
    reading: Reading,
    n_events: usize,
}

impl Taking<'_> {
    /// Each for itself: a bad event does not spoil its neighbours.
    ///
    /// # Errors
    /// There were too many before it.
    pub(super) fn put(&mut self, found: Found) -> Result<(), RequestError> {
        let taken = match found {
            Found::Ignored(why) => {
                *self.reading.ignored.entry(why).or_default() += 1;
                return Ok(());
            }
            Found::Refused(code) => Err(code),
            Found::Event(item) => self.arrival.incoming(*item),
        };
        if self.n_events == MAX_EVENTS {
            return Err(BodyError::TooManyEvents.into());
        }
        match taken {
            Ok(incoming) => self.reading.taken.push(incoming),
            Err(code) => self.reading.refused.push(Refusal { index: self.n_events, code }),
        }
        self.n_events += 1;
        Ok(())
    }
}

impl Arrival<'_> {
    /// Takes in what `split` finds.
    pub(super) fn take(
        &self,
        split: impl FnOnce(&mut Taking<'_>) -> Result<(), RequestError>,
    ) -> Result<Reading, RequestError> {
        let mut taking = Taking { arrival: self, reading: Reading::default(), n_events: 0 };
        split(&mut taking)?;
        Ok(taking.reading)
    }

    fn incoming(&self, item: Item) -> Result<Incoming, RefusalCode> {
        let line = find(self.lines, &item.stated, self.unstated)?;
        let stored = Stored {
            v: VERSION,
            connection_id: line.connection.clone(),
            number: line.number.clone(),
            spoken: item.spoken,
            kind: item.kind,
            came_at: self.now,
            contact: item.contact,
            event: item.event,
        };
        let read = stored.read()?;
        time::check(read.at, self.now)?;
        let told = serde_json::to_vec(&read.normal).map_err(|_| RefusalCode::InvalidJson)?;
        let bytes = serde_json::to_vec(&stored).map_err(|_| RefusalCode::InvalidJson)?;
        if bytes.len().max(told.len()) > MAX_EVENT_BYTES {
            return Err(RefusalCode::EventTooLarge);
        }
        let id = self.id(line, stored.kind, &read.key);
        Ok(Incoming {
            // Copies of a message differ: in what surrounds it, in signed addresses of its files. They are the same
            // message all the same, and the first one counts.
            digest: id.as_str().trim_start_matches(EventId::PREFIX).to_owned(),
            id,
            tenant: line.client.as_ref().unwrap_or(&self.caller.tenant).clone(),
            source: self.caller.source.clone(),
            provider: self.caller.provider,
            event_type: match stored.kind {
                Kind::Message => EventType::WhatsappMessage,
                Kind::Status => EventType::WhatsappStatus,
            },
            // A chat is a person's number, and has no place in a key.
            subject: None,
            occurred_at: read.at,
            queue: Queue::Dispatch,
            body: RawBody { bytes: bytes.into(), headers: self.headers.to_vec() },
        })
    }

    /// The source is part of the key: what one tenant's gateway says must not be taken for a copy of another's.
    fn id(&self, line: &Line, kind: Kind, key: &[String]) -> EventId {
        let kind = match kind {
            Kind::Message => "message",
            Kind::Status => "status",
        };
        let mut parts = vec![self.caller.provider.name(), self.caller.source.as_str(), line.connection.as_str(), kind];
        parts.extend(key.iter().map(String::as_str));
        EventId::derive(&parts)
    }
}

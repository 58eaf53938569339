//! Which events an operator asks for.

use jiff::{SignedDuration, Timestamp};

use super::json_fields::BodyError;
use super::listing::{Cursor, ListKind, Place};
use super::query_fields::QueryFields;
use crate::model::event::{Event, EventStatus, Provider};
use crate::model::ids::{SourceId, TenantId};

/// What may have been written by a clock that is ahead of ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);
/// What the cursor of a subject's list starts with: it is in the order of the provider's times, not of ours.
const OF_A_SUBJECT: &str = "s";
/// Longest name of a subject.
const MAX_SUBJECT: usize = 200;

/// Which events are asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventFilter {
    /// Of this tenant.
    pub tenant: Option<TenantId>,
    /// That came in by this source.
    pub source: Option<SourceId>,
    /// From this provider.
    pub provider: Option<Provider>,
    /// In this status.
    pub status: Option<EventStatus>,
    /// About this: a lead, an entity.
    pub subject: Option<String>,
    /// Received at this time or later.
    pub since: Option<Timestamp>,
    /// Received before this time.
    pub until: Option<Timestamp>,
    /// Where the page before ended.
    pub after: Option<Place>,
    /// Events on a page.
    pub limit: usize,
}

/// Which lists they are found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventOrder {
    /// By when they came in.
    Received,
    /// By when they failed.
    Failed,
    /// Those of one subject, by the provider's time.
    Occurred,
}

impl EventFilter {
    /// Reads a query.
    ///
    /// # Errors
    /// It is not acceptable, with every reason.
    pub fn parse(query: Option<&str>) -> Result<Self, BodyError> {
        let mut fields = QueryFields::read(query);
        let one_of = |names: &[&str]| format!("this must be one of {}", names.join(", "));
        let providers = one_of(&Provider::ALL.map(Provider::name));
        let statuses = one_of(&EventStatus::ALL.map(EventStatus::name));
        let mut filter = Self {
            tenant: fields.parsed("tenant", "invalid_value", "this is no tenant's id"),
            source: fields.parsed("source", "invalid_value", "this is no source's id"),
            provider: fields.parsed("provider", "invalid_value", &providers),
            status: fields.parsed("status", "invalid_value", &statuses),
            subject: subject(&mut fields),
            since: fields.time("since"),
            until: fields.time("until"),
            after: None,
            limit: fields.limit(),
        };
        if let Some(cursor) = fields.text("cursor") {
            filter.after = filter.place(&cursor);
            if filter.after.is_none() {
                fields.refuse("cursor", "invalid_cursor", "this is no `next_cursor` of this list");
            }
        }
        fields.finish(filter)
    }

    /// In which order they are answered.
    #[must_use]
    pub const fn order(&self) -> EventOrder {
        match (&self.subject, self.status) {
            (Some(_), _) => EventOrder::Occurred,
            (None, Some(EventStatus::Failed)) => EventOrder::Failed,
            (None, _) => EventOrder::Received,
        }
    }

    /// The place the walk begins before.
    #[must_use]
    pub fn begin(&self, now: Timestamp) -> Place {
        let newest = match self.order() {
            EventOrder::Received | EventOrder::Failed => now.saturating_add(CLOCK_SKEW).unwrap_or(now),
            // A provider's clock may be far ahead.
            EventOrder::Occurred => Timestamp::MAX,
        };
        let until = self.until.filter(|_| self.order() == EventOrder::Received).map(Place::before);
        let after = self.after.clone();
        [until, after].into_iter().flatten().fold(Place::before(newest), Ord::min)
    }

    /// Whether this event is asked for.
    #[must_use]
    pub fn wants(&self, event: &Event, now: Timestamp) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, given: &T) -> bool {
            wanted.is_none_or(|wanted| wanted == given)
        }
        is(self.tenant.as_ref(), &event.tenant)
            && is(self.source.as_ref(), &event.source)
            && is(self.provider.as_ref(), &event.provider)
            && is(self.status.as_ref(), &event.status)
            && (self.subject.is_none() || self.subject == event.subject)
            && self.since.is_none_or(|since| event.received_at >= since)
            && self.until.is_none_or(|until| event.received_at < until)
            && event.work.expires_at.is_none_or(|at| at > now)
    }

    /// The text a page that ends at this place is gone on with.
    #[must_use]
    pub fn cursor(&self, place: Place) -> String {
        match self.order() {
            EventOrder::Received => Cursor { list: ListKind::ByDay, place }.to_string(),
            EventOrder::Failed => Cursor { list: ListKind::Failed, place }.to_string(),
            EventOrder::Occurred => format!("{OF_A_SUBJECT}{}", Cursor { list: ListKind::ByDay, place }),
        }
    }

    fn place(&self, cursor: &str) -> Option<Place> {
        let (text, list) = match self.order() {
            EventOrder::Received => (cursor, ListKind::ByDay),
            EventOrder::Failed => (cursor, ListKind::Failed),
            EventOrder::Occurred => (cursor.strip_prefix(OF_A_SUBJECT)?, ListKind::ByDay),
        };
        text.parse::<Cursor>().ok().filter(|cursor| cursor.list == list).map(|cursor| cursor.place)
    }
}

/// A lead is a C2S event's subject, an entity another provider's: one thing by two names.
fn subject(fields: &mut QueryFields) -> Option<String> {
    let (lead, entity) = (fields.text("lead_id"), fields.text("entity_id"));
    if lead.is_some() && entity.is_some() {
        fields.refuse("entity_id", "contradictory", "an event has one subject: `lead_id` or `entity_id`");
    }
    let subject = lead.or(entity)?;
    // It becomes part of a key.
    let sane = subject.len() <= MAX_SUBJECT && !subject.contains('#') && !subject.chars().any(char::is_control);
    if sane {
        return Some(subject);
    }
    fields.refuse("lead_id", "invalid_value", "this is no identifier");
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_read_and_every_mistake_told() {
        let query = "source=src_default&provider=c2s&status=failed&since=2025-01-20T10:00:00Z&limit=7";
        let filter = EventFilter::parse(Some(query)).unwrap();
        assert_eq!((filter.order(), filter.limit), (EventOrder::Failed, 7));
        let wrong =
            EventFilter::parse(Some("source=x&provider=fax&status=lost&lead_id=a%23b&until=now&cursor=!&page=1"));
        let Err(BodyError::Fields(errors)) = wrong else { panic!("it is wrong") };
        let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(paths, ["source", "provider", "status", "lead_id", "until", "cursor", "page"]);
    }

    #[test]
    fn a_cursor_goes_on_in_the_list_it_is_of() {
        let parsed = |query: &str| EventFilter::parse(Some(query)).unwrap();
        let place = Place::of(Timestamp::UNIX_EPOCH, "event/evt_1".parse().unwrap());
        let queries = ["limit=1", "status=failed", "lead_id=7"];
        for of in queries {
            let cursor = parsed(of).cursor(place.clone());
            for with in queries {
                let read = EventFilter::parse(Some(&format!("{with}&cursor={cursor}")));
                assert_eq!(
                    read.ok().and_then(|filter| filter.after),
                    (of == with).then(|| place.clone()),
                    "{of} {with}"
                );
            }
        }
    }
}

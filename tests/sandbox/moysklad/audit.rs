//! The audit: one context per request that changed something, its events within. All there is about deletions.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::books::{Books, new_id};
use super::changes::{Action, Change};
use super::errors::{self, Failure};
use super::query::{Page, Query};
use super::{meta, moscow};
use crate::sandbox::bounded::Ring;

const MAX_CONTEXTS: usize = 20_000;
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// What an event takes beside its diff, roughly.
const EVENT_BYTES: usize = 512;
const MAX_PAGE: usize = 100;
const DEFAULT_PAGE: usize = 25;

struct Context {
    id: String,
    uid: String,
    source: &'static str,
    moment: Timestamp,
    events: Vec<Event>,
}

struct Event {
    change: Change,
    event_type: &'static str,
}

pub(super) struct Audit(Ring<Context>);

impl Default for Audit {
    fn default() -> Self {
        Self(Ring::new(MAX_CONTEXTS, MAX_BYTES))
    }
}

fn event_type(change: &Change) -> &'static str {
    let archived = change.diff.get("archived").filter(|_| change.fields.len() == 1);
    match (change.action, archived) {
        (Action::Create, _) => "create",
        (Action::Delete, _) => "delete",
        (Action::Update, Some(diff)) if diff["newValue"] == true => "puttoarchive",
        (Action::Update, Some(_)) => "restorefromarchive",
        (Action::Update, None) => "update",
    }
}

/// The one value that all have.
fn common<T: PartialEq + Copy>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

impl Audit {
    /// Records what one request did; the id of its context.
    pub(super) fn record(&mut self, changes: &[Change], uid: &str, source: &'static str, moment: Timestamp) -> String {
        let id = new_id();
        let events: Vec<_> =
            changes.iter().map(|change| Event { change: change.clone(), event_type: event_type(change) }).collect();
        let bytes = events.iter().map(|event| EVENT_BYTES + event.change.fields.len() * EVENT_BYTES).sum();
        self.0.push(bytes, Context { id: id.clone(), uid: uid.to_owned(), source, moment, events });
        id
    }

    fn newest_first(&self) -> Vec<&Context> {
        let mut contexts: Vec<_> = self.0.after(0).collect();
        contexts.reverse();
        contexts
    }
}

impl Context {
    fn href(&self, base: &str) -> String {
        format!("{base}/audit/{}", self.id)
    }

    fn as_json(&self, base: &str) -> Value {
        let mut events = meta::plain(&format!("{}/events", self.href(base)), "auditevent");
        events["size"] = json!(self.events.len());
        events["limit"] = json!(DEFAULT_PAGE);
        events["offset"] = json!(0);
        let mut shown = json!({
            "meta": meta::plain(&self.href(base), "audit"), "id": self.id, "uid": self.uid, "source": self.source,
            "moment": moscow::to_the_second(self.moment), "objectCount": self.events.len(),
            "events": {"meta": events}
        });
        if let Some(of_all) = common(self.events.iter().map(|event| event.event_type)) {
            shown["eventType"] = json!(of_all);
        }
        if let Some(of_all) = common(self.events.iter().map(|event| event.change.kind)) {
            shown["entityType"] = json!(of_all.name());
        }
        shown
    }

    fn event_as_json(&self, base: &str, event: &Event) -> Value {
        let mut shown = json!({
            "source": self.source, "eventType": event.event_type, "entityType": event.change.kind.name(),
            "uid": self.uid, "moment": moscow::to_the_second(self.moment), "name": event.change.name,
            "objectCount": 1,
            "audit": {"meta": meta::plain(&self.href(base), "audit")},
            "entity": meta::reference(base, event.change.kind, &event.change.id)
        });
        if event.change.action != Action::Create {
            shown["diff"] = Value::Object(event.change.diff.clone());
        }
        shown
    }
}

/// `GET /audit`: the newest first.
pub(super) fn contexts(books: &Books, query: &Query) -> Result<Value, Failure> {
    let page = query.page(DEFAULT_PAGE, MAX_PAGE)?;
    let wanted = Wanted::read(query)?;
    let held: Vec<_> = books.audit.newest_first().into_iter().filter(|context| wanted.holds(context)).collect();
    let rows = page.of(&held).map(|context| context.as_json(&books.base)).collect();
    Ok(list(books, query, &page, "audit", held.len(), rows))
}

/// `GET /audit/{id}/events`.
pub(super) fn events(books: &Books, query: &Query, id: &str) -> Result<Value, Failure> {
    let page = query.page(DEFAULT_PAGE, MAX_PAGE)?;
    let context = books.audit.0.after(0).find(|context| context.id == id);
    let context = context.ok_or_else(|| errors::not_found("audit", id))?;
    let rows = page.of(&context.events).map(|event| context.event_as_json(&books.base, event)).collect();
    Ok(list(books, query, &page, "auditevent", context.events.len(), rows))
}

/// `GET /entity/{type}/{id}/audit`: of a deleted one, too.
pub(super) fn of_entity(books: &Books, query: &Query, id: &str) -> Result<Value, Failure> {
    let page = query.page(DEFAULT_PAGE, MAX_PAGE)?;
    let contexts = books.audit.newest_first().into_iter();
    let events = contexts.flat_map(|context| context.events.iter().map(move |event| (context, event)));
    let held: Vec<_> = events.filter(|(_, event)| event.change.id == id).collect();
    let rows = page.of(&held).map(|(context, event)| context.event_as_json(&books.base, event)).collect();
    Ok(list(books, query, &page, "auditevent", held.len(), rows))
}

fn list(books: &Books, query: &Query, page: &Page, of_type: &str, size: usize, rows: Vec<Value>) -> Value {
    page.list(&books.base, query, of_type, size, rows)
}

/// The filters there are for contexts.
#[derive(Default)]
struct Wanted {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    entity_types: Vec<String>,
    event_types: Vec<String>,
    sources: Vec<String>,
}

impl Wanted {
    fn read(query: &Query) -> Result<Self, Failure> {
        let mut wanted = Self::default();
        for condition in query.conditions()? {
            let moment = || moscow::parse(&condition.value).ok_or_else(errors::wrong_filter_date);
            match (condition.field.as_str(), condition.operator.text()) {
                ("moment", ">=") => wanted.from = Some(moment()?),
                ("moment", "<=") => wanted.to = Some(moment()?),
                ("entityType", "=") => wanted.entity_types.push(condition.value),
                ("eventType", "=") => wanted.event_types.push(condition.value),
                ("source", "=") => wanted.sources.push(condition.value),
                (field, operator) => {
                    return Err(errors::wrong_filter(format!("'{field}{operator}' не поддерживается")));
                }
            }
        }
        Ok(wanted)
    }

    fn holds(&self, context: &Context) -> bool {
        let among = |wanted: &[String], mut values: Vec<&str>| {
            wanted.is_empty() || values.drain(..).any(|value| wanted.iter().any(|known| known == value))
        };
        let moment = moscow::parse(&moscow::to_the_second(context.moment)).unwrap_or(context.moment);
        self.from.is_none_or(|from| moment >= from)
            && self.to.is_none_or(|to| moment <= to)
            && among(&self.entity_types, context.events.iter().map(|event| event.change.kind.name()).collect())
            && among(&self.event_types, context.events.iter().map(|event| event.event_type).collect())
            && among(&self.sources, vec![context.source])
    }
}

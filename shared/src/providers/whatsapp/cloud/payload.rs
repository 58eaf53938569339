//! From the bytes of a request to its messages and statuses, each with the number it is for.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::whatsapp::WhatsappNumber;
use crate::providers::batch::{BodyError, Elements, MAX_EVENT_BYTES, elements};
use crate::providers::whatsapp::MAX_EVENTS;
use crate::providers::whatsapp::bounded::read_whole;
use crate::providers::whatsapp::fields::{first_text, id, text};
use crate::providers::whatsapp::incoming::{Found, Item, Taking};
use crate::providers::whatsapp::line::Stated;
use crate::providers::whatsapp::reading::{Ignored, RefusalCode, RequestError};
use crate::providers::whatsapp::stored::{Kind, Spoken};

/// Most bytes in a request: Meta sends no more.
pub const MAX_BODY_BYTES: usize = 3 * 1024 * 1024;
/// Most bytes of a person, or of the number, beside the events. A person is kept with each event of theirs.
const MOST_BYTES_BESIDE: usize = 4 * 1024;
/// Most bytes of all persons of a change: a thousand of them, and more than they take.
const MOST_BYTES_OF_PERSONS: usize = 512 * 1024;
/// The `object` of what is about WhatsApp. An app may be told of others by the same address.
const OBJECT: &str = "whatsapp_business_account";
/// The field of the changes that are messages and statuses.
const FIELD: &str = "messages";

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow)]
    object: Option<&'a RawValue>,
    #[serde(borrow)]
    entry: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    changes: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Change<'a> {
    #[serde(borrow)]
    field: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Values<'a> {
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    contacts: Option<&'a RawValue>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow)]
    statuses: Option<&'a RawValue>,
    #[serde(borrow)]
    errors: Option<&'a RawValue>,
}

/// Takes a request apart. What is not as it should be spoils itself and nothing around it.
pub(super) fn split(body: &[u8], taking: &mut Taking<'_>) -> Result<(), RequestError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(BodyError::BodyTooLarge.into());
    }
    let whole: &RawValue = serde_json::from_slice(body).map_err(|_| BodyError::InvalidJson)?;
    let Ok(Outer { object, entry }) = serde_json::from_str(whole.get()) else {
        return Err(RequestError::shape("", "an object"));
    };
    if object.is_none_or(|object| !says(object, OBJECT)) {
        return taking.put(Found::Ignored(Ignored::OtherObject));
    }
    let Some(entry) = entry.filter(|entry| entry.get().starts_with('[')) else {
        return Err(RequestError::shape("entry", "an array"));
    };
    for entry in many(entry)? {
        match serde_json::from_str::<Entry<'_>>(entry.get()) {
            Ok(Entry { changes: Some(changes) }) => {
                for change in many(changes)? {
                    of_change(change, taking)?;
                }
            }
            _ => taking.put(Found::Ignored(Ignored::OtherField))?,
        }
    }
    Ok(())
}

/// The elements of an array; of anything else, none.
fn many(raw: &RawValue) -> Result<Vec<&RawValue>, RequestError> {
    if !raw.get().starts_with('[') {
        return Ok(Vec::new());
    }
    let Elements { raw, more } = elements(raw.get().as_bytes(), MAX_EVENTS)?;
    if more { Err(BodyError::TooManyEvents.into()) } else { Ok(raw) }
}

fn says(raw: &RawValue, word: &str) -> bool {
    raw.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) == Some(word)
}

fn of_change(change: &RawValue, taking: &mut Taking<'_>) -> Result<(), RequestError> {
    let values = match serde_json::from_str(change.get()) {
        Ok(Change { field: Some(field), value: Some(value) }) if says(field, FIELD) => {
            serde_json::from_str(value.get())
        }
        _ => {
            return taking.put(Found::Ignored(Ignored::OtherField));
        }
    };
    let Ok(Values { metadata, contacts, messages, statuses, errors }) = values else {
        return taking.put(Found::Refused(RefusalCode::NotAnObject));
    };
    let small = |raw: &RawValue| (raw.get().len() <= MOST_BYTES_BESIDE).then(|| read_whole(raw.get()).ok()).flatten();
    let stated = metadata.and_then(small).map(|metadata| stated(&metadata)).unwrap_or_default();
    let contacts: Vec<Value> = match contacts.filter(|contacts| contacts.get().len() <= MOST_BYTES_OF_PERSONS) {
        Some(contacts) => many(contacts)?.into_iter().filter_map(small).collect(),
        None => Vec::new(),
    };
    for (kind, events) in [(Kind::Message, messages), (Kind::Status, statuses)] {
        for event in events.map(many).transpose()?.unwrap_or_default() {
            taking.put(item(kind, event, &stated, &contacts).into())?;
        }
    }
    for _ in errors.map(many).transpose()?.unwrap_or_default() {
        taking.put(Found::Ignored(Ignored::ProviderError))?;
    }
    Ok(())
}

fn stated(metadata: &Value) -> Stated {
    Stated {
        number: text(metadata, "/display_phone_number").and_then(|number| WhatsappNumber::parse(number).ok()),
        phone_number_id: id(metadata, "/phone_number_id").map(str::to_owned),
    }
}

fn item(kind: Kind, raw: &RawValue, stated: &Stated, contacts: &[Value]) -> Result<Item, RefusalCode> {
    if raw.get().len() > MAX_EVENT_BYTES {
        return Err(RefusalCode::EventTooLarge);
    }
    let event = read_whole(raw.get())?;
    if !event.is_object() {
        return Err(RefusalCode::NotAnObject);
    }
    let contact = contact_of(kind, &event, contacts).cloned();
    Ok(Item { spoken: Spoken::CloudApi, kind, stated: stated.clone(), contact, event })
}

/// The person an event is about, among those the change names: by number, by user id, or because there is but one.
fn contact_of<'a>(kind: Kind, event: &Value, contacts: &'a [Value]) -> Option<&'a Value> {
    let (numbers, ids): (&[&str], &[&str]) = match kind {
        Kind::Message => (&["/from"], &["/from_user_id"]),
        Kind::Status => (&["/recipient_participant_id", "/recipient_id"], &["/recipient_user_id"]),
    };
    let (number, user_id) = (first_text(event, numbers), first_text(event, ids));
    let is = |contact: &&Value| {
        let same = |theirs: Option<&str>, name| theirs.is_some() && text(contact, name) == theirs;
        same(number, "/wa_id") || same(user_id, "/user_id")
    };
    let nameless = number.is_none() && user_id.is_none();
    contacts.iter().find(is).or_else(|| contacts.first().filter(|_| nameless && contacts.len() == 1))
}

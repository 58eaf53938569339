//! Baileys' own events, posted by a program of the client's: `{"event", "data"}`, or what is in `data` alone.

use serde_json::value::RawValue;

use super::Dialect;
use super::envelope::{Envelope, cleaned, one_or_many};
use super::wa_message::{content_of, key_of, status_of};
use crate::providers::whatsapp::incoming::{Found, Item, Taking};
use crate::providers::whatsapp::line::Stated;
use crate::providers::whatsapp::reading::{Ignored, RefusalCode, RequestError};
use crate::providers::whatsapp::stored::{Kind, Spoken};

pub(super) fn split(body: &[u8], taking: &mut Taking<'_>) -> Result<(), RequestError> {
    let outer = Envelope::of(body)?;
    match outer.event_name().as_str() {
        "messages.upsert" => {
            let data = outer.data.ok_or_else(|| RequestError::shape("data", "an object"))?;
            upserted(&Envelope::inside(data, "data")?, "data.messages", taking)
        }
        "" if outer.messages.is_some() => upserted(&outer, "messages", taking),
        "messages.update" => {
            let updates = one_or_many(outer.data.ok_or_else(|| RequestError::shape("data", "an array"))?)?;
            updates.into_iter().try_for_each(|raw| taking.put(status(Dialect::Baileys, raw, Stated::default())))
        }
        _ => taking.put(Found::Ignored(Ignored::OtherEvent)),
    }
}

fn upserted(envelope: &Envelope<'_>, path: &str, taking: &mut Taking<'_>) -> Result<(), RequestError> {
    let messages = envelope.messages.ok_or_else(|| RequestError::shape(path, "an array"))?;
    let messages = one_or_many(messages)?;
    // `append` is what was missed or written elsewhere: the past. Whoever does not say is taken at his word.
    if !matches!(envelope.kind_name().as_str(), "notify" | "") {
        return messages.into_iter().try_for_each(|_| taking.put(Found::Ignored(Ignored::History)));
    }
    messages.into_iter().try_for_each(|raw| taking.put(message(Dialect::Baileys, raw, Stated::default())))
}

/// A `WAMessage`, if there is anything in it for people.
pub(super) fn message(dialect: Dialect, raw: &RawValue, stated: Stated) -> Found {
    let read = || -> Result<Found, RefusalCode> {
        let event = cleaned(raw)?;
        let key = key_of(&event)?;
        if let Some(why) = key.ignored() {
            return Ok(Found::Ignored(why));
        }
        if content_of(&event).is_none() {
            return Ok(Found::Ignored(Ignored::NoContent));
        }
        let stated = Stated { number: stated.number.or_else(|| key.own_number()), ..stated };
        Ok(Found::from(Ok(Item {
            spoken: Spoken::Gateway(dialect),
            kind: Kind::Message,
            stated,
            contact: None,
            event,
        })))
    };
    read().unwrap_or_else(Found::Refused)
}

/// A change of a message, if it is of a message of ours and says what became of it.
pub(super) fn status(dialect: Dialect, raw: &RawValue, stated: Stated) -> Found {
    let read = || -> Result<Found, RefusalCode> {
        let event = cleaned(raw)?;
        let key = key_of(&event)?;
        if let Some(why) = key.ignored() {
            return Ok(Found::Ignored(why));
        }
        if !key.from_me {
            return Ok(Found::Ignored(Ignored::NotOurs));
        }
        match status_of(&event) {
            Ok(_) => {}
            Err(Some(why)) => return Ok(Found::Ignored(why)),
            // An edit, a star, a poll's votes.
            Err(None) => return Ok(Found::Ignored(Ignored::OtherEvent)),
        }
        Ok(Found::from(Ok(Item { spoken: Spoken::Gateway(dialect), kind: Kind::Status, stated, contact: None, event })))
    };
    read().unwrap_or_else(Found::Refused)
}

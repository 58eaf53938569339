//! From a message or status as Meta sent it to the normal form.

use serde_json::Value;

use super::content;
use crate::model::whatsapp::{Direction, Line, WhatsappNumber, Word};
use crate::providers::whatsapp::fields::{id, text, whole};
use crate::providers::whatsapp::normal::{Contact, Normal, Read, Talk, Trouble};
use crate::providers::whatsapp::reading::RefusalCode;
use crate::providers::whatsapp::stored::{Kind, Stored};
use crate::providers::whatsapp::time;

/// Most errors told of one status; Meta sends one.
const MOST_ERRORS: usize = 10;

pub(in crate::providers::whatsapp) fn read(stored: &Stored, line: &Line) -> Result<Read, RefusalCode> {
    match stored.kind {
        Kind::Message => message(&stored.event, stored.contact.as_ref(), line),
        Kind::Status => status(&stored.event, stored.contact.as_ref(), line),
    }
}

fn message(event: &Value, contact: Option<&Value>, line: &Line) -> Result<Read, RefusalCode> {
    let message_id = id(event, "/id").ok_or(RefusalCode::MissingId)?.to_owned();
    let at = event.get("timestamp").and_then(time::read).ok_or(RefusalCode::InvalidTimestamp)?;
    let talk = Talk {
        message_id: message_id.clone(),
        direction: Direction::In,
        group: id(event, "/group_id").map(str::to_owned),
        number: number(event, "/from").or_else(|| contact.and_then(|contact| number(contact, "/wa_id"))),
        contact: contact_of(contact, id(event, "/from_user_id")),
        at,
    };
    let normal = Normal::message(line, talk, content::read(event), event.clone()).ok_or(RefusalCode::MissingChat)?;
    Ok(Read { key: vec![message_id], at, normal })
}

fn status(event: &Value, contact: Option<&Value>, line: &Line) -> Result<Read, RefusalCode> {
    let message_id = id(event, "/id").ok_or(RefusalCode::MissingId)?.to_owned();
    let status = text(event, "/status").and_then(Word::read).ok_or(RefusalCode::MissingStatus)?.as_str().to_owned();
    let at = event.get("timestamp").and_then(time::read).ok_or(RefusalCode::InvalidTimestamp)?;
    let in_group = text(event, "/recipient_type") == Some("group");
    let recipient = if in_group { "/recipient_participant_id" } else { "/recipient_id" };
    let user_id = id(event, "/recipient_user_id");
    let to = id(event, "/recipient_id").or(user_id).unwrap_or_default();
    let participant = if in_group { id(event, recipient).unwrap_or_default() } else { "" };
    let key = [&message_id, &status, to, participant].map(str::to_owned).to_vec();
    let talk = Talk {
        message_id: message_id.clone(),
        direction: Direction::Out,
        group: if in_group { id(event, "/recipient_id").map(str::to_owned) } else { None },
        number: number(event, recipient),
        contact: contact_of(contact, user_id),
        at,
    };
    let errors = event.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let errors = errors.iter().take(MOST_ERRORS).map(trouble).collect();
    let normal = Normal::status(line, talk, status, errors, event.clone()).ok_or(RefusalCode::MissingChat)?;
    Ok(Read { key, at, normal })
}

fn number(value: &Value, pointer: &str) -> Option<WhatsappNumber> {
    text(value, pointer).and_then(|text| WhatsappNumber::parse(text).ok())
}

fn contact_of(contact: Option<&Value>, user_id: Option<&str>) -> Contact {
    let own = |pointer| contact.and_then(|contact| text(contact, pointer)).map(str::to_owned);
    Contact {
        name: own("/profile/name"),
        username: own("/profile/username"),
        user_id: user_id.or_else(|| contact.and_then(|contact| id(contact, "/user_id"))).map(str::to_owned),
    }
}

fn trouble(error: &Value) -> Trouble {
    let own = |pointer| text(error, pointer).map(str::to_owned);
    Trouble {
        code: error.get("code").and_then(whole),
        title: own("/title"),
        detail: own("/error_data/details").or_else(|| own("/message")),
    }
}

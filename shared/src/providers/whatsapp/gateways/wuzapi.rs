//! wuzapi: whatsmeow's events as Go writes them, in a form field or as JSON.

use std::borrow::Cow;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Dialect;
use super::envelope::{Envelope, cleaned};
use super::jid::Jid;
use super::status;
use super::wa_message::{MessageKey, status_read};
use crate::model::whatsapp::{Line, MessageType};
use crate::providers::batch::{BodyError, MAX_BODY_BYTES};
use crate::providers::whatsapp::fields::{id, is_id, is_true, text};
use crate::providers::whatsapp::incoming::{Found, Item, Taking};
use crate::providers::whatsapp::line::Stated;
use crate::providers::whatsapp::normal::{Content, Normal, Read};
use crate::providers::whatsapp::reading::{Ignored, RefusalCode, RequestError};
use crate::providers::whatsapp::stored::{Kind, Spoken, Stored};
use crate::providers::whatsapp::time;

/// The form field that holds the event. Beside it stands `token`, the user's key, which is not looked at.
const FIELD: &str = "jsonData";

pub(super) fn split(body: &[u8], taking: &mut Taking<'_>) -> Result<(), RequestError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(BodyError::BodyTooLarge.into());
    }
    let json = json_in(body)?;
    let outer = Envelope::of(&json)?;
    let event = || outer.event_itself().ok_or_else(|| RequestError::shape("event", "an object"));
    match outer.kind_name().as_str() {
        "Message" => taking.put(message(event()?).unwrap_or_else(Found::Refused)),
        "ReadReceipt" => receipts(event()?, outer.state().as_deref(), taking),
        "HistorySync" => taking.put(Found::Ignored(Ignored::History)),
        _ => taking.put(Found::Ignored(Ignored::OtherEvent)),
    }
}

/// The event's JSON: the body itself, or a field of the form that the body is.
fn json_in(body: &[u8]) -> Result<Cow<'_, [u8]>, RequestError> {
    if body.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{') {
        return Ok(Cow::Borrowed(body));
    }
    let field = url::form_urlencoded::parse(body).find(|(name, _)| name == FIELD);
    match field {
        Some((_, json)) => Ok(Cow::Owned(json.into_owned().into_bytes())),
        None => Err(RequestError::shape(FIELD, "a form field")),
    }
}

fn item(kind: Kind, stated: Stated, event: Value) -> Found {
    Found::from(Ok(Item { spoken: Spoken::Gateway(Dialect::Wuzapi), kind, stated, contact: None, event }))
}

fn message(raw: &RawValue) -> Result<Found, RefusalCode> {
    let event = cleaned(raw)?;
    let key = message_key(&event)?;
    if let Some(why) = key.ignored() {
        return Ok(Found::Ignored(why));
    }
    if content_of(&event).is_none() {
        return Ok(Found::Ignored(Ignored::NoContent));
    }
    // The sender of what is ours is our number.
    let own = key.participant.as_ref().filter(|_| key.from_me).and_then(Jid::number);
    let stated = Stated { number: own.cloned(), phone_number_id: None };
    Ok(item(Kind::Message, stated, event))
}

fn content_of(event: &Value) -> Option<Content> {
    super::content::read(event.get("Message")?)
}

fn message_key(event: &Value) -> Result<MessageKey, RefusalCode> {
    let info = event.get("Info").ok_or(RefusalCode::MissingId)?;
    let chat = Jid::of(info.get("Chat")).ok_or(RefusalCode::MissingChat)?;
    let from_me = is_true(info, "/IsFromMe");
    let other = match (&chat, from_me) {
        (Jid::Group(_), _) | (_, false) => "SenderAlt",
        (_, true) => "RecipientAlt",
    };
    Ok(MessageKey {
        from_me,
        participant: Jid::of(info.get("Sender")),
        id: id(info, "/ID").ok_or(RefusalCode::MissingId)?.to_owned(),
        other: Jid::of(info.get(other)),
        chat,
    })
}

/// One event for each message that the receipt is of.
fn receipts(raw: &RawValue, state: Option<&str>, taking: &mut Taking<'_>) -> Result<(), RequestError> {
    let event = match cleaned(raw) {
        Ok(event) => event,
        Err(code) => return taking.put(Found::Refused(code)),
    };
    let kind = match (state, event.get("Type").and_then(Value::as_str)) {
        (_, Some(kind)) => kind.to_owned(),
        (Some("Delivered") | None, None) => String::new(),
        (Some("ReadSelf"), None) => "read-self".to_owned(),
        (Some(state), None) => state.to_ascii_lowercase(),
    };
    let word = match status::of_receipt(&kind) {
        Ok(word) if !is_true(&event, "/IsFromMe") => word,
        Ok(_) => return taking.put(Found::Ignored(Ignored::NotOurs)),
        Err(why) => return taking.put(Found::Ignored(why.unwrap_or(Ignored::OtherEvent))),
    };
    if let Some(why) = Jid::of(event.get("Chat")).and_then(|chat| of_chat(chat).ignored()) {
        return taking.put(Found::Ignored(why));
    }
    for message_id in event.get("MessageIDs").and_then(Value::as_array).into_iter().flatten() {
        // What all of them share is kept with each, so it is an identifier or nothing.
        let kept = json!({
            "MessageID": message_id.as_str().filter(|text| is_id(text)), "Status": word,
            "Chat": id(&event, "/Chat"), "Sender": id(&event, "/Sender"), "SenderAlt": id(&event, "/SenderAlt"),
            "Timestamp": id(&event, "/Timestamp"),
        });
        taking.put(item(Kind::Status, Stated::default(), kept))?;
    }
    Ok(())
}

const fn of_chat(chat: Jid) -> MessageKey {
    MessageKey { chat, from_me: true, participant: None, id: String::new(), other: None }
}

pub(super) fn read(stored: &Stored, line: &Line) -> Result<Read, RefusalCode> {
    let event = &stored.event;
    match stored.kind {
        Kind::Message => {
            let key = message_key(event)?;
            let at = event.pointer("/Info/Timestamp").and_then(time::read).ok_or(RefusalCode::InvalidTimestamp)?;
            let content = content_of(event).unwrap_or_else(|| Content::of(MessageType::Unsupported));
            let talk = key.talk(text(event, "/Info/PushName").map(str::to_owned), at);
            let normal = Normal::message(line, talk, content, event.clone()).ok_or(RefusalCode::MissingChat)?;
            Ok(Read { key: key.parts(), at, normal })
        }
        Kind::Status => {
            let id = text(event, "/MessageID").filter(|id| is_id(id)).ok_or(RefusalCode::MissingId)?.to_owned();
            let status = text(event, "/Status").ok_or(RefusalCode::MissingStatus)?.to_owned();
            let chat = Jid::of(event.get("Chat")).ok_or(RefusalCode::MissingChat)?;
            let (participant, other) = (Jid::of(event.get("Sender")), Jid::of(event.get("SenderAlt")));
            let key = MessageKey { participant, id, other, ..of_chat(chat) };
            let at = event.get("Timestamp").and_then(time::read).unwrap_or(stored.came_at);
            status_read(stored, line, &key, status, at)
        }
    }
}

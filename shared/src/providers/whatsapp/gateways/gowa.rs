//! go-whatsapp-web-multidevice: a form of its own, flattened, with the name of the event saying what it is.

use serde_json::{Value, json};

use super::Dialect;
use super::envelope::{Envelope, cleaned};
use super::jid::{Jid, Person};
use super::status;
use super::wa_message::{MessageKey, status_read};
use crate::model::whatsapp::{Line, MessageType};
use crate::providers::whatsapp::fields::{first_text, id, is_id, is_true, text};
use crate::providers::whatsapp::incoming::{Found, Item, Taking};
use crate::providers::whatsapp::line::Stated;
use crate::providers::whatsapp::normal::{Content, Context, Location, Media, Normal, Read};
use crate::providers::whatsapp::reading::{Ignored, RefusalCode, RequestError};
use crate::providers::whatsapp::stored::{Kind, Spoken, Stored};
use crate::providers::whatsapp::time;

/// The members that are a file, and what it is.
const FILES: [(&str, MessageType); 6] = [
    ("image", MessageType::Image),
    ("video", MessageType::Video),
    ("video_note", MessageType::Video),
    ("audio", MessageType::Audio),
    ("document", MessageType::Document),
    ("sticker", MessageType::Sticker),
];

pub(super) fn split(body: &[u8], taking: &mut Taking<'_>) -> Result<(), RequestError> {
    let outer = Envelope::of(body)?;
    let name = outer.event_name();
    if !matches!(name.as_str(), "message" | "message.reaction" | "message.revoked" | "message.edited" | "message.ack") {
        return taking.put(Found::Ignored(Ignored::OtherEvent));
    }
    // Whose device it is. Where that is no number, the address alone has said whose.
    let own = outer.device_id().and_then(|device| Jid::parse(&device));
    let stated = Stated { number: own.as_ref().and_then(Jid::number).cloned(), phone_number_id: None };
    let payload = match cleaned(outer.payload.ok_or_else(|| RequestError::shape("payload", "an object"))?) {
        Ok(payload) => payload,
        Err(code) => return taking.put(Found::Refused(code)),
    };
    if name == "message.ack" {
        return receipts(&payload, outer.timestamp(), &stated, taking);
    }
    let event = json!({"event": name, "payload": payload});
    taking.put(message(event, stated).unwrap_or_else(Found::Refused))
}

fn item(kind: Kind, stated: Stated, event: Value) -> Found {
    Found::from(Ok(Item { spoken: Spoken::Gateway(Dialect::Gowa), kind, stated, contact: None, event }))
}

fn message(event: Value, stated: Stated) -> Result<Found, RefusalCode> {
    let key = message_key(&event)?;
    if let Some(why) = key.ignored() {
        return Ok(Found::Ignored(why));
    }
    if content_of(&event).is_none() {
        return Ok(Found::Ignored(Ignored::NoContent));
    }
    Ok(item(Kind::Message, stated, event))
}

/// `chat_id` of what comes in from a person may be the person's or the device's own; `from` is always the person.
fn message_key(event: &Value) -> Result<MessageKey, RefusalCode> {
    let payload = event.get("payload").ok_or(RefusalCode::MissingId)?;
    let id = id(payload, "/id").ok_or(RefusalCode::MissingId)?.to_owned();
    let from_me = is_true(payload, "/is_from_me");
    let (from, chat) = (Jid::of(payload.get("from")), Jid::of(payload.get("chat_id")));
    let chat = match (from_me, chat, &from) {
        (_, Some(chat @ (Jid::Group(_) | Jid::Broadcast(_) | Jid::Newsletter(_))), _) => Some(chat),
        (false, _, Some(from)) => Some(from.clone()),
        (_, chat, _) => chat,
    };
    let other = Jid::of(payload.get("from_lid")).filter(|_| !from_me);
    Ok(MessageKey { chat: chat.ok_or(RefusalCode::MissingChat)?, from_me, participant: from, id, other })
}

fn content_of(event: &Value) -> Option<Content> {
    let payload = event.get("payload")?;
    let said = || first_text(payload, &["/body"]).map(str::to_owned);
    let about = |pointer| Context::of_message(id(payload, pointer));
    match text(event, "/event")? {
        "message.reaction" => {
            let (text, context) = (text(payload, "/reaction").map(str::to_owned), Some(about("/reacted_message_id")?));
            return Some(Content { text, context, ..Content::of(MessageType::Reaction) });
        }
        "message.revoked" => {
            return Some(Content { context: Some(about("/revoked_message_id")?), ..Content::of(MessageType::Revoke) });
        }
        "message.edited" => {
            let context = Some(about("/original_message_id")?);
            return Some(Content { text: said(), context, ..Content::of(MessageType::Edit) });
        }
        _ => {}
    }
    let present = |name: &str| payload.get(name).filter(|value| !value.is_null());
    let context = Context {
        message_id: id(payload, "/replied_to_id").map(str::to_owned),
        from: None,
        forwarded: is_true(payload, "/forwarded"),
    };
    let mut read = Content { text: said(), context: context.said(), ..Content::of(MessageType::Text) };
    if let Some((kind, file)) = FILES.iter().find_map(|(name, kind)| Some((kind, present(name)?))) {
        read.message_type = kind.clone();
        read.text = read.text.or_else(|| text(file, "/caption").map(str::to_owned));
        read.media = Some(media(file));
    } else if let Some(place) = present("location").or_else(|| present("live_location")) {
        let own = |pointer| text(place, pointer).map(str::to_owned);
        read.message_type = MessageType::Location;
        read.location = Location::at(place.get("degreesLatitude"), place.get("degreesLongitude")).map(|at| Location {
            name: own("/name"),
            address: own("/address"),
            ..at
        });
    } else if present("contact").or_else(|| present("contacts_array")).is_some() {
        read.message_type = MessageType::Contacts;
    } else if let Some((name, _)) = ["list", "order", "poll"].iter().find_map(|name| Some((name, present(name)?))) {
        read.message_type = MessageType::read(name);
    } else if read.text.is_none() {
        return None;
    }
    Some(read)
}

/// A file: its path at the gateway, or an object that says more.
fn media(file: &Value) -> Media {
    let own = |pointer| text(file, pointer).map(str::to_owned);
    let path = file.as_str().map(str::to_owned).or_else(|| own("/path"));
    Media { url: own("/url"), path, mime_type: own("/mime_type"), filename: own("/filename"), ..Media::default() }
}

/// One event for each message that the receipt is of.
fn receipts(
    payload: &Value,
    timestamp: Option<String>,
    stated: &Stated,
    taking: &mut Taking<'_>,
) -> Result<(), RequestError> {
    let word = match status::of_receipt(text(payload, "/receipt_type").unwrap_or_default()) {
        Ok(word) => word,
        Err(why) => return taking.put(Found::Ignored(why.unwrap_or(Ignored::OtherEvent))),
    };
    for message_id in payload.get("ids").and_then(Value::as_array).into_iter().flatten() {
        // What all of them share is kept with each, so it is an identifier or nothing.
        let kept = json!({
            "id": message_id.as_str().filter(|text| is_id(text)), "status": word, "timestamp": timestamp,
            "chat_id": id(payload, "/chat_id"), "from": id(payload, "/from"), "from_lid": id(payload, "/from_lid"),
        });
        taking.put(item(Kind::Status, stated.clone(), kept))?;
    }
    Ok(())
}

pub(super) fn read(stored: &Stored, line: &Line) -> Result<Read, RefusalCode> {
    let event = &stored.event;
    match stored.kind {
        Kind::Message => {
            let key = message_key(event)?;
            let at = event.pointer("/payload/timestamp").and_then(time::read).ok_or(RefusalCode::InvalidTimestamp)?;
            let content = content_of(event).unwrap_or_else(|| Content::of(MessageType::Unsupported));
            let talk = key.talk(text(event, "/payload/from_name").map(str::to_owned), at);
            let normal = Normal::message(line, talk, content, event.clone()).ok_or(RefusalCode::MissingChat)?;
            Ok(Read { key: key.parts(), at, normal })
        }
        Kind::Status => {
            let id = text(event, "/id").filter(|id| is_id(id)).ok_or(RefusalCode::MissingId)?.to_owned();
            let status = text(event, "/status").ok_or(RefusalCode::MissingStatus)?.to_owned();
            let (from, chat) = (Jid::of(event.get("from")), Jid::of(event.get("chat_id")));
            // Whoever acknowledges is at the other end, whatever the chat is called.
            let chat = match (chat, &from) {
                (Some(group @ Jid::Group(_)), _) => Some(group),
                (chat, from) => from.clone().filter(|from| Person::of(from, None).text().is_some()).or(chat),
            };
            let chat = chat.ok_or(RefusalCode::MissingChat)?;
            let key = MessageKey { chat, from_me: true, participant: from, id, other: Jid::of(event.get("from_lid")) };
            let at = event.get("timestamp").and_then(time::read).unwrap_or(stored.came_at);
            status_read(stored, line, &key, status, at)
        }
    }
}

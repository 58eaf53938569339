//! WPPConnect server: the event's name among the members of the message itself, addresses as WhatsApp Web writes them.

use serde_json::Value;
use serde_json::value::RawValue;

use super::Dialect;
use super::envelope::{Envelope, cleaned};
use super::jid::{Jid, Person};
use super::status;
use super::wa_message::{MessageKey, status_read};
use crate::model::whatsapp::{Line, MessageType};
use crate::providers::batch::BodyError;
use crate::providers::whatsapp::fields::{first_text, id, is_id, is_true, text, whole};
use crate::providers::whatsapp::incoming::{Found, Item, Taking};
use crate::providers::whatsapp::line::Stated;
use crate::providers::whatsapp::normal::{Choice, Content, Context, Location, Media, Normal, Read};
use crate::providers::whatsapp::reading::{Ignored, RefusalCode, RequestError};
use crate::providers::whatsapp::stored::{Kind, Spoken, Stored};
use crate::providers::whatsapp::time;

pub(super) fn split(body: &[u8], taking: &mut Taking<'_>) -> Result<(), RequestError> {
    let kind = match Envelope::of(body)?.event_name().as_str() {
        "onmessage" | "onselfmessage" | "onreactionmessage" | "onrevokedmessage" => Kind::Message,
        "onack" => Kind::Status,
        _ => return taking.put(Found::Ignored(Ignored::OtherEvent)),
    };
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let whole: &RawValue = serde_json::from_slice(body).map_err(|_| BodyError::InvalidJson)?;
    taking.put(found(kind, whole).unwrap_or_else(Found::Refused))
}

fn found(kind: Kind, raw: &RawValue) -> Result<Found, RefusalCode> {
    let mut event = cleaned(raw)?;
    let key = key_of(&event)?;
    if let Some(why) = key.ignored() {
        return Ok(Found::Ignored(why));
    }
    match kind {
        Kind::Message => {
            let Some(content) = content_of(&event) else { return Ok(Found::Ignored(Ignored::NoContent)) };
            if is_file_or_place(&content.message_type)
                && let Some(members) = event.as_object_mut()
            {
                // The file itself, or a picture of it.
                members.remove("body");
                members.remove("content");
            }
        }
        Kind::Status if !key.from_me => return Ok(Found::Ignored(Ignored::NotOurs)),
        Kind::Status => {
            if let Err(why) = event.get("ack").map_or(Err(None), status::of_ack) {
                return Ok(Found::Ignored(why.unwrap_or(Ignored::OtherEvent)));
            }
        }
    }
    let own = Jid::of(event.get(if key.from_me { "from" } else { "to" }));
    let stated = Stated { number: own.as_ref().and_then(Jid::number).cloned(), phone_number_id: None };
    Ok(Found::from(Ok(Item { spoken: Spoken::Gateway(Dialect::Wppconnect), kind, stated, contact: None, event })))
}

/// `false_5511900000001@c.us_3EB0…[_author]`, the same as an object, or the last part alone.
fn key_of(event: &Value) -> Result<MessageKey, RefusalCode> {
    let given = event.get("id").ok_or(RefusalCode::MissingId)?;
    let serialized = given.as_str().or_else(|| text(given, "/_serialized")).unwrap_or_default();
    let mut parts = serialized.splitn(4, '_');
    let (from_me, remote, message, author) = match (parts.next(), parts.next(), parts.next()) {
        (Some(from_me @ ("true" | "false")), Some(remote), Some(message)) => {
            (Some(from_me == "true"), Jid::parse(remote), Some(message), parts.next().and_then(Jid::parse))
        }
        _ => (None, None, given.as_str().or_else(|| text(given, "/id")), None),
    };
    let id = message.filter(|id| is_id(id)).ok_or(RefusalCode::MissingId)?.to_owned();
    let is_own = text(event, "/event").is_some_and(|name| name.eq_ignore_ascii_case("onselfmessage"));
    let from_me = from_me.unwrap_or(is_own) || is_true(event, "/fromMe") || is_true(given, "/fromMe");
    let peer = if from_me { "to" } else { "from" };
    let chat = remote
        .or_else(|| Jid::of(given.get("remote")))
        .or_else(|| Jid::of(event.get("chatId")))
        .or_else(|| Jid::of(event.get(peer)))
        .ok_or(RefusalCode::MissingChat)?;
    let participant = Jid::of(event.get("author")).or(author).or_else(|| Jid::of(given.get("participant")));
    Ok(MessageKey { chat, from_me, participant, id, other: None })
}

fn content_of(event: &Value) -> Option<Content> {
    let name = text(event, "/event").unwrap_or_default().to_ascii_lowercase();
    let context_of = |pointers: &[&str]| {
        let theirs = pointers.iter().find_map(|pointer| text(event, pointer))?;
        Context::of_message(message_id_in(theirs))
    };
    match name.as_str() {
        "onreactionmessage" => {
            let context = Some(context_of(&["/msgId/_serialized", "/msgId", "/reactionParentKey/_serialized"])?);
            let text = first_text(event, &["/reactionText"]).map(str::to_owned);
            return Some(Content { text, context, ..Content::of(MessageType::Reaction) });
        }
        "onrevokedmessage" => {
            let context = Some(context_of(&["/refId/_serialized", "/refId"])?);
            return Some(Content { context, ..Content::of(MessageType::Revoke) });
        }
        _ => {}
    }
    let message_type = type_of(text(event, "/type")?)?;
    let first = |pointers: &[&str]| first_text(event, pointers).map(str::to_owned);
    let context = Context {
        message_id: first_text(event, &["/quotedStanzaID", "/quotedMsgId/_serialized", "/quotedMsgId"])
            .and_then(message_id_in)
            .map(str::to_owned),
        from: Jid::of(event.get("quotedParticipant")).and_then(|jid| Person::of(&jid, None).text()),
        forwarded: is_true(event, "/isForwarded"),
    };
    let mut read = Content { context: context.said(), ..Content::of(message_type) };
    match &read.message_type {
        MessageType::Text => read.text = Some(first(&["/body", "/content"])?),
        MessageType::Image | MessageType::Video | MessageType::Audio | MessageType::Document | MessageType::Sticker => {
            read.text = first(&["/caption"]);
            read.media = Some(media(event));
        }
        MessageType::Location => {
            let name = first(&["/loc"]);
            read.location =
                Location::at(event.get("lat"), event.get("lng")).map(|location| Location { name, ..location });
        }
        MessageType::Button | MessageType::Interactive => {
            let title = first(&["/body", "/content"]);
            let chosen = ["/selectedButtonId", "/selectedId", "/listResponse/singleSelectReply/selectedRowId"];
            let chosen = chosen.iter().find_map(|pointer| id(event, pointer)).map(str::to_owned);
            read.choice = (chosen.is_some() || title.is_some()).then(|| Choice { id: chosen, title: title.clone() });
            read.text = title;
        }
        MessageType::Poll => read.text = first(&["/pollName"]),
        _ => {}
    }
    Some(read)
}

/// What WhatsApp Web calls it; nothing for what WhatsApp put in itself.
fn type_of(theirs: &str) -> Option<MessageType> {
    Some(match theirs {
        "chat" => MessageType::Text,
        "ptt" | "audio" => MessageType::Audio,
        "video" | "ptv" => MessageType::Video,
        "vcard" | "multi_vcard" => MessageType::Contacts,
        "template_button_reply" => MessageType::Button,
        "buttons_response" | "list_response" | "interactive_response" => MessageType::Interactive,
        "poll_creation" => MessageType::Poll,
        "revoked" => MessageType::Revoke,
        "e2e_notification"
        | "notification"
        | "notification_template"
        | "gp2"
        | "ciphertext"
        | "protocol"
        | "call_log"
        | "newsletter_notification"
        | "broadcast_notification" => return None,
        other => MessageType::read(other),
    })
}

const fn is_file_or_place(message_type: &MessageType) -> bool {
    matches!(
        message_type,
        MessageType::Image
            | MessageType::Video
            | MessageType::Audio
            | MessageType::Document
            | MessageType::Sticker
            | MessageType::Location
    )
}

fn message_id_in(serialized: &str) -> Option<&str> {
    let mut parts = serialized.splitn(4, '_');
    let id = match (parts.next(), parts.next(), parts.next()) {
        (Some("true" | "false"), Some(_), Some(id)) => id,
        _ => serialized,
    };
    is_id(id).then_some(id)
}

fn media(event: &Value) -> Media {
    let first = |pointers: &[&str]| first_text(event, pointers).map(str::to_owned);
    Media {
        id: None,
        url: first(&["/fileUrl", "/clientUrl", "/deprecatedMms3Url"]),
        path: None,
        mime_type: first(&["/mimetype"]),
        filename: first(&["/filename"]),
        sha256: first(&["/filehash"]),
        size: event.get("size").and_then(whole).and_then(|size| u64::try_from(size).ok()),
        voice: text(event, "/type") == Some("ptt"),
    }
}

pub(super) fn read(stored: &Stored, line: &Line) -> Result<Read, RefusalCode> {
    let event = &stored.event;
    let key = key_of(event)?;
    let said = event.get("t").and_then(time::read).or_else(|| event.get("timestamp").and_then(time::read));
    match stored.kind {
        Kind::Message => {
            let at = said.ok_or(RefusalCode::InvalidTimestamp)?;
            let name = first_text(event, &["/notifyName", "/sender/pushname"]).map(str::to_owned);
            let content = content_of(event).unwrap_or_else(|| Content::of(MessageType::Unsupported));
            let normal = Normal::message(line, key.talk(name, at), content, event.clone());
            Ok(Read { key: key.parts(), at, normal: normal.ok_or(RefusalCode::MissingChat)? })
        }
        Kind::Status => {
            let status = event.get("ack").map_or(Err(None), status::of_ack).map_err(|_| RefusalCode::MissingStatus)?;
            // `t` is when the message was sent, and not when this became of it.
            status_read(stored, line, &key, status, stored.came_at)
        }
    }
}

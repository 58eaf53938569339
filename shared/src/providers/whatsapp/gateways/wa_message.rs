//! Baileys' `WAMessage`, which Evolution API sends as well: its key, and what stands around the content.

use serde_json::Value;

use super::content;
use super::jid::{Jid, Person};
use super::status;
use crate::model::whatsapp::{Direction, Line, MessageType, WhatsappNumber};
use crate::providers::whatsapp::fields::{id, is_true, text};
use crate::providers::whatsapp::normal::{Contact, Content, Normal, Read, Talk};
use crate::providers::whatsapp::reading::{Ignored, RefusalCode};
use crate::providers::whatsapp::stored::{Kind, Stored};
use crate::providers::whatsapp::time;

/// Which message it is. Its id alone is not enough: another chat may have the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MessageKey {
    pub(super) chat: Jid,
    pub(super) from_me: bool,
    /// Who wrote it, in a group.
    pub(super) participant: Option<Jid>,
    pub(super) id: String,
    /// The other address of whoever is at the other end.
    pub(super) other: Option<Jid>,
}

impl MessageKey {
    /// With whom, for a tenant.
    pub(super) fn talk(&self, name: Option<String>, at: jiff::Timestamp) -> Talk {
        let (group, person) = match (&self.chat, &self.participant) {
            (Jid::Group(group), Some(participant)) => {
                (Some(group.clone()), Person::of(participant, self.other.as_ref()))
            }
            (Jid::Group(group), None) => (Some(group.clone()), Person::default()),
            (chat, _) => (None, Person::of(chat, self.other.as_ref())),
        };
        let Person { number, user_id } = match (&group, self.from_me) {
            // What we write to a group has no one at the other end.
            (Some(_), true) => Person::default(),
            _ => person,
        };
        let direction = if self.from_me { Direction::Out } else { Direction::In };
        let name = name.filter(|_| direction == Direction::In);
        let contact = Contact { name, username: None, user_id };
        Talk { message_id: self.id.clone(), direction, group, number, contact, at }
    }

    /// The dedupe key.
    pub(super) fn parts(&self) -> Vec<String> {
        let participant = self.participant.as_ref().filter(|_| matches!(self.chat, Jid::Group(_)));
        vec![
            self.chat.canonical(),
            self.from_me.to_string(),
            participant.map(Jid::canonical).unwrap_or_default(),
            self.id.clone(),
        ]
    }

    /// Our own number, where the key says it. Outside of groups a participant may be either side.
    pub(super) fn own_number(&self) -> Option<WhatsappNumber> {
        let is_ours = self.from_me && matches!(self.chat, Jid::Group(_));
        self.participant.as_ref().filter(|_| is_ours).and_then(Jid::number).cloned()
    }

    /// Why nothing in this chat is taken.
    pub(super) const fn ignored(&self) -> Option<Ignored> {
        match self.chat {
            Jid::Broadcast(_) => Some(Ignored::Broadcast),
            Jid::Newsletter(_) => Some(Ignored::Newsletter),
            Jid::User(_) | Jid::Lid(_) | Jid::Group(_) | Jid::Other(_) => None,
        }
    }
}

/// A `WAMessage`'s key: under `key`, or spread over the event as Evolution's statuses have it.
pub(super) fn key_of(event: &Value) -> Result<MessageKey, RefusalCode> {
    let key = event.get("key").filter(|key| key.is_object()).unwrap_or(event);
    let id = ["/id", "/keyId"].iter().find_map(|pointer| id(key, pointer)).ok_or(RefusalCode::MissingId)?;
    let chat = Jid::of(key.get("remoteJid")).ok_or(RefusalCode::MissingChat)?;
    let participant = Jid::of(key.get("participant")).or_else(|| Jid::of(event.get("participant")));
    let others: &[&str] = match chat {
        Jid::Group(_) => &["participantAlt", "participantPn", "participantLid"],
        _ => &["remoteJidAlt", "senderPn", "senderLid"],
    };
    let other = others.iter().find_map(|name| Jid::of(key.get(*name)));
    Ok(MessageKey { chat, from_me: is_true(key, "/fromMe"), participant, id: id.to_owned(), other })
}

/// The content, if there is any; a message that WhatsApp itself put in, and one that waits for its key, have none.
pub(super) fn content_of(event: &Value) -> Option<Content> {
    let mut content = content::read(event.get("message")?)?;
    if content.context.is_none() && content.message_type != MessageType::Reaction {
        content.context = content::context(event.get("contextInfo"));
    }
    Some(content)
}

/// The status in an event, in the normal form's word.
pub(super) fn status_of(event: &Value) -> Result<String, Option<Ignored>> {
    let said = event.pointer("/update/status").or_else(|| event.get("status"));
    said.map_or(Err(None), status::of_proto)
}

pub(super) fn read(stored: &Stored, line: &Line) -> Result<Read, RefusalCode> {
    let event = &stored.event;
    let key = key_of(event)?;
    match stored.kind {
        Kind::Message => {
            let at = event.get("messageTimestamp").and_then(time::read).ok_or(RefusalCode::InvalidTimestamp)?;
            let content = content_of(event).unwrap_or_else(|| Content::of(MessageType::Unsupported));
            let talk = key.talk(text(event, "/pushName").map(str::to_owned), at);
            let normal = Normal::message(line, talk, content, event.clone()).ok_or(RefusalCode::MissingChat)?;
            Ok(Read { key: key.parts(), at, normal })
        }
        Kind::Status => {
            let status = status_of(event).map_err(|_| RefusalCode::MissingStatus)?;
            let at = event.get("messageTimestamp").and_then(time::read).unwrap_or(stored.came_at);
            status_read(stored, line, &key, status, at)
        }
    }
}

/// A status of a message of ours. In a group each member has one.
pub(super) fn status_read(
    stored: &Stored,
    line: &Line,
    key: &MessageKey,
    status: String,
    at: jiff::Timestamp,
) -> Result<Read, RefusalCode> {
    // At the other end is whoever it was sent to, as if they had written it.
    let mut talk = MessageKey { from_me: false, ..key.clone() }.talk(None, at);
    talk.direction = Direction::Out;
    let mut parts = key.parts();
    parts.push(status.clone());
    let normal =
        Normal::status(line, talk, status, Vec::new(), stored.event.clone()).ok_or(RefusalCode::MissingChat)?;
    Ok(Read { key: parts, at, normal })
}

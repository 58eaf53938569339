//! What a message of WhatsApp's own form (WAProto's `Message`, as JSON) says. Which of its members is the content has to
//! be found out: some wrap others, and some are not for people.

use serde_json::{Map, Value};

use super::jid::{Jid, Person};
use crate::model::whatsapp::MessageType;
use crate::providers::whatsapp::fields::{first_text, id, is_true, text, whole};
use crate::providers::whatsapp::normal::{Choice, Content, Context, Location, Media};

/// Most wrappers around one content, an edit's own included; more are nobody's.
const MOST_WRAPPERS: usize = 8;
/// Members that hold the message one level deeper.
const WRAPPERS: [&str; 13] = [
    "associatedChildMessage",
    "botInvokeMessage",
    "deviceSentMessage",
    "documentWithCaptionMessage",
    "editedMessage",
    "ephemeralMessage",
    "groupMentionedMessage",
    "groupStatusMentionMessage",
    "lottieStickerMessage",
    "statusMentionMessage",
    "viewOnceMessage",
    "viewOnceMessageV2",
    "viewOnceMessageV2Extension",
];
/// Members that devices need, and people do not.
const NO_CONTENT: [&str; 8] = [
    "encReactionMessage",
    "fastRatchetKeySenderKeyDistributionMessage",
    "keepInChatMessage",
    "messageContextInfo",
    "messageHistoryBundle",
    "senderKeyDistributionMessage",
    "stickerSyncRmrMessage",
    "placeholderMessage",
];

/// What a message says; nothing where it says nothing to people.
pub(super) fn read(message: &Value) -> Option<Content> {
    unwrap(message, MOST_WRAPPERS)
}

fn unwrap(message: &Value, wrappers_left: usize) -> Option<Content> {
    let members = message.as_object()?;
    let inner = WRAPPERS.iter().find_map(|name| members.get(*name)?.get("message").filter(|inner| inner.is_object()));
    if let Some(inner) = inner {
        return unwrap(inner, wrappers_left.checked_sub(1)?);
    }
    let (name, content) = member(members)?;
    let mut read = match (name, content) {
        ("conversation", Value::String(said)) => {
            Content { text: Some(said.clone()).filter(|said| !said.is_empty()), ..Content::of(MessageType::Text) }
        }
        ("protocolMessage", _) => return protocol(content, wrappers_left),
        _ => of_member(name, content),
    };
    if let (Some(media), Some(url)) = (&mut read.media, text(message, "/mediaUrl")) {
        // Where a gateway has put the decrypted file; the other address is of no use without the media's key.
        media.url = Some(url.to_owned());
    }
    Some(read)
}

/// The member that is the content: a known one before one that only looks like it.
fn member(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let sane = |(name, value): &(&String, &Value)| {
        !NO_CONTENT.contains(&name.as_str())
            && (value.is_object() || name.as_str() == "conversation" && value.is_string())
    };
    let known = |name: &str| name == "conversation" || name == "protocolMessage" || type_of(name).is_some();
    let mut candidates = members.iter().filter(sane).map(|(name, value)| (name.as_str(), value));
    let first = candidates.clone().find(|(name, _)| known(name) && *name != "protocolMessage");
    first
        .or_else(|| candidates.clone().find(|(name, _)| known(name)))
        .or_else(|| candidates.find(|(name, _)| name.ends_with("Message")))
}

fn type_of(name: &str) -> Option<MessageType> {
    Some(match name {
        "conversation" | "extendedTextMessage" => MessageType::Text,
        "imageMessage" => MessageType::Image,
        "videoMessage" | "ptvMessage" => MessageType::Video,
        "audioMessage" => MessageType::Audio,
        "documentMessage" => MessageType::Document,
        "stickerMessage" => MessageType::Sticker,
        "locationMessage" | "liveLocationMessage" => MessageType::Location,
        "contactMessage" | "contactsArrayMessage" => MessageType::Contacts,
        "reactionMessage" => MessageType::Reaction,
        "templateButtonReplyMessage" => MessageType::Button,
        "buttonsResponseMessage" | "listResponseMessage" | "interactiveResponseMessage" => MessageType::Interactive,
        "orderMessage" => MessageType::Order,
        "pollCreationMessage" | "pollCreationMessageV2" | "pollCreationMessageV3" => MessageType::Poll,
        "pollUpdateMessage" => MessageType::PollVote,
        _ => return None,
    })
}

fn of_member(name: &str, content: &Value) -> Content {
    let message_type = type_of(name).unwrap_or_else(|| MessageType::read(name.strip_suffix("Message").unwrap_or(name)));
    let mut read = Content { context: context(content.get("contextInfo")), ..Content::of(message_type) };
    let first = |pointers: &[&str]| first_text(content, pointers).map(str::to_owned);
    match &read.message_type {
        MessageType::Image | MessageType::Video | MessageType::Audio | MessageType::Document | MessageType::Sticker => {
            read.media = Some(media(content));
            read.text = first(&["/caption"]);
        }
        MessageType::Location => read.location = location(content),
        MessageType::Reaction => {
            // Without an emoji it was taken back.
            read.text = first(&["/text"]);
            read.context = of_key(content.get("key"));
        }
        MessageType::PollVote => read.context = of_key(content.get("pollCreationMessageKey")),
        MessageType::Button | MessageType::Interactive => {
            let title = first(&["/selectedDisplayText", "/title", "/body/text"]);
            let chosen = [
                "/selectedId",
                "/selectedButtonId",
                "/singleSelectReply/selectedRowId",
                "/nativeFlowResponseMessage/name",
            ];
            let chosen = chosen.iter().find_map(|pointer| id(content, pointer)).map(str::to_owned);
            read.choice = (chosen.is_some() || title.is_some()).then(|| Choice { id: chosen, title: title.clone() });
            read.text = title;
        }
        MessageType::Text => read.text = first(&["/text"]),
        MessageType::Poll => read.text = first(&["/name"]),
        MessageType::Order => read.text = first(&["/message"]),
        MessageType::Contacts
        | MessageType::Edit
        | MessageType::Revoke
        | MessageType::System
        | MessageType::Unsupported
        | MessageType::Other(_) => {}
    }
    read
}

/// What one device tells another. Only what was changed or taken back is for people.
fn protocol(content: &Value, wrappers_left: usize) -> Option<Content> {
    let is = |number: i64, name: &str| {
        let kind = content.get("type");
        kind.and_then(whole) == Some(number) || kind.and_then(Value::as_str) == Some(name)
    };
    let context = of_key(content.get("key"));
    if is(0, "REVOKE") {
        return Some(Content { context: Some(context?), ..Content::of(MessageType::Revoke) });
    }
    if is(14, "MESSAGE_EDIT") {
        let now = unwrap(content.get("editedMessage")?, wrappers_left.checked_sub(1)?)?;
        return Some(Content { message_type: MessageType::Edit, context: Some(context?), ..now });
    }
    None
}

fn of_key(key: Option<&Value>) -> Option<Context> {
    let key = key?;
    let message_id = id(key, "/id").or_else(|| id(key, "/ID"));
    Context::of_message(Some(message_id?))
}

pub(super) fn context(info: Option<&Value>) -> Option<Context> {
    let info = info?;
    // Go writes `stanzaID`, JavaScript `stanzaId`.
    let message_id = id(info, "/stanzaId").or_else(|| id(info, "/stanzaID")).map(str::to_owned);
    let from = message_id.as_ref().and_then(|_| Jid::of(info.get("participant")));
    Context {
        message_id,
        from: from.and_then(|jid| Person::of(&jid, None).text()),
        forwarded: is_true(info, "/isForwarded"),
    }
    .said()
}

fn media(content: &Value) -> Media {
    let first = |pointers: &[&str]| first_text(content, pointers).map(str::to_owned);
    let size = content.get("fileLength").and_then(whole).and_then(|size| u64::try_from(size).ok());
    Media {
        id: None,
        url: first(&["/url", "/URL"]),
        path: None,
        mime_type: first(&["/mimetype"]),
        filename: first(&["/fileName", "/title"]),
        sha256: first(&["/fileSha256", "/fileSHA256"]),
        size,
        voice: is_true(content, "/ptt") || is_true(content, "/PTT"),
    }
}

fn location(content: &Value) -> Option<Location> {
    let at = Location::at(content.get("degreesLatitude"), content.get("degreesLongitude"))?;
    let own = |pointer| text(content, pointer).map(str::to_owned);
    Some(Location { name: own("/name"), address: own("/address"), ..at })
}

#[cfg(test)]
#[path = "content_tests.rs"]
mod tests;

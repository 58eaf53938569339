//! What a message of the Cloud API says, by its type.

use serde_json::Value;

use crate::model::whatsapp::MessageType;
use crate::providers::whatsapp::fields::{first_text, id, is_true, text};
use crate::providers::whatsapp::normal::{Choice, Content, Context, Location, Media};

/// Every type is carried, the unknown ones too: as their word, with all of it in `raw`.
pub(super) fn read(message: &Value) -> Content {
    let message_type = text(message, "/type").map_or(MessageType::Unsupported, MessageType::read);
    let mut content = Content { context: context(message), ..Content::of(message_type) };
    let own = |pointer| text(message, pointer).map(str::to_owned);
    match &content.message_type {
        MessageType::Text => content.text = own("/text/body"),
        MessageType::System => content.text = own("/system/body"),
        MessageType::Order => content.text = own("/order/text"),
        kind @ (MessageType::Image
        | MessageType::Video
        | MessageType::Audio
        | MessageType::Document
        | MessageType::Sticker) => {
            let name = kind.as_str().to_owned();
            content.media = message.get(&name).map(media);
            content.text = own(&format!("/{name}/caption"));
        }
        MessageType::Location => content.location = location(message),
        MessageType::Reaction => {
            // Without an emoji it was taken back.
            content.text = own("/reaction/emoji");
            content.context = Context::of_message(id(message, "/reaction/message_id"));
        }
        MessageType::Button => {
            content.text = own("/button/text");
            content.choice = choice(id(message, "/button/payload"), text(message, "/button/text"));
        }
        MessageType::Interactive => {
            let title = first_text(
                message,
                &["/interactive/button_reply/title", "/interactive/list_reply/title", "/interactive/nfm_reply/body"],
            );
            let chosen = first_text(
                message,
                &["/interactive/button_reply/id", "/interactive/list_reply/id", "/interactive/nfm_reply/name"],
            );
            content.text = title.map(str::to_owned);
            content.choice = choice(chosen, title);
        }
        MessageType::Edit => {
            content.text = first_text(
                message,
                &["/edit/message/text/body", "/edit/message/image/caption", "/edit/message/video/caption"],
            )
            .map(str::to_owned);
            content.context = Context::of_message(id(message, "/edit/original_message_id"));
        }
        MessageType::Revoke => content.context = Context::of_message(id(message, "/revoke/original_message_id")),
        // A contact's name is not something that was said, and nothing is known of the others.
        MessageType::Contacts
        | MessageType::Poll
        | MessageType::PollVote
        | MessageType::Unsupported
        | MessageType::Other(_) => {}
    }
    content
}

fn media(media: &Value) -> Media {
    let own = |pointer| text(media, pointer).map(str::to_owned);
    Media {
        id: id(media, "/id").map(str::to_owned),
        url: own("/url"),
        path: None,
        mime_type: own("/mime_type"),
        filename: own("/filename"),
        sha256: own("/sha256"),
        size: None,
        voice: is_true(media, "/voice"),
    }
}

fn location(message: &Value) -> Option<Location> {
    let place = message.get("location")?;
    let at = Location::at(place.get("latitude"), place.get("longitude"))?;
    let own = |pointer| text(place, pointer).map(str::to_owned);
    Some(Location { name: own("/name"), address: own("/address"), ..at })
}

fn choice(id: Option<&str>, title: Option<&str>) -> Option<Choice> {
    let choice = Choice { id: id.map(str::to_owned), title: title.map(str::to_owned) };
    (choice.id.is_some() || choice.title.is_some()).then_some(choice)
}

fn context(message: &Value) -> Option<Context> {
    Context {
        message_id: id(message, "/context/id").map(str::to_owned),
        from: text(message, "/context/from").map(str::to_owned),
        forwarded: is_true(message, "/context/forwarded") || is_true(message, "/context/frequently_forwarded"),
    }
    .said()
}

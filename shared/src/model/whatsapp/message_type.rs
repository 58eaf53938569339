//! What kinds of messages there are, and which way they go.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::model::schema::text_like;

/// Longest word that a provider's own name is taken for.
const LONGEST_WORD: usize = 64;

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the connection's number.
    In,
    /// From it, by whatever device.
    Out,
}

impl Direction {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// A provider's own word for something, in lower case with underscores.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(String);

impl Word {
    /// Reads a word as a provider writes it: `request_welcome`, `pollUpdate`, `DELIVERY_ACK`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let sane = (1..=LONGEST_WORD).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
            && text.bytes().any(|b| b.is_ascii_alphanumeric());
        if !sane {
            return None;
        }
        let mut word = String::with_capacity(text.len() + 4);
        let mut after_lower = false;
        for c in text.chars() {
            if c.is_ascii_uppercase() && after_lower {
                word.push('_');
            }
            after_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
            word.push(if c == '-' { '_' } else { c.to_ascii_lowercase() });
        }
        Some(Self(word))
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! message_types {
    ($($variant:ident $name:literal $doc:literal,)+) => {
        /// What a message is, whichever way it came. The set is open: WhatsApp adds kinds, and a message of a kind not
        /// known here is carried under its provider's word for it.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum MessageType {
            $(#[doc = $doc] $variant,)+
            /// Not known here.
            Other(Word),
        }

        impl MessageType {
            /// Every kind that is known here.
            pub const KNOWN: &[Self] = &[$(Self::$variant,)+];

            /// The name on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Other(word) => word.as_str(),
                }
            }

            fn of_word(word: Word) -> Self {
                match word.as_str() {
                    $($name => Self::$variant,)+
                    _ => Self::Other(word),
                }
            }
        }
    };
}

message_types! {
    Text "text" "Text.",
    Image "image" "A picture.",
    Video "video" "A film.",
    Audio "audio" "Sound, a voice message too.",
    Document "document" "A file.",
    Sticker "sticker" "A sticker.",
    Location "location" "A place.",
    Contacts "contacts" "One or more contact cards.",
    Reaction "reaction" "A reaction to another message, or that it was taken back.",
    Button "button" "A button of a template was pressed.",
    Interactive "interactive" "A choice was made, in buttons, a list or a form.",
    Order "order" "An order from a catalogue.",
    Poll "poll" "A poll.",
    PollVote "poll_vote" "A vote in a poll; what was voted for is encrypted.",
    Edit "edit" "Another message was changed.",
    Revoke "revoke" "Another message was taken back.",
    System "system" "WhatsApp itself tells of something: a changed number.",
    Unsupported "unsupported" "Something that the provider cannot pass on.",
}

impl MessageType {
    /// Reads a kind as a provider writes it; what is no word is a message that cannot be passed on as what it is.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Word::read(text).map_or(Self::Unsupported, Self::of_word)
    }
}

/// The text is no word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message type is a word of lower-case letters, digits and underscores")]
pub struct NotAType;

impl FromStr for MessageType {
    type Err = NotAType;

    /// Strict, unlike [`MessageType::read`]: a tenant writes it as it stands on the wire.
    fn from_str(text: &str) -> Result<Self, NotAType> {
        match Word::read(text) {
            Some(word) if word.as_str() == text => Ok(Self::of_word(word)),
            _ => Err(NotAType),
        }
    }
}

impl TryFrom<String> for MessageType {
    type Error = NotAType;

    fn try_from(text: String) -> Result<Self, NotAType> {
        text.parse()
    }
}

impl From<MessageType> for String {
    fn from(message_type: MessageType) -> String {
        message_type.as_str().to_owned()
    }
}

impl PartialSchema for MessageType {
    fn schema() -> RefOr<Schema> {
        text_like("^[a-z0-9_]+$".to_owned()).min_length(Some(1)).max_length(Some(LONGEST_WORD)).into()
    }
}

impl ToSchema for MessageType {}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_kind_is_read_back_from_its_name() {
        for kind in MessageType::KNOWN {
            assert_eq!(kind.as_str().parse(), Ok(kind.clone()));
            assert_eq!(MessageType::read(kind.as_str()), *kind);
        }
    }

    #[test]
    fn a_kind_not_known_yet_keeps_its_providers_word() {
        for (theirs, ours) in [
            ("request_welcome", "request_welcome"),
            ("scheduledCallCreation", "scheduled_call_creation"),
            ("CALL-LOG", "call_log"),
        ] {
            assert_eq!(MessageType::read(theirs).as_str(), ours);
        }
        for odd in ["", "_", "a b", "тип", "a\"b", &"a".repeat(65)] {
            assert_eq!(MessageType::read(odd), MessageType::Unsupported, "{odd}");
        }
    }

    #[test]
    fn a_tenant_writes_a_kind_as_it_stands_on_the_wire() {
        assert!("Text".parse::<MessageType>().is_err());
        assert_eq!("poll_vote".parse(), Ok(MessageType::PollVote));
    }

    proptest! {
        #[test]
        fn whatever_was_read_is_a_type_on_the_wire(text in "\\PC{0,80}") {
            let read = MessageType::read(&text);
            prop_assert_eq!(read.as_str().parse::<MessageType>().unwrap(), read);
        }
    }
}

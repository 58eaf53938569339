//! The one form in which a tenant hears of messages and statuses, whichever way they came.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::model::ids::ConnectionId;
use crate::model::whatsapp::{Direction, Line, MessageType, WhatsappNumber};

/// An event, read: the normal form, and what makes it the same event again.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Read {
    /// The dedupe key within its connection.
    pub(super) key: Vec<String>,
    /// When it happened.
    pub(super) at: Timestamp,
    /// What is told.
    pub(super) normal: Normal,
}

/// A message or a status.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Normal {
    Message(Box<Message>),
    Status(Box<Status>),
}

/// Who is at the other end; in a group, who wrote or who received.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Contact {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) username: Option<String>,
    /// What WhatsApp knows them by where it hides the number: business-scoped at Meta's, a `…@lid` at a gateway's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_id: Option<String>,
}

impl Contact {
    fn said(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}

/// With whom, and which way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Talk {
    pub(super) message_id: String,
    pub(super) direction: Direction,
    /// The group it stands in.
    pub(super) group: Option<String>,
    /// The number at the other end, where it is not hidden.
    pub(super) number: Option<WhatsappNumber>,
    pub(super) contact: Contact,
    pub(super) at: Timestamp,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Content {
    #[serde(rename = "type")]
    pub(super) message_type: MessageType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) media: Option<Media>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<Location>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) choice: Option<Choice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<Context>,
}

impl Content {
    pub(super) const fn of(message_type: MessageType) -> Self {
        Self { message_type, text: None, media: None, location: None, choice: None, context: None }
    }
}

/// A file, and where to get it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Media {
    /// What Meta gives it out by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    /// Where it lies at the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mime_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) filename: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<u64>,
    /// Whether it was spoken into the telephone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) voice: bool,
}

/// A place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Location {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<String>,
}

impl Location {
    /// A place on Earth, or none.
    pub(super) fn at(latitude: Option<&Value>, longitude: Option<&Value>) -> Option<Self> {
        let within = |value: Option<&Value>, most: f64| {
            let degrees = match value? {
                Value::String(text) if text.len() <= 32 => text.parse().ok()?,
                other => other.as_f64()?,
            };
            (-most..=most).contains(&degrees).then_some(degrees)
        };
        Some(Self {
            latitude: within(latitude, 90.0)?,
            longitude: within(longitude, 180.0)?,
            name: None,
            address: None,
        })
    }
}

/// What was chosen among things that were offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Choice {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
}

/// What a message refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Context {
    /// The message it answers, reacts to, changes or takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_id: Option<String>,
    /// Who wrote that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    /// Whether it was passed on from elsewhere.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) forwarded: bool,
}

impl Context {
    pub(super) fn said(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }

    pub(super) fn of_message(id: Option<&str>) -> Option<Self> {
        Self { message_id: id.map(str::to_owned), ..Self::default() }.said()
    }
}

/// What both forms begin with.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Head {
    connection_id: ConnectionId,
    message_id: String,
    from: Option<String>,
    to: Option<String>,
    chat: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    direction: Direction,
    timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<Contact>,
}

impl Head {
    /// Nothing where it is not known what to answer to.
    fn of(line: &Line, talk: Talk) -> Option<Self> {
        let ours = Some(line.number.digits().to_owned());
        let theirs = talk.number.map(String::from);
        let chat = talk.group.as_ref().or(theirs.as_ref()).or(talk.contact.user_id.as_ref())?.clone();
        let (from, to) = match talk.direction {
            Direction::In => (theirs, ours),
            Direction::Out => (ours, theirs),
        };
        Some(Self {
            connection_id: line.connection.clone(),
            message_id: talk.message_id,
            from,
            to,
            chat,
            group: talk.group,
            direction: talk.direction,
            timestamp: talk.at,
            contact: talk.contact.said(),
        })
    }
}

/// `whatsapp.message`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Message {
    #[serde(flatten)]
    head: Head,
    #[serde(flatten)]
    content: Content,
    raw: Value,
}

impl Normal {
    /// A message; nothing where it is not known with whom.
    pub(super) fn message(line: &Line, talk: Talk, content: Content, raw: Value) -> Option<Self> {
        Some(Self::Message(Box::new(Message { head: Head::of(line, talk)?, content, raw })))
    }

    /// A status of a message of ours; nothing where it is not known to whom that went.
    pub(super) fn status(line: &Line, talk: Talk, status: String, errors: Vec<Trouble>, raw: Value) -> Option<Self> {
        Some(Self::Status(Box::new(Status { head: Head::of(line, talk)?, status, errors, raw })))
    }
}

/// `whatsapp.status`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Status {
    #[serde(flatten)]
    head: Head,
    /// `sent`, `delivered`, `read`, `played` or `failed`; or what else a provider says.
    status: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Trouble>,
    raw: Value,
}

/// Why a message failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Trouble {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
}

//! What became of the events of a request.

use std::collections::BTreeMap;

use crate::model::field_error::FieldError;
use crate::providers::Incoming;
use crate::providers::batch::BodyError;

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($variant:ident $word:literal $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = $text] $variant,)+
        }

        impl $name {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// A stable word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The same for a reader. It says nothing of what was sent.
            #[must_use]
            pub const fn detail(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

reasons! {
    /// Why an event is not taken.
    RefusalCode {
        InvalidJson "invalid_json" "It cannot be read as a value: nested too deep, or with a text or number that is none.",
        NotAnObject "not_an_object" "It is not an object.",
        EventTooLarge "event_too_large" "It has more than 256 KB, as it came or as it would be told, or too many parts.",
        MissingId "missing_id" "It has no identifier, or none that can be one.",
        MissingChat "missing_chat" "It does not say with whom.",
        MissingStatus "missing_status" "It is a status and does not say which.",
        InvalidTimestamp "invalid_timestamp" "It has no time, or none that can be read.",
        Stale "stale" "It is older than 30 days.",
        FromTheFuture "from_the_future" "It is more than a day ahead of our clock.",
        NumberMissing "number_missing" "It does not say for which of the numbers it is.",
        NumberForeign "number_foreign" "It is for a number that is not the connection's.",
    }
}

reasons! {
    /// Why an event that is in order is passed over.
    Ignored {
        OtherObject "other_object" "It is about another product of Meta's.",
        OtherField "other_field" "It is a change of something other than messages.",
        ProviderError "provider_error" "It tells of trouble at the provider, and of no message.",
        OtherEvent "other_event" "It is neither a message nor a status.",
        History "history" "It is a message of the past that a gateway caught up with.",
        NoContent "no_content" "It is a message between devices, without anything to read, or one that could not be decrypted yet.",
        Broadcast "broadcast" "It is a story, or stands in a broadcast list.",
        Newsletter "newsletter" "It stands in a channel.",
        NotOurs "not_ours" "It is a status of somebody else's message.",
        Pending "pending" "It says that a message has not left yet.",
    }
}

/// An event that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Its place among the events of the request.
    pub index: usize,
    /// Why.
    pub code: RefusalCode,
}

/// What became of the events of a request.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Those that are taken, in order.
    pub taken: Vec<Incoming>,
    /// Those that are not.
    pub refused: Vec<Refusal>,
    /// How many were passed over, and why.
    pub ignored: BTreeMap<Ignored, usize>,
}

/// A request in which no event could be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestError {
    /// As any provider's.
    Body(BodyError),
    /// JSON, but of another shape.
    Shape(FieldError),
}

impl From<BodyError> for RequestError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl RequestError {
    pub(super) fn shape(path: &str, expected: &str) -> Self {
        Self::Shape(FieldError::new(path, "invalid_type", format!("this must be {expected}")))
    }
}

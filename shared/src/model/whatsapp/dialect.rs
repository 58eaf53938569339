//! What a gateway speaks.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a gateway speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Baileys' own events, as a program of the client's posts them.
    #[default]
    Baileys,
    /// Evolution API.
    Evolution,
    /// WPPConnect server.
    Wppconnect,
    /// wuzapi, on whatsmeow.
    Wuzapi,
    /// go-whatsapp-web-multidevice, on whatsmeow.
    Gowa,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 5] = [Self::Baileys, Self::Evolution, Self::Wppconnect, Self::Wuzapi, Self::Gowa];

    /// The name used on the wire and on rows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Baileys => "baileys",
            Self::Evolution => "evolution",
            Self::Wppconnect => "wppconnect",
            Self::Wuzapi => "wuzapi",
            Self::Gowa => "gowa",
        }
    }
}

/// There is no dialect of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no dialect of that name")]
pub struct UnknownDialect;

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(text: &str) -> Result<Self, UnknownDialect> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == text).ok_or(UnknownDialect)
    }
}

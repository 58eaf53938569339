//! From the bytes of a request to its events, by the dialect its source speaks.

use super::{Dialect, baileys, evolution, gowa, wppconnect, wuzapi};
use crate::providers::whatsapp::incoming::Found;
use crate::providers::whatsapp::reading::RequestError;

pub(super) fn split(dialect: Dialect, body: &[u8]) -> Result<Vec<Found>, RequestError> {
    match dialect {
        Dialect::Baileys => baileys::split(body),
        Dialect::Evolution => evolution::split(body),
        Dialect::Wppconnect => wppconnect::split(body),
        Dialect::Wuzapi => wuzapi::split(body),
        Dialect::Gowa => gowa::split(body),
    }
}

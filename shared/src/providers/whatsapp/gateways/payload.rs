//! From the bytes of a request to its events, by the dialect its source speaks.

use super::{Dialect, baileys, evolution, gowa, wppconnect, wuzapi};
use crate::providers::whatsapp::incoming::Taking;
use crate::providers::whatsapp::reading::RequestError;

pub(super) fn split(dialect: Dialect, body: &[u8], taking: &mut Taking<'_>) -> Result<(), RequestError> {
    match dialect {
        Dialect::Baileys => baileys::split(body, taking),
        Dialect::Evolution => evolution::split(body, taking),
        Dialect::Wppconnect => wppconnect::split(body, taking),
        Dialect::Wuzapi => wuzapi::split(body, taking),
        Dialect::Gowa => gowa::split(body, taking),
    }
}
